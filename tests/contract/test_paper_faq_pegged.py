"""The pegged orders FAQ. Source: faqs/pegged_orders.md"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.symbols import (
    PriceFilter,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


async def test_a_pegged_order_shows_the_price_it_took_beside_the_price_it_was_sent_with(front: Front) -> None:
    floor = FaqFloor(front)
    floor.limit(OTHERS, "BUY", "1", "0.04")
    kind = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    placed = await floor.ok("POST /api/v3/order", **kind, pegPriceType="PRIMARY_PEG")
    shown = {"price": "0.00000000", "pegPriceType": "PRIMARY_PEG", "peggedPrice": "0.04000000", "status": "NEW"}
    assert part(placed, "price pegPriceType peggedPrice pegOffsetType pegOffsetValue status") == shown
    assert part(await floor.now(placed["orderId"]), "price pegPriceType peggedPrice status") == shown
    cancelled = await floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert part(cancelled, "price pegPriceType peggedPrice status") == shown | {"status": "CANCELED"}
    priced = await floor.ok("POST /api/v3/order", **kind, pegPriceType="PRIMARY_PEG", price="0.03")
    assert (priced["price"], priced["peggedPrice"]) == ("0.03000000", "0.04000000")
    amended = await floor.ok(
        "PUT /api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=priced["orderId"], newQty="0.5"
    )
    assert part(amended["amendedOrder"], "price peggedPrice") == {"price": "0.03000000", "peggedPrice": "0.04000000"}


async def test_a_stop_limit_order_takes_its_peg_when_it_triggers(front: Front) -> None:
    floor = FaqFloor(front)
    floor.trade_at("100")
    floor.limit(OTHERS, "BUY", "1", "95")
    placed = await floor.ok(
        "POST /api/v3/order",
        symbol="BTCUSDT",
        side="BUY",
        type="STOP_LOSS_LIMIT",
        timeInForce="GTC",
        quantity="1",
        stopPrice="105",
        pegPriceType="PRIMARY_PEG",
        newOrderRespType="RESULT",
    )
    assert "peggedPrice" not in placed
    floor.limit(OTHERS, "BUY", "1", "97")
    floor.limit(OTHERS, "SELL", "1", "105", stp_mode="NONE")
    floor.limit(OTHERS, "BUY", "1", "105", stp_mode="NONE")
    order = await floor.now(placed["orderId"])
    assert part(order, "price peggedPrice isWorking") == {
        "price": "0.00000000",
        "peggedPrice": "97.00000000",
        "isWorking": True,
    }


async def test_a_pegged_order_with_a_price_must_pass_the_filters_at_both(front: Front) -> None:
    floor = FaqFloor(front, bare(filters=(PriceFilter(min_price=D("1"), max_price=D("100"), tick_size=D("0.5")),)))
    floor.limit(OTHERS, "BUY", "1", "50")
    kind = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    refused = await floor.call("POST /api/v3/order", kind | {"pegPriceType": "PRIMARY_PEG", "price": "0.5"})
    assert refused.json() == {"code": -1013, "msg": "Filter failure: PRICE_FILTER"}
