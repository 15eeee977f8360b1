"""One run: an agent and its server while things go wrong, and then while they do not."""

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.simulation.agent import SYMBOLS, Agent, Made
from tests.simulation.chaos import Chaos
from tests.simulation.disk import Disk
from tests.simulation.laws import Broken, Laws
from tests.simulation.machine import Machine, Stuck
from tests.simulation.server import EPOCH_NS, Server, settings_of

from binance_spot_mcp.settings import Settings
from binance_spot_mcp.trading.journal.file import fingerprint, journal_path, read_journal
from paper_exchange.clock import RealClock
from paper_exchange.options import Options
from paper_exchange.running import running

STEPS: Final = 25
SETTLED_S: Final = 60
"""So long after the last fault everything is decided (I28)."""
_MOST_HELD_S: Final = 1200
_LOOKS: Final = 12
_ROOMS: Final = ("binance_spot_mcp", "paper_exchange", "asyncio")
_SHARED_MEMORY: Final = Path("/dev/shm")


@dataclass(slots=True)
class Run:
    """What came of a run.

    Attributes:
        seed: Of everything.
        failure: The law that was broken, if one was.
        calls: What the agent did, and what it was told.
        journal: The rows of the journal, as text.
        story: What went wrong, and when.
        seconds: How long it took by the clock of the machine.
    """

    seed: int
    failure: str = ""
    calls: list[Made] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    story: list[tuple[float, str]] = field(default_factory=list)
    seconds: float = 0

    @property
    def digest(self) -> str:
        """What two runs of the same seed have in common."""
        everything = [[repr(call) for call in self.calls], self.journal, self.story, self.failure]
        return sha256(json.dumps(everything).encode()).hexdigest()


def simulate(seed: int, steps: int = STEPS) -> Run:
    """Run a seed."""
    run, machine = Run(seed), Machine(seed)
    folder = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as home, _exceptions() as logged:
        try:
            machine.run(_lived(run, machine, Path(home), steps))
        except Stuck as stuck:
            run.failure = f"at {machine.time():.3f} s: {stuck}"
        strays = [*logged, *(str(crash) for crash in machine.crashes)]
        if strays:
            run.failure += "".join(f"\nsomething crashed: {stray}" for stray in strays[:3])
    run.seconds = machine.time()
    return run


async def _lived(run: Run, machine: Machine, home: Path, steps: int) -> None:
    clock = RealClock(wall_ns=lambda: EPOCH_NS + machine.now_ns, monotonic_ns=lambda: machine.now_ns)
    options = Options(seed=run.seed, memory=True, limit_factor=10)
    async with running(options, clock) as exchange:
        settings = settings_of(exchange, home)
        disk = Disk(Random(f"disk {run.seed}"), lambda: machine.now_ns)
        server = Server(machine, settings, disk, Random(f"server {run.seed}"))
        agent = Agent(server, exchange, Random(f"agent {run.seed}"))
        chaos = Chaos(machine, exchange, server, disk, Random(f"chaos {run.seed}"))
        run.calls, run.story = agent.made, chaos.story
        journal = _journal(settings)
        laws = Laws(exchange, server, disk, agent, journal)
        server.start()
        try:
            await _unsafe_half(agent, chaos, laws, Random(f"pauses {run.seed}"), steps)
            await _safe_half(server, agent, laws, restart=disk.has_failed)
        except Broken as broken:
            run.failure = f"at {machine.time():.3f} s: {broken}"
        finally:
            await server.stop()
        run.journal = [str(record.row) for record in read_journal(journal).records]


async def _unsafe_half(agent: Agent, chaos: Chaos, laws: Laws, pauses: Random, steps: int) -> None:
    """Random calls, random faults; the laws hold after each call."""
    reigning = asyncio.create_task(chaos.reign())
    try:
        for _ in range(steps):
            await asyncio.sleep(pauses.random() ** 3 * 8)
            await agent.act()
            laws.check()
            if reigning.done():
                reigning.result()
    finally:
        reigning.cancel()
        await asyncio.wait({reigning})
    await chaos.end()


async def _safe_half(server: Server, agent: Agent, laws: Laws, *, restart: bool) -> None:
    """No faults; in good time everything is decided, and known as it is."""
    if restart:  # an operator has looked at the disk
        await server.stop()
        server.start()
    await agent.ask("reconcile_orders")
    await agent.ask("subscribe_to_user_stream")
    await agent.ask("subscribe_to_depth_stream", symbol=SYMBOLS[0])
    held_s = await _held_s(agent, server)
    for _ in range(_LOOKS):
        await asyncio.sleep((SETTLED_S + min(held_s, _MOST_HELD_S)) / _LOOKS)
        laws.check()
    last = await agent.ask("reconcile_orders")
    if last is None or not last["ok"]:
        raise Broken(f"I28: {last}")
    await asyncio.sleep(5)
    laws.check_settled()
    listed = await agent.ask("list_streams")
    streams = _rows(listed["subscriptions"]) if listed is not None and listed["ok"] else [{}]
    if not all(stream.get("state") == "LIVE" and stream.get("book") in {None, "LIVE"} for stream in streams):
        raise Broken(f"I28: streams and books are live: {listed}")


async def _held_s(agent: Agent, server: Server) -> float:
    """How long the exchange's own words keep the server silent."""
    limits = await agent.ask("get_rate_limits")
    if limits is None or not limits["ok"]:
        raise Broken(f"the ledger cannot be read: {limits}")
    return max((float(hold["until_ms"]) - server.now_ms() for hold in _rows(limits["holds"])), default=0.0) / 1000


def _rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a table, whose columns are named once if there are any."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]] if table else []


def _journal(settings: Settings) -> Path:
    key = settings.api_key
    assert key is not None
    return journal_path(settings.home / "state", settings.env, fingerprint(key.get_secret_value()))


class _Crashes(logging.Handler):
    """Keeps what is logged of crashes."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info or any(word in text for word in ("crashed", "exc_info", "proved absent exists")):
            self.told.append(self.format(record))


@contextmanager
def _exceptions() -> Iterator[list[str]]:
    """What is logged of crashes, by the server or the exchange; nothing else is shown."""
    crashes = _Crashes()
    rooms: dict[logging.Logger, logging.Handler] = {logging.getLogger(name): crashes for name in _ROOMS}
    rooms[logging.getLogger("uvicorn.error")] = logging.NullHandler()  # it says whom it does not wait for
    propagated = {room: room.propagate for room in rooms}
    for room, handler in rooms.items():
        room.addHandler(handler)
        room.propagate = False
    try:
        yield crashes.told
    finally:
        for room, handler in rooms.items():
            room.removeHandler(handler)
            room.propagate = propagated[room]
