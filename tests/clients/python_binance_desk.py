"""python-binance on the paper exchange. Set here is all that is changed of it: addresses, as attributes of classes."""

from collections.abc import Awaitable
from decimal import Decimal
from inspect import isawaitable
from typing import Any

from binance import AsyncClient, BinanceSocketManager, Client
from tests.clients.ledger import Balance, Fill, read_balances
from tests.clients.paper import Paper


def sync_client(paper: Paper, **settings: Any) -> Client:
    """A `Client` of the exchange."""

    class PaperClient(Client):  # type: ignore[misc]  # untyped where it is not installed
        API_URL = f"{paper.rest}/api"
        WS_API_URL = paper.ws_api

    return PaperClient(**{"api_key": paper.api_key, "api_secret": paper.api_secret, **settings})


async def async_client(paper: Paper, **settings: Any) -> AsyncClient:
    """An `AsyncClient` of the exchange."""

    class PaperClient(AsyncClient):  # type: ignore[misc]  # untyped where it is not installed
        API_URL = f"{paper.rest}/api"
        WS_API_URL = paper.ws_api

    return await PaperClient.create(**{"api_key": paper.api_key, "api_secret": paper.api_secret, **settings})


def socket_manager(paper: Paper, client: AsyncClient) -> BinanceSocketManager:
    """A `BinanceSocketManager` of the exchange."""

    class PaperSocketManager(BinanceSocketManager):  # type: ignore[misc]  # untyped where it is not installed
        STREAM_URL = f"{paper.ws}/"

    return PaperSocketManager(client)


class PythonBinanceDesk:
    """One client of either kind: `await desk(method, ...)` waits where there is something to wait for.

    Attributes:
        client: The client itself.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    async def __call__(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the client."""
        answer = getattr(self.client, method)(*arguments, **named)
        return await _value(answer) if isawaitable(answer) else answer

    async def price(self, symbol: str, factor: str) -> str:
        """The best bid times a factor, on a tick of 0.01."""
        bid = Decimal((await self("get_orderbook_ticker", symbol=symbol))["bidPrice"])
        return str((bid * Decimal(factor)).quantize(Decimal("0.01")))

    async def close(self) -> None:
        """End the client's sessions."""
        await self("close_connection")

    async def balances(self) -> dict[str, Balance]:
        """All balances."""
        return read_balances((await self("get_account"))["balances"])

    async def fills(self, symbol: str) -> list[Fill]:
        """All fills on a symbol."""
        trades = await self("get_my_trades", symbol=symbol, limit=1000)
        allocations = await self("get_allocations", symbol=symbol, limit=1000)
        return [Fill.read(row) for row in (*trades, *allocations)]


async def _value(answer: Awaitable[Any]) -> Any:
    return await answer
