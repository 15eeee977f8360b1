"""What went wrong while an agent traded is in a file that a person can read later, with how it ended."""

from typing import Any

import msgspec
import pytest
from mcp import Client
from mcp.types import TextContent
from tests.e2e.faulty_line import FaultyLine, after, breaks, says

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000",
}


async def ask(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and read the answer."""
    (block,) = (await agent.call_tool(tool, arguments)).content
    assert isinstance(block, TextContent)
    body: dict[str, Any] = msgspec.json.decode(block.text)
    return body


async def test_a_lost_answer_and_a_refused_key_are_remembered_with_their_ends_and_no_secret(
    paper: Running, paper_settings: Settings
) -> None:
    async with FaultyLine(paper.rest).open() as line:
        settings = paper_settings.model_copy(update={"base_url": line.origin, "ws_api_base": None, "ws_base": None})
        async with Client(build(settings, opener(settings))) as agent:
            line.once("POST /api/v3/order", after(breaks))
            lost = await ask(agent, "place_order", **ORDER)
            found = await ask(agent, "get_order_state", intent_id=lost["intent_id"])
            line.once("GET /api/v3/account", says(401, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions."}'))
            refused = await ask(agent, "get_account")
            await ask(agent, "get_account")
            wrong = await ask(agent, "place_order", **ORDER | {"side": "LONG"})
    assert (lost["code"], found["state"], refused["code"]) == ("OUTCOME_UNKNOWN", "NEW", "AUTH_FAILED")
    assert wrong["code"] == "INVALID_ARGUMENT"
    file = settings.home / "incidents.md"
    text = file.read_text("utf-8")
    told = [line.split(" ", 6) for line in text.splitlines() if line.startswith("- ")]
    assert [(line[3], line[4], line[6].startswith("ended:")) for line in told] == [
        ("paper", "OUTCOME_UNKNOWN", False),
        ("paper", "OUTCOME_UNKNOWN", True),
        ("paper", "AUTH_FAILED", False),
        ("paper", "AUTH_FAILED", True),
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert paper.login.api_key not in text
    assert paper.login.api_secret not in text


async def test_that_trading_was_stopped_is_remembered_at_once(paper_settings: Settings) -> None:
    async with Client(build(paper_settings, opener(paper_settings))) as agent:
        await ask(agent, "stop_trading")
        await ask(agent, "stop_trading")
    told = [line for line in (paper_settings.home / "incidents.md").read_text("utf-8").splitlines() if "#" in line[1:]]
    assert len(told) == 1
    assert "TRADING_CLOSED" in told[0]
