"""A server over a scripted exchange, with the real gate between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_bytes

import pytest
from mcp import Client
from tests.unit.surface.scripted_exchange import NOW_MS, ScriptedExchange

from binance_spot_mcp.allowance import NO_CAPS
from binance_spot_mcp.client import Spot
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.streams.hub import Streams
from binance_spot_mcp.streams.waits import Waits
from binance_spot_mcp.surface.session import OpenDesk
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


@pytest.fixture
def exchange() -> ScriptedExchange:
    """The exchange of this test."""
    return ScriptedExchange()


@pytest.fixture
def open_desk(exchange: ScriptedExchange, tmp_path: Path) -> OpenDesk:
    """Opens a desk on the scripted exchange."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Desk]:
        ids = ClientOrderIds("ours", token_bytes)
        keeper = Keeper(
            tmp_path / "state",
            "testnet",
            "key",
            exchange=exchange,
            ids=ids,
            recv_window_ms=5_000,
            know_the_time=exchange.know_the_time,
            now_ms=lambda: NOW_MS,
            sleep=asyncio.sleep,
        )
        operator = OperatorFile(tmp_path / OPERATOR_FILE)
        approvals = Approvals(
            "testnet",
            "key",
            switched_on=False,
            always=False,
            exchange=exchange,
            operator=operator,
            now_ms=lambda: NOW_MS,
            new_id=ids.new,
        )
        gate = Gate(
            exchange,
            approvals=approvals,
            caps=CapWatch(NO_CAPS, exchange, lambda: NOW_MS),
            switch=Switch(keeper.name, operator, tmp_path / STOP_FILE, lambda: NOW_MS),
            keeper=keeper,
            ids=ids,
            now_ms=lambda: NOW_MS,
            snapshots=Snapshots(tmp_path),
        )
        streams = Streams(Spot(Settings()), Settings())
        yield Desk("testnet", exchange, gate, streams, Waits(streams), Portfolios(exchange, keeper, lambda: NOW_MS))
        await gate.settled()
        await keeper.close()

    return opened


@pytest.fixture(params=["legacy", "auto"])
async def agent(request: pytest.FixtureRequest, open_desk: OpenDesk) -> AsyncIterator[Client]:
    """An agent that talks to the server, once in each protocol era."""
    async with Client(build(Settings(), open_desk), mode=request.param) as client:
        yield client
