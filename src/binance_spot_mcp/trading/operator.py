"""What the operator says from another process, and what only the operator may take back.

One small SQLite file for all accounts of a home, append-only, beside the journals. Every process on the account reads
it before it sends an order, so what is said in one holds in all, at once, and outlives them and their journals.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from binance_spot_mcp.errors import Refused

OPERATOR_FILE: Final = "operator.sqlite"
"""Its name, in the folder of the server's own files."""
_APPLICATION: Final = 0x4253504F
"""Marks the file as one of ours (SQLite's application_id)."""
_VERSION: Final = 1
_PATIENCE_S: Final = 0.2
"""How long another process may take to write its line; the event loop waits for it."""
_SCHEMA_STATEMENTS: Final = (
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
    (
        "CREATE TABLE decisions (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, account TEXT NOT NULL, "
        "kind TEXT NOT NULL, subject TEXT NOT NULL, data TEXT NOT NULL) STRICT"
    ),
    "CREATE TRIGGER no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER no_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'append-only'); END",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Something that was said once.

    Attributes:
        id: Its number: later ones have higher ones, over all accounts, and none is used twice.
        at_ms: When, by the clock of whoever said it.
        account: Environment and fingerprint of the key, as in the name of the journal.
        kind: What it is, e.g. `resume`.
        subject: What it is about, e.g. a code.
        data: What else belongs to it.
    """

    id: int
    at_ms: int
    account: str
    kind: str
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class OperatorFile:
    """The file of decisions. Several processes may have it open.

    Args:
        path: Where it is; made, readable by its owner alone, when the first decision is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def write(
        self, account: str, kind: str, subject: str = "", data: Mapping[str, Any] | None = None, *, at_ms: int
    ) -> Decision:
        """Add a decision; it is durable when this returns.

        Raises:
            Refused: JOURNAL_UNAVAILABLE, it could not be written.
        """
        row = (at_ms, account, kind, subject, msgspec.json.encode(data or {}, order="sorted").decode())
        try:
            database = self._open() or self._made()
            written = database.execute(
                "INSERT INTO decisions (at_ms, account, kind, subject, data) VALUES (?, ?, ?, ?, ?)", row
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unavailable(error) from None
        return Decision(
            id=int(written.lastrowid or 0), at_ms=at_ms, account=account, kind=kind, subject=subject, data=data or {}
        )

    def read(self, account: str | None, after: int = 0) -> tuple[Decision, ...]:
        """The decisions on an account, oldest first.

        Args:
            account: Which account; None for all of them.
            after: Only those with a higher number.

        Raises:
            Refused: JOURNAL_UNAVAILABLE, the file is there and cannot be read.
        """
        try:
            if (database := self._open()) is None:
                return ()
            rows = database.execute(
                "SELECT id, at_ms, account, kind, subject, data FROM decisions "
                "WHERE id > ? AND (account = ? OR ? IS NULL) ORDER BY id",
                (after, account, account),
            ).fetchall()
            return tuple(
                Decision(id=number, at_ms=at, account=whose, kind=kind, subject=subject, data=msgspec.json.decode(data))
                for number, at, whose, kind, subject, data in rows
            )
        except (OSError, sqlite3.Error, msgspec.DecodeError) as error:
            raise self._unavailable(error) from None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection | None:
        """The open file; None as long as nobody has made it.

        Raises:
            OSError, sqlite3.Error: It is not what it should be.
        """
        if self._database is None and self._path.exists():
            database = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=_PATIENCE_S,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                _prepare(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _made(self) -> sqlite3.Connection:
        """Make the file: complete beside its place, then put there, so that nobody ever finds half of it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            database = sqlite3.connect(draft, isolation_level=None)
            try:
                database.execute("PRAGMA journal_mode = WAL")  # so that nobody who reads waits for one who writes
                database.execute("BEGIN")
                for statement in _SCHEMA_STATEMENTS:
                    database.execute(statement)
                database.execute("COMMIT")
            finally:
                database.close()
            with suppress(FileExistsError):  # another process was quicker
                self._path.hardlink_to(draft)
        finally:
            draft.unlink()
        opened = self._open()
        if opened is None:
            raise FileNotFoundError(f"{self._path.name} has vanished")
        return opened

    def _unavailable(self, error: Exception) -> Refused:
        return Refused(
            f"The operator's file {self._path} cannot be used ({error}), so trading is closed; reading works. The "
            "operator has to look at the disk and at that file.",
            code="JOURNAL_UNAVAILABLE",
        )


def _prepare(database: sqlite3.Connection) -> None:
    """Set an open file up.

    Raises:
        sqlite3.Error: It is not one of ours.
    """
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if (application, version) != (_APPLICATION, _VERSION):
        raise sqlite3.DatabaseError("it is no file of this version of this program")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA fullfsync = ON")  # what a commit means on macOS
