"""Lets a book of ours look like one that is seen elsewhere, by orders of the house."""

from collections.abc import Iterator
from decimal import Decimal

from paper_exchange.engine.commands import CancelOrder, Command, Place
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.words import Side
from paper_exchange.market.catalog import Listing
from paper_exchange.market.feed import BookSeen, Seen, TradeSeen
from paper_exchange.market.house import HOUSE_MAKER, HOUSE_TAKER

MOST_LEVELS = 90
"""Levels on each side that fit under MAX_NUM_ORDERS."""


class BookFollower:
    """One symbol's book: every level that is seen becomes an order of the house's maker, every trade one of its taker.

    Levels worth less than the least order of the symbol are left out. Orders of users stay where they are: the house
    trades with those that its levels cross.
    """

    def __init__(self, listing: Listing, *, levels: int = 50) -> None:
        self._symbol = listing.spec.symbol
        self._least_notional = listing.least_notional
        self._levels = min(levels, MOST_LEVELS)
        self._seen: dict[Side, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}
        self._placed: dict[tuple[Side, Decimal], Decimal] = {}

    def follow(self, seen: Seen) -> Iterator[Command]:
        """What the house does about it."""
        if isinstance(seen, TradeSeen):
            yield self._take(seen)
        else:
            yield from self._show(seen)

    def _take(self, trade: TradeSeen) -> Command:
        # The level it takes from is placed anew with the next change of the book, whatever is left of it.
        maker: Side = "SELL" if trade.taker == "BUY" else "BUY"
        if (maker, trade.price) in self._placed:
            self._placed[maker, trade.price] = Decimal(0)
        terms = Terms(
            side=trade.taker,
            type="LIMIT",
            quantity=trade.quantity,
            price=trade.price,
            time_in_force="IOC",
            client_order_id="taker",
        )
        return Place(account=HOUSE_TAKER, symbol=self._symbol, order=terms)

    def _show(self, book: BookSeen) -> Iterator[Command]:
        if book.whole:
            self._seen = {"BUY": {}, "SELL": {}}
        for levels, changes in ((self._seen["BUY"], book.bids), (self._seen["SELL"], book.asks)):
            for price, quantity in changes:
                if quantity:
                    levels[price] = quantity
                else:
                    levels.pop(price, None)
        wanted = dict(self._wanted())
        stale = [level for level, quantity in self._placed.items() if wanted.get(level) != quantity]
        for side, price in stale:
            del self._placed[side, price]
            yield CancelOrder(account=HOUSE_MAKER, symbol=self._symbol, orig_client_order_id=_name(side, price))
        for (side, price), quantity in wanted.items():
            if (side, price) not in self._placed:
                self._placed[side, price] = quantity
                terms = Terms(
                    side=side,
                    type="LIMIT",
                    quantity=quantity,
                    price=price,
                    time_in_force="GTC",
                    client_order_id=_name(side, price),
                )
                yield Place(account=HOUSE_MAKER, symbol=self._symbol, order=terms)

    def _wanted(self) -> Iterator[tuple[tuple[Side, Decimal], Decimal]]:
        """The best levels of both sides."""
        sides: tuple[Side, Side] = ("BUY", "SELL")
        for side in sides:
            levels = self._seen[side]
            for price in sorted(levels, reverse=side == "BUY")[: self._levels]:
                if price * levels[price] >= self._least_notional:
                    yield (side, price), levels[price]


def _name(side: Side, price: Decimal) -> str:
    return f"{side}-{price.normalize():f}"
