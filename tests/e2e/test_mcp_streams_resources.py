"""Hosts that watch resources see them move, in both protocol eras."""

import json
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import ResourceUpdatedNotification, TextResourceContents
from tests.e2e.test_mcp_paper import ask

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings

pytestmark = pytest.mark.anyio

TRADES, BOOK, ORDERS = "binance://stream/btcusdt@trade", "binance://book/BTCUSDT", "binance://orders/open"


async def read(agent: Client, uri: str) -> dict[str, Any]:
    """The JSON of a resource."""
    (content,) = (await agent.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    body: dict[str, Any] = json.loads(content.text)
    return body


async def watch_all(agent: Client) -> None:
    await ask(agent, "subscribe_to_trade_stream", symbol="BTCUSDT")
    await ask(agent, "subscribe_to_depth_stream", symbol="BTCUSDT")
    await ask(agent, "subscribe_to_user_stream")


async def place(agent: Client, quantity: str = "0.001") -> None:
    assert (await ask(agent, "place_order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity=quantity))["ok"]


async def test_resources_say_what_the_tools_say(agent_of_any_era: Client) -> None:
    await watch_all(agent_of_any_era)
    stream = await read(agent_of_any_era, TRADES)
    assert (stream["ok"], stream["subscription"], stream["state"]) == (True, "btcusdt@trade", "LIVE")
    book = await read(agent_of_any_era, BOOK)
    assert (book["symbol"], book["state"]) == ("BTCUSDT", "LIVE")
    assert (await read(agent_of_any_era, ORDERS))["ok"] is True
    klines = await ask(
        agent_of_any_era, "subscribe_to_kline_stream", symbol="BTCUSDT", interval="1m", timeZone="+08:00"
    )
    east = await read(agent_of_any_era, f"binance://stream/{quote(klines['subscription'], safe='')}")
    assert east["subscription"] == "btcusdt@kline_1m@+08:00"
    assert (await read(agent_of_any_era, "binance://stream/ethusdt@trade"))["code"] == "NOT_FOUND"


async def test_templates_and_the_open_orders_are_listed(agent: Client) -> None:
    templates = (await agent.list_resource_templates()).resource_templates
    assert {template.uri_template for template in templates} == {
        "binance://stream/{subscription}", "binance://book/{symbol}",
    }  # fmt: skip
    assert [str(resource.uri) for resource in (await agent.list_resources()).resources] == [ORDERS]


async def test_hosts_of_the_newer_protocol_see_resources_move(paper_settings: Settings) -> None:
    moved: set[str] = set()
    async with (
        Client(build(paper_settings, opener(paper_settings)), mode="auto") as agent,
        agent.listen(resource_subscriptions=[TRADES, BOOK, ORDERS]) as updates,
    ):
        await watch_all(agent)
        await place(agent)
        with anyio.fail_after(10):
            async for event in updates:
                assert isinstance(event, ResourceUpdated)
                moved.add(event.uri)
                if moved == {TRADES, BOOK, ORDERS}:
                    break


@pytest.mark.filterwarnings("ignore:resources/:mcp.MCPDeprecationWarning")
async def test_hosts_of_the_older_protocol_see_what_they_asked_for_once_a_second_at_most(
    paper_settings: Settings,
) -> None:
    told: list[tuple[str, float]] = []
    heard = anyio.Event()

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            told.append((str(message.params.uri), anyio.current_time()))
            heard.set()

    async with Client(build(paper_settings, opener(paper_settings)), mode="legacy", message_handler=hear) as agent:
        await agent.subscribe_resource(TRADES)
        await watch_all(agent)
        for quantity in ("0.001", "0.002", "0.003"):
            await place(agent, quantity)
            with anyio.fail_after(10):
                await heard.wait()
            heard = anyio.Event()
        assert {uri for uri, _ in told} == {TRADES}
        assert all(later - earlier > 0.9 for (_, earlier), (_, later) in pairwise(told))
        await agent.unsubscribe_resource(TRADES)
        count = len(told)
        await place(agent, "0.004")
        await anyio.sleep(1.5)
        assert len(told) == count
