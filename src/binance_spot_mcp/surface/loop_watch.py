"""Watches the event loop: every call and every stream of this process waits while it stands still.

A stand-still above a quarter of a second is a warning in the log; once a minute a line at DEBUG says how the loop did.
Time in which the thread was ready to run, but the machine ran somebody else, is taken off, and told beside it.
"""

import asyncio
import statistics
from collections.abc import Callable
from pathlib import Path

from binance_spot_mcp.logs import logger
from binance_spot_mcp.transport.world import World

LOOK_S = 0.1
STALL_MS = 250.0
"""From here on a stand-still is worth a warning."""
TELL_S = 60.0
_NS_PER_MS = 1_000_000
_SCHEDULED = Path("/proc/thread-self/schedstat")

_log = logger("surface")


def queued_ns() -> int:
    """For how long in all this thread was ready to run without a processor; 0 where the system does not tell."""
    try:
        return int(_SCHEDULED.read_bytes().split()[1])
    except (OSError, IndexError):
        return 0


async def watch_loop(world: World | None = None, queued: Callable[[], int] = queued_ns) -> None:
    """Watch the running loop until cancelled. A stand-still that begins between two looks is seen up to a look shorter.

    Args:
        world: Clocks and waiting.
        queued: See `queued_ns`.
    """
    world = world or World()
    stood_ms: list[float] = []
    worst_late_ms = 0.0
    seen, seen_queued = world.monotonic_ns(), queued()
    while True:
        await world.sleep(LOOK_S)
        now, now_queued = world.monotonic_ns(), queued()
        late_ms = max(0.0, (now - seen) / _NS_PER_MS - LOOK_S * 1_000)
        worst_late_ms = max(worst_late_ms, late_ms)
        stood_ms.append(max(0.0, late_ms - (now_queued - seen_queued) / _NS_PER_MS))
        seen, seen_queued = now, now_queued
        if stood_ms[-1] > STALL_MS:
            _log.warning("the event loop stood still", ms=round(stood_ms[-1]), with_machine_ms=round(late_ms))
        if len(stood_ms) * LOOK_S >= TELL_S:
            _log.debug(
                "event loop",
                worst_ms=round(max(stood_ms), 1),
                p999_ms=round(statistics.quantiles(stood_ms, n=1_000, method="inclusive")[-1], 1),
                with_machine_ms=round(worst_late_ms, 1),
                tasks=len(asyncio.all_tasks()),
            )
            stood_ms.clear()
            worst_late_ms = 0.0
