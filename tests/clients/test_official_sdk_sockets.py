"""A day of the official modular Spot SDK's WebSocket API and streams on the paper exchange.

The SDK logs on with an Ed25519 key alone, as Binance does; with any key it subscribes to user data by signature. Its
models of `exchangeInfo` and `myFilters` on this transport leave out the envelope and so lose the answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from binance_common.configuration import ConfigurationWebSocketAPI
from binance_common.constants import WebsocketMode
from binance_sdk_spot import Spot, TimeUnit
from tests.clients.book import Book, LocalBook, converges, levels
from tests.clients.ledger import conserved, nothing_locked
from tests.clients.paper import Paper
from tests.clients.sdk_desk import RestDesk, SocketDesk, known, plain, spot, spot_with_ed25519, strangers
from tests.clients.test_official_sdk import order_lists

pytestmark = pytest.mark.anyio

BTC, SOL, BNB = "BTCUSDT", "SOLUSDT", "BNBUSDT"
SECONDS = 30


@pytest.fixture
def rest(paper: Paper) -> RestDesk:
    return RestDesk(spot(paper))


@asynccontextmanager
async def connected(client: Spot) -> AsyncIterator[SocketDesk]:
    api = await client.websocket_api.create_connection()
    try:
        yield SocketDesk(api)
    finally:
        await api.close_connection()


@pytest.fixture
async def desk(paper: Paper) -> AsyncIterator[SocketDesk]:
    async with connected(spot(paper)) as desk:
        yield desk


@pytest.fixture
async def streams(paper: Paper) -> AsyncIterator[Any]:
    streams = await spot(paper).websocket_streams.create_connection()
    yield streams
    await streams.close_connection()


async def test_the_market_is_read(desk: SocketDesk) -> None:
    assert await desk("ping") == {}
    assert (await desk("time")).server_time > 1_700_000_000_000
    assert len((await desk("depth", symbol=BTC, limit=5)).bids) == 5
    for method in ("trades_recent", "trades_historical", "trades_aggregate"):
        assert len(await desk(method, symbol=BTC, limit=10)) == 10
    for method in ("klines", "ui_klines"):
        assert len(await desk(method, symbol=BTC, interval="1h", limit=10)) == 10
    assert await desk("block_trades_historical", symbol=BTC, from_id=0) == []
    assert (await desk("avg_price", symbol=BTC)).mins == 5
    for method in ("ticker", "ticker24hr", "ticker_trading_day", "ticker_price", "ticker_book"):
        assert (await desk(method, symbol=BTC)).symbol == BTC
        assert [each.symbol for each in await desk(method, symbols=[BTC, SOL])] == [BTC, SOL]
    assert (await desk("reference_price", symbol=BNB)).symbol == BNB
    assert (await desk("reference_price_calculation", symbol=BNB)).bucket_width_ms == 1000
    assert (await desk("execution_rules", symbol=BNB)).symbol_rules[0].symbol == BNB


async def test_a_day_of_orders(desk: SocketDesk, rest: RestDesk) -> None:
    far_below, farther, far_above, through = [rest.price(SOL, factor) for factor in ("0.9", "0.8", "1.1", "1.01")]
    order = {"symbol": SOL, "side": "BUY", "type": "LIMIT", "quantity": 2, "time_in_force": "GTC"}
    async with conserved(rest):
        for filled in (
            await desk("order_place", **{**order, "time_in_force": "IOC"}, price=through),
            await desk("order_place", symbol=SOL, side="BUY", type="MARKET", quote_order_qty=50),
            (await desk("sor_order_place", symbol=BTC, side="BUY", type="MARKET", quantity=0.001))[0],
        ):
            assert filled.status == "FILLED"
        resting = (await desk("order_place", **order, price=far_below)).order_id
        assert (await desk("order_status", symbol=SOL, order_id=resting)).status == "NEW"
        amended = await desk("order_amend_keep_priority", symbol=SOL, order_id=resting, new_qty=1)
        assert amended.amended_order.qty == "1.00000000"
        assert len(await desk("order_amendments", symbol=SOL, order_id=resting)) == 1
        replace = {**order, "price": far_below, "cancel_replace_mode": "STOP_ON_FAILURE", "cancel_order_id": resting}
        replaced = await desk("order_cancel_replace", **replace)
        assert (replaced.cancel_result, replaced.new_order_result) == ("SUCCESS", "SUCCESS")
        assert (await desk("order_cancel_replace", **replace))["error"]["data"]["cancelResult"] == "FAILURE"
        new = replaced.new_order_response.order_id
        assert (await desk("order_cancel", symbol=SOL, order_id=new)).status == "CANCELED"
        tested = await desk("order_test", **order, price=far_below, compute_commission_rates=True)
        assert tested.standard_commission_for_order.maker == "0.00100000"
        for by_rest, parameters in order_lists(far_below, farther, far_above):
            method = "order_list_place" + by_rest.removeprefix("order_list").replace("order_oco", "")
            placed = await desk(method, **parameters)
            status = await desk("order_list_status", order_list_id=placed.order_list_id)
            assert status.list_order_status == "EXECUTING"
        assert len(await desk("open_order_lists_status")) == 6
        done = await desk("order_list_cancel", symbol=SOL, order_list_id=placed.order_list_id)
        assert done.list_order_status == "ALL_DONE"
        assert len(await desk("open_orders_status", symbol=SOL)) == 11
        assert len(await desk("open_orders_cancel_all", symbol=SOL)) == 5
    assert await nothing_locked(rest)


async def test_account_and_history_are_those_of_rest(desk: SocketDesk, rest: RestDesk) -> None:
    for method, by_rest, parameters in (
        ("account_status", "get_account", {}),
        ("account_commission", "account_commission", {"symbol": BTC}),
        ("account_rate_limits_orders", "rate_limit_order", {}),
        ("all_orders", "all_orders", {"symbol": SOL}),
        ("all_order_lists", "all_order_list", {}),
        ("my_trades", "my_trades", {"symbol": SOL}),
        ("my_allocations", "my_allocations", {"symbol": BTC}),
        ("my_prevented_matches", "my_prevented_matches", {"symbol": BTC, "order_id": 1}),
    ):
        assert plain(await desk(method, **parameters)) == plain(rest(by_rest, **parameters)), method


async def test_the_user_data_stream_tells_everything_in_order(desk: SocketDesk, rest: RestDesk) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    subscription = await desk.api.user_data_stream_subscribe_signature()
    subscription.stream.on("message", heard.put_nowait)
    assert [each.subscription_id for each in await desk("session_subscriptions")] == [0]
    assert (await desk("session_status")).user_data_stream is True
    far_below, farther, far_above = [rest.price(SOL, factor) for factor in ("0.9", "0.8", "1.1")]

    async def told(count: int) -> list[Any]:
        events = [await asyncio.wait_for(heard.get(), SECONDS) for _ in range(count)]
        return [known(event) for event in events]

    async with conserved(rest):
        bought = rest("new_order", symbol=SOL, side="BUY", type="MARKET", quantity=1)
        events = await told(2 + len(bought.fills))
        assert [getattr(event, "x", None) for event in events] == ["NEW", *["TRADE"] * len(bought.fills), None]
        assert {row.a for row in events[-1].B} == {"SOL", "USDT"}
        _, parameters = order_lists(far_below, farther, far_above)[0]
        placed = rest("order_list_oco", **parameters)
        status, *reports, position = await told(4)
        assert (status.l, {order.i for order in status.O}) == ("EXEC_STARTED", {each.i for each in reports})
        assert (position.B[0].a, position.B[0].l) == ("SOL", "1.00000000")
        rest("delete_order_list", symbol=SOL, order_list_id=placed.order_list_id)
        *reports, status, position = await told(4)
        assert [each.X for each in reports] == ["CANCELED", "CANCELED"]
        assert (status.L, position.B[0].l) == ("ALL_DONE", "0.00000000")
    await desk("user_data_stream_unsubscribe")
    assert (await told(1))[0].E > 0
    assert await desk("session_subscriptions") == []


async def test_an_hmac_key_cannot_log_on(desk: SocketDesk) -> None:
    assert (await desk("session_logon"))["error"]["code"] == -4056


async def test_an_ed25519_key_logs_on_and_needs_no_more_signatures(paper: Paper) -> None:
    async with connected(spot_with_ed25519(paper)) as desk:
        assert (await desk("session_logon")).api_key == paper.ed25519_api_key
        assert (await desk("account_status")).can_trade is True
        subscription = await desk.api.user_data_stream_subscribe()
        heard: asyncio.Queue[Any] = asyncio.Queue()
        subscription.stream.on("message", heard.put_nowait)
        await desk("order_place", symbol=SOL, side="BUY", type="MARKET", quantity=1)
        assert known(await asyncio.wait_for(heard.get(), SECONDS)).x == "NEW"
        assert (await desk("session_logout")).api_key is None


async def test_a_pool_of_connections_and_microseconds(paper: Paper) -> None:
    settings = {"api_key": paper.api_key, "api_secret": paper.api_secret, "stream_url": paper.ws_api}
    configuration = ConfigurationWebSocketAPI(
        **settings, mode=WebsocketMode.POOL, pool_size=3, time_unit=TimeUnit.MICROSECOND, return_rate_limits=False
    )
    async with connected(Spot(config_ws_api=configuration)) as desk:
        for _ in range(6):
            assert (await desk("time")).server_time > 10**15
        answer = await desk.api.ping()
        assert answer.rate_limits == []


STREAMS: dict[str, dict[str, Any]] = {
    "agg_trade": {"symbol": BTC},
    "all_market_rolling_window_ticker": {"window_size": "1h"},
    "all_mini_ticker": {},
    "avg_price": {"symbol": BTC},
    "book_ticker": {"symbol": BTC},
    "diff_book_depth": {"symbol": BTC},
    "kline": {"symbol": BTC, "interval": "1s"},
    "kline_offset": {"symbol": BTC, "interval": "1m"},
    "mini_ticker": {"symbol": BTC},
    "partial_book_depth": {"symbol": BTC, "levels": 10},
    "reference_price": {"symbol": BNB},
    "rolling_window_ticker": {"symbol": BTC, "window_size": "1d"},
    "ticker": {"symbol": BTC},
    "trade": {"symbol": BTC},
}


async def test_every_stream_speaks_and_can_be_left(streams: Any) -> None:
    heard: dict[str, asyncio.Future[Any]] = {}
    for method, parameters in STREAMS.items():
        stream = await getattr(streams, method)(**parameters)
        heard[method] = asyncio.get_running_loop().create_future()
        stream.on("message", _once(heard[method]))
    messages = await asyncio.wait_for(asyncio.gather(*heard.values()), SECONDS)
    for method, message in zip(STREAMS, messages, strict=True):
        assert not strangers(message), method
    names = (await streams.list_subscribe())["result"]
    assert len(names) == len(STREAMS)
    await streams.unsubscribe(names)  # at once: five messages a second are allowed
    assert (await streams.list_subscribe())["result"] == []


def _once(future: asyncio.Future[Any]) -> Callable[[Any], None]:
    def hear(message: Any) -> None:
        if not future.done():
            future.set_result(message)

    return hear


@pytest.mark.parametrize(("speed", "updates"), [("100ms", 15), (None, 5)])
async def test_a_local_book_converges_without_a_gap(
    streams: Any, rest: RestDesk, speed: str | None, updates: int
) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    (await streams.diff_book_depth(symbol=BTC, update_speed=speed)).on("message", heard.put_nowait)

    async def snapshot() -> Book:
        book = rest("depth", symbol=BTC, limit=100)
        return Book(book.last_update_id, levels(book.bids), levels(book.asks))

    await asyncio.wait_for(heard.get(), SECONDS)  # the stream is open before the snapshot is taken
    start = await snapshot()
    book = LocalBook(start.update_id, dict(start.bids), dict(start.asks))

    async def moved() -> None:
        update = await asyncio.wait_for(heard.get(), SECONDS)
        book.apply(update.U, update.u, update.b, update.a)

    await converges(book.now, moved, snapshot, updates=updates)
    assert book.events
    assert all(quantity > Decimal(0) for quantity in (*book.bids.values(), *book.asks.values()))
