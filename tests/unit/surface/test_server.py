"""An agent at the server: what it is told, and what becomes of its calls, in both protocol eras."""

import msgspec
import pytest
from mcp import Client
from tests.unit.surface.scripted_exchange import ScriptedExchange, body_of

from binance_spot_mcp.errors import Rejected
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.layout import encode
from binance_spot_mcp.surface.session import OpenDesk
from binance_spot_mcp.surface.toolbox import TOOLBOX, schema

pytestmark = pytest.mark.anyio

PRICE = b'{"symbol":"BTCUSDT","price":"64000.10000000"}'


async def test_every_tool_is_listed_with_all_four_annotations(agent: Client) -> None:
    tools = (await agent.list_tools()).tools
    assert [tool.name for tool in tools] == list(TOOLBOX)
    for tool in tools:
        assert tool.annotations
        assert None not in tool.annotations.model_dump(exclude={"title"}).values()
        assert tool.input_schema == msgspec.json.decode(encode(schema(TOOLBOX[tool.name])))


async def test_an_answer_names_its_environment_and_cuts_idle_zeros(agent: Client, exchange: ScriptedExchange) -> None:
    exchange.replies["get_price"] = PRICE
    body = body_of(await agent.call_tool("get_price", {"symbol": "btc/usdt"}))
    assert body == {"ok": True, "env": "testnet", "symbol": "BTCUSDT", "price": "64000.1"}
    assert exchange.calls == [("get_price", {"symbol": "BTCUSDT"})]


async def test_a_misspelt_argument_is_refused_and_nothing_is_asked(agent: Client, exchange: ScriptedExchange) -> None:
    result = await agent.call_tool("get_order_book", {"symbol": "BTCUSDT", "limt": 5})
    body = body_of(result)
    assert (body["code"], body["sent"], body["fix"]) == ("UNKNOWN_ARGUMENT", "no", {"limit": "5"})
    assert "did you mean limit" in body["message"]
    assert exchange.calls == []


async def test_a_tool_that_does_not_exist_is_refused_like_anything_else(agent: Client) -> None:
    body = body_of(await agent.call_tool("get_prices", {"symbol": "BTCUSDT"}))
    assert (body["code"], body["sent"], body["retry"], body["next"]) == ("NOT_FOUND", "no", "after_fix", "get_price")
    assert body["message"] == "There is no tool of this name. Did you mean get_price?"
    body = body_of(await agent.call_tool("zz" * 400, {}))
    assert (body["code"], len(body["details"]["given"])) == ("NOT_FOUND", 80)
    assert "next" not in body


async def test_a_tool_that_is_switched_off_says_so(open_desk: OpenDesk) -> None:
    async with Client(build(Settings(read_only=True), open_desk)) as agent:
        body = body_of(await agent.call_tool("place_order", {"symbol": "BTCUSDT"}))
    assert (body["code"], body["retry"]) == ("ENDPOINT_REFUSED", "never")
    assert "has switched place_order off" in body["message"]


async def test_a_crash_shows_the_model_a_request_id_and_no_traceback(
    agent: Client, exchange: ScriptedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    exchange.replies["get_price"] = ZeroDivisionError("a secret detail")
    body = body_of(await agent.call_tool("get_price", {"symbol": "BTCUSDT"}))
    assert body["code"] == "INTERNAL"
    assert "secret" not in str(body)
    assert body["details"]["request_id"] in body["message"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_refusal_of_the_exchange_keeps_its_words_as_data(agent: Client, exchange: ScriptedExchange) -> None:
    exchange.replies["get_price"] = Rejected("The exchange refused.", exchange=None)
    body = body_of(await agent.call_tool("get_price", {"symbol": "BTCUSDT"}))
    assert body == {
        "ok": False,
        "env": "testnet",
        "code": "EXCHANGE_REJECTED",
        "message": "The exchange refused.",
        "sent": "yes",
        "retry": "after_fix",
    }
