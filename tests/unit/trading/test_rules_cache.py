"""Rules that are fetched per symbol, and again when they are an hour old."""

import asyncio

import pytest
from tests.unit.domain.exchange import exchange_info
from tests.unit.trading.spot import FakeSpot

from binance_spot_mcp.domain.filters import MaxNumOrders
from binance_spot_mcp.errors import InvalidInput, Refused, Unavailable
from binance_spot_mcp.trading.rules_cache import MAX_AGE_MS, MOST_SYMBOLS, PASSING_AGE_MS, RulesCache

pytestmark = pytest.mark.anyio


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


async def test_rules_are_fetched_one_symbol_at_a_time_and_kept_for_an_hour() -> None:
    spot, clock = FakeSpot(), Clock()
    cache = RulesCache(spot, clock)
    first = await cache.rules("BTCUSDT")
    clock.ms += MAX_AGE_MS
    assert await cache.rules("BTCUSDT") is first
    clock.ms += 1
    second = await cache.rules("BTCUSDT")
    assert second.fetched_ms == clock.ms
    assert [wire["symbol"] for wire in spot.asked("get_exchange_info")] == ["BTCUSDT", "BTCUSDT"]


async def test_a_halt_is_not_believed_for_longer_than_a_minute() -> None:
    spot, clock = FakeSpot(status="HALT"), Clock()
    cache = RulesCache(spot, clock)
    await cache.rules("BTCUSDT")
    clock.ms += PASSING_AGE_MS
    assert (await cache.rules("BTCUSDT")).rules.info.status == "HALT"
    spot.symbol["status"] = "TRADING"
    clock.ms += 1
    assert (await cache.rules("BTCUSDT")).rules.info.status == "TRADING"


async def test_filters_of_the_account_that_could_not_be_had_are_asked_for_again_after_a_minute() -> None:
    spot, clock = FakeSpot(), Clock()
    answer = spot.replies["get_my_filters"]
    spot.replies["get_my_filters"] = lambda _: Unavailable("Busy.")
    cache = RulesCache(spot, clock)
    assert not (await cache.rules("BTCUSDT")).rules.of_account
    spot.replies["get_my_filters"] = answer
    clock.ms += PASSING_AGE_MS + 1
    assert (await cache.rules("BTCUSDT")).rules.of_account


async def test_callers_at_the_same_time_share_one_fetch() -> None:
    spot = FakeSpot()
    cache = RulesCache(spot, Clock())
    hold = spot.hold("get_exchange_info")
    callers = [asyncio.create_task(cache.rules("BTCUSDT")) for _ in range(3)]
    await hold.arrived.wait()
    callers[0].cancel()
    hold.released.set()
    found = await asyncio.gather(*callers[1:])
    assert found[0] is found[1]
    assert len(spot.asked("get_exchange_info")) == 1


async def test_a_failed_fetch_is_not_remembered() -> None:
    spot = FakeSpot()
    cache = RulesCache(spot, Clock())
    answer = spot.replies["get_exchange_info"]
    spot.replies["get_exchange_info"] = lambda _: Unavailable("Busy.")
    with pytest.raises(Unavailable):
        await cache.rules("BTCUSDT")
    spot.replies["get_exchange_info"] = answer
    assert (await cache.rules("BTCUSDT")).rules.info.symbol == "BTCUSDT"


async def test_the_accounts_own_filters_belong_to_the_rules() -> None:
    spot = FakeSpot()
    own = [{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 3}]
    spot.replies["get_my_filters"] = lambda _: {"exchangeFilters": [], "symbolFilters": own, "assetFilters": []}
    rules = (await RulesCache(spot, Clock()).rules("BTCUSDT")).rules
    assert rules.filter(MaxNumOrders) == MaxNumOrders(max_num_orders=3)
    assert rules.of_account


async def test_without_a_key_the_public_rules_hold_and_the_gap_is_known() -> None:
    spot = FakeSpot()
    spot.replies["get_my_filters"] = lambda _: Refused("No key.", code="AUTH_FAILED")
    assert not (await RulesCache(spot, Clock()).rules("BTCUSDT")).rules.of_account


async def test_a_symbol_without_near_names_is_just_unknown() -> None:
    spot = FakeSpot()
    spot.replies["get_price"] = lambda _: Unavailable("Busy.")
    with pytest.raises(InvalidInput, match=r"There is no symbol QQQQQ on this exchange\.$"):
        await RulesCache(spot, Clock()).rules("QQQQQ")


async def test_the_cache_is_bounded() -> None:
    spot = FakeSpot()
    spot.replies["get_exchange_info"] = lambda wire: exchange_info({**spot.symbol, "symbol": wire["symbol"]})
    cache = RulesCache(spot, Clock())
    for number in range(MOST_SYMBOLS + 1):
        await cache.rules(f"S{number}")
    before = len(spot.calls)
    await cache.rules(f"S{MOST_SYMBOLS}")
    assert len(spot.calls) == before
    await cache.rules("S0")
    assert len(spot.calls) == before + 2
