"""What is kept of a stream for its readers: within bounds, in order, and with everything that was let go counted.

Each event has a sequence number of its own that never comes twice. A reader names the last one it has seen and gets
what came after it, so two readers never take events from each other. Numbers that are missing between what a reader saw
and what is kept are events that it can no longer have: replaced by newer ones, or dropped.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import msgspec

MOST_EVENTS = 1_000
"""Events kept of one symbol's stream: 0.4 MB of trades."""
MOST_KEYS = 5_000
"""Events kept of a stream of all symbols, the newest of each; more than there are symbols."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event.

    Attributes:
        seq: Its number in the stream.
        received_ns: Monotonic time of its arrival.
        raw: The exchange's own JSON.
    """

    seq: int
    received_ns: int
    raw: msgspec.Raw


class Buffer(Protocol):
    """The events of one stream that are kept."""

    def add(self, entry: Entry, key: object) -> None:
        """Keep an event; `key` says of what it is the newest state."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Entry]:
        """The events that are kept, oldest first."""
        ...


class EveryEvent:
    """Keeps each event; of too many the oldest go."""

    def __init__(self, most: int = MOST_EVENTS) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)

    def add(self, entry: Entry, key: object) -> None:
        """Keep an event."""
        self._entries.append(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)


class NewestOfEach:
    """Keeps the newest event of each key; of too many keys the one that was silent longest goes."""

    def __init__(self, most: int) -> None:
        self._entries: dict[object, Entry] = {}
        self._most = most

    def add(self, entry: Entry, key: object) -> None:
        """Keep an event in place of the one before with the same key."""
        self._entries.pop(key, None)
        self._entries[key] = entry
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())


@dataclass(frozen=True, slots=True)
class Page:
    """What a reader gets.

    Attributes:
        entries: Events, oldest first.
        next_after: What to name as the last seen one, to go on.
        let_go: Events between the last seen one and `next_after` that are no longer kept.
        left: Kept events after `next_after`.
    """

    entries: tuple[Entry, ...]
    next_after: int
    let_go: int
    left: int


def page(buffer: Buffer, last_seq: int, after: int | None, limit: int, most_bytes: int) -> Page:
    """What is kept after a sequence number.

    Args:
        buffer: The events.
        last_seq: The newest number that was given.
        after: The last number the reader has seen; None for one who has seen nothing and wants the newest.
        limit: Events at most.
        most_bytes: Bytes of JSON at most; at least one event comes all the same.
    """
    if after is None:
        kept = list(islice(buffer, max(0, len(buffer) - limit), None))
        while len(kept) > 1 and sum(len(entry.raw) for entry in kept) > most_bytes:
            kept.pop(0)
        return Page(tuple(kept), last_seq, 0, 0)
    newer = [entry for entry in buffer if entry.seq > after]
    taken: list[Entry] = []
    size = 0
    for entry in newer[:limit]:
        size += len(entry.raw)
        if taken and size > most_bytes:
            break
        taken.append(entry)
    left = len(newer) - len(taken)
    next_after = taken[-1].seq if left else max(last_seq, after)
    return Page(tuple(taken), next_after, max(0, next_after - after - len(taken)), left)
