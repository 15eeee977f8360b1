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
from binance_spot_mcp.server import run
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.tools.tool import Answer

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

    async def call(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer:
        """One scripted answer."""
        if self.habit == "prints":
            sys.stdout.write("a stray print\n")
            sys.stdout.flush()
        if endpoint.effect != "read":
            say("began")
            await asyncio.sleep(0.3)
            say("finished")
            return Answer({"status": "CANCELED"})
        raw = REPLIES[endpoint.name]
        return Answer(msgspec.json.decode(raw, type=endpoint.result), raw, endpoint.result)


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """A desk on the scripted exchange; says on stderr when it is closed."""
    exchange = Exchange(sys.argv[1])
    try:
        yield Desk("testnet", exchange, exchange)
    finally:
        say("closed")


if __name__ == "__main__":
    run(Settings(), open_desk)
