"""A day of python-binance's streams on the paper exchange: socket manager, depth cache, user socket, threads.

`BinanceSocketManager.user_socket` of 1.0.37 subscribes with `userDataStream.subscribe.signature` on the client's own
WebSocket API connection; there is no listenKey in it any more.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from queue import Queue
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager, ThreadedWebsocketManager
from binance.ws.depthcache import DepthCache
from tests.clients.book import Book, converges, levels
from tests.clients.ledger import Balance, conserved, nothing_locked
from tests.clients.paper import Paper
from tests.clients.python_binance_desk import PythonBinanceDesk, async_client, socket_manager

pytestmark = pytest.mark.anyio

BTC, SOL = "BTCUSDT", "SOLUSDT"
SECONDS = 30


@pytest.fixture
async def client(paper: Paper) -> AsyncIterator[AsyncClient]:
    client = await async_client(paper)
    yield client
    await client.close_connection()


@pytest.fixture
def sockets(paper: Paper, client: AsyncClient) -> BinanceSocketManager:
    return socket_manager(paper, client)


async def first(socket: Any) -> Any:
    async with socket as opened:
        return await asyncio.wait_for(opened.recv(), SECONDS)


async def test_every_market_socket_speaks(sockets: BinanceSocketManager) -> None:
    spoken = {
        "depthUpdate": sockets.depth_socket(BTC),
        "kline": sockets.kline_socket(BTC, "1s"),
        "trade": sockets.trade_socket(BTC),
        "aggTrade": sockets.aggtrade_socket(BTC),
        "24hrMiniTicker": sockets.symbol_miniticker_socket(BTC),
        "24hrTicker": sockets.symbol_ticker_socket(BTC),
    }
    for event, message in zip(spoken, await asyncio.gather(*map(first, spoken.values())), strict=True):
        assert (message["e"], message["s"]) == (event, BTC)
    assert (await first(sockets.depth_socket(BTC, interval=100)))["e"] == "depthUpdate"
    assert len((await first(sockets.depth_socket(BTC, depth="5")))["bids"]) == 5
    assert (await first(sockets.symbol_book_ticker_socket(BTC)))["s"] == BTC
    # Its name carries a speed that the documents do not have, and Binance takes.
    assert {message["e"] for message in await first(sockets.miniticker_socket())} == {"24hrMiniTicker"}


async def test_several_streams_come_through_one_socket(sockets: BinanceSocketManager) -> None:
    names = ["btcusdt@bookTicker", "solusdt@bookTicker"]
    async with sockets.multiplex_socket(names) as opened:
        heard: set[str] = set()
        while heard != set(names):
            message = await asyncio.wait_for(opened.recv(), SECONDS)
            assert message["stream"].startswith(message["data"]["s"].lower())
            heard.add(message["stream"])


class CountingCache(DepthCacheManager):  # type: ignore[misc]  # untyped where it is not installed
    """Counts how often it had to start over, which it does, silently, whenever it sees a gap."""

    snapshots = 0

    async def _init_cache(self) -> None:
        self.snapshots += 1
        await super()._init_cache()


@pytest.mark.parametrize(("interval", "updates"), [(100, 15), (None, 5)], ids=["100ms", "1s"])
async def test_the_depth_cache_converges_without_a_gap(
    client: AsyncClient, sockets: BinanceSocketManager, interval: int | None, updates: int
) -> None:
    async with CountingCache(client, BTC, bm=sockets, limit=100, conv_type=Decimal, ws_interval=interval) as manager:

        def local() -> Book:
            cache = manager.get_depth_cache()
            return Book(manager._last_update_id, levels(cache.get_bids()), levels(cache.get_asks()))

        async def moved() -> None:
            cache = await asyncio.wait_for(manager.recv(), SECONDS)
            assert isinstance(cache, DepthCache)

        async def snapshot() -> Book:
            book = await client.get_order_book(symbol=BTC, limit=100)
            return Book(book["lastUpdateId"], levels(book["bids"]), levels(book["asks"]))

        # It opens its socket after its first snapshot, so that it may have to take a second one.
        await moved()
        await moved()
        settled = manager.snapshots
        assert settled <= 2
        await converges(local, moved, snapshot, updates=updates)
        assert manager.snapshots == settled


async def test_the_user_socket_tells_everything_in_order(client: AsyncClient, sockets: BinanceSocketManager) -> None:
    desk = PythonBinanceDesk(client)
    far_below, far_above, through = [await desk.price(SOL, factor) for factor in ("0.9", "1.1", "1.01")]
    async with conserved(desk), sockets.user_socket() as user:

        async def told(count: int) -> list[dict[str, Any]]:
            return [await asyncio.wait_for(user.recv(), SECONDS) for _ in range(count)]

        bought = await client.order_market_buy(symbol=SOL, quantity=2)
        new, *trades, position = await told(2 + len(bought["fills"]))
        assert [event["x"] for event in (new, *trades)] == ["NEW"] + ["TRADE"] * len(trades)
        assert [event["t"] for event in trades] == [fill["tradeId"] for fill in bought["fills"]]
        assert (trades[-1]["X"], trades[-1]["Z"]) == ("FILLED", bought["cummulativeQuoteQty"])
        assert position["e"] == "outboundAccountPosition"
        said = {row["a"]: Balance(Decimal(row["f"]), Decimal(row["l"])) for row in position["B"]}
        assert said.items() <= (await desk.balances()).items()

        resting = await client.order_limit_buy(symbol=SOL, quantity=1, price=far_below)
        await client.cancel_order(symbol=SOL, orderId=resting["orderId"])
        events = await told(4)
        assert [event.get("x", event["e"]) for event in events] == [
            "NEW", "outboundAccountPosition", "CANCELED", "outboundAccountPosition",
        ]  # fmt: skip
        assert {event["i"] for event in events if "i" in event} == {resting["orderId"]}

        # The working order fills at once and releases the pending one, whose cancel ends the list.
        triggered = await client.v3_post_order_list_oto(
            symbol=SOL, workingType="LIMIT", workingSide="BUY", workingPrice=through, workingQuantity="1",
            workingTimeInForce="GTC", pendingType="LIMIT", pendingSide="SELL", pendingPrice=far_above,
            pendingQuantity="1", pendingTimeInForce="GTC",
        )  # fmt: skip
        working, pending = [order["orderId"] for order in triggered["orders"]]
        life: list[tuple[Any, ...]] = []
        while ("SELL", "NEW", "NEW") not in life:
            (event,) = await told(1)
            if event["e"] == "executionReport":
                life.append((event["S"], event["x"], event["X"]))
                assert event["i"] == (working if event["S"] == "BUY" else pending)
        assert ("BUY", "TRADE", "FILLED") in life
        await client.v3_delete_order_list(symbol=SOL, orderListId=triggered["orderListId"])
        statuses: list[str] = []
        while statuses[-1:] != ["ALL_DONE"]:
            (event,) = await told(1)
            if event["e"] == "listStatus":
                statuses.append(event["l"])
    assert await nothing_locked(desk)


def test_threads_carry_the_same_messages(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    # This manager makes its own client and sockets, so its addresses can be set on their classes alone.
    monkeypatch.setattr(AsyncClient, "API_URL", f"{paper.rest}/api")
    monkeypatch.setattr(AsyncClient, "WS_API_URL", paper.ws_api)
    monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", f"{paper.ws}/")
    heard: Queue[dict[str, Any]] = Queue()
    manager = ThreadedWebsocketManager(paper.api_key, paper.api_secret)
    manager.start()
    try:
        manager.start_kline_socket(heard.put, BTC, "1s")
        manager.start_symbol_ticker_socket(heard.put, BTC)
        events: set[str] = set()
        while events != {"kline", "24hrTicker"}:
            events.add(heard.get(timeout=SECONDS)["e"])
    finally:
        manager.stop()
        manager.join(SECONDS)
    assert not manager.is_alive()
