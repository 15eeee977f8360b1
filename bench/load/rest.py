"""Load on REST: connections that each send the next request when the last one is answered.

The requests are made and signed beforehand and the client reads no more than it must, so that what is measured is the
server. The peer is a bare application of the same web server that answers as many bytes under as many headers.
"""

import asyncio
import hashlib
import hmac
import json
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import cast
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from starlette.types import Receive, Scope, Send

from paper_exchange.gateway.rest_server import serving

CONNECTIONS = 32
_SYMBOL = "BTCUSDT"
_ANSWER = b"{" + b" " * 498 + b"}"
_HEADERS = [
    (b"content-length", b"500"),
    (b"content-type", b"application/json;charset=UTF-8"),
    (b"x-mbx-used-weight", b"100"),
    (b"x-mbx-used-weight-1m", b"100"),
    (b"x-mbx-order-count-10s", b"10"),
    (b"x-mbx-order-count-1d", b"10"),
]


@dataclass(frozen=True)
class Answered:
    """What came of a load: requests a second, and how long one waited, in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


@asynccontextmanager
async def bare() -> AsyncIterator[str]:
    """A web server whose application does nothing; its URL."""

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _ANSWER})

    async with serving(answer, "127.0.0.1", 0) as url:
        yield url


def resting_price(rest: str) -> str:
    """A price at which orders to buy wait."""
    with urlopen(f"{rest}/api/v3/ticker/price?symbol={_SYMBOL}") as response:
        last = Decimal(json.load(response)["price"])
    return str((last * Decimal("0.9")).quantize(Decimal("0.01")))


def order_requests(rest: str, price: str, keys: tuple[str, str], count: int) -> list[list[bytes]]:
    """Requests for each connection: place an order, cancel it, place the next one; signed, and good for a minute."""
    host, (api_key, api_secret) = urlsplit(rest).netloc, keys
    order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.0002", "price": price}

    def request(method: str, parameters: dict[str, str]) -> bytes:
        shared = {"symbol": _SYMBOL, "recvWindow": "60000", "timestamp": str(time.time_ns() // 1_000_000)}
        query = urlencode({**shared, **parameters})
        signature = hmac.new(api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        target = f"/api/v3/order?{query}&signature={signature}"
        return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-MBX-APIKEY: {api_key}\r\n\r\n".encode()

    def lane(number: int) -> Iterator[bytes]:
        for index in range(count // CONNECTIONS // 2):
            name = f"lane-{number}-{index}"
            yield request("POST", {**order, "newClientOrderId": name})
            yield request("DELETE", {"origClientOrderId": name})

    return [list(lane(number)) for number in range(CONNECTIONS)]


async def drive(rest: str, lanes: list[list[bytes]]) -> Answered:
    """Send the requests of every lane over a connection of its own.

    Raises:
        RuntimeError: One was refused.
    """
    url, loop = urlsplit(rest), asyncio.get_running_loop()
    address = url.hostname or "", url.port or 0
    waits_s: list[float] = []
    started_s = time.perf_counter()
    opened = [await loop.create_connection(partial(_Lane, lane, waits_s), *address) for lane in lanes]
    await asyncio.gather(*(lane.done for _, lane in opened))
    elapsed_s = time.perf_counter() - started_s
    for transport, _ in opened:
        transport.close()
    hundredths = statistics.quantiles(waits_s, n=100)
    return Answered(len(waits_s) / elapsed_s, hundredths[49] * 1000, hundredths[98] * 1000)


class _Lane(asyncio.Protocol):
    """One connection and the requests that go over it."""

    def __init__(self, requests: list[bytes], waits_s: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = iter(requests)
        self._waits_s = waits_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank_line, body = self._received.partition(b"\r\n\r\n")
        if not blank_line or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]):
            return
        self._waits_s.append(time.perf_counter() - self._sent_s)
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self._received.decode()))
            return
        self._received = b""
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            return
        self._sent_s = time.perf_counter()
        self._transport.write(request)
