"""An exchange without a network, and how a test reads an answer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import msgspec
from mcp.types import CallToolResult, TextContent

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer
from binance_spot_mcp.transport.call import Departing
from binance_spot_mcp.transport.ledger import LedgerState

NOW_MS = 1_700_000_000_000
Reply = bytes | Exception | Callable[[Mapping[str, str]], Awaitable[bytes]]


class ScriptedExchange:
    """Answers each endpoint with what a test says, and remembers what it was asked and what it answered."""

    def __init__(self) -> None:
        nothing = ("get_open_orders", "get_my_trades", "get_allocations")
        self.replies: dict[str, Reply] = dict.fromkeys(nothing, b"[]")
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.answered: list[str] = []
        self._asked = anyio.Event()

    async def fetch(
        self, endpoint: Endpoint[Any, Any], params: Params, *, urgent: bool = False, departing: Departing | None = None
    ) -> Answer[Any]:
        """The scripted answer, decoded as the client decodes it."""
        wire = params.wire()
        if departing is not None:
            await departing(NOW_MS)
        self.calls.append((endpoint.name, wire))
        self._asked.set()
        reply = self.replies[endpoint.name]
        if isinstance(reply, Exception):
            raise reply
        raw = reply if isinstance(reply, bytes) else await reply(wire)
        self.answered.append(endpoint.name)
        return Answer(msgspec.json.decode(raw, type=endpoint.result), raw, {})

    async def know_the_time(self) -> None:
        """Its clock and ours agree."""

    async def rate_limits(self) -> LedgerState:
        """A ledger with one limit."""
        weight: dict[str, int | str] = {"type": "REQUEST_WEIGHT", "interval": "1m", "limit": 6000, "used": 2}
        limits = [weight | {"in_flight": 0, "resets_at_ms": 60_000}]
        return {"limits": limits, "holds": [], "processes": 1, "trouble": None}

    async def was_asked(self, endpoint: str) -> None:
        """Wait until an endpoint was called."""
        while not self.asked(endpoint):
            self._asked = anyio.Event()
            await self._asked.wait()

    def asked(self, endpoint: str) -> list[dict[str, str]]:
        """The parameters of every call of an endpoint."""
        return [wire for name, wire in self.calls if name == endpoint]


def text_of(result: CallToolResult) -> str:
    """The one text block of a result."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def body_of(result: CallToolResult) -> dict[str, Any]:
    """What a result says; a success must say it twice and alike."""
    body: dict[str, Any] = msgspec.json.decode(text_of(result))
    assert result.structured_content == (None if result.is_error else body)
    assert body["ok"] is not result.is_error
    return body
