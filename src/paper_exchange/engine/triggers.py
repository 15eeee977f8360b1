"""Orders that wait for a trade at some price: stops, take profits and trailing stops.

Source: faqs/trailing-stop-faq.md
"""

from bisect import bisect_left, insort
from decimal import Decimal

from paper_exchange.engine.filters import fires_upward
from paper_exchange.engine.orders import ZERO, Order

_BASIS_POINTS = 10_000


class Triggers:
    """The contingent orders of one symbol, off the book.

    Those with a plain stopPrice are sorted by nearness (those above the market ascending, those below by the negated
    price), so that a trade looks only at the ones it fires.
    """

    __slots__ = ("_above", "_below", "_orders", "_trailing")

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._above: list[tuple[Decimal, int]] = []
        self._below: list[tuple[Decimal, int]] = []
        self._trailing: dict[int, Order] = {}

    def __bool__(self) -> bool:
        return bool(self._orders)

    def __contains__(self, order: Order) -> bool:
        return order.order_id in self._orders

    def add(self, order: Order, last_price: Decimal | None, now_us: int) -> None:
        """Let an order wait. A trailing one without a stopPrice starts tracking at the last price."""
        self._orders[order.order_id] = order
        if order.terms.trailing_delta is None:
            insort(*self._place(order))
            return
        self._trailing[order.order_id] = order
        if order.terms.stop_price is None and last_price is not None:
            order.extreme = last_price
            order.trailing_us = now_us

    def restore(self, order: Order) -> None:
        """Put back an order that waited before a snapshot."""
        self._orders[order.order_id] = order
        if order.terms.trailing_delta is None:
            insort(*self._place(order))
        else:
            self._trailing[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Forget an order."""
        del self._orders[order.order_id]
        if self._trailing.pop(order.order_id, None) is None:
            queue, key = self._place(order)
            del queue[bisect_left(queue, key)]

    def fired_by(self, price: Decimal, now_us: int) -> list[Order]:
        """The orders that a trade at `price` sets off, nearest stop first, then trailing ones by id."""
        fired = [self._orders[order_id] for order_id in _up_to(self._above, price)]
        fired += [self._orders[order_id] for order_id in _up_to(self._below, -price)]
        trailing = [order for order in self._trailing.values() if _trail(order, price, now_us)]
        fired += sorted(trailing, key=lambda order: order.order_id)
        for order in fired:
            self.remove(order)
        return fired

    def _place(self, order: Order) -> tuple[list[tuple[Decimal, int]], tuple[Decimal, int]]:
        stop = order.terms.stop_price or ZERO
        if fires_upward(order.terms):
            return self._above, (stop, order.order_id)
        return self._below, (-stop, order.order_id)


def reaches(order_price: Decimal, price: Decimal, *, upward: bool) -> bool:
    """Whether a trade at `price` meets a stop."""
    return price >= order_price if upward else price <= order_price


def _up_to(queue: list[tuple[Decimal, int]], bound: Decimal) -> list[int]:
    ids = []
    for price, order_id in queue:
        if price > bound:
            break
        ids.append(order_id)
    return ids


def _trail(order: Order, price: Decimal, now_us: int) -> bool:
    """Follow the market with a trailing order; whether this trade fires it."""
    terms, extreme = order.terms, order.extreme
    if extreme is None:
        if terms.stop_price is None or reaches(terms.stop_price, price, upward=fires_upward(terms)):
            order.extreme = price
            order.trailing_us = now_us
        return False
    delta = terms.trailing_delta or 0
    if terms.side == "SELL":
        order.extreme = max(extreme, price)
        return price * _BASIS_POINTS <= extreme * (_BASIS_POINTS - delta)
    order.extreme = min(extreme, price)
    return price * _BASIS_POINTS >= extreme * (_BASIS_POINTS + delta)
