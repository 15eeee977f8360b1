"""Who may trade on an account: the one process that holds its journal, once it knows what an earlier one left.

A start reads the journal, the exchange's clock and the rules of symbols with open orders, listens to the user data
stream, settles what was only meant or being sent, and compares the rest with the exchange. Then trading is open.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from binance_spot_mcp.catalogue.market import EXCHANGE_INFO, ExchangeInfoParams
from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.evidence import sightings
from binance_spot_mcp.trading.following import Following, OrderEvents
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.journal.file import Contents, journal_path, open_journal, put_aside
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Damaged
from binance_spot_mcp.trading.journal.writer import Journal, Store, unavailable
from binance_spot_mcp.trading.reconciler import Reconciler
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.venue_reset import PRACTICE, started_over, was_reset
from binance_spot_mcp.vocabulary import Environment

PATIENCE_S: Final = 2.0
"""How long a call waits for the start-up."""
AGAIN_MS: Final = 2_000
"""When to come back to one that takes longer."""
CLOCK_SAMPLES: Final = 5
"""So many looks at the exchange's clock at the start, where nobody waits for one; their median counts."""

OpenJournal = Callable[[Path, str, str], tuple[Store, Contents]]
"""Opens the journal at a path, of an environment and the fingerprint of a key; errors as in `file.open_journal`."""

_log = logger("trading")


@dataclass(frozen=True, slots=True)
class Account:
    """The account that this process trades on: what is known of its orders, and who finds out the rest.

    Attributes:
        notices: Sentences that the agent has not been told yet.
    """

    intents: Intents
    reconciler: Reconciler
    following: Following
    notices: list[str] = field(default_factory=list)

    def take_notices(self) -> tuple[str, ...]:
        """What the agent has to be told, once."""
        taken = tuple(self.notices)
        self.notices.clear()
        return taken


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
        events: The user data stream; None where there is none.
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
        sleep: Callable[[float], Awaitable[None]],
        open_file: OpenJournal = open_journal,
        events: OrderEvents | None = None,
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
        self._events = events
        self._path = journal_path(state, env, key or "")
        self._lock = WriterLock(self._path)
        self._step = ""
        self._opening: asyncio.Task[Account] | None = None
        self._journal: Journal | None = None
        self._reconciler: Reconciler | None = None
        self._following: Following | None = None

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

    @property
    def opened(self) -> Account | None:
        """The account, if it is open now; asking does not open it."""
        opening = self._opening
        there = opening is not None and opening.done() and not opening.cancelled() and opening.exception() is None
        return opening.result() if opening is not None and there else None

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
            opening = self._opening = self._task(self._opened(partial(self._recovered, key)))
        return opening

    def _task(self, opening: Coroutine[Any, Any, Account]) -> "asyncio.Task[Account]":
        task = asyncio.create_task(opening)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if nobody waits
        return task

    async def _opened(self, account: Callable[[], Awaitable[Account]]) -> Account:
        """The account; where it cannot be had, everything is let go."""
        try:
            return await account()
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
        account = await self._followed(intents)
        if await self._is_gone(account):
            return await self._begin_anew(key, account)
        account.following.go_on(partial(self._doubt, key, account))
        return account

    async def _followed(self, intents: Intents) -> Account:
        """Listen to what happens from now on, and find out what happened before."""
        register = intents.register
        reconciler = self._reconciler = Reconciler(
            self._exchange,
            intents,
            recv_window_ms=self._recv_window_ms,
            now_ms=self._now_ms,
            sleep=self._sleep,
        )
        following = self._following = Following(
            self._events,
            intents,
            reconciler,
            now_ms=self._now_ms,
            sleep=self._sleep,
            may_start_over=self._env in PRACTICE,
        )
        self._step = "the rules of symbols with open orders are being read"
        await self._read_rules(register)
        self._step = "the user data stream is being subscribed to"
        await following.begin()
        if register.tail_lost:
            self._step = "the journal has lost its end, and the exchange is asked for the orders that stood there"
            await self._find_lost_orders(intents, reconciler)
        self._step = "the exchange is asked what became of open orders"
        try:
            await following.compare()
        except SpotError as failure:
            if any(register.open()):
                raise
            _log.warning("orders of others could not be asked for", why=failure.message)
        reconciler.attend()
        return Account(intents, reconciler, following)

    async def _read_rules(self, register: Register) -> None:
        """Learn the limits of the exchange and whether the symbols of open orders still exist."""
        symbols = tuple(sorted({order.symbol for order in register.open()}))
        if symbols:
            try:
                await self._exchange.fetch(EXCHANGE_INFO, ExchangeInfoParams(symbols=symbols), urgent=True)
            except SpotError as failure:
                _log.warning("the rules of symbols with open orders could not be read", why=failure.message)

    async def _is_gone(self, account: Account) -> bool:
        """Whether the exchange has started over since the journal was written; not as long as it cannot be asked."""
        if not account.following.doubtful:
            return False
        self._step = "the exchange knows none of our orders any more, and is asked whether it has started over"
        try:
            return await was_reset(self._exchange, account.intents, account.reconciler, self._sleep)
        except SpotError as failure:
            _log.warning("the exchange could not be asked whether it has started over", why=failure.message)
            return False

    def _doubt(self, key: str, account: Account) -> None:
        """The exchange knows none of our orders: close trading until it is clear whether it has started over."""
        if self.opened is account:
            self._opening = self._task(self._asked_again(key, account))

    async def _asked_again(self, key: str, account: Account) -> Account:
        gone = await self._is_gone(account)
        return await self._opened(partial(self._begin_anew, key, account)) if gone else account

    async def _begin_anew(self, key: str, account: Account) -> Account:
        """Put the journal aside whole, since the exchange has started over, and begin the next one."""
        gone = [order for order in account.intents.register.open() if order.live]
        _log.warning("the exchange has started over", gone=[order.client_order_id for order in gone])
        await account.intents.start_over(gone, "")
        await self._close_journal()
        archive = await asyncio.to_thread(put_aside, self._path, f"{self._now_ms()}-venue-reset")
        anew = await self._recovered(key)
        await anew.intents.start_over(gone, archive.name)
        anew.notices.append(f"{started_over(anew.intents.register)}.")
        return anew

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
        await self._close_journal()
        self._lock.release()

    async def _close_journal(self) -> None:
        if self._following is not None:
            await self._following.close()
            self._following = None
        if self._reconciler is not None:
            await self._reconciler.close()
            self._reconciler = None
        if self._journal is not None:
            await self._journal.close()
            self._journal = None
