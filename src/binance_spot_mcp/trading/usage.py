"""What of the operator's caps is used up, by what the journal says: so it is the same after a restart.

A call counts with all that it may trade from the moment it is written down. Once everything that it placed has ended,
it counts with what was traded; what never came to be counts for nothing.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from binance_spot_mcp.domain.exact import total
from binance_spot_mcp.domain.positions import DAY_MS, utc_day
from binance_spot_mcp.trading.register import Intent, Register
from binance_spot_mcp.trading.states import FINAL

MINUTE_MS: Final = 60_000
SETTLED_MS: Final = 300_000
"""Nothing more is heard of an order that has ended so long ago."""


class TradedToday:
    """Adds up what the calls of a UTC day have traded or still may trade; those that have ended are added once."""

    def __init__(self) -> None:
        self._of: tuple[Register | None, int] = (None, 0)
        self._seen: dict[str, int] = {}
        self._running: dict[str, None] = {}
        self._ended: dict[str, Decimal] = {}

    def amounts(self, register: Register, now_ms: int) -> dict[str, Decimal]:
        """The sums of this day, by the quote asset of the symbols."""
        day = utc_day(now_ms)
        if self._of != (register, day):
            self._of, self._seen, self._running, self._ended = (register, day), {}, {}, {}
        for intent in _begun_since(register, day * DAY_MS):
            if self._seen.get(intent.id) == intent.begun_ms:
                break  # and so are all that were begun before it
            self._seen[intent.id] = intent.begun_ms
            if intent.quote_asset:
                self._running[intent.id] = None
        amounts: dict[str, Decimal] = {}
        for intent in [register.intents[name] for name in self._running]:
            used, at_ms = _used(register, intent)
            ended = at_ms is not None and now_ms - at_ms > SETTLED_MS
            sums = self._ended if ended else amounts
            sums[intent.quote_asset] = total((sums.get(intent.quote_asset, Decimal(0)), used))
            if ended:
                del self._running[intent.id]
        return {
            asset: total((amounts.get(asset, Decimal(0)), self._ended.get(asset, Decimal(0))))
            for asset in amounts | self._ended
        }


def sent_times(register: Register, now_ms: int) -> list[int]:
    """When the orders of the last minute were written down that have left, or may still leave; latest first."""
    return [
        intent.begun_ms
        for intent in _begun_since(register, now_ms - MINUTE_MS + 1)
        for order in register.placed_by(intent)
        if order.state != "NOT_SENT"
    ]


def _begun_since(register: Register, start_ms: int) -> Iterator[Intent]:
    for intent in reversed(register.intents.values()):
        if intent.begun_ms < start_ms:
            return
        yield intent


def _used(register: Register, intent: Intent) -> tuple[Decimal, int | None]:
    """What a call has traded or may trade, in the quote asset, and when it ended; None where it may go on."""
    orders = register.placed_by(intent)
    sightings = [order.seen for order in orders if order.seen is not None and order.seen.executed]
    traded = total(seen.quote for seen in sightings if seen.quote is not None)
    told = all(seen.quote is not None for seen in sightings)
    if told and all(order.state in FINAL for order in orders):
        absent = any(order.state == "NOT_PLACED" for order in orders)  # that may be disproved one day
        return traded, None if absent else max([intent.begun_ms, *(seen.at_ms for seen in sightings)])
    return max(traded, intent.notional or traded), None
