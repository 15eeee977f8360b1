"""One connection that carries streams, whatever protocol they are asked for in.

A wire knows what the exchange confirmed to carry on it, whether anybody is still there, and, while it waits to take the
place of another, keeps back what it hears.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol

import msgspec

from binance_spot_mcp.streams.timing import NS, Pace, Timing
from binance_spot_mcp.transport.socket import Listener, Socket

MOST_HELD = 50_000
"""Events that a connection in waiting keeps back."""


class NoConnection(Exception):
    """No connection came about.

    Attributes:
        why: In plain words.
        pause_s: For how long none may be tried; None if that is left to us.
    """

    def __init__(self, why: str, pause_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.pause_s = pause_s


Dial = Callable[[Listener], Awaitable[Socket]]
"""Opens a socket whose messages a listener hears, or raises `NoConnection`."""


class Owner(Protocol):
    """Whoever uses a wire."""

    def event(self, name: str, data: msgspec.Raw, now_ns: int) -> None:
        """An event of a stream came."""
        ...

    def confirmed(self, wire: "Wire", names: Iterable[str]) -> None:
        """The exchange carries these streams from now on."""
        ...

    def refused(self, wire: "Wire", name: str, why: str) -> None:
        """The exchange refused this stream."""
        ...

    def dropped(self, wire: "Wire", names: Iterable[str]) -> None:
        """The exchange says that it no longer carries these streams."""
        ...

    def garbled(self, wire: "Wire") -> None:
        """A message came that is not of the documented form."""
        ...

    def full(self, wire: "Wire") -> None:
        """More was kept back than is good."""
        ...

    def over(self, wire: "Wire", why: str) -> None:
        """The connection ended."""
        ...


class Wire(ABC):
    """One connection.

    Attributes:
        carried: The streams that the exchange confirmed.
        opened_ns: Monotonic time of its opening; None before.
        heard_ns: When anything came last, a ping included.
        ready_ns: When it first carried everything that was wanted of it; None before.
    """

    def __init__(self, owner: Owner, timing: Timing, now_ns: Callable[[], int], *, waiting: bool) -> None:
        self.carried: set[str] = set()
        self.opened_ns: int | None = None
        self.heard_ns = now_ns()
        self.ready_ns: int | None = None
        self._owner = owner
        self._timing = timing
        self._now_ns = now_ns
        self._socket: Socket | None = None
        self._held: list[tuple[str, msgspec.Raw, int]] | None = [] if waiting else None
        self._refused: set[str] = set()
        self._pace = Pace(timing.sends_per_s, 1)
        self._audited_ns = now_ns()
        self._is_over = False

    def opened(self, socket: Socket) -> None:
        """It is there."""
        self._socket = socket
        self.opened_ns = self.heard_ns = self._audited_ns = self._now_ns()

    def close(self, why: str = "we closed it") -> None:
        """End it; its owner hears of it at once."""
        if self._socket is not None:
            self._socket.close()
        self.ended(why)

    def stop_waiting(self) -> None:
        """Hand on what was kept back, and every event from now on."""
        held, self._held = self._held or [], None
        for name, data, now_ns in held:
            self._owner.event(name, data, now_ns)

    def carries(self, wanted: Iterable[str]) -> bool:
        """Whether it carries all of these that the exchange knows."""
        return self.carried >= set(wanted) - self._refused

    @property
    def silent(self) -> bool:
        """Whether neither an event nor a ping came for longer than pings leave between them."""
        return self._now_ns() - self.heard_ns > self._timing.silence_s * NS

    def tick(self, wanted: Collection[str], now_ns: int) -> None:
        """Ask for what is missing, give up what is not wanted, and find out whether anybody is there."""
        if self._socket is None or self._is_over:
            return
        if overdue := self._unanswered(now_ns - int(self._timing.answer_s * NS)):
            self.close(f"{overdue} was not answered")
            return
        self._reconcile(set(wanted), now_ns)
        if self.ready_ns is None and self.carries(wanted):
            self.ready_ns = now_ns
        if self.silent or now_ns - self._audited_ns > self._timing.audit_s * NS:
            self.audit(now_ns)

    # What its socket says

    def heard(self, message: bytes) -> None:
        """A message came."""
        if self._is_over:
            return
        self.heard_ns = self._now_ns()
        try:
            self._read(message, self.heard_ns)
        except msgspec.DecodeError:
            self._owner.garbled(self)

    def pinged(self) -> None:
        """The exchange is there."""
        self.heard_ns = self._now_ns()

    def ended(self, why: str) -> None:
        """The connection is over."""
        if not self._is_over:
            self._is_over = True
            self._owner.over(self, why)

    # What differs from protocol to protocol

    @abstractmethod
    def audit(self, now_ns: int) -> None:
        """Ask the exchange which streams it carries; no answer means that the connection is dead."""

    @abstractmethod
    def _reconcile(self, wanted: set[str], now_ns: int) -> None:
        """Ask for what is missing and give up what is not wanted, as far as the pace allows."""

    @abstractmethod
    def _unanswered(self, before_ns: int) -> str | None:
        """What was asked before this time and is without an answer."""

    @abstractmethod
    def _read(self, message: bytes, now_ns: int) -> None:
        """Take in a message.

        Raises:
            msgspec.DecodeError: It is not of the documented form.
        """

    # For protocols

    def _send(self, message: object, now_ns: int) -> bool:
        """Send a message, unless that would be too fast."""
        if self._socket is None or not self._pace.take(now_ns):
            return False
        self._socket.send(msgspec.json.encode(message).decode())
        return True

    def _pass_on(self, name: str, data: msgspec.Raw, now_ns: int) -> None:
        if self._held is None:
            self._owner.event(name, data, now_ns)
            return
        self._held.append((name, data, now_ns))
        if len(self._held) == MOST_HELD:
            self._owner.full(self)

    def _carries_only(self, names: set[str], now_ns: int) -> None:
        """The answer to an audit."""
        self._audited_ns = now_ns
        gone, self.carried = self.carried - names, names
        self._owner.dropped(self, gone)

    def _carries_also(self, names: Iterable[str]) -> None:
        self.carried.update(names)
        self._owner.confirmed(self, names)
