"""A day of ccxt.pro, which speaks WebSocket: market streams, orders by the WebSocket API, the user data stream.

ccxt subscribes to user data with `userDataStream.subscribe.signature`. Its `fetch_order_book_ws` and `fetch_ticker_ws`
are for futures alone, as it says itself; `postOnly` it sends on with an order by the WebSocket API, where Binance knows
no such parameter, so LIMIT_MAKER is asked for by its name.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

import ccxt.pro
import pytest
from tests.clients.book import Book, converges, levels
from tests.clients.ccxt_desk import CcxtDesk, settings
from tests.clients.ledger import conserved, nothing_locked, read_balances
from tests.clients.paper import Paper

pytestmark = pytest.mark.anyio

BTC, SOL = "BTC/USDT", "SOL/USDT"
SECONDS = 30
Answer = TypeVar("Answer")


@pytest.fixture
async def desk(paper: Paper) -> AsyncIterator[CcxtDesk]:
    desk = CcxtDesk(ccxt.pro.binance(settings(paper)))
    await desk("load_markets")
    yield desk
    await desk.close()


async def soon(answer: Awaitable[Answer]) -> Answer:
    return await asyncio.wait_for(answer, SECONDS)


@pytest.mark.parametrize(("rate", "updates"), [("100", 15), ("1000", 5)])
async def test_the_local_book_converges_without_a_gap(desk: CcxtDesk, rate: str, updates: int) -> None:
    def read(book: Any) -> Book:
        return Book(book["nonce"], levels(book["bids"]), levels(book["asks"]))

    async def moved() -> None:  # a gap would be a ChecksumError
        await soon(desk("watch_order_book", BTC, None, {"watchOrderBookRate": rate}))

    async def snapshot() -> Book:
        return read(await desk("fetch_order_book", BTC, 100))

    await moved()
    await converges(lambda: read(desk.client.orderbooks[BTC]), moved, snapshot, updates=updates)


async def test_several_books_share_one_connection(desk: CcxtDesk) -> None:
    seen: set[str] = set()
    while seen != {BTC, SOL}:
        seen.add((await soon(desk("watch_order_book_for_symbols", [BTC, SOL])))["symbol"])


async def test_trades_and_tickers_and_candles_arrive(desk: CcxtDesk) -> None:
    trade = (await soon(desk("watch_trades", BTC)))[-1]
    assert (trade["symbol"], trade["cost"]) == (BTC, pytest.approx(trade["price"] * trade["amount"]))
    aggregate = (await soon(desk("watch_trades", BTC, None, None, {"name": "aggTrade"})))[-1]
    assert aggregate["symbol"] == BTC
    ticker = await soon(desk("watch_ticker", BTC))
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert (await soon(desk("watch_tickers", [BTC, SOL]))).keys() <= {BTC, SOL}
    assert (await soon(desk("watch_bids_asks", [BTC, SOL]))).keys() <= {BTC, SOL}
    assert (await soon(desk("watch_tickers"))).keys() <= desk.client.markets.keys()  # those that changed
    _, _, high, low, closed, _ = (await soon(desk("watch_ohlcv", BTC, "1s")))[-1]
    assert low <= closed <= high
    several = await soon(desk("watch_ohlcv_for_symbols", [[BTC, "1m"], [SOL, "1m"]]))
    assert several.keys() <= {BTC, SOL}


async def test_what_was_watched_can_be_left(desk: CcxtDesk) -> None:
    await soon(desk("watch_order_book", SOL))
    assert await soon(desk("un_watch_order_book", SOL))
    await soon(desk("watch_ticker", SOL))
    assert await soon(desk("un_watch_ticker", SOL))


async def test_the_market_is_read_by_the_websocket_api(desk: CcxtDesk) -> None:
    assert len(await soon(desk("fetch_ohlcv_ws", BTC, "1h", None, 10))) == 10
    assert len(await soon(desk("fetch_trades_ws", BTC, None, 10))) == 10
    # ccxt 4.5.90 makes no balances of this answer, so it is read as it came.
    assert read_balances((await soon(desk("fetch_balance_ws")))["info"]["balances"]) == await desk.balances()


async def test_a_day_of_orders_by_the_websocket_api(desk: CcxtDesk) -> None:
    far_below, through = await desk.price(BTC, "0.9"), await desk.price(BTC, "1.01")
    async with conserved(desk):
        resting = await soon(desk("create_order_ws", BTC, "limit", "buy", 0.001, far_below))
        bought = await soon(desk("create_order_ws", BTC, "limit", "buy", 0.001, through, {"timeInForce": "IOC"}))
        sold = await soon(desk("create_order_ws", BTC, "market", "sell", 0.001))
        assert [order["status"] for order in (resting, bought, sold)] == ["open", "closed", "closed"]
        assert (await soon(desk("fetch_order_ws", resting["id"], BTC)))["status"] == "open"
        edited = await soon(desk("edit_order_ws", resting["id"], BTC, "limit", "buy", 0.002, far_below))
        assert [order["id"] for order in await soon(desk("fetch_open_orders_ws", BTC))] == [edited["id"]]
        assert bought["id"] in [order["id"] for order in await soon(desk("fetch_closed_orders_ws", BTC))]
        assert sold["id"] in [trade["order"] for trade in await soon(desk("fetch_my_trades_ws", BTC))]
        assert (await soon(desk("cancel_order_ws", edited["id"], BTC)))["status"] == "canceled"
        stop = await soon(desk("create_order_ws", BTC, "STOP_LOSS", "sell", 0.001, None, {"stopPrice": far_below}))
        maker = await soon(desk("create_order_ws", BTC, "limit_maker", "buy", 0.001, far_below))
        ended = await soon(desk("cancel_all_orders_ws", BTC))
        assert {order["id"] for order in ended} == {stop["id"], maker["id"]}
        assert (await soon(desk("create_order_ws", BTC, "limit", "buy", 1, far_below, {"test": True})))["info"] == {}
    assert await nothing_locked(desk)
    with pytest.raises(ccxt.InsufficientFunds):
        await soon(desk("create_order_ws", BTC, "market", "sell", 50))


async def test_the_user_data_stream_tells_what_rest_did(desk: CcxtDesk) -> None:
    far_below = await desk.price(BTC, "0.9")
    await desk("authenticate")

    async def told(watch: str, method: str, *arguments: Any) -> tuple[Any, Any]:
        """What a watcher is told first about an action, and what the action answered."""
        watching = asyncio.create_task(desk(watch))
        answer = await desk(method, *arguments)
        return await soon(watching), answer

    async with conserved(desk):
        news, resting = await told("watch_orders", "create_order", BTC, "limit", "buy", 0.001, far_below)
        assert [(order["id"], order["status"]) for order in news] == [(resting["id"], "open")]
        news, _ = await told("watch_orders", "cancel_order", resting["id"], BTC)
        assert [(order["id"], order["status"]) for order in news] == [(resting["id"], "canceled")]
        news, bought = await told("watch_my_trades", "create_order", BTC, "market", "buy", 0.001)
        assert {trade["order"] for trade in news} == {bought["id"]}
        assert news[0]["fee"]["currency"] == "BTC"
        news, _ = await told("watch_balance", "create_order", BTC, "limit", "buy", 0.001, far_below)
        assert news["USDT"] == (await desk("fetch_balance"))["USDT"]
        await desk("cancel_all_orders", BTC)
