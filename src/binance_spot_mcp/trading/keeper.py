"""Who may trade on an account: the one process that holds its journal, once it knows what an earlier one left."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.evidence import sightings
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.journal.file import Contents, journal_path, open_journal
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Damaged
from binance_spot_mcp.trading.journal.writer import Journal, Store, unavailable
from binance_spot_mcp.trading.reconciler import Reconciler
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.vocabulary import Environment

PATIENCE_S: Final = 2.0
"""How long a call waits for the start-up."""
AGAIN_MS: Final = 2_000
"""When to come back to one that takes longer."""

OpenJournal = Callable[[Path, str, str], tuple[Store, Contents]]
"""Opens the journal at a path, of an environment and the fingerprint of a key; errors as in `file.open_journal`."""

_log = logger("trading")


@dataclass(frozen=True, slots=True)
class Account:
    """The account that this process trades on: what is known of its orders, and who finds out the rest."""

    intents: Intents
    reconciler: Reconciler


class Keeper:
    """Opens the journal of an account when something is to be traded, and keeps it for this process.

    Args:
        state: The folder of the server's own files.
        env: The environment.
        key: The fingerprint of the account's key; None without a key.
        exchange: Makes the calls that find out what became of orders.
        ids: Makes names, and knows our own again.
        recv_window_ms: How long a timestamp of ours is valid.
        now_ms: The exchange's time in epoch milliseconds.
        know_the_time: Reads the exchange's clock.
        sleep: Waits so many seconds.
        open_file: Opens the journal's file.
    """

    def __init__(
        self,
        state: Path,
        env: Environment,
        key: str | None,
        *,
        exchange: Exchange,
        ids: ClientOrderIds,
        recv_window_ms: int,
        now_ms: Callable[[], int],
        know_the_time: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        open_file: OpenJournal = open_journal,
    ) -> None:
        self._env = env
        self._key = key
        self._exchange = exchange
        self._ids = ids
        self._recv_window_ms = recv_window_ms
        self._now_ms = now_ms
        self._know_the_time = know_the_time
        self._sleep = sleep
        self._open_file = open_file
        self._path = journal_path(state, env, key or "")
        self._lock = WriterLock(self._path)
        self._step = ""
        self._opening: asyncio.Task[Account] | None = None
        self._journal: Journal | None = None
        self._reconciler: Reconciler | None = None

    @property
    def name(self) -> str:
        """Environment and fingerprint of the key: what the account is called in the server's own files."""
        return self._path.stem

    def start(self) -> None:
        """Begin at once, where an earlier process has left something that may be unsettled."""
        if self._key is not None and self._path.exists():
            self._begin(self._key)

    async def account(self) -> Account:
        """The account; the first use opens its journal, and one that failed is tried again by the next.

        Raises:
            Refused: AUTH_FAILED, there is no key; READ_ONLY, another process trades on the account;
                JOURNAL_UNAVAILABLE, the journal is damaged or cannot be opened; NOT_READY, the start takes longer.
        """
        if self._key is None:
            raise Refused(
                f"Trading needs a key for {self._env}: set BINANCE_API_KEY with BINANCE_API_SECRET or "
                "BINANCE_PRIVATE_KEY_PATH. BINANCE_ENV=paper needs none.",
                code="AUTH_FAILED",
            )
        opening = self._begin(self._key)
        await asyncio.wait([opening], timeout=PATIENCE_S)
        if not opening.done():
            raise Refused(
                f"Trading is not ready yet: {self._step}. Nothing was sent; call again in a moment.",
                code="NOT_READY",
                retry="at",
                retry_at_ms=self._now_ms() + AGAIN_MS,
                details={"step": self._step},
            )
        return opening.result()

    async def account_if_any(self) -> Account | None:
        """The account, or None where nothing was ever traded on it here: whoever only looks opens no journal.

        Raises:
            Refused: As `account` does.
        """
        nothing_yet = self._key is not None and self._opening is None and not self._path.exists()
        return None if nothing_yet else await self.account()

    async def close(self) -> None:
        """Stop looking for orders, close the journal, and let another process trade."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self._let_go()

    def _begin(self, key: str) -> "asyncio.Task[Account]":
        opening = self._opening
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = self._opening = asyncio.create_task(self._open(key))
            opening.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if nobody waits
        return opening

    async def _open(self, key: str) -> Account:
        try:
            return await self._recovered(key)
        except Damaged as damage:
            _log.error("the journal is damaged", why=str(damage))
            await self._let_go()
            raise Refused(
                f"The journal of this account is damaged inside ({damage}), so trading is closed; reading works. The "
                "operator has to compare the orders at the exchange, and then put it aside with: binance-spot-mcp "
                "journal archive.",
                code="JOURNAL_UNAVAILABLE",
            ) from None
        except (OSError, sqlite3.Error) as error:
            await self._let_go()
            raise unavailable(str(error)) from None
        except SpotError:
            await self._let_go()
            raise

    async def _recovered(self, key: str) -> Account:
        """Open the journal, settle what an earlier process left, and ask what became of what it had sent."""
        self._step = "the journal is being read"
        if not await asyncio.to_thread(self._lock.take):
            raise self._read_only()
        file, contents = await asyncio.to_thread(self._open_file, self._path, self._env, key)
        self._journal = Journal(file)
        register = await asyncio.to_thread(Register, contents.records)
        self._step = "the exchange's clock is being read"
        await self._know_the_time()
        intents = Intents(self._journal, register, self._now_ms, self._ids.new)
        await intents.recover(contents.end.seq, contents.lost)
        self._reconciler = Reconciler(
            self._exchange,
            intents,
            recv_window_ms=self._recv_window_ms,
            now_ms=self._now_ms,
            sleep=self._sleep,
        )
        if register.tail_lost:
            self._step = "the journal has lost its end, and the exchange is asked for the orders that stood there"
            await self._find_lost_orders(intents, self._reconciler)
        self._step = "the exchange is asked what became of open orders"
        await self._reconciler.look_at_all([order for order in register.open() if order.live])
        self._reconciler.attend()
        return Account(intents, self._reconciler)

    async def _find_lost_orders(self, intents: Intents, reconciler: Reconciler) -> None:
        """Adopt every order with a name of this installation that the journal does not know.

        Raises:
            SpotError: The exchange could not be asked, so that trading stays closed.
        """
        register = intents.register
        last_ms = max((intent.begun_ms for intent in register.intents.values()), default=None)
        rows = [*await reconciler.open_orders(None)]
        for symbol in {intent.symbol for intent in register.intents.values()} | {row.symbol for row in rows}:
            rows += await reconciler.orders_since(symbol, last_ms)
        lost = {
            sighting.client_order_id: sighting
            for sighting in sightings(tuple(rows), "all_orders")
            if self._ids.ours(sighting.client_order_id) and sighting.client_order_id not in register.orders
        }
        _log.warning("the journal has lost its end", adopted=[*lost])
        await intents.adopt(lost.values())

    def _read_only(self) -> Refused:
        writer = self._lock.writer()
        other = "another paper account (BINANCE_PAPER_ACCOUNT)" if self._env == "paper" else "a key of its own"
        return Refused(
            f"{writer.capitalize()} trades on this account, so this server only reads. It can trade once that one has "
            f"ended, or with {other}.",
            code="READ_ONLY",
            details={"writer": writer},
        )

    async def _let_go(self) -> None:
        if self._reconciler is not None:
            await self._reconciler.close()
            self._reconciler = None
        if self._journal is not None:
            await self._journal.close()
            self._journal = None
        self._lock.release()
