"""A WebSocket API on loopback that answers as a test says, and a world whose time passes when a test says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from binance_spot_mcp.transport.world import World

S = 1_000_000_000
NOW_MS = 1_700_000_040_000
"""The start of a minute."""
PATIENCE_S = 5
"""How long a test waits for what should come at once."""


class Hours:
    """The outside: sockets are real, but its clocks move only when a test says so.

    Attributes:
        slept: How long each wait was to be, in the order in which they began.
        chance: What every draw gives.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.chance = 0.5
        self._now_ns = 5 * S
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []
        self._began = asyncio.Event()

    @property
    def wall_ms(self) -> int:
        """The time of day."""
        return NOW_MS + (self._now_ns - 5 * S) // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait until the test lets that much time pass."""
        if not seconds:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now_ns + int(seconds * S), woken))
        self.slept.append(seconds)
        self._began.set()
        await woken

    async def asleep(self, count: int) -> list[float]:
        """Wait until so many waits have begun; gives them."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.slept) < count:
                self._began.clear()
                await self._began.wait()
        return self.slept

    def pass_s(self, seconds: float) -> None:
        """Let time pass, and wake whoever waited for it."""
        self._now_ns += int(seconds * S)
        for due_ns, woken in self._sleepers:
            if due_ns <= self._now_ns and not woken.done():
                woken.set_result(None)

    def world(self) -> World:
        """The same as the program sees it."""
        return World(
            monotonic_ns=lambda: self._now_ns,
            wall_ns=lambda: self.wall_ms * 1_000_000,
            sleep=self.sleep,
            random=lambda: self.chance,
            new_id=lambda: "call",
        )


@dataclass(frozen=True)
class Asked:
    """A request that came in.

    Attributes:
        line: The connection that brought it.
        connection: Which one that is, the first being 0.
    """

    line: ServerConnection
    connection: int
    id: object
    method: str
    params: dict[str, Any]

    async def answer(self, result: object, **more: object) -> None:
        """Do as it asks."""
        await self.say({"id": self.id, "status": 200, "result": result, **more})

    async def refuse(self, status: int, code: int, msg: str = "…", data: object = None) -> None:
        """Answer with an error object."""
        more = {} if data is None else {"data": data}
        await self.say({"id": self.id, "status": status, "error": {"code": code, "msg": msg, **more}})

    async def say(self, message: object) -> None:
        """Send any JSON, or any text as it is."""
        await self.line.send(message if isinstance(message, str) else json.dumps(message))


class SocketExchange:
    """The exchange's side.

    Attributes:
        url: Where it is.
        targets: Path and query of every attempt to connect.
        lines: The connections that it took, the oldest first.
        admitting: Cleared to keep attempts to connect waiting.
    """

    def __init__(self) -> None:
        self.url = ""
        self.targets: list[str] = []
        self.lines: list[ServerConnection] = []
        self.admitting = asyncio.Event()
        self.admitting.set()
        self._refusals: list[tuple[HTTPStatus, bytes, dict[str, str]]] = []
        self._standing: dict[str, Callable[[dict[str, Any]], object]] = {}
        self._asked: asyncio.Queue[Asked] = asyncio.Queue()
        self._knocked: asyncio.Queue[str] = asyncio.Queue()

    def on(self, method: str, answer: Callable[[dict[str, Any]], object]) -> None:
        """Answer a method always; every other request waits for `next`."""
        self._standing[method] = answer

    def turn_away(self, status: HTTPStatus, body: object = None, **headers: str) -> None:
        """Refuse the next attempt to connect; headers by keyword, with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._refusals.append((status, json.dumps(body).encode(), named))

    async def next(self) -> Asked:
        """The next request without a standing answer."""
        return await asyncio.wait_for(self._asked.get(), PATIENCE_S)

    async def knocked(self) -> str:
        """Path and query of the next attempt to connect."""
        return await asyncio.wait_for(self._knocked.get(), PATIENCE_S)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["SocketExchange"]:
        """Serve while the block lasts."""
        async with serve(
            self._talk, "127.0.0.1", 0, process_request=self._admit, ping_interval=None, max_size=None, close_timeout=1
        ) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws-api/v3"
            yield self

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.targets.append(request.path)
        self._knocked.put_nowait(request.path)
        await self.admitting.wait()
        if not self._refusals:
            return None
        status, body, headers = self._refusals.pop(0)
        response = connection.respond(status, body.decode())
        response.headers.update(headers)
        return response

    async def _talk(self, line: ServerConnection) -> None:
        number = len(self.lines)
        self.lines.append(line)
        try:
            async for frame in line:
                request = json.loads(frame)
                asked = Asked(line, number, request["id"], request["method"], request["params"])
                if asked.method in self._standing:
                    await asked.answer(self._standing[asked.method](asked.params))
                else:
                    self._asked.put_nowait(asked)
        except ConnectionClosed:
            pass  # however it ended
