"""The order book of one symbol: price levels, and in each the queue of resting orders.

The queue of a level is a dict, because a dict keeps insertion order and gives up any member at once.
"""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal

from paper_exchange.engine.orders import ZERO, Order
from paper_exchange.engine.words import Side


class Level:
    """Orders at one price, first come first served. `quantity` is what the public sees."""

    __slots__ = ("orders", "price", "quantity")

    def __init__(self, price: Decimal) -> None:
        self.price = price
        self.quantity = ZERO
        self.orders: dict[int, Order] = {}

    def slices(self) -> Iterator[tuple[Order, Decimal]]:
        """What a taker meets, in order: visible quantities, then the hidden rest of icebergs slice by slice."""
        hidden: list[tuple[Order, Decimal]] = []
        for order in self.orders.values():
            yield order, order.visible
            if order.terms.iceberg_qty is not None:
                hidden.append((order, order.remaining - order.visible))
        while hidden:
            round_, hidden = hidden, []
            for order, left in round_:
                if left > 0:
                    part = min(left, order.terms.iceberg_qty or left)
                    yield order, part
                    hidden.append((order, left - part))


class BookSide:
    """The bids or the asks.

    Levels are at hand by price, and sorted from the worst to the best, so that what happens near the best one moves
    little. They are sorted by rank: the price for bids, the negated price for asks.
    """

    __slots__ = ("_by_price", "_ranks", "_sorted", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self._by_price: dict[Decimal, Level] = {}
        self._sorted: list[Level] = []
        self._ranks: list[Decimal] = []

    @property
    def best(self) -> Decimal | None:
        """The price a taker would meet first."""
        return self._sorted[-1].price if self._sorted else None

    def levels(self) -> Iterator[Level]:
        """Levels, best first. The book must not change meanwhile."""
        return reversed(self._sorted)

    def price_at(self, depth: int) -> Decimal | None:
        """The price `depth` existing levels behind the best one, None when the book is not that deep."""
        return self._sorted[-1 - depth].price if depth < len(self._sorted) else None

    def quantity_at(self, price: Decimal) -> Decimal:
        """Visible quantity at a price, zero where there is no level."""
        level = self._by_price.get(price)
        return ZERO if level is None else level.quantity

    def add(self, order: Order, price: Decimal) -> Decimal:
        """Put an order at the end of its queue; returns the level's visible quantity."""
        level = self._by_price.get(price)
        if level is None:
            level = self._by_price[price] = Level(price)
            rank = self._rank(price)
            place = bisect_left(self._ranks, rank)
            self._ranks.insert(place, rank)
            self._sorted.insert(place, level)
        level.orders[order.order_id] = order
        level.quantity += order.visible
        return level.quantity

    def remove(self, order: Order, price: Decimal) -> Decimal:
        """Take an order out; returns what is visible of the level afterwards."""
        level = self._by_price[price]
        del level.orders[order.order_id]
        level.quantity -= order.visible
        if not level.orders:
            del self._by_price[price]
            place = bisect_left(self._ranks, self._rank(price))
            del self._ranks[place]
            del self._sorted[place]
        return level.quantity

    def shrink(self, price: Decimal, by: Decimal) -> Decimal:
        """Lower a level by what one of its orders lost in place; returns what is left visible."""
        level = self._by_price[price]
        level.quantity -= by
        return level.quantity

    def _rank(self, price: Decimal) -> Decimal:
        return price if self.side == "BUY" else -price


class Book:
    """Both sides of one symbol, and the id of the last change."""

    __slots__ = ("asks", "bids", "update_id")

    def __init__(self) -> None:
        self.bids = BookSide("BUY")
        self.asks = BookSide("SELL")
        self.update_id = 0

    def own(self, side: Side) -> BookSide:
        """Where an order of `side` rests."""
        return self.bids if side == "BUY" else self.asks

    def opposite(self, side: Side) -> BookSide:
        """What an order of `side` takes from."""
        return self.asks if side == "BUY" else self.bids

    def crosses(self, side: Side, price: Decimal) -> bool:
        """Whether an order at `price` would match at once."""
        if side == "BUY":
            best = self.asks.best
            return best is not None and price >= best
        best = self.bids.best
        return best is not None and price <= best
