"""A machine that is simulated: time, network, threads and processes, as an event loop.

Its time stands still while anything can happen, and jumps to the next timer when nothing can. Sockets lie in memory
(`network`), and what would run in a thread runs a little later in the turn of the loop. So whatever is built on asyncio
runs here as it is, its libraries included, and a run is decided by the seed alone.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from math import ceil
from random import Random
from typing import Any, Final, TypeVar

from tests.simulation.network import Network

T = TypeVar("T")

_NS: Final = 1_000_000_000
_THREAD_S: Final = 0.002
"""What runs in a thread is done after up to so many seconds."""
_TURNS: Final = 100_000
"""So many turns of the loop never fit into one moment."""
_CLEANED_UP_S: Final = 60
"""What is left at the end is cancelled, and again after so long."""


class Stuck(Exception):
    """Nothing goes on: everybody waits for nothing, or somebody does not let the time pass."""


class Process:
    """A part of what runs on the machine, that can be killed as a whole.

    Attributes:
        alive: Whether it runs.
    """

    def __init__(self) -> None:
        self.alive = True
        self._held: list[asyncio.Handle] = []
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def began(self, task: "asyncio.Task[Any]") -> None:
        """Keep a task, so that it is not cleaned up like one that nobody needs when the process is killed."""
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    def hold(self, handle: asyncio.Handle) -> None:
        """Keep what would have run, had it not been killed."""
        self._held.append(handle)

    def bury(self) -> list[asyncio.Handle]:
        """Let go of what was kept; the run is over, and its tasks may end."""
        self.alive = True
        held, self._held = self._held, []
        return held


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process that runs now. Tasks, timers and connections belong to the one that made them."""


class _Patience(selectors.SelectSelector):
    """Waits for nothing: it says how long there would be to wait, and that nothing came."""

    def __init__(self, passing: Callable[[float], None]) -> None:
        super().__init__()
        self._passing = passing
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("everybody waits for nothing")
        self._turns = 0 if timeout > 0 else self._turns + 1
        if self._turns > _TURNS:
            self._turns = 0
            raise Stuck("somebody is busy without end")
        self._passing(timeout)
        return []


class Machine(asyncio.SelectorEventLoop):
    """See the module.

    Args:
        seed: Decides how long everything takes.

    Attributes:
        now_ns: Nanoseconds since the machine was started.
        network: The connections on it.
        crashes: What nobody caught.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, seed: int) -> None:
        self.now_ns = 0
        self.crashes: list[dict[str, Any]] = []
        super().__init__(_Patience(self._pass))
        self._random = Random(f"machine {seed}")
        self.network = Network(self, Random(f"network {seed}"))
        self._killed: list[Process] = []
        self.set_exception_handler(lambda _, context: self.crashes.append(context))

    def time(self) -> float:
        """Seconds since the machine was started."""
        return self.now_ns / _NS

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end, and everything that it has left behind."""
        asyncio.set_event_loop(self)
        try:
            return self.run_until_complete(work)
        finally:
            try:
                self._clean_up()
            finally:
                asyncio.set_event_loop(None)
                self.network.close()
                self.close()

    def kill(self, process: Process) -> None:
        """End a process at once: not one more step of it is taken, and its connections break."""
        process.alive = False
        self._killed.append(process)
        for handle in [handle for handle in self._ready if _owner(handle) is process]:
            self._ready.remove(handle)
            process.hold(handle)
        for timer in [timer for timer in self._scheduled if _owner(timer) is process]:
            timer.cancel()
        self.network.cut_off(process)

    def _clean_up(self) -> None:
        for process in self._killed:
            self._ready.extend(process.bury())
        while left := asyncio.all_tasks(self):
            for task in left:
                task.cancel()
            self.run_until_complete(asyncio.wait(left, timeout=_CLEANED_UP_S))
        self.run_until_complete(self.shutdown_asyncgens())

    # What an event loop does

    def call_soon(  # type: ignore[override]  # likewise
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        process = _owner(handle)
        if process is not None and not process.alive:
            self._ready.remove(handle)
            process.hold(handle)
        return handle

    def create_task(  # type: ignore[override]  # typed as what it is called with
        self, coro: Any, *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        if context is not None and PROCESS not in context:
            context.run(PROCESS.set, PROCESS.get())
        task: asyncio.Task[Any] = super().create_task(coro, name=name, context=context)
        process = PROCESS.get() if context is None else context[PROCESS]
        if process is not None:
            process.began(task)
        return task

    def run_in_executor(  # type: ignore[override]  # likewise
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        done: asyncio.Future[T] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001  # whoever waits gets it
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self.call_later(self._random.random() * _THREAD_S, work)
        return done

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        return await self.network.connect(protocol_factory, host, port)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        return self.network.listen(protocol_factory, host, port)

    def _pass(self, seconds: float) -> None:
        if seconds > 0:
            self.now_ns += ceil(seconds * _NS)


def _owner(handle: asyncio.Handle) -> Process | None:
    context: Context = handle._context  # type: ignore[attr-defined]  # every handle has one
    return context.get(PROCESS)
