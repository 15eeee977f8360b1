"""Smart order routing: one order takes from several books whose quote assets are interchangeable.

What the other books ask in their own quote asset, the order pays in its own, one to one; the exchange's routing account
stands in between. Every fill of such an order is an allocation.

Source: faqs/sor_faq.md
"""

from collections.abc import Iterator
from heapq import merge
from operator import attrgetter

from paper_exchange.engine.book import Level
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.orders import Order
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import Sor


def route_of(x: Exchange, symbol: str) -> Sor:
    """The configuration that a symbol belongs to.

    Raises:
        Refusal: -1020, there is none.
    """
    for sor in x.sors:
        if symbol in sor.symbols:
            return sor
    raise Refusal(-1020, "This operation is not supported.")


def liquidity(x: Exchange, order: Order) -> Iterator[Level]:
    """The levels that an order takes from, best first: its own book's, or those of every book of its route."""
    side = order.terms.side
    if not order.used_sor:
        return x.markets[order.symbol].book.opposite(side).levels()
    books = (x.markets[symbol] for symbol in route_of(x, order.symbol).symbols if symbol in x.markets)
    levels = (market.book.opposite(side).levels() for market in books if market.spec.status == "TRADING")
    return merge(*levels, key=attrgetter("price"), reverse=side == "SELL")
