"""Every WebSocket API method, every documented variant: a live answer has the documented keys and JSON types."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from tests.contract.shapes import SHAPES, SPEC, differences
from tests.e2e.socket_floor import ApiClient, SocketFloor

from paper_exchange.engine.commands import AddSymbol, OpenAccount, SetReferencePrice
from paper_exchange.engine.symbols import MaxAsset, ReferencePriceRule
from paper_exchange.gateway.limits import Limit, LimitTable
from paper_exchange.gateway.ws_api.methods import METHODS
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.history import BlockTrade

pytestmark = pytest.mark.anyio

DOCUMENTED: list[dict[str, Any]] = json.loads((SPEC / "ws_api_methods.json").read_text("utf-8"))["methods"]

Variant = tuple[str, str]
Call = Callable[[SocketFloor, ApiClient], Awaitable[Any]]

LIMIT_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
RESTING = {**LIMIT_BUY, "price": "90000.00", "quantity": "0.01000"}
BUY_NOW = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01000"}
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01000",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "105000.00",
    "belowType": "STOP_LOSS_LIMIT",
    "belowPrice": "94000.00",
    "belowStopPrice": "95000.00",
    "belowTimeInForce": "GTC",
    "listClientOrderId": "list",
    "belowClientOrderId": "below",
}
WORKING = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "90000.00",
    "workingQuantity": "0.01000",
    "workingTimeInForce": "GTC",
    "workingClientOrderId": "working",
    "pendingSide": "SELL",
}
PENDING = {"pendingType": "LIMIT", "pendingPrice": "110000.00", "pendingTimeInForce": "GTC"}
PENDING_PAIR = {
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "110000.00",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "80000.00",
}
REPLACE = {**RESTING, "price": "91000.00", "newOrderRespType": "RESULT", "cancelReplaceMode": "STOP_ON_FAILURE"}
UNAFFORDABLE = {"quantity": "5.00000"}

PUBLIC: dict[Variant, dict[str, Any]] = {
    ("ping", "default"): {},
    ("time", "default"): {},
    ("exchangeInfo", "default"): {},
    ("executionRules", "default"): {"symbol": "BTCUSDT"},
    ("depth", "default"): {"symbol": "BTCUSDT", "limit": 5},
    ("trades.recent", "default"): {"symbol": "BTCUSDT"},
    ("trades.historical", "default"): {"symbol": "BTCUSDT", "fromId": 0},
    ("trades.aggregate", "default"): {"symbol": "BTCUSDT"},
    ("klines", "default"): {"symbol": "BTCUSDT", "interval": "1m"},
    ("uiKlines", "default"): {"symbol": "BTCUSDT", "interval": "1h"},
    ("avgPrice", "default"): {"symbol": "BTCUSDT"},
    ("ticker.24hr", "FULL/object"): {"symbol": "BTCUSDT"},
    ("ticker.24hr", "MINI/object"): {"symbol": "BTCUSDT", "type": "MINI"},
    ("ticker.24hr", "FULL/array"): {"symbols": ["BTCUSDT", "ETHUSDT"]},
    ("ticker.tradingDay", "FULL/object"): {"symbol": "BTCUSDT"},
    ("ticker.tradingDay", "FULL/array"): {"symbols": ["BTCUSDT", "ETHUSDT"]},
    ("ticker.tradingDay", "MINI/object"): {"symbol": "BTCUSDT", "type": "MINI"},
    ("ticker.tradingDay", "MINI/array"): {"symbols": ["BTCUSDT", "ETHUSDT"], "type": "MINI"},
    ("ticker", "FULL/object"): {"symbol": "BTCUSDT", "windowSize": "7d"},
    ("ticker", "MINI/object"): {"symbol": "BTCUSDT", "type": "MINI"},
    ("ticker", "FULL/array"): {"symbols": ["BTCUSDT", "ETHUSDT"]},
    ("ticker.price", "object"): {"symbol": "BTCUSDT"},
    ("ticker.price", "array"): {},
    ("ticker.book", "object"): {"symbol": "BTCUSDT"},
    ("ticker.book", "array"): {"symbols": ["BTCUSDT", "ETHUSDT"]},
    ("session.status", "default"): {},
    ("session.logout", "default"): {},
}

SIGNED: dict[Variant, dict[str, Any]] = {
    ("order.place", "ACK"): {**RESTING, "newOrderRespType": "ACK"},
    ("order.place", "RESULT"): {**RESTING, "newOrderRespType": "RESULT"},
    ("order.place", "FULL"): {**BUY_NOW, "newOrderRespType": "FULL"},
    ("order.test", "plain"): RESTING,
    ("order.test", "computeCommissionRates"): {**RESTING, "computeCommissionRates": True},
    ("order.cancel", "single order"): {"symbol": "BTCUSDT", "origClientOrderId": "resting"},
    ("order.cancel", "bad cancelRestrictions (error)"): {
        "symbol": "BTCUSDT",
        "origClientOrderId": "resting",
        "cancelRestrictions": "ONLY_OLD",
    },
    ("order.cancel", "cancelRestrictions not met (error)"): {
        "symbol": "BTCUSDT",
        "origClientOrderId": "resting",
        "cancelRestrictions": "ONLY_PARTIALLY_FILLED",
    },
    ("order.cancelReplace", "both ok"): {**REPLACE, "cancelOrigClientOrderId": "resting"},
    ("order.cancelReplace", "STOP_ON_FAILURE cancel failed (error)"): {
        **REPLACE,
        "cancelOrigClientOrderId": "nothing",
    },
    ("order.cancelReplace", "cancel ok, new failed (error)"): {
        **REPLACE,
        **UNAFFORDABLE,
        "cancelOrigClientOrderId": "resting",
    },
    ("order.cancelReplace", "ALLOW_FAILURE cancel failed, new ok (error)"): {
        **REPLACE,
        "cancelReplaceMode": "ALLOW_FAILURE",
        "newOrderRespType": "FULL",
        "cancelOrigClientOrderId": "nothing",
    },
    ("order.cancelReplace", "both failed (error)"): {
        **REPLACE,
        **UNAFFORDABLE,
        "cancelReplaceMode": "ALLOW_FAILURE",
        "cancelOrigClientOrderId": "nothing",
    },
    ("order.amend.keepPriority", "single order"): {
        "symbol": "BTCUSDT",
        "origClientOrderId": "resting",
        "newQty": "0.00500",
    },
    ("openOrders.cancelAll", "default"): {"symbol": "BTCUSDT"},
    ("orderList.place", "default"): {
        "newOrderRespType": "RESULT",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01000",
        "price": "105000.00",
        "stopPrice": "95000.00",
        "stopLimitPrice": "94000.00",
        "stopLimitTimeInForce": "GTC",
    },
    ("orderList.place.oco", "default"): OCO,
    ("orderList.place.oto", "default"): {**WORKING, **PENDING, "pendingQuantity": "0.01000"},
    ("orderList.place.otoco", "default"): {**WORKING, **PENDING_PAIR, "pendingQuantity": "0.01000"},
    ("orderList.place.opo", "default"): {**WORKING, **PENDING},
    ("orderList.place.opoco", "default"): {**WORKING, **PENDING_PAIR},
    ("sor.order.place", "default"): {**RESTING, "price": "102000.00"},
    ("sor.order.test", "plain"): RESTING,
    ("sor.order.test", "computeCommissionRates"): {**RESTING, "computeCommissionRates": True},
    ("account.status", "default"): {},
    ("order.status", "default"): {"symbol": "BTCUSDT", "origClientOrderId": "resting"},
    ("openOrders.status", "default"): {},
    ("allOrders", "default"): {"symbol": "BTCUSDT"},
    ("myTrades", "default"): {"symbol": "BTCUSDT"},
    ("account.rateLimits.orders", "default"): {},
    ("account.commission", "default"): {"symbol": "BTCUSDT"},
    ("myFilters", "default"): {"symbol": "BTCUSDT"},
    ("userDataStream.subscribe.signature", "default"): {},
}

OTHER_STATUS = {
    ("referencePrice", "never set (error)"): "the page prints an error body under status 200; errors have status 400",
}
"""Variants that are answered with another status than in their example, and why."""

MORE_THAN_THE_EXAMPLE = {
    ("order.cancelReplace", "both ok"): ("workingTime", "the example is older than the field; order.place has it"),
    ("order.cancelReplace", "quota exceeded DO_NOTHING (error)"): ("data", "the text promises retryAfter with a 429"),
    ("orderList.cancel", "default"): ("origClientOrderId", "REST's example and order.cancel's have it"),
}
"""Keys that an example lacks, and why they are there."""


async def block_trades(floor: SocketFloor, api: ApiClient) -> Any:
    trade = BlockTrade(1, 10_000_000_000_000, 100_000_000, 10_000_000_000_000, floor.clock.now_us(), True)
    floor.exchange.record.history("BTCUSDT").record_block_trade(trade)
    return await api.call("blockTrades.historical", symbol="BTCUSDT", fromId=1)


def external_price(floor: SocketFloor) -> str:
    """List a symbol whose reference price comes from outside."""
    rule = ReferencePriceRule(calculation_type="EXTERNAL", external_calculation_id=3)
    spec = BUILT_IN.listings["BTCUSDT"].spec
    floor.do(AddSymbol(spec=structs.replace(spec, symbol="BTCOUT", reference_price=rule)))
    floor.do(AddSymbol(spec=structs.replace(spec, symbol="BTCNONE", reference_price=None)))
    return "BTCOUT"


async def reference_price_unset(floor: SocketFloor, api: ApiClient) -> Any:
    symbol = external_price(floor)
    for price in (Decimal(100_000), None):
        floor.do(SetReferencePrice(symbol=symbol, price=price))
    return await api.call("referencePrice", symbol=symbol)


async def reference_price(floor: SocketFloor, api: ApiClient) -> Any:
    symbol = external_price(floor)
    floor.do(SetReferencePrice(symbol=symbol, price=Decimal(100_000)))
    return await api.call("referencePrice", symbol=symbol)


async def reference_price_never(floor: SocketFloor, api: ApiClient) -> Any:
    external_price(floor)
    return await api.call("referencePrice", symbol="BTCNONE")


async def calculation_external(floor: SocketFloor, api: ApiClient) -> Any:
    return await api.call("referencePrice.calculation", symbol=external_price(floor))


async def calculation_none(floor: SocketFloor, api: ApiClient) -> Any:
    external_price(floor)
    return await api.call("referencePrice.calculation", symbol="BTCNONE")


async def calculation_mean(floor: SocketFloor, api: ApiClient) -> Any:
    rule = ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=10, bucket_width_ms=1000)
    spec = BUILT_IN.listings["BTCUSDT"].spec
    floor.do(AddSymbol(spec=structs.replace(spec, symbol="BTCMEAN", reference_price=rule)))
    return await api.call("referencePrice.calculation", symbol="BTCMEAN")


async def logon(floor: SocketFloor, api: ApiClient) -> Any:
    return await api.log_on(floor.ed25519_key())


async def subscribe(floor: SocketFloor, api: ApiClient) -> Any:
    await logon(floor, api)
    return await api.call("userDataStream.subscribe")


async def unsubscribe(floor: SocketFloor, api: ApiClient) -> Any:
    await subscribe(floor, api)
    return await api.call("userDataStream.unsubscribe")


async def subscriptions(floor: SocketFloor, api: ApiClient) -> Any:
    await subscribe(floor, api)
    return await api.call("session.subscriptions")


async def cancel_list_member(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("orderList.place.oco", **OCO)
    return await api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="below")


async def cancel_list(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("orderList.place.oco", **OCO)
    return await api.signed("orderList.cancel", symbol="BTCUSDT", listClientOrderId="list")


async def amend_list_leg(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("orderList.place.oto", **WORKING, **PENDING, pendingQuantity="0.01000")
    return await api.signed("order.amend.keepPriority", symbol="BTCUSDT", origClientOrderId="working", newQty="0.00500")


async def list_status(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("orderList.place.oco", **OCO)
    return await api.signed("orderList.status", origClientOrderId="list")


async def open_lists(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("orderList.place.oco", **OCO)
    return await api.signed("openOrderLists.status")


async def all_lists(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("orderList.place.oco", **OCO)
    return await api.signed("allOrderLists")


async def prevented_matches(_: SocketFloor, api: ApiClient) -> Any:
    own = {**RESTING, "price": "99500.00"}
    maker = await api.signed("order.place", **own)
    await api.signed("order.place", **(own | {"side": "SELL"}))
    return await api.signed("myPreventedMatches", symbol="BTCUSDT", orderId=maker["result"]["orderId"])


async def allocations(_: SocketFloor, api: ApiClient) -> Any:
    await api.signed("sor.order.place", **(RESTING | {"price": "102000.00"}))
    return await api.signed("myAllocations", symbol="BTCUSDT")


async def amendments(_: SocketFloor, api: ApiClient) -> Any:
    amended = await api.signed(
        "order.amend.keepPriority", symbol="BTCUSDT", origClientOrderId="resting", newQty="0.00500"
    )
    order_id = amended["result"]["amendedOrder"]["orderId"]
    return await api.signed("order.amendments", symbol="BTCUSDT", orderId=order_id)


async def over_quota(api: ApiClient, mode: str) -> Any:
    """Replace an order with the quota used up."""
    while (await api.signed("order.place", **RESTING))["status"] == 200:
        pass
    replace = {**REPLACE, "cancelReplaceMode": "ALLOW_FAILURE", "orderRateLimitExceededMode": mode}
    return await api.signed("order.cancelReplace", **replace, cancelOrigClientOrderId="resting")


async def quota_do_nothing(_: SocketFloor, api: ApiClient) -> Any:
    return await over_quota(api, "DO_NOTHING")


async def quota_cancel_only(_: SocketFloor, api: ApiClient) -> Any:
    return await over_quota(api, "CANCEL_ONLY")


STORIES: dict[Variant, Call] = {
    ("blockTrades.historical", "default"): block_trades,
    ("referencePrice", "set"): reference_price,
    ("referencePrice", "unset (null)"): reference_price_unset,
    ("referencePrice", "never set (error)"): reference_price_never,
    ("referencePrice.calculation", "not calculated (error)"): calculation_none,
    ("referencePrice.calculation", "ARITHMETIC_MEAN"): calculation_mean,
    ("referencePrice.calculation", "EXTERNAL"): calculation_external,
    ("session.logon", "default"): logon,
    ("order.cancel", "order list"): cancel_list_member,
    ("order.cancelReplace", "quota exceeded DO_NOTHING (error)"): quota_do_nothing,
    ("order.cancelReplace", "quota exceeded CANCEL_ONLY (error)"): quota_cancel_only,
    ("order.amend.keepPriority", "list leg"): amend_list_leg,
    ("orderList.cancel", "default"): cancel_list,
    ("orderList.status", "default"): list_status,
    ("openOrderLists.status", "default"): open_lists,
    ("allOrderLists", "default"): all_lists,
    ("myPreventedMatches", "default"): prevented_matches,
    ("myAllocations", "default"): allocations,
    ("order.amendments", "default"): amendments,
    ("userDataStream.subscribe", "default"): subscribe,
    ("userDataStream.unsubscribe", "default"): unsubscribe,
    ("session.subscriptions", "default"): subscriptions,
}

VARIANTS: dict[Variant, dict[str, Any]] = {
    (method, variant["variant"]): variant for method, shape in SHAPES["ws"].items() for variant in shape["variants"]
}


@pytest.fixture
async def floor() -> AsyncIterator[SocketFloor]:
    """An exchange with quotes on both sides, and an order quota of five in ten seconds."""
    limits = LimitTable(weight=Limit("REQUEST_WEIGHT", "MINUTE", 1, 60_000), orders=(Limit("ORDERS", "SECOND", 10, 5),))
    floor = SocketFloor(limits=limits)
    async with floor.serving():
        floor.quote("BUY", "99000")
        floor.quote("SELL", "101000")
        yield floor


async def answer(floor: SocketFloor, variant: Variant) -> Any:
    """Have an order filled and another rest, then ask for the variant."""
    api = await floor.open_api()
    floor.do(OpenAccount(account=floor.account, max_assets=(MaxAsset(asset="BTC", limit=Decimal(1000)),)))
    await api.signed("order.place", **BUY_NOW)
    await api.signed("order.place", **RESTING, newClientOrderId="resting")
    if variant in PUBLIC:
        return await api.call(variant[0], **PUBLIC[variant])
    if variant in SIGNED:
        return await api.signed(variant[0], **SIGNED[variant])
    return await STORIES[variant](floor, api)


def test_every_documented_method_and_variant_is_asked_for() -> None:
    assert VARIANTS.keys() == PUBLIC.keys() | SIGNED.keys() | STORIES.keys()
    active = {each["method"]: each["also_rest"] for each in DOCUMENTED if each["status"] != "removed"}
    assert {method for method, _ in VARIANTS} == active.keys()
    assert {method: METHODS[method].route for method in METHODS} == {
        method: route for method, route in active.items() if route is not None
    }


@pytest.mark.parametrize("variant", sorted(VARIANTS), ids="/".join)
async def test_an_answer_has_the_documented_shape(floor: SocketFloor, variant: Variant) -> None:
    documented = VARIANTS[variant]
    envelope = await answer(floor, variant)
    part = "result" if documented["kind"] == "ok" else "error"
    assert envelope["status"] == (400 if variant in OTHER_STATUS else documented["status"]), envelope
    assert envelope.keys() == {"id", "status", part, "rateLimits"}
    shape = documented["shape"]
    if variant[0] == "myFilters":
        shape = {name: ["filter object, see filters.json"] for name in shape}
    more, _ = MORE_THAN_THE_EXAMPLE.get(variant, ("", ""))
    found = list(differences(shape, envelope[part]))
    assert [each for each in found if not more or not each.endswith(f".{more}: not documented")] == []


@pytest.mark.parametrize("method", [each["method"] for each in DOCUMENTED if each["status"] == "removed"])
async def test_removed_methods_are_not_supported(floor: SocketFloor, method: str) -> None:
    api = await floor.open_api()
    refused = await api.signed(method)
    assert (refused["status"], refused["error"]["code"]) == (400, -1020)
