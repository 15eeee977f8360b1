"""The disk of a simulated server: its journal is a real file, and this is what can go wrong with it."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from binance_spot_mcp.trading.journal.file import Contents, JournalFile, open_journal
from binance_spot_mcp.trading.journal.records import Entry

_KEPT: Final = (".sqlite", ".sqlite-wal", ".head")
FAULTS: Final = ("full", "unreadable", "broken", "broken after all", "dies before", "dies after", "loses power")
"""What may become of a write."""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry that was written down.

    Attributes:
        at_ns: When it was there, by the machine's clock.
        durable: Whether it would have survived a power failure.
    """

    at_ns: int
    entry: Entry
    durable: bool


class Disk:
    """See the module.

    Args:
        random: Decides which of the coming writes fails.
        now_ns: The machine's clock.

    Attributes:
        written: Everything that was ever written down, in order.
        has_failed: Whether something could not be written since the journal was opened.
        kill: Kills the server that writes.
        before_sending: Called once, when a request that changes orders is about to leave.
    """

    def __init__(self, random: Random, now_ns: Callable[[], int]) -> None:
        self.written: list[Written] = []
        self.has_failed = False
        self.kill: Callable[[], None] = lambda: None
        self.before_sending: Callable[[], None] | None = None
        self.now_ns = now_ns
        self._random = random
        self._fault = ""
        self._in = 0
        self._file: _File | None = None

    def plan(self, fault: str) -> None:
        """Let one of the next writes fail, or the next look at the file."""
        self._fault = fault
        self._in = self._random.randrange(6)

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._fault, self.before_sending = "", None

    def open(self, path: Path, env: str, key: str) -> tuple["_File", Contents]:
        """Open a journal, as the product does it."""
        if self._fault == "unreadable":
            self._fault = ""
            raise OSError("Input/output error")
        file, contents = open_journal(path, env, key)
        self._file, self.has_failed = _File(self, path, file), False
        return self._file, contents

    def strikes(self) -> str:
        """What becomes of the next write; nothing if it is empty."""
        if not self._fault or self._fault == "unreadable":
            return ""
        self._in -= 1
        if self._in >= 0:
            return ""
        fault, self._fault, self.has_failed = self._fault, "", True
        return fault

    def tell(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Some entries were written."""
        if self.before_sending is not None and any(entry.state == "SENDING" for _, entry in entries):
            told, self.before_sending = self.before_sending, None
            told()

    def lose_process(self, *, power: bool) -> None:
        """The process that wrote is gone; with the power goes what was not durable yet."""
        if self._file is not None:
            self._file.abandon(power=power)
            self._file = None


class _File:
    """The journal's file while a process has it open."""

    def __init__(self, disk: Disk, path: Path, file: JournalFile) -> None:
        self._disk = disk
        self._path = path
        self._file = file
        self._is_open = True
        self._safe: dict[Path, bytes] = {}
        self._unsafe: list[Written] = []
        self._keep_safe()

    def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
        """Write entries down, or fail as planned."""
        if not self._is_open:
            raise OSError("the process has ended")
        fault = self._disk.strikes()
        match fault:
            case "full":
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            case "broken":
                raise sqlite3.OperationalError("disk I/O error")
            case "dies before" | "loses power":
                self._disk.kill()
                self._disk.lose_process(power=fault == "loses power")
                raise OSError("the process has ended")
        self._file.commit(entries, durable=durable)
        now = [Written(self._disk.now_ns(), entry, durable) for _, entry in entries]
        self._disk.written += now
        self._unsafe += now
        if durable:
            self._keep_safe()
        self._disk.tell(entries)
        if fault == "broken after all":
            raise OSError("Input/output error")
        if fault == "dies after":
            self._disk.kill()
            self._disk.lose_process(power=False)

    def close(self) -> None:
        """Close it."""
        if self._is_open:
            self._is_open = False
            self._file.close()

    def abandon(self, *, power: bool) -> None:
        """End as the operating system ends it."""
        self.close()
        if not power:
            return
        self._path.with_suffix(".sqlite-shm").unlink(missing_ok=True)
        for part in _KEPT:
            path = self._path.with_suffix(part)
            if path in self._safe:
                path.write_bytes(self._safe[path])
            else:
                path.unlink(missing_ok=True)
        lost = {id(each) for each in self._unsafe}
        self._disk.written = [each for each in self._disk.written if id(each) not in lost]

    def _keep_safe(self) -> None:
        paths = [self._path.with_suffix(part) for part in _KEPT]
        self._safe = {path: path.read_bytes() for path in paths if path.exists()}
        self._unsafe = []
