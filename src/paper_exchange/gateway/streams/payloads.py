"""What each stream says, as JSON values.

Times are in the listener's time unit; `now_us` becomes `E`, the time of the event.

Source: web-socket-streams.md#detailed-stream-information
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from paper_exchange.engine.events import Trade
from paper_exchange.gateway.rendering import Json, decimal
from paper_exchange.market.amounts import text
from paper_exchange.market.history import AveragePrice, BlockTrade, Kline, Ticker, weighted_average_e8
from paper_exchange.market.trade_log import AggregateTrade
from paper_exchange.market.wire import BookTop, TimeUnit, change_percent, stamp

Level = tuple[Decimal, Decimal]
"""A price and the quantity there."""


def trade(event: Trade, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#trade-streams"""
    return {
        "e": "trade",
        "E": stamp(now_us, unit),
        "s": event.symbol,
        "t": event.trade_id,
        "p": decimal(event.price),
        "q": decimal(event.quantity),
        "T": stamp(event.time_us, unit),
        "m": event.buyer_is_maker,
        "M": True,
    }


def aggregate_trade(symbol: str, aggregate: AggregateTrade, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#aggregate-trade-streams"""
    return {
        "e": "aggTrade",
        "E": stamp(now_us, unit),
        "s": symbol,
        "a": aggregate.aggregate_id,
        "p": text(aggregate.price_e8),
        "q": text(aggregate.quantity_e8),
        "f": aggregate.first_id,
        "l": aggregate.last_id,
        "T": stamp(aggregate.time_us, unit),
        "m": aggregate.buyer_is_maker,
        "M": True,
    }


def block_trade(symbol: str, event: BlockTrade, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#block-trade-streams"""
    return {
        "e": "blockTrade",
        "E": stamp(now_us, unit),
        "s": symbol,
        "t": event.block_trade_id,
        "p": text(event.price_e8),
        "q": text(event.quantity_e8),
        "T": stamp(event.time_us, unit),
        "m": event.buyer_is_maker,
    }


def kline(symbol: str, interval: str, candle: Kline, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#klinecandlestick-streams-for-utc"""
    bar = candle.bar
    return {
        "e": "kline",
        "E": stamp(now_us, unit),
        "s": symbol,
        "k": {
            "t": stamp(candle.opening_us, unit),
            "T": stamp(candle.end_us - 1, unit),
            "s": symbol,
            "i": interval,
            "f": bar.first_id,
            "L": bar.last_id,
            "o": text(bar.open_e8),
            "c": text(bar.close_e8),
            "h": text(bar.high_e8),
            "l": text(bar.low_e8),
            "v": text(bar.volume_e8),
            "n": bar.count,
            "x": candle.is_closed,
            "q": text(bar.quote_e8),
            "V": text(bar.taker_volume_e8),
            "Q": text(bar.taker_quote_e8),
            "B": "0",
        },
    }


def mini_ticker(symbol: str, ticker: Ticker, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#individual-symbol-mini-ticker-stream"""
    bar = ticker.bar
    return {
        "e": "24hrMiniTicker",
        "E": stamp(now_us, unit),
        "s": symbol,
        "c": text(bar.close_e8),
        "o": text(bar.open_e8),
        "h": text(bar.high_e8),
        "l": text(bar.low_e8),
        "v": text(bar.volume_e8),
        "q": text(bar.quote_e8),
    }


def day_ticker(symbol: str, ticker: Ticker, top: BookTop, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#individual-symbol-ticker-streams"""
    bar = ticker.bar
    return {
        "e": "24hrTicker",
        "E": stamp(now_us, unit),
        "s": symbol,
        **_change(ticker),
        "w": text(weighted_average_e8(bar)),
        "x": text(ticker.previous_close_e8),
        "c": text(bar.close_e8),
        "Q": text(ticker.last_quantity_e8),
        **_top(top),
        "o": text(bar.open_e8),
        "h": text(bar.high_e8),
        "l": text(bar.low_e8),
        **_volumes(ticker, unit),
    }


def window_ticker(symbol: str, window: str, ticker: Ticker, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#individual-symbol-rolling-window-statistics-streams"""
    bar = ticker.bar
    return {
        "e": f"{window}Ticker",
        "E": stamp(now_us, unit),
        "s": symbol,
        **_change(ticker),
        "o": text(bar.open_e8),
        "h": text(bar.high_e8),
        "l": text(bar.low_e8),
        "c": text(bar.close_e8),
        "w": text(weighted_average_e8(bar)),
        **_volumes(ticker, unit),
    }


def _change(ticker: Ticker) -> Json:
    return {"p": text(ticker.change_e8), "P": change_percent(ticker)}


def _volumes(ticker: Ticker, unit: TimeUnit) -> Json:
    bar = ticker.bar
    return {
        "v": text(bar.volume_e8),
        "q": text(bar.quote_e8),
        "O": stamp(ticker.opening_us, unit),
        "C": stamp(ticker.closing_us, unit),
        "F": bar.first_id,
        "L": bar.last_id,
        "n": bar.count,
    }


def book_ticker(symbol: str, update_id: int, top: BookTop, _unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#individual-symbol-book-ticker-streams"""
    return {
        "u": update_id,
        "s": symbol,
        **_top(top),
    }


def _top(top: BookTop) -> Json:
    return {
        "b": decimal(top.bid_price),
        "B": decimal(top.bid_quantity),
        "a": decimal(top.ask_price),
        "A": decimal(top.ask_quantity),
    }


def average_price(symbol: str, average: AveragePrice, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#average-price"""
    return {
        "e": "avgPrice",
        "E": stamp(now_us, unit),
        "s": symbol,
        "i": f"{average.minutes}m",
        "w": text(average.price_e8),
        "T": stamp(average.last_trade_us, unit),
    }


def reference_price(symbol: str, price: Decimal | None, valid_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#reference-price-streams"""
    return {
        "e": "referencePrice",
        "s": symbol,
        "r": None if price is None else decimal(price),
        "t": stamp(valid_us, unit),
    }


def partial_depth(update_id: int, bids: Iterable[Level], asks: Iterable[Level], _unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#partial-book-depth-streams"""
    return {"lastUpdateId": update_id, "bids": _levels(bids), "asks": _levels(asks)}


class BookDiff(NamedTuple):
    """What became of a book: the levels that changed with the updates `first_id` to `last_id`, gone ones at zero."""

    first_id: int
    last_id: int
    bids: Iterable[Level]
    asks: Iterable[Level]


def depth_update(symbol: str, diff: BookDiff, now_us: int, unit: TimeUnit) -> Json:
    """Source: web-socket-streams.md#diff-depth-stream"""
    return {
        "e": "depthUpdate",
        "E": stamp(now_us, unit),
        "s": symbol,
        "U": diff.first_id,
        "u": diff.last_id,
        "b": _levels(diff.bids),
        "a": _levels(diff.asks),
    }


def _levels(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [(decimal(price), decimal(quantity)) for price, quantity in levels]


def server_shutdown(now_us: int, unit: TimeUnit) -> Json:
    """The last event of a connection. Source: web-socket-streams.md#server-shutdown"""
    return {"e": "serverShutdown", "E": stamp(now_us, unit)}
