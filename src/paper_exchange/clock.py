"""What time it is on the exchange: real, accelerated, or moved by hand. Times are microseconds since the epoch."""

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol

_NS_PER_US = 1_000
_US_PER_MS = 1_000
_US_PER_S = 1_000_000


class Clock(Protocol):
    """A time that never goes back, and a way to wait for one."""

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        ...

    async def sleep_until(self, at_us: int) -> None:
        """Return once it is `at_us` or later; at once when it already is."""
        ...


class RealClock:
    """The machine's time: its wall clock is read once, its monotonic clock from then on.

    A wall clock that is set back or forth while the exchange runs therefore changes nothing.
    """

    def __init__(
        self, *, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_minus_monotonic_ns = wall_ns() - monotonic_ns()

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return (self._wall_minus_monotonic_ns + self._monotonic_ns()) // _NS_PER_US

    async def sleep_until(self, at_us: int) -> None:
        """Return once it is `at_us` or later."""
        while (left_us := at_us - self.now_us()) > 0:  # noqa: ASYNC110 - a timer, which may fire a little early
            await asyncio.sleep(left_us / _US_PER_S)


class AcceleratedClock:
    """Another clock's time, running `factor` times as fast from `start_us` on.

    Raises:
        ValueError: `factor` is not positive.
    """

    def __init__(self, factor: float, *, base: Clock | None = None, start_us: int | None = None) -> None:
        if not factor > 0:
            raise ValueError(f"a clock must run forward: factor {factor} is not positive")
        self._factor = factor
        self._base = base if base is not None else RealClock()
        self._base_start_us = self._base.now_us()
        self._start_us = self._base_start_us if start_us is None else start_us

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return self._start_us + int((self._base.now_us() - self._base_start_us) * self._factor)

    async def sleep_until(self, at_us: int) -> None:
        """Return once it is `at_us` or later."""
        while (left_us := at_us - self.now_us()) > 0:
            # At least a microsecond, or rounding could spin without the base clock moving.
            await self._base.sleep_until(self._base.now_us() + max(int(left_us / self._factor), 1))


class VirtualClock:
    """A time that stands still until `advance` moves it. Waiters wake in the order of their times.

    Every waiter sees the time it waited for, and gets a turn of the event loop before time goes on; what it starts
    in that turn and does not finish is overtaken by the clock.
    """

    def __init__(self, start_us: int) -> None:
        self._now_us = start_us
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return self._now_us

    async def sleep_until(self, at_us: int) -> None:
        """Return once `advance` has reached `at_us`."""
        if at_us > self._now_us:
            waiter = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiters, (at_us, next(self._arrivals), waiter))
            await waiter

    async def advance(self, by_us: int) -> int:
        """Move time forward and wake whoever waited for it; returns the new time.

        Raises:
            ValueError: `by_us` is negative.
        """
        if by_us < 0:
            raise ValueError(f"time cannot go back: {by_us} us")
        target_us = self._now_us + by_us
        while self._waiters and self._waiters[0][0] <= target_us:
            at_us, _, waiter = heapq.heappop(self._waiters)
            if not waiter.done():  # its task may have been cancelled
                self._now_us = max(self._now_us, at_us)
                waiter.set_result(None)
                await asyncio.sleep(0)
        self._now_us = max(self._now_us, target_us)  # a waiter may have advanced it further
        return self._now_us


class ShiftedClock:
    """Another clock's time, moved by an amount that may change.

    Who sleeps already is woken when the other clock says so, which is late by what the time was moved ahead meanwhile.

    Attributes:
        shift_us: By how much it is ahead.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self.shift_us = 0

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        return self._base.now_us() + self.shift_us

    async def sleep_until(self, at_us: int) -> None:
        """Return once it is `at_us` or later."""
        while at_us > self.now_us():
            await self._base.sleep_until(at_us - self.shift_us)


def chosen(text: str, machine: Clock | None = None) -> Clock:
    """The clock that a text names: `real`, `x60`, `virtual` or `virtual@1767225600000` (the milliseconds it starts at).

    Args:
        text: The name.
        machine: The machine's own clock, which `real` means and the others begin with.

    Raises:
        ValueError: It names none.
    """
    machine = machine or RealClock()
    kind, at, start_ms = text.partition("@")
    try:
        if kind == "real" and not at:
            return machine
        if kind == "virtual":
            return VirtualClock(int(start_ms) * _US_PER_MS if at else machine.now_us())
        if kind.startswith("x") and not at:
            return AcceleratedClock(float(kind[1:]), base=machine)
    except ValueError as error:
        raise ValueError(f"{text!r} is no clock: {error}") from error
    raise ValueError(f"{text!r} is no clock: say real, virtual, virtual@MILLISECONDS, or x and a factor")
