"""A day of python-binance's `Client` and `AsyncClient`, by REST and by the WebSocket API, on the paper exchange."""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from tests.clients.ledger import TRADED, conserved, nothing_locked
from tests.clients.paper import Paper
from tests.clients.python_binance_desk import PythonBinanceDesk, async_client, sync_client

pytestmark = pytest.mark.anyio

BTC, SOL, BEYOND_ASCII = "BTCUSDT", "SOLUSDT", "币安人生USDT"
INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


@pytest.fixture(params=["sync", "async"])
async def desk(request: pytest.FixtureRequest, paper: Paper) -> AsyncIterator[PythonBinanceDesk]:
    client = sync_client(paper) if request.param == "sync" else await async_client(paper)
    desk = PythonBinanceDesk(client)
    yield desk
    await desk.close()


@pytest.fixture
async def socket_desk(paper: Paper) -> AsyncIterator[PythonBinanceDesk]:
    """A client that speaks the WebSocket API, within its loop."""
    desk = PythonBinanceDesk(await async_client(paper))
    yield desk
    await desk.close()


async def test_the_exchange_introduces_itself(desk: PythonBinanceDesk) -> None:
    assert await desk("ping") == {}
    assert (await desk("get_server_time"))["serverTime"] > 1_700_000_000_000
    listed = {row["symbol"] for row in (await desk("get_exchange_info"))["symbols"]}
    assert listed >= TRADED.keys()
    rules = await desk("get_symbol_info", BTC)
    assert {"LOT_SIZE", "PRICE_FILTER", "NOTIONAL"} <= {rule["filterType"] for rule in rules["filters"]}
    for method in ("get_all_tickers", "get_orderbook_tickers", "get_ticker"):
        assert {row["symbol"] for row in await desk(method)} == listed


async def test_the_market_tells_one_story(desk: PythonBinanceDesk) -> None:
    book = await desk("get_order_book", symbol=BTC, limit=5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    for method in ("get_recent_trades", "get_historical_trades"):
        trades = await desk(method, symbol=BTC, limit=50)
        assert all(later["id"] == earlier["id"] + 1 for earlier, later in pairwise(trades))
    aggregates = await desk("get_aggregate_trades", symbol=BTC, limit=50)
    assert all(later["f"] == earlier["l"] + 1 for earlier, later in pairwise(aggregates))
    day = await desk("get_ticker", symbol=BTC)
    assert Decimal(day["lowPrice"]) <= Decimal(day["lastPrice"]) <= Decimal(day["highPrice"])
    window = await desk("get_symbol_ticker_window", symbol=BTC, windowSize="1h")
    assert int(window["closeTime"]) - int(window["openTime"]) <= 3_600_000 + 60_000
    assert (await desk("get_symbol_ticker", symbol=BTC))["symbol"] == BTC
    assert (await desk("get_avg_price", symbol=BTC))["mins"] == 5


@pytest.mark.parametrize("method", ["get_klines", "get_ui_klines"])
async def test_klines_of_every_interval_join_up(desk: PythonBinanceDesk, method: str) -> None:
    for interval in INTERVALS:
        klines = await desk(method, symbol=SOL, interval=interval, limit=10)
        assert klines
        assert all(later[0] == earlier[6] + 1 for earlier, later in pairwise(klines))
    history = await desk("get_historical_klines", SOL, "1h", "2 days ago UTC")
    assert 47 <= len(history) <= 49


async def test_orders_of_every_type_live_and_die_and_nothing_is_lost(desk: PythonBinanceDesk) -> None:
    far_below, farther, far_above, through = [await desk.price(BTC, each) for each in ("0.9", "0.89", "1.1", "1.01")]
    small = {"symbol": BTC, "quantity": "0.001"}
    sell, good = {**small, "side": "SELL"}, {"timeInForce": "GTC"}
    async with conserved(desk):
        filled = [
            await desk("order_limit_buy", **small, price=through),
            await desk("order_limit_buy", **small, price=through, timeInForce="IOC"),
            await desk("order_limit_buy", **small, price=through, timeInForce="FOK"),
            await desk("order_market_sell", symbol=BTC, quantity=0.002),
            await desk("order_market_buy", symbol=BTC, quoteOrderQty=50),
            await desk("order_market_sell", symbol=BTC, quoteOrderQty=50),
            await desk("v3_post_sor_order", **small, side="BUY", type="MARKET"),
        ]
        assert [order["status"] for order in filled] == ["FILLED"] * len(filled)
        for order in filled:
            assert sum(Decimal(fill["qty"]) for fill in order["fills"]) == Decimal(order["executedQty"])
        resting = [
            await desk("order_limit_buy", **small, price=far_below),
            await desk("order_limit_buy", symbol=BTC, quantity="0.01", icebergQty="0.001", price=far_below),
            await desk("create_order", **small, side="BUY", type="LIMIT_MAKER", price=far_below),
            await desk("create_order", **sell, type="STOP_LOSS", stopPrice=far_below),
            await desk("create_order", **sell, type="STOP_LOSS", trailingDelta=500),
            await desk("create_order", **sell, type="TAKE_PROFIT", stopPrice=far_above),
            await desk("create_order", **sell, **good, type="STOP_LOSS_LIMIT", stopPrice=far_below, price=farther),
            await desk("create_order", **sell, **good, type="TAKE_PROFIT_LIMIT", stopPrice=far_above, price=far_above),
        ]
        opened = await desk("get_open_orders", symbol=BTC)
        assert [order["orderId"] for order in opened] == [order["orderId"] for order in resting]
        assert {order["status"] for order in opened} == {"NEW"}
        first = await desk("cancel_order", symbol=BTC, orderId=resting[0]["orderId"])
        assert first["status"] == "CANCELED"
        assert len(await desk("cancel_all_open_orders", symbol=BTC)) == len(resting) - 1
    assert await nothing_locked(desk)


async def test_test_orders_leave_no_trace(desk: PythonBinanceDesk) -> None:
    order = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    before = await desk("get_all_orders", symbol=BTC)
    assert await desk("create_test_order", **order) == {}
    assert await desk("v3_post_sor_order_test", **order) == {}
    assert await desk("get_all_orders", symbol=BTC) == before


async def test_a_symbol_beyond_ascii_is_traded(desk: PythonBinanceDesk) -> None:
    async with conserved(desk):
        order = await desk("order_market_buy", symbol=BEYOND_ASCII, quantity=100)
        assert (await desk("get_order", symbol=BEYOND_ASCII, orderId=order["orderId"]))["executedQty"] == "100.00000000"


async def test_an_order_is_replaced_and_amended(desk: PythonBinanceDesk) -> None:
    price = await desk.price(SOL, "0.9")
    order = {"symbol": SOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "2", "price": price}
    first = await desk("create_order", **order)
    replace = {**order, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": first["orderId"]}
    replaced = await desk("cancel_replace_order", **replace)
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    with pytest.raises(BinanceAPIException) as refusal:
        await desk("cancel_replace_order", **replace)
    assert refusal.value.code == -2022
    # python-binance has no method for it yet; this is what its methods are made of.
    second = replaced["newOrderResponse"]["orderId"]
    amend = {"symbol": SOL, "orderId": second, "newQty": "1.000"}
    amended = await desk("_put", "order/amend/keepPriority", True, data=amend)
    assert amended["amendedOrder"]["qty"] == "1.00000000"
    assert (await desk("get_order", symbol=SOL, orderId=second))["origQty"] == "1.00000000"
    await desk("cancel_order", symbol=SOL, orderId=second)
    assert await nothing_locked(desk)


async def test_order_lists_of_every_kind_live_and_die(desk: PythonBinanceDesk) -> None:
    far_below, farther, far_above = [await desk.price(SOL, factor) for factor in ("0.9", "0.8", "1.1")]
    await desk("order_market_buy", symbol=SOL, quantity=1)
    placed = [
        await desk("create_oco_order", **_either(far_below, farther, far_above)),
        await desk("v3_post_order_list_oto", **_working(far_below), **_one(far_above)),
        await desk("v3_post_order_list_otoco", **_working(far_below), **_two(farther, far_above)),
    ]
    assert [each["contingencyType"] for each in placed] == ["OCO", "OTO", "OTO"]
    assert [len(each["orderReports"]) for each in placed] == [2, 2, 3]
    opened = await desk("get_open_oco_orders")
    assert [each["orderListId"] for each in opened] == [each["orderListId"] for each in placed]
    for each in placed:
        number = each["orderListId"]
        assert (await desk("v3_delete_order_list", symbol=SOL, orderListId=number))["listOrderStatus"] == "ALL_DONE"
        assert (await desk("v3_get_order_list", orderListId=number))["listStatusType"] == "ALL_DONE"
    assert len(await desk("v3_get_all_order_list")) >= 3
    assert await nothing_locked(desk)


async def test_account_and_history_say_what_happened(desk: PythonBinanceDesk) -> None:
    order = await desk("order_market_buy", symbol=SOL, quantity=1)
    assert order["orderId"] in [each["orderId"] for each in await desk("get_all_orders", symbol=SOL)]
    trades = await desk("get_my_trades", symbol=SOL, orderId=order["orderId"])
    assert sum(Decimal(trade["quoteQty"]) for trade in trades) == Decimal(order["cummulativeQuoteQty"])
    assert (await desk("get_asset_balance", asset="SOL"))["asset"] == "SOL"
    commission = await desk("v3_get_account_commission", symbol=SOL)
    assert commission["standardCommission"]["maker"] == "0.00100000"
    assert [row["interval"] for row in await desk("get_current_order_count")] == ["SECOND", "DAY"]
    assert await desk("get_prevented_matches", symbol=SOL, orderId=order["orderId"]) == []


async def test_what_binance_refuses_is_refused(desk: PythonBinanceDesk) -> None:
    order = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": "90000"}
    refused: dict[int, dict[str, Any]] = {
        -1013: {"price": "90000.001"},
        -1111: {"quantity": "0.0000000001"},
        -1121: {"symbol": "NOSUCHUSDT"},
        -1105: {"price": ""},
        -2010: {"quantity": "10"},
    }
    for code, change in refused.items():
        with pytest.raises(BinanceAPIException) as refusal:
            await desk("create_order", **{**order, **change})
        assert (refusal.value.status_code, refusal.value.code) == (400, code)


async def test_the_listen_key_is_gone_as_it_is_at_binance(desk: PythonBinanceDesk) -> None:
    with pytest.raises(BinanceAPIException) as refusal:
        await desk("stream_get_listen_key")
    assert refusal.value.status_code == 410


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_an_ed25519_key_signs_too(paper: Paper, kind: str) -> None:
    key = {"api_key": paper.ed25519_api_key, "private_key": Path(paper.ed25519_private_key_path)}
    desk = PythonBinanceDesk(sync_client(paper, **key) if kind == "sync" else await async_client(paper, **key))
    order = await desk("order_market_buy", symbol=SOL, quantity=1)
    assert (await desk("get_order", symbol=SOL, orderId=order["orderId"]))["status"] == "FILLED"
    await desk.close()


async def test_microseconds_are_told_to_who_asks(paper: Paper) -> None:
    desk = PythonBinanceDesk(await async_client(paper, time_unit="MICROSECOND"))
    assert (await desk("get_recent_trades", symbol=BTC, limit=1))[0]["time"] > 10**15
    assert (await desk("ws_get_time"))["serverTime"] > 10**15
    await desk.close()


async def test_a_day_of_orders_by_the_websocket_api(socket_desk: PythonBinanceDesk) -> None:
    desk = socket_desk
    far_below, farther, far_above = [await desk.price(SOL, factor) for factor in ("0.9", "0.8", "1.1")]
    order = {"symbol": SOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": far_below}
    async with conserved(desk):
        bought = await desk("ws_order_market_buy", symbol=SOL, quantity=2)
        assert bought["status"] == "FILLED"
        resting = await desk("ws_create_order", **order)
        assert await desk("ws_create_test_order", **order) == {}
        assert (await desk("ws_get_order", symbol=SOL, orderId=resting["orderId"]))["status"] == "NEW"
        replaced = await desk(
            "ws_cancel_and_replace_order",
            **order,
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrderId=resting["orderId"],
        )
        assert replaced["newOrderResult"] == "SUCCESS"
        cancelled = await desk("ws_cancel_order", symbol=SOL, orderId=replaced["newOrderResponse"]["orderId"])
        assert cancelled["status"] == "CANCELED"
        either = await desk("ws_create_oco_order", **_either(far_below, farther, far_above))
        assert (await desk("ws_get_oco_order", orderListId=either["orderListId"]))["contingencyType"] == "OCO"
        await desk("ws_create_oto_order", **_working(far_below), **_one(far_above))
        await desk("ws_create_otoco_order", **_working(far_below), **_two(farther, far_above))
        assert len(await desk("ws_get_oco_open_orders")) == 3
        done = await desk("ws_cancel_oco_order", symbol=SOL, orderListId=either["orderListId"])
        assert done["listOrderStatus"] == "ALL_DONE"
        routed = await desk("ws_create_sor_order", symbol=BTC, side="BUY", type="MARKET", quantity="0.001")
        assert routed[0]["usedSor"] is True
        assert await desk("ws_create_test_sor_order", symbol=BTC, side="BUY", type="MARKET", quantity="0.001") == {}
        assert len(await desk("ws_get_open_orders", symbol=SOL)) == 5
        assert len(await desk("ws_cancel_all_open_orders", symbol=SOL)) == 2
    assert await nothing_locked(desk)


async def test_the_websocket_api_and_rest_say_the_same(socket_desk: PythonBinanceDesk) -> None:
    one = {"symbol": BTC}
    for by_socket, by_rest, parameters in (
        ("ws_get_account", "get_account", {}),
        ("ws_get_all_orders", "get_all_orders", one),
        ("ws_get_my_trades", "get_my_trades", one),
        ("ws_get_allocations", "get_allocations", one),
        ("ws_get_commission_rates", "v3_get_account_commission", one),
        ("ws_get_historical_trades", "get_historical_trades", {**one, "fromId": 56_000_000}),
        ("ws_get_aggregate_trades", "get_aggregate_trades", {**one, "startTime": 1, "endTime": 2}),
        ("ws_get_klines", "get_klines", {**one, "interval": "1d", "endTime": 1_760_000_000_000}),
        ("ws_get_uiKlines", "get_ui_klines", {**one, "interval": "1w", "endTime": 1_760_000_000_000}),
    ):
        assert await socket_desk(by_socket, **parameters) == await socket_desk(by_rest, **parameters)
    for method in ("ws_get_avg_price", "ws_get_recent_trades", "ws_get_order_book", "ws_get_symbol_ticker"):
        assert await socket_desk(method, **one)
    for method in ("ws_get_ticker", "ws_get_trading_day_ticker", "ws_get_symbol_ticker_window"):
        both = await socket_desk(method, symbols=[BTC, SOL])
        assert [row["symbol"] for row in both] == [BTC, SOL]
    assert (await socket_desk("ws_get_orderbook_ticker", **one)).keys() >= {"bidPrice", "askPrice"}
    assert len(await socket_desk("ws_get_account_rate_limits_orders")) == 2
    assert (await socket_desk("ws_get_exchange_info", **one))["symbols"][0]["symbol"] == BTC
    assert await socket_desk("ws_ping") == {}


def test_the_synchronous_client_speaks_the_websocket_api_too(paper: Paper) -> None:
    client = sync_client(paper)
    order = client.ws_order_limit_buy(symbol=SOL, quantity="1", price="50.00")
    assert client.ws_get_order(symbol=SOL, orderId=order["orderId"])["status"] == "NEW"
    assert client.ws_cancel_order(symbol=SOL, orderId=order["orderId"])["status"] == "CANCELED"
    client.loop.run_until_complete(client.ws_api.close())
    client.close_connection()


def _either(far_below: str, farther: str, far_above: str) -> dict[str, str]:
    """The parameters of an OCO list."""
    return {
        "symbol": SOL, "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": far_above,
        "belowType": "STOP_LOSS_LIMIT", "belowPrice": farther, "belowStopPrice": far_below, "belowTimeInForce": "GTC",
    }  # fmt: skip


def _working(price: str) -> dict[str, str]:
    """The parameters of a working order, and of what is pending beside its type."""
    return {
        "symbol": SOL, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": price, "workingQuantity": "1",
        "workingTimeInForce": "GTC", "pendingSide": "SELL", "pendingQuantity": "1",
    }  # fmt: skip


def _one(price: str) -> dict[str, str]:
    """A pending order."""
    return {"pendingType": "LIMIT", "pendingPrice": price, "pendingTimeInForce": "GTC"}


def _two(stop_price: str, price: str) -> dict[str, str]:
    """A pending pair."""
    return {
        "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": price,
        "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": stop_price,
    }  # fmt: skip
