"""The unfilled order count FAQ, with every example. Source: faqs/order_count_decrement.md"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, FaqFloor
from tests.e2e.rest_floor import Front

from paper_exchange.gateway.limits import Limit, LimitTable

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


TEN_SECONDS = LimitTable(orders=(Limit("ORDERS", "SECOND", 10, 100), Limit("ORDERS", "DAY", 1, 1000)))


class Counted:
    """Our orders by the letters of the FAQ, and the count after each step."""

    def __init__(self, front: Front) -> None:
        self.floor = FaqFloor(front, limits=TEN_SECONDS)
        self.prices: dict[str, str] = {}
        self.ids: dict[str, int] = {}

    async def count(self, limit: int = 0) -> int:
        rows = await self.floor.ok("GET /api/v3/rateLimit/order")
        count: int = rows[limit]["count"]
        return count

    async def place(self, name: str, **more: Any) -> int:
        """A bid of 3 at a price of its own, each better than the last."""
        self.prices[name] = str(100 + len(self.prices))
        order = await self.floor.order("BUY", "3", self.prices[name], **more)
        self.ids[name] = order["orderId"]
        return await self.count()

    async def fill(self, quantity: str) -> int:
        """A taker meets our best bid."""
        self.floor.limit(OTHERS, "SELL", quantity, max(self.prices.values(), key=int), "BTCUSDT", stp_mode="NONE")
        return await self.count()


async def test_example_1_a_taker_gets_one_back(front: Front) -> None:
    us = Counted(front)
    assert await us.place("A") == 1
    us.floor.limit(OTHERS, "SELL", "1", "101")
    assert await us.place("B") == 1
    assert await us.place("C", newClientOrderId="c") == 2
    await us.floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", origClientOrderId="c")
    us.prices["C"] = "0"
    assert await us.fill("1") == 2
    assert await us.fill("1") == 2
    us.floor.limit(OTHERS, "SELL", "3", "200")
    assert (await us.floor.order("BUY", "3"))["status"] == "FILLED"
    assert await us.count() == 2


async def test_example_2_a_maker_gets_five_back_and_never_more_than_there_are(front: Front) -> None:
    us = Counted(front)
    assert [await us.place(name) for name in "EDCBA"] == [1, 2, 3, 4, 5]
    assert await us.fill("1") == 0
    us.prices["A"] = "104"
    for name, price in (("F", "50"), ("G", "51")):
        await us.floor.order("BUY", "1", price, newClientOrderId=name)
    assert await us.count() == 2
    assert await us.fill("1") == 2
    assert await us.fill("1") == 2
    us.prices["A"] = "0"
    assert await us.fill("1") == 0
    await us.floor.order("BUY", "1", "52")
    assert await us.count() == 1


async def test_cancelled_and_expired_orders_give_nothing_back(front: Front) -> None:
    us = Counted(front)
    assert await us.place("A", newClientOrderId="a") == 1
    await us.floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", origClientOrderId="a")
    assert await us.count() == 1
    assert await us.place("B") == 2
    us.floor.limit(OTHERS, "SELL", "3", "200")
    fok = {"timeInForce": "FOK"}
    assert (await us.floor.order("BUY", "3", "200", **fok))["status"] == "FILLED"
    assert await us.count() == 2
    assert await us.place("D", newClientOrderId="d") == 3
    assert (await us.floor.order("BUY", "3", "200", **fok))["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"
    assert await us.count() == 4
    await us.floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", origClientOrderId="d")
    assert await us.count() == 4
    assert await us.place("F") == 5


async def test_a_fill_gives_back_today_whenever_its_order_was_placed(front: Front) -> None:
    us = Counted(front)
    yesterday = [str(500 - number) for number in range(5)]
    for price in yesterday:
        await us.floor.order("BUY", "1", price)
    assert await us.count(1) == 5
    await us.floor.clock.advance(24 * 3600 * 1_000_000)
    assert await us.count(1) == 0
    for number in range(10):
        await us.floor.order("BUY", "1", str(100 - number))
    assert await us.count(1) == 10
    us.floor.limit(OTHERS, "SELL", "1", "500")
    assert await us.count(1) == 5
    us.floor.limit(OTHERS, "SELL", "4", "496")
    assert await us.count(1) == 0
    for number in range(2):
        await us.floor.order("BUY", "1", str(50 - number))
    assert await us.count(1) == 2
    us.floor.limit(OTHERS, "SELL", "10", "91")
    assert await us.count(1) == 0
