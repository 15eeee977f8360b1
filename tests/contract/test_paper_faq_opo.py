"""The FAQ about one order that pays the other. Source: faqs/opo.md"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, Pair, bare, changes, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import Deposit, Withdraw
from paper_exchange.engine.symbols import (
    Commission,
    LotSize,
    MarketLotSize,
    Rates,
)

pytestmark = pytest.mark.anyio

TENTH_PERCENT = Commission(standard=Rates(maker=D("0.001"), taker=D("0.001")))


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


OPO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "100",
    "workingQuantity": "1.5",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
}
LOTS = (LotSize(min_qty=D("0.01"), max_qty=D(100), step_size=D("0.01")),)


async def test_only_the_working_order_of_an_opo_must_be_paid_for(front: Front) -> None:
    floor = FaqFloor(front)
    free, _ = floor.balance(floor.account, "BTC")
    floor.do(Withdraw(account=floor.account, asset="BTC", amount=free))
    placed = await floor.ok("POST /api/v3/orderList/opo", **OPO, pendingType="MARKET")
    working, pending = placed["orderReports"]
    assert part(pending, "status origQty executedQty workingTime") == {
        "status": "PENDING_NEW",
        "executedQty": "0.00000000",
        "workingTime": -1,
    }
    assert (working["status"], placed["contingencyType"]) == ("NEW", "OTO")
    refused = await floor.call(
        "PUT /api/v3/order/amend/keepPriority",
        {"symbol": "BTCUSDT", "orderId": pending["orderId"], "newQty": "1"},
    )
    assert refused.json() == {"code": -2038, "msg": "Order amend (pending OPO order) is not supported."}


async def test_what_the_working_order_receives_is_locked_and_a_cancel_unlocks_it(front: Front) -> None:
    floor = FaqFloor(front)
    before = floor.balance(floor.account, "BTC")
    placed = await floor.ok(
        "POST /api/v3/orderList/opo", **OPO, pendingType="LIMIT", pendingPrice="110", pendingTimeInForce="GTC"
    )
    floor.limit(OTHERS, "SELL", "0.6", "100")
    assert changes(before, floor.balance(floor.account, "BTC")) == (0, D("0.6"))
    await floor.ok("DELETE /api/v3/orderList", symbol="BTCUSDT", orderListId=placed["orderListId"])
    assert changes(before, floor.balance(floor.account, "BTC")) == (D("0.6"), 0)


@pytest.mark.parametrize(
    ("other_btc", "sold", "change"),
    [("1", "1.50", (D("-0.0015"), D("1.5"))), ("0", "1.49", (D("0.0085"), D("1.49")))],
    ids=["commission from free funds", "commission from what was received"],
)
async def test_the_pending_order_sells_what_was_received_in_whole_lots(
    front: Front, other_btc: str, sold: str, change: Pair
) -> None:
    floor = FaqFloor(front, bare(commission=TENTH_PERCENT, filters=LOTS))
    free, _ = floor.balance(floor.account, "BTC")
    floor.do(Withdraw(account=floor.account, asset="BTC", amount=free))
    if D(other_btc):
        floor.do(Deposit(account=floor.account, asset="BTC", amount=D(other_btc)))
    before = floor.balance(floor.account, "BTC")
    placed = await floor.ok(
        "POST /api/v3/orderList/opo", **OPO, pendingType="LIMIT", pendingPrice="110", pendingTimeInForce="GTC"
    )
    floor.limit(OTHERS, "SELL", "1.5", "100")
    pending = await floor.now(placed["orders"][1]["orderId"])
    assert part(pending, "status origQty") == {"status": "NEW", "origQty": f"{D(sold):.8f}"}
    assert changes(before, floor.balance(floor.account, "BTC")) == change


async def test_market_lots_bound_a_pending_market_order(front: Front) -> None:
    market_lot = MarketLotSize(min_qty=D("0"), max_qty=D(100), step_size=D("0.1"))
    floor = FaqFloor(front, bare(commission=TENTH_PERCENT, filters=(*LOTS, market_lot)))
    free, _ = floor.balance(floor.account, "BTC")
    floor.do(Withdraw(account=floor.account, asset="BTC", amount=free))
    placed = await floor.ok("POST /api/v3/orderList/opo", **OPO, pendingType="MARKET")
    floor.limit(OTHERS, "BUY", "5", "90")
    floor.limit(OTHERS, "SELL", "1.5", "100", stp_mode="NONE")
    pending = await floor.now(placed["orders"][1]["orderId"])
    assert part(pending, "status origQty executedQty") == {
        "status": "FILLED",
        "origQty": "1.40000000",
        "executedQty": "1.40000000",
    }
    assert floor.balance(floor.account, "BTC") == (D("0.0985"), 0)


async def test_an_opoco_sells_what_was_received_through_either_leg(front: Front) -> None:
    floor = FaqFloor(front)
    floor.trade_at("100")
    before = floor.balance(floor.account, "BTC")
    placed = await floor.ok(
        "POST /api/v3/orderList/opoco",
        **OPO,
        pendingAboveType="LIMIT_MAKER",
        pendingAbovePrice="110",
        pendingBelowType="STOP_LOSS",
        pendingBelowStopPrice="90",
    )
    floor.limit(OTHERS, "SELL", "1.5", "100")
    legs = [await floor.now(row["orderId"]) for row in placed["orders"][1:]]
    assert [part(leg, "type status origQty") for leg in legs] == [
        {"type": "STOP_LOSS", "status": "NEW", "origQty": "1.50000000"},
        {"type": "LIMIT_MAKER", "status": "NEW", "origQty": "1.50000000"},
    ]
    assert changes(before, floor.balance(floor.account, "BTC")) == (0, D("1.5"))
    floor.limit(OTHERS, "BUY", "1.5", "110")
    legs = [await floor.now(row["orderId"]) for row in placed["orders"][1:]]
    assert [part(leg, "status expiryReason") for leg in legs] == [
        {"status": "EXPIRED", "expiryReason": "OCO_TRIGGER"},
        {"status": "FILLED"},
    ]
    assert changes(before, floor.balance(floor.account, "BTC")) == (0, 0)


@pytest.mark.parametrize("missing", ["oto_allowed", "opo_allowed"])
async def test_an_opo_needs_both_permissions_of_the_symbol(front: Front, missing: str) -> None:
    rules: dict[str, Any] = {missing: False}
    floor = FaqFloor(front, bare(**rules))
    refused = await floor.call("POST /api/v3/orderList/opo", OPO | {"pendingType": "MARKET"})
    assert refused.json()["code"] == -1013
