"""What a synthetic symbol did before the exchange was founded, worked out when somebody asks.

The last month is known by the minute and down to every trade, the last year by the hour, the years before by the day.
"""

from collections.abc import Iterator

from paper_exchange.market.amounts import ONE_E8
from paper_exchange.market.bars import UNITS_US, Bar, Bars, PublicTrade, joined
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.intervals import DAY_US, HOUR_US, MINUTE_US
from paper_exchange.market.synthetic.draws import stream
from paper_exchange.market.synthetic.numbers import CLUSTERS, Numbers
from paper_exchange.market.synthetic.parts import Cluster, Part, Parts
from paper_exchange.market.synthetic.walks import DAY_MINUTES, Prices
from paper_exchange.market.trade_log import AggregateTrade, Trades

DAYS_BY_MINUTE = 30
DAYS_BY_HOUR = 365
DAYS = 3 * 365

_DAY_HOURS = DAY_US // HOUR_US
_KEPT_DAYS = 4
"""Days whose minutes stay at hand; those of others are worked out again."""
_CLUSTER_US = MINUTE_US // CLUSTERS


class SyntheticPast:
    """The past of one symbol. It ends with the last whole minute before the genesis."""

    def __init__(self, catalog: Catalog, symbol: str, seed: int, prices: Prices, genesis_us: int) -> None:
        end = genesis_us // MINUTE_US
        genesis_day = genesis_us // DAY_US
        begin = (genesis_day - DAYS) * DAY_MINUTES
        salt = stream(seed, symbol, "numbers").getrandbits(64)
        numbers = Numbers(salt, catalog.listings[symbol].trades_per_minute, begin)
        parts = Parts(catalog, symbol, seed, prices, numbers)
        bars = SyntheticBars(parts, genesis_day, end)
        self.begin_us: int | None = begin * MINUTE_US
        self.bars: Bars = bars
        self.trades: Trades = SyntheticTrades(parts, bars, numbers, stream_name=(seed, symbol))


class SyntheticBars:
    """Bars of the past, from the parts of its days."""

    def __init__(self, parts: Parts, genesis_day: int, end: int) -> None:
        self.end = end
        self.by_minute_from = (genesis_day - DAYS_BY_MINUTE) * DAY_MINUTES
        self._by_hour_from = (genesis_day - DAYS_BY_HOUR) * DAY_MINUTES
        self._by_day_from = (genesis_day - DAYS) * DAY_MINUTES
        self._parts = parts
        self._minutes: dict[int, list[Part]] = {}
        self._bars: dict[tuple[int, int], Bar | None] = {}

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit is known."""
        return self._from(unit_us) * MINUTE_US

    def bar(self, unit_us: int, index: int) -> Bar | None:
        """The bar of the `index`-th unit since the epoch."""
        start = index * unit_us // MINUTE_US
        if not self._from(unit_us) <= start < self.end:
            return None
        if unit_us == MINUTE_US:
            return self._parts.bar(self.minute(start))
        if (unit_us, index) not in self._bars:
            self._bars[unit_us, index] = self._summed(unit_us, index, start)
        return self._bars[unit_us, index]

    def minute(self, minute: int) -> Part:
        """One minute of the last month."""
        day, index = divmod(minute, DAY_MINUTES)
        minutes = self._minutes.get(day)
        if minutes is None:
            minutes = self._minutes[day] = self._parts.of_day(day, DAY_MINUTES)
            if len(self._minutes) > _KEPT_DAYS:
                del self._minutes[next(iter(self._minutes))]
        return minutes[index]

    def _from(self, unit_us: int) -> int:
        if unit_us < HOUR_US:
            return self.by_minute_from
        return self._by_hour_from if unit_us == HOUR_US else self._by_day_from

    def _summed(self, unit_us: int, index: int, start: int) -> Bar | None:
        """A bar longer than a minute: a part of its day where days come in such parts, else the sum of shorter bars."""
        day = start // DAY_MINUTES
        if start < self._by_hour_from:
            return self._parts.bar(self._parts.of_day(day, 1)[0])
        if start < self.by_minute_from and unit_us == HOUR_US:
            hours = self._parts.of_day(day, _DAY_HOURS)
            for hour, part in enumerate(hours, day * _DAY_HOURS):
                self._bars[unit_us, hour] = self._parts.bar(part)
            return self._bars[unit_us, index]
        shorter_us = UNITS_US[UNITS_US.index(unit_us) + 1]
        total: Bar | None = None
        for shorter in range(index * unit_us // shorter_us, (index + 1) * unit_us // shorter_us):
            bar = self.bar(shorter_us, shorter)
            if bar is not None:
                total = joined(total, bar)
        return total


class SyntheticTrades:
    """The trades of the last month, one by one."""

    def __init__(self, parts: Parts, bars: SyntheticBars, numbers: Numbers, *, stream_name: tuple[int, str]) -> None:
        self._parts = parts
        self._bars = bars
        self._numbers = numbers
        self._seed, self._symbol = stream_name
        self._known_minute = -1
        self._known: list[tuple[AggregateTrade, list[PublicTrade]]] = []

    @property
    def complete_from_us(self) -> int:
        """Since when every trade is known."""
        return self._bars.by_minute_from * MINUTE_US

    @property
    def first_id(self) -> int:
        """The oldest trade that is known."""
        return self._numbers.trade_id(self._bars.by_minute_from)

    @property
    def next_id(self) -> int:
        """The id of the first trade after the past."""
        return self._numbers.trade_id(self._bars.end)

    @property
    def first_aggregate_id(self) -> int:
        """The oldest aggregate that is known."""
        return self._numbers.aggregate_id(self._bars.by_minute_from)

    @property
    def next_aggregate_id(self) -> int:
        """The id of the first aggregate after the past."""
        return self._numbers.aggregate_id(self._bars.end)

    def read(self, first_id: int, end_id: int) -> list[PublicTrade]:
        """The known trades from `first_id` up to, not including, `end_id`."""
        first_id, end_id = max(first_id, self.first_id), min(end_id, self.next_id)
        if first_id >= end_id:
            return []
        numbers = self._numbers
        minutes = range(numbers.minute_of_trade(first_id), numbers.minute_of_trade(end_id - 1) + 1)
        rows = (trade for minute in minutes for _, trades in self._minute(minute) for trade in trades)
        return [trade for trade in rows if first_id <= trade.trade_id < end_id]

    def read_aggregates(self, first_id: int, end_id: int) -> list[AggregateTrade]:
        """The known aggregates from `first_id` up to, not including, `end_id`."""
        first_id, end_id = max(first_id, self.first_aggregate_id), min(end_id, self.next_aggregate_id)
        if first_id >= end_id:
            return []
        numbers = self._numbers
        minutes = range(numbers.minute_of_aggregate(first_id), numbers.minute_of_aggregate(end_id - 1) + 1)
        rows = (aggregate for minute in minutes for aggregate, _ in self._minute(minute))
        return [aggregate for aggregate in rows if first_id <= aggregate.aggregate_id < end_id]

    def first_id_at(self, time_us: int) -> int:
        """The first known trade at or after a time (the next one, when there is none)."""
        minute = max(time_us // MINUTE_US, self._bars.by_minute_from)
        if minute >= self._bars.end:
            return self.next_id
        rows = (trades[0].trade_id for aggregate, trades in self._minute(minute) if aggregate.time_us >= time_us)
        return next(rows, self._numbers.trade_id(minute + 1))

    def first_aggregate_id_at(self, time_us: int) -> int:
        """The first known aggregate at or after a time (the next one, when there is none)."""
        minute = max(time_us // MINUTE_US, self._bars.by_minute_from)
        if minute >= self._bars.end:
            return self.next_aggregate_id
        rows = (aggregate.aggregate_id for aggregate, _ in self._minute(minute) if aggregate.time_us >= time_us)
        return next(rows, self._numbers.aggregate_id(minute + 1))

    def _minute(self, minute: int) -> list[tuple[AggregateTrade, list[PublicTrade]]]:
        """The aggregates of a minute, each with its trades."""
        if minute != self._known_minute:
            self._known_minute, self._known = minute, list(self._told(minute))
        return self._known

    def _told(self, minute: int) -> Iterator[tuple[AggregateTrade, list[PublicTrade]]]:
        rng = stream(self._seed, self._symbol, "trades", minute)
        trade_id, aggregate_id = self._numbers.trade_id(minute), self._numbers.aggregate_id(minute)
        time_us = minute * MINUTE_US
        for cluster in self._parts.clusters(self._bars.minute(minute)):
            times = sorted(rng.randrange(time_us, time_us + _CLUSTER_US) for _ in range(cluster.aggregates))
            # Where one aggregate ends and the next begins, and one trade's quantity and the next one's.
            firsts = [0, *sorted(rng.sample(range(1, cluster.trades), cluster.aggregates - 1)), cluster.trades]
            cuts = [0, *sorted(rng.sample(range(1, cluster.quantity), cluster.trades - 1)), cluster.quantity]
            for index, at_us in enumerate(times):
                trades = [
                    self._trade(trade_id + number, cluster, cuts[number + 1] - cuts[number], at_us)
                    for number in range(firsts[index], firsts[index + 1])
                ]
                yield _aggregate(aggregate_id + index, trades), trades
            trade_id += cluster.trades
            aggregate_id += cluster.aggregates
            time_us += _CLUSTER_US

    def _trade(self, trade_id: int, cluster: Cluster, quantity: int, time_us: int) -> PublicTrade:
        tick_e8, grain_e8 = self._parts.units
        quote_e8 = cluster.price * quantity * (tick_e8 * grain_e8 // ONE_E8)
        return PublicTrade(
            trade_id, cluster.price * tick_e8, quantity * grain_e8, quote_e8, time_us, cluster.buyer_is_maker
        )


def _aggregate(aggregate_id: int, trades: list[PublicTrade]) -> AggregateTrade:
    first = trades[0]
    return AggregateTrade(
        aggregate_id,
        first.price_e8,
        sum(trade.quantity_e8 for trade in trades),
        first.trade_id,
        trades[-1].trade_id,
        first.time_us,
        first.buyer_is_maker,
    )
