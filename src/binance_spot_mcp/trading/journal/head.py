"""The head file: where the journal ended when it was last written.

It has two slots that are written in turn, so that a write cut short by a power failure leaves the other one.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from binance_spot_mcp.trading.journal.records import Place

_SLOT: Final = 128
_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class _Written:
    """What a slot holds: the number of the write, and the end of the journal."""

    number: int
    place: Place


class HeadFile:
    """The open head file of one journal, owned by its writer.

    Args:
        path: Where it is; made if there is none, readable by its owner alone.
    """

    def __init__(self, path: Path) -> None:
        last = _last(path)
        self._number = last.number if last else 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)

    def write(self, place: Place, *, durable: bool) -> None:
        """Remember where the journal ends.

        Args:
            place: Its last record.
            durable: Whether it must survive a power failure before this returns.

        Raises:
            OSError: It cannot be written.
        """
        self._number += 1
        line = f"{self._number} {place.seq} {place.hash}"
        os.lseek(self._descriptor, self._number % 2 * _SLOT, os.SEEK_SET)
        os.write(self._descriptor, f"{line} {_checksum(line)}".ljust(_SLOT - 1).encode() + b"\n")
        if durable:
            _sync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_head(path: Path) -> Place | None:
    """Where the journal ended, by its head file; None if there is none, or neither slot can be read."""
    last = _last(path)
    return last.place if last else None


def _last(path: Path) -> _Written | None:
    try:
        slots = path.read_bytes()[: 2 * _SLOT]
    except OSError:
        return None
    found = [written for start in (0, _SLOT) if (written := _read(slots[start : start + _SLOT]))]
    return max(found, key=lambda written: written.number, default=None)


def _read(slot: bytes) -> _Written | None:
    line, _, checksum = slot.decode("ascii", "replace").strip().rpartition(" ")
    if _checksum(line) != checksum:
        return None
    number, seq, digest = line.split(" ")
    return _Written(int(number), Place(int(seq), digest))


def _checksum(line: str) -> str:
    return sha256(line.encode()).hexdigest()[:8]
