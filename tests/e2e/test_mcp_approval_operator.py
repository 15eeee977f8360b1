"""Hosts that cannot ask: the operator says yes at a terminal, once, with the passphrase, for one order alone."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mcp import Client, StdioServerParameters
from pydantic import SecretStr
from tests.e2e.approving import ORDER, Body, Era, Person, accepts, agent_of, ask, sent_to
from tests.e2e.operator_terminal import at_a_terminal, without_a_terminal
from tests.e2e.stdio_host import Host

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.trading.journal.file import fingerprint, journal_path, read_journal
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from paper_exchange.options import Options
from paper_exchange.running import Running, running

pytestmark = pytest.mark.anyio

PASSPHRASE = "correct horse battery"
MINE = ORDER | {"intent_id": "mine"}


@pytest.fixture
async def paper() -> AsyncIterator[Running]:
    """A paper exchange without a market."""
    async with running(Options(seed=7, market=False, limit_factor=100)) as exchange:
        yield exchange


@pytest.fixture
def settings(paper: Running, tmp_path: Path) -> Settings:
    """The settings of a server on which every order needs a yes."""
    return Settings(
        env="paper",
        approval="always",
        transport="rest",
        base_url=paper.rest,
        api_key=SecretStr(paper.login.api_key),
        api_secret=SecretStr(paper.login.api_secret),
        home=tmp_path,
    )


@pytest.fixture
async def agent(settings: Settings) -> AsyncIterator[Client]:
    """An agent whose host shows no questions."""
    async with agent_of(build(settings, opener(settings)), "legacy", None) as agent:
        yield agent


async def terminal(settings: Settings, *command: str, typed: tuple[str, ...] = ()) -> tuple[int, str]:
    """What a person does meanwhile."""
    return await asyncio.to_thread(at_a_terminal, settings.home, *command, typed=typed)


async def approved(settings: Settings, refused: Body, *typed: str) -> tuple[int, str]:
    """Answer the question of a refusal at a terminal."""
    return await terminal(settings, "approve", refused["details"]["draft"]["code"], typed=typed)


async def test_the_operator_reads_the_same_text_and_the_next_call_sends_once(
    agent: Client, settings: Settings, paper: Running
) -> None:
    assert (await terminal(settings, "passphrase", typed=(PASSPHRASE, PASSPHRASE)))[0] == 0
    refused = await ask(agent, "place_order", MINE)
    code, seen = await approved(settings, refused, PASSPHRASE)
    assert (code, sent_to(paper)) == (0, 0), seen
    assert seen.splitlines()[: len(refused["details"]["draft"]["text"])] == refused["details"]["draft"]["text"]
    assert PASSPHRASE not in seen
    placed, again = [await ask(agent, "place_order", MINE) for _ in range(2)]
    assert (placed["ok"], placed["intent_id"]) == (True, "mine")
    assert again["orderId"] == placed["orderId"]
    code, seen = await approved(settings, refused, PASSPHRASE)
    assert code == 1
    assert "has ended: APPROVED" in seen
    assert sent_to(paper) == 1


async def test_a_yes_for_one_order_is_none_for_the_next(agent: Client, settings: Settings, paper: Running) -> None:
    refused = await ask(agent, "place_order", MINE)
    code = refused["details"]["draft"]["code"]
    assert (await asyncio.to_thread(without_a_terminal, settings.home, "approve", code, "--yes"))[0] == 0
    other = await ask(agent, "place_order", ORDER | {"intent_id": "other"})
    assert other["code"] == "CONFIRMATION_REQUIRED"
    changed = await ask(agent, "place_order", MINE | {"quantity": "0.002"})
    assert changed["code"] == "INTENT_CONFLICT"
    assert sent_to(paper) == 0
    assert (await ask(agent, "place_order", MINE))["ok"]
    assert sent_to(paper) == 1


@pytest.mark.parametrize(
    ("typed", "exit_code", "next_code"),
    [(("wrong", "wrong", "wrong"), 3, "CONFIRMATION_REQUIRED"), (("",), 1, "CONFIRMATION_INVALID")],
    ids=["wrong passphrase", "no"],
)
async def test_whatever_else_is_typed_sends_nothing(
    agent: Client, settings: Settings, paper: Running, *, typed: tuple[str, ...], exit_code: int, next_code: str
) -> None:
    await terminal(settings, "passphrase", typed=(PASSPHRASE, PASSPHRASE))
    refused = await ask(agent, "place_order", MINE)
    assert (await approved(settings, refused, *typed))[0] == exit_code
    assert (await ask(agent, "place_order", MINE))["code"] == next_code
    assert sent_to(paper) == 0


async def test_a_shell_without_a_terminal_decides_nothing(agent: Client, settings: Settings, paper: Running) -> None:
    refused = await ask(agent, "place_order", MINE)
    code = refused["details"]["draft"]["code"]
    assert (await asyncio.to_thread(without_a_terminal, settings.home, "approve", code))[0] == 3
    assert (await ask(agent, "place_order", MINE))["code"] == "CONFIRMATION_REQUIRED"
    assert sent_to(paper) == 0


async def test_a_decision_that_is_not_sealed_for_the_draft_counts_for_nothing(
    agent: Client, settings: Settings, paper: Running
) -> None:
    refused = await ask(agent, "place_order", MINE)
    account = journal_of(settings).stem
    draft = next(record.entry for record in read_journal(journal_of(settings)).records if record.entry.kind == "draft")
    operator = OperatorFile(settings.home / "state" / OPERATOR_FILE)
    seal = {"seal": draft.payload["seal"]}
    operator.write(account, "approve", draft.payload["draft"], {"seal": "another"}, at_ms=0)
    operator.write(account, "approve", "another", seal, at_ms=0)
    operator.write("live-another", "approve", draft.payload["draft"], seal, at_ms=0)
    operator.write(account, "resume", draft.payload["draft"], seal, at_ms=0)
    operator.close()
    again = await ask(agent, "place_order", MINE)
    assert (again["code"], again["details"]) == ("CONFIRMATION_REQUIRED", refused["details"])
    assert sent_to(paper) == 0


async def test_a_restart_ends_every_approval(settings: Settings, paper: Running) -> None:
    async with agent_of(build(settings, opener(settings)), "legacy", None) as agent:
        refused = await ask(agent, "place_order", MINE)
    code = refused["details"]["draft"]["code"]
    assert (await asyncio.to_thread(without_a_terminal, settings.home, "approve", code, "--yes"))[0] == 0
    async with agent_of(build(settings, opener(settings)), "legacy", None) as agent:
        anew = await ask(agent, "place_order", MINE)
    assert anew["code"] == "CONFIRMATION_REQUIRED"
    assert anew["details"]["draft"]["code"] != code
    assert sent_to(paper) == 0


async def test_equal_calls_at_the_same_time_ask_once_and_send_once(settings: Settings, paper: Running) -> None:
    person = Person(accepts)
    async with agent_of(build(settings, opener(settings)), "legacy", person) as agent:
        answers = await asyncio.gather(*(ask(agent, "place_order", MINE) for _ in range(5)))
    assert len({answer["orderId"] for answer in answers}) == 1
    assert len(person.asked) == 1
    assert sent_to(paper) == 1


async def test_what_waits_for_a_person_can_be_looked_up(agent: Client) -> None:
    await ask(agent, "place_order", MINE)
    told = await ask(agent, "get_order_state", {"intent_id": "mine"})
    assert (told["ok"], told["state"], told["settled"]) == (True, "AWAITING_APPROVAL", False)
    (waiting,) = records((await ask(agent, "get_trading_state", {}))["waiting_for_a_yes"])
    assert (waiting["intent_id"], waiting["expires_ms"]) == ("mine", told["expires_ms"])


@pytest.mark.parametrize("point", ["after APPROVED", pytest.param("before SENDING", marks=pytest.mark.long)])
async def test_a_server_that_is_killed_with_a_yes_in_hand_sends_nothing(
    settings: Settings, paper: Running, point: str
) -> None:
    surroundings = as_variables(settings, paper)
    assert await asyncio.to_thread(_approved_and_killed, settings.home, surroundings, point) == -signal.SIGKILL
    with Host(command=["serve"], settings=surroundings) as second:
        told = await asyncio.to_thread(_asked_again, second)
    assert told["code"] == "CONFIRMATION_REQUIRED", told
    assert sent_to(paper) == 0
    states = [record.entry.state for record in read_journal(journal_of(settings)).records]
    assert states.count("APPROVED") == 1
    assert states[-2:] == ["DRAFT", "AWAITING_APPROVAL"]


@pytest.mark.parametrize("era", ["legacy", "auto"])
async def test_a_person_is_asked_over_stdio_too(settings: Settings, paper: Running, era: Era) -> None:
    surroundings = as_variables(settings, paper) | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "binance_spot_mcp", "--log-level", "ERROR"], env=surroundings
    )
    person = Person(accepts)
    async with agent_of(server, era, person) as agent:
        answer = await ask(agent, "place_order", MINE)
    assert answer["ok"], answer
    assert (len(person.asked), sent_to(paper)) == (1, 1)


async def test_a_tool_that_is_called_at_a_terminal_asks_there(settings: Settings, paper: Running) -> None:
    order = [f"{name}={value}" for name, value in ORDER.items()]
    surroundings = as_variables(settings, paper)
    piped = await asyncio.to_thread(
        without_a_terminal, settings.home, "call", "place_order", *order, settings=surroundings
    )
    assert '"code":"CONFIRMATION_INVALID"' in piped[1]
    assert "at a terminal" in piped[1]
    await terminal(settings, "passphrase", typed=(PASSPHRASE, PASSPHRASE))
    for number, typed in enumerate(("", PASSPHRASE)):
        code, seen = await asyncio.to_thread(
            at_a_terminal, settings.home, "call", "place_order", *order, typed=(typed,), settings=surroundings
        )
        assert "[PAPER] Place this order?" in seen
        assert (code, sent_to(paper)) == (1 - number, number), seen


def records(table: Body) -> list[Body]:
    """The rows of a table, each with its names."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def as_variables(settings: Settings, paper: Running) -> dict[str, str]:
    """The settings as a process gets them."""
    return {
        "BINANCE_ENV": "paper",
        "BINANCE_APPROVAL": "always",
        "BINANCE_TRANSPORT": "rest",
        "BINANCE_BASE_URL": paper.rest,
        "BINANCE_API_KEY": paper.login.api_key,
        "BINANCE_API_SECRET": paper.login.api_secret,
        "BINANCE_HOME": str(settings.home),
    }


def _approved_and_killed(home: Path, surroundings: Mapping[str, str], point: str) -> int:
    with Host(point, script="dying_process.py", settings=surroundings) as host:
        host.initialize()
        refused = _read(host.call("place_order", **MINE))
        without_a_terminal(home, "approve", refused["details"]["draft"]["code"], "--yes")
        host.request(2, "tools/call", name="place_order", arguments=MINE)
        return host.process.wait(10)


def _asked_again(host: Host) -> Body:
    host.initialize()
    return _read(host.call("place_order", **MINE))


def _read(result: Mapping[str, Any]) -> Body:
    body: Body = msgspec.json.decode(result["content"][0]["text"])
    return body


def journal_of(settings: Settings) -> Path:
    """The journal of the account."""
    assert settings.api_key is not None
    return journal_path(settings.home / "state", "paper", fingerprint(settings.api_key.get_secret_value()))


def test_the_passphrase_is_kept_as_a_hash_that_nobody_else_reads(tmp_path: Path) -> None:
    assert at_a_terminal(tmp_path, "passphrase", typed=(PASSPHRASE, PASSPHRASE))[0] == 0
    (kept,) = (tmp_path / "state").glob("passphrase*")
    assert PASSPHRASE not in kept.read_text("utf-8")
    assert os.name != "posix" or kept.stat().st_mode & 0o077 == 0
