"""An agent trades: looked at first, checked by the gate, sent once, finished whoever stops waiting."""

from collections.abc import Mapping
from typing import Any

import anyio
import msgspec
import pytest
from mcp import Client
from tests.unit.surface.scripted_exchange import NOW_MS, ScriptedExchange, body_of

from binance_spot_mcp.errors import ExchangeError, Rejected, SpotError
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.session import OpenDesk

pytestmark = pytest.mark.anyio

SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "otoAllowed": True,
    "opoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "cancelReplaceAllowed": True,
    "amendAllowed": True,
    "pegInstructionsAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ],
    "permissions": [],
    "permissionSets": [["SPOT"]],
    "defaultSelfTradePreventionMode": "NONE",
    "allowedSelfTradePreventionModes": ["NONE"],
}
EXCHANGE_INFO = {
    "timezone": "UTC",
    "serverTime": NOW_MS,
    "rateLimits": [],
    "exchangeFilters": [],
    "symbols": [SYMBOL],
}
ACCOUNT = {
    "accountType": "SPOT",
    "canTrade": True,
    "commissionRates": {"maker": "0", "taker": "0", "buyer": "0", "seller": "0"},
    "balances": [{"asset": "USDT", "free": "50", "locked": "0"}],
    "updateTime": NOW_MS,
}
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "100", "quantity": "0.5"}
UNKNOWN = Rejected(
    "The exchange knows no such symbol.", code="UNKNOWN_SYMBOL", exchange=ExchangeError(-1121, "Invalid symbol.")
)


async def accepted(wire: Mapping[str, str]) -> bytes:
    """The report of a resting order, under the name that we gave it."""
    report: dict[str, Any] = {
        "symbol": wire["symbol"],
        "orderId": 42,
        "orderListId": -1,
        "clientOrderId": wire["newClientOrderId"],
        "transactTime": NOW_MS,
        "price": "100.00000000",
        "origQty": "0.50000000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": NOW_MS,
        "fills": [],
        "selfTradePreventionMode": "NONE",
    }
    return msgspec.json.encode(report)


@pytest.fixture
def market(exchange: ScriptedExchange) -> ScriptedExchange:
    """An exchange with one symbol, which takes limit orders."""
    exchange.replies |= {
        "get_exchange_info": msgspec.json.encode(EXCHANGE_INFO),
        "get_my_filters": SpotError("No key.", code="READ_ONLY"),
        "get_order_book": SpotError("Busy.", code="EXCHANGE_UNAVAILABLE"),
        "get_commission_rates": SpotError("Busy.", code="EXCHANGE_UNAVAILABLE"),
        "get_account": msgspec.json.encode(ACCOUNT),
        "test_order": b"{}",
        "place_order": accepted,
        "get_price": b'[{"symbol":"BTCUSDT","price":"100.0"},{"symbol":"ETHUSDT","price":"10.0"}]',
    }
    return exchange


async def test_check_order_finds_nothing_wrong_and_sends_nothing(agent: Client, market: ScriptedExchange) -> None:
    body = body_of(await agent.call_tool("check_order", ORDER))
    assert (body["ok"], body["passed"], body["notional"], body["next"]) == (True, True, "50", "place_order")
    assert body["violations"] == []
    assert not market.asked("place_order")
    assert not market.asked("test_order")


async def test_check_order_returns_what_is_wrong_with_the_corrected_value(
    agent: Client, market: ScriptedExchange
) -> None:
    body = body_of(await agent.call_tool("check_order", ORDER | {"quantity": "0.0123456"}))
    assert (body["passed"], body["fix"]) == (False, {"quantity": "0.01234"})
    columns = body["violations"]["columns"]
    (found,) = (dict(zip(columns, row, strict=True)) for row in body["violations"]["rows"])
    assert found["filter"] == "LOT_SIZE"
    assert "not a multiple of 0.00001" in found["message"]


async def test_an_order_off_the_step_is_refused_before_anything_is_sent(
    agent: Client, market: ScriptedExchange
) -> None:
    body = body_of(await agent.call_tool("place_order", ORDER | {"quantity": "0.0123456"}))
    assert (body["code"], body["sent"], body["retry"]) == ("FILTER_VIOLATION", "no", "after_fix")
    assert (body["fix"], body["next"]) == ({"quantity": "0.01234"}, "check_order")
    assert not market.asked("place_order")


async def test_an_order_is_tested_named_by_us_and_answered(agent: Client, market: ScriptedExchange) -> None:
    body = body_of(await agent.call_tool("place_order", ORDER | {"side": "buy"}))
    (sent,) = market.asked("place_order")
    assert [name for name, _ in market.calls if name in {"test_order", "place_order"}] == ["test_order", "place_order"]
    assert sent["newClientOrderId"].startswith("ours-")
    assert (body["orderId"], body["clientOrderId"], body["status"]) == (42, sent["newClientOrderId"], "NEW")
    assert body["executedQty"] == "0"


async def test_an_order_of_very_many_fills_is_answered_in_short(agent: Client, market: ScriptedExchange) -> None:
    fill = {"price": "100.00000000", "qty": "0.00100000", "commission": "0.00000100", "commissionAsset": "BTC"}

    async def filled(wire: Mapping[str, str]) -> bytes:
        fills = [fill | {"tradeId": number} for number in range(2_000)]
        return msgspec.json.encode(msgspec.json.decode(await accepted(wire)) | {"status": "FILLED", "fills": fills})

    market.replies["place_order"] = filled
    body = body_of(await agent.call_tool("place_order", ORDER))
    assert (body["status"], body["truncated"], body["total"]) == ("FILLED", True, 2_000)
    assert "get_my_trades" in body["hint"]


async def test_an_answer_that_cannot_be_shown_does_not_deny_the_order(agent: Client, market: ScriptedExchange) -> None:
    async def endless(wire: Mapping[str, str]) -> bytes:
        return msgspec.json.encode(msgspec.json.decode(await accepted(wire)) | {str(n): "x" * 900 for n in range(100)})

    market.replies["place_order"] = endless
    body = body_of(await agent.call_tool("place_order", ORDER | {"detail": "full"}))
    assert (body["code"], body["sent"]) == ("TOO_LARGE", "yes")


async def test_an_order_goes_on_when_the_client_gives_up(open_desk: OpenDesk, market: ScriptedExchange) -> None:
    began, go_on = anyio.Event(), anyio.Event()

    async def slowly(wire: Mapping[str, str]) -> bytes:
        began.set()
        await go_on.wait()
        return await accepted(wire)

    market.replies["place_order"] = slowly
    async with Client(build(Settings(), open_desk)) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "place_order", ORDER)
            await began.wait()
            group.cancel_scope.cancel()
        assert "place_order" not in market.answered
        go_on.set()
    assert "place_order" in market.answered


async def test_an_unknown_symbol_is_refused_with_those_that_come_near(agent: Client, market: ScriptedExchange) -> None:
    market.replies["get_average_price"] = UNKNOWN
    body = body_of(await agent.call_tool("get_average_price", {"symbol": "BTCUSD"}))
    assert (body["code"], body["details"]["near"][0]) == ("UNKNOWN_SYMBOL", "BTCUSDT")
    assert "Did you mean BTCUSDT" in body["message"]
    assert body["exchange"] == {"code": -1121, "msg": "Invalid symbol."}


async def test_of_several_symbols_the_unknown_one_is_named(agent: Client, market: ScriptedExchange) -> None:
    market.replies["get_24hr_ticker"] = UNKNOWN
    body = body_of(await agent.call_tool("get_24hr_ticker", {"symbols": ["BTCUSDT", "ETHUSD"]}))
    assert (body["details"]["given"], body["details"]["near"][0]) == ("ETHUSD", "ETHUSDT")
