"""Books, trades, candles, tickers, reference prices.

Source: rest-api.md#market-data-endpoints
"""

from collections.abc import Callable
from typing import Any, Literal

from paper_exchange.engine.orders import ZERO
from paper_exchange.engine.words import Side
from paper_exchange.gateway import refusals, weights
from paper_exchange.gateway.chapters.shared import (
    END_TIME,
    FROM_ID,
    LIMIT,
    START_TIME,
    SYMBOL,
    SYMBOL_IF_ANY,
    SYMBOL_STATUS,
)
from paper_exchange.gateway.endpoint import Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import Arguments, Parameter, one_of, parsed, row_limit, symbol_list, words
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import Json, decimal
from paper_exchange.gateway.rules import Rule, at_most_one, none_beside, require_any
from paper_exchange.market import wire
from paper_exchange.market.history import AVERAGE_PRICE_MINUTES, AveragePrice, History, Ticker
from paper_exchange.market.intervals import DAY_US, INTERVALS, Interval, parse_time_zone, parse_window
from paper_exchange.market.wire import stamp

TickerType = Literal["FULL", "MINI"]

_MOST_SYMBOLS = 100

DEPTH_LIMIT = row_limit(default=100, maximum=5000)
FROM_BLOCK_TRADE = FROM_ID.required
SYMBOLS = symbol_list()
FEW_SYMBOLS = symbol_list(maximum=_MOST_SYMBOLS)
INTERVAL: Parameter[Interval] = one_of("interval", INTERVALS, lambda _: Rejected(-1120, "Invalid interval.")).required
TIME_ZONE = parsed("timeZone", parse_time_zone, 0)
WINDOW_SIZE = parsed("windowSize", parse_window, DAY_US)
TICKER_TYPE: Parameter[TickerType] = one_of(
    "type", words("FULL", "MINI"), lambda _: Rejected(-1139, "Invalid ticker type."), default="FULL"
)


def order_book(venue: Venue, arguments: Arguments, _: Caller) -> Json:
    """A snapshot of the book."""
    symbol, limit, engine = _one_symbol(venue, arguments), arguments[DEPTH_LIMIT], venue.exchange.engine

    def levels(side: Side) -> list[list[str]]:
        return [[decimal(level.price), decimal(level.quantity)] for level in engine.levels(symbol, side, limit)]

    return {"lastUpdateId": engine.last_update_id(symbol), "bids": levels("BUY"), "asks": levels("SELL")}


def recent_trades(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """The latest public trades."""
    return [wire.trade(trade, caller.unit) for trade in _history(venue, arguments).recent_trades(arguments[LIMIT])]


def historical_trades(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Public trades from an id on."""
    history, first_id, limit = _history(venue, arguments), arguments.get(FROM_ID), arguments[LIMIT]
    trades = history.recent_trades(limit) if first_id is None else history.trades_from(first_id, limit)
    return [wire.trade(trade, caller.unit) for trade in trades]


def block_trades(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Block trades from an id on."""
    trades = _history(venue, arguments).block_trades(arguments[FROM_BLOCK_TRADE], arguments[LIMIT])
    return [wire.block_trade(trade, caller.unit) for trade in trades]


def aggregate_trades(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Trades merged by taker order and price."""
    history, first_id, limit = _history(venue, arguments), arguments.get(FROM_ID), arguments[LIMIT]
    if first_id is not None:
        trades = history.aggregates_from(first_id, limit)
    else:
        trades = history.aggregates_between(arguments.get(START_TIME), arguments.get(END_TIME), limit)
    return [wire.aggregate_trade(trade, caller.unit) for trade in trades]


def klines(venue: Venue, arguments: Arguments, caller: Caller) -> list[list[Any]]:
    """Candles."""
    candles = _history(venue, arguments).klines(
        arguments[INTERVAL],
        venue.exchange.now_us(),
        start_us=arguments.get(START_TIME),
        end_us=arguments.get(END_TIME),
        limit=arguments[LIMIT],
        zone_us=arguments[TIME_ZONE],
    )
    return [wire.kline(candle, caller.unit) for candle in candles]


def average_price(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """The average price of the last minutes; zero for a symbol that never traded."""
    now_us = venue.exchange.now_us()
    average = _history(venue, arguments).average_price(now_us)
    return wire.average_price(average or AveragePrice(AVERAGE_PRICE_MINUTES, 0, now_us), caller.unit)


def ticker_24h(venue: Venue, arguments: Arguments, caller: Caller) -> Any:
    """Statistics of the rolling day."""
    now_us = venue.exchange.now_us()

    def row(symbol: str) -> Json:
        statistics = venue.exchange.record.history(symbol).ticker_24h(now_us)
        if arguments[TICKER_TYPE] == "MINI":
            return wire.mini_ticker(symbol, statistics, caller.unit)
        return wire.ticker_24h(symbol, statistics, _book_top(venue, symbol), caller.unit)

    return _each(venue, arguments, SYMBOLS, row)


def trading_day_ticker(venue: Venue, arguments: Arguments, caller: Caller) -> Any:
    """Statistics of the day so far."""
    now_us, zone_us = venue.exchange.now_us(), arguments[TIME_ZONE]
    return _tickers(venue, arguments, caller, lambda history: history.trading_day_ticker(now_us, zone_us))


def rolling_ticker(venue: Venue, arguments: Arguments, caller: Caller) -> Any:
    """Statistics of a rolling window; a single symbol must have traded."""
    now_us, window_us = venue.exchange.now_us(), arguments[WINDOW_SIZE]
    if "symbol" in arguments and _history(venue, arguments).last_trade is None:
        raise Rejected(-2016, "No trading window could be found for the symbol. Try ticker/24hrs instead.")
    return _tickers(venue, arguments, caller, lambda history: history.rolling_ticker(window_us, now_us))


def price_ticker(venue: Venue, arguments: Arguments, _: Caller) -> Any:
    """Last prices."""

    def row(symbol: str) -> Json:
        return wire.price_ticker(symbol, venue.exchange.record.history(symbol).last_trade)

    return _each(venue, arguments, SYMBOLS, row)


def book_ticker(venue: Venue, arguments: Arguments, _: Caller) -> Any:
    """Best bids and asks."""
    return _each(venue, arguments, SYMBOLS, lambda symbol: wire.book_ticker(symbol, _book_top(venue, symbol)))


def reference_price(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """The reference price, null while it is not set."""
    symbol, now_us = _one_symbol(venue, arguments), venue.exchange.now_us()
    price = venue.exchange.engine.reference_price(symbol, now_us=now_us)
    return {
        "symbol": symbol,
        "referencePrice": None if price is None else decimal(price),
        "timestamp": stamp(now_us, caller.unit),
    }


def reference_price_calculation(venue: Venue, arguments: Arguments, _: Caller) -> Json:
    """How the reference price comes about."""
    symbol = _one_symbol(venue, arguments)
    rule = venue.exchange.engine.symbol(symbol).reference_price
    if rule is None:
        raise Rejected(-2043, "This symbol doesn't have a reference price.")
    answer: Json = {"symbol": symbol, "calculationType": rule.calculation_type}
    if rule.calculation_type == "EXTERNAL":
        return answer | {"externalCalculationId": rule.external_calculation_id}
    return answer | {"bucketCount": rule.bucket_count, "bucketWidthMs": rule.bucket_width_ms}


def _one_symbol(venue: Venue, arguments: Arguments) -> str:
    """The symbol of a call about one, which must be listed and in the status that was asked for."""
    symbol = arguments[SYMBOL]
    spec = venue.exchange.engine.symbol(symbol)
    if arguments.get(SYMBOL_STATUS) not in {None, spec.status}:
        raise refusals.status_mismatch()
    return symbol


def _history(venue: Venue, arguments: Arguments) -> History:
    return venue.exchange.record.history(_one_symbol(venue, arguments))


def _each(
    venue: Venue, arguments: Arguments, several: Parameter[tuple[str, ...]], row: Callable[[str], Json]
) -> Json | list[Json]:
    """A row for one symbol, or an array of rows for several or all, less those of another status."""
    if arguments.get(SYMBOL_IF_ANY) is not None:
        return row(_one_symbol(venue, arguments))
    engine, status = venue.exchange.engine, arguments.get(SYMBOL_STATUS)
    specs = [engine.symbol(symbol) for symbol in arguments.get(several) or engine.symbols]
    return [row(spec.symbol) for spec in specs if status in {None, spec.status}]


def _tickers(
    venue: Venue, arguments: Arguments, caller: Caller, statistics_of: Callable[[History], Ticker]
) -> Json | list[Json]:
    render = wire.mini_ticker if arguments[TICKER_TYPE] == "MINI" else wire.ticker

    def row(symbol: str) -> Json:
        return render(symbol, statistics_of(venue.exchange.record.history(symbol)), caller.unit)

    return _each(venue, arguments, FEW_SYMBOLS, row)


def _book_top(venue: Venue, symbol: str) -> wire.BookTop:
    bid, ask = venue.exchange.engine.best(symbol, "BUY"), venue.exchange.engine.best(symbol, "SELL")
    return wire.BookTop(*(bid or (ZERO, ZERO)), *(ask or (ZERO, ZERO)))


_KLINE_PARAMETERS = (SYMBOL, INTERVAL, START_TIME, END_TIME, TIME_ZONE, LIMIT)
_ONE_OR_SEVERAL = at_most_one("symbol", "symbols")
_ONE_OF_BOTH: tuple[Rule, ...] = (require_any("symbol", "symbols"), _ONE_OR_SEVERAL)
_TICKER_WEIGHT = weights.per_symbol(4, 200)
_PRICE_WEIGHT = weights.by_symbols(2, 4)

ENDPOINTS = (
    Endpoint(
        route="GET /api/v3/depth",
        answer=order_book,
        parameters=(SYMBOL, DEPTH_LIMIT, SYMBOL_STATUS),
        weight=weights.by_rows((100, 5), (500, 25), (1000, 50), beyond=250, default=100),
    ),
    Endpoint(route="GET /api/v3/trades", answer=recent_trades, parameters=(SYMBOL, LIMIT), weight=25),
    Endpoint(
        route="GET /api/v3/historicalTrades", answer=historical_trades, parameters=(SYMBOL, LIMIT, FROM_ID), weight=25
    ),
    Endpoint(
        route="GET /api/v3/historicalBlockTrades",
        answer=block_trades,
        parameters=(SYMBOL, FROM_BLOCK_TRADE, LIMIT),
        weight=25,
    ),
    Endpoint(
        route="GET /api/v3/aggTrades",
        answer=aggregate_trades,
        parameters=(SYMBOL, FROM_ID, START_TIME, END_TIME, LIMIT),
        rules=(none_beside("fromId", "startTime", "endTime"),),
        weight=4,
    ),
    Endpoint(route="GET /api/v3/klines", answer=klines, parameters=_KLINE_PARAMETERS, weight=2),
    Endpoint(route="GET /api/v3/uiKlines", answer=klines, parameters=_KLINE_PARAMETERS, weight=2),
    Endpoint(route="GET /api/v3/avgPrice", answer=average_price, parameters=(SYMBOL,), weight=2),
    Endpoint(
        route="GET /api/v3/ticker/24hr",
        answer=ticker_24h,
        parameters=(SYMBOL_IF_ANY, SYMBOLS, TICKER_TYPE, SYMBOL_STATUS),
        rules=(_ONE_OR_SEVERAL,),
        weight=weights.by_symbol_count((20, 2), (100, 40), beyond=80),
    ),
    Endpoint(
        route="GET /api/v3/ticker/tradingDay",
        answer=trading_day_ticker,
        parameters=(SYMBOL_IF_ANY, FEW_SYMBOLS, TIME_ZONE, TICKER_TYPE, SYMBOL_STATUS),
        rules=_ONE_OF_BOTH,
        weight=_TICKER_WEIGHT,
    ),
    Endpoint(
        route="GET /api/v3/ticker/price",
        answer=price_ticker,
        parameters=(SYMBOL_IF_ANY, SYMBOLS, SYMBOL_STATUS),
        rules=(_ONE_OR_SEVERAL,),
        weight=_PRICE_WEIGHT,
    ),
    Endpoint(
        route="GET /api/v3/ticker/bookTicker",
        answer=book_ticker,
        parameters=(SYMBOL_IF_ANY, SYMBOLS, SYMBOL_STATUS),
        rules=(_ONE_OR_SEVERAL,),
        weight=_PRICE_WEIGHT,
    ),
    Endpoint(
        route="GET /api/v3/ticker",
        answer=rolling_ticker,
        parameters=(SYMBOL_IF_ANY, FEW_SYMBOLS, WINDOW_SIZE, TICKER_TYPE, SYMBOL_STATUS),
        rules=_ONE_OF_BOTH,
        weight=_TICKER_WEIGHT,
    ),
    Endpoint(route="GET /api/v3/referencePrice", answer=reference_price, parameters=(SYMBOL,), weight=2),
    Endpoint(
        route="GET /api/v3/referencePrice/calculation",
        answer=reference_price_calculation,
        parameters=(SYMBOL, SYMBOL_STATUS),
        weight=2,
    ),
)
