"""Where candles, days and windows begin."""

from datetime import UTC, datetime

import pytest

from paper_exchange.market.intervals import DAY_US, HOUR_US, INTERVALS, MINUTE_US, parse_time_zone, parse_window


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def moment(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


# 2024-02-29 was a Thursday.
@pytest.mark.parametrize(
    ("interval", "opening", "next_opening"),
    [
        ("1s", "2024-02-29 13:47:53", "2024-02-29 13:47:54"),
        ("1m", "2024-02-29 13:47:00", "2024-02-29 13:48:00"),
        ("3m", "2024-02-29 13:45:00", "2024-02-29 13:48:00"),
        ("5m", "2024-02-29 13:45:00", "2024-02-29 13:50:00"),
        ("15m", "2024-02-29 13:45:00", "2024-02-29 14:00:00"),
        ("30m", "2024-02-29 13:30:00", "2024-02-29 14:00:00"),
        ("1h", "2024-02-29 13:00:00", "2024-02-29 14:00:00"),
        ("2h", "2024-02-29 12:00:00", "2024-02-29 14:00:00"),
        ("4h", "2024-02-29 12:00:00", "2024-02-29 16:00:00"),
        ("6h", "2024-02-29 12:00:00", "2024-02-29 18:00:00"),
        ("8h", "2024-02-29 08:00:00", "2024-02-29 16:00:00"),
        ("12h", "2024-02-29 12:00:00", "2024-03-01 00:00:00"),
        ("1d", "2024-02-29 00:00:00", "2024-03-01 00:00:00"),
        ("1w", "2024-02-26 00:00:00", "2024-03-04 00:00:00"),
        ("1M", "2024-02-01 00:00:00", "2024-03-01 00:00:00"),
    ],
)
def test_a_candle_opens_where_its_interval_says(interval: str, opening: str, next_opening: str) -> None:
    opened = INTERVALS[interval].opening(us("2024-02-29 13:47:53"))
    assert moment(opened) == opening
    assert moment(INTERVALS[interval].shift(opened, 1)) == next_opening


@pytest.mark.parametrize(
    ("interval", "zone", "opening"),
    [
        ("1d", "8", "2024-02-29 16:00:00"),
        ("1d", "-3", "2024-02-29 03:00:00"),
        ("1w", "8", "2024-02-25 16:00:00"),
        ("1M", "8", "2024-02-29 16:00:00"),
        ("1M", "-12", "2024-02-01 12:00:00"),
        ("1h", "5:45", "2024-02-29 17:15:00"),
    ],
)
def test_a_time_zone_shifts_where_candles_open(interval: str, zone: str, opening: str) -> None:
    assert moment(INTERVALS[interval].opening(us("2024-02-29 18:05:00"), parse_time_zone(zone))) == opening


def test_months_step_over_the_turn_of_the_year_both_ways() -> None:
    month = INTERVALS["1M"]
    assert moment(month.shift(us("2024-01-01 00:00:00"), -2)) == "2023-11-01 00:00:00"
    assert moment(month.shift(us("2023-11-01 00:00:00"), 14)) == "2025-01-01 00:00:00"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("0", 0), ("8", 480), ("-1:00", -60), ("05:45", 345), ("+14:00", 840), ("-12", -720), ("-0:30", -30)],
)
def test_a_time_zone_is_hours_or_hours_and_minutes(text: str, minutes: int) -> None:
    assert parse_time_zone(text) == minutes * MINUTE_US


@pytest.mark.parametrize("text", ["14:01", "-12:01", "15", "UTC", "", "1:5", "1:60", "8 ", "٨"])
def test_any_other_time_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="zone"):
        parse_time_zone(text)


@pytest.mark.parametrize(("text", "length"), [("1m", MINUTE_US), ("59m", 59 * MINUTE_US), ("23h", 23 * HOUR_US)])
def test_a_window_is_minutes_or_hours(text: str, length: int) -> None:
    assert parse_window(text) == length


def test_a_window_may_be_a_week() -> None:
    assert parse_window("7d") == 7 * DAY_US


@pytest.mark.parametrize("text", ["0m", "60m", "24h", "8d", "1w", "01h", "1H", "", "1h30m"])
def test_any_other_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="window"):
        parse_window(text)
