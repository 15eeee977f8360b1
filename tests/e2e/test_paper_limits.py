"""How the paper exchange counts: unfilled orders and their fills, weight, bans, over HTTP and with a clock at hand."""

from collections.abc import AsyncIterator

import pytest
from tests.e2e.paper_client import limit_order
from tests.e2e.rest_floor import Front, RestFloor

from paper_exchange.gateway.limits import Limit, LimitTable

pytestmark = pytest.mark.anyio

PLACE, COUNTS = "POST /api/v3/order", "GET /api/v3/rateLimit/order"
WEIGHT_LIMIT = 200


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


@pytest.fixture
def floor(front: Front) -> RestFloor:
    """An exchange with one ask and one bid of somebody else, and not much weight to spend."""
    floor = RestFloor(front, limits=LimitTable(weight=Limit("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_LIMIT)))
    floor.quote("BUY", "99000")
    floor.quote("SELL", "101000")
    return floor


async def _unfilled(floor: RestFloor) -> list[int]:
    return [row["count"] for row in (await floor.call(COUNTS)).json()]


async def test_an_order_that_takes_gives_its_own_count_back(floor: RestFloor) -> None:
    await floor.call(PLACE, limit_order("BUY", "90000.00"))
    filled = await floor.call(PLACE, limit_order("BUY", "101000.00"))
    assert filled.json()["status"] == "FILLED"
    assert filled.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert await _unfilled(floor) == [1, 1]


async def test_the_first_fill_of_a_maker_gives_more_back_and_later_ones_nothing(floor: RestFloor) -> None:
    for _ in range(8):
        await floor.call(PLACE, limit_order("BUY", "90000.00"))
    await floor.call(PLACE, limit_order("BUY", "100000.00", "0.02000"))
    floor.quote("SELL", "100000.00", "0.01")
    assert await _unfilled(floor) == [4, 4]
    floor.quote("SELL", "100000.00", "0.01")
    assert await _unfilled(floor) == [4, 4]


async def test_a_cancel_gives_nothing_back(floor: RestFloor) -> None:
    await floor.call(PLACE, limit_order("BUY", "90000.00"))
    await floor.call("DELETE /api/v3/openOrders", {"symbol": "BTCUSDT"})
    assert await _unfilled(floor) == [1, 1]


async def test_ten_seconds_later_only_the_day_remembers(floor: RestFloor) -> None:
    await floor.call(PLACE, limit_order("BUY", "90000.00"))
    await floor.pass_time(10)
    assert await _unfilled(floor) == [0, 1]


async def test_an_order_list_counts_for_each_of_its_orders(floor: RestFloor) -> None:
    oco = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01000",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": "105000.00",
        "belowType": "STOP_LOSS",
        "belowStopPrice": "95000.00",
    }
    placed = await floor.call("POST /api/v3/orderList/oco", oco)
    assert placed.headers["X-MBX-ORDER-COUNT-1D"] == "2"


async def test_429_says_when_the_minute_ends_and_waiting_helps(floor: RestFloor) -> None:
    await floor.pass_time(48)
    while (answer := await floor.call("GET /api/v3/ticker/24hr")).status_code == 200:
        pass
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "12")
    await floor.pass_time(12)
    assert (await floor.call("GET /api/v3/ping")).headers["X-MBX-USED-WEIGHT-1M"] == "1"


async def test_a_ban_outlasts_the_minute_and_ends_after_two(floor: RestFloor) -> None:
    while (answer := await floor.call("GET /api/v3/ticker/24hr")).status_code != 418:
        pass
    assert answer.headers["Retry-After"] == "120"
    await floor.pass_time(119)
    assert (await floor.call("GET /api/v3/ping")).status_code == 418
    await floor.pass_time(1)
    assert (await floor.call("GET /api/v3/ping")).status_code == 200


async def test_a_request_that_cannot_even_be_read_costs_its_weight(floor: RestFloor) -> None:
    refused = await floor.http.get("/api/v3/depth?symbol=BTCUSDT&symbol=BTCUSDT")
    assert refused.json()["code"] == -1101
    assert refused.headers["X-MBX-USED-WEIGHT"] == "5"
