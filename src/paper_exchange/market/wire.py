"""The public record as Binance's JSON: decimal strings with eight places, times in the unit the client asked for.

Source: rest-api.md#market-data-endpoints, web-socket-streams.md
"""

from decimal import Decimal
from typing import Any, Literal, NamedTuple

from paper_exchange.market.amounts import text, to_e8
from paper_exchange.market.bars import PublicTrade
from paper_exchange.market.history import AveragePrice, BlockTrade, Kline, Ticker, weighted_average_e8
from paper_exchange.market.trade_log import AggregateTrade

TimeUnit = Literal["MILLISECOND", "MICROSECOND"]
Json = dict[str, Any]

_ZERO = Decimal(0)
_PER_MILLE = 1_000
_PERCENT_E3 = 100_000


class BookTop(NamedTuple):
    """The best bid and ask, zero on a side without orders."""

    bid_price: Decimal = _ZERO
    bid_quantity: Decimal = _ZERO
    ask_price: Decimal = _ZERO
    ask_quantity: Decimal = _ZERO


def stamp(time_us: int, unit: TimeUnit) -> int:
    """A time in the unit the client asked for, rounded down."""
    return time_us if unit == "MICROSECOND" else time_us // 1_000


def decimal_text(amount: Decimal) -> str:
    """A decimal with eight places."""
    return text(to_e8(amount))


def trade(public: PublicTrade, unit: TimeUnit) -> Json:
    """A row of `trades` and `historicalTrades`."""
    return {
        "id": public.trade_id,
        "price": text(public.price_e8),
        "qty": text(public.quantity_e8),
        "quoteQty": text(public.quote_e8),
        "time": stamp(public.time_us, unit),
        "isBuyerMaker": public.buyer_is_maker,
        "isBestMatch": True,
    }


def block_trade(block: BlockTrade, unit: TimeUnit) -> Json:
    """A row of `historicalBlockTrades`."""
    return {
        "id": block.block_trade_id,
        "price": text(block.price_e8),
        "qty": text(block.quantity_e8),
        "quoteQty": text(block.quote_e8),
        "time": stamp(block.time_us, unit),
        "isBuyerMaker": block.buyer_is_maker,
    }


def aggregate_trade(aggregate: AggregateTrade, unit: TimeUnit) -> Json:
    """A row of `aggTrades`."""
    return {
        "a": aggregate.aggregate_id,
        "p": text(aggregate.price_e8),
        "q": text(aggregate.quantity_e8),
        "f": aggregate.first_id,
        "l": aggregate.last_id,
        "T": stamp(aggregate.time_us, unit),
        "m": aggregate.buyer_is_maker,
        "M": True,
    }


def kline(candle: Kline, unit: TimeUnit) -> list[Any]:
    """A row of `klines` and `uiKlines`."""
    bar = candle.bar
    return [
        stamp(candle.opening_us, unit),
        text(bar.open_e8),
        text(bar.high_e8),
        text(bar.low_e8),
        text(bar.close_e8),
        text(bar.volume_e8),
        stamp(candle.end_us, unit) - 1,
        text(bar.quote_e8),
        bar.count,
        text(bar.taker_volume_e8),
        text(bar.taker_quote_e8),
        "0",
    ]


def average_price(average: AveragePrice, unit: TimeUnit) -> Json:
    """The answer of `avgPrice`."""
    return {
        "mins": average.minutes,
        "price": text(average.price_e8),
        "closeTime": stamp(average.last_trade_us, unit),
    }


def mini_ticker(symbol: str, ticker: Ticker, unit: TimeUnit) -> Json:
    """A ticker of type MINI, the same for all three ticker endpoints."""
    bar = ticker.bar
    return {
        "symbol": symbol,
        "openPrice": text(bar.open_e8),
        "highPrice": text(bar.high_e8),
        "lowPrice": text(bar.low_e8),
        "lastPrice": text(bar.close_e8),
        "volume": text(bar.volume_e8),
        "quoteVolume": text(bar.quote_e8),
        "openTime": stamp(ticker.opening_us, unit),
        "closeTime": stamp(ticker.closing_us, unit),
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.count,
    }


def ticker(symbol: str, statistics: Ticker, unit: TimeUnit) -> Json:
    """A ticker of type FULL of `ticker` and `ticker/tradingDay`."""
    return {
        "symbol": symbol,
        "priceChange": text(statistics.change_e8),
        "priceChangePercent": change_percent(statistics),
        "weightedAvgPrice": text(weighted_average_e8(statistics.bar)),
        **mini_ticker(symbol, statistics, unit),
    }


def ticker_24h(symbol: str, statistics: Ticker, top: BookTop, unit: TimeUnit) -> Json:
    """A ticker of type FULL of `ticker/24hr`."""
    return {
        **ticker(symbol, statistics, unit),
        "prevClosePrice": text(statistics.previous_close_e8),
        "lastQty": text(statistics.last_quantity_e8),
        "bidPrice": decimal_text(top.bid_price),
        "bidQty": decimal_text(top.bid_quantity),
        "askPrice": decimal_text(top.ask_price),
        "askQty": decimal_text(top.ask_quantity),
    }


def book_ticker(symbol: str, top: BookTop) -> Json:
    """A row of `ticker/bookTicker`."""
    return {
        "symbol": symbol,
        "bidPrice": decimal_text(top.bid_price),
        "bidQty": decimal_text(top.bid_quantity),
        "askPrice": decimal_text(top.ask_price),
        "askQty": decimal_text(top.ask_quantity),
    }


def price_ticker(symbol: str, last: PublicTrade | None) -> Json:
    """A row of `ticker/price`."""
    return {"symbol": symbol, "price": text(0 if last is None else last.price_e8)}


def change_percent(statistics: Ticker) -> str:
    """The price change in percent with three decimals, rounded half away from zero."""
    open_e8 = statistics.bar.open_e8
    if not open_e8:
        return "0.000"
    change_e8 = statistics.change_e8
    rounded = (abs(change_e8) * _PERCENT_E3 * 2 + open_e8) // (2 * open_e8)
    sign = "-" if change_e8 < 0 and rounded else ""
    return f"{sign}{rounded // _PER_MILLE}.{rounded % _PER_MILLE:03d}"
