"""How a MARKET order in quote units becomes a quantity.

Source: rest-api.md#new-order-trade (quoteOrderQty), errors.md#other-errors
"""

from decimal import Decimal

from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Terms
from paper_exchange.engine.refusal import Refusal, filter_failure
from paper_exchange.engine.symbols import LotSize, MarketLotSize


def size_by_quote(market: Market, terms: Terms) -> Decimal:
    """The quantity, a multiple of the lot size, whose notional on this book comes closest to quoteOrderQty from below.

    Raises:
        Refusal: The book is too thin for the smallest lot (-2010), or the amount buys less than that lot, or more
            than the largest one (-1013).
    """
    left, quantity = terms.quote_order_qty or ZERO, ZERO
    levels = market.book.opposite(terms.side).levels()
    for level in levels:
        available = sum((order.remaining for order in level.orders.values()), ZERO)
        if available * level.price >= left:
            quantity += left / level.price
            left = ZERO
            break
        quantity += available
        left -= available * level.price
    if not quantity:
        raise Refusal(-2010, "Order book liquidity is less than symbol minimum quantity.")
    step = market.filters.step(market=True)
    quantity -= quantity % step
    for lot, name in ((market.filters.lot, "LOT_SIZE"), (market.filters.market_lot, "MARKET_LOT_SIZE")):
        if lot is not None:
            _check_bounds(quantity, lot, name, thin_book=left > 0)
    if not quantity:
        raise filter_failure("LOT_SIZE")
    return quantity


def _check_bounds(quantity: Decimal, lot: LotSize | MarketLotSize, name: str, *, thin_book: bool) -> None:
    if quantity < lot.min_qty and thin_book:
        raise Refusal(-2010, f"Order book liquidity is less than `{name}` filter minimum quantity.")
    if not lot.min_qty <= quantity <= lot.max_qty:
        raise filter_failure(name)
