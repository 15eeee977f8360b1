"""The life of an order, as a pure function: what is known of it, and what one more piece of evidence makes of that.

    INTENDED -> SENDING -> NEW | PENDING_NEW | PARTIALLY_FILLED -> FILLED | CANCELED | EXPIRED | EXPIRED_IN_MATCH
                        -> REJECTED      the exchange said no
             -> NOT_SENT                 no byte of it left
                        -> UNKNOWN       no verdict came back; then what is found, or
                           -> NOT_PLACED     proved absent
                           -> NEEDS_HUMAN    neither found nor proved absent for too long

An exchange for practice may start over, and whatever it had confirmed is then gone: VENUE_RESET.

A status that Binance adds one day counts as a live one until the exchange says more.

Source: enums.md#order-status-status
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

BEFORE: Final = frozenset({"INTENDED", "SENDING"})
"""Nothing has been heard yet."""
UNSURE: Final = frozenset({"UNKNOWN", "NEEDS_HUMAN"})
"""It may exist."""
ENDED: Final = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})
"""It existed, and nothing more can happen to it."""
NEVER: Final = frozenset({"NOT_SENT", "REJECTED", "NOT_PLACED"})
"""It never came to be."""
GONE: Final = "VENUE_RESET"
"""It existed at an exchange that has started over since."""
FINAL: Final = ENDED | NEVER | {GONE}

Source = Literal["stream", "reply", "query", "open_orders", "all_orders"]
_TRUST: Final[tuple[Source, ...]] = ("all_orders", "open_orders", "query", "reply", "stream")
"""Of two that say the same amount at the same time, the later one in this row is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What the exchange said of an order once.

    Attributes:
        source: Where it was said.
        symbol: The symbol.
        client_order_id: The name under which the order is known now.
        order_id: The exchange's number for it.
        state: Its status.
        executed: How much of it has traded, in base units.
        quote: What that came to in quote units; None where that is not said.
        quantity: How much it is in all, in base units; None where that is not said.
        at_ms: The exchange's time of it.
    """

    source: Source
    symbol: str
    client_order_id: str
    order_id: int
    state: str
    executed: Decimal = Decimal(0)
    quote: Decimal | None = None
    quantity: Decimal | None = None
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """An order of ours, as far as it is known.

    Attributes:
        intent_id: The call that placed it.
        client_order_id: The name that we gave it.
        symbol: The symbol.
        side: BUY or SELL.
        state: The state it is in.
        sent_ms: The timestamp under which it was last sent; 0 before that.
        seen: The evidence for its state, once there is any.
    """

    intent_id: str
    client_order_id: str
    symbol: str
    side: str
    state: str
    sent_ms: int = 0
    seen: Sighting | None = None

    @property
    def executed(self) -> Decimal:
        """How much of it has traded."""
        return self.seen.executed if self.seen else Decimal(0)

    @property
    def live(self) -> bool:
        """Whether it is known to exist and more can happen to it."""
        return self.seen is not None and self.state not in FINAL | UNSURE


def merge(order: OwnOrder, sighting: Sighting) -> OwnOrder:
    """What is known of an order after one more sighting of it; the same value where the sighting adds nothing.

    Executed quantity never falls, and a final state stays, but for NOT_PLACED, which a sighting disproves. Between two
    sightings the higher quantity wins, then an end over a live state, then the later one, then the better source.
    """
    if order.state in FINAL - {"NOT_PLACED"}:
        return order
    if order.seen is not None and _weight(sighting) <= _weight(order.seen):
        return order
    return replace(order, state=sighting.state, seen=sighting)


def _weight(sighting: Sighting) -> tuple[Decimal, bool, int, int]:
    return sighting.executed, sighting.state in ENDED, sighting.at_ms, _TRUST.index(sighting.source)
