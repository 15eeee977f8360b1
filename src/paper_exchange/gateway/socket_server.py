"""The exchange's second port: market streams under `/ws` and `/stream`, the WebSocket API under `/ws-api/v3`.

HTTP has its own port, since ASGI hides the ping and pong frames that Binance's rules are about.

Source: web-socket-streams.md#general-wss-information, web-socket-api.md#general-api-information
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from paper_exchange.clock import Clock, RealClock
from paper_exchange.gateway.api import Api
from paper_exchange.gateway.front import reset
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import time_unit
from paper_exchange.gateway.sockets.doors import Door
from paper_exchange.gateway.sockets.life import Lifetime, kept_alive
from paper_exchange.gateway.sockets.socket import Socket
from paper_exchange.gateway.streams.audience import Audience, Form
from paper_exchange.gateway.streams.connection import MESSAGES_PER_SECOND, StreamConnection, hold_to_rate, names_in
from paper_exchange.gateway.streams.control import MAX_STREAMS, TOO_MANY_STREAMS
from paper_exchange.gateway.streams.feeds import Market
from paper_exchange.gateway.ws_api.connection import CONNECT_WEIGHT, ApiConnection
from paper_exchange.gateway.ws_api.user_data import UserData
from paper_exchange.market.wire import TimeUnit

API_PATH: Final = "/ws-api/v3"
_MAX_MESSAGE: Final = 64 * 1024
_CLOSE_TIMEOUT_S: Final = 1


@dataclass(frozen=True, slots=True)
class Address:
    """What the URL of a connection says.

    Attributes:
        streams: The names subscribed to from the start.
    """

    path: str
    streams: tuple[str, ...]
    unit: TimeUnit
    returns_rate_limits: bool

    @property
    def is_api(self) -> bool:
        """Whether it is the WebSocket API's."""
        return self.path == API_PATH


def read_address(target: str) -> Address:
    """Read the target of a request.

    Raises:
        Rejected: -1194 for an unknown time unit, -1155 for the binary encoding; with 404, there is nothing; with 400,
            it names too many streams.
    """
    url = urlsplit(target)
    path = url.path.rstrip("/")
    # Not parse_qs: a plus in a stream name is a plus.
    query = dict(part.partition("=")[::2] for part in url.query.split("&"))
    unit = time_unit(query.get("timeUnit", ""))
    if path.startswith("/ws/"):
        path, streams = "/ws", names_in(path.removeprefix("/ws/"))
    else:
        streams = names_in(query.get("streams", "")) if path == "/stream" else []
    if path not in {"/ws", "/stream", API_PATH}:
        raise Rejected(0, "Not found", status=404)
    if path == API_PATH and query.get("responseFormat", "json") != "json":
        raise Rejected(-1155, "SBE is not enabled.")
    if len(set(streams)) > MAX_STREAMS:
        raise Rejected(*TOO_MANY_STREAMS)
    return Address(path, tuple(streams), unit, query.get("returnRateLimits") != "false")


class Interference(Protocol):
    """Whoever may turn clients away and answer requests in the place of the exchange."""

    async def admit(self, socket: Socket, path: str) -> Response | None:
        """Let a client in (None), or say what it is told instead."""
        ...

    async def answer(self, connection: ApiConnection, frame: bytes) -> None:
        """Answer a frame on the WebSocket API."""
        ...


class SocketServer:
    """Everything that clients reach through WebSockets.

    Args:
        clock: The exchange's.
        wall: The peers': pings, message rates and connection attempts follow it.
        limit_factor: How many times Binance's limits on messages and connections are allowed.
        lag_us: How long streams with a speed wait for a source that acts in steps.
        interference: Asked about every client and every request, where there is any.
    """

    def __init__(
        self,
        api: Api,
        *,
        clock: Clock,
        wall: Clock | None = None,
        lifetime: Lifetime | None = None,
        limit_factor: int = 1,
        lag_us: int = 0,
        interference: Interference | None = None,
    ) -> None:
        exchange = api.venue.exchange
        self._interference = interference
        self._server: Server | None = None
        self._host, self._port = "", 0
        self._api = api
        self._wall = RealClock() if wall is None else wall
        self._lifetime = Lifetime() if lifetime is None else lifetime
        self._limit_factor = limit_factor
        self._doors = {is_api: Door(limit_factor) for is_api in (False, True)}
        self._open: dict[Socket, ApiConnection | StreamConnection] = {}
        self.audience = Audience(Market(exchange.engine, exchange.record), clock, lag_us=lag_us)
        self.user_data = UserData(exchange.now_us)
        exchange.listen(self.audience.hear)
        exchange.listen(self.user_data.hear)

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[str]:
        """Serve while the block lasts; gives the base URL.

        Raises:
            OSError: The port is taken.
        """
        self._host, self._port = host, port
        await self.open()
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(self.audience.run())
            try:
                shown = f"[{host}]" if ":" in host else host
                yield f"ws://{shown}:{self._port}"
            finally:
                ticking.cancel()
                await self._end()

    @property
    def connections(self) -> list[ApiConnection | StreamConnection]:
        """Whoever is connected."""
        return list(self._open.values())

    async def open(self) -> None:
        """Listen, from the second time on at the same port.

        Raises:
            OSError: The port is taken.
        """
        if self._server is None:
            self._server = await serve(
                self._converse,
                self._host,
                self._port,
                create_connection=Socket,
                process_request=self._admit,
                compression=None,
                ping_interval=None,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=_MAX_MESSAGE,
                server_header=None,
            )
            self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def refuse(self) -> None:
        """Reset every connection and refuse new ones, until `open`."""
        if self._server is not None:
            self._server.close(close_connections=False)
            self._server = None
            await asyncio.sleep(0)  # it closes in a task of its own
        for socket in self._open:
            reset(socket.transport)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a client in, or say why not."""
        socket = cast("Socket", connection)  # `create_connection` says so
        if self._interference is not None:
            instead = await self._interference.admit(socket, urlsplit(request.path).path)
            if instead is not None:
                return instead
        now_us = self._wall.now_us()
        try:
            address = read_address(request.path)
            peer = socket.address
            self._doors[address.is_api].knock(peer, now_us)
            if address.is_api:
                venue = self._api.venue
                venue.limits.address(peer).charge(CONNECT_WEIGHT, venue.exchange.now_us(), raw_requests=0)
        except Rejected as error:
            response = connection.respond(error.status, msgspec.json.encode(error.body).decode())
            response.headers["Content-Type"] = "application/json;charset=UTF-8"
            if error.retry_at_us is not None:
                response.headers["Retry-After"] = str(max(1, -(-(error.retry_at_us - now_us) // 1_000_000)))
            return response
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        socket = cast("Socket", connection)
        conversation = self._conversation(socket)
        self._open[socket] = conversation
        try:
            async with kept_alive(socket, self._wall, self._lifetime, lambda: self._announce_end(conversation)):
                await conversation.serve()
        finally:
            del self._open[socket]

    def _conversation(self, socket: Socket) -> ApiConnection | StreamConnection:
        address = read_address(socket.target)
        if address.is_api:
            return ApiConnection(
                socket,
                self._api,
                self.user_data,
                unit=address.unit,
                returns_rate_limits=address.returns_rate_limits,
                answer=None if self._interference is None else self._interference.answer,
            )
        hold_to_rate(socket, self._wall, MESSAGES_PER_SECOND * self._limit_factor)
        streams = StreamConnection(socket, self.audience, Form(address.unit, address.path == "/stream"))
        streams.subscribe(address.streams)
        return streams

    def _announce_end(self, conversation: ApiConnection | StreamConnection) -> None:
        conversation.announce_end(self._api.venue.exchange.now_us())

    async def _end(self) -> None:
        for socket, conversation in self._open.items():
            self._announce_end(conversation)
            socket.flush()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
