"""What a journal holds: entries, and the records that they become once they have their place in the chain."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

SCHEMA: Final = 1
"""Version of what is written; it is part of every chain."""

Kind = Literal["intent", "draft", "order", "fill", "shape", "gate", "journal"]
"""What a record is about: a call that may change orders, one that waits for a person's yes, one order, a part of it
that traded, a shape of orders, what was said of the gate, or the journal itself."""

Row = tuple[int, int, str, str, str, str, str, int | None, str, str, str]
"""A record as it is stored: seq, at_ms, intent_id, kind, symbol, state, client_order_id, order_id, payload, evidence,
hash. What does not apply is empty; payload and evidence are JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something to be written down.

    Attributes:
        kind: What it is about.
        state: The state that is reached by it.
        intent_id: The call that it belongs to.
        symbol: The symbol.
        client_order_id: The order's name.
        order_id: The exchange's number for it, once known.
        payload: What was meant.
        evidence: What the state is known by.
    """

    kind: Kind
    state: str
    intent_id: str = ""
    symbol: str = ""
    client_order_id: str = ""
    order_id: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """An entry at its place in the chain.

    Attributes:
        seq: Its number, from 1 on without a gap.
        at_ms: When it was written, by the exchange's clock.
        entry: What was written.
        hash: SHA-256 over the record before, and all of this one.
    """

    seq: int
    at_ms: int
    entry: Entry
    hash: str

    @property
    def row(self) -> Row:
        """The record as it is stored."""
        return _row(self.seq, self.at_ms, self.entry, self.hash)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the chain: the number and the hash of a record; number 0 is the place before the first one."""

    seq: int
    hash: str


class Damaged(Exception):
    """A journal is not what was written: the message says where it stops to be."""


def beginning(env: str, account: str) -> Place:
    """Where the chain of an account begins, so that no journal can stand in for another's."""
    return Place(0, sha256(f"binance-spot-mcp journal {SCHEMA} {env} {account}".encode()).hexdigest())


def chained(after: Place, at_ms: int, entry: Entry) -> Record:
    """The record that an entry becomes behind another one."""
    unsigned = _row(after.seq + 1, at_ms, entry, "")
    return Record(after.seq + 1, at_ms, entry, _digest(after.hash, unsigned))


def verified(rows: Iterable[Row], start: Place) -> Iterator[Record]:
    """Read stored records, each checked against the one before.

    Raises:
        Damaged: One is missing, or is not what was written.
    """
    last = start
    for row in rows:
        seq, at_ms, intent_id, kind, symbol, state, client_order_id, order_id, payload, evidence, stored = row
        if seq != last.seq + 1:
            raise Damaged(f"record {last.seq + 1} is missing")
        if _digest(last.hash, row) != stored:
            raise Damaged(f"record {seq} is not the one that was written")
        entry = Entry(
            kind=kind,  # type: ignore[arg-type]  # its hash says that we wrote it
            state=state,
            intent_id=intent_id,
            symbol=symbol,
            client_order_id=client_order_id,
            order_id=order_id,
            payload=msgspec.json.decode(payload),
            evidence=msgspec.json.decode(evidence),
        )
        yield Record(seq, at_ms, entry, stored)
        last = Place(seq, stored)


def _row(seq: int, at_ms: int, entry: Entry, digest: str) -> Row:
    return (
        seq,
        at_ms,
        entry.intent_id,
        entry.kind,
        entry.symbol,
        entry.state,
        entry.client_order_id,
        entry.order_id,
        msgspec.json.encode(entry.payload, order="sorted").decode(),
        msgspec.json.encode(entry.evidence, order="sorted").decode(),
        digest,
    )


def _digest(previous: str, row: Row) -> str:
    return sha256(msgspec.json.encode((previous, *row[:-1]))).hexdigest()
