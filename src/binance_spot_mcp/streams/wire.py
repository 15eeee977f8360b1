"""One connection for market streams, and which streams the exchange carries on it for us.

Source: web-socket-streams.md#live-subscribingunsubscribing-to-streams
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import count, islice
from typing import Literal, Protocol

import msgspec

from binance_spot_mcp.streams.timing import NS, Pace, Timing
from binance_spot_mcp.transport.socket import Socket

Method = Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"]
MOST_HELD = 50_000
"""Events that a connection in waiting keeps back."""


class Owner(Protocol):
    """Whoever uses a wire."""

    def event(self, name: str, data: msgspec.Raw, now_ns: int) -> None:
        """An event of a stream came."""
        ...

    def confirmed(self, wire: "Wire", names: Iterable[str]) -> None:
        """The exchange confirmed these streams."""
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


class _Message(msgspec.Struct, frozen=True, gc=False):
    """Whatever comes in: an event of a stream, or an answer."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    id: int | None = None
    result: list[str] | None = None
    code: int | None = None
    msg: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    method: Method
    names: tuple[str, ...]
    at_ns: int


_decode = msgspec.json.Decoder(_Message).decode


class Wire:
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
        self._asked: dict[int, _Asked] = {}
        self._refused: set[str] = set()
        self._alone: set[str] = set()
        self._ids = count(1)
        self._pace = Pace(timing.sends_per_s, 1)
        self._audited_ns = now_ns()
        self._is_over = False

    # Its life

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

    # What is wanted of it

    def tick(self, wanted: Collection[str], now_ns: int) -> None:
        """Ask for what is missing, give up what is not wanted, and find out whether anybody is there."""
        if self._socket is None or self._is_over:
            return
        oldest = next(iter(self._asked.values()), None)
        if oldest is not None and now_ns - oldest.at_ns > self._timing.answer_s * NS:
            self.close(f"{oldest.method} was not answered")
            return
        self._reconcile(set(wanted), now_ns)
        if self.ready_ns is None and self.carries(wanted):
            self.ready_ns = now_ns
        silent = now_ns - self.heard_ns > self._timing.silence_s * NS
        if silent or now_ns - self._audited_ns > self._timing.audit_s * NS:
            self.audit(now_ns)

    def audit(self, now_ns: int) -> None:
        """Ask the exchange which streams it carries; no answer means that the connection is dead."""
        if not any(asked.method == "LIST_SUBSCRIPTIONS" for asked in self._asked.values()):
            self._ask("LIST_SUBSCRIPTIONS", (), now_ns)

    def _reconcile(self, wanted: set[str], now_ns: int) -> None:
        under_way = {name for asked in self._asked.values() for name in asked.names}
        surplus = self.carried - wanted - under_way
        missing = wanted - self.carried - under_way - self._refused
        while surplus and (batch := self._batch(surplus)) and self._ask("UNSUBSCRIBE", batch, now_ns):
            surplus.difference_update(batch)
        while missing and (batch := self._batch(missing)) and self._ask("SUBSCRIBE", batch, now_ns):
            missing.difference_update(batch)

    def _batch(self, names: set[str]) -> tuple[str, ...]:
        together = sorted(names - self._alone)
        return tuple(islice(together, self._timing.batch)) if together else (min(names),)

    def _ask(self, method: Method, names: tuple[str, ...], now_ns: int) -> bool:
        if self._socket is None or not self._pace.take(now_ns):
            return False
        number = next(self._ids)
        self._asked[number] = _Asked(method, names, now_ns)
        params = {"params": names} if names else {}
        self._socket.send(msgspec.json.encode({"method": method, **params, "id": number}).decode())
        return True

    # What its socket says

    def heard(self, message: bytes) -> None:
        """A message came."""
        if self._is_over:
            return
        now_ns = self.heard_ns = self._now_ns()
        try:
            decoded = _decode(message)
        except msgspec.DecodeError:
            self._owner.garbled(self)
            return
        if decoded.stream is None:
            self._answered(decoded, now_ns)
        elif self._held is None:
            self._owner.event(decoded.stream, decoded.data, now_ns)
        else:
            self._held.append((decoded.stream, decoded.data, now_ns))
            if len(self._held) == MOST_HELD:
                self._owner.full(self)

    def pinged(self) -> None:
        """The exchange is there."""
        self.heard_ns = self._now_ns()

    def ended(self, why: str) -> None:
        """The connection is over."""
        if not self._is_over:
            self._is_over = True
            self._owner.over(self, why)

    def _answered(self, answer: _Message, now_ns: int) -> None:
        number = answer.id if answer.id is not None else next(iter(self._asked), None)
        asked = self._asked.pop(number, None) if number is not None else None
        if asked is None:
            return
        if answer.code is not None:
            self._not_taken(asked, answer.msg)
        elif asked.method == "LIST_SUBSCRIPTIONS":
            self._audited_ns = now_ns
            gone = self.carried - set(answer.result or ())
            self.carried = set(answer.result or ())
            self._owner.dropped(self, gone)
        elif asked.method == "UNSUBSCRIBE":
            self.carried.difference_update(asked.names)
        else:
            self.carried.update(asked.names)
            self._owner.confirmed(self, asked.names)

    def _not_taken(self, asked: _Asked, why: str) -> None:
        """A refusal does not say which of several names it is about, so each is then asked for alone."""
        if asked.method != "SUBSCRIBE":
            self.carried.difference_update(asked.names)
        elif len(asked.names) > 1:
            self._alone.update(asked.names)
        else:
            self._refused.update(asked.names)
            self._owner.refused(self, asked.names[0], why)
