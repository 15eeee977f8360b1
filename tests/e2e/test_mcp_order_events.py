"""What became of an agent's orders is known from the user data stream, and from REST where that has a gap."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from pydantic import SecretStr
from tests.e2e.operator_desk import Operator, operated
from tests.e2e.test_mcp_intents import ask

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.cli.journal import verify
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.trading.journal.file import fingerprint, journal_path, read_journal
from binance_spot_mcp.trading.journal.records import Entry
from paper_exchange.options import Options

pytestmark = pytest.mark.anyio

RESTING = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.002",
    "price": "50000",
}
PLACE = {"method": "POST", "path": "/api/v3/order"}
REPORT = {"stream": "executionReport"}
PATIENCE_S = 15


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    """An exchange without a market, so that nothing moves but our orders and the operator's."""
    async with operated(Options(seed=7, market=False, limit_factor=1_000)) as operator:
        yield operator


@pytest.fixture
def settings(operator: Operator, tmp_path: Path) -> Settings:
    """A server that sends orders over REST, and hears of them over its own socket."""
    exchange = operator.exchange
    return Settings(
        env="paper",
        base_url=exchange.rest,
        ws_api_base=exchange.ws_api,
        transport="rest",
        api_key=SecretStr(exchange.login.api_key),
        api_secret=SecretStr(exchange.login.api_secret),
        home=tmp_path,
    )


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Client]:
    """An agent."""
    async with Client(build(settings, opener(settings))) as client:
        yield client


def journal(settings: Settings) -> Path:
    assert settings.api_key is not None
    return journal_path(settings.home / "state", "paper", fingerprint(settings.api_key.get_secret_value()))


def entries(path: Path, kind: str) -> list[Entry]:
    return [record.entry for record in read_journal(path).records if record.entry.kind == kind]


async def sell(operator: Operator, quantity: str) -> None:
    """Somebody sells into the resting order."""
    wanted = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": quantity}
    sold = await operator.signed("POST", "order", None, **wanted, selfTradePreventionMode="NONE")
    assert Decimal(sold.json()["executedQty"]) == Decimal(quantity), sold.text


async def told(agent: Client, **expected: object) -> dict[str, Any]:
    """What the agent is told of its order, as soon as that is so."""
    answer: dict[str, Any] = {}
    with anyio.fail_after(PATIENCE_S):
        while not expected.items() <= answer.items():
            answer = await ask(agent, "get_order_state", intent_id="mine")
            await anyio.sleep(0.05)
    return answer


async def in_step(agent: Client) -> dict[str, Any]:
    """How fresh the local state is, as soon as it does not lag behind."""
    state: dict[str, Any] = {"stale": True}
    with anyio.fail_after(PATIENCE_S):
        while state["stale"]:
            state = (await ask(agent, "get_trading_state"))["account_state"]
            await anyio.sleep(0.05)
    return state


async def test_an_agent_that_waits_is_told_how_its_order_ended(agent: Client, operator: Operator) -> None:
    async with anyio.create_task_group() as together:
        together.start_soon(_sell_when_there, operator)
        answer = await ask(agent, "place_order", **RESTING, intent_id="mine", wait_seconds=20)
    assert (answer["ok"], answer["status"], answer["executedQty"]) == (True, "FILLED", "0.002")
    assert answer["average_price"] == "50000"
    assert [*answer["fees"]] == ["BTC"]
    assert "notes" not in answer
    known = await ask(agent, "get_order_state", intent_id="mine")
    assert (known["state"], known["stale"], known["settled"]) == ("FILLED", False, True)
    assert len(known["fills"]["rows"]) == 2
    assert "recovered" not in known["fills"]["columns"]


async def _sell_when_there(operator: Operator) -> None:
    engine, number = operator.exchange.exchange.engine, operator.exchange.login.number
    while not [*engine.open_orders(number)]:  # noqa: ASYNC110  # the engine tells nobody
        await anyio.sleep(0.01)
    await sell(operator, "0.001")
    await sell(operator, "0.001")


async def test_who_waits_in_vain_is_told_what_is_provisional(agent: Client) -> None:
    answer = await ask(agent, "place_order", **RESTING, wait_seconds=1)
    assert (answer["ok"], answer["status"]) == (True, "NEW")
    assert any("not final" in note for note in answer["notes"])


@pytest.mark.parametrize("wait", [31, -1, "5s", 1.5])
async def test_a_wait_that_is_no_wait_is_refused(agent: Client, operator: Operator, wait: object) -> None:
    refused = await ask(agent, "place_order", **RESTING, wait_seconds=wait)
    assert (refused["code"], refused["details"]["param"]) == ("INVALID_ARGUMENT", "wait_seconds")
    assert not await operator.oracle("request", **PLACE)


async def test_a_lost_answer_is_made_up_for_while_the_agent_waits(agent: Client, operator: Operator) -> None:
    await operator.fault(where="rest", match=PLACE, phase="after", effect={"kind": "reset"})
    async with anyio.create_task_group() as together:
        together.start_soon(_sell_when_there, operator)
        answer = await ask(agent, "place_order", **RESTING, intent_id="mine", wait_seconds=20)
    assert (answer["ok"], answer["status"], answer["average_price"]) == (True, "FILLED", "50000")
    assert any("answer was lost" in note for note in answer["notes"])
    assert len(await operator.oracle("request", **PLACE, client_order_id=answer["client_order_id"])) <= 1


@pytest.mark.parametrize("effect", ["reset", "close", "eventStreamTerminated"])
async def test_what_a_break_of_the_stream_has_hidden_is_recovered_once(
    agent: Client, operator: Operator, settings: Settings, effect: str
) -> None:
    placed = await ask(agent, "place_order", **RESTING, intent_id="mine")
    await in_step(agent)
    await sell(operator, "0.0005")
    await told(agent, state="PARTIALLY_FILLED")
    if effect == "eventStreamTerminated":
        payload = {"e": effect, "E": 1}
        await operator.fault(where="user", nth=0, effect={"kind": "event", "payload": payload})
    else:
        await operator.fault(where="user", match=REPORT, effect={"kind": effect})
    await sell(operator, "0.0015")
    known = await told(agent, state="FILLED")
    await in_step(agent)
    known = await ask(agent, "get_order_state", intent_id="mine")
    assert len(known["fills"]["rows"]) == 2
    assert known["orders"]["rows"] if "rows" in known["orders"] else known["orders"][0]["executedQty"] == "0.002"
    fills = entries(journal(settings), "fill")
    assert len({(fill.order_id, fill.evidence["trade_id"]) for fill in fills}) == len(fills) == 2
    assert {fill.order_id for fill in fills} == {placed["orderId"]}


@pytest.mark.parametrize("effect", [{"kind": "duplicate"}, {"kind": "reorder"}, {"kind": "burst", "count": 5}])
async def test_reports_that_come_twice_or_late_lead_to_the_same_state(
    agent: Client, operator: Operator, settings: Settings, effect: dict[str, Any]
) -> None:
    await operator.fault(where="user", match=REPORT, times=None, effect=effect)
    async with anyio.create_task_group() as together:
        together.start_soon(_sell_when_there, operator)
        answer = await ask(agent, "place_order", **RESTING, intent_id="mine", wait_seconds=20)
    assert (answer["status"], answer["executedQty"], answer["average_price"]) == ("FILLED", "0.002", "50000")
    assert len(entries(journal(settings), "fill")) == 2


async def test_a_server_without_the_channel_trades_and_says_how_fresh_it_is(
    settings: Settings, operator: Operator
) -> None:
    deaf = settings.model_copy(update={"ws_api_base": None})
    async with Client(build(deaf, opener(deaf))) as agent:
        async with anyio.create_task_group() as together:
            together.start_soon(_sell_when_there, operator)
            answer = await ask(agent, "place_order", **RESTING, intent_id="mine", wait_seconds=20)
        assert (answer["status"], answer["average_price"]) == ("FILLED", "50000")
        state = (await ask(agent, "get_trading_state"))["account_state"]
        assert (state["stale"], "BINANCE_WS_API_BASE" in state["why"]) == (True, True)
        known = await ask(agent, "get_order_state", intent_id="mine")
        assert known["stale"] is False
        columns, rows = known["fills"]["columns"], known["fills"]["rows"]
        assert [row[columns.index("recovered")] for row in rows] == [True, True]


async def test_an_order_of_somebody_else_is_noted_and_left_alone(
    agent: Client, operator: Operator, settings: Settings
) -> None:
    await operator.place("by-hand")
    await ask(agent, "reconcile_orders")
    await in_step(agent)
    await operator.place("by-hand-too")
    found = await ask(agent, "reconcile_orders")
    assert len(found["external"]["rows"]) == 2
    noted = [entry for entry in entries(journal(settings), "order") if entry.state == "EXTERNAL"]
    assert [entry.client_order_id for entry in noted] == ["by-hand", "by-hand-too"]
    assert operator.has_open("by-hand")
    assert operator.has_open("by-hand-too")


async def test_a_server_that_starts_looks_at_what_an_earlier_one_left_before_anybody_asks(
    settings: Settings, operator: Operator
) -> None:
    async with Client(build(settings, opener(settings))) as first:
        await ask(first, "place_order", **RESTING, intent_id="mine")
    before = len(await operator.oracle("request", path="/api/v3/openOrders"))
    async with Client(build(settings, opener(settings))):
        with anyio.fail_after(PATIENCE_S):
            while len(await operator.oracle("request", path="/api/v3/openOrders")) == before:  # noqa: ASYNC110
                await anyio.sleep(0.05)


@pytest.mark.parametrize("meanwhile", [True, False])
async def test_an_exchange_that_starts_over_is_noticed_and_told(
    settings: Settings, operator: Operator, capsys: pytest.CaptureFixture[str], *, meanwhile: bool
) -> None:
    settings = settings.model_copy(update={"ws_api_base": None})  # this exchange would tell of each order that goes
    async with Client(build(settings, opener(settings))) as agent:
        await ask(agent, "place_order", **RESTING, intent_id="mine")
        if meanwhile:
            await operator.told("POST", "/reset", {})
            await noticed(agent)
    if not meanwhile:
        await operator.told("POST", "/reset", {})
        async with Client(build(settings, opener(settings))) as agent:
            await noticed(agent)
    (folder,) = (settings.home / "state" / "archive").iterdir()
    old = read_journal(folder / journal(settings).name).records
    assert [record.entry.state for record in old[-2:]] == ["VENUE_RESET", "VENUE_RESET"]
    assert verify(journal(settings)), capsys.readouterr().out


async def noticed(agent: Client) -> None:
    """The agent hears of it, and may use its names anew."""
    answer: dict[str, Any] = {}
    with anyio.fail_after(PATIENCE_S):
        while answer.get("code") != "NOT_FOUND":
            answer = await ask(agent, "get_order_state", intent_id="mine")
            await anyio.sleep(0.1)
    assert "started over" in answer["message"]
    placed = await ask(agent, "place_order", **RESTING, intent_id="mine")
    assert placed["status"] == "NEW"
    assert any("started over" in note for note in placed["notes"])


async def test_parts_that_were_routed_count_once_each(settings: Settings) -> None:
    async with operated(Options(seed=7, market=True, limit_factor=1_000)) as busy:
        exchange = busy.exchange
        keys = {"api_key": SecretStr(exchange.login.api_key), "api_secret": SecretStr(exchange.login.api_secret)}
        there = {"base_url": exchange.rest, "ws_api_base": exchange.ws_api, **keys}
        chosen = settings.model_copy(update=there)
        async with Client(build(chosen, opener(chosen))) as agent:
            routed = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            answer = await ask(agent, "place_sor_order", **routed, intent_id="mine", wait_seconds=20)
            assert (answer["ok"], answer["status"]) == (True, "FILLED"), answer
            await in_step(agent)
        parts = entries(journal(chosen), "fill")
        assert sum(Decimal(part.evidence["quantity"]) for part in parts) == Decimal("0.01")
        assert len({part.evidence.get("allocation_id") for part in parts}) == len(parts)
        assert {part.evidence["trade_id"] for part in parts} == {-1}
