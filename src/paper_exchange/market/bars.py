"""Summaries of stretches of trades, by the minute, the quarter, the hour and the day.

Any stretch of whole minutes is put together from the longest bars that fit, so that a day costs a few dozen
additions however many trades it had.
"""

from typing import Final, Protocol

from msgspec import Struct

from paper_exchange.market.intervals import DAY_US, HOUR_US, MINUTE_US

QUARTER_US: Final = 15 * MINUTE_US
UNITS_US: Final = (DAY_US, HOUR_US, QUARTER_US, MINUTE_US)
"""The lengths of the bars that a record keeps, longest first; each is a multiple of the next."""


class PublicTrade(Struct, frozen=True, array_like=True, gc=False):
    """One trade as everybody sees it. Amounts are hundred-millionths."""

    trade_id: int
    price_e8: int
    quantity_e8: int
    quote_e8: int
    time_us: int
    buyer_is_maker: bool


class Bar(Struct, array_like=True, gc=False):
    """The trades of a stretch of time, summed up. Amounts are hundred-millionths; ids are -1 without trades."""

    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int
    volume_e8: int
    quote_e8: int
    taker_volume_e8: int
    taker_quote_e8: int
    first_id: int
    last_id: int

    @property
    def count(self) -> int:
        """How many trades; their ids have no gaps."""
        return 0 if self.first_id < 0 else self.last_id - self.first_id + 1

    @classmethod
    def empty(cls, price_e8: int) -> "Bar":
        """A stretch without trades: the price stays, nothing changes hands."""
        return cls(price_e8, price_e8, price_e8, price_e8, 0, 0, 0, 0, -1, -1)

    @classmethod
    def of(cls, trade: PublicTrade) -> "Bar":
        """The bar of one trade."""
        price, quantity, quote = trade.price_e8, trade.quantity_e8, trade.quote_e8
        taken = (0, 0) if trade.buyer_is_maker else (quantity, quote)
        return cls(price, price, price, price, quantity, quote, *taken, trade.trade_id, trade.trade_id)

    def copy(self) -> "Bar":
        """A bar of its own with the same sums."""
        return Bar(
            self.open_e8,
            self.high_e8,
            self.low_e8,
            self.close_e8,
            self.volume_e8,
            self.quote_e8,
            self.taker_volume_e8,
            self.taker_quote_e8,
            self.first_id,
            self.last_id,
        )

    def take(self, trade: PublicTrade) -> None:
        """Take in the trade that follows."""
        price_e8 = trade.price_e8
        if price_e8 > self.high_e8:
            self.high_e8 = price_e8
        elif price_e8 < self.low_e8:
            self.low_e8 = price_e8
        self.close_e8 = price_e8
        self.volume_e8 += trade.quantity_e8
        self.quote_e8 += trade.quote_e8
        if not trade.buyer_is_maker:
            self.taker_volume_e8 += trade.quantity_e8
            self.taker_quote_e8 += trade.quote_e8
        self.last_id = trade.trade_id

    def add(self, later: "Bar") -> None:
        """Take in a bar that follows this one."""
        self.high_e8 = max(self.high_e8, later.high_e8)
        self.low_e8 = min(self.low_e8, later.low_e8)
        self.close_e8 = later.close_e8
        self.volume_e8 += later.volume_e8
        self.quote_e8 += later.quote_e8
        self.taker_volume_e8 += later.taker_volume_e8
        self.taker_quote_e8 += later.taker_quote_e8
        self.last_id = later.last_id


def joined(earlier: Bar | None, later: Bar | None) -> Bar | None:
    """Both bars as one; neither is changed, and either may come back as it is."""
    if earlier is None or later is None:
        return later if earlier is None else earlier
    total = earlier.copy()
    total.add(later)
    return total


class Bars(Protocol):
    """Something that knows the bar of any minute, quarter, hour or day. Who asks must not change what it gets."""

    def bar(self, unit_us: int, index: int) -> Bar | None:
        """The bar of the `index`-th unit since the epoch, None when nothing is known to have traded in it."""
        ...

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit is known; 0 when none was forgotten."""
        ...


class BarsState(Struct, frozen=True):
    """What `LiveBars` knows, to be kept; bars by unit and index."""

    bars: dict[int, dict[int, Bar]]
    minutes_from_us: int
    open_minute: int


class LiveBars:
    """Bars that grow with every trade. Only the last `kept_minutes` minutes can be told apart; longer bars stay.

    A trade is added to the minute that is open; longer bars take in minutes that are over.
    """

    def __init__(self, kept_minutes: int) -> None:
        self._kept_minutes = kept_minutes
        self._bars: dict[int, dict[int, Bar]] = {unit_us: {} for unit_us in UNITS_US}
        self._minutes = self._bars[MINUTE_US]
        self._minutes_from_us = 0
        self._open_minute = -1
        self._open: Bar | None = None

    def add(self, trade: PublicTrade) -> None:
        """Count a trade in; trades come in the order of their times."""
        minute = trade.time_us // MINUTE_US
        if self._open is not None and minute == self._open_minute:
            self._open.take(trade)
            return
        if self._open is not None:
            self._close(self._open)
        self._open_minute = minute
        self._open = self._minutes[minute] = Bar.of(trade)
        self._forget_before(minute - self._kept_minutes)

    def bar(self, unit_us: int, index: int) -> Bar | None:
        """The bar of the `index`-th unit since the epoch."""
        closed = self._bars[unit_us].get(index)
        if unit_us != MINUTE_US and self._open_minute * MINUTE_US // unit_us == index:
            return joined(closed, self._open)
        return closed

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit is known."""
        return self._minutes_from_us if unit_us == MINUTE_US else 0

    def state(self) -> BarsState:
        """Everything it knows. It goes on growing; whoever keeps it must write it down at once."""
        return BarsState(self._bars, self._minutes_from_us, self._open_minute)

    def restore(self, state: BarsState) -> None:
        """Know what was known then, and nothing else."""
        self._bars = state.bars
        self._minutes = self._bars[MINUTE_US]
        self._minutes_from_us = state.minutes_from_us
        self._open_minute = state.open_minute
        self._open = self._minutes.get(state.open_minute)

    def _close(self, minute: Bar) -> None:
        """Add the open minute to the longer bars that hold it."""
        for unit_us in UNITS_US[:-1]:
            bars, index = self._bars[unit_us], self._open_minute * MINUTE_US // unit_us
            known = bars.get(index)
            if known is None:
                bars[index] = minute.copy()
            else:
                known.add(minute)

    def _forget_before(self, minute: int) -> None:
        # A dict keeps the order of insertion, which here is that of time.
        while (oldest := next(iter(self._minutes))) < minute:
            del self._minutes[oldest]
            self._minutes_from_us = minute * MINUTE_US


class JoinedBars:
    """Two records of one symbol as one: all of `earlier` lies before all of `later`."""

    def __init__(self, earlier: Bars, later: Bars) -> None:
        self._earlier = earlier
        self._later = later

    def bar(self, unit_us: int, index: int) -> Bar | None:
        """The bar of the `index`-th unit since the epoch."""
        return joined(self._earlier.bar(unit_us, index), self._later.bar(unit_us, index))

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit is known."""
        return max(self._earlier.complete_from_us(unit_us), self._later.complete_from_us(unit_us))


def span(bars: Bars, start_us: int, end_us: int) -> Bar | None:
    """The bar of a stretch of whole minutes, None without trades."""
    total: Bar | None = None
    while start_us < end_us:
        unit_us = next(unit for unit in UNITS_US if start_us % unit == 0 and start_us + unit <= end_us)
        bar = bars.bar(unit_us, start_us // unit_us)
        if bar is not None:
            if total is None:
                total = bar.copy()
            else:
                total.add(bar)
        start_us += unit_us
    return total
