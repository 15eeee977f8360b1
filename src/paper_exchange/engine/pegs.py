"""Prices taken from the book.

Source: faqs/pegged_orders.md
"""

from decimal import Decimal

from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal


def peg_price(market: Market, terms: Terms) -> Decimal:
    """The price a pegged order takes now: the best of its own side or of the other, or some levels deeper.

    Raises:
        Refusal: -2010, the book is not so deep.
    """
    book = market.book
    side = book.own(terms.side) if terms.peg_price_type == "PRIMARY_PEG" else book.opposite(terms.side)
    price = side.price_at(terms.peg_offset_value or 0)
    if price is None:
        raise Refusal(-2010, "Order book liquidity is too low for this pegged order.")
    return price
