"""What can be seen of a market from outside: how its book changes, and what trades in it.

A tape is such a feed written down, one JSON object a line; a mirror reads it from another exchange's streams.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from paper_exchange.engine.words import Side

Level = tuple[Decimal, Decimal]
"""A price, and the quantity there now; zero when the level is gone."""


class _Seen(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True, forbid_unknown_fields=True):
    """Something that was seen at a moment."""

    at_us: int
    symbol: str


class BookSeen(_Seen, frozen=True, tag="book"):
    """Levels that changed; with `whole`, all there are, and others are gone."""

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    whole: bool = False


class TradeSeen(_Seen, frozen=True, tag="trade"):
    """A trade, and which side took it."""

    price: Decimal
    quantity: Decimal
    taker: Side


Seen = BookSeen | TradeSeen

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Seen] = msgspec.json.Decoder(Seen)


class TapeError(ValueError):
    """A tape cannot be played; the text names the line."""


def write_line(seen: Seen) -> bytes:
    """One line of a tape."""
    return _ENCODER.encode(seen) + b"\n"


def read_tape(path: Path) -> Iterator[Seen]:
    """The lines of a tape, in the order of time. Empty lines are skipped.

    Raises:
        TapeError: A line is none of a tape, or goes back in time.
        OSError: The file cannot be read.
    """
    last_us = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                seen = _DECODER.decode(line)
            except msgspec.DecodeError as error:
                raise TapeError(f"{path}:{number}: {error}") from error
            if seen.at_us < last_us:
                raise TapeError(f"{path}:{number}: goes back in time, from {last_us} to {seen.at_us}")
            last_us = seen.at_us
            yield seen
