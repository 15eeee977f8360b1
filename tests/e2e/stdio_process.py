"""A server process whose exchange is scripted: what a test of stdio starts. Not a test itself.

Cancelling takes a while here. The first argument chooses a habit: `plain`, or `prints` (calls write to stdout).
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any

import msgspec

from binance_spot_mcp.allowance import NO_CAPS
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer, Spot
from binance_spot_mcp.logs import configure_logs
from binance_spot_mcp.server import run
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.streams.hub import Streams
from binance_spot_mcp.streams.waits import Waits
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.trading.approval import Approvals
from binance_spot_mcp.trading.cap_watch import CapWatch
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.portfolio import Portfolios
from binance_spot_mcp.trading.snapshots import Snapshots
from binance_spot_mcp.trading.switch import STOP_FILE, Switch
from binance_spot_mcp.transport.call import Departing
from binance_spot_mcp.transport.ledger import LedgerState

REPLIES = {
    "get_price": b'{"symbol":"BTCUSDT","price":"64000.10000000"}',
    "ping_binance": b"{}",
    "get_open_orders": b"[]",
    "cancel_order": b'{"symbol":"BTCUSDT","orderId":1,"clientOrderId":"x","transactTime":1,"status":"CANCELED"}',
}


def say(word: str) -> None:
    """Tell the test, on stderr."""
    sys.stderr.write(word + "\n")
    sys.stderr.flush()


class Exchange:
    """Answers a few endpoints."""

    def __init__(self, habit: str) -> None:
        self.habit = habit

    async def fetch(
        self, endpoint: Endpoint[Any, Any], params: Params, *, urgent: bool = False, departing: Departing | None = None
    ) -> Answer[Any]:
        """One scripted answer."""
        if self.habit == "prints":
            sys.stdout.write("a stray print\n")
            sys.stdout.flush()
        if departing is not None:
            await departing(0)
        if endpoint.name == "cancel_order":
            say("began")
            await asyncio.sleep(0.3)
            say("finished")
        raw = REPLIES[endpoint.name]
        return Answer(msgspec.json.decode(raw, type=endpoint.result), raw, {})

    async def know_the_time(self) -> None:
        """Its clock and ours agree."""

    async def rate_limits(self) -> LedgerState:
        """Nothing is limited here."""
        return {"limits": [], "holds": [], "processes": 1, "trouble": None}


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """A desk on the scripted exchange; says on stderr when it is closed."""
    exchange = Exchange(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        ids = ClientOrderIds("test", token_bytes)
        keeper = Keeper(
            Path(folder) / "state",
            "testnet",
            "key",
            exchange=exchange,
            ids=ids,
            recv_window_ms=5_000,
            know_the_time=exchange.know_the_time,
            now_ms=lambda: 0,
            sleep=asyncio.sleep,
        )
        operator = OperatorFile(Path(folder) / OPERATOR_FILE)
        approvals = Approvals(
            "testnet",
            "key",
            switched_on=False,
            always=False,
            exchange=exchange,
            operator=operator,
            now_ms=lambda: 0,
            new_id=ids.new,
        )
        gate = Gate(
            exchange,
            approvals=approvals,
            caps=CapWatch(NO_CAPS, exchange, lambda: 0),
            switch=Switch(keeper.name, operator, Path(folder) / STOP_FILE, lambda: 0),
            keeper=keeper,
            ids=ids,
            now_ms=lambda: 0,
            snapshots=Snapshots(Path(folder)),
        )
        try:
            streams = Streams(Spot(Settings()), Settings())
            yield Desk("testnet", exchange, gate, streams, Waits(streams), Portfolios(exchange, keeper, lambda: 0))
        finally:
            await gate.settled()
            await keeper.close()
            say("closed")


if __name__ == "__main__":
    configure_logs("ERROR")
    run(Settings(), open_desk)
