"""An exchange behind real WebSockets, whose clocks stand still, and a plain client of its WebSocket API.

The client signs as the documents say, and as nothing else here does.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.asyncio.client import ClientConnection, connect

from paper_exchange.accounts import Accounts
from paper_exchange.clock import VirtualClock
from paper_exchange.engine.commands import AddSymbol, Command, Deposit, OpenAccount, Place, SetExchange
from paper_exchange.engine.events import Result
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.words import Side
from paper_exchange.exchange import PaperExchange
from paper_exchange.gateway.api import Api
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.gateway.limits import Limits, LimitTable
from paper_exchange.gateway.socket_server import API_PATH, SocketServer
from paper_exchange.gateway.sockets.life import Lifetime
from paper_exchange.keys import ApiKey, public_key, seeded
from paper_exchange.market.builtin import BUILT_IN

START_US = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC."""
MAKER, TAKER = 7, 8
"""Accounts of others, who have everything and no key."""

Sign = Callable[[bytes], str]


class SocketFloor:
    """The exchange, and clients of it.

    Attributes:
        clock: The exchange's.
        wall: The sockets'.
        url: Base URL of the second port.
    """

    def __init__(
        self, *, limit_factor: int = 1000, limits: LimitTable | None = None, lifetime: Lifetime | None = None
    ) -> None:
        self.clock = VirtualClock(START_US)
        self.wall = VirtualClock(START_US)
        self.exchange = PaperExchange(clock=self.clock)
        for listing in BUILT_IN.listings.values():
            self.exchange.submit(AddSymbol(spec=listing.spec))
        self.exchange.submit(SetExchange(sors=BUILT_IN.sors))
        self.accounts = Accounts(self.exchange, randomness=seeded(1, "keys"))
        self.login = self.accounts.login("default")
        self.limits = Limits(LimitTable().times(limit_factor) if limits is None else limits)
        self.exchange.listen(self.limits.apply)
        self.sockets = SocketServer(
            Api(Venue(self.exchange, self.limits)),
            clock=self.clock,
            wall=self.wall,
            lifetime=lifetime,
            limit_factor=limit_factor,
        )
        self.url = ""
        self._stack = AsyncExitStack()
        self._ed25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        for account in (MAKER, TAKER):
            self.do(OpenAccount(account=account))
            for asset in BUILT_IN.assets:
                self.do(Deposit(account=account, asset=asset, amount=Decimal(1_000_000_000)))

    @property
    def account(self) -> int:
        """The number of the account that `login` belongs to."""
        return self.accounts.numbers[0]

    def do(self, command: Command) -> Result:
        """Execute a command now."""
        return self.exchange.submit(command)

    def quote(
        self, side: Side, price: str, quantity: str = "1", *, symbol: str = "BTCUSDT", account: int = MAKER
    ) -> Result:
        """Let somebody place an order."""
        terms = Terms(side=side, type="LIMIT", time_in_force="GTC", price=Decimal(price), quantity=Decimal(quantity))
        return self.do(Place(account=account, symbol=symbol, order=terms))

    def ed25519_key(self, account: int | None = None, name: str = "E" * 64) -> ApiKey:
        """Register a key whose signatures `sign_ed25519` makes."""
        pem = self._ed25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = public_key(name, pem, self.account if account is None else account)
        self.exchange.keys.register(key)
        return key

    def sign_ed25519(self, payload: bytes) -> str:
        """A signature by that key."""
        return base64.b64encode(self._ed25519.sign(payload)).decode()

    def sign_hmac(self, payload: bytes) -> str:
        """A signature with the secret of `login`."""
        return hmac.new(self.login.api_secret.encode(), payload, hashlib.sha256).hexdigest()

    def trade(self, price: str = "100000.00", symbol: str = "BTCUSDT") -> None:
        """Let others trade with each other, on an otherwise uncrossed book."""
        self.quote("SELL", price, "0.01", symbol=symbol)
        self.quote("BUY", price, "0.01", symbol=symbol, account=TAKER)

    async def open(self, target: str) -> ClientConnection:
        """Connect; the connection ends with the floor."""
        return await self._stack.enter_async_context(connect(self.url + target, ping_interval=None, max_queue=None))

    async def open_api(self, query: str = "") -> "ApiClient":
        """Connect to the WebSocket API."""
        return ApiClient(self, await self.open(API_PATH + query))

    async def pass_time(self, seconds: float) -> None:
        """Let time pass on the exchange."""
        await asyncio.sleep(0)  # what was begun gets to wait for its time
        await self.clock.advance(round(seconds * 1_000_000))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["SocketFloor"]:
        """Serve while the block lasts."""
        async with self._stack, self.sockets.serving("127.0.0.1", 0) as self.url:
            yield self


class ApiClient:
    """A client of the WebSocket API. Events that come while it waits for an answer are kept.

    Attributes:
        events: Whatever came without being an answer, oldest first.
    """

    def __init__(self, floor: SocketFloor, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Any] = []
        self._floor = floor
        self._ids = count(1)

    async def call(self, method: str, **params: Any) -> Any:
        """One request and its answer."""
        return await self.send({"id": next(self._ids), "method": method, "params": params})

    async def signed(self, method: str, **params: Any) -> Any:
        """One request signed with the HMAC secret, and its answer."""
        return await self.call(method, **self.sign(self._floor.login.api_key, self._floor.sign_hmac, params))

    async def stamped(self, method: str, **params: Any) -> Any:
        """One request with nothing but a timestamp, for sessions that are logged on."""
        return await self.call(method, timestamp=self.now_ms, **params)

    async def log_on(self, key: ApiKey) -> Any:
        """Log on with an Ed25519 key."""
        return await self.call("session.logon", **self.sign(key.api_key, self._floor.sign_ed25519, {}))

    def sign(self, api_key: str, sign: Sign, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters with key, timestamp and signature. Source: web-socket-api.md#signed-request-security"""
        whole = {"apiKey": api_key, "timestamp": self.now_ms, **params}
        payload = "&".join(f"{name}={_serialised(whole[name])}" for name in sorted(whole))
        return {**whole, "signature": sign(payload.encode())}

    async def send(self, request: Any) -> Any:
        """Send a request as it is, and wait for what is no event."""
        await self.socket.send(request if isinstance(request, str) else json.dumps(request, ensure_ascii=False))
        while "event" in (message := json.loads(await self.socket.recv())):
            self.events.append(message)
        return message

    async def next_event(self) -> Any:
        """The oldest event that was not taken yet."""
        return self.events.pop(0) if self.events else json.loads(await self.socket.recv())

    @property
    def now_ms(self) -> int:
        """What a client that asked the exchange would put into `timestamp`."""
        return self._floor.clock.now_us() // 1000


def _serialised(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
