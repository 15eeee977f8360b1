"""Every scenario of the trailing stop FAQ, with its prices. Source: faqs/trailing-stop-faq.md"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.faq_floor import D, FaqFloor, part
from tests.e2e.rest_floor import Front

pytestmark = pytest.mark.anyio

STEPS = 8
"""Trades between two prices of a story."""


@dataclass(frozen=True)
class Scenario:
    """An order placed at a last price of 40,000, and the way of the price until it triggers.

    Attributes:
        way: Prices at the ends of each minute; the last one triggers the order.
        starts: The price at which tracking starts; None when it starts at once.
    """

    type: str
    side: str
    delta: int
    price: str
    stop: str | None
    way: tuple[str, ...]
    starts: str | None


SCENARIOS = {
    "A": Scenario(
        "STOP_LOSS_LIMIT", "BUY", 500, "45000", "44000", ("37000", "45000", "46000", "42000", "44100"), "44000"
    ),
    "B": Scenario(
        "STOP_LOSS_LIMIT", "SELL", 1000, "38000", "39000", ("41500", "39000", "37000", "41000", "36900"), "39000"
    ),
    "C": Scenario(
        "TAKE_PROFIT_LIMIT", "BUY", 850, "38500", "38000", ("42000", "37000", "39000", "38000", "40145"), "38000"
    ),
    "D": Scenario(
        "TAKE_PROFIT_LIMIT",
        "SELL",
        750,
        "41000",
        "42000",
        ("41500", "39000", "45000", "44000", "46500", "43012.5"),
        "42000",
    ),
    "E": Scenario("STOP_LOSS_LIMIT", "SELL", 700, "39000", None, ("42000", "39500", "45500", "42315"), None),
}


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


def line(way: tuple[str, ...]) -> Iterator[str]:
    """Trades in equal steps from 40,000 along the way, the last price left out."""
    at = D(40_000)
    for number, end in enumerate(way):
        is_last = number == len(way) - 1
        for step in range(1, STEPS + (not is_last)):
            yield str(at + (D(end) - at) * step / STEPS)
        at = D(end)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
async def test_the_order_triggers_at_the_price_of_the_faq_and_not_before(front: Front, scenario: Scenario) -> None:
    floor = FaqFloor(front)
    floor.trade_at("40000")
    parameters: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": scenario.side,
        "type": scenario.type,
        "timeInForce": "GTC",
        "quantity": "0.5",
        "price": scenario.price,
        "trailingDelta": scenario.delta,
        "newOrderRespType": "RESULT",
    }
    if scenario.stop is not None:
        parameters["stopPrice"] = scenario.stop
    placed = await floor.ok("POST /api/v3/order", **parameters)
    order_id = placed["orderId"]
    assert (placed["status"], placed["workingTime"]) == ("NEW", -1)
    assert (placed["trailingTime"] == -1) == (scenario.starts is not None)
    for price in line(scenario.way):
        await floor.clock.advance(1_000_000)
        floor.trade_at(price)
    order = await floor.now(order_id)
    assert part(order, "status isWorking workingTime executedQty") == {
        "status": "NEW",
        "isWorking": False,
        "workingTime": -1,
        "executedQty": "0.00000000",
    }
    assert order["trailingTime"] > 0
    await floor.clock.advance(1_000_000)
    floor.trade_at(scenario.way[-1])
    order = await floor.now(order_id)
    assert (order["isWorking"], order["workingTime"], order["updateTime"]) == (True, floor.now_ms, floor.now_ms)
    # It works at its limit: it takes nothing worse, and rests there where the book is empty.
    assert order["price"] == f"{D(scenario.price):.8f}"
    depth = await floor.ok("GET /api/v3/depth", symbol="BTCUSDT")
    assert depth["bids" if scenario.side == "BUY" else "asks"] == [[order["price"], "0.50000000"]]


async def test_tracking_starts_with_the_first_trade_that_meets_the_stop_price(front: Front) -> None:
    floor = FaqFloor(front)
    floor.trade_at("40000")
    placed = await floor.ok(
        "POST /api/v3/order",
        symbol="BTCUSDT",
        side="SELL",
        type="TAKE_PROFIT",
        quantity="1",
        stopPrice="42000",
        trailingDelta=750,
    )
    floor.trade_at("41999.99")
    assert (await floor.now(placed["orderId"]))["trailingTime"] == -1
    await floor.clock.advance(1_000_000)
    floor.trade_at("42000")
    assert (await floor.now(placed["orderId"]))["trailingTime"] == floor.now_ms
