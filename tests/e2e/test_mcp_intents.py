"""Faults on the line to the paper exchange: one call is at most one order, and the journal agrees with the exchange."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from mcp import Client
from mcp.types import TextContent
from tests.e2e.faulty_line import FaultyLine, Rule, after, arrives_cut, breaks, refuses, says
from tests.e2e.paper_client import PaperClient

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.cli.journal import export
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.trading.journal.file import Contents, fingerprint, journal_path, read_journal
from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

PLACE = "POST /api/v3/order"
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000",
}


@pytest.fixture
async def line(paper: Running) -> AsyncIterator[FaultyLine]:
    """The line to the exchange."""
    async with FaultyLine(paper.rest).open() as opened:
        yield opened


@pytest.fixture
def settings(paper_settings: Settings, line: FaultyLine) -> Settings:
    """The settings of a server at the end of that line."""
    return paper_settings.model_copy(update={"base_url": line.origin, "ws_api_base": None, "ws_base": None})


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Client]:
    """An agent."""
    async with Client(build(settings, opener(settings))) as client:
        yield client


async def ask(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and read the answer."""
    (block,) = (await agent.call_tool(tool, arguments)).content
    assert isinstance(block, TextContent)
    body: dict[str, Any] = msgspec.json.decode(block.text)
    return body


def journal_of(settings: Settings) -> Path:
    assert settings.api_key is not None
    return journal_path(settings.home / "state", "paper", fingerprint(settings.api_key.get_secret_value()))


def contents(settings: Settings) -> Contents:
    """What the journal holds."""
    return read_journal(journal_of(settings))


async def at_the_exchange(paper: Running) -> set[str]:
    """The names of all orders that the exchange has."""
    client = PaperClient(paper)
    async with client.http:
        orders = (await client.signed("GET", "allOrders", symbol="BTCUSDT")).json()
    return {order["clientOrderId"] for order in orders}


@pytest.mark.parametrize(
    ("rule", "exists", "state"),
    [
        (after(breaks), True, "UNKNOWN"),
        (breaks, False, "UNKNOWN"),
        (arrives_cut, True, "UNKNOWN"),
        (refuses(503, -1007, "Timeout waiting for response from backend server."), False, "UNKNOWN"),
        (after(says(502, b"<html>")), True, "UNKNOWN"),
        (refuses(400, -2010, "Account has insufficient balance for requested action."), False, "REJECTED"),
        (refuses(429, -1003, "Too many requests.", retry_after="7"), False, "REJECTED"),
    ],
    ids=["reset after", "reset before", "cut", "503 -1007", "502 after", "refused", "429"],
)
async def test_one_call_is_at_most_one_order_whatever_happens_and_however_often_it_is_made(
    agent: Client, line: FaultyLine, settings: Settings, paper: Running, *, rule: Rule, exists: bool, state: str
) -> None:
    line.once(PLACE, rule)
    answers = [await ask(agent, "place_order", **ORDER, intent_id="only-one") for _ in range(3)]
    assert answers[0]["ok"] is False
    assert {answer["intent_id"] for answer in answers} == {"only-one"}
    (passing,) = line.asked(PLACE)
    name = passing.sent["newClientOrderId"]
    assert {answer["client_order_id"] for answer in answers} == {name}
    assert ({name} <= await at_the_exchange(paper)) is exists
    states = [record.entry.state for record in contents(settings).records]
    assert states[:4] == ["TESTED", "INTENDED", "SENDING", state]
    told = await ask(agent, "get_order_state", intent_id="only-one")
    assert told["state"] == ("NEW" if exists else state)
    assert told["settled"] is (exists or state != "UNKNOWN")
    other = await ask(agent, "place_order", **(ORDER | {"quantity": "0.002"}))
    assert other.get("code") == (None if told["settled"] else "ORDER_UNRESOLVED") or other["code"] == "RATE_LIMITED"


async def test_an_answer_names_its_call_and_a_repeated_call_sends_nothing(agent: Client, line: FaultyLine) -> None:
    first = await ask(agent, "place_order", **ORDER)
    assert first["client_order_id"] == first["clientOrderId"]
    again = await ask(agent, "place_order", **ORDER)
    assert (again["code"], again["intent_id"], again["sent"]) == ("DUPLICATE_INTENT", first["intent_id"], "no")
    named = await ask(agent, "place_order", **ORDER, intent_id=first["intent_id"])
    assert (named["ok"], named["orderId"], named["status"]) == (True, first["orderId"], "NEW")
    conflict = await ask(agent, "place_order", **(ORDER | {"quantity": "0.002"}), intent_id=first["intent_id"])
    assert conflict["code"] == "INTENT_CONFLICT"
    assert len(line.asked(PLACE)) == 1


@pytest.mark.parametrize("intent_id", ["x" * 65, "", "with blanks", "💥", "<b>", 7, ["a"]])
async def test_a_name_that_is_no_name_is_refused(agent: Client, line: FaultyLine, intent_id: object) -> None:
    refused = await ask(agent, "place_order", **ORDER, intent_id=intent_id)
    assert (refused["code"], refused["details"]["param"]) == ("INVALID_ARGUMENT", "intent_id")
    assert not line.asked(PLACE)


async def test_the_journal_holds_no_secret_and_no_signature(
    agent: Client, line: FaultyLine, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    line.once(PLACE, after(breaks))
    await ask(agent, "place_order", **ORDER)
    signature = line.asked(PLACE)[0].sent["signature"]
    assert export(journal_of(settings))
    exported = capsys.readouterr().out
    states = [json.loads(row)["state"] for row in exported.splitlines()]
    assert states[:4] == ["TESTED", "INTENDED", "SENDING", "UNKNOWN"]
    for secret in (signature, *settings.secrets()):
        assert secret not in exported
        for file in journal_of(settings).parent.iterdir():
            assert file.is_dir() or secret.encode() not in file.read_bytes()


async def test_a_second_server_on_the_account_only_reads_and_takes_over_at_the_end_of_the_first(
    settings: Settings, line: FaultyLine
) -> None:
    async with Client(build(settings, opener(settings))) as second:
        async with Client(build(settings, opener(settings))) as first:
            placed = await ask(first, "place_order", **ORDER)
            refused = await ask(second, "place_order", **ORDER)
            assert (refused["code"], refused["sent"]) == ("READ_ONLY", "no")
            assert "process" in refused["details"]["writer"]
            assert (await ask(second, "get_order", symbol="BTCUSDT", orderId=placed["orderId"]))["ok"]
        repeated = await ask(second, "place_order", **ORDER)
        assert (repeated["code"], repeated["intent_id"]) == ("DUPLICATE_INTENT", placed["intent_id"])
        assert (await ask(second, "cancel_order", symbol="BTCUSDT", orderId=placed["orderId"]))["status"] == "CANCELED"
    assert len(line.asked(PLACE)) == 1


async def test_an_order_is_followed_to_its_end_by_any_of_its_names(agent: Client, paper: Running) -> None:
    placed = await ask(agent, "place_order", **ORDER, intent_id="mine")
    client = PaperClient(paper)
    async with client.http:  # somebody else cancels it
        await client.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])
    compared = await ask(agent, "reconcile_orders", symbol="BTCUSDT")
    assert (compared["changed"], compared["unresolved"]) == ([placed["client_order_id"]], [])
    names = {"client_order_id": placed["client_order_id"]}, {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    for name in ({"intent_id": "mine"}, *names):
        told = await ask(agent, "get_order_state", **name)
        assert (told["state"], told["settled"], told["intent_id"]) == ("CANCELED", True, "mine")


@pytest.mark.long
async def test_an_order_that_never_arrived_is_proved_absent(agent: Client, line: FaultyLine) -> None:
    line.once(PLACE, breaks)
    await ask(agent, "place_order", **ORDER, intent_id="mine")
    told: dict[str, Any] = {"settled": False}
    with anyio.fail_after(40):
        while not told["settled"]:
            told = await ask(agent, "get_order_state", intent_id="mine")
            await anyio.sleep(1)
    assert (told["state"], told["settled"]) == ("NOT_PLACED", True)
    assert (await ask(agent, "place_order", **ORDER, intent_id="again"))["ok"]
