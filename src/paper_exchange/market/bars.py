"""Summaries of stretches of trades, by the minute, the hour and the day.

Any stretch of whole minutes is put together from the longest bars that fit, so that a day costs a few dozen
additions however many trades it had. Minutes, hours and days are counted from the epoch.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from paper_exchange.market.intervals import DAY_US, HOUR_US, MINUTE_US

_HOUR = HOUR_US // MINUTE_US
_DAY = DAY_US // MINUTE_US


class PublicTrade(Struct, frozen=True, gc=False):
    """One trade as everybody sees it. Amounts are hundred-millionths."""

    trade_id: int
    price_e8: int
    quantity_e8: int
    quote_e8: int
    time_us: int
    buyer_is_maker: bool


class Bar(Struct, gc=False):
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
    """Something that knows the bar of any minute, hour or day, None where there was no trade.

    Who asks must not change what it gets.
    """

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit (a minute, an hour, a day) is known; 0 when none was forgotten."""
        ...

    def minute(self, index: int) -> Bar | None:
        """The bar of one minute."""
        ...

    def hour(self, index: int) -> Bar | None:
        """The bar of one hour."""
        ...

    def day(self, index: int) -> Bar | None:
        """The bar of one day."""
        ...


class LiveBars:
    """Bars that grow with every trade. Only the last `kept_minutes` minutes can be told apart; hours and days stay."""

    def __init__(self, kept_minutes: int) -> None:
        self._kept_minutes = kept_minutes
        self._minutes: dict[int, Bar] = {}
        self._hours: dict[int, Bar] = {}
        self._days: dict[int, Bar] = {}
        self._minutes_from_us = 0

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit is known."""
        return self._minutes_from_us if unit_us == MINUTE_US else 0

    def add(self, trade: PublicTrade) -> None:
        """Count a trade in; trades come in the order of their times."""
        minute = trade.time_us // MINUTE_US
        bar = Bar.of(trade)
        if minute not in self._minutes:
            self._forget_before(minute - self._kept_minutes)
        for bars, index in (
            (self._minutes, minute),
            (self._hours, minute // _HOUR),
            (self._days, minute // _DAY),
        ):
            known = bars.get(index)
            if known is None:
                bars[index] = bar.copy()
            else:
                known.add(bar)

    def minute(self, index: int) -> Bar | None:
        """The bar of one minute."""
        return self._minutes.get(index)

    def hour(self, index: int) -> Bar | None:
        """The bar of one hour."""
        return self._hours.get(index)

    def day(self, index: int) -> Bar | None:
        """The bar of one day."""
        return self._days.get(index)

    def _forget_before(self, minute: int) -> None:
        # A dict keeps the order of insertion, which here is that of time.
        while self._minutes and (oldest := next(iter(self._minutes))) < minute:
            del self._minutes[oldest]
            self._minutes_from_us = minute * MINUTE_US


class JoinedBars:
    """Two records of one symbol as one: all of `earlier` lies before all of `later`."""

    def __init__(self, earlier: Bars, later: Bars) -> None:
        self._earlier = earlier
        self._later = later

    def complete_from_us(self, unit_us: int) -> int:
        """Since when every bar of this unit is known."""
        return max(self._earlier.complete_from_us(unit_us), self._later.complete_from_us(unit_us))

    def minute(self, index: int) -> Bar | None:
        """The bar of one minute."""
        return joined(self._earlier.minute(index), self._later.minute(index))

    def hour(self, index: int) -> Bar | None:
        """The bar of one hour."""
        return joined(self._earlier.hour(index), self._later.hour(index))

    def day(self, index: int) -> Bar | None:
        """The bar of one day."""
        return joined(self._earlier.day(index), self._later.day(index))


def span(bars: Bars, first_minute: int, end_minute: int) -> Bar | None:
    """The bar of the minutes from `first_minute` up to, not including, `end_minute`; None without trades."""
    total: Bar | None = None
    minute = first_minute
    while minute < end_minute:
        read, minutes, index = _longest(bars, minute, end_minute)
        bar = read(index)
        if bar is not None:
            if total is None:
                total = bar.copy()
            else:
                total.add(bar)
        minute += minutes
    return total


def _longest(bars: Bars, minute: int, end_minute: int) -> tuple[Callable[[int], Bar | None], int, int]:
    """How to read the longest bar that starts at `minute` and ends in time, its length and its index."""
    if minute % _DAY == 0 and minute + _DAY <= end_minute:
        return bars.day, _DAY, minute // _DAY
    if minute % _HOUR == 0 and minute + _HOUR <= end_minute:
        return bars.hour, _HOUR, minute // _HOUR
    return bars.minute, 1, minute
