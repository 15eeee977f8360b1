"""A line to the paper exchange that fails as a test says: requests are lost, answered wrongly, or answered and lost.

It stands on loopback in the exchange's place. What no rule is about is passed on, so that a fault can strike before or
after the exchange has acted, and the exchange itself says what really happened.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.unit.transport.loopback import answer, loopback

_USED_WEIGHT = re.compile(rb"^x-mbx-used-weight.*\r\n", re.IGNORECASE | re.MULTILINE)

Rule = Callable[["Passing"], Awaitable[None]]
"""Does something to one request."""


@dataclass(frozen=True, slots=True)
class Passing:
    """A request on its way.

    Attributes:
        head: Its very bytes.
        exchange: Where it was meant to go.
        client: Where its answer is waited for.
    """

    head: bytes
    exchange: str
    client: asyncio.StreamWriter

    @property
    def route(self) -> str:
        """Method and path."""
        method, target, _ = self.head.decode().split(" ", 2)
        return f"{method} {urlsplit(target).path}"

    @property
    def sent(self) -> dict[str, str]:
        """The parameters."""
        return dict(parse_qsl(urlsplit(self.head.decode().split(" ", 2)[1]).query))

    async def answered(self) -> bytes:
        """Pass it on, and give the exchange's whole answer, without the weight that other servers have used."""
        host, _, port = urlsplit(self.exchange).netloc.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(self.head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        try:
            return _USED_WEIGHT.sub(b"", await reader.read())
        finally:
            writer.close()


async def passes(passing: Passing) -> None:
    """No fault."""
    passing.client.write(await passing.answered())
    passing.client.close()


async def breaks(passing: Passing) -> None:
    """The connection is reset."""
    passing.client.transport.abort()


async def stays_silent(_: Passing) -> None:
    """No answer ever comes."""


async def arrives_cut(passing: Passing) -> None:
    """The exchange acts, and half of its answer arrives, under a length that says so."""
    body = (await passing.answered()).partition(b"\r\n\r\n")[2]
    passing.client.write(answer(body[: len(body) // 2]))


def says(status: int, body: object, **headers: str) -> Rule:
    """An answer of our own; headers by keyword, with underscores."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    async def rule(passing: Passing) -> None:
        passing.client.write(answer(content, status=f"{status} Status", headers=lines))

    return rule


def refuses(status: int, code: int, msg: str, **headers: str) -> Rule:
    """Binance's error object."""
    return says(status, {"code": code, "msg": msg}, **headers)


def after(rule: Rule) -> Rule:
    """The exchange acts first, and then its answer suffers."""

    async def late(passing: Passing) -> None:
        await passing.answered()
        await rule(passing)

    return late


def with_body(change: Callable[[dict[str, Any]], object]) -> Rule:
    """The exchange acts, and its answer arrives changed."""

    async def rule(passing: Passing) -> None:
        body = json.loads((await passing.answered()).partition(b"\r\n\r\n")[2])
        passing.client.write(answer(json.dumps(change(body)).encode()))

    return rule


class FaultyLine:
    """What happens to requests by their routes.

    Attributes:
        origin: Where the exchange seems to be.
        seen: Every request that came by.
    """

    def __init__(self, exchange: str) -> None:
        self.exchange = exchange
        self.origin = ""
        self.seen: list[Passing] = []
        self._once: dict[str, list[Rule]] = defaultdict(list)
        self._always: dict[str, Rule] = {}
        self._news = asyncio.Event()

    def once(self, route: str, *rules: Rule) -> None:
        """What happens to the next requests of a route, one rule each."""
        self._once[route] += rules

    def always(self, route: str, rule: Rule) -> None:
        """What happens to every request of a route, once the rules for the next ones are used up."""
        self._always[route] = rule

    def asked(self, route: str) -> list[Passing]:
        """The requests of a route that came by."""
        return [passing for passing in self.seen if passing.route == route]

    async def passed(self, route: str) -> None:
        """Wait for a request of a route."""
        while not self.asked(route):
            self._news.clear()
            await self._news.wait()

    async def _handle(self, head: bytes, client: asyncio.StreamWriter) -> None:
        passing = Passing(head, self.exchange, client)
        self.seen.append(passing)
        self._news.set()
        queue = self._once[passing.route]
        await (queue.pop(0) if queue else self._always.get(passing.route, passes))(passing)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["FaultyLine"]:
        """Serve while the block lasts."""
        async with loopback(self._handle) as self.origin:
            yield self
