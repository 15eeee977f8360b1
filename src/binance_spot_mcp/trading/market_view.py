"""The market as a request finds it now, for whoever judges what the request may come to and at which prices."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from binance_spot_mcp.catalogue.market import BOOK_TICKER, ORDER_BOOK, BookTicker, BookTickerParams, OrderBookParams
from binance_spot_mcp.domain.exact import minus, times, total
from binance_spot_mcp.domain.expected_fill import expected_fill
from binance_spot_mcp.domain.exposure import worst_notional
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.liquidity import Level, Taking
from binance_spot_mcp.domain.price_band import Touch
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import RateLimited, Refused, SpotError
from binance_spot_mcp.trading.gathering import Prices
from binance_spot_mcp.trading.rules_cache import Exchange

LEVELS: Final = 100
"""So many levels of the book are looked at for the expected fill of a MARKET order."""
AGAIN_MS: Final = 2_000
"""When to come back where prices could not be had."""


@dataclass(frozen=True, slots=True)
class View:
    """Prices of one symbol that were asked for just now, and what a request makes of them.

    Attributes:
        touch: The best price of each side.
        reference: The reference price; None where there is none.
        fill: The expected fill, if a MARKET order is meant.
        notional: The most that the request is expected to trade, in units of the quote asset.
    """

    touch: Touch
    reference: Decimal | None
    fill: Taking | None
    notional: Decimal


async def look(exchange: Exchange, prices: Prices, request: Request, market: Market, now_ms: int) -> View:
    """Ask for the prices that a request is judged by.

    Args:
        exchange: Makes the calls.
        prices: Knows which symbols have a reference price.
        request: The order or list.
        market: What was looked up for it before.
        now_ms: Now, in epoch milliseconds.

    Raises:
        RateLimited: It is not the time to ask.
        Refused: STALE_DATA, there are no prices now, so nothing can be judged by them.
    """
    symbol = request.symbol
    order = request.orders[0]
    try:
        bids, asks = await _levels(exchange, symbol, deep=order.type == "MARKET")
    except RateLimited:
        raise
    except SpotError as failure:
        raise _stale(symbol, failure.message, now_ms) from failure
    if not (bids or asks) or (bids and asks and bids[0][0] > asks[0][0]):
        raise _stale(symbol, "the book shows no price that can be used", now_ms)
    touch = Touch(bids[0][0] if bids else None, asks[0][0] if asks else None)
    reference = market.reference_price or (await prices.market(symbol, {"reference_price"}, 1)).reference_price
    best = replace(market, bids=tuple(price for price, _ in bids[:1]), asks=tuple(price for price, _ in asks[:1]))
    fill = expected_fill(order, bids, asks)
    worst = worst_notional(request, best)
    if worst is None:
        raise _stale(symbol, "no price is known for this order", now_ms)
    notional = max(worst, _taken(order.quantity, fill)) if order.side == "BUY" and fill is not None else worst
    return View(touch, reference if isinstance(reference, Decimal) else None, fill, notional)


async def _levels(exchange: Exchange, symbol: str, *, deep: bool) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """The levels of both sides that have a price, best first."""
    if deep:
        book = (await exchange.fetch(ORDER_BOOK, OrderBookParams(symbol=symbol, limit=LEVELS))).payload
        return book.bids, book.asks
    ticker = (await exchange.fetch(BOOK_TICKER, BookTickerParams(symbol=symbol))).payload
    best = ticker if isinstance(ticker, BookTicker) else ticker[0]
    bids, asks = (best.bid_price, best.bid_qty), (best.ask_price, best.ask_qty)
    return (bids,) if bids[0] else (), (asks,) if asks[0] else ()


def _taken(quantity: Decimal | None, fill: Taking) -> Decimal:
    """What a fill comes to; what the known book does not hold of it counts at the last price that it holds."""
    if quantity is None or fill.worst is None:
        return fill.notional
    return total((fill.notional, times(minus(quantity, fill.quantity), fill.worst)))


def _stale(symbol: str, why: str, now_ms: int) -> Refused:
    return Refused(
        f"The operator's limits are judged by present prices, and there are none for {symbol} now: {why}. Nothing was "
        "sent; try again in a moment.",
        code="STALE_DATA",
        retry="at",
        retry_at_ms=now_ms + AGAIN_MS,
        next="get_book_ticker",
        details={"symbol": symbol},
    )
