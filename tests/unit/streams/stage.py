"""A world whose time stands still until a test moves it, and an exchange of stream sockets without a network."""

import asyncio
import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from websockets.frames import CloseCode

from binance_spot_mcp.streams.market import MarketStreams
from binance_spot_mcp.streams.timing import NS, Timing
from binance_spot_mcp.streams.wire import NoConnection
from binance_spot_mcp.transport.socket import Listener
from binance_spot_mcp.transport.world import World

START_NS = 1_000 * NS


class VirtualTime:
    """A clock that `advance` moves, from one waiting sleeper to the next."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def world(self, random: Callable[[], float] = lambda: 0.5) -> World:
        return World(
            monotonic_ns=lambda: self.now_ns,
            wall_ns=lambda: 1_767_225_600 * NS + self.now_ns - START_NS,
            sleep=self.sleep,
            random=random,
            new_id=lambda: "test",
        )

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_ns + int(seconds * NS), next(self._numbers), waiting))
        await waiting

    async def advance(self, seconds: float) -> None:
        """Let time pass; everybody whose time comes acts at that time."""
        end_ns = self.now_ns + int(seconds * NS)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end_ns:
            at_ns, _, waiting = heapq.heappop(self._sleepers)
            self.now_ns = at_ns
            if not waiting.done():
                waiting.set_result(None)
                await settle()
        self.now_ns = end_ns
        await settle()


async def settle() -> None:
    """Let everything happen that needs no time."""
    for _ in range(6):
        await asyncio.sleep(0)


@dataclass(eq=False)
class FakeSocket:
    """The exchange's end of one connection."""

    exchange: "FakeExchange"
    listener: Listener
    names: list[str] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    open: bool = True
    mute: bool = False
    """Whether control messages stay without an answer."""

    # What the client does

    def send(self, text: str) -> None:
        self.sent_ns.append(self.exchange.time.now_ns)
        asyncio.get_running_loop().call_soon(self._answer, json.loads(text))

    @property
    def is_open(self) -> bool:
        return self.open

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE) -> None:
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_soon(self.listener.ended, "we closed it")

    # What the exchange does

    def say(self, message: object) -> None:
        if self.open:
            self.listener.heard(json.dumps(message).encode())

    def cut(self, why: str = "the connection broke") -> None:
        self.open = False
        self.listener.ended(why)

    def _answer(self, request: Any) -> None:
        self.requests.append(request)
        if self.mute or not self.open:
            return
        names = request.get("params", [])
        if bad := [name for name in names if name in self.exchange.unknown]:
            self.say({"code": 2, "msg": f"Invalid request: invalid stream {bad[0]}", "id": request["id"]})
            return
        match request["method"]:
            case "SUBSCRIBE":
                self.names += [name for name in names if name not in self.names]
                self.say({"result": None, "id": request["id"]})
            case "UNSUBSCRIBE":
                self.names = [name for name in self.names if name not in names]
                self.say({"result": None, "id": request["id"]})
            case "LIST_SUBSCRIPTIONS":
                self.say({"result": self.names, "id": request["id"]})


class FakeExchange:
    """Accepts connections, and says what a test lets it say.

    Attributes:
        refuse: Attempts to refuse before the next is accepted.
        unknown: Streams that it refuses.
        pinging: Whether every connection gets its pings.
    """

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.sockets: list[FakeSocket] = []
        self.dialled_ns: list[int] = []
        self.refuse = 0
        self.unknown: set[str] = set()
        self.dial_s = 0.0

    async def dial(self, listener: Listener) -> FakeSocket:
        self.dialled_ns.append(self.time.now_ns)
        await self.time.sleep(self.dial_s)
        if self.refuse:
            self.refuse -= 1
            raise NoConnection("stream.test refused the connection with status 503.")
        socket = FakeSocket(self, listener)
        self.sockets.append(socket)
        return socket

    def streams(self, random: Callable[[], float] = lambda: 0.5, timing: Timing | None = None) -> MarketStreams:
        """A client of this exchange."""
        return MarketStreams(self.dial, self.time.world(random), timing or Timing())

    @property
    def open(self) -> list[FakeSocket]:
        return [socket for socket in self.sockets if socket.open]

    @property
    def names(self) -> set[str]:
        """Every stream that is subscribed to on any connection."""
        return {name for socket in self.open for name in socket.names}

    def ping(self) -> None:
        for socket in self.open:
            socket.listener.pinged()

    def publish(self, name: str, data: object) -> None:
        """Say something on a stream, on every connection that carries it."""
        for socket in self.open:
            if name in socket.names:
                socket.say({"stream": name, "data": data})


def trade(number: int, price: str = "100.0") -> dict[str, Any]:
    """A trade as the exchange tells it."""
    return {
        "e": "trade", "E": 1_700_000_000_000 + number, "s": "BTCUSDT", "t": number, "p": price, "q": "1.0",
        "T": 1_700_000_000_000 + number, "m": True, "M": True,
    }  # fmt: skip


def mini_ticker(at_ms: int, symbol: str = "BTCUSDT", price: str = "100.0") -> dict[str, Any]:
    """A mini ticker as the exchange tells it."""
    return {
        "e": "24hrMiniTicker", "E": at_ms, "s": symbol, "c": price, "o": price, "h": price, "l": price, "v": "1.0",
        "q": "100.0",
    }  # fmt: skip
