"""The rate ledger that all servers of one user on one machine share, and that outlives them.

The rules are those of `RateLedger`; here is what makes one out of many. Its values lie in a file, and each step on them
is one short change of that file. Requests of a process that died count as sent once they can no longer arrive. A file
that cannot be used stops nobody: the process counts on for itself, from what it saw last, and looks again a little
later.

Its time is the exchange's, as whichever process has measured it last. That is written down by the monotonic clock,
which all processes of a machine share, so a step of the wall clock neither opens nor closes a hold.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from binance_spot_mcp.logs import logger
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.ledger import CallClass, Cost, LedgerState, RateLedger, Reservation, Wait
from binance_spot_mcp.transport.limits import Limit, LimitType
from binance_spot_mcp.transport.shared_text import Busy, SharedText, Unusable
from binance_spot_mcp.transport.venue import Venue
from binance_spot_mcp.transport.world import World

FILE: Final = "rate_limits.sqlite"
AGAIN_MS: Final = 3
"""When to ask again while another process writes."""
BUSY_AT_MOST: Final = 60
"""So often in a row the file may be busy, half a second in all; then whoever holds it stands still."""
LOOK_AGAIN_NS: Final = 10_000_000_000
"""How long a file that cannot be used is left alone."""
SEEN_MS: Final = 300_000
"""Processes that have used the ledger within this time count as sharing it."""
MOST_OWED: Final = 1_000
"""Steps that the others have not heard of and that are kept for them."""
ALONE: Final = 1 << 40
"""What a process adds to the serials it gives while it counts alone, so that none is taken for one in the file."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")

_log = logger("transport.ledger")
T = TypeVar("T")
Step = Callable[[RateLedger, int], T]
"""Something that is done to a ledger at a time."""


@dataclass(frozen=True, slots=True)
class _Clock:
    """What a process knows of the exchange's clock.

    Attributes:
        boot: The monotonic clock that is meant: it starts anew with the machine.
        zero_us: As `ServerClock.zero_us`.
        measured_ns: When it was measured, by that clock; None where it is the word of somebody's wall clock.
        monotonic_ns: When that was written down.
    """

    boot: str
    zero_us: int
    measured_ns: int | None
    monotonic_ns: int


@dataclass(slots=True)
class _Shared:
    """What lies in the file for one IP address and environment.

    Attributes:
        clock: The time that everything below is told in.
        ledger: The limits.
        seen_ms: When each process was there last.
    """

    clock: _Clock
    ledger: RateLedger = field(default_factory=RateLedger)
    seen_ms: dict[str, int] = field(default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Shared).decode


class SharedLedger:
    """A `Ledger` of many processes.

    Args:
        text: Where it lies.
        clock: This process's idea of the exchange's time. Until it has measured that itself, it takes over what others
            have measured.
        monotonic_ns: A clock that all processes of this machine share.
        name: What this process is called.
        boot: What that clock is called.
    """

    def __init__(
        self, text: SharedText, clock: ServerClock, monotonic_ns: Callable[[], int], name: str, boot: str = ""
    ) -> None:
        self._text = text
        self._clock = clock
        self._monotonic_ns = monotonic_ns
        self._name = name
        self._boot = boot
        self._last = RateLedger()
        self._owed: deque[tuple[Step[object], int]] = deque(maxlen=MOST_OWED)
        self._processes = 1
        self._busy = 0
        self._trouble: str | None = None
        self._look_again_ns = 0

    def join(self) -> None:
        """Begin to share; makes the file where there is none."""
        self._change(lambda ledger, now_ms: ledger.tidy(now_ms), self._clock.now_ms())

    # The steps of a ledger

    def learn(self, limits: Iterable[Limit]) -> None:
        """Take the limits that exchangeInfo states; what was counted stays."""
        stated = tuple(limits)
        self._change(lambda ledger, _: ledger.learn(stated), self._clock.now_ms())

    def reserve(self, cost: Cost, call_class: CallClass, route: str, now_ms: int) -> Reservation | Wait:
        """Take the listed cost out of every bucket it touches, or say from when that is possible."""

        def step(ledger: RateLedger, now_ms: int) -> Reservation | Wait:
            return ledger.reserve(cost, call_class, route, now_ms)

        try:
            return self._changed(step, now_ms)
        except Busy:
            return Wait(now_ms + AGAIN_MS, "RATE_LIMITED", "Another process is writing the rate ledger")
        except Unusable:
            return step(self._last, now_ms)

    def settle(self, reservation: Reservation, counts: Mapping[str, int], now_ms: int) -> None:
        """Close a reservation whose request left, with the numbers of the answer if one came."""
        self._change(lambda ledger, now_ms: ledger.settle(reservation, counts, now_ms), now_ms)

    def release(self, reservation: Reservation, now_ms: int) -> None:
        """Close a reservation whose request never left."""
        self._change(lambda ledger, now_ms: ledger.release(reservation, now_ms), now_ms)

    def throttled(
        self, limit_type: LimitType, retry_after_ms: int | None, jitter_ms: int, now_ms: int, account: str = ""
    ) -> int:
        """Hold every call that touches this kind of limit, after a 429; until when."""
        return self._change(
            lambda ledger, now_ms: ledger.throttled(limit_type, retry_after_ms, jitter_ms, now_ms, account), now_ms
        )

    def banned(self, until_ms: int, now_ms: int) -> int:
        """Hold everything, after a 418; until when."""
        length_ms = until_ms - now_ms
        return self._change(lambda ledger, now_ms: ledger.banned(now_ms + length_ms, now_ms), now_ms)

    def blocked(self, route: str, now_ms: int) -> int:
        """Hold one route, after a 403 of the firewall; until when."""
        return self._change(lambda ledger, now_ms: ledger.blocked(route, now_ms), now_ms)

    def held_until(self, cost: Cost, route: str, now_ms: int) -> int | None:
        """The end of the longest hold that concerns such a call, if any is in force."""
        return self._change(lambda ledger, now_ms: ledger.held_until(cost, route, now_ms), now_ms)

    def clock_moved(self, by_ms: int, now_ms: int) -> None:
        """The clock was set right by so much: what is held stays so for as long as it was to be, and counts stay."""
        if self._trouble is not None:
            self._last.clock_moved(by_ms, now_ms)
        self._change(lambda _, __: None, now_ms)

    def state(self, now_ms: int, account: str) -> LedgerState:
        """All of it, as far as it concerns an account."""
        shown = self._change(lambda ledger, now_ms: ledger.state(now_ms, account), now_ms)
        shown["processes"] = self._processes if self._trouble is None else 1
        shown["trouble"] = self._trouble
        return shown

    def close(self) -> None:
        """Be among those who share it no longer."""
        with suppress(Busy, Unusable):  # it will be seen that nobody of this name comes any more
            self._text.change(self._without_me)
        self._text.close()

    # How many become one

    def _change(self, step: Step[T], now_ms: int) -> T:
        """Do a step for all, or for this process alone where that cannot be; the others hear of it when it can."""
        try:
            return self._changed(step, now_ms)
        except (Busy, Unusable):
            self._owed.append((step, now_ms))
            return step(self._last, now_ms)

    def _changed(self, step: Step[T], now_ms: int) -> T:
        """Do a step for all.

        Raises:
            Busy: Another process is at it.
            Unusable: The file cannot be used, or not yet again.
        """
        if self._trouble is not None and self._monotonic_ns() < self._look_again_ns:
            raise Unusable(self._trouble)
        try:
            shared, result = self._text.change(partial(self._together, step, now_ms))
        except Busy:
            self._busy += 1
            if self._busy < BUSY_AT_MOST:
                raise
            raise self._in_trouble("another process holds it and stands still") from None
        except Unusable as unusable:
            raise self._in_trouble(str(unusable)) from None
        if self._trouble is not None:
            _log.warning("the rate ledger is shared again", file=str(self._text.path))
        self._last, self._processes = shared.ledger, len(shared.seen_ms)
        self._trouble, self._busy = None, 0
        self._owed.clear()
        return result

    def _together(self, step: Step[T], now_ms: int, text: bytes | None) -> tuple[bytes, tuple[_Shared, T]]:
        shared = self._read(text)
        now_ms += self._agree(shared, now_ms)
        shared.seen_ms[self._name] = now_ms
        if len(shared.seen_ms) > 1:
            shared.seen_ms = {name: at_ms for name, at_ms in shared.seen_ms.items() if now_ms - at_ms < SEEN_MS}
        for owed, at_ms in self._owed:
            owed(shared.ledger, at_ms)
        result = step(shared.ledger, now_ms)
        return _encode(shared), (shared, result)

    def _read(self, text: bytes | None) -> _Shared:
        if text is None:
            return _Shared(self._now())
        try:
            return _decode(text)
        except msgspec.MsgspecError:
            raise Unusable("its contents cannot be read; remove it while no server runs") from None

    def _now(self) -> _Clock:
        return _Clock(self._boot, self._clock.zero_us, self._clock.measured_ns, self._monotonic_ns())

    def _agree(self, shared: _Shared, now_ms: int) -> int:
        """Let the last measurement be the time of all; how many milliseconds that is ahead of ours."""
        theirs, mine = shared.clock, self._now()
        if theirs.boot != mine.boot or theirs.monotonic_ns > mine.monotonic_ns:
            shared.clock = mine  # the machine was started anew, and its wall clock is all there is
            return 0
        if mine.measured_ns is None:
            return self._clock.believe(theirs.zero_us)
        if theirs.measured_ns is None or theirs.measured_ns < mine.measured_ns:
            shared.ledger.clock_moved((mine.zero_us - theirs.zero_us) // 1000, now_ms)
            shared.clock = mine
        return (shared.clock.zero_us - mine.zero_us) // 1000

    def _without_me(self, text: bytes | None) -> tuple[bytes, None]:
        shared = self._read(text)
        shared.seen_ms.pop(self._name, None)
        return _encode(shared), None

    def _in_trouble(self, why: str) -> Unusable:
        """Count alone for a while."""
        if self._trouble is None:
            _log.warning("the rate ledger is not shared", file=str(self._text.path), why=why)
            self._last.serial += ALONE
        self._trouble = f"{self._text.path} cannot be used ({why}), so this server counts alone"
        self._look_again_ns = self._monotonic_ns() + LOOK_AGAIN_NS
        return Unusable(self._trouble)


def shared_ledger(settings: Settings, world: World, venue: Venue, clock: ServerClock) -> SharedLedger:
    """The ledger of everybody who talks to an exchange from this machine, in the folder of the user's files.

    It belongs to an environment, or on paper to one exchange, and to the way there: behind a proxy we have another
    address.

    Args:
        settings: The operator's settings.
        world: The monotonic clock, and a name for this process.
        venue: Which exchange.
        clock: Its time.
    """
    scope: str = settings.env
    if settings.env == "paper":
        scope += f" {next(filter(None, (*venue.rest, venue.ws_api, venue.streams)), '')}"
    if settings.proxy is not None:
        scope += f" by proxy {sha256(settings.proxy.get_secret_value().encode()).hexdigest()[:8]}"
    try:
        boot = _BOOT.read_text("ascii").strip()
    except OSError:
        boot = ""  # elsewhere a new start shows where the monotonic clock went back
    text = SharedText(settings.home / "state" / FILE, scope)
    ledger = SharedLedger(text, clock, world.monotonic_ns, world.new_id(), boot)
    ledger.join()
    return ledger
