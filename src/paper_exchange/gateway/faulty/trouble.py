"""Faults that befall more than one answer or message: the clock, the ports, the symbols, the accounts, the process."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from paper_exchange.clock import ShiftedClock
from paper_exchange.control import Control
from paper_exchange.engine.events import Event, OrderReport
from paper_exchange.engine.refusal import Refusal
from paper_exchange.faults import effects
from paper_exchange.faults.belt import drawn_ms
from paper_exchange.faults.plan import Plan, Standing, Struck
from paper_exchange.faults.rules import BadRule, Occasion, Rule, Where
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.oracle import Oracle, Request

US_PER_MS = 1_000


class Port(Protocol):
    """A port that can be closed for a while."""

    async def refuse(self) -> None:
        """Reset every connection and refuse new ones, until `open`."""
        ...

    async def open(self) -> None:
        """Listen again."""
        ...


def kill_this_process() -> None:
    """End at once, without a chance to tidy up."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows knows only the latter, as abrupt


class Trouble:
    """Carries faults out, and lifts them when their rule is removed.

    Args:
        is_kept: Whether there is a disk to fail.
        kill: Ends the process.

    Attributes:
        ports: What `refuse` closes, by where.
        on_sockets: Does to all connections at once what a rule says.
    """

    def __init__(
        self,
        plan: Plan,
        oracle: Oracle,
        control: Control,
        venue: Venue,
        clock: ShiftedClock,
        *,
        is_kept: bool = False,
        kill: Callable[[], None] = kill_this_process,
    ) -> None:
        self.plan = plan
        self.oracle = oracle
        self.clock = clock
        self.ports: dict[Where, Port] = {}
        self.on_sockets: Callable[[Struck], None] | None = None
        self._control = control
        self._venue = venue
        self._is_kept = is_kept
        self._kill = kill
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed_ports: dict[str, Port] = {}
        self._skews_us: dict[str, int] = {}
        self._placed: set[int] | None = None
        venue.exchange.listen(self._hear)

    # Rules

    async def add(self, rule: Rule) -> Rule:
        """Put a rule in force, and do what it says where it waits for nothing; returns it with its id.

        Raises:
            BadRule: It could never act here.
        """
        if rule.where in {"disk", "process"} and not self._is_kept:
            raise BadRule(f"nothing happens to the {rule.where}: this exchange is kept in memory alone")
        if isinstance(rule.effect, effects.Filters | effects.SymbolStatus):
            try:
                self._venue.exchange.engine.symbol(rule.effect.symbol)
            except Refusal as error:
                raise BadRule(f"{rule.effect.symbol} is not listed") from error
        rule = self.plan.add(rule)
        if rule.acts_at_once:
            struck = self.plan.at_once(rule)
            self.oracle.struck(struck, Occasion(rule.where))
            await self.upset(struck)
        return rule

    async def remove(self, rule_id: str) -> bool:
        """Take a rule out of force and undo what stands: a closed port, a skewed clock. False when there is none."""
        if self.plan.remove(rule_id) is None:
            return False
        self.clock.shift_us -= self._skews_us.pop(rule_id, 0)
        await self._reopen(rule_id)
        return True

    def standing(self) -> list[Standing]:
        """Every rule with its counts."""
        return self.plan.standing()

    def close(self) -> None:
        """Leave off whatever is still to be done."""
        for task in self._tasks:
            task.cancel()

    # Deeds

    async def upset(self, struck: Struck) -> None:
        """Do what a rule says to the exchange as a whole."""
        match struck.effect:
            case effects.Refuse(ms=ms):
                await self._refuse(struck.rule, ms)
            case effects.ClockStep(ms=ms):
                self.clock.shift_us += ms * US_PER_MS
            case effects.Skew(ms=ms):
                self._skews_us[struck.rule.id] = ms * US_PER_MS
                self.clock.shift_us += ms * US_PER_MS
            case effects.Filters(symbol=symbol, filters=filters):
                self._control.set_filters(symbol, filters)
            case effects.SymbolStatus(symbol=symbol, status=status):
                self._control.set_symbol_status(symbol, status)
            case effects.ResetVenue():
                self._control.reset()
            case effects.Kill():
                self._kill()
            case _ if self.on_sockets is not None:
                self.on_sockets(struck)

    @contextmanager
    def carrying_out(self, request: Request, struck: Struck | None = None) -> Iterator[None]:
        """While the exchange does what a request asks."""
        with self.oracle.causing(request), nullcontext() if struck is None else self._around(struck):
            yield

    async def pause(self, delay: effects.Delay, struck: Struck) -> None:
        """Wait as long as a delay says."""
        await self.clock.sleep_until(self.clock.now_us() + drawn_ms(delay, struck) * US_PER_MS)

    def later(self, after_ms: int, deed: Callable[[], None]) -> None:
        """Do something when that time has passed."""

        async def wait() -> None:
            await self.clock.sleep_until(at_us)
            deed()

        at_us = self.clock.now_us() + after_ms * US_PER_MS
        self.beside(wait())

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Let work go on beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _around(self, struck: Struck) -> AbstractContextManager[None]:
        match struck.effect:
            case effects.Skew(ms=ms):
                return self._skewed(ms * US_PER_MS)
            case effects.QueryLag(ms=ms):
                return self._hiding(ms * US_PER_MS)
            case _:
                return nullcontext()

    @contextmanager
    def _skewed(self, by_us: int) -> Iterator[None]:
        self.clock.shift_us += by_us
        try:
            yield
        finally:
            self.clock.shift_us -= by_us

    @contextmanager
    def _hiding(self, for_us: int) -> Iterator[None]:
        placed = self._placed = set[int]()
        try:
            yield
        finally:
            self._placed = None
        self._venue.curtain.draw(placed, self.clock.now_us() + for_us)

    def _hear(self, events: Iterable[Event]) -> None:
        if self._placed is not None:
            self._placed.update(event.order.order_id for event in events if isinstance(event, OrderReport))

    async def _refuse(self, rule: Rule, for_ms: int | None) -> None:
        port = self._closed_ports[rule.id] = self.ports[rule.where]
        await port.refuse()
        if for_ms is not None:
            self.beside(self._reopen_after(rule.id, for_ms))

    async def _reopen_after(self, rule_id: str, ms: int) -> None:
        await self.clock.sleep_until(self.clock.now_us() + ms * US_PER_MS)
        await self._reopen(rule_id)

    async def _reopen(self, rule_id: str) -> None:
        port = self._closed_ports.pop(rule_id, None)
        if port is not None and port not in self._closed_ports.values():
            await port.open()
