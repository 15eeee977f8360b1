"""The order amend keep priority FAQ, with its book. Source: faqs/order_amend_keep_priority.md"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, part
from tests.e2e.rest_floor import Front

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


async def test_an_amended_order_keeps_its_place_in_the_queue(front: Front) -> None:
    floor = FaqFloor(front)
    floor.join(3)
    floor.limit(OTHERS, "BUY", "1", "87000")
    ours = await floor.order("BUY", "5.5", "87000", newClientOrderId="mine")
    floor.limit(3, "BUY", "4", "87000")
    floor.limit(3, "BUY", "2", "86999")
    amended = await floor.ok(
        "PUT /api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=ours["orderId"], newQty="5"
    )
    order = amended["amendedOrder"]
    assert part(order, "orderId origClientOrderId qty status workingTime") == {
        "orderId": ours["orderId"],
        "origClientOrderId": "mine",
        "qty": "5.00000000",
        "status": "NEW",
        "workingTime": ours["workingTime"],
    }
    assert order["clientOrderId"] != "mine"
    depth = await floor.ok("GET /api/v3/depth", symbol="BTCUSDT")
    assert depth["bids"] == [["87000.00000000", "10.00000000"], ["86999.00000000", "2.00000000"]]
    floor.limit(OTHERS, "SELL", "6", "87000", stp_mode="NONE")
    assert (await floor.now(ours["orderId"]))["status"] == "FILLED"
    history = await floor.ok("GET /api/v3/order/amendments", symbol="BTCUSDT", orderId=ours["orderId"])
    assert [part(row, "executionId origClientOrderId newClientOrderId origQty newQty") for row in history] == [
        {
            "executionId": amended["executionId"],
            "origClientOrderId": "mine",
            "newClientOrderId": order["clientOrderId"],
            "origQty": "5.50000000",
            "newQty": "5.00000000",
        }
    ]


async def test_a_replaced_order_goes_to_the_end_of_the_queue(front: Front) -> None:
    floor = FaqFloor(front)
    floor.join(3)
    floor.limit(OTHERS, "BUY", "1", "87000")
    ours = await floor.order("BUY", "5.5", "87000")
    floor.limit(3, "BUY", "4", "87000")
    replaced = await floor.ok(
        "POST /api/v3/order/cancelReplace",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="5",
        price="87000",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=ours["orderId"],
    )
    new = replaced["newOrderResponse"]
    assert new["orderId"] > ours["orderId"]
    floor.limit(OTHERS, "SELL", "6", "87000", stp_mode="NONE")
    assert (await floor.now(new["orderId"]))["executedQty"] == "1.00000000"


async def test_an_amendment_may_keep_the_client_id_and_costs_no_order_count(front: Front) -> None:
    floor = FaqFloor(front)
    ours = await floor.order("BUY", "5", "87000", newClientOrderId="mine")
    amended = await floor.ok(
        "PUT /api/v3/order/amend/keepPriority",
        symbol="BTCUSDT",
        orderId=ours["orderId"],
        newQty="4",
        newClientOrderId="mine",
    )
    assert amended["amendedOrder"]["clientOrderId"] == "mine"
    assert [row["count"] for row in await floor.ok("GET /api/v3/rateLimit/order")] == [1, 1]


@pytest.mark.parametrize(("new", "visible"), [("4", "2"), ("1.5", "1.5")])
async def test_an_amended_iceberg_shows_less_only_below_its_slice(front: Front, new: str, visible: str) -> None:
    floor = FaqFloor(front)
    ours = await floor.order("BUY", "6", "100", icebergQty="2")
    await floor.ok("PUT /api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=ours["orderId"], newQty=new)
    depth = await floor.ok("GET /api/v3/depth", symbol="BTCUSDT")
    assert depth["bids"] == [["100.00000000", f"{D(visible):.8f}"]]


async def test_amending_one_leg_of_an_oco_amends_both_and_the_orders_of_an_oto_alone(front: Front) -> None:
    floor = FaqFloor(front)
    floor.trade_at("100")
    oco = await floor.ok(
        "POST /api/v3/orderList/oco",
        symbol="BTCUSDT",
        side="SELL",
        quantity="2",
        aboveType="LIMIT_MAKER",
        abovePrice="110",
        belowType="STOP_LOSS",
        belowStopPrice="90",
    )
    legs = [row["orderId"] for row in oco["orders"]]
    await floor.ok("PUT /api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=legs[0], newQty="1")
    assert [(await floor.now(leg))["origQty"] for leg in legs] == ["1.00000000"] * 2
    assert floor.balance(floor.account, "BTC")[1] == 1
    oto = await floor.ok(
        "POST /api/v3/orderList/oto",
        symbol="BTCUSDT",
        workingType="LIMIT",
        workingSide="BUY",
        workingPrice="80",
        workingQuantity="3",
        workingTimeInForce="GTC",
        pendingType="MARKET",
        pendingSide="SELL",
        pendingQuantity="3",
    )
    working, pending = (row["orderId"] for row in oto["orders"])
    of_pending = await floor.ok("PUT /api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=pending, newQty="2")
    assert part(of_pending["amendedOrder"], "price status type qty workingTime") == {
        "price": "0.00000000",
        "status": "PENDING_NEW",
        "type": "MARKET",
        "qty": "2.00000000",
    }
    of_working = await floor.ok("PUT /api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=working, newQty="1")
    assert of_working["amendedOrder"]["workingTime"] == oto["orderReports"][0]["workingTime"]
    assert of_working["listStatus"]["listOrderStatus"] == "EXECUTING"
    assert [(await floor.now(leg))["origQty"] for leg in (working, pending)] == ["1.00000000", "2.00000000"]
