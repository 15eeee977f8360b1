"""The exchange's clock, as well as it can be known from here.

It runs on the monotonic clock; the wall clock is read once, at the start, so that a later step of it changes nothing.
The processes of one machine have the same monotonic clock, so one can take over what another has measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median_low

STALE_AFTER_MS = 600_000
"""Clocks drift apart; after this long the offset is measured again."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the exchange's clock: nanoseconds of the monotonic clock around it, and what it said.

    Attributes:
        sent_ns: When the request began to leave.
        received_ns: When the head of the answer was there.
        server_us: The exchange's time in epoch microseconds.
    """

    sent_ns: int
    received_ns: int
    server_us: int


class ServerClock:
    """Server time now, from the last measurement; the local clock's word until there is one.

    Args:
        monotonic_ns: A clock that never steps, in nanoseconds.
        wall_ns: Local time in epoch nanoseconds; read once.
    """

    def __init__(self, monotonic_ns: Callable[[], int], wall_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._start_ns = monotonic_ns()
        self._start_us = wall_ns() // 1000
        self._offset_us = 0
        self._round_trip_ns = 0
        self._measured_ns: int | None = None

    def now_us(self) -> int:
        """Server time in epoch microseconds."""
        return self._local_us(self._monotonic_ns()) + self._offset_us

    def now_ms(self) -> int:
        """Server time in epoch milliseconds."""
        return self.now_us() // 1000

    @property
    def offset_ms(self) -> int:
        """How far the exchange's clock is ahead of the local one as it stood at the start."""
        return self._offset_us // 1000

    @property
    def round_trip_ms(self) -> int:
        """The round trip of the last measurement; 0 before the first."""
        return self._round_trip_ns // 1_000_000

    @property
    def known(self) -> bool:
        """Whether the offset was ever measured."""
        return self._measured_ns is not None

    @property
    def zero_us(self) -> int:
        """What it says, in epoch microseconds, was the time when the monotonic clock stood at zero."""
        return self._start_us - self._start_ns // 1000 + self._offset_us

    def believe(self, zero_us: int) -> int:
        """Take the word of another process of this machine, and return by how many milliseconds that moved the clock.

        It is no measurement of our own: that remains due.
        """
        by_us = zero_us - self.zero_us
        self._offset_us += by_us
        return by_us // 1000

    @property
    def measured_ns(self) -> int | None:
        """Monotonic time of the last measurement; None before the first."""
        return self._measured_ns

    @property
    def due(self) -> bool:
        """Whether the offset should be measured (again)."""
        if self._measured_ns is None:
            return True
        return self._monotonic_ns() - self._measured_ns > STALE_AFTER_MS * 1_000_000

    def measured(self, samples: Sequence[Sample]) -> None:
        """Take a measurement: the server's time belongs to the midpoint of the round trip; of several, the median."""
        self._offset_us = median_low(
            sample.server_us - self._local_us((sample.sent_ns + sample.received_ns) // 2) for sample in samples
        )
        self._round_trip_ns = median_low(sample.received_ns - sample.sent_ns for sample in samples)
        self._measured_ns = self._monotonic_ns()

    def _local_us(self, monotonic_ns: int) -> int:
        return self._start_us + (monotonic_ns - self._start_ns) // 1000
