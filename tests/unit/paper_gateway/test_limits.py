"""Weight, raw requests, unfilled orders, bans."""

import pytest

from paper_exchange.gateway.limits import Limit, Limits, LimitTable
from paper_exchange.gateway.refusals import Rejected

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
NOW_US = 1_700_000_040 * SECOND_US  # a whole minute
ADDRESS = "127.0.0.1"

SMALL = LimitTable(
    weight=Limit("REQUEST_WEIGHT", "MINUTE", 1, 100),
    orders=(Limit("ORDERS", "SECOND", 10, 5), Limit("ORDERS", "DAY", 1, 20)),
    raw=Limit("RAW_REQUESTS", "MINUTE", 5, 1000),
)


def _refusal(limits: Limits, weight: int, now_us: int) -> Rejected:
    with pytest.raises(Rejected) as refusal:
        limits.address(ADDRESS).charge(weight, now_us)
    return refusal.value


def test_the_weight_counted_falls_to_zero_at_the_calendar_minute() -> None:
    address = Limits(SMALL).address(ADDRESS)
    address.charge(60, NOW_US + 59 * SECOND_US)
    assert address.weight.count(NOW_US + 59 * SECOND_US) == 60
    assert address.weight.count(NOW_US + 60 * SECOND_US) == 0


def test_weight_beyond_the_limit_is_429_until_the_minute_ends() -> None:
    limits = Limits(SMALL)
    limits.address(ADDRESS).charge(90, NOW_US)
    refusal = _refusal(limits, 20, NOW_US + SECOND_US)
    assert (refusal.status, refusal.code) == (429, -1003)
    assert refusal.msg == (
        "Too much request weight used; current limit is 100 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    assert refusal.retry_at_us == NOW_US + MINUTE_US
    limits.address("10.0.0.1").charge(20, NOW_US)


def test_raw_requests_have_a_limit_of_their_own() -> None:
    limits = Limits(LimitTable(raw=Limit("RAW_REQUESTS", "MINUTE", 5, 2)))
    for _ in range(2):
        limits.address(ADDRESS).charge(0, NOW_US)
    refusal = _refusal(limits, 0, NOW_US)
    assert (refusal.status, refusal.code, refusal.msg) == (429, -1003, "Too many requests queued.")


def test_ignoring_429_bans_the_address_each_time_for_longer() -> None:
    limits = Limits(SMALL)
    now_us, bans = NOW_US, []
    for _ in range(3):
        limits.address(ADDRESS).charge(100, now_us)
        refusal = _refusal(limits, 1, now_us)
        while refusal.status == 429:
            refusal = _refusal(limits, 1, now_us)
        assert refusal.status == 418
        assert refusal.msg == (
            f"Way too much request weight used; IP banned until {(refusal.retry_at_us or 0) // 1000}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        assert _refusal(limits, 0, now_us + SECOND_US).status == 418
        bans.append((refusal.retry_at_us or 0) - now_us)
        now_us += bans[-1] + MINUTE_US
    assert bans == [2 * MINUTE_US, 4 * MINUTE_US, 8 * MINUTE_US]


def test_unfilled_orders_are_refused_over_the_quota_of_either_interval() -> None:
    account = Limits(SMALL).account(1)
    account.add(5, NOW_US)
    refusal = account.over(1, NOW_US)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (429, -1015)
    assert refusal.msg == "Too many new orders; current limit is 5 orders per 10 SECOND."
    for bucket in range(1, 4):
        account.add(5, NOW_US + bucket * 10 * SECOND_US)
    refusal = account.over(1, NOW_US + 40 * SECOND_US)
    assert refusal is not None
    assert refusal.msg == "Too many new orders; current limit is 20 orders per 1 DAY."


def test_a_first_fill_gives_back_and_the_count_stays_above_zero() -> None:
    account = Limits(SMALL).account(1)
    account.add(5, NOW_US)
    account.first_fill(is_maker=False, now_us=NOW_US)
    assert [row["count"] for row in account.rows(NOW_US)] == [4, 4]
    account.first_fill(is_maker=True, now_us=NOW_US)
    assert [row["count"] for row in account.rows(NOW_US)] == [0, 0]


def test_limits_are_widened_together_and_shown_widened() -> None:
    assert [row["limit"] for row in SMALL.times(10).rows] == [1000, 50, 200, 10_000]
