"""The market streams that this process wants: each once, on as few connections as possible, for as long as wanted.

Nothing connects before somebody holds a stream, and the last one to let go closes the last connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from binance_spot_mcp.catalogue.streams import Stream
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.lane import Lane
from binance_spot_mcp.streams.timing import NS, Pace, Timing
from binance_spot_mcp.streams.wire import Wire
from binance_spot_mcp.transport.socket import Dial, NoConnection
from binance_spot_mcp.transport.world import World

_USUAL = Timing()


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """How one connection is doing.

    Attributes:
        connected: Whether it is open.
        wanted: How many streams it should carry.
        carried: How many the exchange confirmed.
        failures: Failed attempts in a row.
        next_try_in_ms: When the next attempt is due, where it is not open.
        why: What went wrong last.
        replaced: How often it was replaced while it still worked.
        unreadable: Messages that were not of the documented form.
    """

    connected: bool
    wanted: int
    carried: int
    failures: int
    next_try_in_ms: int | None
    why: str
    replaced: int
    unreadable: int


class MarketStreams:
    """Market streams by name. It is used from one event loop.

    Args:
        address: Finds the URL of the combined streams, e.g. `wss://stream.binance.com:9443/stream`.
        dial: Opens a socket.
        world: Clocks, waiting and chance.
        timing: The figures by which connections are kept.
    """

    def __init__(
        self, address: Callable[[], Awaitable[str]], dial: Dial, world: World, timing: Timing = _USUAL
    ) -> None:
        self.timing = timing
        self._address = address
        self._open = dial
        self._world = world
        self._lanes: list[Lane] = []
        self._feeds: dict[str, tuple[Feed, Lane]] = {}
        self._attempts = Pace(timing.dials, timing.dials_per_s)
        self._dialling: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    # For readers

    def hold(self, stream: Stream) -> Feed:
        """Want a stream; every call needs a `release`. All who want one stream share one feed."""
        held = self._feeds.get(stream.name)
        if held is None:
            feed = Feed(stream, self.now_ns())
            lane = next((lane for lane in self._lanes if lane.has_room), None) or self._new_lane()
            self._feeds[stream.name] = feed, lane
            feed.holders = 1
            lane.add(feed)
            return feed
        feed, _ = held
        feed.holders += 1
        return feed

    def release(self, feed: Feed) -> None:
        """Want it no longer; the last one to say so ends the subscription."""
        feed.holders -= 1
        if feed.holders:
            return
        _, lane = self._feeds.pop(feed.stream.name)
        lane.remove(feed.stream.name)
        if not lane.feeds:
            self._lanes.remove(lane)
        if not self._lanes:
            self._stop_ticking()

    @contextmanager
    def held(self, stream: Stream) -> Iterator[Feed]:
        """Want a stream for as long as the block lasts."""
        feed = self.hold(stream)
        try:
            yield feed
        finally:
            self.release(feed)

    @property
    def wanted(self) -> frozenset[str]:
        """The names of all streams that somebody wants."""
        return frozenset(self._feeds)

    def status(self) -> list[LaneStatus]:
        """How each connection is doing."""
        now_ns = self.now_ns()
        return [
            LaneStatus(
                connected=lane.connected,
                wanted=len(lane.feeds),
                carried=len(lane.carried),
                failures=lane.backoff.failures,
                next_try_in_ms=None if lane.connected else max(0, lane.next_try_ns - now_ns) * 1000 // NS,
                why=lane.why,
                replaced=lane.replaced,
                unreadable=lane.unreadable,
            )
            for lane in self._lanes
        ]

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in self._lanes:
            lane.close()
        self._lanes.clear()
        self._feeds.clear()
        self._stop_ticking()
        for task in tuple(self._dialling):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    # For lanes

    def now_ns(self) -> int:
        """Monotonic time."""
        return self._world.monotonic_ns()

    def random(self) -> float:
        """A number from 0 up to 1."""
        return self._world.random()

    def dial(self, lane: Lane, wire: Wire) -> bool:
        """Begin to open a wire, unless so many attempts were made that it has to wait."""
        if not self._attempts.take(self.now_ns()):
            return False
        task = asyncio.get_running_loop().create_task(self._dial(lane, wire))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return True

    async def _dial(self, lane: Lane, wire: Wire) -> None:
        try:
            socket = await self._open(await self._address(), wire)
        except NoConnection as failure:
            lane.failed(wire, failure)
        except SpotError as failure:
            lane.failed(wire, NoConnection(failure.message))
        else:
            lane.opened(wire, socket)

    def _new_lane(self) -> Lane:
        lane = Lane(self)
        self._lanes.append(lane)
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick())
        return lane

    async def _tick(self) -> None:
        while True:
            await self._world.sleep(self.timing.tick_s)
            for lane in tuple(self._lanes):
                lane.tick()

    def _stop_ticking(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
