"""Every market stream of Binance Spot, one value each, and how its name is read and written.

A stream's name is all that a subscription needs: `btcusdt@trade`, `!miniTicker@arr`. What else is known about a kind of
stream stands in its value: the type of its events, how a reader that falls behind is served, how silence is judged, and
by which mark two copies of one event are told from each other.

Source: web-socket-streams.md
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from binance_spot_mcp.catalogue.market_events import (
    AggregateTradeEvent,
    AveragePriceEvent,
    BookTickerEvent,
    DepthSnapshot,
    DepthUpdate,
    KlineEvent,
    MiniTickerEvent,
    ReferencePriceEvent,
    TickerEvent,
    TradeEvent,
    WindowTickerEvent,
)
from binance_spot_mcp.vocabulary import KlineInterval

Policy = Literal["latest", "every", "book"]
"""How a kind of stream is kept for readers.

latest: the newest event of each key replaces the one before; what was replaced is counted.
every: each event counts; of too many the oldest go, and are counted.
book: events go to a local order book, and the newest is kept.
"""

StreamWindow = Literal["1h", "4h", "1d"]
Levels = Literal[5, 10, 20]
EAST_EIGHT = "@+08:00"
"""The one offset that klines can be had with."""
FAST = "@100ms"


@dataclass(frozen=True, slots=True)
class StreamKind:
    """One kind of stream.

    Attributes:
        name: Ours, in Binance's words.
        pattern: How the documents write its name.
        event: The type of an event, or a union of types.
        policy: How events are kept.
        mark: The wire key that grows from event to event, by which a copy is known.
        source: Document and section.
        consecutive: Whether the mark grows by exactly one, so that whatever is missing can be counted.
        period_ms: How often it speaks; None where it speaks when something happens.
        array: Whether one message holds the events of many symbols.
    """

    name: str
    pattern: str
    event: Any
    policy: Policy
    mark: str
    source: str
    consecutive: bool = False
    period_ms: int | None = None
    array: bool = False


TRADE = StreamKind(
    "trade", "<symbol>@trade", TradeEvent, "every", "t", "web-socket-streams.md#trade-streams", consecutive=True
)
AGGREGATE_TRADE = StreamKind(
    "aggTrade",
    "<symbol>@aggTrade",
    AggregateTradeEvent,
    "every",
    "a",
    "web-socket-streams.md#aggregate-trade-streams",
    consecutive=True,
)
BLOCK_TRADE = StreamKind(
    "blockTrade",
    "<symbol>@blockTrade",
    TradeEvent,
    "every",
    "t",
    "web-socket-streams.md#block-trade-streams",
    consecutive=True,
)
KLINE = StreamKind(
    "kline", "<symbol>@kline_<interval>", KlineEvent, "latest", "E",
    "web-socket-streams.md#klinecandlestick-streams-for-utc",
)  # fmt: skip
KLINE_EAST_EIGHT = StreamKind(
    "kline+08:00", "<symbol>@kline_<interval>@+08:00", KlineEvent, "latest", "E",
    "web-socket-streams.md#klinecandlestick-streams-with-timezone-offset",
)  # fmt: skip
MINI_TICKER = StreamKind(
    "miniTicker", "<symbol>@miniTicker", MiniTickerEvent, "latest", "E",
    "web-socket-streams.md#individual-symbol-mini-ticker-stream", period_ms=1000,
)  # fmt: skip
ALL_MINI_TICKERS = StreamKind(
    "allMiniTickers", "!miniTicker@arr", MiniTickerEvent, "latest", "E",
    "web-socket-streams.md#all-market-mini-tickers-stream", period_ms=1000, array=True,
)  # fmt: skip
TICKER = StreamKind(
    "ticker", "<symbol>@ticker", TickerEvent, "latest", "E",
    "web-socket-streams.md#individual-symbol-ticker-streams", period_ms=1000,
)  # fmt: skip
WINDOW_TICKER = StreamKind(
    "windowTicker", "<symbol>@ticker_<window_size>", WindowTickerEvent, "latest", "E",
    "web-socket-streams.md#individual-symbol-rolling-window-statistics-streams", period_ms=1000,
)  # fmt: skip
ALL_WINDOW_TICKERS = StreamKind(
    "allWindowTickers", "!ticker_<window_size>@arr", WindowTickerEvent, "latest", "E",
    "web-socket-streams.md#all-market-rolling-window-statistics-streams", period_ms=1000, array=True,
)  # fmt: skip
BOOK_TICKER = StreamKind(
    "bookTicker", "<symbol>@bookTicker", BookTickerEvent, "latest", "u",
    "web-socket-streams.md#individual-symbol-book-ticker-streams",
)  # fmt: skip
AVERAGE_PRICE = StreamKind(
    "avgPrice", "<symbol>@avgPrice", AveragePriceEvent, "latest", "E",
    "web-socket-streams.md#average-price", period_ms=1000,
)  # fmt: skip
REFERENCE_PRICE = StreamKind(
    "referencePrice", "<symbol>@referencePrice", ReferencePriceEvent, "latest", "t",
    "web-socket-streams.md#reference-price-streams", period_ms=1000,
)  # fmt: skip
PARTIAL_DEPTH = StreamKind(
    "partialDepth", "<symbol>@depth<levels>[@100ms]", DepthSnapshot, "latest", "lastUpdateId",
    "web-socket-streams.md#partial-book-depth-streams", period_ms=1000,
)  # fmt: skip
DIFF_DEPTH = StreamKind(
    "depth", "<symbol>@depth[@100ms]", DepthUpdate, "book", "u", "web-socket-streams.md#diff-depth-stream"
)

STREAM_KINDS: Mapping[str, StreamKind] = {
    kind.pattern: kind
    for kind in (
        REFERENCE_PRICE, AGGREGATE_TRADE, TRADE, BLOCK_TRADE, KLINE, KLINE_EAST_EIGHT, MINI_TICKER, ALL_MINI_TICKERS,
        TICKER, WINDOW_TICKER, ALL_WINDOW_TICKERS, BOOK_TICKER, AVERAGE_PRICE, PARTIAL_DEPTH, DIFF_DEPTH,
    )
}  # fmt: skip
"""Every documented stream, by its pattern."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream that can be subscribed to.

    Attributes:
        name: As it goes on the wire.
        kind: What it is about.
        symbol: In upper case; None where it covers every symbol.
        note: What a caller should hear about the name, e.g. what took the place of a retired one.
    """

    name: str
    kind: StreamKind
    symbol: str | None = None
    note: str = ""


class NoSuchStream(ValueError):
    """A name that is no stream's; the text completes a sentence that starts with the name."""

    def __init__(self, why: str, fix: str | None = None) -> None:
        super().__init__(why)
        self.fix = fix


def stream(kind: StreamKind, symbol: str | None = None, tail: str = "") -> Stream:
    """The stream of a kind, for a symbol, with what its pattern leaves open.

    Args:
        tail: What stands behind the fixed part of the name: an interval, a window, levels, a speed.
    """
    if symbol is None:
        return Stream(kind.pattern.replace("<window_size>", tail), kind)
    fixed = re.split(r"[<\[]", kind.pattern.removeprefix("<symbol>"), maxsplit=1)[0]
    return Stream(f"{symbol.lower()}{fixed}{tail}", kind, symbol.upper())


_INTERVALS = "|".join(get_args(KlineInterval))
_WINDOWS = "|".join(get_args(StreamWindow))
_OF_ONE_SYMBOL: tuple[tuple[re.Pattern[str], StreamKind], ...] = (
    *(
        (re.compile(kind.pattern.removeprefix("<symbol>@")), kind)
        for kind in (TRADE, AGGREGATE_TRADE, BLOCK_TRADE, MINI_TICKER, TICKER, BOOK_TICKER, AVERAGE_PRICE,
                     REFERENCE_PRICE)
    ),
    (re.compile(rf"kline_(?:{_INTERVALS})"), KLINE),
    (re.compile(rf"kline_(?:{_INTERVALS})@\+08:00"), KLINE_EAST_EIGHT),
    (re.compile(rf"ticker_(?:{_WINDOWS})"), WINDOW_TICKER),
    (re.compile(r"depth(?:5|10|20)(?:@100ms)?"), PARTIAL_DEPTH),
    (re.compile(r"depth(?:@100ms)?"), DIFF_DEPTH),
)  # fmt: skip
_SYMBOL = re.compile(r"[\w\-.]{1,50}")
_LISTEN_KEY = re.compile(r"[A-Za-z0-9]{60,}")
_BY_LOWER_CASE = {
    each.lower(): each
    for each in (
        "trade", "aggTrade", "blockTrade", "miniTicker", "ticker", "bookTicker", "avgPrice", "referencePrice",
        "depth", "depth@100ms",
    )
}  # fmt: skip
_RETIRED_ALL = re.compile(rf"!windowTicker_({_WINDOWS})@arr")
_RETIRED_ONE = re.compile(rf"windowTicker_({_WINDOWS})")


def read_stream_name(text: str) -> Stream:
    """The stream of a name. The symbol may be in any case; a retired name means what took its place, and says so.

    Raises:
        NoSuchStream: There is none of that name.
    """
    if len(text) > 120 or any(character.isspace() or character in "/?&#" for character in text):
        raise NoSuchStream("must be one stream such as btcusdt@trade, without blanks or slashes.")
    if text.startswith("!"):
        return _of_all_symbols(text)
    symbol, at, what = text.partition("@")
    if not at:
        if _LISTEN_KEY.fullmatch(text):
            raise NoSuchStream(
                "looks like a listenKey, which Binance removed on 2026-02-20; use subscribe_to_user_stream."
            )
        raise NoSuchStream("must name a stream behind the symbol, such as btcusdt@trade.")
    if not _SYMBOL.fullmatch(symbol):
        raise NoSuchStream("must start with a symbol such as btcusdt.")
    return _of_symbol(symbol, what)


def _of_all_symbols(text: str) -> Stream:
    if text == "!ticker@arr":
        return Stream(
            ALL_MINI_TICKERS.pattern,
            ALL_MINI_TICKERS,
            note="!ticker@arr was retired on 2026-03-26; !miniTicker@arr takes its place.",
        )
    if text == "!bookTicker":
        raise NoSuchStream("was retired on 2022-12-07; subscribe to <symbol>@bookTicker for each symbol.")
    if old := _RETIRED_ALL.fullmatch(text):
        current = stream(ALL_WINDOW_TICKERS, tail=old[1])
        return Stream(current.name, current.kind, note=f"{text} never existed under this name; it is {current.name}.")
    if text == ALL_MINI_TICKERS.pattern:
        return stream(ALL_MINI_TICKERS)
    if window := re.fullmatch(rf"!ticker_({_WINDOWS})@arr", text):
        return stream(ALL_WINDOW_TICKERS, tail=window[1])
    raise NoSuchStream(f"is no stream; those of all symbols are !miniTicker@arr and !ticker_<{_WINDOWS}>@arr.")


def _of_symbol(symbol: str, what: str) -> Stream:
    note = ""
    if old := _RETIRED_ONE.fullmatch(what):
        note = f"{what} never existed under this name; it is ticker_{old[1]}."
        what = f"ticker_{old[1]}"
    what = _BY_LOWER_CASE.get(what.lower(), what)
    for pattern, kind in _OF_ONE_SYMBOL:
        if pattern.fullmatch(what):
            return Stream(f"{symbol.lower()}@{what}", kind, symbol.upper(), note)
    if what.startswith("kline"):
        raise NoSuchStream(f"needs an interval after kline_: {_INTERVALS.replace('|', ', ')}.")
    if what.startswith("depth"):
        raise NoSuchStream("must be depth, depth5, depth10 or depth20, each with @100ms behind it if wanted.")
    if what.startswith("ticker"):
        raise NoSuchStream(f"must be ticker, or ticker_ with {_WINDOWS.replace('|', ', ')}.")
    known = ", ".join(dict.fromkeys(_BY_LOWER_CASE.values()))
    raise NoSuchStream(f"names no stream behind @; there are {known}, kline_<interval> and ticker_<window>.")
