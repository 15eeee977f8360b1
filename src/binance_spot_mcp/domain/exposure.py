"""What a request may come to in money, for limits and for a person who is asked to confirm it."""

from decimal import Decimal

from binance_spot_mcp.domain.exact import times, total
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.domain.requests import Request


def worst_notional(request: Request, market: Market) -> Decimal | None:
    """The most that a request is expected to trade, in units of the quote asset; None if no price is known for it.

    Of a pair of which one leg cancels the other only the greater counts; a working order and what it releases both do.
    A leg that is sized by the working order counts with the working order's whole quantity.
    """
    paired = request.pair or ()
    outside = request.orders[: len(request.orders) - len(paired)]
    values = [_value(order, request.orders[0], market) for order in outside]
    either = [_value(order, request.orders[0], market) for order in paired]
    if None in values or None in either:
        return None
    return total(value for value in (*values, max(filter(None, either), default=None)) if value is not None)


def _value(order: Order, working: Order, market: Market) -> Decimal | None:
    """The value of one order at the price it names, or for want of one at the market."""
    if order.quote_order_qty is not None:
        return order.quote_order_qty
    quantity = working.quantity if order.leg.sized_later else order.quantity
    price = _price(order, market)
    return None if quantity is None or price is None else times(price, quantity)


def _price(order: Order, market: Market) -> Decimal | None:
    """The highest price that the order is known to trade at.

    A BUY trades at its limit or below. A SELL trades at its limit or above, so the market counts where it is higher.
    """
    own = order.price if order.price is not None else order.stop_price
    if order.side == "BUY" and own is not None:
        return own
    levels = market.asks if order.side == "BUY" else market.bids
    best = levels[0] if levels else None
    prices = (own, best, market.last_price, market.average_price)
    return max((price for price in prices if price is not None), default=None)
