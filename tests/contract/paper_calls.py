"""Calls that provoke errors, as values: a story is told to an exchange, and its last answer counts."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from msgspec import structs
from tests.e2e.rest_floor import RestFloor

from paper_exchange.engine.commands import Command, SetSymbol
from paper_exchange.engine.symbols import SymbolFilter
from paper_exchange.market.builtin import BUILT_IN

BTCUSDT = {"symbol": "BTCUSDT"}
RESTING = {
    **BTCUSDT,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "90000.00",
    "quantity": "0.01000",
}
MARKET = {**BTCUSDT, "side": "BUY", "type": "MARKET"}
STOP = {**BTCUSDT, "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01000", "stopPrice": "95000.00"}
OCO = {
    **BTCUSDT,
    "side": "SELL",
    "quantity": "0.01000",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "105000.00",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "95000.00",
}
OPO = {
    **BTCUSDT,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "90000.00",
    "workingQuantity": "0.01000",
    "workingTimeInForce": "GTC",
    "pendingType": "LIMIT",
    "pendingSide": "SELL",
    "pendingPrice": "110000.00",
    "pendingTimeInForce": "GTC",
}
REPLACE = {**RESTING, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "resting"}
OURS = {**BTCUSDT, "origClientOrderId": "resting"}

Story = Callable[[RestFloor], Awaitable[httpx.Response]]
Case = tuple[int, str, Story]
"""A code, a text, and what provokes them."""


def without(parameters: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in names}


def call(route: str, parameters: dict[str, Any] | None = None, *, headers: dict[str, str] | None = None) -> Story:
    """One call."""

    async def story(floor: RestFloor) -> httpx.Response:
        return await floor.call(route, parameters, headers)

    return story


def get(path: str, /, **parameters: Any) -> Story:
    """One call of a GET endpoint."""
    return call(f"GET /api/v3/{path}", parameters)


def order(base: Mapping[str, Any] = RESTING, /, **changes: Any) -> Story:
    """One order."""
    return call("POST /api/v3/order", {**base, **changes})


def oco(**changes: Any) -> Story:
    """One OCO that sells."""
    return call("POST /api/v3/orderList/oco", OCO | changes)


def pair(side: str, above: str, below: str) -> Story:
    """An OCO of these types."""
    parameters = {**BTCUSDT, "side": side, "quantity": "0.01000", "aboveType": above, "belowType": below}
    for prefix, kind, price in (("above", above, "105000.00"), ("below", below, "95000.00")):
        parameters[f"{prefix}Price" if kind == "LIMIT_MAKER" else f"{prefix}StopPrice"] = price
    return call("POST /api/v3/orderList/oco", parameters)


def replace(**changes: Any) -> Story:
    """One cancelReplace."""
    return call("POST /api/v3/order/cancelReplace", REPLACE | changes)


def raw(query: str, api_key: str | None = None) -> Story:
    """A GET of the account with a query of our own, signed or not."""

    async def story(floor: RestFloor) -> httpx.Response:
        headers = {"X-MBX-APIKEY": floor.login.api_key if api_key is None else api_key}
        return await floor.http.get(f"/api/v3/account?{query.format(now=floor.now_ms)}", headers=headers)

    return story


def after(command: Command, story: Story) -> Story:
    """A story that the exchange itself prepares."""

    async def prepared(floor: RestFloor) -> httpx.Response:
        floor.do(command)
        return await story(floor)

    return prepared


def then(*stories: Story) -> Story:
    """One after the other; the last one's answer counts."""

    async def story(floor: RestFloor) -> httpx.Response:
        answers = [await each(floor) for each in stories]
        return answers[-1]

    return story


def rules(**changes: Any) -> Command:
    """Other rules for BTCUSDT."""
    return SetSymbol(spec=structs.replace(BUILT_IN.listings["BTCUSDT"].spec, **changes))


def filtered(*filters: SymbolFilter) -> Command:
    """These filters alone for BTCUSDT."""
    return rules(filters=filters)
