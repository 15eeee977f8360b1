"""What an order would do the moment it arrives, were nobody else to move.

Source: rest-api.md#new-order-trade, enums.md#time-in-force-timeinforce
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from binance_spot_mcp.domain.exact import minus
from binance_spot_mcp.domain.expected_fill import expected_fill
from binance_spot_mcp.domain.liquidity import Level, Taking, take
from binance_spot_mcp.domain.orders import Order

Rest = Literal["rests", "expires", "is beyond the levels that were looked at"]
"""What becomes of the part that does not trade at once."""

_BASIS_POINTS: Final = Decimal(10_000)
_HUNDREDTHS: Final = Decimal("0.01")
_NOTHING: Final = Taking(Decimal(0), Decimal(0), None, None, complete=True)


@dataclass(frozen=True, slots=True)
class Prospect:
    """An order against a book.

    Attributes:
        now: What trades at once.
        levels: How many levels of the book that takes.
        slippage: How much worse its average price is than the best one, in basis points of that; None without a trade.
        left: How much of the quantity does not trade at once, in base units; None where the order names no quantity.
        then: What becomes of that; empty if nothing is left.
    """

    now: Taking
    levels: int
    slippage: Decimal | None
    left: Decimal | None
    then: Rest | Literal[""]


def prospect(order: Order, bids: Sequence[Level], asks: Sequence[Level]) -> Prospect | None:
    """What an order would do at once; None for one that waits for a trigger price or follows the book.

    Args:
        order: A single order.
        bids: The levels that are known, best first.
        asks: Likewise.
    """
    if order.is_stop or (order.is_priced and order.price is None):
        return None
    levels = asks if order.side == "BUY" else bids
    now = expected_fill(order, bids, asks) or _limited(order, levels)
    left = None if order.quantity is None else minus(order.quantity, now.quantity)
    if order.time_in_force == "FOK" and left:
        now, left = _NOTHING, order.quantity
    return Prospect(now, _touched(now, levels), _slippage(now, levels), left, _then(order, now, left))


def _limited(order: Order, levels: Sequence[Level]) -> Taking:
    """What a priced order takes out of the book: nothing where it only makes."""
    limit = order.price
    if limit is None or order.quantity is None or order.type == "LIMIT_MAKER":
        return _NOTHING
    within = (level for level in levels if (level[0] <= limit if order.side == "BUY" else level[0] >= limit))
    return take(within, order.quantity)


def _then(order: Order, now: Taking, left: Decimal | None) -> Rest | Literal[""]:
    if order.type == "MARKET":
        return "" if now.complete else "is beyond the levels that were looked at"
    if not left:
        return ""
    return "expires" if order.time_in_force in {"IOC", "FOK"} else "rests"


def _touched(now: Taking, levels: Sequence[Level]) -> int:
    if now.worst is None:
        return 0
    prices = [price for price, _ in levels]
    return prices.index(now.worst) + 1


def _slippage(now: Taking, levels: Sequence[Level]) -> Decimal | None:
    if now.average is None:
        return None
    best = levels[0][0]
    return (abs(now.average - best) / best * _BASIS_POINTS).quantize(_HUNDREDTHS)
