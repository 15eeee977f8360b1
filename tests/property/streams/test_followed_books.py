"""A followed book against the paper exchange's own, with everything on the way that can go wrong.

The oracle is the engine: after each event, a book that says LIVE is compared with what the engine's book was at the
same update. When the faults stop, the book is live and current within a minute.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from tests.unit.paper_streams.stream_floor import ALICE, BOB, StreamFloor
from tests.unit.streams.stage import FakeExchange, VirtualTime

from binance_spot_mcp.catalogue.market_events import DepthSnapshot
from binance_spot_mcp.errors import RateLimited
from binance_spot_mcp.streams.books import Books, FollowedBook
from paper_exchange.engine.commands import CancelAll
from paper_exchange.engine.words import Side

pytestmark = pytest.mark.anyio

SYMBOL, STREAM = "BTCUSDT", "btcusdt@depth@100ms"
STEPS = 400
STEP_S = 0.1
Levels = list[tuple[Decimal, Decimal]]
FAULTS = {"drop": 0.03, "repeat": 0.05, "swap": 0.03, "stall": 0.02, "cut": 0.02, "shutdown": 0.01}


class Oracle:
    """The engine, its book at every update, and a client's way to events and snapshots through faults."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.time = VirtualTime()
        self.floor = StreamFloor()
        self.sockets = FakeExchange(self.time)
        self.heard = self.floor.listen(STREAM)
        self.history: dict[int, tuple[Levels, Levels]] = {}
        self.faulty = True
        self.stalled: list[Any] = []
        self.stalling = 0
        self.unheard_id = 0
        """The last update that was told while nobody listened."""
        self._remember()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the exchange's streams tick while the block lasts."""
        ticking = asyncio.create_task(self.floor.audience.run())
        await asyncio.sleep(0)
        yield
        ticking.cancel()

    @property
    def update_id(self) -> int:
        return self.floor.exchange.engine.last_update_id(SYMBOL)

    def act(self) -> None:
        """Somebody changes the book, or nobody does."""
        for _ in range(self.random.randrange(4)):
            side: Side = self.random.choice(["BUY", "SELL"])
            price = str(1_000 + self.random.randint(-30, 30))
            quantity = str(self.random.randint(1, 9))
            self.floor.limit(self.random.choice([ALICE, BOB]), side, quantity, price)
            self._remember()
        if self.random.random() < 0.05:
            account = self.random.choice([ALICE, BOB])
            if self.floor.exchange.engine.open_orders(account):
                self.floor.do(CancelAll(account=account, symbol=SYMBOL))
                self._remember()

    def _remember(self) -> None:
        engine = self.floor.exchange.engine
        self.history[self.update_id] = (
            list(engine.levels(SYMBOL, "BUY", 5_000)),
            list(engine.levels(SYMBOL, "SELL", 5_000)),
        )

    async def snapshot(self, symbol: str, limit: int) -> DepthSnapshot:
        """The book over REST: late, refused, or older than it should be where faults are let loose."""
        assert symbol == SYMBOL
        if self.faulty and self.random.random() < 0.2:
            raise RateLimited("Not now.")
        update_id = self.update_id
        if self.faulty and self.random.random() < 0.3:
            update_id = self.random.choice(sorted(self.history)[-20:])
        bids, asks = self.history[update_id]
        await self.time.sleep(self.random.random() * 0.5 if self.faulty else 0.05)
        return DepthSnapshot(update_id, _wire(bids[:limit]), _wire(asks[:limit]))

    async def step(self, after_each: Callable[[], None]) -> None:
        """A tenth of a second."""
        self.act()
        await self.floor.pass_time(STEP_S)
        events = self.heard.take()
        if events and STREAM not in self.sockets.names:
            self.unheard_id = events[-1]["u"]
            events = []
        for event in self._through_faults(events):
            self.sockets.publish(STREAM, event)
            after_each()
        self.sockets.ping()
        await self.time.advance(STEP_S)
        after_each()

    def _through_faults(self, events: list[Any]) -> list[Any]:
        fate = next((name for name, share in FAULTS.items() if self.faulty and self.random.random() < share), "")
        match fate:
            case "drop":
                events = []
            case "repeat":
                events = [event for event in events for _ in range(2)]
            case "swap" if self.stalling == 0:
                self.stalling = 1
            case "stall" if self.stalling == 0:
                self.stalling = self.random.randrange(5, 30)
            case "cut":
                self.stalled.clear()
                for socket in self.sockets.open:
                    socket.cut()
            case "shutdown":
                for socket in self.sockets.open:
                    socket.say({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}})
        if self.stalling:
            self.stalling -= 1
            self.stalled += events
            return []
        late, self.stalled = self.stalled, []
        return [*events, *late] if fate == "swap" else [*late, *events]


def _wire(levels: Levels) -> tuple[tuple[str, str], ...]:
    return tuple((f"{price:.8f}", f"{quantity:.8f}") for price, quantity in levels)


def _compare(followed: FollowedBook, oracle: Oracle) -> bool:
    """Whether the book is live; it must then be the engine's, down to what it says it knows."""
    if followed.state != "LIVE":
        assert followed.reason
        return False
    book = followed.book
    assert book.update_id >= oracle.unheard_id
    bids, asks = oracle.history[book.update_id]
    assert list(book.bids) == [level for level in bids if book.bids.known_to is None or level[0] >= book.bids.known_to]
    assert list(book.asks) == [level for level in asks if book.asks.known_to is None or level[0] <= book.asks.known_to]
    return True


@pytest.mark.parametrize("seed", range(20))
async def test_a_live_book_is_the_engines_book(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Every other book is shallow, so that the price leaves what a snapshot knew.
    monkeypatch.setattr("binance_spot_mcp.streams.books.LEVELS", 30 if seed % 2 else 1_000)
    oracle = Oracle(seed)
    async with oracle.running(), aclosing(oracle.sockets.streams(oracle.random.random)) as market:
        books = Books(market, oracle.snapshot, oracle.time.world(oracle.random.random))
        followed = books.hold(SYMBOL)
        live: list[bool] = []
        for _ in range(STEPS):
            await oracle.step(lambda: live.append(_compare(followed, oracle)))
        assert True in live
        assert False in live
        assert followed.book.losses > 0

        oracle.faulty, oracle.stalling = False, 0
        for _ in range(600):
            await oracle.step(lambda: live.append(_compare(followed, oracle)))
        assert live[-1]
        assert followed.book.update_id == oracle.update_id
        assert oracle.sockets.names == market.wanted == {STREAM}
        books.release(followed)
        await oracle.time.advance(1)
        assert oracle.sockets.open == []
