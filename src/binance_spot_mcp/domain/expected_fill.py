"""What a MARKET order would trade at once, were nobody else to move."""

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from typing import Final

from binance_spot_mcp.domain.exact import minus, times
from binance_spot_mcp.domain.liquidity import Level, Taking, take
from binance_spot_mcp.domain.orders import Order

_QUOTIENT: Final = Context(prec=60)


def expected_fill(order: Order, bids: Sequence[Level], asks: Sequence[Level]) -> Taking | None:
    """The fill of a MARKET order that enters the book now; None for every other order.

    Args:
        order: The order, sized in the base asset or by `quoteOrderQty`.
        bids: The levels that are known, best first.
        asks: Likewise.
    """
    if order.type != "MARKET" or order.leg.waits:
        return None
    levels = asks if order.side == "BUY" else bids
    if order.quote_order_qty is None:
        return take(levels, order.quantity or Decimal(0))
    reached = [*_up_to(levels, order.quote_order_qty)]
    fill = take(reached, sum((quantity for _, quantity in reached), Decimal(0)))
    spent = sum((times(*level) for level in levels[: len(reached)]), Decimal(0))
    return Taking(fill.quantity, fill.notional, fill.average, fill.worst, complete=spent >= order.quote_order_qty)


def _up_to(levels: Sequence[Level], amount: Decimal) -> Iterator[Level]:
    """What is taken of each level for an amount of the quote asset; the last part of it to sixty digits."""
    left = amount
    for price, quantity in levels:
        if left <= 0:
            return
        value = times(price, quantity)
        yield price, quantity if value <= left else _QUOTIENT.divide(left, price)
        left = minus(left, value)
