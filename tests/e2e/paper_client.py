"""A plain HTTP client of the paper exchange that signs as the documents say, and as nothing else here does."""

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from paper_exchange.running import Running


class PaperClient:
    """Calls a running exchange over HTTP.

    Attributes:
        http: For whatever needs no signature, or a wrong one.
    """

    def __init__(self, exchange: Running) -> None:
        self.exchange = exchange
        self.http = httpx.AsyncClient(base_url=exchange.rest)

    async def public(self, path: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
        """GET a public endpoint."""
        return await self.http.get(f"/api/v3/{path}", params=parameters, headers=headers)

    async def signed(
        self, method: str, path: str, headers: dict[str, str] | None = None, **parameters: Any
    ) -> httpx.Response:
        """Call a signed endpoint; a timestamp is added where none is given."""
        login = self.exchange.login
        return await self.signed_with(login.api_key, login.api_secret, method, path, headers, **parameters)

    async def signed_with(
        self,
        api_key: str,
        api_secret: str,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> httpx.Response:
        """Call a signed endpoint with another key."""
        parameters.setdefault("timestamp", int(time.time() * 1000))
        payload = urlencode(parameters)
        signature = hmac.new(api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        return await self.http.request(
            method,
            f"/api/v3/{path}?{payload}&signature={signature}",
            headers={"X-MBX-APIKEY": api_key, **(headers or {})},
        )


def limit_order(side: str, price: str, quantity: str = "0.01000", **more: Any) -> dict[str, Any]:
    """The parameters of a LIMIT order on BTCUSDT."""
    return {
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": quantity,
        "price": price,
        **more,
    }
