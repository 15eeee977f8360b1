"""The FAQs about single kinds of orders, with their numbers: amendments, pegs, price ranges, MARKET, OPO, order counts.

Source: faqs/order_amend_keep_priority.md, faqs/pegged_orders.md, faqs/price_range_execution_rules.md,
faqs/market_orders_faq.md, faqs/opo.md, faqs/order_count_decrement.md
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare, changes, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import Deposit, OpenAccount, SetReferencePrice, Withdraw
from paper_exchange.engine.symbols import (
    Commission,
    LotSize,
    MarketLotSize,
    PercentPrice,
    PriceFilter,
    PriceRange,
    Rates,
    ReferencePriceRule,
)
from paper_exchange.gateway.limits import Limit, LimitTable

pytestmark = pytest.mark.anyio

EXTERNAL = ReferencePriceRule(calculation_type="EXTERNAL", external_calculation_id=2)
TENTH_PERCENT = Commission(standard=Rates(maker=D("0.001"), taker=D("0.001")))


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


# Order amend keep priority


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


# Pegged orders


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


# Price range execution rule


TEN = D("10.00")
TWICE_OR_HALF = PriceRange(
    bid_limit_mult_up=D("2.0000"),
    bid_limit_mult_down=D("0.5000"),
    ask_limit_mult_up=D("2.0000"),
    ask_limit_mult_down=D("0.5000"),
)


def baz(front: Front, rule: PriceRange = TWICE_OR_HALF, price: Decimal | None = TEN) -> FaqFloor:
    floor = FaqFloor(front, bare("BAZ", "USD", execution_rules=(rule,), reference_price=EXTERNAL))
    floor.do(SetReferencePrice(symbol="BAZUSD", price=price))
    return floor


@pytest.mark.parametrize(
    ("side", "price", "trades"),
    [
        ("BUY", "20", True),
        ("BUY", "20.01", False),
        ("BUY", "5", True),
        ("BUY", "4.99", False),
        ("SELL", "20", True),
        ("SELL", "20.01", False),
        ("SELL", "5", True),
        ("SELL", "4.99", False),
    ],
)
async def test_orders_trade_within_and_at_the_bounds_alone(front: Front, side: str, price: str, trades: bool) -> None:
    floor = baz(front)
    floor.limit(OTHERS, "SELL" if side == "BUY" else "BUY", "1", price, "BAZUSD")
    order = await floor.order(side, "1", symbol="BAZUSD")
    if trades:
        assert order["status"] == "FILLED"
    else:
        assert part(order, "status expiryReason executedQty") == {
            "status": "EXPIRED",
            "expiryReason": "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
            "executedQty": "0.00000000",
        }


async def test_a_bound_that_is_not_set_or_a_price_that_is_null_bounds_nothing(front: Front) -> None:
    floor = baz(front, PriceRange(bid_limit_mult_up=D(2)))
    floor.limit(OTHERS, "SELL", "1", "0.01", "BAZUSD")
    assert (await floor.order("BUY", "1", symbol="BAZUSD"))["status"] == "FILLED"
    rules = await floor.ok("GET /api/v3/executionRules", symbol="BAZUSD")
    assert rules == {
        "symbolRules": [{"symbol": "BAZUSD", "rules": [{"ruleType": "PRICE_RANGE", "bidLimitMultUp": "2"}]}]
    }
    floor = baz(front, price=None)
    floor.limit(OTHERS, "SELL", "1", "1000", "BAZUSD")
    assert (await floor.order("BUY", "1", symbol="BAZUSD"))["status"] == "FILLED"
    assert part(await floor.ok("GET /api/v3/referencePrice", symbol="BAZUSD"), "symbol referencePrice") == {
        "symbol": "BAZUSD",
        "referencePrice": None,
    }


async def test_what_matched_before_the_bound_stays_matched(front: Front) -> None:
    floor = baz(front)
    floor.limit(OTHERS, "SELL", "1", "19", "BAZUSD")
    floor.limit(OTHERS, "SELL", "1", "21", "BAZUSD")
    order = await floor.order("BUY", "2", "30", symbol="BAZUSD")
    assert part(order, "status expiryReason executedQty") == {
        "status": "EXPIRED",
        "expiryReason": "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
        "executedQty": "1.00000000",
    }
    assert (await floor.ok("GET /api/v3/depth", symbol="BAZUSD"))["bids"] == []


async def test_the_reference_price_is_the_mean_of_buckets_with_the_oldest_one_prorated(front: Front) -> None:
    """Two trades at 10 in the first second, one at 16 in the third; the window is three seconds wide.

    Half of the first bucket is outside at 3.5 s: (10 * 2 * 0.5 + 16) / (2 * 0.5 + 1) = 13.
    """
    rule = ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=3, bucket_width_ms=1000)
    floor = FaqFloor(front, bare("BAZ", "USD", reference_price=rule))
    floor.trade_at("10", "BAZUSD")
    floor.trade_at("10", "BAZUSD")
    await floor.clock.advance(2_000_000)
    floor.trade_at("16", "BAZUSD")
    await floor.clock.advance(1_500_000)
    answer = await floor.ok("GET /api/v3/referencePrice", symbol="BAZUSD")
    assert answer == {"symbol": "BAZUSD", "referencePrice": "13.00000000", "timestamp": floor.now_ms}
    await floor.clock.advance(500_000)
    assert (await floor.ok("GET /api/v3/referencePrice", symbol="BAZUSD"))["referencePrice"] == "16.00000000"
    assert await floor.ok("GET /api/v3/referencePrice/calculation", symbol="BAZUSD") == {
        "symbol": "BAZUSD",
        "calculationType": "ARITHMETIC_MEAN",
        "bucketCount": 3,
        "bucketWidthMs": 1000,
    }


async def test_filters_measure_against_the_reference_price(front: Front) -> None:
    percent = PercentPrice(multiplier_up=D("1.5"), multiplier_down=D("0.5"), avg_price_mins=5)
    floor = FaqFloor(front, bare("BAZ", "USD", reference_price=EXTERNAL, filters=(percent,)))
    floor.do(SetReferencePrice(symbol="BAZUSD", price=D(10)))
    floor.trade_at("14", "BAZUSD")
    order = {"symbol": "BAZUSD", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    assert (await floor.call("POST /api/v3/order", order | {"price": "15"})).is_success
    refused = await floor.call("POST /api/v3/order", order | {"price": "16"})
    assert refused.json() == {"code": -1013, "msg": "Filter failure: PERCENT_PRICE"}
    floor.do(SetReferencePrice(symbol="BAZUSD", price=None))
    assert (await floor.call("POST /api/v3/order", order | {"price": "16"})).is_success


# MARKET orders


async def test_a_market_order_that_empties_the_book_is_told_step_by_step(front: Front) -> None:
    """The FAQ's LTCBNB example: 6 wanted, two makers with 2 each; commission 0.001 BNB a fill."""
    half_milli = Commission(standard=Rates(taker=D("0.0005")))
    floor = FaqFloor(front, bare("LTC", "BNB", commission=half_milli))
    async with floor.serving():
        api = await floor.open_api()
        await api.signed("userDataStream.subscribe.signature")
        floor.trade_at("1", "LTCBNB")
        for _ in range(2):
            floor.limit(OTHERS, "SELL", "2", "1", "LTCBNB")
        floor.do(OpenAccount(account=floor.account, pays_in_bnb=True))
        before = {asset: floor.balance(floor.account, asset)[0] for asset in ("LTC", "BNB")}
        order = await floor.order("BUY", "6", symbol="LTCBNB")
        await api.call("ping")
    assert part(order, "price origQty executedQty cummulativeQuoteQty status timeInForce") == {
        "price": "0.00000000",
        "origQty": "6.00000000",
        "executedQty": "4.00000000",
        "cummulativeQuoteQty": "4.00000000",
        "status": "EXPIRED",
        "timeInForce": "GTC",
    }
    fee = "0.00075000"
    """The example's rate is not given; ours is 0.05 % of 2 LTC at 75 %."""
    assert [part(fill, "price qty commission commissionAsset") for fill in order["fills"]] == [
        {"price": "1.00000000", "qty": "2.00000000", "commission": fee, "commissionAsset": "BNB"}
    ] * 2
    *reports, position = [message["event"] for message in api.events]
    told = [part(report, "x X l z L n N w m M Z Y Q q p eR") for report in reports]
    unfilled = {"l": "0.00000000", "L": "0.00000000", "Y": "0.00000000", "n": "0", "N": None, "M": False, "m": False}
    always = {"q": "6.00000000", "p": "0.00000000", "Q": "0.00000000"}
    fill = always | {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "2.00000000", "L": "1.00000000", "Y": "2.00000000"}
    fill |= {"n": fee, "N": "BNB", "w": False, "m": False, "M": True}
    nothing = {"z": "0.00000000", "Z": "0.00000000"}
    assert told == [
        always | unfilled | nothing | {"x": "NEW", "X": "NEW", "w": True},
        fill | {"z": "2.00000000", "Z": "2.00000000"},
        fill | {"z": "4.00000000", "Z": "4.00000000"},
        always
        | unfilled
        | {"x": "EXPIRED", "X": "EXPIRED", "w": False, "z": "4.00000000", "Z": "4.00000000"}
        | {"eR": "INSUFFICIENT_LIQUIDITY"},
    ]
    assert all(report["W"] == report["O"] == report["T"] == order["transactTime"] for report in reports)
    executions = [report["I"] for report in reports]
    assert [number - executions[0] for number in executions] == [0, 1, 3, 5]
    spent = {asset: floor.balance(floor.account, asset)[0] - was for asset, was in before.items()}
    assert spent == {"LTC": D(4), "BNB": D("-4.0015")}
    assert {row["a"]: (row["f"], row["l"]) for row in position["B"]} == {
        asset: (f"{before[asset] + spent[asset]:.8f}", "0.00000000") for asset in ("LTC", "BNB")
    }


async def test_a_market_order_that_cannot_be_paid_for_whole_is_rejected(front: Front) -> None:
    floor = FaqFloor(front)
    floor.limit(OTHERS, "SELL", "2", "100")
    free, _ = floor.balance(floor.account, "USDT")
    floor.do(Withdraw(account=floor.account, asset="USDT", amount=free - 150))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "2"}
    refused = await floor.call("POST /api/v3/order", order)
    assert (refused.status_code, refused.json()) == (
        400,
        {"code": -2010, "msg": "Account has insufficient balance for requested action."},
    )


# One pays the other


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
    front: Front, other_btc: str, sold: str, change: tuple[Any, Any]
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
    floor = FaqFloor(front, bare(**{missing: False}))
    refused = await floor.call("POST /api/v3/orderList/opo", OPO | {"pendingType": "MARKET"})
    assert refused.json()["code"] == -1013


# Unfilled order count


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
