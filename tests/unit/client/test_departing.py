"""What must have happened before a request leaves."""

import pytest
import respx
from tests.unit.client.stand import KEY, Exchange, Machine, refusal, reply

from binance_spot_mcp.catalogue.trading import CANCEL_ORDER, CancelOrderParams
from binance_spot_mcp.errors import Refused

pytestmark = pytest.mark.anyio

CANCEL = CancelOrderParams(symbol="BTCUSDT", order_id=7)
DONE = {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "x", "transactTime": 1, "status": "CANCELED"}
ROUTE = "DELETE /api/v3/order"


async def test_nothing_leaves_before_and_nothing_at_all_if_it_fails(respx_mock: respx.MockRouter) -> None:
    machine = Machine()
    exchange = Exchange(respx_mock, machine)
    exchange.on(ROUTE, reply(200, DONE))
    spot = machine.spot(**KEY)

    async def full_disk(_: int) -> None:
        assert not exchange.asked("/api/v3/order")
        raise Refused("No room.", code="JOURNAL_UNAVAILABLE")

    with pytest.raises(Refused, match="No room"):
        await spot.fetch(CANCEL_ORDER, CANCEL, departing=full_disk)
    assert not exchange.asked("/api/v3/order")
    await spot.aclose()


async def test_each_attempt_departs_with_the_time_of_its_timestamp(respx_mock: respx.MockRouter) -> None:
    machine = Machine()
    exchange = Exchange(respx_mock, machine)
    exchange.ahead_ms = 4_000
    exchange.on(ROUTE, refusal(400, -1021), reply(200, DONE))
    spot = machine.spot(**KEY)
    departed: list[int] = []

    async def departing(timestamp_ms: int) -> None:
        departed.append(timestamp_ms)
        machine.pass_ms(10)

    await spot.fetch(CANCEL_ORDER, CANCEL, departing=departing)
    assert departed == [exchange.now_ms - 20, exchange.now_ms - 10]
    await spot.aclose()
