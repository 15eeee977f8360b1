"""Local order books that follow the exchange, for as long as somebody wants them.

A book takes its events from the fastest depth stream and its snapshots over REST, which waits for its turn in the rate
ledger like every other call. Whatever breaks the stream breaks the book at once; it comes back with a new snapshot.

Source: web-socket-streams.md#how-to-manage-a-local-order-book-correctly
"""

import asyncio
from collections.abc import Awaitable, Callable

from binance_spot_mcp.catalogue.market_events import DepthSnapshot
from binance_spot_mcp.catalogue.streams import DIFF_DEPTH, FAST, stream
from binance_spot_mcp.domain.local_book import BookState, LocalBook
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.market import MarketStreams
from binance_spot_mcp.streams.timing import NS, Backoff
from binance_spot_mcp.transport.world import World

LEVELS = 1_000
"""Levels a side of a snapshot: weight 50, a fifth of what the deepest costs. What lies beyond is not shown."""
ENOUGH = 20
"""With fewer known levels on a side that has more, a new snapshot is due."""
LOOK_S = 0.25
"""How often a book is looked at."""
QUIET_S = 2.0
"""A stream of 100 ms that says nothing for so long has nothing to say."""
RETRY_S, RETRY_MOST_S = 0.5, 30.0

Snapshot = Callable[[str, int], Awaitable[DepthSnapshot]]
"""Gets a symbol's book with so many levels a side, or raises a `SpotError`."""


class FollowedBook:
    """A symbol's book and what keeps it.

    Attributes:
        symbol: In upper case.
        book: The levels.
        feed: Where its events come from.
        snapshots: How many snapshots it took.
        holders: How many want it.
    """

    def __init__(self, symbol: str, feed: Feed, snapshot: Snapshot, world: World) -> None:
        self.symbol = symbol
        self.book = LocalBook()
        self.feed = feed
        self.snapshots = 0
        self.holders = 0
        self._snapshot = snapshot
        self._world = world
        self._backoff = Backoff(RETRY_S, RETRY_MOST_S, world.random)
        self._last_id: int | None = None
        self._following = asyncio.get_running_loop().create_task(self._follow())
        feed.listen(self.book.apply)
        feed.watch(self._check_feed)

    @property
    def state(self) -> BookState:
        """What to think of the levels: a book is no better than the stream that feeds it."""
        if self.book.state == "LIVE" and self.feed.state != "LIVE":
            return "STALE"
        return self.book.state

    @property
    def reason(self) -> str:
        """Why it is not live; empty when it is."""
        return self.book.reason or (self.feed.why if self.feed.state != "LIVE" else "")

    @property
    def age_ms(self) -> int | None:
        """Since when nothing has come; None where nothing ever came."""
        heard_ns = self.feed.heard_ns
        return None if heard_ns is None else (self._world.monotonic_ns() - heard_ns) * 1000 // NS

    def stop(self) -> None:
        """Follow no longer."""
        self.feed.unlisten(self.book.apply)
        self.feed.unwatch(self._check_feed)
        self._following.cancel()

    def _check_feed(self) -> None:
        """A break in the stream is a break in the book."""
        if self.feed.state in {"PENDING", "DOWN", "REFUSED"}:
            self.book.lose(self.feed.why)
            self._last_id = None

    async def _follow(self) -> None:
        while True:
            if self.feed.state in {"LIVE", "STALE"}:
                await self._tend()
            await self._world.sleep(LOOK_S)

    async def _tend(self) -> None:
        if self.book.state == "LIVE" and self._thin():
            self.book.lose("few of the levels that the snapshot knew are left")
        if self.book.needs_snapshot and (self.feed.heard_ns or 0) < self.feed.since_ns:
            # An event to link up with is worth a moment's patience: a snapshot older than it would be of no use.
            await self._world.sleep(LOOK_S)
        if self.book.needs_snapshot or (self.book.state != "LIVE" and self._is_quiet()):
            await self._load()

    def _is_quiet(self) -> bool:
        now_ns = self._world.monotonic_ns()
        return now_ns - max(self.feed.since_ns, self.feed.heard_ns or 0) > QUIET_S * NS

    def _thin(self) -> bool:
        sides = (self.book.bids, self.book.asks)
        return any(side.known_to is not None and len(side.top(ENOUGH)) < ENOUGH for side in sides)

    async def _load(self) -> None:
        """Take a snapshot. Of a quiet stream a second one that is no newer proves that nothing is outstanding."""
        quiet, breaks = self._is_quiet(), self.feed.gap_count
        try:
            snapshot = await self._snapshot(self.symbol, LEVELS)
        except SpotError as failure:
            self.book.reason = f"no snapshot: {failure.message}"
            await self._world.sleep(self._backoff.failed())
            return
        self.snapshots += 1
        if self.feed.gap_count != breaks:
            return  # it belongs to events that were never heard
        if not self.book.load(snapshot, LEVELS):
            await self._world.sleep(self._backoff.failed())
            return
        self._backoff.succeeded()
        if quiet and self._last_id == snapshot.last_update_id:
            self.book.confirm()
        self._last_id = snapshot.last_update_id


class Books:
    """The books that this process follows, one a symbol.

    Args:
        market: Where events come from.
        snapshot: Where snapshots come from.
        world: Clocks, waiting and chance.
    """

    def __init__(self, market: MarketStreams, snapshot: Snapshot, world: World) -> None:
        self._market = market
        self._snapshot = snapshot
        self._world = world
        self._books: dict[str, FollowedBook] = {}

    def hold(self, symbol: str) -> FollowedBook:
        """Want a symbol's book; every call needs a `release`."""
        book = self._books.get(symbol)
        if book is None:
            feed = self._market.hold(stream(DIFF_DEPTH, symbol, FAST))
            book = self._books[symbol] = FollowedBook(symbol, feed, self._snapshot, self._world)
        book.holders += 1
        return book

    def release(self, book: FollowedBook) -> None:
        """Want it no longer; the last one to say so ends the following."""
        book.holders -= 1
        if not book.holders:
            del self._books[book.symbol]
            book.stop()
            self._market.release(book.feed)

    def __contains__(self, symbol: str) -> bool:
        """Whether a symbol's book is followed."""
        return symbol in self._books

    def __getitem__(self, symbol: str) -> FollowedBook:
        """The book of a symbol that is followed."""
        return self._books[symbol]

    def close(self) -> None:
        """Follow nothing any more."""
        for book in self._books.values():
            book.stop()
        self._books.clear()
