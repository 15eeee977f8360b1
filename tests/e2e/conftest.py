"""An agent at the server, whose Binance is a paper exchange of its own, over real HTTP in one process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client
from pydantic import SecretStr

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from paper_exchange.options import Options
from paper_exchange.running import Running, running


@pytest.fixture
async def paper() -> AsyncIterator[Running]:
    """A paper exchange with a market, and with limits that no test reaches."""
    async with running(Options(seed=7, market=True, limit_factor=100)) as exchange:
        yield exchange


@pytest.fixture
def paper_settings(paper: Running, tmp_path: Path) -> Settings:
    """The settings of a server that uses it."""
    return Settings(
        env="paper",
        base_url=paper.rest,
        ws_base=paper.ws,
        ws_api_base=paper.ws_api,
        api_key=SecretStr(paper.login.api_key),
        api_secret=SecretStr(paper.login.api_secret),
        home=tmp_path,
    )


@pytest.fixture
async def agent(paper_settings: Settings) -> AsyncIterator[Client]:
    """An agent."""
    async with Client(build(paper_settings, opener(paper_settings))) as client:
        yield client


@pytest.fixture(params=["legacy", "auto"])
async def agent_of_any_era(request: pytest.FixtureRequest, paper_settings: Settings) -> AsyncIterator[Client]:
    """An agent, once in each protocol era."""
    async with Client(build(paper_settings, opener(paper_settings)), mode=request.param) as client:
        yield client
