"""A server process whose exchange is scripted: what a test of stdio starts. Not a test itself.

Orders take a while. The first argument chooses a habit: `plain`, or `prints` (tools write to stdout).
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer
from binance_spot_mcp.server import run
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.tools.desk import Desk

REPLIES = {
    "get_price": b'{"symbol":"BTCUSDT","price":"64000.10000000"}',
    "ping_binance": b"{}",
}


def say(word: str) -> None:
    """Tell the test, on stderr."""
    sys.stderr.write(word + "\n")
    sys.stderr.flush()


class Exchange:
    """Answers a few endpoints."""

    def __init__(self, habit: str) -> None:
        self.habit = habit
        self.order: asyncio.Task[Answer[Any]] | None = None

    async def fetch(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer[Any]:
        """One scripted answer."""
        if self.habit == "prints":
            sys.stdout.write("a stray print\n")
            sys.stdout.flush()
        raw = REPLIES[endpoint.name]
        return Answer(msgspec.json.decode(raw, type=endpoint.result), raw, {})

    async def submit(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer[Any]:
        """An order that takes a while, and is finished whoever stops waiting."""
        self.order = asyncio.create_task(self._place())
        return await asyncio.shield(self.order)

    async def _place(self) -> Answer[Any]:
        say("began")
        await asyncio.sleep(0.3)
        say("finished")
        return Answer({"status": "CANCELED"}, b"{}", {})

    def rate_limits(self) -> dict[str, list[dict[str, int | str]]]:
        """Nothing is limited here."""
        return {"limits": [], "holds": []}


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """A desk on the scripted exchange; says on stderr when it is closed."""
    exchange = Exchange(sys.argv[1])
    try:
        yield Desk("testnet", exchange, exchange)
    finally:
        if exchange.order:
            await asyncio.wait([exchange.order])
        say("closed")


if __name__ == "__main__":
    run(Settings(), open_desk)
