"""Load on streams: many readers of one trade stream, and an engine that trades as fast as they can be told.

Each order trades once, in a turn of the event loop of its own, so that nothing is sent in bundles. The peer broadcasts
a text of the same size to as many readers with the `websockets` library, in turns of its own, too.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from load.engine import SYMBOL, founding, limit
from websockets.asyncio.server import ServerConnection, broadcast, serve

from paper_exchange.clock import RealClock
from paper_exchange.exchange import PaperExchange
from paper_exchange.gateway.api import Api
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.gateway.limits import Limits
from paper_exchange.gateway.socket_server import SocketServer

READERS = 50
MESSAGES = 5000
_PATH = f"/ws/{SYMBOL.lower()}@trade"
_MARK = b'"e":"trade"'
_TEXT = (
    '{"e":"trade","E":1763634472123,"s":"BTCUSDT","t":1000,"p":"60001.00000000","q":"0.01000000",'
    '"T":1763634472123,"m":false,"M":true}'
)
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

Speak = Callable[[], Awaitable[None]]
"""Sends all messages to whoever is connected."""


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[str, Speak]]:
    """An exchange whose orders trade; its URL, and what makes them."""
    traded = PaperExchange(clock=RealClock())
    for command in founding():
        traded.submit(command)
    orders = limit(2, "BUY", Decimal(60_001), Decimal("0.01")), limit(3, "SELL", Decimal(59_999), Decimal("0.01"))

    async def speak() -> None:
        for index in range(MESSAGES):
            traded.submit(orders[index % 2])
            await asyncio.sleep(0)

    server = SocketServer(Api(Venue(traded, Limits())), clock=traded.clock)
    async with server.serving("127.0.0.1", 0) as url:
        yield url, speak


@asynccontextmanager
async def bare() -> AsyncIterator[tuple[str, Speak]]:
    """A server that does nothing but broadcast."""
    connected: set[ServerConnection] = set()

    async def stay(connection: ServerConnection) -> None:
        connected.add(connection)
        await connection.wait_closed()
        connected.discard(connection)

    async def speak() -> None:
        for _ in range(MESSAGES):
            broadcast(connected, _TEXT)
            await asyncio.sleep(0)

    async with serve(stay, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", speak


async def messages_per_second(url: str, start: Callable[[], None]) -> float:
    """How many messages all readers together get in a second. `start` has the server speak."""
    server, loop = urlsplit(url), asyncio.get_running_loop()
    address = server.hostname or "", server.port or 0
    opened = [await loop.create_connection(partial(_Reader, server.netloc), *address) for _ in range(READERS)]
    await asyncio.gather(*(reader.connected for _, reader in opened))
    started_s = time.perf_counter()
    start()
    await asyncio.gather(*(reader.done for _, reader in opened))
    elapsed_s = time.perf_counter() - started_s
    for transport, _ in opened:
        transport.close()
    return READERS * MESSAGES / elapsed_s


class _Reader(asyncio.Protocol):
    """One subscriber, which does no more with its messages than count them."""

    def __init__(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self._host = host
        self._left = MESSAGES
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(_UPGRADE.format(path=_PATH, host=self._host).encode())

    def data_received(self, data: bytes) -> None:
        if not self.connected.done():
            self.connected.set_result(None)  # nothing else comes before all are connected
            return
        received = self._tail + data
        self._left -= received.count(_MARK)
        self._tail = received[1 - len(_MARK) :]
        if not self._left:
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))
