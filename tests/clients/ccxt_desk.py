"""ccxt on the paper exchange. Set here is all that is changed of it: addresses, and options that keep it on `/api`.

Without those options ccxt would load currencies and margin pairs (`/sapi`) and the markets of other products first.
"""

from collections.abc import Awaitable
from decimal import Decimal
from inspect import isawaitable
from typing import Any

from tests.clients.ledger import Balance, Fill, read_balances
from tests.clients.paper import Paper


def settings(paper: Paper) -> dict[str, Any]:
    """What `ccxt.binance(...)`, its asynchronous twin and `ccxt.pro.binance(...)` are given."""
    api = f"{paper.rest}/api/v3"
    sockets = {"spot": f"{paper.ws}/ws", "ws-api": {"spot": paper.ws_api}}
    return {
        "apiKey": paper.api_key,
        "secret": paper.api_secret,
        "urls": {"api": {"public": api, "private": api, "ws": sockets}},
        "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "fetchCurrencies": False},
    }


class CcxtDesk:
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
        """The best bid times a factor, on the tick."""
        bid = Decimal(str((await self("fetch_order_book", symbol, 5))["bids"][0][0]))
        on_tick: str = self.client.price_to_precision(symbol, float(bid * Decimal(factor)))
        return on_tick

    async def close(self) -> None:
        """End the sessions of an asynchronous client."""
        if hasattr(self.client, "close"):
            await self("close")

    async def balances(self) -> dict[str, Balance]:
        """All balances."""
        return read_balances((await self("fetch_balance"))["info"]["balances"])

    async def fills(self, symbol: str) -> list[Fill]:
        """All fills on a symbol."""
        unified = self.client.markets_by_id[symbol][0]["symbol"]
        trades = [trade["info"] for trade in await self("fetch_my_trades", unified, None, 1000)]
        allocations = await self("private_get_myallocations", {"symbol": symbol, "limit": 1000})
        return [Fill.read(row) for row in (*trades, *allocations)]


async def _value(answer: Awaitable[Any]) -> Any:
    return await answer
