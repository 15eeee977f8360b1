"""An exchange at work: founded or taken up again, its market running, its doors open.

async with running(Options(seed=1)) as exchange:
    exchange.rest       # http://127.0.0.1:PORT
    exchange.login.api_key
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from paper_exchange.accounts import Accounts
from paper_exchange.background import in_background
from paper_exchange.clock import Clock, RealClock, ShiftedClock, chosen
from paper_exchange.doors import Doors, open_doors
from paper_exchange.exchange import PaperExchange
from paper_exchange.faulty_store import FaultyStore
from paper_exchange.keys import seeded
from paper_exchange.lease import LeaseLogin, state_directory
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.runner import run_market
from paper_exchange.market.source import Due, Source
from paper_exchange.options import Options
from paper_exchange.sources import kind_of, source
from paper_exchange.store import Login, Origin, Store, erase

_log = logging.getLogger("paper_exchange")

MARKET_STEP_US = 250_000
"""How often the house acts."""
_LOG_LENGTH = 20_000
"""Commands that a log may hold at least before a snapshot replaces it."""
_COMMANDS_PER_SECOND_SAVED = 100_000
"""And so many more for each second that the last snapshot took."""


class OtherMarket(Exception):
    """What was kept began with another market than the one asked for."""


@dataclass(frozen=True, slots=True)
class Running:
    """An exchange that answers.

    Attributes:
        login: Of the first account.
    """

    doors: Doors
    login: Login
    accounts: Accounts
    exchange: PaperExchange

    @property
    def rest(self) -> str:
        """Base URL of the REST API."""
        return self.doors.rest

    @property
    def ws(self) -> str:
        """Base URL of the streams, which are below `/ws` and `/stream`."""
        return self.doors.ws

    @property
    def ws_api(self) -> str:
        """URL of the WebSocket API."""
        return self.doors.ws_api

    def lease_login(self, account: str) -> LeaseLogin:
        """What a process needs that takes a lease on an account."""
        login = self.accounts.login(account)
        return LeaseLogin(
            rest=self.rest,
            ws=self.ws,
            ws_api=self.ws_api,
            account=account,
            api_key=login.api_key,
            api_secret=login.api_secret,
        )

    def open_orders(self) -> int:
        """How many orders all accounts have open."""
        return sum(len(self.exchange.engine.open_orders(number)) for number in self.accounts.numbers)


@asynccontextmanager
async def running(options: Options, machine: Clock | None = None) -> AsyncIterator[Running]:
    """Serve an exchange for as long as the block lasts.

    Args:
        options: How it is to run.
        machine: The clock of the machine, where that is a simulated one.

    Raises:
        OSError: A port is taken, or a file cannot be written.
        OtherMarket: What was kept began with another market.
        ValueError: A file of symbols, a tape or a fault cannot be used.
    """
    async with AsyncExitStack() as stack:
        machine = machine or RealClock()
        base_clock = chosen(options.clock, machine)
        clock = ShiftedClock(base_clock)
        store = _store(options, stack)
        origin = _origin(options, store, clock.now_us())
        market = await stack.enter_async_context(source(options, seed=origin.seed, genesis_us=origin.genesis_us))
        exchange = PaperExchange(clock=clock, record=MarketRecord(market.past), store=store)
        _found_or_resume(exchange, market, clock)
        stack.callback(_save, exchange)
        randomness = os.urandom if options.seed is None else seeded(options.seed, "keys")
        accounts = Accounts(exchange, randomness=randomness, store=store)
        for name in options.accounts:
            accounts.login(name)
        if options.market:
            exchange.execute_due(market.advance(clock.now_us()))
            await stack.enter_async_context(
                in_background(run_market(market, clock, exchange.execute_due, step_us=MARKET_STEP_US))
            )
        if store is not None:
            await stack.enter_async_context(in_background(_save_now_and_then(exchange, store)))
        doors = await stack.enter_async_context(
            open_doors(
                exchange,
                accounts,
                options,
                clock=clock,
                base_clock=base_clock,
                machine=machine,
                store=store,
                seed=origin.seed,
            )
        )
        yield Running(doors, accounts.login(options.accounts[0]), accounts, exchange)


def _store(options: Options, stack: AsyncExitStack) -> FaultyStore | None:
    if options.home is None or options.memory:
        return None
    directory = state_directory(options.home)
    if options.reset:
        erase(directory)
    store = FaultyStore(directory)
    stack.callback(store.close)
    return store


def _origin(options: Options, store: Store | None, now_us: int) -> Origin:
    """How the market began: as it was kept, or now."""
    kept, market = None if store is None else store.origin(), kind_of(options)
    if kept is None:
        seed = int.from_bytes(os.urandom(4)) if options.seed is None else options.seed
        kept = Origin(seed, now_us, market)
        if store is not None:
            store.set_origin(kept)
    elif not goes_on(options, kept):
        raise OtherMarket(
            f"this home has a market of its own ({kept.market}, seed {kept.seed}); "
            "leave out what says otherwise, or take another home or --memory"
        )
    return kept


def goes_on(options: Options, kept: Origin) -> bool:
    """Whether the market that was kept is the one that is asked for."""
    return options.seed in {None, kept.seed} and kind_of(options) == kept.market


def _found_or_resume(exchange: PaperExchange, market: Source, clock: ShiftedClock) -> None:
    """Let the exchange be what it was, or begin. Its time goes on where it was, however fast the clock ran then."""
    if exchange.resume():
        clock.shift_us = max(0, exchange.engine.now_us - clock.now_us())
        now_us = exchange.now_us()
        exchange.execute_due(Due(now_us, command) for command in market.resuming())
    else:
        with exchange.together():
            for command in market.founding():
                exchange.submit(command)


async def _save_now_and_then(exchange: PaperExchange, store: Store) -> None:
    """Replace the log by a snapshot before replaying it would take long; the longer a snapshot takes, the rarer."""
    enough = _LOG_LENGTH
    while True:
        await asyncio.sleep(1)
        if store.logged >= enough:
            begun_s = time.perf_counter()
            _save(exchange)
            enough = max(_LOG_LENGTH, int((time.perf_counter() - begun_s) * _COMMANDS_PER_SECOND_SAVED))


def _save(exchange: PaperExchange) -> None:
    """Take a snapshot if the disk lets us; where it does not, the log says as much."""
    try:
        exchange.save()
    except OSError:
        _log.exception("no snapshot could be taken")
