"""One stream that somebody wants: its events as they come, and the truth about what is missing.

A feed outlives the connections that carry it. It tells copies from new events by the mark that grows from event to
event, counts what a gap in the marks shows to be missing, and knows since when it has been silent or cut off.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec

from binance_spot_mcp.catalogue.market_events import DepthUpdate
from binance_spot_mcp.catalogue.streams import KLINE, KLINE_EAST_EIGHT, Stream, StreamKind
from binance_spot_mcp.streams.buffer import MOST_EVENTS, MOST_KEYS, Buffer, Entry, EveryEvent, NewestOfEach, Page, page

FeedState = Literal["PENDING", "LIVE", "STALE", "DOWN", "REFUSED"]
"""Not confirmed yet; carried; carried but silent for longer than its speed allows; cut off; refused by the exchange."""

LATE = 1_000_000
"""A mark that is lower than the last by no more than this is a copy or came late; by more, numbering began anew.

It is more than a busy symbol's update ids grow by while one connection takes over from another."""
_MICROSECONDS = 10**14
"""A mark above this is a time in microseconds: no id is that large, and no time in milliseconds."""
MOST_GAPS = 100
"""Gaps that are told one by one; more are only counted."""


@dataclass(slots=True)
class Gap:
    """A break in a stream.

    Attributes:
        after_seq: The number of the last event before it.
        from_ns: Monotonic time at which the stream was last known to be whole.
        to_ns: When it went on; None while it has not.
        why: In plain words.
        missed: How many events are known to be missing; None where nobody can tell.
    """

    after_seq: int
    from_ns: int
    to_ns: int | None
    why: str
    missed: int | None = None


Heard = Callable[[Any], None]
"""Called with each event: the exchange's JSON, or the update itself where the feed is one of depth."""


class Feed:
    """A stream, from the first who wants it to the last. `seq` goes on where an earlier feed of the stream ended.

    Attributes:
        stream: Which one.
        holders: How many want it.
        seq: The number of the newest event.
        received: How many events came, copies aside.
        copies: How many came that were known already.
        missed: How many are known to be missing.
        gap_count: How many gaps there were.
        gaps: The latest of them, oldest first.
        heard_ns: Monotonic time of the newest event; None before the first.
        state: What to think of it.
        since_ns: Since when it has been in that state.
        why: Why it is in that state, where that needs saying.
    """

    def __init__(self, stream: Stream, now_ns: int, buffer: Buffer | None = None, *, seq: int = 0) -> None:
        self.stream = stream
        self.holders = 0
        self.seq = seq
        self.received = 0
        self.copies = 0
        self.missed = 0
        self.gap_count = 0
        self.gaps: deque[Gap] = deque(maxlen=MOST_GAPS)
        self.heard_ns: int | None = None
        self.state: FeedState = "PENDING"
        self.since_ns = now_ns
        self.why = "not subscribed yet"
        self._read = reader_of(stream.kind)
        self._buffer = _buffer_for(stream.kind) if buffer is None else buffer
        self._mark: int | None = None
        self._resumed = False
        self._listeners: tuple[Heard, ...] = ()
        self._watchers: tuple[Callable[[], None], ...] = ()

    # Those who want to know at once

    def listen(self, heard: Heard) -> None:
        """Call `heard` with each event from now on."""
        self._listeners = (*self._listeners, heard)

    def unlisten(self, heard: Heard) -> None:
        """No longer."""
        self._listeners = tuple(each for each in self._listeners if each != heard)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever events came or the state changed."""
        self._watchers = (*self._watchers, changed)

    def unwatch(self, changed: Callable[[], None]) -> None:
        """No longer."""
        self._watchers = tuple(each for each in self._watchers if each != changed)

    # What connections say

    def take(self, raw: msgspec.Raw, now_ns: int) -> None:
        """An event came, perhaps as a copy of one that another connection brought.

        Raises:
            msgspec.DecodeError: It is not of the documented form.
        """
        mark, events = self._read(raw)
        if mark is None:
            return
        if self._mark is not None and not self._is_new(mark, self._mark, now_ns):
            self._copy(now_ns)
            return
        self._mark, self._resumed = mark, False
        self._keep(events, now_ns)

    def _copy(self, now_ns: int) -> None:
        """What came is known already; it still shows that the stream is alive."""
        self.copies += 1
        self.heard_ns = now_ns
        self.trust(now_ns)

    def _keep(self, events: Iterable[tuple[object, msgspec.Raw, Any]], now_ns: int) -> None:
        self.heard_ns = now_ns
        if self.state == "STALE":
            self._enter("LIVE", now_ns)
        for key, event, told in events:
            self.seq += 1
            self.received += 1
            self._buffer.add(Entry(self.seq, now_ns, event), key)
            for heard in self._listeners:
                heard(told)
        self._changed()

    def carried(self, now_ns: int) -> None:
        """A connection carries it from now on."""
        if self.state == "DOWN" and self.gaps and self.gaps[-1].to_ns is None:
            self.gaps[-1].to_ns = now_ns
            self._resumed = True
        if self.state in {"PENDING", "DOWN", "REFUSED"}:
            self._enter("LIVE", now_ns)
            self._changed()

    def lost(self, why: str, whole_until_ns: int, now_ns: int) -> None:
        """Nothing carries it any more.

        Args:
            why: In plain words.
            whole_until_ns: When it was last known to be whole.
            now_ns: Monotonic time.
        """
        if self.state in {"LIVE", "STALE"}:
            self.gap_count += 1
            self.gaps.append(Gap(self.seq, whole_until_ns, None, why))
        self._enter("DOWN", now_ns, why)
        self._changed()

    def refused(self, why: str, now_ns: int) -> None:
        """The exchange does not know it."""
        self._enter("REFUSED", now_ns, why)
        self._changed()

    @property
    def fresh_ns(self) -> int:
        """When there was last a reason to believe in it: an event, or the beginning of the subscription."""
        return max(self.heard_ns or 0, self.since_ns if self.state == "LIVE" else 0)

    def doubt(self, why: str) -> None:
        """It has been silent for longer than it should."""
        if self.state == "LIVE":
            self._enter("STALE", self.fresh_ns, why)
            self._changed()

    def trust(self, now_ns: int) -> None:
        """Its silence has an innocent reason."""
        if self.state == "STALE":
            self._enter("LIVE", now_ns)
            self._changed()

    # What readers ask

    def page(self, after: int | None, limit: int, most_bytes: int) -> Page:
        """What is kept after a sequence number; see `buffer.page`."""
        return page(self._buffer, self.seq, after, limit, most_bytes)

    def newest(self) -> Iterable[Entry]:
        """Every event that is kept, oldest first."""
        return iter(self._buffer)

    def _is_new(self, mark: int, last: int, now_ns: int) -> bool:
        """Whether a mark is that of a new event; what it shows to be missing is counted."""
        if mark > last:
            if self.stream.kind.consecutive and mark > last + 1:
                self._count_missing(mark - last - 1, now_ns)
            return True
        late = LATE * 1_000 if last > _MICROSECONDS else LATE
        if mark == last or (not self._resumed and mark > last - late):
            return False
        self.gap_count += 1
        self.gaps.append(Gap(self.seq, self.heard_ns or now_ns, now_ns, "the exchange began to number anew"))
        return True

    def _count_missing(self, missed: int, now_ns: int) -> None:
        self.missed += missed
        if self._resumed and self.gaps:
            self.gaps[-1].missed = missed
            return
        self.gap_count += 1
        self.gaps.append(Gap(self.seq, self.heard_ns or now_ns, now_ns, "events are missing in between", missed))

    def _enter(self, state: FeedState, since_ns: int, why: str = "") -> None:
        if state != self.state:
            self.state, self.since_ns = state, since_ns
        self.why = why

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()


def _buffer_for(kind: StreamKind) -> Buffer:
    if kind.policy == "every":
        return EveryEvent()
    return NewestOfEach(MOST_KEYS if kind.array else MOST_EVENTS)


# How an event is read: its mark, and for each event in the message the key of which it is the newest state, its JSON,
# and what listeners are told.

_Read = Callable[[msgspec.Raw], tuple[int | None, Iterable[tuple[object, msgspec.Raw, Any]]]]


class _Bar(msgspec.Struct, frozen=True, gc=False):
    t: int


class _KlineMark(msgspec.Struct, frozen=True, gc=False):
    E: int
    k: _Bar


class _Item(msgspec.Struct, frozen=True, gc=False):
    E: int
    s: str


@cache
def reader_of(kind: StreamKind) -> _Read:
    """How the events of a kind are read. Only the mark is decoded here; the rest waits until somebody looks."""
    if kind.policy == "book":
        return _depth
    if kind.array:
        return _items
    if kind in {KLINE, KLINE_EAST_EIGHT}:
        return _kline
    marked = msgspec.defstruct("Marked", [("mark", int, msgspec.field(name=kind.mark))], frozen=True, gc=False)
    decode = msgspec.json.Decoder(marked).decode

    def read(raw: msgspec.Raw) -> tuple[int, Iterable[tuple[object, msgspec.Raw, Any]]]:
        return decode(raw).mark, ((None, raw, raw),)  # type: ignore[attr-defined]  # the struct was made just now

    return read


_decode_depth = msgspec.json.Decoder(DepthUpdate).decode
_decode_kline = msgspec.json.Decoder(_KlineMark).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_item = msgspec.json.Decoder(_Item).decode


def _depth(raw: msgspec.Raw) -> tuple[int, Iterable[tuple[object, msgspec.Raw, Any]]]:
    update = _decode_depth(raw)
    return update.last_update_id, ((None, raw, update),)


def _kline(raw: msgspec.Raw) -> tuple[int, Iterable[tuple[object, msgspec.Raw, Any]]]:
    event = _decode_kline(raw)
    return event.E, ((event.k.t, raw, raw),)


def _items(raw: msgspec.Raw) -> tuple[int | None, Iterable[tuple[object, msgspec.Raw, Any]]]:
    items = _decode_array(raw)
    heads = [_decode_item(item) for item in items]
    mark = max((head.E for head in heads), default=None)
    # A copy each, lest one quiet symbol keep a whole message of all symbols in memory.
    return mark, [(head.s, item.copy(), item) for head, item in zip(heads, items, strict=True)]
