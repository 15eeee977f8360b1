"""What of the operator's caps is used up, by what the journal says: so it is the same after a restart.

A call counts with all that it may trade from the moment it is written down. Once everything that it placed has ended,
it counts with what was traded; what never came to be counts for nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from binance_spot_mcp.domain.exact import total
from binance_spot_mcp.domain.positions import DAY_MS, utc_day
from binance_spot_mcp.trading.register import Intent, Register
from binance_spot_mcp.trading.states import FINAL

MINUTE_MS: Final = 60_000


def traded_today(register: Register, now_ms: int) -> dict[str, Decimal]:
    """What the calls of this UTC day have traded or still may trade, by the quote asset of their symbols."""
    used: defaultdict[str, list[Decimal]] = defaultdict(list)
    for intent in _begun_since(register, utc_day(now_ms) * DAY_MS):
        if intent.quote_asset:
            used[intent.quote_asset].append(_used(register, intent))
    return {asset: total(amounts) for asset, amounts in used.items()}


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


def _used(register: Register, intent: Intent) -> Decimal:
    """What a call has traded or may trade, in the quote asset."""
    orders = register.placed_by(intent)
    sightings = [order.seen for order in orders if order.seen is not None and order.seen.executed]
    traded = total(seen.quote for seen in sightings if seen.quote is not None)
    told = all(seen.quote is not None for seen in sightings)
    if told and all(order.state in FINAL for order in orders):
        return traded
    return max(traded, intent.notional or traded)
