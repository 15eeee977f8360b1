"""What one more piece of evidence makes of an order."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from binance_spot_mcp.trading.states import OwnOrder, Sighting, merge

SEEN = Sighting(
    source="query", symbol="BTCUSDT", client_order_id="tag-1", order_id=7, state="PARTIALLY_FILLED",
    executed=Decimal(2), quantity=Decimal(5), at_ms=1_000,
)  # fmt: skip
SENT = OwnOrder(intent_id="i", client_order_id="tag-1", symbol="BTCUSDT", side="BUY", state="SENDING")
KNOWN = replace(SENT, state="PARTIALLY_FILLED", seen=SEEN)


def saw(**changes: Any) -> Sighting:
    return replace(SEEN, **changes)


@pytest.mark.parametrize("state", ["INTENDED", "SENDING", "UNKNOWN", "NEEDS_HUMAN", "NOT_PLACED"])
def test_whatever_is_seen_is_adopted_where_nothing_was_seen_before(state: str) -> None:
    order = replace(SENT, state=state)
    after = merge(order, SEEN)
    assert (after.state, after.seen) == ("PARTIALLY_FILLED", SEEN)


@pytest.mark.parametrize("state", ["FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED", "NOT_SENT"])
def test_a_final_state_stays(state: str) -> None:
    order = replace(KNOWN, state=state)
    assert merge(order, saw(state="NEW", executed=Decimal(9), at_ms=9_000)) is order


@pytest.mark.parametrize(
    ("sighting", "wins"),
    [
        (saw(executed=Decimal(1), state="CANCELED", at_ms=9_000), False),
        (saw(executed=Decimal(3), at_ms=1), True),
        (saw(state="CANCELED", at_ms=1), True),
        (saw(state="NEW", at_ms=1_001), True),
        (saw(state="NEW", at_ms=999), False),
        (saw(source="stream"), True),
        (saw(source="reply"), True),
        (saw(source="open_orders"), False),
        (saw(source="all_orders"), False),
        (saw(), False),
    ],
    ids=[
        "a lower quantity", "a higher quantity", "an end", "a later live state", "an earlier live state",
        "the stream", "the reply", "open orders", "all orders", "the same again",
    ],
)  # fmt: skip
def test_of_two_sightings_quantity_then_end_then_time_then_source_decides(sighting: Sighting, wins: bool) -> None:
    after = merge(KNOWN, sighting)
    assert (after is not KNOWN) is wins
    assert after.seen == (sighting if wins else SEEN)


def test_a_status_that_nobody_knows_yet_counts_as_live() -> None:
    order = merge(SENT, saw(state="PENDING_SOMETHING"))
    assert (order.state, order.live) == ("PENDING_SOMETHING", True)
    assert merge(order, saw(state="FILLED", executed=Decimal(5))).state == "FILLED"
