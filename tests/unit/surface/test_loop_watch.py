"""The event loop is watched, and a stand-still is told apart from a machine that runs somebody else."""

import asyncio
import logging

import pytest

from binance_spot_mcp.surface.loop_watch import LOOK_S, TELL_S, queued_ns, watch_loop
from binance_spot_mcp.transport.world import World

pytestmark = pytest.mark.anyio
_MS = 1_000_000


class Machine:
    """A clock that a sleep moves on, late where the script says so: by so much, of which so much was queueing."""

    def __init__(self, *late_ms: tuple[int, int]) -> None:
        self.now_ns = self.queued = 0
        self._late_ms = list(late_ms)

    async def sleep(self, seconds: float) -> None:
        if not self._late_ms:
            raise asyncio.CancelledError
        late_ms, queued_ms = self._late_ms.pop(0)
        self.now_ns += int(seconds * 1_000) * _MS + late_ms * _MS
        self.queued += queued_ms * _MS

    async def watch(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await watch_loop(World(monotonic_ns=lambda: self.now_ns, sleep=self.sleep), lambda: self.queued)


async def test_a_stand_still_is_a_warning_that_tells_how_long(caplog: pytest.LogCaptureFixture) -> None:
    await Machine((0, 0), (251, 0), (249, 0)).watch()
    assert [record.getMessage() for record in caplog.records] == [
        "event='the event loop stood still' ms=251 with_machine_ms=251"
    ]


async def test_time_in_which_the_machine_ran_somebody_else_is_no_stand_still(caplog: pytest.LogCaptureFixture) -> None:
    await Machine((400, 300), (400, 100)).watch()
    assert [record.getMessage() for record in caplog.records] == [
        "event='the event loop stood still' ms=300 with_machine_ms=400"
    ]


async def test_a_minute_is_summed_up_for_whoever_debugs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    looks = round(TELL_S / LOOK_S)
    await Machine(*[(2, 0)] * (looks - 2), (40, 20), (30, 0), *[(1, 0)] * (looks - 1)).watch()
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("surface")]
    assert line.startswith("event='event loop' worst_ms=30.0 p999_ms=")
    assert "with_machine_ms=40.0 tasks=" in line


def test_the_time_without_a_processor_never_falls() -> None:
    assert 0 <= queued_ns() <= queued_ns()
