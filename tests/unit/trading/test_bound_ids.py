"""Names that hold the content of the call they were made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.tools.intent_ids import LONGEST, read_intent_id
from binance_spot_mcp.trading.bound_ids import bound_id, refuse_changed

NONCE = "0123456789"
ASKED = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "50000"}
NAME = bound_id(NONCE, "place_order", ASKED)


def test_the_call_that_a_name_was_made_for_passes() -> None:
    refuse_changed(NAME, "place_order", dict(reversed(ASKED.items())))


def test_a_name_is_one_that_a_call_may_have() -> None:
    assert read_intent_id(NAME) == NAME
    assert len(NAME) <= LONGEST


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"quantity": "2"}, ["quantity/quoteOrderQty"]),
        ({"side": "SELL", "price": "50001"}, ["side", "price/stopPrice/trailingDelta"]),
        ({"icebergQty": "0.5"}, ["another parameter"]),
        ({"timeInForce": "IOC"}, ["type/timeInForce"]),
        ({"symbol": "BTCUSDC"}, ["symbol"]),
    ],
    ids=["size", "side and price", "one that was not there", "time in force", "symbol"],
)
def test_another_call_under_the_name_is_refused_and_told_what_differs(
    change: dict[str, str], differs: list[str]
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        refuse_changed(NAME, "place_order", ASKED | change)
    assert refusal.value.code == "INTENT_CONFLICT"
    assert refusal.value.details["differs"] == differs


def test_the_same_parameters_of_another_tool_are_another_call() -> None:
    with pytest.raises(InvalidInput, match="the tool differs"):
        refuse_changed(NAME, "place_sor_order", ASKED)


@pytest.mark.parametrize("name", [None, "mine", "check-1", NAME[:-1], NAME.upper(), f"{NAME}x"])
def test_a_name_of_any_other_form_is_the_agents_own_and_passes(name: str | None) -> None:
    refuse_changed(name, "place_order", ASKED | {"quantity": "2"})


@given(st.dictionaries(st.sampled_from([*ASKED, "icebergQty", "strategyId"]), st.text(max_size=9)))
def test_whatever_differs_is_refused(asked: dict[str, str]) -> None:
    if asked == ASKED:
        return
    with pytest.raises(InvalidInput):
        refuse_changed(NAME, "place_order", asked)
