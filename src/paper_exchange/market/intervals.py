"""Kline intervals, time zones and rolling windows: where candles and days begin. Times are microseconds.

Source: rest-api.md#klinecandlestick-data, #trading-day-ticker, #rolling-window-price-change-statistics
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONDAY_US = -3 * DAY_US
"""The epoch was a Thursday; the week it lies in began three days earlier."""


class Interval(Protocol):
    """A way to cut time into candles. `zone_us` shifts every cut: local time minus UTC."""

    @property
    def name(self) -> str:
        """Binance's word for it, such as `4h`."""
        ...

    def opening(self, time_us: int, zone_us: int = 0) -> int:
        """When the candle that holds `time_us` opened."""
        ...

    def shift(self, opening_us: int, candles: int, zone_us: int = 0) -> int:
        """The opening `candles` after (or before, when negative) the one at `opening_us`."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Candles of one width; `anchor_us` is the opening of any of them, in local time."""

    name: str
    width_us: int
    anchor_us: int = 0

    def opening(self, time_us: int, zone_us: int = 0) -> int:
        """When the candle that holds `time_us` opened."""
        return time_us - (time_us + zone_us - self.anchor_us) % self.width_us

    def shift(self, opening_us: int, candles: int, zone_us: int = 0) -> int:
        """The opening `candles` after (or before) the one at `opening_us`."""
        return opening_us + candles * self.width_us


@dataclass(frozen=True, slots=True)
class Months:
    """Candles of one calendar month."""

    name: str = "1M"

    def opening(self, time_us: int, zone_us: int = 0) -> int:
        """When the month that holds `time_us` began."""
        return self.shift(time_us, 0, zone_us)

    def shift(self, opening_us: int, candles: int, zone_us: int = 0) -> int:
        """The first instant of the month `candles` after (or before) that of `opening_us`."""
        local = _EPOCH + timedelta(microseconds=opening_us + zone_us)
        year, month0 = divmod(local.year * 12 + local.month - 1 + candles, 12)
        return (datetime(year, month0 + 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND - zone_us


_FIXED: Final = (
    Fixed("1s", SECOND_US),
    *(Fixed(f"{minutes}m", minutes * MINUTE_US) for minutes in (1, 3, 5, 15, 30)),
    *(Fixed(f"{hours}h", hours * HOUR_US) for hours in (1, 2, 4, 6, 8, 12)),
    Fixed("1d", DAY_US),
    Fixed("3d", 3 * DAY_US),
    Fixed("1w", 7 * DAY_US, _MONDAY_US),
)

_ALL: Final[tuple[Interval, ...]] = (*_FIXED, Months())

INTERVALS: Final = {interval.name: interval for interval in _ALL}
"""Every interval by its name, finest first."""

DAY: Final = INTERVALS["1d"]

_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", re.ASCII)
_ZONE_MINUTES = range(-12 * 60, 14 * 60 + 1)
_WINDOW = re.compile(r"([1-9]|[1-5][0-9])m|([1-9]|1[0-9]|2[0-3])h|([1-7])d")
_WINDOW_UNITS = (MINUTE_US, HOUR_US, DAY_US)


def parse_time_zone(text: str) -> int:
    """Microseconds that a zone is ahead of UTC: `8`, `-1:00`, `05:45`.

    Raises:
        ValueError: Not of that form, or outside -12:00 to +14:00.
    """
    match = _ZONE.fullmatch(text)
    if match is None:
        raise ValueError(f"no time zone: {text!r}")
    sign, hours, minutes = match.groups()
    offset = (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
    if offset not in _ZONE_MINUTES:
        raise ValueError(f"time zone outside -12:00 to +14:00: {text!r}")
    return offset * MINUTE_US


def parse_window(text: str) -> int:
    """The length of a rolling window: `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.

    Raises:
        ValueError: Not one of those.
    """
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"no window size: {text!r}")
    return next(int(number) * unit for number, unit in zip(match.groups(), _WINDOW_UNITS, strict=True) if number)
