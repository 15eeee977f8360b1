"""The market streams that this process wants: each once, on as few connections as possible, for as long as wanted.

Nothing connects before somebody holds a stream, and the last one to let go closes the last connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from binance_spot_mcp.catalogue.streams import Stream
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.lane import Lane, LaneStatus
from binance_spot_mcp.streams.market_wire import MarketWire
from binance_spot_mcp.streams.network import SocketNetwork
from binance_spot_mcp.streams.timing import Timing
from binance_spot_mcp.streams.wire import Dial
from binance_spot_mcp.transport.world import World

_USUAL = Timing()


class MarketStreams:
    """Market streams by name.

    Args:
        dial: Opens a socket to the combined streams.
        world: Clocks, waiting and chance.
        timing: The figures by which connections are kept.
    """

    def __init__(self, dial: Dial, world: World, timing: Timing = _USUAL) -> None:
        self._network = SocketNetwork(dial, world, timing)
        self._feeds: dict[str, tuple[Feed, Lane]] = {}
        self._numbered_to: dict[str, int] = {}
        """The last number of streams that were given up, so that none is ever given twice."""

    def hold(self, stream: Stream) -> Feed:
        """Want a stream; every call needs a `release`. All who want one stream share one feed."""
        held = self._feeds.get(stream.name)
        if held is None:
            feed = Feed(stream, self._network.now_ns(), seq=self._numbered_to.get(stream.name, 0))
            held = feed, self._lane_with_room()
            self._feeds[stream.name] = held
            held[1].add(held[0])
        held[0].holders += 1
        return held[0]

    def release(self, feed: Feed) -> None:
        """Want it no longer; the last one to say so ends the subscription."""
        feed.holders -= 1
        if feed.holders:
            return
        _, lane = self._feeds.pop(feed.stream.name)
        self._numbered_to[feed.stream.name] = feed.seq
        lane.remove(feed.stream.name)
        if not lane.feeds:
            self._network.remove(lane)

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
        return [lane.status() for lane in self._network.lanes]

    async def aclose(self) -> None:
        """Close every connection."""
        await self._network.aclose()

    def _lane_with_room(self) -> Lane:
        lane = next((lane for lane in self._network.lanes if lane.has_room), None)
        if lane is None:
            lane = Lane(self._network, MarketWire)
            self._network.add(lane)
        return lane
