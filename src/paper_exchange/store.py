"""What survives the process: a log of commands with snapshots, the keys, and how the market began. SQLite.

A command is in the log before anybody hears of what it did, so killing the process loses nothing that was
acknowledged. The log is written without waiting for the disk: it is the operating system, not the process, that must
survive. A snapshot takes the place of the log before it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from paper_exchange.engine.commands import Command, decode, encode
from paper_exchange.keys import KeyKind

_VERSION = 1
"""Of tables, commands and snapshots together."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS origin (seed INTEGER NOT NULL, genesis_us INTEGER NOT NULL, market TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot (engine BLOB NOT NULL, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, command BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS login (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, api_key TEXT NOT NULL, api_secret TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS more_keys (
    api_key TEXT PRIMARY KEY, number INTEGER NOT NULL, kind TEXT NOT NULL, material TEXT NOT NULL
);
"""
FILE = "exchange.sqlite"


class Origin(Struct, frozen=True):
    """How the market began: from these it is made up anew. `market` names the kind of source."""

    seed: int
    genesis_us: int
    market: str


class Snapshot(Struct, frozen=True):
    """The state of an exchange, as engine and record wrote it."""

    engine: bytes
    record: bytes


class Login(Struct, frozen=True, kw_only=True):
    """What somebody needs to use an account, and the account's number."""

    number: int
    account: str
    api_key: str
    api_secret: str


class KeptKey(Struct, frozen=True):
    """One more key of an account. `material` is what signatures are checked with: the secret, or the public key."""

    api_key: str
    number: int
    kind: KeyKind
    material: str


class OtherVersion(ValueError):
    """The file was written by a version that kept other things, or the same things otherwise."""


def kept_origin(directory: Path) -> Origin | None:
    """How the market of a directory began, None where nothing is kept. The exchange's lock must be held."""
    if not (directory / FILE).exists():
        return None
    store = Store(directory)
    try:
        return store.origin()
    finally:
        store.close()


class Store:
    """The file of one exchange.

    Args:
        directory: Where it lies; made when missing. The process must hold the exchange's lock.

    Attributes:
        logged: How many commands the log holds.

    Raises:
        OtherVersion: Another version wrote it.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = directory / FILE
        new = not file.exists()
        file.touch(mode=0o600)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")  # nobody else is there, so no locks per command
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        if new:
            self._db.execute(f"PRAGMA user_version={_VERSION}")
        elif self._db.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            self._db.close()
            raise OtherVersion(
                f"{file} is of another version; begin anew with: paper --reset --home {directory.parents[1]}"
            )
        self._db.executescript(_SCHEMA)
        (self.logged,) = self._db.execute("SELECT count(*) FROM log").fetchone()

    def close(self) -> None:
        """Write everything out and let go of the file."""
        self._db.close()

    def origin(self) -> Origin | None:
        """How the market began, None when nothing was kept yet."""
        row = self._db.execute("SELECT seed, genesis_us, market FROM origin").fetchone()
        return None if row is None else Origin(*row)

    def set_origin(self, origin: Origin) -> None:
        """Note how the market begins."""
        self._db.execute("INSERT INTO origin VALUES (?, ?, ?)", (origin.seed, origin.genesis_us, origin.market))

    @property
    def is_together(self) -> bool:
        """Whether a block is open whose commands are written at once."""
        return self._db.in_transaction

    def append(self, at_us: int, command: Command) -> None:
        """Log a command that was executed.

        Raises:
            OSError: The disk fails.
        """
        try:
            self._db.execute("INSERT INTO log (at_us, command) VALUES (?, ?)", (at_us, encode(command)))
        except sqlite3.OperationalError as error:
            raise OSError(str(error)) from error
        self.logged += 1

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all that the block appends at once, whatever ends it: what was executed was executed.

        Raises:
            OSError: The disk fails; nothing of the block is written.
        """
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            try:
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._db.execute("ROLLBACK")
                raise OSError(str(error)) from error

    def save(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the log.

        Raises:
            OSError: The disk fails; log and snapshot are as before.
        """
        with self.together():
            self._db.execute("DELETE FROM snapshot")
            self._db.execute("INSERT INTO snapshot VALUES (?, ?)", (snapshot.engine, snapshot.record))
            self._db.execute("DELETE FROM log")
        self.logged = 0

    def snapshot(self) -> Snapshot | None:
        """The last snapshot."""
        row = self._db.execute("SELECT engine, record FROM snapshot").fetchone()
        return None if row is None else Snapshot(*row)

    def log(self) -> Iterator[tuple[int, Command]]:
        """The commands since the last snapshot, with their times."""
        for at_us, command in self._db.execute("SELECT at_us, command FROM log ORDER BY seq").fetchall():
            yield at_us, decode(command)

    def add_login(self, login: Login) -> None:
        """Keep an account's key."""
        row = (login.number, login.account, login.api_key, login.api_secret)
        self._db.execute("INSERT INTO login VALUES (?, ?, ?, ?)", row)

    def logins(self) -> list[Login]:
        """Every account's key."""
        rows = self._db.execute("SELECT number, account, api_key, api_secret FROM login ORDER BY number")
        return [Login(number=row[0], account=row[1], api_key=row[2], api_secret=row[3]) for row in rows]

    def add_key(self, key: KeptKey) -> None:
        """Keep one more key of an account."""
        self._db.execute("INSERT INTO more_keys VALUES (?, ?, ?, ?)", (key.api_key, key.number, key.kind, key.material))

    def keys(self) -> list[KeptKey]:
        """The keys that accounts have beside the one of their login."""
        return [KeptKey(*row) for row in self._db.execute("SELECT api_key, number, kind, material FROM more_keys")]


def erase(directory: Path) -> None:
    """Forget an exchange. It must not run."""
    for file in directory.glob(f"{FILE}*"):
        file.unlink()
