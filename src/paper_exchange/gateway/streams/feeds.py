"""The feeds behind the streams: what each kind of stream takes in, and when it has something to say.

A feed lives while somebody listens to its stream. It hears what one command did to its symbol, and is ticked at the
end of each of its periods. What it says is a `Draw`, which writes the payload in a listener's time unit.

Source: web-socket-streams.md#detailed-stream-information
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import BookChange, Trade
from paper_exchange.engine.refusal import Refusal
from paper_exchange.gateway.rendering import Json
from paper_exchange.gateway.streams import payloads
from paper_exchange.gateway.streams.names import ALL_MARKET, Kind, Stream
from paper_exchange.market.history import BlockTrade
from paper_exchange.market.intervals import INTERVALS, parse_window
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.wire import BookTop, TimeUnit

Draw = Callable[[TimeUnit], Json | list[Json]]
"""Writes one message."""

_MOST_CANDLES = 1000
"""Candles that one tick can close; more only if the process stood still for that long."""


class Market(NamedTuple):
    """What feeds read: the books and the public record."""

    engine: Engine
    record: MarketRecord

    def is_listed(self, symbol: str) -> bool:
        """Whether there is such a symbol."""
        try:
            self.engine.symbol(symbol)
        except Refusal:
            return False
        return True

    def top(self, symbol: str) -> BookTop:
        """The best bid and ask of a listed symbol."""
        bid, ask = self.engine.best(symbol, "BUY"), self.engine.best(symbol, "SELL")
        return BookTop(*(bid or BookTop()[:2]), *(ask or BookTop()[2:]))


@dataclass(frozen=True, slots=True)
class Happened:
    """What one command did to one symbol in public."""

    symbol: str
    trades: list[Trade] = field(default_factory=list)
    book_changes: list[BookChange] = field(default_factory=list)
    block_trades: list[BlockTrade] = field(default_factory=list)


class Feed:
    """A stream that somebody listens to."""

    def __init__(self, stream: Stream, market: Market, now_us: int) -> None:
        self.stream = stream
        self.market = market

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """What it says at once."""
        return ()

    def tick(self, now_us: int) -> Iterable[Draw]:
        """What it says at the end of a period."""
        return ()


class Trades(Feed):
    """Every trade."""

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """Each trade by itself."""
        return [partial(payloads.trade, trade, now_us) for trade in happened.trades]


class AggregateTrades(Feed):
    """Trades of one taker order at one price, as one."""

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """The aggregates that the record made of these trades."""
        trades = happened.trades
        if not trades:
            return []
        latest = self.market.record.history(happened.symbol).recent_aggregates(len(trades))
        return [
            partial(payloads.aggregate_trade, happened.symbol, aggregate, now_us)
            for aggregate in latest
            if aggregate.first_id >= trades[0].trade_id
        ]


class BlockTrades(Feed):
    """Trades agreed outside the book."""

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """Each block trade by itself."""
        return [partial(payloads.block_trade, happened.symbol, trade, now_us) for trade in happened.block_trades]


class BookTickers(Feed):
    """The best bid and ask whenever either changes."""

    def __init__(self, stream: Stream, market: Market, now_us: int) -> None:
        super().__init__(stream, market, now_us)
        self._last = market.top(stream.symbol) if market.is_listed(stream.symbol) else BookTop()

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """The new top, once for a whole command."""
        if not happened.book_changes:
            return []
        top = self.market.top(happened.symbol)
        if top == self._last:
            return []
        self._last = top
        return [partial(payloads.book_ticker, happened.symbol, happened.book_changes[-1].update_id, top)]


class DiffDepths(Feed):
    """The levels that changed in a period; the update ids of consecutive messages have no gap."""

    def __init__(self, stream: Stream, market: Market, now_us: int) -> None:
        super().__init__(stream, market, now_us)
        self._start_over()

    def _start_over(self) -> None:
        self._first_id = self._last_id = 0
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """Note the changes."""
        for change in happened.book_changes:
            side = self._bids if change.side == "BUY" else self._asks
            side[change.price] = change.quantity
            self._first_id = self._first_id or change.update_id
            self._last_id = change.update_id
        return ()

    def tick(self, now_us: int) -> Iterable[Draw]:
        """The changes of the period, best levels first; nothing when there were none."""
        if not self._last_id:
            return []
        bids, asks = sorted(self._bids.items(), reverse=True), sorted(self._asks.items())
        diff = payloads.BookDiff(self._first_id, self._last_id, bids, asks)
        self._start_over()
        return [partial(payloads.depth_update, self.stream.symbol, diff, now_us)]


class PartialDepths(Feed):
    """The best levels of both sides."""

    def tick(self, now_us: int) -> Iterable[Draw]:
        """The top of the book, changed or not."""
        symbol, levels, engine = self.stream.symbol, self.stream.levels, self.market.engine
        if not self.market.is_listed(symbol):
            return []
        bids, asks = engine.levels(symbol, "BUY", levels), engine.levels(symbol, "SELL", levels)
        return [partial(payloads.partial_depth, engine.last_update_id(symbol), bids, asks)]


class Klines(Feed):
    """The current candle while it changes, and every candle once when it closes."""

    def __init__(self, stream: Stream, market: Market, now_us: int) -> None:
        super().__init__(stream, market, now_us)
        self._interval = INTERVALS[stream.variant]
        self._opening_us = self._interval.opening(now_us, stream.zone_us)
        self._has_changed = True

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """Note that there were trades."""
        self._has_changed |= bool(happened.trades)
        return ()

    def tick(self, now_us: int) -> Iterable[Draw]:
        """Candles that have closed since the last tick, then the one that is open when it had trades."""
        stream = self.stream
        opening_us = self._interval.opening(now_us, stream.zone_us)
        if (opening_us == self._opening_us and not self._has_changed) or not self.market.is_listed(stream.symbol):
            return []
        candles = self.market.record.history(stream.symbol).klines(
            self._interval, now_us, start_us=self._opening_us, zone_us=stream.zone_us, limit=_MOST_CANDLES
        )
        said = [candle for candle in candles if candle.is_closed or (self._has_changed and candle.bar.count)]
        self._opening_us, self._has_changed = opening_us, False
        return [partial(payloads.kline, stream.symbol, stream.variant, candle, now_us) for candle in said]


class Tickers(Feed):
    """Statistics of a symbol over the last hours, in one of three forms."""

    def tick(self, now_us: int) -> Iterable[Draw]:
        """The statistics now, changed or not."""
        if not self.market.is_listed(self.stream.symbol):
            return []
        return [_ticker(self.stream, self.stream.symbol, self.market, now_us)]


class AllTickers(Feed):
    """Statistics of every symbol that has traded since the last message, as one array."""

    def __init__(self, stream: Stream, market: Market, now_us: int) -> None:
        super().__init__(stream, market, now_us)
        self._traded: dict[str, None] = {}

    def hear(self, happened: Happened, now_us: int) -> Iterable[Draw]:
        """Note which symbol traded."""
        if happened.trades:
            self._traded[happened.symbol] = None
        return ()

    def tick(self, now_us: int) -> Iterable[Draw]:
        """The statistics of what traded; nothing when nothing did."""
        tickers = [_ticker(self.stream, symbol, self.market, now_us) for symbol in self._traded]
        self._traded.clear()
        return [partial(_draw_all, tickers)] if tickers else []


class AveragePrices(Feed):
    """The average price of the last minutes."""

    def tick(self, now_us: int) -> Iterable[Draw]:
        """The average now, changed or not; nothing before the first trade."""
        symbol = self.stream.symbol
        if not self.market.is_listed(symbol):
            return []
        average = self.market.record.history(symbol).average_price(now_us)
        return [] if average is None else [partial(payloads.average_price, symbol, average, now_us)]


class ReferencePrices(Feed):
    """The reference price."""

    def tick(self, now_us: int) -> Iterable[Draw]:
        """The price now, also when it is not set; nothing where the symbol has none."""
        try:
            price = self.market.engine.reference_price(self.stream.symbol, now_us=now_us)
        except Refusal:
            return []
        return [partial(payloads.reference_price, self.stream.symbol, price, now_us)]


def _ticker(stream: Stream, symbol: str, market: Market, now_us: int) -> Callable[[TimeUnit], Json]:
    history = market.record.history(symbol)
    if stream.kind is Kind.WINDOW_TICKER:
        window = history.rolling_ticker(parse_window(stream.variant), now_us)
        return partial(payloads.window_ticker, symbol, stream.variant, window, now_us)
    day = history.ticker_24h(now_us)
    if stream.kind is Kind.MINI_TICKER:
        return partial(payloads.mini_ticker, symbol, day, now_us)
    return partial(payloads.day_ticker, symbol, day, market.top(symbol), now_us)


def _draw_all(draws: list[Callable[[TimeUnit], Json]], unit: TimeUnit) -> list[Json]:
    return [draw(unit) for draw in draws]


_FEEDS: dict[Kind, type[Feed]] = {
    Kind.TRADE: Trades,
    Kind.AGGREGATE_TRADE: AggregateTrades,
    Kind.BLOCK_TRADE: BlockTrades,
    Kind.KLINE: Klines,
    Kind.MINI_TICKER: Tickers,
    Kind.TICKER: Tickers,
    Kind.WINDOW_TICKER: Tickers,
    Kind.BOOK_TICKER: BookTickers,
    Kind.AVERAGE_PRICE: AveragePrices,
    Kind.REFERENCE_PRICE: ReferencePrices,
    Kind.PARTIAL_DEPTH: PartialDepths,
    Kind.DIFF_DEPTH: DiffDepths,
}


def start(stream: Stream, market: Market, now_us: int) -> Feed:
    """A feed for a stream, which starts to listen now."""
    kind = AllTickers if stream.symbol == ALL_MARKET else _FEEDS[stream.kind]
    return kind(stream, market, now_us)
