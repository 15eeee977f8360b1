"""A server over a scripted exchange, for tests of the surface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mcp import Client
from tests.unit.surface.scripted_exchange import ScriptedExchange

from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.session import OpenDesk
from binance_spot_mcp.tools.desk import Desk


@pytest.fixture
def exchange() -> ScriptedExchange:
    """The exchange of this test."""
    return ScriptedExchange()


@pytest.fixture
def open_desk(exchange: ScriptedExchange) -> OpenDesk:
    """Opens a desk on the scripted exchange."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Desk]:
        yield Desk("testnet", exchange, exchange)

    return opened


@pytest.fixture(params=["legacy", "auto"])
async def agent(request: pytest.FixtureRequest, open_desk: OpenDesk) -> AsyncIterator[Client]:
    """An agent that talks to the server, once in each protocol era."""
    async with Client(build(Settings(), open_desk), mode=request.param) as client:
        yield client
