"""One paper exchange mirrors another over real sockets, and finds back to it after every mishap on the way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.e2e.operator_desk import Operator, operated
from tests.e2e.paper_client import limit_order

from paper_exchange.options import Mirrored, Options, parse

pytestmark = pytest.mark.anyio

SYMBOL = "BTCUSDT"
PATIENCE_S = 20


class Pair:
    """An exchange, and one that mirrors it."""

    def __init__(self, origin: Operator, mirror: Operator) -> None:
        self.origin = origin
        self.mirror = mirror
        self._changed = asyncio.Event()
        mirror.exchange.exchange.listen(lambda _: self._changed.set())

    async def quote(self, side: str, *prices: str) -> None:
        """Place orders on the origin."""
        for price in prices:
            placed = await self.origin.signed("POST", "order", **limit_order(side, price))
            assert placed.status_code == 200, placed.text

    async def until_alike(self) -> list[Any]:
        """Wait until both books are the same; returns its sides."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._changed.clear()
                theirs, ours = [await _book(each) for each in (self.origin, self.mirror)]
                if theirs == ours:
                    return ours
                await self._changed.wait()


async def _book(desk: Operator) -> list[Any]:
    book = (await desk.public("depth", symbol=SYMBOL)).json()
    return [book["bids"], book["asks"]]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with operated(Options(seed=1, market=False, limit_factor=100)) as origin:
        await origin.told("POST", "/deposit", {"asset": "BTC", "amount": "10"})
        mirrored = Mirrored(origin.exchange.rest, origin.exchange.ws, (SYMBOL,))
        async with operated(Options(seed=2, mirror=mirrored)) as mirror:
            yield Pair(origin, mirror)


async def test_the_mirror_shows_the_book_as_it_changes(pair: Pair) -> None:
    await pair.quote("BUY", "60000.00", "60001.00")
    await pair.quote("SELL", "70000.00", "70001.00")
    bids, asks = await pair.until_alike()
    assert [bids[0][0], asks[0][0]] == ["60001.00000000", "70000.00000000"]
    await pair.origin.signed("DELETE", "openOrders", symbol=SYMBOL)
    assert await pair.until_alike() == [[], []]


async def test_orders_on_the_mirror_trade_with_what_it_shows(pair: Pair) -> None:
    await pair.quote("SELL", "70000.00")
    await pair.until_alike()
    bought = (await pair.mirror.signed("POST", "order", **limit_order("BUY", "70000.00", "0.00500"))).json()
    assert (bought["status"], bought["fills"][0]["price"]) == ("FILLED", "70000.00000000")
    assert len((await _book(pair.origin))[1]) == 1


@pytest.mark.parametrize(
    "effect",
    [{"kind": "drop"}, {"kind": "duplicate"}, {"kind": "reorder"}, {"kind": "reset"}, {"kind": "close", "code": 1001}],
    ids=["lost", "doubled", "reordered", "reset", "closed"],
)
async def test_the_mirror_finds_back_to_the_book(pair: Pair, effect: dict[str, Any]) -> None:
    await pair.quote("BUY", "60000.00")
    await pair.until_alike()
    match = {"stream": "btcusdt@depth@100ms"}
    await pair.origin.fault(id="mishap", where="market", match=match, effect=effect)
    await pair.quote("BUY", "60001.00")
    async with asyncio.timeout(PATIENCE_S):
        while not await pair.origin.oracle("fault", rule="mishap"):
            pass
    await pair.quote("BUY", "60002.00")
    bids, _ = await pair.until_alike()
    assert len(bids) == 3


async def test_the_mirror_waits_for_an_exchange_that_is_away(pair: Pair) -> None:
    await pair.quote("BUY", "60000.00")
    await pair.until_alike()
    away = await pair.origin.fault(where="market", nth=0, effect={"kind": "refuse"})
    await pair.quote("BUY", "60001.00")
    await pair.origin.told("DELETE", "/faults", id=away)
    bids, _ = await pair.until_alike()
    assert len(bids) == 2


async def test_a_snapshot_that_fails_is_fetched_again(pair: Pair) -> None:
    await pair.quote("BUY", "60000.00")
    await pair.until_alike()
    depth = {"path": "/api/v3/depth"}
    await pair.origin.fault(id="no snapshot", where="rest", match=depth, effect={"kind": "reply", "status": 503})
    await pair.origin.fault(id="gap", where="market", match={"stream": "btcusdt@depth*"}, effect={"kind": "drop"})
    await pair.quote("BUY", "60001.00")
    async with asyncio.timeout(PATIENCE_S):
        while not await pair.origin.oracle("fault", rule="gap"):
            pass
    await pair.quote("BUY", "60002.00")
    async with asyncio.timeout(PATIENCE_S):
        while not await pair.origin.oracle("request", fault="no snapshot"):
            pass
    bids, _ = await pair.until_alike()
    assert len(bids) == 3


def test_binances_own_exchanges_are_mirrored_by_name() -> None:
    live, testnet = (
        parse(["--mirror", "live"]).mirror,
        parse(["--mirror", "testnet", "--mirror-symbols", "SOLUSDT"]).mirror,
    )
    assert live == Mirrored(
        "https://data-api.binance.vision", "wss://data-stream.binance.vision", ("BTCUSDT", "ETHUSDT")
    )
    assert testnet == Mirrored("https://testnet.binance.vision", "wss://stream.testnet.binance.vision", ("SOLUSDT",))
