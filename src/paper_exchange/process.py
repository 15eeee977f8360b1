"""A paper exchange as a process: built, served on loopback, ended cleanly.

    async with running(Options(seed=1)) as exchange:
        exchange.rest       # http://127.0.0.1:PORT
        exchange.login.api_key

`run` is the same for a command line: it serves until SIGINT, SIGTERM or the end of the last lease.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from paper_exchange.accounts import Accounts, Login
from paper_exchange.clock import Clock, RealClock
from paper_exchange.engine.commands import AddSymbol, SetExchange
from paper_exchange.exchange import PaperExchange
from paper_exchange.gateway import rest_server
from paper_exchange.gateway.api import Api
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.gateway.endpoints import ENDPOINTS
from paper_exchange.gateway.limits import Limits, LimitTable
from paper_exchange.gateway.rest import RestGateway
from paper_exchange.gateway.socket_server import API_PATH, SocketServer
from paper_exchange.keys import new_text, seeded
from paper_exchange.lease import ALREADY_RUNNING_STATUS, AlreadyRunning, LeaseDesk, LeaseLogin, exclusive, leasable
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.runner import run_market
from paper_exchange.market.synthetic.market import SyntheticMarket
from paper_exchange.options import Options

_log = logging.getLogger("paper_exchange")

MARKET_STEP_US = 250_000
"""How often the house acts."""
STREAM_LAG_US = 10_000
"""Streams speak after the house has acted, not in the same instant."""


@dataclass(frozen=True, slots=True)
class Running:
    """An exchange that answers.

    Attributes:
        rest: Base URL of the REST API.
        ws: Base URL of the streams, which are below `/ws` and `/stream`.
        ws_api: URL of the WebSocket API.
        login: Of the first account.
    """

    rest: str
    ws: str
    ws_api: str
    login: Login
    accounts: Accounts
    exchange: PaperExchange

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
async def running(options: Options) -> AsyncIterator[Running]:
    """Serve an exchange for as long as the block lasts.

    Raises:
        OSError: A port is taken.
    """
    clock = RealClock()
    seed = int.from_bytes(os.urandom(4)) if options.seed is None else options.seed
    market = SyntheticMarket(BUILT_IN, seed=seed, genesis_us=clock.now_us()) if options.market else None
    exchange = _founded(clock, market)
    accounts = Accounts(exchange, randomness=os.urandom if options.seed is None else seeded(seed, "keys"))
    for name in options.accounts:
        accounts.login(name)
    limits = Limits(LimitTable().times(options.limit_factor))
    exchange.listen(limits.apply)
    api = Api(Venue(exchange, limits))
    gateway = RestGateway(api, ENDPOINTS)
    sockets = SocketServer(api, clock=clock, limit_factor=options.limit_factor, lag_us=STREAM_LAG_US)
    async with AsyncExitStack() as stack:
        if market is not None:
            stack.enter_context(_in_background(run_market(market, clock, exchange.execute_due, step_us=MARKET_STEP_US)))
        rest = await stack.enter_async_context(rest_server.serving(gateway, options.host, options.port))
        ws = await stack.enter_async_context(sockets.serving(options.host, options.ws_port))
        yield Running(rest, ws, f"{ws}{API_PATH}", accounts.login(options.accounts[0]), accounts, exchange)


def _founded(clock: Clock, market: SyntheticMarket | None) -> PaperExchange:
    """An exchange with its symbols, and with books that are filled when there is a market."""
    if market is None:
        exchange = PaperExchange(clock=clock)
        for listing in BUILT_IN.listings.values():
            exchange.submit(AddSymbol(spec=listing.spec))
        exchange.submit(SetExchange(sors=BUILT_IN.sors))
        return exchange
    exchange = PaperExchange(clock=clock, record=MarketRecord(market.past))
    for command in market.founding():
        exchange.submit(command)
    exchange.execute_due(market.advance(clock.now_us()))
    return exchange


def run(options: Options) -> int:
    """Serve an exchange until it is told to end; returns the exit status."""
    try:
        asyncio.run(_run(options))
    except AlreadyRunning as error:
        _log.error("%s", error)
        return ALREADY_RUNNING_STATUS
    except OSError as error:
        _log.error("the paper exchange cannot start: %s", error)
        return 1
    return 0


async def _run(options: Options) -> None:
    async with AsyncExitStack() as stack:
        ended = stack.enter_context(_end_on_signals())
        if options.home is not None:
            await stack.enter_async_context(exclusive(options.home))
        exchange = await stack.enter_async_context(running(options))
        if options.lease and options.home is not None:
            token = new_text()
            desk = LeaseDesk(token, exchange.lease_login)
            await stack.enter_async_context(leasable(options.home, desk, token))
            stack.enter_context(_in_background(desk.nobody_left(), ended.set))
        _announce(exchange, options)
        await ended.wait()
        _log.info("the paper exchange ends; %d orders stay open", exchange.open_orders())


@contextmanager
def _in_background(work: Coroutine[Any, Any, None], then: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Run a coroutine beside the block and end it with the block; `then` is called when it ends first."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.error("a part of the exchange has failed", exc_info=task.exception())
        then()

    task = asyncio.create_task(work)
    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()


def _announce(exchange: Running, options: Options) -> None:
    login = exchange.login
    if options.print_json:
        line = msgspec.json.encode(
            {
                "rest": exchange.rest,
                "ws": exchange.ws,
                "ws_api": exchange.ws_api,
                "api_key": login.api_key,
                "api_secret": login.api_secret,
            }
        ).decode()
    else:
        line = (
            f"paper exchange on {exchange.rest}\nstreams     {exchange.ws}\nWebSocket API {exchange.ws_api}\n"
            f"API key     {login.api_key}\nAPI secret  {login.api_secret}"
        )
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _end_on_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield ended
    finally:
        for number, handler in before.items():
            with suppress(ValueError):
                signal.signal(number, handler)
