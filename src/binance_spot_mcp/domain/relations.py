"""How the prices of an order or a list must stand to each other and to the last trade.

Source: rest-api.md#new-order-trade, rest-api.md#new-order-list---oco-trade
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.findings import Unchecked, Violation
from binance_spot_mcp.domain.orders import LOSS_TYPES, Order
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import ExchangeError
from binance_spot_mcp.vocabulary import plain

TRIGGER: Final = "TRIGGER_PRICE"
PAIR: Final = "LEG_PRICES"
POST_ONLY: Final = "POST_ONLY"

_LAST_UNKNOWN: Final = "the last price is not known"
_LATER: Final = "the leg waits, and is judged by the price at which it enters the book"


def relations(request: Request, market: Market) -> Iterator[Violation | Unchecked]:
    """Every price of the request that stands on the wrong side of another or of the last trade."""
    for order in request.orders:
        yield from trigger(order, market)
        yield from post_only(order, market)
    if request.pair is not None:
        yield from _pair(request.pair, market)


def trigger(order: Order, market: Market) -> Iterator[Violation | Unchecked]:
    """Refuse a stop that would trigger at once: one released by a rise must lie above the last price, else below."""
    if not order.is_stop or order.stop_price is None:
        return
    if order.leg.waits:
        yield Unchecked(TRIGGER, _LATER)
    elif market.last_price is None:
        yield Unchecked(TRIGGER, _LAST_UNKNOWN, frozenset({"last_price"}))
    elif not _beyond(order.stop_price, market.last_price, upward=order.triggers_upward):
        param, stop, last = order.leg.wire("stopPrice"), plain(order.stop_price), plain(market.last_price)
        side = "above" if order.triggers_upward else "below"
        yield Violation(
            rule=TRIGGER,
            message=f"{order.type} {order.side}: {param} {stop} must be {side} {order.symbol}'s last price {last}.",
            param=param,
            given=stop,
            bounds={"last": last},
            exchange=ExchangeError(-2010, "Order would trigger immediately."),
        )


def post_only(order: Order, market: Market) -> Iterator[Violation | Unchecked]:
    """Refuse a LIMIT_MAKER that would trade at once: it must stay on its own side of the best opposite price."""
    if order.type != "LIMIT_MAKER" or order.price is None:
        return
    opposite = market.asks if order.side == "BUY" else market.bids
    if order.leg.waits:
        yield Unchecked(POST_ONLY, _LATER)
    elif opposite is None:
        yield Unchecked(POST_ONLY, "the book is not known", frozenset({"touch"}))
    elif opposite and not _beyond(order.price, opposite[0], upward=order.side == "SELL"):
        param, price, best = order.leg.wire("price"), plain(order.price), plain(opposite[0])
        side, name = ("below", "ask") if order.side == "BUY" else ("above", "bid")
        yield Violation(
            rule=POST_ONLY,
            message=f"LIMIT_MAKER {order.side}: {param} {price} must be {side} {order.symbol}'s best {name} {best}.",
            param=param,
            given=price,
            bounds={name: best},
            exchange=ExchangeError(-2010, "Order would immediately match and take."),
        )


def _pair(pair: tuple[Order, Order], market: Market) -> Iterator[Violation | Unchecked]:
    """Refuse a pair whose prices do not embrace the market.

    The leg that takes profit lies beyond the last price in the order's favour: above it for SELL, below it for BUY. The
    leg that stops a loss lies on the other side.
    """
    losses = [leg for leg in pair if leg.type in LOSS_TYPES]
    profits = [leg for leg in pair if leg.type not in LOSS_TYPES]
    if len(losses) != 1:
        return  # not a pair that any list may hold; the catalogue's rules have refused it
    (loss,), (profit,) = losses, profits
    upward = profit.side == "SELL"
    level = _level(profit)
    if level is None:
        return
    param, price = level
    if loss.stop_price is not None and not _beyond(price, loss.stop_price, upward=upward):
        yield _misplaced(profit, level, f"{loss.leg.wire('stopPrice')} {plain(loss.stop_price)}", upward=upward)
    if param == profit.leg.wire("stopPrice"):
        return  # a trigger price, judged as such
    if profit.leg.waits:
        yield Unchecked(PAIR, _LATER)
    elif market.last_price is None:
        yield Unchecked(PAIR, _LAST_UNKNOWN, frozenset({"last_price"}))
    elif not _beyond(price, market.last_price, upward=upward):
        yield _misplaced(profit, level, f"the last price {plain(market.last_price)}", upward=upward)


def _level(profit: Order) -> tuple[str, Decimal] | None:
    """The parameter and price at which a leg takes profit: the limit price, or the trigger of a TAKE_PROFIT."""
    name = "stopPrice" if profit.type == "TAKE_PROFIT" else "price"
    price = profit.stop_price if profit.type == "TAKE_PROFIT" else profit.price
    return None if price is None else (profit.leg.wire(name), price)


def _beyond(price: Decimal, other: Decimal, *, upward: bool) -> bool:
    return price > other if upward else price < other


def _misplaced(leg: Order, level: tuple[str, Decimal], other: str, *, upward: bool) -> Violation:
    param, price = level
    return Violation(
        rule=PAIR,
        message=f"{param} {plain(price)} must be {'above' if upward else 'below'} {other} on {leg.symbol}.",
        param=param,
        given=plain(price),
        exchange=ExchangeError(-2010, "The relationship of the prices for the orders is not correct."),
    )
