"""Writing the journal without standing in anybody's way: one thread commits what has gathered, all of it at once."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass
from typing import Protocol

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.journal.records import Entry

_log = logger("journal")


class Store(Protocol):
    """Where entries end up; `file.JournalFile` is one."""

    def commit(self, entries: Sequence[tuple[int, Entry]], *, durable: bool) -> None:
        """Write all of them down, or none."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class _Job:
    entries: tuple[tuple[int, Entry], ...]
    durable: bool
    done: asyncio.Future[None]


class Journal:
    """An open journal. It belongs to the event loop that runs when it is made.

    Args:
        store: Where entries end up; closed together with the journal.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._jobs: list[_Job] = []
        self._writing: asyncio.Task[None] | None = None
        self._broken: str | None = None
        self._failed = False

    async def append(self, *entries: Entry, at_ms: int, durable: bool = True) -> None:
        """Write entries down, and return when they are.

        Args:
            entries: What to write, in this order, all or nothing.
            at_ms: The exchange's time in epoch milliseconds.
            durable: Whether they must survive a power failure too. What the exchange can be asked for again need not.

        Raises:
            Refused: JOURNAL_UNAVAILABLE, they could not be written.
        """
        if self._broken is not None:
            raise unavailable(self._broken)
        done: asyncio.Future[None] = self._loop.create_future()
        self._jobs.append(_Job(tuple((at_ms, entry) for entry in entries), durable, done))
        if self._writing is None:
            # It writes for whoever comes, so it is part of no call.
            self._writing = self._loop.create_task(self._write(), context=Context())
        await done

    async def close(self) -> None:
        """Write what is waiting, and close the file."""
        self._broken = self._broken or "it is closed"
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._thread.shutdown()
        self._store.close()

    async def _write(self) -> None:
        try:
            while self._jobs:
                jobs, self._jobs = self._jobs, []
                _settle(jobs, await self._loop.run_in_executor(self._thread, self._failure, jobs))
        finally:
            self._writing = None

    def _failure(self, jobs: Sequence[_Job]) -> str | None:
        """Commit what some jobs hold; why it failed, or None."""
        if self._failed:
            return self._broken
        try:
            entries = [entry for job in jobs for entry in job.entries]
            self._store.commit(entries, durable=any(job.durable for job in jobs))
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait must not wait for ever
            _log.error("the journal could not be written", error=str(error))
            # A full disk has changed nothing and may have room later; after anything else nobody knows what is there.
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                self._failed, self._broken = True, str(error)
            return str(error)
        return None


def unavailable(why: str) -> Refused:
    """The refusal of whatever must be written down and cannot be."""
    return Refused(
        f"The journal cannot be written ({why}), so nothing was sent: trading is closed, reading works. The operator "
        "has to look at the disk, and at: binance-spot-mcp journal verify.",
        code="JOURNAL_UNAVAILABLE",
    )


def _settle(jobs: Sequence[_Job], failure: str | None) -> None:
    for job in jobs:
        if job.done.done():
            continue  # whoever waited has left
        if failure is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(unavailable(failure))
