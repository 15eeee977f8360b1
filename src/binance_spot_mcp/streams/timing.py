"""How often and how long: the figures by which connections are kept, and the two ways of holding back.

Source: web-socket-streams.md#general-wss-information for the exchange's own limits.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """The figures, in seconds where they are times.

    Attributes:
        tick_s: How often everything is looked at.
        most_streams: Streams of one connection; the exchange's own limit.
        batch: Names in one SUBSCRIBE.
        sends_per_s: Messages we send; the exchange takes five, and our pongs are among them.
        answer_s: How long a control message may stay without an answer.
        silence_s: How long a connection may bring neither an event nor one of the pings that come every 20 s.
        stall_periods: After how many of its periods a stream of fixed speed counts as stalled.
        audit_s: How often the exchange is asked which streams it carries for us: a stream that speaks only when
            something happens may have been dropped while the others of its connection go on.
        life_s: How long a connection is used; the exchange ends it after 24 h.
        life_spread_s: By how much that may differ, lest all connections be replaced at once.
        overlap_s: How long an old connection still counts after the new one carries everything.
        backoff_s: The first pause after a failed attempt is drawn from 0 to this, the next from 0 to twice that.
        backoff_most_s: No pause is longer, except where the exchange asks for it.
        steady_s: A connection that lasted so long starts the pauses anew.
        dials: Attempts to connect within `dials_per_s`; a small share of the exchange's 300.
        dials_per_s: See there.
        replace_s: A connection is not replaced for silence more often than this.
    """

    tick_s: float = 0.25
    most_streams: int = 1024
    batch: int = 200
    sends_per_s: int = 4
    answer_s: float = 10
    silence_s: float = 30
    stall_periods: int = 10
    audit_s: float = 60
    life_s: float = 23 * 3600
    life_spread_s: float = 1800
    overlap_s: float = 5
    backoff_s: float = 1
    backoff_most_s: float = 60
    steady_s: float = 30
    dials: int = 60
    dials_per_s: float = 300
    replace_s: float = 300


class Pace:
    """So many of something in any window of a length."""

    def __init__(self, most: int, window_s: float) -> None:
        self._most = most
        self._window_ns = int(window_s * NS)
        self._taken: deque[int] = deque()

    def free_at(self, now_ns: int) -> int:
        """When the next one may happen; not after `now_ns` if it may happen at once."""
        while self._taken and self._taken[0] <= now_ns - self._window_ns:
            self._taken.popleft()
        return now_ns if len(self._taken) < self._most else self._taken[0] + self._window_ns

    def take(self, now_ns: int) -> bool:
        """Take one, if it may happen now."""
        if self.free_at(now_ns) > now_ns:
            return False
        self._taken.append(now_ns)
        return True


class Backoff:
    """Pauses between attempts: drawn anew each time from 0 to a bound that doubles (full jitter)."""

    def __init__(self, first_s: float, most_s: float, random: Callable[[], float]) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._random = random
        self.failures = 0

    def failed(self) -> float:
        """Count a failure; how many seconds to wait."""
        bound_s = min(self._most_s, self._first_s * float(1 << min(self.failures, 30)))
        self.failures += 1
        return self._random() * bound_s

    def succeeded(self) -> None:
        """Start anew."""
        self.failures = 0
