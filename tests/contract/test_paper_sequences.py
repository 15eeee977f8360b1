"""What an account hears, step by step, while its orders live: every event in order, and its balances to the last digit.

Source: user-data-stream.md, rest-api.md#order-lists, faqs/stp_faq.md
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare
from tests.e2e.rest_floor import Front
from tests.e2e.socket_floor import ApiClient

from paper_exchange.engine.symbols import Commission, Rates

pytestmark = pytest.mark.anyio

COMMISSION = Commission(standard=Rates(maker=D("0.001"), taker=D("0.002")))
START = D(10_000_000)
SELL_OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "2",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "110",
    "aboveClientOrderId": "limit",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "90",
    "belowPrice": "89",
    "belowTimeInForce": "GTC",
    "belowClientOrderId": "stop",
}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "95",
    "workingQuantity": "2",
    "workingTimeInForce": "GTC",
    "workingClientOrderId": "working",
    "pendingType": "LIMIT",
    "pendingSide": "SELL",
    "pendingPrice": "105",
    "pendingQuantity": "1",
    "pendingTimeInForce": "GTC",
    "pendingClientOrderId": "pending",
}


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


class Stage:
    """An account that starts with 10,000,000 of each asset, and hears what happens to it."""

    def __init__(self, floor: FaqFloor, api: ApiClient) -> None:
        self.floor = floor
        self._api = api

    async def heard(self) -> list[str]:
        """The events since the last time, each as a line."""
        await self._api.call("ping")
        lines = [_line(message["event"]) for message in self._api.events]
        self._api.events.clear()
        return lines

    def gained(self, asset: str) -> tuple[str, str]:
        """How far free and locked are from what the account started with."""
        free, locked = self.floor.balance(self.floor.account, asset)
        return str((free - START).normalize() + 0), str(D(locked).normalize() + 0)


def _line(event: dict[str, Any]) -> str:
    match event["e"]:
        case "executionReport":
            name = event["C"] or event["c"]
            fill = f" {D(event['l']):f}@{D(event['L']).normalize():f}" if event["x"] == "TRADE" else ""
            prevented = f" -{D(event['B']):f}" if event["x"] == "TRADE_PREVENTION" else ""
            reason = f" {event['eR']}" if "eR" in event else ""
            book = " on book" if event["w"] else ""
            return f"{name} {event['x']} {event['X']}{fill}{prevented}{reason}{book}"
        case "listStatus":
            return f"list {event['l']} {event['L']}"
        case _:
            return "balances " + " ".join(sorted(balance["a"] for balance in event["B"]))


@pytest.fixture
async def stage(front: Front) -> AsyncIterator[Stage]:
    floor = FaqFloor(front, bare(commission=COMMISSION))
    for asset in ("BTC", "USDT"):
        free, _ = floor.balance(floor.account, asset)
        floor.give(asset, START - free)
    floor.trade_at("100")
    async with floor.serving():
        api = await floor.open_api()
        await api.signed("userDataStream.subscribe.signature")
        yield Stage(floor, api)


async def test_the_limit_leg_of_an_oco_trades(stage: Stage) -> None:
    floor = stage.floor
    await floor.ok("POST /api/v3/orderList/oco", **SELL_OCO)
    assert await stage.heard() == [
        "list EXEC_STARTED EXECUTING",
        "stop NEW NEW",
        "limit NEW NEW on book",
        "balances BTC",
    ]
    assert stage.gained("BTC") == ("-2", "2")
    floor.limit(OTHERS, "BUY", "0.5", "110")
    assert await stage.heard() == [
        "stop EXPIRED EXPIRED OCO_TRIGGER",
        "limit TRADE PARTIALLY_FILLED 0.50000000@110 on book",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("-2", "1.5"), ("54.945", "0"))
    floor.limit(OTHERS, "BUY", "1.5", "110")
    assert await stage.heard() == [
        "limit TRADE FILLED 1.50000000@110",
        "list ALL_DONE ALL_DONE",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("-2", "0"), ("219.78", "0"))


async def test_the_stop_leg_of_an_oco_triggers_and_rests(stage: Stage) -> None:
    floor = stage.floor
    await floor.ok("POST /api/v3/orderList/oco", **SELL_OCO)
    await stage.heard()
    floor.limit(OTHERS, "BUY", "1", "89.5")
    floor.trade_at("90")
    assert await stage.heard() == [
        "limit EXPIRED EXPIRED OCO_TRIGGER",
        "stop NEW NEW on book",
        "stop TRADE PARTIALLY_FILLED 1.00000000@89.5",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("-2", "1"), ("89.321", "0"))
    await floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", origClientOrderId="stop")
    assert await stage.heard() == ["stop CANCELED CANCELED", "list ALL_DONE ALL_DONE", "balances BTC"]
    assert stage.gained("BTC") == ("-1", "0")


async def test_the_pending_order_of_an_oto_waits_for_the_whole_working_order(stage: Stage) -> None:
    floor = stage.floor
    await floor.ok("POST /api/v3/orderList/oto", **OTO)
    assert await stage.heard() == [
        "list EXEC_STARTED EXECUTING",
        "pending NEW PENDING_NEW",
        "working NEW NEW on book",
        "balances USDT",
    ]
    floor.limit(OTHERS, "SELL", "0.5", "95")
    assert await stage.heard() == ["working TRADE PARTIALLY_FILLED 0.50000000@95 on book", "balances BTC USDT"]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.4995", "0"), ("-190", "142.5"))
    floor.limit(OTHERS, "SELL", "1.5", "95")
    assert await stage.heard() == [
        "working TRADE FILLED 1.50000000@95",
        "pending NEW NEW on book",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.998", "1"), ("-190", "0"))
    floor.limit(OTHERS, "BUY", "1", "105")
    assert await stage.heard() == ["pending TRADE FILLED 1.00000000@105", "list ALL_DONE ALL_DONE", "balances BTC USDT"]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.998", "0"), ("-85.105", "0"))


async def test_a_working_order_that_expires_takes_its_pending_order_along(stage: Stage) -> None:
    floor = stage.floor
    floor.limit(OTHERS, "SELL", "0.5", "95")
    placed = await floor.ok("POST /api/v3/orderList/oto", **(OTO | {"workingTimeInForce": "IOC"}))
    assert placed["listOrderStatus"] == "ALL_DONE"
    assert await stage.heard() == [
        "list EXEC_STARTED EXECUTING",
        "pending NEW PENDING_NEW",
        "working NEW NEW on book",
        "working TRADE PARTIALLY_FILLED 0.50000000@95",
        "working EXPIRED EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED",
        "pending EXPIRED EXPIRED OTO_PHASE_ONE_EXPIRED",
        "list ALL_DONE ALL_DONE",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.499", "0"), ("-47.5", "0"))


async def test_a_pending_order_that_cannot_be_paid_for_expires_as_rejected(stage: Stage) -> None:
    floor = stage.floor
    await floor.ok("POST /api/v3/orderList/oto", **(OTO | {"pendingQuantity": "99999999"}))
    await stage.heard()
    floor.limit(OTHERS, "SELL", "2", "95")
    assert await stage.heard() == [
        "working TRADE FILLED 2.00000000@95",
        "pending EXPIRED EXPIRED REJECTED",
        "list ALL_DONE ALL_DONE",
        "balances BTC USDT",
    ]


@pytest.mark.parametrize("member", ["working", "pending"])
async def test_cancelling_any_member_cancels_the_list(stage: Stage, member: str) -> None:
    floor = stage.floor
    await floor.ok("POST /api/v3/orderList/oto", **OTO)
    floor.limit(OTHERS, "SELL", "0.5", "95")
    await stage.heard()
    answer = await floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", origClientOrderId=member)
    assert (answer["origClientOrderId"], answer["status"]) == (member, "CANCELED")
    assert await stage.heard() == [
        "working CANCELED CANCELED",
        "pending CANCELED CANCELED",
        "list ALL_DONE ALL_DONE",
        "balances USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.4995", "0"), ("-47.5", "0"))


async def test_a_replacement_obeys_the_restrictions_of_its_cancel(stage: Stage) -> None:
    floor = stage.floor
    await floor.order("BUY", "2", "95", newClientOrderId="old")
    floor.limit(OTHERS, "SELL", "0.5", "95")
    await stage.heard()
    replacement = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "94",
        "newClientOrderId": "new",
        "cancelOrigClientOrderId": "old",
        "cancelReplaceMode": "STOP_ON_FAILURE",
    }
    route = "POST /api/v3/order/cancelReplace"
    refused = await floor.call(route, replacement | {"cancelRestrictions": "ONLY_NEW"})
    assert refused.status_code == 400
    assert refused.json()["data"] == {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."},
        "newOrderResponse": None,
    }
    assert await stage.heard() == []
    half = await floor.call(
        route,
        replacement
        | {"cancelRestrictions": "ONLY_NEW", "cancelReplaceMode": "ALLOW_FAILURE", "newClientOrderId": "beside"},
    )
    assert (half.status_code, half.json()["code"]) == (409, -2021)
    assert await stage.heard() == ["beside NEW NEW on book", "balances USDT"]
    await floor.ok(route, **replacement, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert await stage.heard() == ["old CANCELED CANCELED", "new NEW NEW on book", "balances USDT"]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.4995", "0"), ("-235.5", "188"))
    lost = await floor.call(route, replacement | {"cancelOrigClientOrderId": "new", "quantity": "99999999"})
    assert (lost.status_code, lost.json()["data"]["newOrderResponse"]["code"]) == (409, -2010)
    assert await stage.heard() == ["new CANCELED CANCELED", "new REJECTED REJECTED", "balances USDT"]


async def test_an_order_is_amended_fills_and_is_cancelled(stage: Stage) -> None:
    floor = stage.floor
    await floor.order("BUY", "5", "95", newClientOrderId="a")
    amend = {"symbol": "BTCUSDT", "newQty": "4", "origClientOrderId": "a", "newClientOrderId": "b"}
    await floor.ok("PUT /api/v3/order/amend/keepPriority", **amend)
    assert stage.gained("USDT") == ("-380", "380")
    floor.limit(OTHERS, "SELL", "1", "95")
    await floor.ok("DELETE /api/v3/order", symbol="BTCUSDT", origClientOrderId="b")
    assert await stage.heard() == [
        "a NEW NEW on book",
        "balances USDT",
        "a REPLACED NEW on book",
        "balances USDT",
        "b TRADE PARTIALLY_FILLED 1.00000000@95 on book",
        "balances BTC USDT",
        "b CANCELED CANCELED",
        "balances USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.999", "0"), ("-95", "0"))


async def test_an_iceberg_shows_its_next_slice_behind_the_queue(stage: Stage) -> None:
    floor = stage.floor
    await floor.order("SELL", "5", "100", icebergQty="2", newClientOrderId="ice")
    floor.limit(OTHERS, "SELL", "1", "100")
    await stage.heard()
    floor.limit(OTHERS, "BUY", "4", "100", stp_mode="NONE")
    assert await stage.heard() == [
        "ice TRADE PARTIALLY_FILLED 2.00000000@100 on book",
        "ice TRADE PARTIALLY_FILLED 1.00000000@100 on book",
        "balances BTC USDT",
    ]
    assert (await floor.ok("GET /api/v3/depth", symbol="BTCUSDT"))["asks"] == [["100.00000000", "1.00000000"]]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("-5", "2"), ("299.7", "0"))


async def test_a_taker_of_ones_own_ends_the_oco_that_it_would_have_met(stage: Stage) -> None:
    floor = stage.floor
    await floor.ok("POST /api/v3/orderList/oco", **SELL_OCO)
    await stage.heard()
    await floor.order("BUY", "1", "110", newClientOrderId="taker", selfTradePreventionMode="EXPIRE_MAKER")
    assert await stage.heard() == [
        "taker NEW NEW on book",
        "stop EXPIRED EXPIRED OCO_TRIGGER",
        "limit TRADE_PREVENTION EXPIRED_IN_MATCH -2.00000000",
        "list ALL_DONE ALL_DONE",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0", "0"), ("-110", "110"))


async def test_an_own_trade_triggers_an_own_stop(stage: Stage) -> None:
    floor = stage.floor
    for quantity, price in (("1", "95"), ("5", "80")):
        floor.limit(OTHERS, "BUY", quantity, price)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "95"}
    await floor.ok("POST /api/v3/order", **stop, newClientOrderId="stop")
    await stage.heard()
    answer = await floor.order("SELL", "1", newClientOrderId="market")
    assert answer["executedQty"] == "1.00000000"
    assert await stage.heard() == [
        "market NEW NEW on book",
        "market TRADE FILLED 1.00000000@95",
        "stop NEW NEW on book",
        "stop TRADE FILLED 1.00000000@80",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("-2", "0"), ("174.65", "0"))


async def test_an_amount_larger_than_the_book_buys_the_book(stage: Stage) -> None:
    floor = stage.floor
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "newClientOrderId": "spend"}
    refused = await floor.call("POST /api/v3/order", order | {"quoteOrderQty": "200"})
    assert refused.json() == {"code": -2010, "msg": "Order book liquidity is less than symbol minimum quantity."}
    for price in ("100", "110"):
        floor.limit(OTHERS, "SELL", "0.5", price)
    answer = await floor.ok("POST /api/v3/order", **order, quoteOrderQty="200")
    assert (answer["origQty"], answer["origQuoteOrderQty"], answer["cummulativeQuoteQty"]) == (
        "1.00000000",
        "200.00000000",
        "105.00000000",
    )
    assert await stage.heard() == [
        "spend NEW NEW on book",
        "spend TRADE PARTIALLY_FILLED 0.50000000@100",
        "spend TRADE FILLED 0.50000000@110",
        "balances BTC USDT",
    ]
    assert (stage.gained("BTC"), stage.gained("USDT")) == (("0.998", "0"), ("-105", "0"))
