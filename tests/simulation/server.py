"""The server as a process of the simulated machine: it can be called, stopped, and killed at any moment."""

import asyncio
import fcntl
from collections.abc import Mapping
from contextlib import closing, suppress
from contextvars import Context
from pathlib import Path
from random import Random
from typing import Any, Final

from pydantic import SecretStr
from tests.simulation.disk import Disk
from tests.simulation.machine import PROCESS, Machine, Process

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.calls import call
from binance_spot_mcp.surface.session import Session
from binance_spot_mcp.surface.toolbox import TOOLBOX
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.switch import RESUME, UNTIL, still_closed
from binance_spot_mcp.transport.world import World
from paper_exchange.running import Running

EPOCH_NS: Final = 1_767_225_600_000_000_000
"""When the machine is started."""

Answer = dict[str, Any]


def settings_of(exchange: Running, home: Path) -> Settings:
    """The settings of a server whose exchange this is."""
    return Settings(
        env="paper",
        base_url=exchange.rest,
        ws_base=exchange.ws,
        ws_api_base=exchange.ws_api,
        api_key=SecretStr(exchange.login.api_key),
        api_secret=SecretStr(exchange.login.api_secret),
        home=home,
    )


class Server:
    """One server after the other, over the same files.

    Args:
        machine: Where it runs.
        settings: The operator's settings.
        disk: Where its journal is.
        random: Its chance.

    Attributes:
        up: Set while it runs.
        wall_step_ns: How far the wall clock is from the machine's own, for servers that start now.
    """

    def __init__(self, machine: Machine, settings: Settings, disk: Disk, random: Random) -> None:
        self.up = asyncio.Event()
        self.wall_step_ns = 0
        self._machine = machine
        self._settings = settings
        self._disk = disk
        self._random = random
        self._process: Process | None = None
        self._session: Session | None = None
        self._gone: asyncio.Future[None] | None = None
        self._calls: dict[asyncio.Task[Any], None] = {}
        disk.kill = self._kill

    def start(self) -> None:
        """Start one."""
        process, wall_step_ns = Process(), self.wall_step_ns
        machine, random = self._machine, self._random
        world = World(
            monotonic_ns=lambda: machine.now_ns,
            wall_ns=lambda: EPOCH_NS + wall_step_ns + machine.now_ns,
            sleep=asyncio.sleep,
            random=random.random,
            new_id=lambda: f"{random.getrandbits(32):08x}",
            random_bytes=random.randbytes,
        )
        self._process = process
        self._gone = machine.create_future()
        self._session = Session(
            "paper", opener(self._settings, world=world, open_file=self._disk.open), name="simulated"
        )
        self.up.set()

    async def call(self, tool: str, arguments: Mapping[str, Any], *, patience_s: float | None = None) -> Answer | None:
        """Call a tool; None where the server has ended meanwhile, or the caller has left before the answer.

        Args:
            tool: Its name.
            arguments: Its arguments.
            patience_s: After how long the caller leaves.
        """
        await self.up.wait()
        session, gone = self._session, self._gone
        assert session is not None
        assert gone is not None
        calling = self._task(call(TOOLBOX[tool], arguments, session))
        self._calls[calling] = None
        calling.add_done_callback(lambda over: self._calls.pop(over, None))
        done, _ = await asyncio.wait({calling, gone}, return_when=asyncio.FIRST_COMPLETED, timeout=patience_s)
        if calling in done:
            return None if calling.cancelled() else calling.result().body
        if gone not in done:
            calling.cancel()
        return None

    async def stop(self) -> None:
        """End it as an operator does; who has called is not answered any more."""
        self.up.clear()
        for calling in tuple(self._calls):
            calling.cancel()
        session, gone = self._session, self._gone
        if session is None or gone is None:
            return
        ending = self._task(session.close())
        await asyncio.wait({ending, gone}, return_when=asyncio.FIRST_COMPLETED)
        self.kill(power=False)  # what has not ended by then ends with the process

    def kill(self, *, power: bool) -> None:
        """End it at once; with the power goes what was not durable."""
        self._kill()
        self._disk.lose_process(power=power)

    def reopen(self) -> None:
        """Open every gate that is closed, as an operator does from another process."""
        with closing(OperatorFile(self._settings.home / "state" / OPERATOR_FILE)) as operator:
            for account in dict.fromkeys(said.account for said in operator.read(None)):
                if closings := still_closed(operator.read(account)):
                    now_ms = (EPOCH_NS + self._machine.now_ns) // 1_000_000
                    operator.write(account, RESUME, data={UNTIL: closings[-1].number}, at_ms=now_ms)

    @property
    def desk(self) -> Desk | None:
        """What its tools work with, if that is open."""
        return self._session.opened if self._session is not None else None

    def now_ms(self) -> int:
        """The exchange's time as it knows it; 0 where nothing was asked of it yet."""
        return self.desk.streams.spot.clock.now_ms() if self.desk is not None else 0

    def intents(self) -> Intents | None:
        """What it knows of its orders, if it is ready to trade."""
        keeper = self._keeper()
        opening = keeper._opening if keeper is not None else None
        if opening is None or not opening.done() or opening.cancelled() or opening.exception():
            return None
        return opening.result().intents

    def _kill(self) -> None:
        self.up.clear()
        if self._process is None or not self._process.alive:
            return
        self._machine.kill(self._process)
        self._calls.clear()
        _unlock(self._settings.home)
        self._session = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _keeper(self) -> Keeper | None:
        desk = self.desk
        return desk.gate._keeper if desk is not None else None  # type: ignore[attr-defined]  # it is a real gate

    def _task(self, work: Any) -> "asyncio.Task[Any]":
        context = Context()
        context.run(PROCESS.set, self._process)
        return self._machine.create_task(work, context=context)


def _unlock(folder: Path) -> None:
    """Let go of every lock on a file below a folder, as the operating system does when a process ends."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            path = descriptor.readlink()
            if path.suffix == ".lock" and path.is_relative_to(folder):
                fcntl.flock(int(descriptor.name), fcntl.LOCK_UN)
