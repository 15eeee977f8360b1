"""Orders on their way through the gate."""

import asyncio
import logging
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.domain.exchange import LOT_SIZE, limit, market
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot, Wire, open_order, order_report

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.market import PING, PingParams
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import (
    ExchangeError,
    FilterFailure,
    InvalidInput,
    OutcomeUnknown,
    Refused,
    Rejected,
    Unavailable,
)
from binance_spot_mcp.trading.aftermath import Passed
from binance_spot_mcp.trading.checks import KINDS
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.gathering import AVERAGE_AGE_MS

pytestmark = pytest.mark.anyio

OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "51000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "49000",
    "belowPrice": "48000",
    "belowTimeInForce": "GTC",
}
OPO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "49000",
    "workingQuantity": "1",
    "workingTimeInForce": "GTC",
    "pendingType": "LIMIT_MAKER",
    "pendingSide": "SELL",
    "pendingPrice": "52000",
}
CANCEL = {"symbol": "BTCUSDT", "orderId": 7}
UNKNOWN_ORDER = ExchangeError(-2011, "Unknown order sent.", 400)


WANTED = count(1)


async def pass_through(gate: Gate, tool: str, given: dict[str, Any]) -> Passed[Any]:
    """Make a call that is wanted, also where an equal one was made before."""
    endpoint = CATALOGUE[tool]
    return await gate.call(endpoint, endpoint.params.model_validate(given), f"wanted-{next(WANTED)}")


def names(spot: FakeSpot) -> list[str]:
    return [name for name, _ in spot.calls]


async def test_an_order_is_checked_tested_named_and_sent_once(gate: Gate, spot: FakeSpot) -> None:
    passed = await pass_through(gate, "place_order", limit())
    assert names(spot) == ["get_open_orders", "get_exchange_info", "get_my_filters", "test_order", "place_order"]
    (sent,) = spot.asked("place_order")
    assert sent["newClientOrderId"].startswith("tag123-")
    assert sent["newOrderRespType"] == "FULL"
    assert passed.answer.payload.client_order_id == sent["newClientOrderId"]
    assert passed.notes == ()


async def test_a_shape_is_tested_once_and_another_shape_again(gate: Gate, spot: FakeSpot) -> None:
    await pass_through(gate, "place_order", limit())
    await pass_through(gate, "place_order", limit("2", "40000"))
    assert len(spot.asked("test_order")) == 1
    await pass_through(gate, "place_order", limit(timeInForce="IOC"))
    await pass_through(gate, "place_order", limit(icebergQty="0.5"))
    assert len(spot.asked("test_order")) == 3
    assert len({sent["newClientOrderId"] for sent in spot.asked("place_order")}) == 4


async def test_a_test_that_the_caller_asked_for_counts(gate: Gate, spot: FakeSpot) -> None:
    await pass_through(gate, "test_order", limit(computeCommissionRates=True))
    await pass_through(gate, "place_order", limit())
    assert len(spot.asked("test_order")) == 1


async def test_nothing_is_placed_when_the_test_is_refused(gate: Gate, spot: FakeSpot) -> None:
    refusal = Rejected("Too much.", sent="no", exchange=ExchangeError(-1013, "Filter failure: MAX_FEELINGS", 400))
    spot.replies["test_order"] = lambda _: refusal
    for _ in range(2):
        with pytest.raises(Rejected) as refused:
            await pass_through(gate, "place_order", limit())
        assert refused.value.message == "Nothing was placed: the test failed. Too much."
        assert refused.value.sent == "no"
    assert len(spot.asked("test_order")) == 2
    assert spot.asked("place_order") == []


async def test_a_symbol_with_an_unknown_filter_is_tested_every_time(make_gate: MakeGate) -> None:
    spot = FakeSpot(filters=[LOT_SIZE, {"filterType": "MAX_FEELINGS"}])
    gate = make_gate(exchange=spot)
    for _ in range(2):
        passed = await pass_through(gate, "place_order", limit())
        assert passed.notes == ("filter MAX_FEELINGS is not known here; the exchange's test passed.",)
    assert len(spot.asked("test_order")) == 2


async def test_rules_that_the_exchange_contradicts_are_fetched_anew(gate: Gate, spot: FakeSpot) -> None:
    said = ExchangeError(-1013, "Filter failure: LOT_SIZE", 400)
    spot.replies["place_order"] = lambda _: Rejected("No.", code="FILTER_VIOLATION", exchange=said)
    for _ in range(2):
        with pytest.raises(Rejected):
            await pass_through(gate, "place_order", limit())
    assert len(spot.asked("get_exchange_info")) == 2


async def test_an_order_that_breaks_a_filter_is_refused_before_anything_is_sent(gate: Gate, spot: FakeSpot) -> None:
    with pytest.raises(FilterFailure) as refusal:
        await pass_through(gate, "place_order", limit("0.0123456"))
    assert refusal.value.fix == {"quantity": "0.01234"}
    assert names(spot) == ["get_open_orders", "get_exchange_info", "get_my_filters"]


async def test_prices_are_looked_up_only_when_a_filter_asks_for_them(gate: Gate, spot: FakeSpot) -> None:
    await pass_through(gate, "place_order", limit())
    assert not {"get_reference_price", "get_average_price", "get_price"} & {*names(spot)}
    with pytest.raises(FilterFailure) as refusal:
        await pass_through(gate, "place_order", market(quantity="0.00009"))
    assert refusal.value.details["filter"] == "NOTIONAL"
    assert {"get_reference_price", "get_average_price"} <= {*names(spot)}


async def test_a_symbol_without_a_reference_price_is_asked_for_it_once(gate: Gate, spot: FakeSpot) -> None:
    for _ in range(2):
        await pass_through(gate, "place_order", market(quantity="1"))
        spot.now_ms += AVERAGE_AGE_MS + 1
    assert (len(spot.asked("get_reference_price")), len(spot.asked("get_average_price"))) == (1, 2)


async def test_an_average_price_serves_for_a_second(gate: Gate, spot: FakeSpot) -> None:
    for _ in range(2):
        await pass_through(gate, "place_order", market(quantity="1"))
        spot.now_ms += AVERAGE_AGE_MS
    assert len(spot.asked("get_average_price")) == 1


async def test_a_reference_price_that_is_unset_just_now_is_asked_for_again(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["get_reference_price"] = lambda _: {"symbol": "BTCUSDT", "referencePrice": None, "timestamp": 1}
    for _ in range(2):
        await pass_through(gate, "place_order", market(quantity="1"))
    assert len(spot.asked("get_reference_price")) == 2


async def test_a_stop_that_would_trigger_at_once_is_refused_at_the_last_price(gate: Gate) -> None:
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "50000"}
    with pytest.raises(FilterFailure, match="must be below BTCUSDT's last price 50000"):
        await pass_through(gate, "place_order", stop)


async def test_an_order_passes_without_a_price_that_cannot_be_had(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["get_reference_price"] = lambda _: Unavailable("Busy.")
    await pass_through(gate, "place_order", market(quantity="1"))
    assert len(spot.asked("place_order")) == 1


@pytest.mark.parametrize("tool", [*KINDS])
async def test_every_endpoint_that_places_or_tests_orders_can_be_read_as_orders(tool: str) -> None:
    assert CATALOGUE[tool].effect in {"place", "test"}
    assert {*KINDS} == {name for name, endpoint in CATALOGUE.items() if endpoint.effect in {"place", "test"}}


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("place_order", limit()),
        ("cancel_replace_order", limit(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=7)),
        ("place_sor_order", limit()),
        ("place_oco", OCO),
        ("place_opo", OPO),
        ("amend_order", {"symbol": "BTCUSDT", "orderId": 7, "newQty": "0.5"}),
    ],
)
async def test_live_places_and_amends_nothing(
    make_gate: MakeGate, spot: FakeSpot, tool: str, given: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refusal:
        await pass_through(make_gate("live"), tool, given)
    assert refusal.value.code == "LIVE_DISABLED"
    assert spot.calls == []


async def test_live_cancels(make_gate: MakeGate, spot: FakeSpot) -> None:
    await pass_through(make_gate("live"), "cancel_order", CANCEL)
    assert names(spot) == ["get_open_orders", "cancel_order"]


async def test_a_symbol_that_is_not_trading_takes_no_orders_but_cancels(make_gate: MakeGate) -> None:
    spot = FakeSpot(status="HALT")
    gate = make_gate(exchange=spot)
    with pytest.raises(Refused) as refusal:
        await pass_through(gate, "place_order", limit())
    assert (refusal.value.code, refusal.value.retry) == ("SYMBOL_NOT_TRADING", "at")
    assert refusal.value.retry_at_ms is not None
    await pass_through(gate, "cancel_order", CANCEL)
    assert spot.asked("place_order") == []


async def test_an_unknown_symbol_is_refused_with_names_that_come_near(gate: Gate, spot: FakeSpot) -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput) as refusal:
            await pass_through(gate, "place_order", limit(symbol="BTCUSD"))
        assert refusal.value.code == "UNKNOWN_SYMBOL"
        assert refusal.value.details["near"] == ["BTCUSDT", "BTCUSDC"]
        assert refusal.value.fix == {}
    assert len(spot.asked("get_price")) == 1
    assert (await gate.unknown_symbol("ETHUSD")).details["near"][0] == "ETHUSDT"


async def test_each_leg_of_a_list_is_tested_as_an_order_and_the_answer_says_what_was_not(
    gate: Gate, spot: FakeSpot
) -> None:
    passed = await pass_through(gate, "place_oco", OCO)
    assert [sent["type"] for sent in spot.asked("test_order")] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    assert any("the list as a whole cannot be tested" in note for note in passed.notes)
    (sent,) = spot.asked("place_oco")
    ours = [sent[name] for name in ("aboveClientOrderId", "belowClientOrderId", "listClientOrderId")]
    assert len({*ours}) == 3
    assert all(name.startswith("tag123-") for name in ours)
    again = await pass_through(gate, "place_oco", OCO)
    assert again.notes == ()


async def test_a_leg_without_a_quantity_cannot_be_tested_and_that_is_said(gate: Gate, spot: FakeSpot) -> None:
    passed = await pass_through(gate, "place_opo", OPO)
    assert [sent["type"] for sent in spot.asked("test_order")] == ["LIMIT"]
    assert any("has no quantity yet" in note for note in passed.notes)


async def test_a_rejection_and_an_unknown_outcome_name_the_order(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["place_order"] = lambda _: Rejected("No.", exchange=ExchangeError(-2010, "Insufficient balance.", 400))
    with pytest.raises(Rejected) as refused:
        await pass_through(gate, "place_order", limit())
    assert refused.value.client_order_id == spot.asked("place_order")[0]["newClientOrderId"]
    assert (refused.value.sent, refused.value.message) == ("yes", "No.")

    spot.replies["place_order"] = lambda _: OutcomeUnknown("No answer.")
    with pytest.raises(OutcomeUnknown) as unknown:
        await pass_through(gate, "place_order", limit())
    name = spot.asked("place_order")[1]["newClientOrderId"]
    assert unknown.value.client_order_id == name
    assert unknown.value.message == (
        f"No answer. get_order_state tells what became of {name}, as soon as that is known; do not place it again."
    )
    assert (unknown.value.sent, unknown.value.retry) == ("unknown", "after_reconcile")
    assert unknown.value.next == "get_order_state"
    assert unknown.value.details == {"symbol": "BTCUSDT"}
    assert len(spot.asked("place_order")) == 2


async def test_an_unknown_list_is_looked_for_by_the_name_of_the_list(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["place_oco"] = lambda _: OutcomeUnknown("No answer.")
    with pytest.raises(OutcomeUnknown) as unknown:
        await pass_through(gate, "place_oco", OCO)
    sent = spot.asked("place_oco")[0]
    assert unknown.value.next == "get_order_state"
    assert unknown.value.client_order_id == sent["listClientOrderId"]
    assert sent["listClientOrderId"] in unknown.value.message
    assert unknown.value.details["client_order_ids"] == {
        name: sent[name] for name in ("aboveClientOrderId", "belowClientOrderId", "listClientOrderId")
    }


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("cancel_order", CANCEL),
        ("cancel_all_orders", {"symbol": "BTCUSDT"}),
        ("cancel_order_list", {"symbol": "BTCUSDT", "orderListId": 3}),
        ("amend_order", {**CANCEL, "newQty": "0.5"}),
    ],
)
async def test_what_places_nothing_is_not_looked_for_by_a_new_name(
    gate: Gate, spot: FakeSpot, tool: str, given: dict[str, str]
) -> None:
    spot.replies[tool] = lambda _: OutcomeUnknown("No answer.")
    with pytest.raises(OutcomeUnknown) as unknown:
        await pass_through(gate, tool, given)
    assert unknown.value.next == "get_order_state"
    assert unknown.value.intent_id
    assert "place" not in unknown.value.message
    assert unknown.value.client_order_id == ("zz" if tool == "amend_order" else None)


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("place_order", limit(), "Later. Nothing was placed."),
        ("cancel_order", CANCEL, "Later. Nothing was cancelled."),
        ("amend_order", {**CANCEL, "newQty": "0.5"}, "Later. Nothing was changed."),
    ],
)
async def test_who_is_asked_to_come_back_hears_that_nothing_happened(
    gate: Gate, spot: FakeSpot, tool: str, given: dict[str, str], said: str
) -> None:
    spot.replies[tool] = lambda _: Rejected("Later.", code="RATE_LIMITED", retry="at")
    with pytest.raises(Rejected) as refused:
        await pass_through(gate, tool, given)
    assert refused.value.message == said


@pytest.mark.parametrize(
    "change", [{"clientOrderId": "somebody-else"}, {"symbol": "ETHUSDT"}], ids=["another name", "another symbol"]
)
async def test_an_answer_about_another_order_is_no_answer(gate: Gate, spot: FakeSpot, change: dict[str, str]) -> None:
    spot.replies["place_order"] = lambda wire: order_report(wire) | change
    with pytest.raises(OutcomeUnknown) as unknown:
        await pass_through(gate, "place_order", limit())
    assert unknown.value.sent == "unknown"


@pytest.mark.parametrize("given", [{"orderId": 8}, {"origClientOrderId": "zz"}, {"orderId": 7, "symbol": "ETHUSDT"}])
async def test_a_cancel_that_was_answered_for_another_order_is_not_done(
    gate: Gate, spot: FakeSpot, given: dict[str, Any]
) -> None:
    spot.replies["cancel_order"] = lambda wire: order_report(wire) | {"symbol": "BTCUSDT"}
    with pytest.raises(OutcomeUnknown):
        await pass_through(gate, "cancel_order", {"symbol": "BTCUSDT"} | given)


async def test_a_crash_while_an_order_is_out_does_not_lose_its_name(
    gate: Gate, spot: FakeSpot, caplog: pytest.LogCaptureFixture
) -> None:
    spot.replies["place_order"] = lambda wire: wire["nothing of that name"]
    with pytest.raises(OutcomeUnknown) as unknown:
        await pass_through(gate, "place_order", limit())
    assert unknown.value.client_order_id == spot.asked("place_order")[0]["newClientOrderId"]
    assert "KeyError" in caplog.text


async def test_a_caller_who_leaves_does_not_break_an_order_in_flight(
    gate: Gate, spot: FakeSpot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "binance_spot_mcp.trading")
    answered: list[Wire] = []
    hold = spot.hold("place_order")

    def place(wire: Wire) -> object:
        answered.append(wire)
        return order_report(wire)

    spot.replies["place_order"] = place
    caller = asyncio.create_task(pass_through(gate, "place_order", limit()))
    await hold.arrived.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert answered == []
    hold.released.set()
    await gate.settled()
    assert len(answered) == 1
    assert answered[0]["newClientOrderId"] in caplog.text
    assert "answered while nobody waited" in caplog.text


async def test_what_becomes_of_an_order_that_nobody_waits_for_is_logged(
    gate: Gate, spot: FakeSpot, caplog: pytest.LogCaptureFixture
) -> None:
    hold = spot.hold("cancel_order")
    spot.replies["cancel_order"] = lambda _: OutcomeUnknown("Cut off.")
    caller = asyncio.create_task(pass_through(gate, "cancel_order", CANCEL))
    await hold.arrived.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    hold.released.set()
    await gate.settled()
    assert "failed while nobody waited" in caplog.text
    assert "Cut off." in caplog.text


@pytest.mark.parametrize(
    ("status", "said", "retry"),
    [
        ("FILLED", "Too late to cancel: the order is FILLED, 1 of 1 executed.", "never"),
        ("NEW", "It was not cancelled: the order is NEW.", "after_reconcile"),
    ],
)
async def test_a_refused_cancel_says_what_the_order_has_come_to(
    gate: Gate, spot: FakeSpot, status: str, said: str, retry: str
) -> None:
    spot.replies["cancel_order"] = lambda _: Rejected(
        "No such order.", code="NOT_FOUND", retry="after_reconcile", exchange=UNKNOWN_ORDER
    )
    spot.replies["get_order"] = lambda _: open_order(status=status, executedQty="1")
    with pytest.raises(Rejected) as refused:
        await pass_through(gate, "cancel_order", CANCEL)
    assert refused.value.message == said
    assert (refused.value.code, refused.value.retry) == ("EXCHANGE_REJECTED", retry)
    assert refused.value.details["order"]["status"] == status


async def test_a_cancel_that_a_restriction_forbids_says_so_and_shows_the_state(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["cancel_order"] = lambda _: Rejected("Not in that state.", exchange=UNKNOWN_ORDER)
    with pytest.raises(Rejected) as refused:
        await pass_through(gate, "cancel_order", CANCEL)
    assert refused.value.message == "It was not cancelled: the order is NEW. Not in that state."


async def test_a_cancel_of_what_nobody_knows_asks_for_another_id(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["cancel_order"] = lambda _: Rejected("Refused.", code="NOT_FOUND", exchange=UNKNOWN_ORDER)
    spot.replies["get_order"] = lambda _: Rejected("None.", code="NOT_FOUND", sent="no")
    with pytest.raises(Rejected, match="No order is found under this id on BTCUSDT") as refused:
        await pass_through(gate, "cancel_order", CANCEL)
    assert (refused.value.code, refused.value.retry) == ("NOT_FOUND", "after_fix")
    assert refused.value.next == "get_open_orders"


async def test_a_refused_cancel_that_cannot_be_looked_up_tells_to_look(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["cancel_order"] = lambda _: Rejected("Refused.", exchange=UNKNOWN_ORDER)
    spot.replies["get_order"] = lambda _: Unavailable("Busy.")
    with pytest.raises(Rejected, match="may have filled") as refused:
        await pass_through(gate, "cancel_order", CANCEL)
    assert (refused.value.retry, refused.value.next) == ("after_reconcile", "get_order")


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("cancel_all_orders", {"symbol": "BTCUSDT"}, "Nothing is open on BTCUSDT"),
        ("cancel_order_list", {"symbol": "BTCUSDT", "orderListId": 3}, "The list was not cancelled"),
    ],
)
async def test_a_refused_cancel_of_more_than_one_order_is_explained(
    gate: Gate, spot: FakeSpot, tool: str, given: dict[str, Any], said: str
) -> None:
    spot.replies[tool] = lambda _: Rejected("Refused.", exchange=UNKNOWN_ORDER)
    with pytest.raises(Rejected, match=said):
        await pass_through(gate, tool, given)


async def test_an_amended_order_keeps_its_name(gate: Gate, spot: FakeSpot) -> None:
    await pass_through(gate, "amend_order", {"symbol": "BTCUSDT", "orderId": 7, "newQty": "0.5"})
    (sent,) = spot.asked("amend_order")
    assert (sent["newClientOrderId"], sent["newQty"]) == ("zz", "0.5")


async def test_an_order_cannot_grow_nor_be_amended_too_often(make_gate: MakeGate) -> None:
    spot = FakeSpot(filters=[LOT_SIZE, {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 1}])
    amendment = {"executionId": 1, "origQty": "2", "newQty": "1", "time": 1}
    amendment |= {"origClientOrderId": "zz", "newClientOrderId": "zz"}
    spot.replies["get_order_amendments"] = lambda _: [amendment]
    with pytest.raises(FilterFailure) as refusal:
        await pass_through(make_gate(exchange=spot), "amend_order", {"symbol": "BTCUSDT", "orderId": 7, "newQty": "3"})
    assert "MAX_NUM_ORDER_AMENDS" in refusal.value.message
    assert "can only lower the quantity" in refusal.value.message
    assert spot.asked("amend_order") == []


async def test_a_read_has_no_business_at_the_gate(gate: Gate) -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        await gate.call(PING, PingParams())


async def test_a_check_can_look_at_the_account_too(make_gate: MakeGate) -> None:
    spot = FakeSpot(
        filters=[
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 2},
            {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 1},
            {"filterType": "MAX_POSITION", "maxPosition": "10"},
            {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 1},
        ]
    )
    spot.replies["get_open_orders"] = lambda _: [
        open_order(icebergQty="0.1", origQty="3", executedQty="1"),
        open_order(symbol="ETHUSDT", type="STOP_LOSS", side="SELL"),
    ]
    spot.replies["get_account"] = lambda _: {
        "accountType": "SPOT",
        "canTrade": True,
        "commissionRates": {"maker": "0", "taker": "0", "buyer": "0", "seller": "0"},
        "balances": [{"asset": "BTC", "free": "4", "locked": "1"}, {"asset": "USDT", "free": "200000", "locked": "0"}],
        "updateTime": 1,
    }
    gate = make_gate(exchange=spot)
    fits = Request.read("order", limit("3"))
    assert (await gate.check(fits)).check.missing == {"open_orders", "balances"}
    informed = await gate.check(fits, account=True)
    assert informed.check.passed
    assert informed.check.unchecked == ()
    assert (informed.account.base_held, informed.account.buying) == (Decimal(5), Decimal(2))
    iceberg = await gate.check(Request.read("order", limit("3.00000001", icebergQty="1")), account=True)
    assert {each.rule for each in iceberg.check.violations} == {"MAX_POSITION", "MAX_NUM_ICEBERG_ORDERS"}
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "40000"}
    everywhere = await gate.check(Request.read("order", stop), account=True)
    assert [each.rule for each in everywhere.check.violations] == ["EXCHANGE_MAX_NUM_ALGO_ORDERS"]


async def test_what_a_check_was_made_against_can_be_kept(gate: Gate, tmp_path: Path) -> None:
    checked = await gate.check(Request.read("order", market(quantity="0.00009")))
    path = await gate.keep(checked)
    assert path == tmp_path / "snapshots" / "5000-BTCUSDT.json"
    facts = msgspec.json.decode(path.read_bytes())
    assert facts["market"]["average_price"] == "50000"
    assert facts["violations"][0]["filter"] == "NOTIONAL"
    assert {each["filterType"] for each in facts["filters"]} == {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"}
