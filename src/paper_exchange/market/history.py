"""The public record of one symbol, and what Binance's market endpoints compute from it.

The record is the past that a source made up, followed by the trades of the engine. Times are microseconds, amounts
hundred-millionths; `wire` writes both the way clients see them.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Protocol

from msgspec import Struct

from paper_exchange.market.amounts import ONE_E8
from paper_exchange.market.bars import UNITS_US, Bar, Bars, BarsState, JoinedBars, LiveBars, PublicTrade, span
from paper_exchange.market.intervals import DAY, DAY_US, MINUTE_US, Interval
from paper_exchange.market.trade_log import AggregateTrade, JoinedTrades, TradeLog, TradeLogState, Trades

AVERAGE_PRICE_MINUTES = 5
"""Source: rest-api.md#current-average-price"""

KEPT_TRADES = 50_000
KEPT_MINUTES = 8 * DAY_US // MINUTE_US
"""More than the longest rolling window, whose edge is a minute."""


class Past(Protocol):
    """What happened on a symbol before the engine's first trade. It ends on a whole minute."""

    @property
    def begin_us(self) -> int | None:
        """When the symbol began to trade, None when it never did."""
        ...

    @property
    def bars(self) -> Bars:
        """Its bars."""
        ...

    @property
    def trades(self) -> Trades:
        """Its latest trades."""
        ...


class NoPast:
    """A symbol that has not traded yet; its first trade will be `first_id`."""

    def __init__(self, first_id: int = 1) -> None:
        self.begin_us: int | None = None
        self.bars: Bars = LiveBars(0)
        self.trades: Trades = TradeLog(kept=0, first_id=first_id, first_aggregate_id=0)


class Kline(Struct, frozen=True, gc=False):
    """One candle; `end_us` is the opening of the next one. A candle without trades keeps the price before it."""

    opening_us: int
    end_us: int
    bar: Bar
    is_closed: bool


class Ticker(Struct, frozen=True, gc=False):
    """Statistics of a stretch of time; `closing_us` is the last instant of it.

    Attributes:
        bar: The trades in it. Without any, the price before it.
        previous_close_e8: The last price before it, the first one in it when there is none.
        last_quantity_e8: Of the symbol's last trade.
    """

    opening_us: int
    closing_us: int
    bar: Bar
    previous_close_e8: int
    last_quantity_e8: int

    @property
    def change_e8(self) -> int:
        """How far the price went."""
        return self.bar.close_e8 - self.bar.open_e8


class AveragePrice(Struct, frozen=True, gc=False):
    """The volume-weighted price of the last minutes; `last_trade_us` is when the last trade was."""

    minutes: int
    price_e8: int
    last_trade_us: int


class BlockTrade(Struct, frozen=True, array_like=True, gc=False):
    """A trade agreed outside the book; its ids are a sequence of their own."""

    block_trade_id: int
    price_e8: int
    quantity_e8: int
    quote_e8: int
    time_us: int
    buyer_is_maker: bool


class HistoryState(Struct, frozen=True):
    """What a `History` took in, to be kept; its past is not part of it."""

    bars: BarsState
    trades: TradeLogState
    block_trades: tuple[BlockTrade, ...]
    begin_us: int | None
    last: PublicTrade | None


class History:
    """The public record of one symbol.

    Args:
        past: What happened before; the engine's trades must go on where it ends.
        kept_trades: How many of the engine's trades stay readable one by one.
        kept_minutes: For how many minutes candles shorter than an hour stay readable.
    """

    def __init__(self, past: Past, *, kept_trades: int = KEPT_TRADES, kept_minutes: int = KEPT_MINUTES) -> None:
        self._live_bars = LiveBars(kept_minutes)
        self._live_trades = TradeLog(
            kept=kept_trades, first_id=past.trades.next_id, first_aggregate_id=past.trades.next_aggregate_id
        )
        self._bars: Bars = JoinedBars(past.bars, self._live_bars)
        self._trades: Trades = JoinedTrades(past.trades, self._live_trades)
        self._begin_us = past.begin_us
        self._last = next(iter(past.trades.read(past.trades.next_id - 1, past.trades.next_id)), None)
        self._block_trades: list[BlockTrade] = []

    # What happens

    def record(self, trade: PublicTrade, taker_order_id: int) -> None:
        """Add a trade of the engine.

        Raises:
            OutOfSequence: Its id does not follow the last one.
        """
        self._live_trades.add(trade, taker_order_id)
        self._live_bars.add(trade)
        self._last = trade
        if self._begin_us is None:
            self._begin_us = trade.time_us

    def record_block_trade(self, trade: BlockTrade) -> None:
        """Add a block trade. It is in no candle and no ticker."""
        self._block_trades.append(trade)

    def state(self) -> HistoryState:
        """Everything it took in. It goes on growing; whoever keeps it must write it down at once."""
        return HistoryState(
            self._live_bars.state(),
            self._live_trades.state(),
            tuple(self._block_trades),
            self._begin_us,
            self._last,
        )

    def restore(self, state: HistoryState) -> None:
        """Know what was taken in then, and nothing else."""
        self._live_bars.restore(state.bars)
        self._live_trades.restore(state.trades)
        self._block_trades = list(state.block_trades)
        self._begin_us = state.begin_us
        self._last = state.last

    # Trades

    @property
    def last_trade(self) -> PublicTrade | None:
        """The latest trade."""
        return self._last

    @property
    def last_aggregate(self) -> AggregateTrade | None:
        """The latest aggregate trade, which the next trade may still extend."""
        end_id = self._trades.next_aggregate_id
        return next(iter(self._trades.read_aggregates(end_id - 1, end_id)), None)

    def recent_trades(self, limit: int) -> list[PublicTrade]:
        """The latest trades, oldest first."""
        return self._trades.read(self._trades.next_id - limit, self._trades.next_id)

    def trades_from(self, first_id: int, limit: int) -> list[PublicTrade]:
        """Trades from an id on, or from the oldest known one when that is later."""
        first_id = max(first_id, self._trades.first_id)
        return self._trades.read(first_id, first_id + limit)

    def recent_aggregates(self, limit: int) -> list[AggregateTrade]:
        """The latest aggregate trades, oldest first."""
        end_id = self._trades.next_aggregate_id
        return self._trades.read_aggregates(end_id - limit, end_id)

    def aggregates_from(self, first_id: int, limit: int) -> list[AggregateTrade]:
        """Aggregate trades from an id on, or from the oldest known one when that is later."""
        first_id = max(first_id, self._trades.first_aggregate_id)
        return self._trades.read_aggregates(first_id, first_id + limit)

    def aggregates_between(self, start_us: int | None, end_us: int | None, limit: int) -> list[AggregateTrade]:
        """Aggregate trades from `start_us` through `end_us`: the first of them, or the last when no start is given."""
        end_id = self._trades.next_aggregate_id if end_us is None else self._trades.first_aggregate_id_at(end_us + 1)
        if start_us is None:
            return self._trades.read_aggregates(end_id - limit, end_id)
        first_id = self._trades.first_aggregate_id_at(start_us)
        return self._trades.read_aggregates(first_id, min(first_id + limit, end_id))

    def block_trades(self, first_id: int, limit: int) -> list[BlockTrade]:
        """Block trades from an id on."""
        return [trade for trade in self._block_trades if trade.block_trade_id >= first_id][:limit]

    # Candles

    def klines(
        self,
        interval: Interval,
        now_us: int,
        *,
        start_us: int | None = None,
        end_us: int | None = None,
        limit: int = 500,
        zone_us: int = 0,
    ) -> list[Kline]:
        """Candles that open from `start_us` through `end_us`: the first of them, or the last when no start is given.

        The last one may still be open. Candles start with the symbol's first trade, or as far back as the record knows
        candles of this fineness.
        """
        if self._begin_us is None or (start_us is not None and start_us > now_us):
            return []
        last_us = interval.opening(now_us if end_us is None else min(end_us, now_us), zone_us)
        earliest_us = self._earliest(interval, zone_us, self._begin_us)
        if start_us is None:
            first_us = interval.shift(last_us, 1 - limit, zone_us)
        else:
            first_us = _opening_from(interval, start_us, zone_us)
        first_us = max(first_us, earliest_us)
        last_us = min(last_us, interval.shift(first_us, limit - 1, zone_us))
        if first_us > last_us:
            return []
        openings = [first_us]
        while openings[-1] <= last_us:
            openings.append(interval.shift(openings[-1], 1, zone_us))
        if openings[1] - first_us < MINUTE_US:
            bars = self._bars_of_trades(openings)
        else:
            bars = (span(self._bars, opening, end) for opening, end in pairwise(openings))
        return list(self._candles(openings, bars, now_us))

    def _earliest(self, interval: Interval, zone_us: int, begin_us: int) -> int:
        """The first candle that can be told of a symbol that began to trade at `begin_us`."""
        first_us = interval.opening(begin_us, zone_us)
        complete_us = self._complete_from(first_us, interval.shift(first_us, 1, zone_us))
        return first_us if complete_us <= begin_us else _opening_from(interval, complete_us, zone_us)

    def _complete_from(self, opening_us: int, end_us: int) -> int:
        """Since when the bars are known that candles like this one are made of."""
        for unit_us in UNITS_US:
            if opening_us % unit_us == 0 and end_us % unit_us == 0:
                return self._bars.complete_from_us(unit_us)
        return self._trades.complete_from_us

    def _bars_of_trades(self, openings: list[int]) -> Iterator[Bar | None]:
        """The bars between consecutive openings, from single trades."""
        first_id, end_id = self._trades.first_id_at(openings[0]), self._trades.first_id_at(openings[-1])
        bars: dict[int, Bar] = {}
        width_us = openings[1] - openings[0]
        for trade in self._trades.read(first_id, end_id):
            index = (trade.time_us - openings[0]) // width_us
            if index in bars:
                bars[index].take(trade)
            else:
                bars[index] = Bar.of(trade)
        return map(bars.get, range(len(openings) - 1))

    def _candles(self, openings: list[int], bars: Iterable[Bar | None], now_us: int) -> Iterator[Kline]:
        close_e8: int | None = None
        for (opening, end), traded in zip(pairwise(openings), bars, strict=True):
            if traded is not None:
                bar = traded
            else:
                bar = Bar.empty(self._close_before(opening) if close_e8 is None else close_e8)
            close_e8 = bar.close_e8
            yield Kline(opening, end, bar, end <= now_us)

    # Statistics

    def ticker_24h(self, now_us: int) -> Ticker:
        """The rolling day that ends now."""
        return self._ticker(now_us - DAY_US, now_us, now_us)

    def rolling_ticker(self, window_us: int, now_us: int) -> Ticker:
        """The rolling window that ends now and starts on a whole minute.

        Source: rest-api.md#rolling-window-price-change-statistics
        """
        start_us = now_us - window_us
        return self._ticker(start_us - start_us % MINUTE_US, now_us, now_us)

    def trading_day_ticker(self, now_us: int, zone_us: int = 0) -> Ticker:
        """The day so far, in a time zone."""
        start_us = DAY.opening(now_us, zone_us)
        return self._ticker(start_us, start_us + DAY_US - 1, now_us)

    def average_price(self, now_us: int, minutes: int = AVERAGE_PRICE_MINUTES) -> AveragePrice | None:
        """The volume-weighted price of the last minutes, the last price without trades in them, None without any."""
        if self._last is None:
            return None
        bar = self._between(now_us - minutes * MINUTE_US, now_us)
        price_e8 = self._last.price_e8 if bar is None else weighted_average_e8(bar)
        return AveragePrice(minutes, price_e8, self._last.time_us)

    def _ticker(self, start_us: int, closing_us: int, now_us: int) -> Ticker:
        bar = self._between(start_us, now_us)
        before_e8 = self._close_before(start_us)
        if bar is None:
            bar = Bar.empty(before_e8)
        last_quantity_e8 = 0 if self._last is None else self._last.quantity_e8
        return Ticker(start_us, closing_us, bar, before_e8 or bar.open_e8, last_quantity_e8)

    def _between(self, start_us: int, now_us: int) -> Bar | None:
        """The trades from `start_us` up to now.

        A start within a minute counts that minute's trades one by one, or the whole minute once they are forgotten.
        """
        minute_us, end_us = start_us - start_us % MINUTE_US, now_us - now_us % MINUTE_US + MINUTE_US
        if start_us == minute_us or start_us < self._trades.complete_from_us:
            return span(self._bars, minute_us, end_us)
        total: Bar | None = None
        first_id = self._trades.first_id_at(start_us)
        for trade in self._trades.read(first_id, self._trades.first_id_at(minute_us + MINUTE_US)):
            if total is None:
                total = Bar.of(trade)
            else:
                total.take(trade)
        rest = span(self._bars, minute_us + MINUTE_US, end_us)
        if total is None or rest is None:
            return rest if total is None else total
        total.add(rest)
        return total

    def _close_before(self, time_us: int) -> int:
        """The last price before a time, 0 when there was none."""
        if time_us % MINUTE_US and time_us >= self._trades.complete_from_us:
            first_id = self._trades.first_id_at(time_us)
            if before := self._trades.read(first_id - 1, first_id):
                return before[0].price_e8
        begin_us = time_us if self._begin_us is None else self._begin_us
        end_us = time_us - time_us % MINUTE_US
        while end_us > begin_us:
            unit_us = next(unit for unit in UNITS_US if end_us % unit == 0)
            end_us -= unit_us
            bar = self._bars.bar(unit_us, end_us // unit_us)
            if bar is not None:
                return bar.close_e8
        return 0


def weighted_average_e8(bar: Bar) -> int:
    """The average price of a bar by volume, rounded to the nearest; 0 without trades."""
    if not bar.volume_e8:
        return 0
    return (bar.quote_e8 * ONE_E8 + bar.volume_e8 // 2) // bar.volume_e8


def _opening_from(interval: Interval, time_us: int, zone_us: int) -> int:
    """The first opening at or after a time."""
    opening_us = interval.opening(time_us, zone_us)
    return opening_us if opening_us == time_us else interval.shift(opening_us, 1, zone_us)
