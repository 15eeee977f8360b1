"""A paper exchange as a process: alone on its home, told to the world, ended by a signal or its last lease."""

import asyncio
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace

import msgspec

from paper_exchange.admin_client import AdminAddress, findable
from paper_exchange.background import in_background
from paper_exchange.keys import new_text, seeded
from paper_exchange.lease import (
    ALREADY_RUNNING_STATUS,
    AlreadyRunning,
    LeaseDesk,
    exclusive,
    leasable,
    state_directory,
    usual_home,
)
from paper_exchange.options import REAL, Options
from paper_exchange.running import OtherMarket, Running, goes_on, running
from paper_exchange.store import OtherVersion, kept_origin

_log = logging.getLogger("paper_exchange")


def run(options: Options) -> int:
    """Serve an exchange until it is told to end; returns the exit status."""
    try:
        asyncio.run(_run(options))
    except AlreadyRunning as error:
        _log.error("%s", error)
        return ALREADY_RUNNING_STATUS
    except (OSError, ValueError, OtherMarket) as error:
        _log.error("the paper exchange cannot start: %s", error)
        return 1
    return 0


async def _run(options: Options) -> None:
    async with AsyncExitStack() as stack:
        ended = stack.enter_context(_end_on_signals())
        options = await _housed(options, stack)
        exchange = await stack.enter_async_context(running(options))
        if options.home is not None:
            token, doors = new_text(), exchange.doors
            desk = LeaseDesk(token, exchange.lease_login)
            await stack.enter_async_context(leasable(options.home, desk, token))
            if options.lease:
                await stack.enter_async_context(in_background(desk.nobody_left(), ended.set))
            stack.enter_context(findable(options.home, AdminAddress(doors.admin, doors.admin_token)))
        _announce(exchange, options, stack)
        await ended.wait()
        _log.info("the paper exchange ends; %d orders stay open", exchange.open_orders())


async def _housed(options: Options, stack: AsyncExitStack) -> Options:
    """Be alone on the home that is named. Where none is, the usual one serves if it is free and its market fits.

    Raises:
        AlreadyRunning: Another exchange runs on the home that is named.
    """
    if options.home is not None:
        await stack.enter_async_context(exclusive(options.home))
        return options
    if options.memory or options.clock != REAL:
        return options
    home = usual_home()
    async with AsyncExitStack() as tried:
        try:
            await tried.enter_async_context(exclusive(home))
            kept = None if options.reset else kept_origin(state_directory(home))
        except (AlreadyRunning, OtherVersion, OSError, sqlite3.Error) as error:
            _log.warning("nothing will be kept: %s (--home names another home)", error)
            return options
        if kept is None or goes_on(options, kept):
            stack.push_async_exit(tried.pop_all())
            return replace(options, home=home)
    _log.warning("nothing will be kept: %s has a market of its own (--home names another home)", home)
    return options


def _announce(exchange: Running, options: Options, stack: AsyncExitStack) -> None:
    """Say on stdout where everything is, and how to get in."""
    login, doors = exchange.login, exchange.doors
    if options.print_json:
        # It brings cryptography along, which takes its time.
        from paper_exchange.key_file import key_directory, ready_key  # noqa: PLC0415

        kept = None if options.home is None or options.memory else state_directory(options.home)
        randomness = os.urandom if options.seed is None else seeded(options.seed, "ed25519")
        file, pem = ready_key(stack.enter_context(key_directory(kept)), randomness)
        line = msgspec.json.encode(
            {
                "rest": doors.rest,
                "ws": doors.ws,
                "ws_api": doors.ws_api,
                "api_key": login.api_key,
                "api_secret": login.api_secret,
                "ed25519_api_key": exchange.accounts.add_public_key(login.account, pem),
                "ed25519_private_key_path": str(file.resolve()),
                "admin": doors.admin,
                "admin_token": doors.admin_token,
                "home": None if kept is None else str(options.home),
            }
        ).decode()
    else:
        line = (
            f"paper exchange on {doors.rest}\nstreams     {doors.ws}\nWebSocket API {doors.ws_api}\n"
            f"API key     {login.api_key}\nAPI secret  {login.api_secret}\n"
            f"operator    {doors.admin}\ntoken       {doors.admin_token}"
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
