"""Laws of an order's life: what was executed stays, nothing ends twice, and true evidence may come in any order."""

from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from binance_spot_mcp.trading.states import ENDED, FINAL, OwnOrder, Sighting, Source, merge

ORDER = OwnOrder(intent_id="i", client_order_id="c", symbol="S", side="BUY", state="SENDING")
SOURCES: tuple[Source, ...] = get_args(Source)
ANY = st.builds(
    Sighting,
    source=st.sampled_from(SOURCES),
    symbol=st.just("S"),
    client_order_id=st.just("c"),
    order_id=st.just(1),
    state=st.sampled_from(["NEW", "PENDING_NEW", "PARTIALLY_FILLED", *sorted(ENDED)]),
    executed=st.integers(0, 5).map(Decimal),
    at_ms=st.integers(0, 10),
)
STARTS = st.sampled_from(["INTENDED", "SENDING", "UNKNOWN", "NEEDS_HUMAN", "NOT_PLACED"]).map(
    lambda state: replace(ORDER, state=state)
)


@st.composite
def histories(draw: st.DrawFn) -> list[Sighting]:
    """What truly happened to one order, as it could be seen: quantities rise with time, and an end is the last."""
    fills = draw(st.lists(st.integers(0, 2), max_size=4))
    whole, executed, seen = sum(fills) + draw(st.integers(0, 2)), 0, []
    for at, fill in enumerate([0, *fills]):
        executed += fill
        state = "NEW" if not executed else "PARTIALLY_FILLED" if executed < whole else "FILLED"
        seen.append((at, state, executed))
        if state == "FILLED":
            break
    if seen[-1][1] != "FILLED" and draw(st.booleans()):
        seen.append((len(seen), draw(st.sampled_from(["CANCELED", "EXPIRED"])), executed))
    return [
        Sighting(
            source=draw(st.sampled_from(SOURCES)),
            symbol="S",
            client_order_id="c",
            order_id=1,
            state=state,
            executed=Decimal(amount),
            at_ms=at,
        )
        for at, state, amount in seen
    ]


@given(STARTS, st.lists(ANY, max_size=12))
def test_executed_quantity_never_falls_and_an_end_is_final(order: OwnOrder, evidence: list[Sighting]) -> None:
    for sighting in evidence:
        after = merge(order, sighting)
        assert after.executed >= order.executed
        if order.state in FINAL - {"NOT_PLACED"}:
            assert after == order
        order = after


@given(STARTS, st.lists(ANY, max_size=6))
def test_the_same_evidence_again_changes_nothing(order: OwnOrder, evidence: list[Sighting]) -> None:
    once = reduce(merge, evidence, order)
    if evidence:
        assert merge(once, once.seen or evidence[-1]) == once


@given(histories(), st.data())
def test_true_evidence_leads_to_the_same_state_in_any_order_however_often(
    history: list[Sighting], data: st.DataObject
) -> None:
    repeated = [*history, *data.draw(st.lists(st.sampled_from(history), max_size=4))]
    mixed = data.draw(st.permutations(repeated))
    expected = reduce(merge, history, ORDER)
    assert reduce(merge, mixed, ORDER) == expected
    assert (expected.state, expected.executed) == (history[-1].state, history[-1].executed)
