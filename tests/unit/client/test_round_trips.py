"""Time over a real connection: slow networks, and clocks that step."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.unit.client.stand import KEY, NOW_MS, Machine
from tests.unit.transport.loopback import answer, loopback

from binance_spot_mcp.catalogue.account import ORDER_RATE_LIMITS, OrderRateLimitsParams
from binance_spot_mcp.catalogue.trading import PLACE_ORDER, PlaceOrderParams
from binance_spot_mcp.client import Spot
from binance_spot_mcp.errors import Refused

pytestmark = pytest.mark.anyio

BUY = PlaceOrderParams.model_validate({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"})


class SlowExchange:
    """Answers over loopback after a pause of the machine's clocks; half of it passes on the way there."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.trip_ms = 0
        self.paths: list[str] = []

    async def handle(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.split(b" ")[1].partition(b"?")[0].decode()
        self.paths.append(path)
        self.machine.pass_ms(self.trip_ms / 2)
        time_ms = self.machine.monotonic_ms
        self.machine.pass_ms(self.trip_ms / 2)
        order = {"symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "x", "transactTime": time_ms}
        bodies = {"/api/v3/time": {"serverTime": time_ms}, "/api/v3/order": order}
        writer.write(answer(json.dumps(bodies.get(path, [])).encode()))


@pytest.fixture
def exchange() -> SlowExchange:
    return SlowExchange(Machine())


@pytest.fixture
async def spot(exchange: SlowExchange) -> AsyncIterator[Spot]:
    async with loopback(exchange.handle) as origin:
        spot = exchange.machine.spot(**KEY, BINANCE_ENV="paper", BINANCE_BASE_URL=origin)
        yield spot
        await spot.aclose()


async def test_the_offset_is_taken_at_the_midpoint_of_a_slow_round_trip(exchange: SlowExchange, spot: Spot) -> None:
    exchange.trip_ms = 1_000
    await spot.measure_clock()
    assert spot.clock.round_trip_ms == 1_000
    assert spot.clock.now_ms() == exchange.machine.monotonic_ms


async def test_orders_are_refused_while_a_round_trip_is_longer_than_their_window_and_reads_are_not(
    exchange: SlowExchange, spot: Spot
) -> None:
    exchange.trip_ms = 6_000
    with pytest.raises(Refused, match="network is too slow for orders") as refused:
        await spot.call(PLACE_ORDER, BUY)
    assert (refused.value.code, refused.value.sent, refused.value.retry) == ("CLOCK_SKEW", "no", "at")
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert "/api/v3/order" not in exchange.paths
    exchange.trip_ms = 100
    await spot.call(PLACE_ORDER, BUY)
    assert exchange.paths[-2:] == ["/api/v3/time", "/api/v3/order"]


async def test_a_step_of_the_wall_clock_is_not_noticed(exchange: SlowExchange, spot: Spot) -> None:
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    exchange.machine.wall_ms += 3_600_000
    await spot.call(ORDER_RATE_LIMITS, OrderRateLimitsParams())
    assert exchange.paths.count("/api/v3/time") == 3
    assert spot.clock.now_ms() == exchange.machine.monotonic_ms != NOW_MS
