"""An exchange behind real HTTP whose clock stands still, and a plain client that signs as the documents say."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.e2e.socket_floor import SocketFloor

from paper_exchange.gateway.api import Api
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.gateway.endpoints import ENDPOINTS
from paper_exchange.gateway.limits import LimitTable
from paper_exchange.gateway.rest import RestGateway
from paper_exchange.gateway.rest_server import serving


class Front:
    """One HTTP server for many floors, one after the other: starting a server takes longer than a test.

    Attributes:
        http: A client of whatever floor stands behind it now.
    """

    http: httpx.AsyncClient

    def __init__(self) -> None:
        self.gateway: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.gateway is not None
        await self.gateway(scope, receive, send)

    @asynccontextmanager
    async def answering(self) -> AsyncIterator["Front"]:
        """Answer while the block lasts."""
        async with serving(self, "127.0.0.1", 0) as url, httpx.AsyncClient(base_url=url) as self.http:
            yield self


class RestFloor(SocketFloor):
    """The exchange of `SocketFloor`, behind a front."""

    def __init__(self, front: Front, *, limits: LimitTable | None = None) -> None:
        super().__init__(limits=limits)
        front.gateway = RestGateway(Api(Venue(self.exchange, self.limits)), ENDPOINTS)
        self.http = front.http

    @property
    def now_ms(self) -> int:
        """The exchange's time."""
        return self.clock.now_us() // 1000

    async def call(
        self, route: str, parameters: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Call a route, such as `GET /api/v3/depth`, signed where its security asks for it."""
        method, path = route.split()
        sent = dict(parameters or {})
        if ENDPOINTS[route].security == "NONE":
            return await self.http.request(method, path, params=sent, headers=headers)
        sent.setdefault("timestamp", self.now_ms)
        payload = urlencode(sent)
        return await self.http.request(
            method,
            f"{path}?{payload}&signature={self.signature(payload)}",
            headers={"X-MBX-APIKEY": self.login.api_key, **(headers or {})},
        )

    def signature(self, payload: str) -> str:
        """What the default account's secret makes of a payload."""
        return hmac.new(self.login.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
