"""A paper exchange with its operator: a plain client of the REST API, and one of the operator's door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from tests.e2e.paper_client import PaperClient, limit_order

from paper_exchange.options import Options
from paper_exchange.running import Running, running


class Operator(PaperClient):
    """Calls a running exchange as a client and as its operator.

    Attributes:
        door: For whatever needs no token, or a wrong one.
    """

    def __init__(self, exchange: Running) -> None:
        super().__init__(exchange)
        self.door = httpx.AsyncClient(base_url=exchange.doors.admin)

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Ask at the door, with the token."""
        headers = {"Authorization": f"Bearer {self.exchange.doors.admin_token}"}
        return await self.door.request(method, path, json=body, params=query, headers=headers)

    async def told(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """What is answered, which must be no refusal."""
        answer = await self.ask(method, path, body, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def place(self, name: str = "mine") -> httpx.Response:
        """Place an order that rests, as a client."""
        return await self.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId=name))

    def has_open(self, name: str = "mine") -> bool:
        """Whether the engine has that order open, whatever queries say."""
        engine = self.exchange.exchange.engine
        return any(order.client_order_id == name for order in engine.open_orders(self.exchange.login.number))

    async def fault(self, **rule: Any) -> str:
        """Put a rule in force; returns its id."""
        rule_id: str = (await self.told("POST", "/faults", rule))["id"]
        return rule_id

    async def oracle(self, kind: str, **where: Any) -> list[dict[str, Any]]:
        """The oracle's entries of a kind, as far as they say what is asked for."""
        entries = (await self.told("GET", "/oracle"))["entries"]
        return [entry for entry in entries if entry["kind"] == kind and where.items() <= entry.items()]


@asynccontextmanager
async def operated(options: Options) -> AsyncIterator[Operator]:
    """An exchange while the block lasts."""
    async with running(options) as exchange:
        operator = Operator(exchange)
        async with operator.http, operator.door:
            yield operator
