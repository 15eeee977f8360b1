"""A day of ccxt's REST classes, synchronous and asynchronous, on the paper exchange."""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import ccxt
import ccxt.async_support
import pytest
from tests.clients.ccxt_desk import CcxtDesk, settings
from tests.clients.ledger import TRADED, conserved, nothing_locked
from tests.clients.paper import Paper

pytestmark = pytest.mark.anyio

BTC, SOL, BEYOND_ASCII = "BTC/USDT", "SOL/USDT", "币安人生/USDT"
TIMEFRAMES = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


@pytest.fixture(params=[ccxt.binance, ccxt.async_support.binance], ids=["sync", "async"])
async def desk(request: pytest.FixtureRequest, paper: Paper) -> AsyncIterator[CcxtDesk]:
    desk = CcxtDesk(request.param(settings(paper)))
    await desk("load_markets")
    yield desk
    await desk.close()


async def test_markets_have_their_rules(desk: CcxtDesk) -> None:
    markets = desk.client.markets
    assert {market["id"] for market in markets.values()} >= TRADED.keys()
    assert all(market["spot"] and market["active"] and market["taker"] == 0.001 for market in markets.values())
    market = markets[BTC]
    assert (market["base"], market["quote"], market["precision"]["price"]) == ("BTC", "USDT", 0.01)
    assert (market["limits"]["amount"]["min"], market["limits"]["cost"]["min"]) == (1e-05, 5)
    assert await desk("fetch_time") > 1_700_000_000_000


@pytest.mark.parametrize("symbol", [BTC, BEYOND_ASCII])
async def test_books_and_tickers_and_trades_tell_one_story(desk: CcxtDesk, symbol: str) -> None:
    book = await desk("fetch_order_book", symbol, 10)
    assert len(book["bids"]) == len(book["asks"]) == 10
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["bids"] == sorted(book["bids"], reverse=True)
    assert book["asks"] == sorted(book["asks"])
    ticker = await desk("fetch_ticker", symbol)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["quoteVolume"] == pytest.approx(ticker["vwap"] * ticker["baseVolume"], rel=1e-6)
    trades = await desk("fetch_trades", symbol, None, 100)
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)
    assert all(int(later["id"]) == int(earlier["id"]) + 1 for earlier, later in pairwise(trades))


async def test_everything_at_once_is_everything(desk: CcxtDesk) -> None:
    for method in ("fetch_tickers", "fetch_bids_asks", "fetch_last_prices"):
        assert (await desk(method)).keys() == desk.client.markets.keys()
    assert (await desk("fetch_tickers", [BTC, SOL])).keys() == {BTC, SOL}


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
async def test_candles_of_every_timeframe_join_up(desk: CcxtDesk, timeframe: str) -> None:
    candles = await desk("fetch_ohlcv", BTC, timeframe, None, 20)
    assert candles
    for _, opened, high, low, closed, volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume >= 0
    if timeframe != "1M":
        step = desk.client.parse_timeframe(timeframe) * 1000
        assert all(later[0] - earlier[0] == step for earlier, later in pairwise(candles))


async def test_orders_of_every_type_live_and_die_and_nothing_is_lost(desk: CcxtDesk) -> None:
    far_below, far_above, through = [await desk.price(BTC, factor) for factor in ("0.9", "1.1", "1.01")]
    async with conserved(desk):
        filled = [
            await desk("create_order", BTC, "limit", "buy", 0.001, through),
            await desk("create_order", BTC, "limit", "buy", 0.001, through, {"timeInForce": "IOC"}),
            await desk("create_order", BTC, "limit", "buy", 0.001, through, {"timeInForce": "FOK"}),
            await desk("create_order", BTC, "market", "sell", 0.002),
            await desk("create_market_buy_order_with_cost", BTC, 50),
            await desk("create_market_sell_order_with_cost", BTC, 50),
            await desk("create_order", BTC, "market", "buy", 0.001, None, {"sor": True}),
        ]
        assert [order["status"] for order in filled] == ["closed"] * len(filled)
        assert all(order["fees"] and order["average"] for order in filled)
        resting = [
            await desk("create_order", BTC, "limit", "buy", 0.001, far_below),
            await desk("create_order", BTC, "limit", "buy", 0.001, far_below, {"postOnly": True}),
            await desk("create_order", BTC, "limit", "buy", 0.01, far_below, {"icebergQty": "0.00100"}),
            await desk("create_order", BTC, "limit", "buy", 0.001, far_below, {"sor": True}),
            await desk("create_order", BTC, "STOP_LOSS", "sell", 0.001, None, {"stopPrice": far_below}),
            await desk("create_order", BTC, "limit", "sell", 0.001, far_below, {"stopLossPrice": far_below}),
            await desk("create_order", BTC, "TAKE_PROFIT", "sell", 0.001, None, {"takeProfitPrice": far_above}),
            await desk("create_order", BTC, "limit", "sell", 0.001, far_above, {"takeProfitPrice": far_above}),
            await desk("create_order", BTC, "STOP_LOSS", "sell", 0.001, None, {"trailingPercent": 5}),
        ]
        assert [order["status"] for order in resting] == ["open"] * len(resting)
        assert [order["info"]["type"] for order in resting] == [
            "LIMIT", "LIMIT_MAKER", "LIMIT", "LIMIT",
            "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "STOP_LOSS",
        ]  # fmt: skip
        opened = await desk("fetch_open_orders", BTC)
        assert [order["id"] for order in opened] == [order["id"] for order in resting]
        assert opened[-1]["info"]["trailingDelta"] == 500
        cancelled = await desk("cancel_order", resting[0]["id"], BTC)
        assert cancelled["status"] == "canceled"
        assert len(await desk("cancel_all_orders", BTC)) == len(resting) - 1
    assert await nothing_locked(desk)
    assert await desk("fetch_open_orders", BTC) == []


async def test_a_test_order_leaves_no_trace(desk: CcxtDesk) -> None:
    price = await desk.price(BTC, "0.9")
    before = len(await desk("fetch_orders", BTC))
    assert (await desk("create_order", BTC, "limit", "buy", 0.001, price, {"test": True}))["info"] == {}
    assert len(await desk("fetch_orders", BTC)) == before


async def test_a_symbol_beyond_ascii_is_traded(desk: CcxtDesk) -> None:
    async with conserved(desk):
        order = await desk("create_order", BEYOND_ASCII, "market", "buy", 100)
        assert order["symbol"] == BEYOND_ASCII
        assert (await desk("fetch_order", order["id"], BEYOND_ASCII))["filled"] == 100


async def test_editing_replaces_an_order_and_amending_keeps_it(desk: CcxtDesk) -> None:
    price = await desk.price(SOL, "0.9")
    first = await desk("create_order", SOL, "limit", "buy", 2, price)
    edited = await desk("edit_order", first["id"], SOL, "limit", "buy", 3, price)
    assert (edited["status"], edited["amount"]) == ("open", 3)
    assert (await desk("fetch_order", first["id"], SOL))["status"] == "canceled"
    # ccxt has no method for it yet, but its way to any endpoint.
    amend = {"symbol": "SOLUSDT", "orderId": edited["id"], "newQty": "1.000"}
    amended = await desk("request", "order/amend/keepPriority", ["private"], "PUT", amend)
    assert amended["amendedOrder"]["qty"] == "1.00000000"
    assert (await desk("fetch_order", edited["id"], SOL))["amount"] == 1
    replace = {
        "symbol": "SOLUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": price,
        "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": edited["id"],
    }  # fmt: skip
    replaced = await desk("private_post_order_cancelreplace", replace)
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    with pytest.raises(ccxt.BaseError, match="Order cancel-replace failed"):
        await desk("private_post_order_cancelreplace", replace)
    await desk("cancel_order", str(replaced["newOrderResponse"]["orderId"]), SOL)
    assert await nothing_locked(desk)


async def test_order_lists_of_every_kind_live_and_die(desk: CcxtDesk) -> None:
    far_below, farther, far_above = [await desk.price(SOL, factor) for factor in ("0.9", "0.8", "1.1")]
    working = {
        "symbol": "SOLUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": far_below,
        "workingQuantity": "1", "workingTimeInForce": "GTC", "pendingSide": "SELL",
    }  # fmt: skip
    one = {"pendingType": "LIMIT", "pendingPrice": far_above, "pendingTimeInForce": "GTC"}
    two = {
        "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": far_above,
        "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": farther,
    }  # fmt: skip
    either = {
        "symbol": "SOLUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": far_above,
        "belowType": "STOP_LOSS_LIMIT", "belowPrice": farther, "belowStopPrice": far_below, "belowTimeInForce": "GTC",
    }  # fmt: skip
    legacy = {
        "symbol": "SOLUSDT", "side": "SELL", "quantity": "1", "price": far_above, "stopPrice": far_below,
        "stopLimitPrice": farther, "stopLimitTimeInForce": "GTC",
    }  # fmt: skip
    await desk("create_order", SOL, "market", "buy", 3)
    placed = [
        await desk("private_post_orderlist_oco", either),
        await desk("private_post_order_oco", legacy),
        await desk("private_post_orderlist_oto", {**working, **one, "pendingQuantity": "1"}),
        await desk("private_post_orderlist_otoco", {**working, **two, "pendingQuantity": "1"}),
        await desk("private_post_orderlist_opo", {**working, **one}),
        await desk("private_post_orderlist_opoco", {**working, **two}),
    ]
    assert [len(each["orders"]) for each in placed] == [2, 2, 2, 3, 2, 3]
    assert [each["contingencyType"] for each in placed] == ["OCO", "OCO", "OTO", "OTO", "OTO", "OTO"]
    opened = await desk("private_get_openorderlist")
    assert [each["orderListId"] for each in opened] == [each["orderListId"] for each in placed]
    for each in placed:
        known = {"orderListId": each["orderListId"]}
        assert (await desk("private_delete_orderlist", {"symbol": "SOLUSDT", **known}))["listOrderStatus"] == "ALL_DONE"
        assert (await desk("private_get_orderlist", known))["listStatusType"] == "ALL_DONE"
    assert len(await desk("private_get_allorderlist", {"limit": 1000})) >= len(placed)
    assert await nothing_locked(desk)


async def test_history_and_account_say_what_happened(desk: CcxtDesk) -> None:
    order = await desk("create_order", SOL, "market", "buy", 1)
    assert order["id"] in [each["id"] for each in await desk("fetch_orders", SOL)]
    assert order["id"] in [each["id"] for each in await desk("fetch_closed_orders", SOL)]
    trades = await desk("fetch_order_trades", order["id"], SOL)
    assert sum(Decimal(trade["info"]["qty"]) for trade in trades) == 1
    assert sum(trade["cost"] for trade in trades) == pytest.approx(order["cost"])
    commission = await desk("private_get_account_commission", {"symbol": "SOLUSDT"})
    assert commission["standardCommission"]["taker"] == "0.00100000"
    assert [row["rateLimitType"] for row in await desk("private_get_ratelimit_order")] == ["ORDERS", "ORDERS"]
    assert await desk("private_get_mypreventedmatches", {"symbol": "SOLUSDT", "orderId": order["id"]}) == []


REFUSED: dict[str, tuple[type[Exception], dict[str, Any]]] = {
    "off the step": (ccxt.InvalidOrder, {"quantity": "0.0000123"}),
    "too little money": (ccxt.InsufficientFunds, {"quantity": "10"}),
    "an unknown symbol": (ccxt.BadSymbol, {"symbol": "NOSUCHUSDT"}),
    "from another time": (ccxt.InvalidNonce, {"timestamp": 1_700_000_000_000}),
    "would take": (ccxt.OrderImmediatelyFillable, {"type": "LIMIT_MAKER", "timeInForce": None, "side": "SELL"}),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refusals_are_the_errors_that_ccxt_knows(desk: CcxtDesk, case: str) -> None:
    error, change = REFUSED[case]
    order = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
        "price": await desk.price(BTC, "0.99"), **change,
    }  # fmt: skip
    with pytest.raises(error):
        await desk("private_post_order", {name: value for name, value in order.items() if value is not None})


async def test_an_ed25519_key_signs_too(desk: CcxtDesk, paper: Paper) -> None:
    desk.client.apiKey = paper.ed25519_api_key
    desk.client.secret = paper.ed25519_private_key
    order = await desk("create_order", SOL, "market", "buy", 1)
    assert (await desk("fetch_order", order["id"], SOL))["status"] == "closed"


async def test_a_wrong_secret_is_an_authentication_error(desk: CcxtDesk) -> None:
    desk.client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await desk("fetch_balance")


async def test_an_order_that_is_not_there_is_not_found(desk: CcxtDesk) -> None:
    for method in ("fetch_order", "cancel_order"):
        with pytest.raises(ccxt.OrderNotFound):
            await desk(method, "1", BTC)
