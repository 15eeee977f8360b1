"""Who may trade on an account: the one process that holds its journal."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.journal.file import JournalFile, journal_path
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Damaged
from binance_spot_mcp.trading.journal.writer import Journal, unavailable
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.vocabulary import Environment

PATIENCE_S: Final = 2.0
"""How long a call waits for the start-up."""

_log = logger("trading")


class Keeper:
    """Opens the journal of an account when something is to be traded, and keeps it for this process.

    Args:
        state: The folder of the server's own files.
        env: The environment.
        account: The fingerprint of the account's key; None without a key.
        now_ms: The exchange's time in epoch milliseconds.
        new_id: Makes a name that was never used.
    """

    def __init__(
        self,
        state: Path,
        env: Environment,
        account: str | None,
        *,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._env = env
        self._account = account
        self._path = journal_path(state, env, account or "")
        self._lock = WriterLock(self._path)
        self._now_ms = now_ms
        self._new_id = new_id
        self._journal: Journal | None = None
        self._opening: asyncio.Task[Intents] | None = None

    async def intents(self) -> Intents:
        """The calls of this account; the first use opens its journal, and one that failed is tried again by the next.

        Raises:
            Refused: AUTH_FAILED, there is no key; READ_ONLY, another process trades on the account;
                JOURNAL_UNAVAILABLE, the journal is damaged or cannot be opened; NOT_READY, the start takes longer.
        """
        if self._account is None:
            raise Refused(
                f"Trading needs a key for {self._env}: set BINANCE_API_KEY with BINANCE_API_SECRET or "
                "BINANCE_PRIVATE_KEY_PATH. BINANCE_ENV=paper needs none.",
                code="AUTH_FAILED",
            )
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(self._open(self._account))
        await asyncio.wait([self._opening], timeout=PATIENCE_S)
        if not self._opening.done():
            raise Refused("Trading is not ready yet: the journal is being read.", code="NOT_READY", retry="at")
        return self._opening.result()

    async def close(self) -> None:
        """Close the journal, and let another process trade."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
            self._opening.exception()
        if self._journal is not None:
            await self._journal.close()
        self._lock.release()

    async def _open(self, account: str) -> Intents:
        try:
            file = await asyncio.to_thread(self._opened, account)
        except Damaged as damage:
            _log.error("the journal is damaged", why=str(damage))
            raise Refused(
                f"The journal of this account is damaged inside ({damage}), so trading is closed; reading works. The "
                "operator has to compare the orders at the exchange, and then put it aside with: binance-spot-mcp "
                "journal archive.",
                code="JOURNAL_UNAVAILABLE",
            ) from None
        except (OSError, sqlite3.Error) as error:
            raise unavailable(str(error)) from None
        self._journal = Journal(file)
        intents = Intents(self._journal, Register(file.contents.records), self._now_ms, self._new_id)
        await intents.recover(file.contents)
        return intents

    def _opened(self, account: str) -> JournalFile:
        if not self._lock.take():
            other = "another paper account (BINANCE_PAPER_ACCOUNT)" if self._env == "paper" else "a key of its own"
            raise Refused(
                f"{self._lock.writer().capitalize()} trades on this account, so this server only reads. It can trade "
                f"once that one has ended, or with {other}.",
                code="READ_ONLY",
                details={"writer": self._lock.writer()},
            )
        try:
            return JournalFile(self._path, self._env, account)
        except BaseException:
            self._lock.release()
            raise
