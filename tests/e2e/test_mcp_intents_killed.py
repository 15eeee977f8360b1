"""A server is killed at each point of an order's way; the next one knows what became of the order, or finds out."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.faulty_line import FaultyLine, Passing, Rule
from tests.e2e.stdio_host import Host
from tests.e2e.test_mcp_intents import ORDER, PLACE, at_the_exchange

from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

PATIENCE_S = 10


@pytest.fixture
async def line(paper: Running) -> AsyncIterator[FaultyLine]:
    """The line to the exchange."""
    async with FaultyLine(paper.rest).open() as opened:
        yield opened


@pytest.fixture
def settings(paper: Running, line: FaultyLine, tmp_path: Path) -> Mapping[str, str]:
    """The settings of a server at the end of that line."""
    return {
        "BINANCE_ENV": "paper",
        "BINANCE_BASE_URL": line.origin,
        "BINANCE_API_KEY": paper.login.api_key,
        "BINANCE_API_SECRET": paper.login.api_secret,
        "BINANCE_HOME": str(tmp_path / "home"),
    }


def read(result: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(result["content"][0]["text"])
    return body


def place_and_die(host: Host) -> int:
    """Ask for an order, and wait for the end of the server."""
    host.initialize()
    host.request(1, "tools/call", name="place_order", arguments={**ORDER, "intent_id": "mine"})
    return host.process.wait(PATIENCE_S)


def killing(host: Host, *, acts: bool) -> Rule:
    """The server dies when its request is on the line; the exchange acts on it, or never sees it."""

    async def rule(passing: Passing) -> None:
        if acts:
            await passing.answered()
        os.kill(host.process.pid, signal.SIGKILL)
        passing.client.close()

    return rule


def ask_again(host: Host) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a server that starts anew says of the order, as soon as that does not change, and of an equal one."""
    host.initialize()
    told = read(host.call("get_order_state", intent_id="mine"))
    return told, read(host.call("place_order", **ORDER))


@pytest.mark.parametrize(
    ("point", "exists", "state", "next_order"),
    [
        ("before INTENDED", False, None, None),
        ("after INTENDED", False, "NOT_SENT", None),
        ("before SENDING", False, "NOT_SENT", None),
        ("after SENDING", False, "UNKNOWN", "DUPLICATE_INTENT"),
        ("bytes out, never seen", False, "UNKNOWN", "DUPLICATE_INTENT"),
        ("bytes out, acted on", True, "NEW", "DUPLICATE_INTENT"),
        ("before NEW", True, "NEW", "DUPLICATE_INTENT"),
        ("after NEW", True, "NEW", "DUPLICATE_INTENT"),
    ],
)
async def test_a_server_that_is_killed_leaves_no_order_in_doubt(
    paper: Running, line: FaultyLine, settings: Mapping[str, str], *, point: str, exists: bool, state: str | None,
    next_order: str | None,
) -> None:  # fmt: skip
    in_process = not point.startswith("bytes")
    habit = point if in_process else "after NOTHING"
    with Host(habit, script="dying_process.py", settings=settings) as first:
        if not in_process:
            line.once(PLACE, killing(first, acts=exists))
        assert await asyncio.to_thread(place_and_die, first) == -signal.SIGKILL
    assert len(await at_the_exchange(paper)) == int(exists)
    with Host(command=["serve"], settings=settings) as second:
        told, again = await asyncio.to_thread(ask_again, second)
        assert told.get("state") == state, told
        assert again.get("code") == next_order, again
        assert ("intent_id" in told) is (state is not None)
    assert len(await at_the_exchange(paper)) == int(exists) + int(next_order is None)
    assert len(line.asked(PLACE)) <= 1 + int(next_order is None)


def start_and_die(host: Host) -> int:
    """Ask for the order's state, and wait for the end of the server."""
    host.initialize()
    host.request(1, "tools/call", name="get_order_state", arguments={"intent_id": "mine"})
    return host.process.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("point", "start", "exists", "state"),
    [
        ("after INTENDED", "before NOT_SENT", False, "NOT_SENT"),
        ("before NEW", "before UNKNOWN", True, "NEW"),
        ("before NEW", "after UNKNOWN", True, "NEW"),
        ("before NEW", "before NEW", True, "NEW"),
    ],
)
async def test_a_server_that_is_killed_again_while_it_starts_leaves_nothing_in_doubt(
    paper: Running, line: FaultyLine, settings: Mapping[str, str], *, point: str, start: str, exists: bool, state: str
) -> None:
    for habit, act in ((point, place_and_die), (start, start_and_die), (start, start_and_die)):
        with Host(habit, script="dying_process.py", settings=settings) as dying:
            assert await asyncio.to_thread(act, dying) == -signal.SIGKILL
        if start.startswith("after"):
            break  # what was written down is not written once more
    with Host(command=["serve"], settings=settings) as last:
        told, _ = await asyncio.to_thread(ask_again, last)
        assert told.get("state") == state, told
    assert len(line.asked(PLACE)) <= 1 + (not exists)
