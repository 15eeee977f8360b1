"""When a person has to look: what counts against orders, and what does not."""

import pytest

from binance_spot_mcp.errors import InvalidInput, OutcomeUnknown, PartlyDone, RateLimited, Refused, Rejected, SpotError
from binance_spot_mcp.trading.breaker import (
    ATTEMPTS,
    HELD_BACK,
    REJECTIONS,
    REJECTIONS_MS,
    STORM_MS,
    Breaker,
)

NO = Rejected("No.")


def failed(breaker: Breaker, error: SpotError, times: int, now_ms: int = 0, step_ms: int = 0) -> list[str]:
    return [why for n in range(times) if (why := breaker.failed(error, now_ms + n * step_ms))]


def test_the_exchange_refusing_again_and_again_opens_it() -> None:
    breaker = Breaker()
    assert failed(breaker, NO, REJECTIONS - 1) == []
    assert breaker.failed(NO, REJECTIONS_MS - 1) == "the exchange refused 20 orders within 60 s, and took none"


def test_refusals_far_apart_do_not() -> None:
    assert failed(Breaker(), NO, 10 * REJECTIONS, step_ms=REJECTIONS_MS // (REJECTIONS - 1) + 1) == []


@pytest.mark.parametrize("partly", [True, False])
def test_an_order_that_went_through_ends_a_row_of_refusals(*, partly: bool) -> None:
    breaker = Breaker()
    failed(breaker, NO, REJECTIONS - 1)
    breaker.failed(PartlyDone("Half."), 0) if partly else breaker.went_through()
    assert failed(breaker, NO, REJECTIONS - 1) == []


@pytest.mark.parametrize(
    "held_back",
    [RateLimited("Wait."), Refused("Too much.", code="LIMIT_EXCEEDED"), Refused("Again.", code="DUPLICATE_INTENT")],
    ids=lambda error: error.code,
)
def test_a_storm_against_limits_opens_it(held_back: SpotError) -> None:
    breaker = Breaker()
    assert failed(breaker, held_back, HELD_BACK - 1) == []
    assert breaker.failed(held_back, STORM_MS) == ""  # those before are too long ago
    assert failed(breaker, held_back, HELD_BACK - 1, STORM_MS) == ["50 orders were held back by limits within 10 s"]


def test_as_many_orders_as_the_exchange_never_allows_open_it_whatever_becomes_of_them() -> None:
    breaker = Breaker()
    assert [why for n in range(ATTEMPTS) if (why := breaker.attempted(n))] == []
    assert breaker.attempted(STORM_MS - 1) == "more than 300 orders were asked for within 10 s"


def test_as_many_orders_as_the_operator_allows_do_not() -> None:
    breaker = Breaker(orders_per_minute=6_000)
    assert [why for n in range(1_000) if (why := breaker.attempted(n))] == []
    assert breaker.attempted(1_000)


def test_what_the_caller_can_put_right_alone_does_not_count() -> None:
    breaker = Breaker()
    for _ in range(10 * ATTEMPTS):
        assert breaker.attempted(0) == ""
        assert breaker.failed(InvalidInput("Wrong."), 0) == ""
    for _ in range(10 * ATTEMPTS):
        assert breaker.attempted(0) == ""
        breaker.spared()
    assert failed(breaker, OutcomeUnknown("Lost."), 10 * ATTEMPTS) == []


def test_it_begins_anew() -> None:
    breaker = Breaker()
    failed(breaker, NO, REJECTIONS - 1)
    breaker.reset()
    assert failed(breaker, NO, REJECTIONS - 1) == []
