"""HTTP on loopback, at as many ports as there are applications: the REST API has one, the operator's door another.

Source: rest-api.md#general-information
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from paper_exchange.clock import Clock, RealClock
from paper_exchange.gateway.front import HttpPort

_GRACE_S = 1
"""How long requests that are being answered may hold up the end."""
_KEEP_ALIVE_S = 120
"""How long a connection may be idle. Clients keep theirs and do not repeat an order when one is closed under them."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers and with a word when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: object = None) -> None:
        await super().startup([])  # the ports are opened by `HttpServer`
        self.has_started.set()


class HttpServer:
    """One HTTP server behind many ports.

    Args:
        clock: What slow answers are timed by.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = RealClock() if clock is None else clock
        self._ports: dict[int, HttpPort] = {}
        self._applications: dict[int, ASGIApp] = {}
        self._config = uvicorn.Config(
            self._dispatch,
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Server(self._config)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["HttpServer"]:
        """Answer while the block lasts."""
        serving = asyncio.create_task(self._server.serve())
        try:
            await self._server.has_started.wait()
            yield self
        finally:
            for port in self._ports.values():
                port.close()
            self._server.should_exit = True
            await serving

    async def listen(self, application: ASGIApp, host: str, port: int) -> HttpPort:
        """Open a port for an application; 0 takes any that is free.

        Raises:
            OSError: The port is taken.
        """
        opened = HttpPort(self._protocol, host, port, self._clock)
        await opened.open()
        self._ports[opened.number] = opened
        self._applications[opened.number] = application
        return opened

    def _protocol(self) -> asyncio.Protocol:
        """What uvicorn reads a connection with, made as it does it itself."""
        make = cast("Callable[..., asyncio.Protocol]", self._config.http_protocol_class)
        return make(config=self._config, server_state=self._server.server_state, app_state={})

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._applications[scope["server"][1]](scope, receive, send)


@asynccontextmanager
async def serving(application: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve one application while the block lasts; gives the base URL.

    Raises:
        OSError: The port is taken.
    """
    async with HttpServer().running() as server:
        yield (await server.listen(application, host, port)).url
