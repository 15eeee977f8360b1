"""What the tools of one server share: the environment's name at once, the connection to it when it is first needed.

A host waits for the tool list, not for an exchange; so nothing is opened before the first call that needs it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import Context
from importlib import import_module
from typing import TYPE_CHECKING

import anyio

from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.transport.world import World
from binance_spot_mcp.vocabulary import Environment

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk

OpenDesk = Callable[[], AbstractAsyncContextManager["Desk"]]
"""Opens what tools work with, and closes it at the end."""

NAME_BYTES = 8
CLOSING_S = 20.0
"""How long the end of a server waits for orders in flight and for its connections to close."""

_HEAVY = "binance_spot_mcp.trading.gate"
"""What takes longest to import of all that a desk is made of."""

_log = logger("surface")


class Session:
    """The desk of one server. One task opens and closes it, whichever call asked first and however the server ends.

    Args:
        env: The environment.
        open_desk: Opens the desk.
        name: What tells this session from every other; drawn if it is not given.
    """

    def __init__(self, env: Environment, open_desk: OpenDesk, name: str = "") -> None:
        self.env = env
        self.name = name or World().random_bytes(NAME_BYTES).hex()
        self._open_desk = open_desk
        self._ending = asyncio.Event()
        self._opened: asyncio.Future[Desk] | None = None
        self._owner: asyncio.Task[None] | None = None
        self._beginning: asyncio.Task[None] | None = None

    async def desk(self) -> "Desk":
        """The open desk; the first call opens it, and one that failed is tried again by the next.

        Raises:
            SpotError: It cannot be opened.
        """
        if self._opened is None or (self._opened.done() and self._opened.exception()):
            self._opened = asyncio.get_running_loop().create_future()
            self._opened.add_done_callback(lambda opened: opened.exception())  # seen, also when nobody waits any more
            # A context of its own: what the desk does later is not the doing of the call that happened to open it.
            self._owner = asyncio.create_task(self._own(self._opened), context=Context())
        return await asyncio.shield(self._opened)

    def begin(self) -> None:
        """Open the desk before anybody asks for it, and without keeping anybody waiting."""
        self._beginning = asyncio.create_task(self._begin(), context=Context())

    @property
    def opened(self) -> "Desk | None":
        """The desk, if it is open; asking does not open it."""
        there = self._opened
        return there.result() if there is not None and there.done() and not there.exception() else None

    async def _begin(self) -> None:
        await asyncio.to_thread(import_module, _HEAVY)  # the loop goes on answering meanwhile
        try:
            await self.desk()
        except SpotError as failure:
            _log.warning("what an earlier server left could not be looked at yet", why=failure.message)

    async def _own(self, opened: "asyncio.Future[Desk]") -> None:
        try:
            async with self._open_desk() as desk:
                opened.set_result(desk)
                await self._ending.wait()
        except Exception as error:  # noqa: BLE001  # handed to whoever waits for the desk, or logged
            if opened.done():
                _log.exception("the connection did not close cleanly")
            else:
                opened.set_exception(error)

    async def close(self) -> None:
        """Close what was opened."""
        self._ending.set()
        if self._beginning is not None:
            self._beginning.cancel()
        if self._owner is not None:
            with anyio.move_on_after(CLOSING_S, shield=True):
                await asyncio.wait([self._owner])


@asynccontextmanager
async def session(env: Environment, open_desk: OpenDesk, name: str = "") -> AsyncIterator[Session]:
    """A session that is closed at the end, also when the server is cancelled."""
    opened = Session(env, open_desk, name)
    try:
        yield opened
    finally:
        await opened.close()
