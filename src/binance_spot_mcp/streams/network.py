"""How connections are opened: one attempt at a time for each wire, all of them within a share of the exchange's limit,
and everything looked at a few times a second for as long as there is a lane.
"""

import asyncio
from contextlib import suppress

from binance_spot_mcp.streams.lane import Lane
from binance_spot_mcp.streams.timing import Pace, Timing
from binance_spot_mcp.streams.wire import Dial, NoConnection, Wire
from binance_spot_mcp.transport.world import World


class SocketNetwork:
    """Opens wires and lets lanes act. It is used from one event loop.

    Args:
        dial: Opens a socket.
        world: Clocks, waiting and chance.
        timing: The figures by which connections are kept.
    """

    def __init__(self, dial: Dial, world: World, timing: Timing) -> None:
        self.timing = timing
        self.lanes: list[Lane] = []
        self._open = dial
        self._world = world
        self._attempts = Pace(timing.dials, timing.dials_per_s)
        self._dialling: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def now_ns(self) -> int:
        """Monotonic time."""
        return self._world.monotonic_ns()

    def random(self) -> float:
        """A number from 0 up to 1."""
        return self._world.random()

    def add(self, lane: Lane) -> None:
        """Let a lane act from now on."""
        self.lanes.append(lane)
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick())

    def remove(self, lane: Lane) -> None:
        """Close a lane; one that is closed already stays so."""
        lane.close()
        if lane in self.lanes:
            self.lanes.remove(lane)
        if not self.lanes:
            self._stop_ticking()

    def dial(self, lane: Lane, wire: Wire) -> bool:
        """Begin to open a wire, unless so many attempts were made that it has to wait."""
        if not self._attempts.take(self.now_ns()):
            return False
        task = asyncio.get_running_loop().create_task(self._dial(lane, wire))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return True

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in tuple(self.lanes):
            self.remove(lane)
        for task in tuple(self._dialling):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _dial(self, lane: Lane, wire: Wire) -> None:
        try:
            socket = await self._open(wire)
        except NoConnection as failure:
            lane.failed(wire, failure)
        else:
            lane.opened(wire, socket)

    async def _tick(self) -> None:
        while True:
            await self._world.sleep(self.timing.tick_s)
            for lane in tuple(self.lanes):
                lane.tick()

    def _stop_ticking(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
