"""Every user data event, with every key that depends on the order: live events have the documented keys and types."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.shapes import SPEC, differences
from tests.e2e.socket_floor import ApiClient, SocketFloor

from paper_exchange.engine.commands import Deposit, ExpireOrders, LockExternally, Withdraw

pytestmark = pytest.mark.anyio

DOCUMENTED: dict[str, Any] = json.loads((SPEC / "user_events.json").read_text("utf-8"))
REPORT = next(event for event in DOCUMENTED["events"] if event["name"] == "executionReport")
CONDITIONAL = {field["key"]: field["type"] for field in REPORT["conditional_fields"]}

NOT_REPORTED = {
    "OCO_BAD_PRICES": "a list that is refused has no orders to report",
}
"""Reject reasons that no report of this exchange has, and why."""

SEEN_BY_THE_ENGINES_TESTS = {"NONE", "REJECTED", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"}
"""Expiry reasons that this day does not bring about; the engine's own tests do."""

LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01000"}
BUY = {**LIMIT, "side": "BUY", "price": "90000.00"}
SELL = {**LIMIT, "side": "SELL", "price": "110000.00"}
MARKET = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.01000"}


def shapes() -> dict[str, Any]:
    """The documented events in the notation of the response shapes."""
    return {event["name"]: shape(event) for event in DOCUMENTED["events"]}


def shape(event: dict[str, Any]) -> dict[str, Any]:
    """One event: fields that only some orders have are optional, members of arrays are nested."""
    fields: dict[str, Any] = {}
    for field in event["fields"]:
        key, kind = field["key"], field["type"] + ("|null" if field.get("nullable") else "")
        array, _, member = key.partition("[].")
        if member:
            fields[array][0][member] = kind
        elif kind == "array<object>":
            fields[key] = [{}]
        else:
            fields[f"{key}?" if field.get("conditional") else key] = kind
    for field in event.get("conditional_fields", []):
        fields.setdefault(f"{field['key']}?", field["type"])
    return fields


SHAPES = shapes()


@pytest.fixture
async def floor() -> AsyncIterator[SocketFloor]:
    """An exchange with quotes on both sides."""
    floor = SocketFloor()
    async with floor.serving():
        floor.quote("BUY", "99000", "0.05")
        floor.quote("SELL", "101000", "0.05")
        yield floor


async def live(floor: SocketFloor) -> tuple[ApiClient, list[Any]]:
    """A client that hears of its account, and what it hears."""
    api = await floor.open_api()
    await api.signed("userDataStream.subscribe.signature")
    return api, api.events


async def everything(floor: SocketFloor) -> list[Any]:
    """A day in which everything happens that an account can hear of."""
    api, events = await live(floor)
    place, account = "order.place", floor.account
    floor.do(Deposit(account=account, asset="BTC", amount=Decimal(1)))
    floor.do(Withdraw(account=account, asset="BTC", amount=Decimal(1)))
    floor.do(LockExternally(account=account, asset="BTC", amount=Decimal("0.1")))
    await api.signed(place, **BUY, newClientOrderId="a", strategyId=7, strategyType=1_000_000)
    await api.signed("order.amend.keepPriority", symbol="BTCUSDT", origClientOrderId="a", newQty="0.00500")
    await api.signed("openOrders.cancelAll", symbol="BTCUSDT")
    await api.signed(place, **MARKET, side="BUY")
    await api.signed(place, **(LIMIT | {"side": "BUY", "price": "101000.00", "timeInForce": "IOC", "quantity": "0.5"}))
    floor.quote("SELL", "101000", "0.05")
    await api.signed(place, **(SELL | {"timeInForce": "FOK", "price": "98000.00", "quantity": "0.5"}))
    await api.signed(place, **(MARKET | {"side": "SELL", "quantity": "0.50000"}))
    floor.quote("BUY", "99000", "0.05")
    await trailing_and_pegged(api)
    await self_trades(api)
    await api.signed("sor.order.place", **(BUY | {"price": "101000.00"}))
    await lists(floor, api)
    await refused_replacements(floor, api)
    await api.signed(place, **BUY)
    floor.do(ExpireOrders(symbol="BTCUSDT"))
    await api.call("userDataStream.unsubscribe")
    await api.call("ping")
    return events


async def trailing_and_pegged(api: ApiClient) -> None:
    trailing = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01000", "trailingDelta": 500}
    await api.signed("order.place", **trailing)
    pegged = {key: value for key, value in BUY.items() if key != "price"} | {"pegPriceType": "PRIMARY_PEG"}
    await api.signed("order.place", **pegged)
    await api.signed("order.place", **BUY)
    await api.signed("order.place", **pegged, pegOffsetType="PRICE_LEVEL", pegOffsetValue=1)
    await api.signed("openOrders.cancelAll", symbol="BTCUSDT")


async def self_trades(api: ApiClient) -> None:
    own = {**BUY, "price": "100000.00", "quantity": "0.02000"}
    await api.signed("order.place", **own)
    await api.signed(
        "order.place", **(own | {"side": "SELL", "quantity": "0.01000"}), selfTradePreventionMode="DECREMENT"
    )
    await api.signed("openOrders.cancelAll", symbol="BTCUSDT")


async def lists(floor: SocketFloor, api: ApiClient) -> None:
    oco = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01000",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": "110000.00",
        "belowType": "STOP_LOSS",
        "belowStopPrice": "80000.00",
        "listClientOrderId": "oco",
        "aboveClientOrderId": "above",
    }
    await api.signed("orderList.place.oco", **oco)
    await api.signed("order.amend.keepPriority", symbol="BTCUSDT", origClientOrderId="above", newQty="0.00500")
    await api.signed("orderList.cancel", symbol="BTCUSDT", listClientOrderId="oco")
    await api.signed("orderList.place.oco", **(oco | {"abovePrice": "102000.00"}))
    floor.quote("BUY", "102000.00", "0.01")
    oto = {
        "symbol": "BTCUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": "101000.00",
        "workingQuantity": "0.50000",
        "workingTimeInForce": "IOC",
        "pendingType": "LIMIT",
        "pendingSide": "SELL",
        "pendingPrice": "110000.00",
        "pendingQuantity": "0.01000",
        "pendingTimeInForce": "GTC",
    }
    await api.signed("orderList.place.oto", **oto)


async def refused_replacements(floor: SocketFloor, api: ApiClient) -> None:
    floor.quote("SELL", "101000")
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01000", "stopPrice": "200000.00"}
    post_only = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01000", "price": "102000.00"}
    for refused in ({**BUY, "quantity": "5.00000"}, stop, post_only):
        await api.signed("order.place", **BUY, newClientOrderId="old")
        await api.signed(
            "order.cancelReplace", **refused, cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId="old"
        )


async def test_every_event_has_the_documented_shape(floor: SocketFloor) -> None:
    events = await everything(floor)
    wrong = [
        (message["event"]["e"], each)
        for message in events
        for each in differences(SHAPES[message["event"]["e"]], message["event"])
    ]
    assert wrong == []
    assert all(message.keys() == {"subscriptionId", "event"} for message in events)
    assert {message["event"]["e"] for message in events} == SHAPES.keys()


async def test_every_key_that_depends_on_the_order_was_seen(floor: SocketFloor) -> None:
    reports = await reports_of(floor)
    assert CONDITIONAL.keys() - {key for report in reports for key in report} == set()


async def test_every_execution_type_and_reason_was_seen(floor: SocketFloor) -> None:
    reports = await reports_of(floor)
    assert {report["x"] for report in reports} == set(REPORT["execution_types"])
    assert {report["r"] for report in reports} | NOT_REPORTED.keys() == {
        reason["value"] for reason in REPORT["reject_reasons"]
    }
    assert {report["eR"] for report in reports if "eR" in report} | SEEN_BY_THE_ENGINES_TESTS == {
        reason["value"] for reason in REPORT["expiry_reasons"]
    }


async def reports_of(floor: SocketFloor) -> list[Any]:
    return [message["event"] for message in await everything(floor) if message["event"]["e"] == "executionReport"]
