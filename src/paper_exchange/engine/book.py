"""The order book of one symbol: price levels, and in each the queue of resting orders.

The queue of a level is a dict, because a dict keeps insertion order and gives up any member at once.
"""

from bisect import bisect_left, insort
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

    Levels are found by their rank: the price for bids, the negated price for asks, so that the best one has the highest
    and what happens near it moves little of the sorted list.
    """

    __slots__ = ("_levels", "_ranks", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self._levels: dict[Decimal, Level] = {}
        self._ranks: list[Decimal] = []

    @property
    def best(self) -> Decimal | None:
        """The price a taker would meet first."""
        return self.price_at(0)

    def levels(self) -> Iterator[Level]:
        """Levels, best first. The book must not change meanwhile."""
        return map(self._levels.__getitem__, reversed(self._ranks))

    def price_at(self, depth: int) -> Decimal | None:
        """The price `depth` existing levels behind the best one, None when the book is not that deep."""
        return self._levels[self._ranks[-1 - depth]].price if depth < len(self._ranks) else None

    def quantity_at(self, price: Decimal) -> Decimal:
        """Visible quantity at a price, zero where there is no level."""
        level = self._levels.get(self._rank(price))
        return ZERO if level is None else level.quantity

    def add(self, order: Order, price: Decimal) -> Decimal:
        """Put an order at the end of its queue; returns the level's visible quantity."""
        rank = self._rank(price)
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = Level(price)
            insort(self._ranks, rank)
        level.orders[order.order_id] = order
        level.quantity += order.visible
        return level.quantity

    def remove(self, order: Order, price: Decimal) -> Decimal:
        """Take an order out; returns what is visible of the level afterwards."""
        rank = self._rank(price)
        level = self._levels[rank]
        del level.orders[order.order_id]
        level.quantity -= order.visible
        if not level.orders:
            del self._levels[rank]
            del self._ranks[bisect_left(self._ranks, rank)]
        return level.quantity

    def shrink(self, price: Decimal, by: Decimal) -> Decimal:
        """Lower a level by what one of its orders lost in place; returns what is left visible."""
        level = self._levels[self._rank(price)]
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
