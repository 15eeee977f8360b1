"""The stations of a single order: accepted, resting, waiting for its price, ended."""

from decimal import Decimal

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.ledger import needed, reserve
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Order
from paper_exchange.engine.words import ExpiryReason


def accept(x: Exchange, account: Account, seat: Seat, order: Order) -> None:
    """Give an order its ids and a place among the account's open orders."""
    order.order_id = x.counters.next_order()
    if not order.client_order_id:
        order.client_order_id = x.counters.next_client_id()
    x.orders[order.order_id] = order
    seat.open[order.order_id] = order
    seat.by_client_id[order.client_order_id] = order.order_id
    if account.settings.keeps_history:
        seat.order_ids.append(order.order_id)
    account.open_count += 1


def rest(x: Exchange, market: Market, order: Order) -> None:
    """Let what is left of an order wait on the book, with no more locked than that needs."""
    side, price, remaining = order.terms.side, order.price or ZERO, order.remaining
    if remaining != order.quantity:
        reserve(x, order, needed(market, side, remaining, price))
    x.book_changed(market, side, price, _queue_up(x, market, order, remaining))


def shorten(x: Exchange, market: Market, order: Order, quantity: Decimal) -> None:
    """Take a match off a resting order before it is counted; an iceberg then shows its next slice behind its level.

    Whoever calls this tells the change of the level.
    """
    side, price = market.book.own(order.terms.side), order.price or ZERO
    if quantity < order.visible:
        side.shrink(price, quantity)
        order.visible -= quantity
        return
    side.remove(order, price)
    order.visible = ZERO
    left = order.remaining - quantity
    if left > 0:
        _queue_up(x, market, order, left)


def _queue_up(x: Exchange, market: Market, order: Order, remaining: Decimal) -> Decimal:
    """Put an order at the end of its price level, an iceberg with its next slice; returns the level's quantity."""
    iceberg = order.terms.iceberg_qty
    order.visible = remaining if iceberg is None else min(iceberg, remaining)
    order.priority = x.counters.next_priority()
    return market.book.own(order.terms.side).add(order, order.price or ZERO)


def leave(x: Exchange, market: Market, order: Order) -> None:
    """Take an order from wherever it waits: the book, the triggers, or nowhere."""
    if order.visible:
        side, price = order.terms.side, order.price or ZERO
        left = market.book.own(side).remove(order, price)
        order.visible = ZERO
        x.book_changed(market, side, price, left)
    elif order in market.triggers:
        market.triggers.remove(order)


def forget(x: Exchange, order: Order) -> None:
    """Take an order that has just ended off the account's open ones, and its reserve back."""
    if order.reserved:
        reserve(x, order, ZERO)
    account = x.accounts[order.account]
    seat = account.seats[order.symbol]
    del seat.open[order.order_id]
    account.open_count -= 1
    if not account.settings.keeps_history:
        del x.orders[order.order_id]
        del seat.by_client_id[order.client_order_id]


def expire(x: Exchange, market: Market, order: Order, reason: ExpiryReason) -> None:
    """End an order by rule."""
    leave(x, market, order)
    order.status = "EXPIRED"
    order.expiry_reason = reason
    forget(x, order)
    x.report(order, "EXPIRED")
