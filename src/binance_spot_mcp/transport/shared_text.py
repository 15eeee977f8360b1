"""A few texts in a file, which the processes of one machine change one at a time.

SQLite does the work: its lock ends with the process that holds it, and what a process that dies had half written never
counts. Nothing waits for the disk: a power failure may undo the last steps, but leaves what stood before them.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

BUSY_S: Final = 0.005
"""How long a change waits for another process's; one takes 0.02 ms."""

_TABLE = "CREATE TABLE IF NOT EXISTS texts (name TEXT PRIMARY KEY, text BLOB NOT NULL)"
_READ = "SELECT text FROM texts WHERE name = ?"
_WRITE = "INSERT INTO texts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET text = ?2"

T = TypeVar("T")


class Busy(Exception):
    """Another process is changing the file, and nothing was changed."""


class Unusable(Exception):
    """The file cannot be read or written, for a reason that the text says; nothing was changed."""


class SharedText:
    """One text of the file.

    Args:
        path: The file; made with its folder, for its user alone, when it is first used.
        name: Which text.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self._name = name
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def change(self, step: Callable[[bytes | None], tuple[bytes, T]]) -> T:
        """Put a text in the place of the one that is there, while no other process can.

        Args:
            step: Gets the text, or None where there is none yet; returns the new one, and what is to be returned. What
                it raises leaves everything as it was.

        Raises:
            Busy: Another process has not finished within a few milliseconds.
            Unusable: The file is damaged, or not ours to write.
        """
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                row = connection.execute(_READ, (self._name,)).fetchone()
                text, result = step(row[0] if row else None)
                connection.execute(_WRITE, (self._name, text))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise Busy from None
            self.close()
            raise Unusable(str(error)) from None
        except OSError as error:
            self.close()
            raise Unusable(error.strerror or str(error)) from None
        return result

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that lies there now, which may not be the one of before."""
        if self._connection is not None and self._file == self._there():
            return self._connection
        self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        self._file = self._there()
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _there(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116  # three times as fast as Path.stat, and done for every step
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino
