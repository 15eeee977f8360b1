"""Which rows the account's histories answer with: ids, time bounds and limits, and all their documented combinations.

Source: rest-api.md and web-socket-api.md (the notes under allOrders, myTrades, myAllocations and allOrderLists)
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, FaqFloor, bare
from tests.e2e.rest_floor import Front
from tests.e2e.socket_floor import START_US

from paper_exchange.engine.commands import SetExchange
from paper_exchange.engine.symbols import Sor

pytestmark = pytest.mark.anyio

STEP_US = 1_000_250
"""Between two things that happen: the times in milliseconds are truncated."""
COUNT = 6


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


def ms(step: int) -> int:
    """When a step happened, as an answer in milliseconds says it."""
    return (START_US + step * STEP_US) // 1000


def ids(rows: list[dict[str, Any]], key: str) -> list[int]:
    return [row[key] for row in rows]


async def resting(front: Front) -> tuple[FaqFloor, list[int]]:
    """Six orders of ours, one a step."""
    floor = FaqFloor(front)
    placed = []
    for step in range(COUNT):
        placed.append((await floor.order("BUY", "1", str(100 + step)))["orderId"])
        await floor.clock.advance(STEP_US)
    return floor, placed


async def test_all_orders_are_the_newest_or_those_from_an_id_on(front: Front) -> None:
    floor, placed = await resting(front)
    route = "GET /api/v3/allOrders"
    assert ids(await floor.ok(route, symbol="BTCUSDT"), "orderId") == placed
    assert ids(await floor.ok(route, symbol="BTCUSDT", limit=2), "orderId") == placed[-2:]
    assert ids(await floor.ok(route, symbol="BTCUSDT", limit=2, orderId=placed[1]), "orderId") == placed[1:3]
    assert await floor.ok(route, symbol="BTCUSDT", orderId=placed[-1] + 1) == []


async def test_time_bounds_are_inclusive_whatever_their_unit(front: Front) -> None:
    floor, placed = await resting(front)
    route = "GET /api/v3/allOrders"
    assert ids(await floor.ok(route, symbol="BTCUSDT", endTime=ms(1)), "orderId") == placed[:2]
    assert ids(await floor.ok(route, symbol="BTCUSDT", startTime=ms(1), endTime=ms(3)), "orderId") == placed[1:4]
    exact = START_US + STEP_US
    assert ids(await floor.ok(route, symbol="BTCUSDT", startTime=exact, endTime=exact), "orderId") == [placed[1]]
    assert await floor.ok(route, symbol="BTCUSDT", startTime=exact + 1, endTime=exact + 1000) == []


async def test_a_start_gives_the_oldest_rows_after_it_and_an_end_alone_the_newest_before_it(front: Front) -> None:
    floor, placed = await resting(front)
    route = "GET /api/v3/allOrders"
    assert ids(await floor.ok(route, symbol="BTCUSDT", startTime=ms(1), limit=2), "orderId") == placed[1:3]
    assert ids(await floor.ok(route, symbol="BTCUSDT", endTime=ms(3), limit=2), "orderId") == placed[2:4]
    both = await floor.ok(route, symbol="BTCUSDT", startTime=ms(0), endTime=ms(4), limit=3)
    assert ids(both, "orderId") == placed[:3]
    with_id = await floor.ok(route, symbol="BTCUSDT", startTime=ms(0), orderId=placed[4])
    assert ids(with_id, "orderId") == placed


async def test_orders_are_found_by_the_time_of_their_last_change(front: Front) -> None:
    floor, placed = await resting(front)
    await floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", orderId=placed[0])
    found = await floor.ok("GET /api/v3/allOrders", symbol="BTCUSDT", startTime=ms(5))
    assert ids(found, "orderId") == [placed[5], placed[0]]
    assert (found[1]["time"], found[1]["updateTime"]) == (ms(0), ms(COUNT))


async def test_a_day_is_the_longest_span(front: Front) -> None:
    floor, _ = await resting(front)
    day_ms = 24 * 3600 * 1000
    for route in ("GET /api/v3/allOrders", "GET /api/v3/myTrades", "GET /api/v3/myAllocations"):
        span = {"symbol": "BTCUSDT", "startTime": ms(0), "endTime": ms(0) + day_ms}
        assert (await floor.call(route, span)).is_success
        refused = await floor.call(route, span | {"endTime": ms(0) + day_ms + 1})
        assert refused.json() == {"code": -1127, "msg": "More than 24 hours between startTime and endTime."}


async def test_trades_are_the_newest_or_those_of_an_order_or_from_an_id_on(front: Front) -> None:
    floor, placed = await resting(front)
    for step in range(COUNT):
        floor.limit(OTHERS, "SELL", "0.5", str(105 - step // 2))
        await floor.clock.advance(STEP_US)
    route = "GET /api/v3/myTrades"
    trades = ids(await floor.ok(route, symbol="BTCUSDT"), "id")
    assert len(trades) == COUNT
    assert ids(await floor.ok(route, symbol="BTCUSDT", limit=2), "id") == trades[-2:]
    assert ids(await floor.ok(route, symbol="BTCUSDT", fromId=trades[2], limit=2), "id") == trades[2:4]
    assert ids(await floor.ok(route, symbol="BTCUSDT", orderId=placed[5]), "id") == trades[:2]
    assert ids(await floor.ok(route, symbol="BTCUSDT", orderId=placed[5], fromId=trades[1]), "id") == [trades[1]]
    times = ids(await floor.ok(route, symbol="BTCUSDT"), "time")
    assert ids(await floor.ok(route, symbol="BTCUSDT", startTime=times[1], limit=2), "id") == trades[1:3]
    assert ids(await floor.ok(route, symbol="BTCUSDT", endTime=times[3], limit=2), "id") == trades[2:4]
    assert ids(await floor.ok(route, symbol="BTCUSDT", startTime=times[2], endTime=times[2]), "id") == [trades[2]]


async def test_allocations_begin_with_the_oldest(front: Front) -> None:
    floor = FaqFloor(front, bare(), bare(quote="USDC"))
    floor.do(SetExchange(sors=(Sor(base_asset="BTC", symbols=("BTCUSDT", "BTCUSDC")),)))
    floor.limit(OTHERS, "SELL", "100", "10", "BTCUSDC")
    orders = []
    for _ in range(COUNT):
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
        orders.append((await floor.ok("POST /api/v3/sor/order", **order))["orderId"])
        await floor.clock.advance(STEP_US)
    route, key = "GET /api/v3/myAllocations", "allocationId"
    assert ids(await floor.ok(route, symbol="BTCUSDT", limit=2), key) == [0, 1]
    assert ids(await floor.ok(route, symbol="BTCUSDT", fromAllocationId=3, limit=2), key) == [3, 4]
    assert ids(await floor.ok(route, symbol="BTCUSDT", orderId=orders[2]), key) == [2]
    assert ids(await floor.ok(route, symbol="BTCUSDT", startTime=ms(2), limit=2), key) == [2, 3]
    assert ids(await floor.ok(route, symbol="BTCUSDT", endTime=ms(2), limit=2), key) == [1, 2]


async def test_order_lists_are_found_by_id_or_by_the_time_of_their_last_change(front: Front) -> None:
    floor = FaqFloor(front)
    floor.trade_at("100")
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "110", "belowType": "STOP_LOSS", "belowStopPrice": "90"}
    for _ in range(4):
        await floor.ok("POST /api/v3/orderList/oco", symbol="BTCUSDT", side="SELL", quantity="1", **pair)
        await floor.clock.advance(STEP_US)
    await floor.ok("DELETE /api/v3/orderList", symbol="BTCUSDT", orderListId=0)
    route, key = "GET /api/v3/allOrderList", "orderListId"
    assert ids(await floor.ok(route), key) == [0, 1, 2, 3]
    assert ids(await floor.ok(route, limit=2), key) == [2, 3]
    assert ids(await floor.ok(route, fromId=1, limit=2), key) == [1, 2]
    changed = await floor.ok(route, startTime=ms(3))
    assert ids(changed, key) == [3, 0]
    assert ids(changed, "transactionTime") == [ms(3), ms(4)]
    refused = await floor.call(route, {"fromId": 0, "startTime": ms(0)})
    assert refused.json()["code"] == -1128
    async with floor.serving():
        api = await floor.open_api()
        answer = await api.signed("allOrderLists", fromId=3, startTime=ms(3))
    assert ids(answer["result"], key) == [3, 0]


async def test_public_trades_end_with_the_millisecond_that_is_asked_for(front: Front) -> None:
    floor = FaqFloor(front)
    for step in range(COUNT):
        floor.trade_at(str(100 + step))
        await floor.clock.advance(STEP_US)
    route = "GET /api/v3/aggTrades"
    trades = await floor.ok(route, symbol="BTCUSDT")
    between = await floor.ok(route, symbol="BTCUSDT", startTime=trades[1]["T"], endTime=trades[2]["T"])
    assert between == trades[1:3]
