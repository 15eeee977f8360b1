"""The journal as a file: SQLite for the records, the head file beside it.

Source: sqlite.org/pragma.html#pragma_synchronous (what a commit survives)
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from binance_spot_mcp.trading.journal.head import HeadFile, read_head
from binance_spot_mcp.trading.journal.records import SCHEMA, Damaged, Entry, Place, Record, beginning, chained, verified

_APPLICATION: Final = 0x42535044
"""Marks the file as a journal of ours (SQLite's application_id)."""
_SCHEMA_STATEMENTS: Final = (
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {SCHEMA}",
    "CREATE TABLE journal (env TEXT NOT NULL, account TEXT NOT NULL) STRICT",
    (
        "CREATE TABLE records (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, intent_id TEXT NOT NULL, "
        "kind TEXT NOT NULL, symbol TEXT NOT NULL, state TEXT NOT NULL, client_order_id TEXT NOT NULL, "
        "order_id INTEGER, payload TEXT NOT NULL, evidence TEXT NOT NULL, hash TEXT NOT NULL) STRICT"
    ),
    "CREATE TRIGGER no_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER no_delete BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'append-only'); END",
)
_COLUMNS: Final = "seq, at_ms, intent_id, kind, symbol, state, client_order_id, order_id, payload, evidence, hash"
_FINGERPRINT: Final = 12
_MEANT: Final = ("intent", "INTENDED")


def fingerprint(api_key: str) -> str:
    """What stands for a key in the name of its journal."""
    return sha256(api_key.encode()).hexdigest()[:_FINGERPRINT]


def journal_path(state: Path, env: str, account: str) -> Path:
    """Where the journal of an account is.

    Args:
        state: The folder of the server's own files.
        env: The environment.
        account: The fingerprint of the account's key.
    """
    return state / f"{env}-{account}.sqlite"


def head_path(path: Path) -> Path:
    """The head file of a journal."""
    return path.with_suffix(".head")


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a journal holds, verified.

    Attributes:
        env: Its environment.
        account: The fingerprint of its key.
        records: Every record, in order.
        lost: How many records its end has lost, None if that cannot be known; 0 for a whole journal.
    """

    env: str
    account: str
    records: tuple[Record, ...]
    lost: int | None

    @property
    def end(self) -> Place:
        """The place of the last record."""
        if not self.records:
            return beginning(self.env, self.account)
        return Place(self.records[-1].seq, self.records[-1].hash)


def read_journal(path: Path) -> Contents:
    """Read a journal without touching it, also while it is written.

    Raises:
        Damaged: It is not what was written.
        OSError: It cannot be opened.
    """
    path.stat()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return _contents(database, read_head(head_path(path)))


def put_aside(path: Path, name: str) -> Path:
    """Move a journal with all that belongs to it into the archive, and return its folder there.

    Args:
        path: The journal; nobody may be writing it.
        name: What tells this archive from others of the account, e.g. the time.
    """
    folder = path.parent / "archive" / f"{path.stem}-{name}"
    folder.mkdir(mode=0o700, parents=True)
    for suffix in (".sqlite", ".sqlite-wal", ".sqlite-shm", ".head"):
        part = path.with_suffix(suffix)
        if part.exists():
            part.rename(folder / part.name)
    return folder


class JournalFile:
    """A journal that is open for writing; there is one writer, which has to see to it. `open_journal` makes one.

    Args:
        database: The open database.
        head: The open head file.
        end: The place of the last record.
    """

    def __init__(self, database: sqlite3.Connection, head: HeadFile, end: Place) -> None:
        self._database = database
        self._head = head
        self._end = end

    def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
        """Write entries down, all or none of them.

        Args:
            entries: Each with the time at which it was made.
            durable: Whether they must survive a power failure before this returns. What can be asked for again need
                not; it survives the end of the process all the same.

        Raises:
            sqlite3.Error, OSError: They were not written, or nobody can tell.
        """
        records: list[Record] = []
        end = self._end
        for at_ms, entry in entries:
            records.append(chained(end, at_ms, entry))
            end = Place(records[-1].seq, records[-1].hash)
        self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._database.execute("BEGIN IMMEDIATE")
        try:
            marks = ", ".join("?" * len(records[0].row))
            rows = [record.row for record in records]
            self._database.executemany(f"INSERT INTO records VALUES ({marks})", rows)  # noqa: S608  (question marks)
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._end = end
        # What is only meant has not left: were it lost, nothing would have to be asked for, so the head may come later.
        leaving = any((entry.kind, entry.state) != _MEANT for _, entry in entries)
        self._head.write(end, durable=durable and leaving)

    def close(self) -> None:
        """Close it."""
        self._database.close()
        self._head.close()


def open_journal(path: Path, env: str, account: str) -> tuple[JournalFile, Contents]:
    """Open a journal for writing, and read what it holds.

    Args:
        path: Where it is; made, with its folder, if there is none.
        env: The environment.
        account: The fingerprint of the account's key.

    Raises:
        Damaged: It is not what was written, or belongs to another account.
        OSError, sqlite3.Error: It cannot be opened.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(database, env, account)
        contents = _of_account(_contents(database, read_head(head_path(path))), env, account)
        head = HeadFile(head_path(path))
        _sync_folder(path.parent)
    except BaseException:
        database.close()
        raise
    return JournalFile(database, head, contents.end), contents


def _prepare(database: sqlite3.Connection, env: str, account: str) -> None:
    """Set the database up, and make its tables where there are none."""
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA fullfsync = ON")  # what a commit means on macOS
        if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return
        database.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA_STATEMENTS:
            database.execute(statement)
        database.execute("INSERT INTO journal VALUES (?, ?)", (env, account))
        database.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise Damaged(str(error)) from error


def _contents(database: sqlite3.Connection, head: Place | None) -> Contents:
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        application = database.execute("PRAGMA application_id").fetchone()[0]
        if application != _APPLICATION:
            raise Damaged("it is no journal of this program")
        if version != SCHEMA:
            raise Damaged(f"it has version {version}, and this program reads version {SCHEMA}")
        env, account = database.execute("SELECT env, account FROM journal").fetchone() or ("", "")
        rows = database.execute(f"SELECT {_COLUMNS} FROM records ORDER BY seq")  # noqa: S608  (a constant)
        records = tuple(verified(rows, beginning(env, account)))
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        raise Damaged(str(error)) from error
    return Contents(env, account, records, _lost(records, head))


def _of_account(contents: Contents, env: str, account: str) -> Contents:
    if (contents.env, contents.account) != (env, account):
        raise Damaged(f"it belongs to {contents.env}-{contents.account}")
    return contents


def _lost(records: Sequence[Record], head: Place | None) -> int | None:
    """How many records the end has lost, by the head file.

    Raises:
        Damaged: The head file speaks of another chain.
    """
    if head is None:
        return None if records else 0
    if head.seq > len(records):
        return head.seq - len(records)
    if head.seq and records[head.seq - 1].hash != head.hash:
        raise Damaged(f"record {head.seq} is not the one that the head file knows")
    return 0


def _sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power failure, where folders can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
