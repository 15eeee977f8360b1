"""Every REST endpoint, every documented variant: a live answer has the documented keys and JSON types."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from msgspec import structs
from tests.contract.shapes import SHAPES, differences
from tests.e2e.rest_floor import Front, RestFloor

from paper_exchange.engine.commands import AddSymbol, OpenAccount, SetReferencePrice
from paper_exchange.engine.symbols import MaxAsset, ReferencePriceRule
from paper_exchange.gateway.limits import Limit, LimitTable
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.history import BlockTrade

pytestmark = pytest.mark.anyio

Variant = tuple[str, str]
Story = Callable[[RestFloor], Awaitable[httpx.Response]]

BTCUSDT = {"symbol": "BTCUSDT"}
TWO = {"symbols": '["BTCUSDT","ETHUSDT"]'}
MINI = {"type": "MINI"}
RESTING = {
    **BTCUSDT,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "90000.00",
    "quantity": "0.01000",
}
BOUGHT = {**BTCUSDT, "side": "BUY", "type": "MARKET", "quantity": "0.01000"}
WORKING = {
    **BTCUSDT,
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
SIZED = {"pendingQuantity": "0.01000"}
OCO = {
    **BTCUSDT,
    "side": "SELL",
    "quantity": "0.01000",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "105000.00",
    "belowType": "STOP_LOSS_LIMIT",
    "belowPrice": "94000.00",
    "belowStopPrice": "95000.00",
    "belowTimeInForce": "GTC",
    "listClientOrderId": "list",
}
LEGACY_OCO = {
    **BTCUSDT,
    "side": "SELL",
    "quantity": "0.01000",
    "price": "105000.00",
    "stopPrice": "95000.00",
    "stopLimitPrice": "94000.00",
    "stopLimitTimeInForce": "GTC",
}
OURS, NOBODYS = {"origClientOrderId": "resting"}, {"cancelOrigClientOrderId": "nothing"}
REPLACE = {**RESTING, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "resting"}
ANYWAY = {"cancelReplaceMode": "ALLOW_FAILURE"}
UNAFFORDABLE = {"quantity": "5.00000"}

_TICKERS = ("GET /api/v3/ticker/24hr", "GET /api/v3/ticker/tradingDay", "GET /api/v3/ticker")

PLAIN: dict[Variant, dict[str, Any]] = {
    ("GET /api/v3/ping", "default"): {},
    ("GET /api/v3/time", "default"): {},
    ("GET /api/v3/exchangeInfo", "default"): {},
    ("GET /api/v3/executionRules", "default"): {},
    ("GET /api/v3/depth", "default"): BTCUSDT,
    ("GET /api/v3/trades", "default"): BTCUSDT,
    ("GET /api/v3/historicalTrades", "default"): BTCUSDT,
    ("GET /api/v3/aggTrades", "default"): BTCUSDT,
    ("GET /api/v3/klines", "default"): {**BTCUSDT, "interval": "1m"},
    ("GET /api/v3/uiKlines", "default"): {**BTCUSDT, "interval": "1M"},
    ("GET /api/v3/avgPrice", "default"): BTCUSDT,
    **{(route, "FULL/object"): BTCUSDT for route in _TICKERS},
    **{(route, "FULL/array"): TWO for route in _TICKERS},
    **{(route, "MINI/object"): {**BTCUSDT, **MINI} for route in _TICKERS},
    **{(route, "MINI/array"): {**TWO, **MINI} for route in _TICKERS},
    ("GET /api/v3/ticker/price", "object"): BTCUSDT,
    ("GET /api/v3/ticker/price", "array"): {},
    ("GET /api/v3/ticker/bookTicker", "object"): BTCUSDT,
    ("GET /api/v3/ticker/bookTicker", "array"): TWO,
    ("POST /api/v3/order", "ACK"): {**RESTING, "newOrderRespType": "ACK"},
    ("POST /api/v3/order", "RESULT"): {**RESTING, "newOrderRespType": "RESULT"},
    ("POST /api/v3/order", "FULL"): BOUGHT,
    ("POST /api/v3/order/test", "plain"): RESTING,
    ("POST /api/v3/order/test", "computeCommissionRates"): {**RESTING, "computeCommissionRates": "true"},
    ("DELETE /api/v3/order", "ok"): {**BTCUSDT, **OURS},
    ("DELETE /api/v3/order", "bad cancelRestrictions (error)"): {**BTCUSDT, **OURS, "cancelRestrictions": "ONLY_OLD"},
    ("DELETE /api/v3/order", "cancelRestrictions not met (error)"): {
        **BTCUSDT,
        **OURS,
        "cancelRestrictions": "ONLY_PARTIALLY_FILLED",
    },
    ("POST /api/v3/order/cancelReplace", "both ok"): REPLACE,
    ("POST /api/v3/order/cancelReplace", "STOP_ON_FAILURE cancel failed (error)"): {**REPLACE, **NOBODYS},
    ("POST /api/v3/order/cancelReplace", "cancel ok, new failed (error)"): {**REPLACE, **UNAFFORDABLE},
    ("POST /api/v3/order/cancelReplace", "ALLOW_FAILURE cancel failed, new ok (error)"): {
        **REPLACE,
        **ANYWAY,
        **NOBODYS,
        "newOrderRespType": "ACK",
    },
    ("POST /api/v3/order/cancelReplace", "both failed (error)"): {**REPLACE, **ANYWAY, **NOBODYS, **UNAFFORDABLE},
    ("PUT /api/v3/order/amend/keepPriority", "single order"): {**BTCUSDT, **OURS, "newQty": "0.00500"},
    ("POST /api/v3/order/oco", "default"): LEGACY_OCO,
    ("POST /api/v3/orderList/oco", "default"): OCO,
    ("POST /api/v3/orderList/oto", "default"): {**WORKING, **PENDING, **SIZED},
    ("POST /api/v3/orderList/otoco", "default"): {**WORKING, **PENDING_PAIR, **SIZED},
    ("POST /api/v3/orderList/opo", "default"): {**WORKING, **PENDING},
    ("POST /api/v3/orderList/opoco", "default"): {**WORKING, **PENDING_PAIR},
    ("POST /api/v3/sor/order", "default"): {**RESTING, "price": "102000.00"},
    ("POST /api/v3/sor/order/test", "plain"): RESTING,
    ("POST /api/v3/sor/order/test", "computeCommissionRates"): {**RESTING, "computeCommissionRates": "true"},
    ("GET /api/v3/account", "default"): {},
    ("GET /api/v3/order", "object"): {**BTCUSDT, **OURS},
    ("GET /api/v3/openOrders", "default"): {},
    ("GET /api/v3/allOrders", "default"): BTCUSDT,
    ("GET /api/v3/myTrades", "default"): BTCUSDT,
    ("GET /api/v3/rateLimit/order", "default"): {},
    ("GET /api/v3/account/commission", "default"): BTCUSDT,
    ("GET /api/v3/myFilters", "default"): BTCUSDT,
}
"""Variants that one call shows, given an order that rests and one that was filled."""


async def block_trades(floor: RestFloor) -> httpx.Response:
    trade = BlockTrade(1, 10_000_000_000_000, 100_000_000, 10_000_000_000_000, floor.clock.now_us(), True)
    floor.exchange.record.history("BTCUSDT").record_block_trade(trade)
    return await floor.call("GET /api/v3/historicalBlockTrades", {**BTCUSDT, "fromId": 1})


def with_reference_price(path: str, rule: ReferencePriceRule | None, *prices: Decimal | None) -> Story:
    async def story(floor: RestFloor) -> httpx.Response:
        spec = structs.replace(BUILT_IN.listings["BTCUSDT"].spec, symbol="OTHER", reference_price=rule)
        floor.do(AddSymbol(spec=spec))
        for price in prices:
            floor.do(SetReferencePrice(symbol="OTHER", price=price))
        return await floor.call(f"GET /api/v3/{path}", {"symbol": "OTHER"})

    return story


EXTERNAL = ReferencePriceRule(calculation_type="EXTERNAL", external_calculation_id=3)
MEAN = ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=10, bucket_width_ms=1000)


def after_oco(route: str, parameters: dict[str, Any]) -> Story:
    async def story(floor: RestFloor) -> httpx.Response:
        placed = await floor.call("POST /api/v3/orderList/oco", OCO)
        assert placed.status_code == 200, placed.text
        return await floor.call(route, parameters)

    return story


async def amend_list_leg(floor: RestFloor) -> httpx.Response:
    """The documented leg is pending: it has no workingTime."""
    await floor.call("POST /api/v3/orderList/oto", {**WORKING, **PENDING, **SIZED, "pendingClientOrderId": "pending"})
    parameters = {**BTCUSDT, "origClientOrderId": "pending", "newQty": "0.00500"}
    return await floor.call("PUT /api/v3/order/amend/keepPriority", parameters)


async def amendments(floor: RestFloor) -> httpx.Response:
    amended = await floor.call("PUT /api/v3/order/amend/keepPriority", {**BTCUSDT, **OURS, "newQty": "0.00500"})
    order_id = amended.json()["amendedOrder"]["orderId"]
    return await floor.call("GET /api/v3/order/amendments", {**BTCUSDT, "orderId": order_id})


async def prevented_matches(floor: RestFloor) -> httpx.Response:
    maker = await floor.call("POST /api/v3/order", RESTING | {"price": "99500.00"})
    await floor.call("POST /api/v3/order", RESTING | {"price": "99500.00", "side": "SELL"})
    return await floor.call("GET /api/v3/myPreventedMatches", {**BTCUSDT, "orderId": maker.json()["orderId"]})


async def allocations(floor: RestFloor) -> httpx.Response:
    await floor.call("POST /api/v3/sor/order", RESTING | {"price": "102000.00"})
    return await floor.call("GET /api/v3/myAllocations", BTCUSDT)


def over_quota(mode: str) -> Story:
    async def story(floor: RestFloor) -> httpx.Response:
        while (await floor.call("POST /api/v3/order", RESTING)).status_code == 200:
            pass
        parameters = {**REPLACE, **ANYWAY, "orderRateLimitExceededMode": mode}
        return await floor.call("POST /api/v3/order/cancelReplace", parameters)

    return story


STORIES: dict[Variant, Story] = {
    ("GET /api/v3/historicalBlockTrades", "default"): block_trades,
    ("GET /api/v3/referencePrice", "set"): with_reference_price("referencePrice", EXTERNAL, Decimal(100_000)),
    ("GET /api/v3/referencePrice", "unset (null)"): with_reference_price("referencePrice", EXTERNAL, Decimal(1), None),
    ("GET /api/v3/referencePrice", "never set (error)"): with_reference_price("referencePrice", EXTERNAL),
    ("GET /api/v3/referencePrice/calculation", "not calculated (error)"): with_reference_price(
        "referencePrice/calculation", None
    ),
    ("GET /api/v3/referencePrice/calculation", "ARITHMETIC_MEAN"): with_reference_price(
        "referencePrice/calculation", MEAN
    ),
    ("GET /api/v3/referencePrice/calculation", "EXTERNAL"): with_reference_price(
        "referencePrice/calculation", EXTERNAL
    ),
    ("DELETE /api/v3/openOrders", "default"): after_oco("DELETE /api/v3/openOrders", BTCUSDT),
    ("POST /api/v3/order/cancelReplace", "quota exceeded DO_NOTHING (error)"): over_quota("DO_NOTHING"),
    ("POST /api/v3/order/cancelReplace", "quota exceeded CANCEL_ONLY (error)"): over_quota("CANCEL_ONLY"),
    ("PUT /api/v3/order/amend/keepPriority", "list leg"): amend_list_leg,
    ("DELETE /api/v3/orderList", "default"): after_oco(
        "DELETE /api/v3/orderList", {**BTCUSDT, "listClientOrderId": "list"}
    ),
    ("GET /api/v3/orderList", "default"): after_oco("GET /api/v3/orderList", {"origClientOrderId": "list"}),
    ("GET /api/v3/allOrderList", "default"): after_oco("GET /api/v3/allOrderList", {}),
    ("GET /api/v3/openOrderList", "default"): after_oco("GET /api/v3/openOrderList", {}),
    ("GET /api/v3/myPreventedMatches", "default"): prevented_matches,
    ("GET /api/v3/myAllocations", "default"): allocations,
    ("GET /api/v3/order/amendments", "default"): amendments,
}
"""Variants that need something to have happened before."""

VARIANTS: dict[Variant, dict[str, Any]] = {
    (route, variant["variant"]): variant for route, shape in SHAPES["rest"].items() for variant in shape["variants"]
}


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


@pytest.fixture
async def floor(front: Front) -> RestFloor:
    """An exchange with quotes on both sides, one order of ours filled, one resting, and a small order quota."""
    floor = RestFloor(
        front,
        limits=LimitTable(
            weight=Limit("REQUEST_WEIGHT", "MINUTE", 1, 60_000), orders=(Limit("ORDERS", "SECOND", 10, 6),)
        ),
    )
    floor.quote("BUY", "99000")
    floor.quote("SELL", "101000")
    floor.do(OpenAccount(account=floor.account, max_assets=(MaxAsset(asset="BTC", limit=Decimal(1000)),)))
    await floor.call("POST /api/v3/order", BOUGHT)
    await floor.call("POST /api/v3/order", RESTING | {"newClientOrderId": "resting"})
    return floor


def test_every_documented_endpoint_and_variant_is_asked_for() -> None:
    assert VARIANTS.keys() == PLAIN.keys() | STORIES.keys()
    assert not PLAIN.keys() & STORIES.keys()


@pytest.mark.parametrize("variant", sorted(VARIANTS), ids=" ".join)
async def test_an_answer_has_the_documented_shape(floor: RestFloor, variant: Variant) -> None:
    documented = VARIANTS[variant]
    if variant in PLAIN:
        response = await floor.call(variant[0], PLAIN[variant])
    else:
        response = await STORIES[variant](floor)
    assert response.is_success == (documented["kind"] == "ok"), response.text
    shape = documented["shape"]
    if variant[0] == "GET /api/v3/myFilters":
        shape = {name: ["filter object, see filters.json"] for name in shape}
    assert list(differences(shape, response.json())) == []
