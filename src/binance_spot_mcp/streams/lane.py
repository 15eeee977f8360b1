"""A lane: up to 1,024 streams that travel together, whichever connection carries them just now.

Connections come and go. One that has become old, or whose end was announced, is replaced while it still works: the new
one subscribes to everything and keeps back what it hears; a little later the old one is closed, and what was kept back
is handed on. Feeds know copies by their marks, so a reader sees neither a gap nor a repetition.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.timing import NS, Backoff, Timing
from binance_spot_mcp.streams.wire import NoConnection, Owner, Wire
from binance_spot_mcp.transport.socket import Socket

_SHUTDOWN = "!serverShutdown"
"""The name under which the end of a connection is announced."""


class Network(Protocol):
    """What a lane needs of the world."""

    timing: Timing

    def now_ns(self) -> int:
        """Monotonic time."""
        ...

    def random(self) -> float:
        """A number from 0 up to 1."""
        ...

    def dial(self, lane: "Lane", wire: Wire) -> bool:
        """Begin to open a wire; False where so many attempts were made that it has to wait."""
        ...


class MakeWire(Protocol):
    """Makes a connection that is not open yet; a wire's constructor is one."""

    def __call__(self, owner: Owner, timing: Timing, now_ns: Callable[[], int], *, waiting: bool) -> Wire: ...


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """How one connection is doing.

    Attributes:
        connected: Whether it is open.
        wanted: How many streams it should carry.
        carried: How many the exchange confirmed.
        failures: Failed attempts in a row.
        next_try_in_ms: When the next attempt is due, where it is not open.
        why: What went wrong last.
        replaced: How often it was replaced while it still worked.
        unreadable: Messages that were not of the documented form.
    """

    connected: bool
    wanted: int
    carried: int
    failures: int
    next_try_in_ms: int | None
    why: str
    replaced: int
    unreadable: int


class Lane:
    """Some feeds, and the connection that carries them.

    Attributes:
        feeds: By the name of their stream.
        backoff: How long to wait after a failed attempt.
        next_try_ns: No attempt to connect before this.
        why: What went wrong last.
        replaced: How often a connection was replaced while it still worked.
        unreadable: Messages that were not of the documented form.
    """

    def __init__(self, network: Network, make_wire: MakeWire) -> None:
        timing = network.timing
        self.feeds: dict[str, Feed] = {}
        self.backoff = Backoff(timing.backoff_s, timing.backoff_most_s, network.random)
        self.next_try_ns = 0
        self.why = ""
        self.replaced = 0
        self.unreadable = 0
        self._network = network
        self._make_wire = make_wire
        self._wire: Wire | None = None
        self._spare: Wire | None = None
        self._expires_ns = 0
        self._replaced_ns: int | None = None

    @property
    def has_room(self) -> bool:
        """Whether one more stream fits."""
        return len(self.feeds) < self._network.timing.most_streams

    def status(self) -> LaneStatus:
        """How it is doing."""
        wire = self._wire
        connected = wire is not None and wire.opened_ns is not None
        wait_ns = max(0, self.next_try_ns - self._network.now_ns())
        return LaneStatus(
            connected=connected,
            wanted=len(self.feeds),
            carried=len(wire.carried) if wire else 0,
            failures=self.backoff.failures,
            next_try_in_ms=None if connected else wait_ns * 1000 // NS,
            why=self.why,
            replaced=self.replaced,
            unreadable=self.unreadable,
        )

    # What is wanted

    def add(self, feed: Feed) -> None:
        """Carry one more."""
        self.feeds[feed.stream.name] = feed
        self.tick()

    def remove(self, name: str) -> None:
        """Carry one less; without any the connection is closed."""
        del self.feeds[name]
        if self.feeds:
            self.tick()
        else:
            self.close()

    def close(self) -> None:
        """Close every connection."""
        wires, self._wire, self._spare = (self._wire, self._spare), None, None
        for wire in wires:
            if wire is not None:
                wire.close()

    def tick(self) -> None:
        """Do what is due."""
        now_ns = self._network.now_ns()
        wire = self._wire
        if wire is None:
            self._wire = self._dialled(waiting=False, now_ns=now_ns)
            return
        wire.tick(self.feeds, now_ns)
        if self._wire is not wire or wire.opened_ns is None:
            return
        if self._spare is not None:
            self._spare.tick(self.feeds, now_ns)
            self._promote_if_due(now_ns)
            return
        self._watch_silence(wire, now_ns)
        if now_ns >= self._expires_ns:
            self._spare = self._dialled(waiting=True, now_ns=now_ns)

    def _dialled(self, *, waiting: bool, now_ns: int) -> Wire | None:
        if now_ns < self.next_try_ns:
            return None
        wire = self._make_wire(self, self._network.timing, self._network.now_ns, waiting=waiting)
        return wire if self._network.dial(self, wire) else None

    def _promote_if_due(self, now_ns: int) -> None:
        spare = self._spare
        if spare is None or spare.ready_ns is None or not spare.carries(self.feeds):
            return
        if now_ns - spare.ready_ns >= self._network.timing.overlap_s * NS:
            self._take_over(spare, now_ns)

    def _take_over(self, spare: Wire, now_ns: int) -> None:
        """Use the spare from now on. What it does not carry yet is cut off until it does."""
        old, self._wire, self._spare = self._wire, spare, None
        if old is not None:
            self._count_steady(old, now_ns)
            old.close()
        self._start_life(now_ns)
        self.replaced += 1
        for name, feed in self.feeds.items():
            if name not in spare.carried:
                feed.lost("it moves to another connection", now_ns, now_ns)
        spare.stop_waiting()
        self.confirmed(spare, spare.carried)

    def _count_steady(self, wire: Wire, now_ns: int) -> None:
        """A connection that lasted starts the pauses anew."""
        if wire.opened_ns is not None and now_ns - wire.opened_ns >= self._network.timing.steady_s * NS:
            self.backoff.succeeded()

    def _start_life(self, now_ns: int) -> None:
        timing = self._network.timing
        life_s = timing.life_s + (2 * self._network.random() - 1) * timing.life_spread_s
        self._expires_ns = now_ns + int(life_s * NS)

    def _watch_silence(self, wire: Wire, now_ns: int) -> None:
        """Doubt what is silent: all streams of a connection without pings, and single ones of fixed speed.

        Where every stream of fixed speed is silent, the connection is replaced.
        """
        timing = self._network.timing
        stalled = fixed = 0
        for name, feed in self.feeds.items():
            if name not in wire.carried:
                continue
            period_ms = feed.stream.kind.period_ms
            if period_ms is None:
                feed.doubt("the connection is silent") if wire.silent else feed.trust(now_ns)
                continue
            fixed += 1
            if now_ns - feed.fresh_ns > period_ms * timing.stall_periods * 1_000_000:
                feed.doubt("nothing came, although it speaks at a fixed speed")
                stalled += 1
        last_ns = self._replaced_ns
        if stalled and stalled == fixed and (last_ns is None or now_ns - last_ns > timing.replace_s * NS):
            self._replaced_ns = now_ns
            wire.audit(now_ns)
            self._expires_ns = now_ns

    # What the network says

    def opened(self, wire: Wire, socket: Socket) -> None:
        """A wire is there."""
        if wire not in {self._wire, self._spare}:
            socket.close()
            return
        wire.opened(socket)
        if wire is self._wire:
            self._start_life(self._network.now_ns())
        self.tick()

    def failed(self, wire: Wire, failure: NoConnection) -> None:
        """A wire could not be opened."""
        self._put_off(failure.why, failure.pause_s)
        if wire is self._spare:
            self._spare = None
        elif wire is self._wire:
            self._wire = None
            now_ns = self._network.now_ns()
            for feed in self.feeds.values():
                feed.lost(failure.why, now_ns, now_ns)

    def _put_off(self, why: str, pause_s: float | None = None) -> None:
        wait_s = max(self.backoff.failed(), pause_s or 0)
        self.why = why
        self.next_try_ns = self._network.now_ns() + int(wait_s * NS)

    # What the wires say

    def event(self, name: str, data: msgspec.Raw, now_ns: int) -> None:
        """An event came."""
        feed = self.feeds.get(name)
        if feed is None:
            if name == _SHUTDOWN:
                self._expires_ns = 0
                self.tick()
            return
        try:
            feed.take(data, now_ns)
        except msgspec.DecodeError:
            self.unreadable += 1

    def confirmed(self, wire: Wire, names: Iterable[str]) -> None:
        """The exchange carries these streams from now on."""
        if wire is self._wire:
            now_ns = self._network.now_ns()
            for name in names:
                if feed := self.feeds.get(name):
                    feed.carried(now_ns)

    def refused(self, wire: Wire, name: str, why: str) -> None:
        """The exchange refused a stream."""
        feed = self.feeds.get(name)
        if feed is not None and wire is self._wire:
            feed.refused(f"Binance refused it: {why}", self._network.now_ns())

    def dropped(self, wire: Wire, names: Iterable[str]) -> None:
        """The exchange no longer carries these streams."""
        now_ns = self._network.now_ns()
        for name in names:
            if wire is self._wire and (feed := self.feeds.get(name)):
                feed.lost("the exchange had dropped the subscription", feed.heard_ns or feed.since_ns, now_ns)

    def garbled(self, wire: Wire) -> None:
        """A message could not be read."""
        self.unreadable += 1

    def full(self, wire: Wire) -> None:
        """The spare cannot wait any longer."""
        if wire is self._spare:
            self._take_over(wire, self._network.now_ns())

    def over(self, wire: Wire, why: str) -> None:
        """A connection ended."""
        now_ns = self._network.now_ns()
        if wire is self._spare:
            self._spare = None
            self._put_off(why)
        elif wire is self._wire:
            self._cut_off(wire, why, now_ns)

    def _cut_off(self, wire: Wire, why: str, now_ns: int) -> None:
        spare, self._wire, self._spare = self._spare, None, None
        self._count_steady(wire, now_ns)
        safe = spare.carried if spare is not None else set()
        for name, feed in self.feeds.items():
            if name not in safe:
                feed.lost(why, wire.heard_ns, now_ns)
        if spare is not None:
            self._take_over(spare, now_ns)
            return
        self._put_off(why)
        self.tick()
