"""An agent that is held to the operator's limits, and stopped: over MCP, with a paper exchange that is watched."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from mcp import Client
from mcp.types import TextContent
from tests.e2e.faulty_line import FaultyLine, refuses
from tests.e2e.operator_terminal import at_a_terminal
from tests.e2e.paper_client import PaperClient, limit_order
from tests.e2e.stdio_host import Host

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.cli.journal import archive
from binance_spot_mcp.cli.resume import resume
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings, load, variable
from binance_spot_mcp.trading.journal.file import fingerprint, journal_path
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.passphrase import Passphrase
from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

PLACE = "POST /api/v3/order"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}


def rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A columnar table as one mapping a row."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


class Desk:
    """An agent, the line to its exchange, and the operator's settings."""

    def __init__(self, agent: Client, line: FaultyLine, settings: Settings) -> None:
        self.agent = agent
        self.line = line
        self.settings = settings

    async def ask(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and read the answer."""
        (block,) = (await self.agent.call_tool(tool, arguments)).content
        assert isinstance(block, TextContent)
        body: dict[str, Any] = msgspec.json.decode(block.text)
        return body

    async def placed(self, **changes: Any) -> dict[str, Any]:
        """Place an order that rests below the market."""
        order = {**LIMIT, "price": await self.price("0.99"), **changes}
        answer = await self.ask("place_order", **order)
        assert answer["ok"], answer
        return answer

    async def refused(self, code: str, tool: str = "place_order", /, **arguments: Any) -> dict[str, Any]:
        """A call that is refused before any order reaches the exchange."""
        before = len(self.line.asked(PLACE))
        answer = await self.ask(tool, **arguments)
        assert (answer["ok"], answer["code"], answer["sent"]) == (False, code, "no"), answer
        assert len(self.line.asked(PLACE)) == before
        return answer

    async def price(self, share: str) -> str:
        """A share of the best bid, on the tick."""
        bid = Decimal((await self.ask("get_book_ticker", symbol="BTCUSDT"))["bidPrice"])
        return str((bid * Decimal(share)).quantize(Decimal("0.01")))


@pytest.fixture
async def line(paper: Running) -> AsyncIterator[FaultyLine]:
    """The line to the exchange."""
    async with FaultyLine(paper.rest).open() as opened:
        yield opened


@pytest.fixture
def environ(paper: Running, line: FaultyLine, tmp_path: Path) -> dict[str, str]:
    """The settings of a server at the end of that line."""
    return {
        "BINANCE_ENV": "paper",
        "BINANCE_BASE_URL": line.origin,
        "BINANCE_API_KEY": paper.login.api_key,
        "BINANCE_API_SECRET": paper.login.api_secret,
        "BINANCE_HOME": str(tmp_path),
    }


@asynccontextmanager
async def desk(line: FaultyLine, environ: Mapping[str, str], **caps: str) -> AsyncIterator[Desk]:
    """A server with these caps, and an agent at it."""
    given = {variable(name): value for name, value in caps.items()}
    settings = load(environ={**environ, **given}, env_file=None).settings
    async with Client(build(settings, opener(settings))) as agent:
        yield Desk(agent, line, settings)


async def nothing_is_open(paper: Running) -> None:
    """Wait until no order is open any more."""
    with anyio.fail_after(10):
        while paper.open_orders():  # noqa: ASYNC110  # the exchange has no event for it
            await anyio.sleep(0.05)


def opened(settings: Settings) -> bool:
    return resume(settings, None, unasked=True)


@pytest.mark.parametrize(
    ("caps", "order", "cap"),
    [
        ({"max_order_notional": "20"}, {}, "max_order_notional"),
        ({"max_order_notional": "0.0005 BTC"}, {}, "max_order_notional"),
        ({"max_daily_notional": "20 USDT"}, {}, "max_daily_notional"),
        ({"price_band": "2%"}, {"price": "0.97"}, "price_band"),
        ({"price_band": "2%"}, {"price": "1.03"}, "price_band"),
        ({"symbols": "ETHUSDT"}, {}, "symbols"),
    ],
)
async def test_an_order_beyond_a_cap_never_reaches_the_exchange(
    line: FaultyLine, environ: dict[str, str], caps: dict[str, str], order: dict[str, str], cap: str
) -> None:
    async with desk(line, environ, **caps) as floor:
        price = await floor.price(order.get("price", "1"))
        refused = await floor.refused("LIMIT_EXCEEDED", **{**LIMIT, "price": price})
        assert refused["details"]["cap"] == cap
        for name, value in refused.get("fix", {}).items():
            await floor.placed(**{name: value})


async def test_counts_are_kept_over_a_restart(line: FaultyLine, environ: dict[str, str]) -> None:
    for caps, cap in (
        ({"max_open_orders": "2"}, "max_open_orders"),
        ({"max_orders_per_minute": "2"}, "max_orders_per_minute"),
        ({"max_daily_notional": "0.0021 BTC"}, "max_daily_notional"),
    ):
        async with desk(line, environ, **caps) as floor:
            while not line.asked(PLACE) or len(line.asked(PLACE)) < 2:
                await floor.placed(intent_id=f"mine-{len(line.asked(PLACE))}")
            order = {**LIMIT, "price": await floor.price("0.99"), "intent_id": "one-more"}
            assert (await floor.refused("LIMIT_EXCEEDED", **order))["details"]["cap"] == cap


async def test_orders_at_the_same_time_do_not_share_the_last_of_a_cap(
    paper: Running, line: FaultyLine, environ: dict[str, str]
) -> None:
    async with desk(line, environ, max_open_orders="3") as floor:
        price = Decimal(await floor.price("0.99"))
        answers = await asyncio.gather(
            *(floor.ask("place_order", **{**LIMIT, "price": str(price - number)}) for number in range(12))
        )
        assert sorted(answer.get("code", "") for answer in answers) == [""] * 3 + ["LIMIT_EXCEEDED"] * 9
        assert len(line.asked(PLACE)) == 3
        assert paper.open_orders() == 3


async def test_a_day_that_has_lost_enough_is_over(line: FaultyLine, environ: dict[str, str]) -> None:
    async with desk(line, environ, max_daily_loss="0.01") as floor:
        assert (await floor.ask("place_order", **MARKET, quoteOrderQty="1000"))["ok"]  # its fee is a loss already
        refused = await floor.refused("LIMIT_EXCEEDED", **MARKET, quoteOrderQty="20")
        assert refused["details"]["cap"] == "max_daily_loss"
        assert (refused["retry"], refused["retry_at_ms"] % 86_400_000) == ("at", 0)
        shares = {row["cap"]: row for row in rows((await floor.ask("get_trading_state"))["caps"])}
        assert shares["max_daily_loss"]["left"] == "0"


async def test_five_hundred_orders_in_ten_seconds_need_the_operator(line: FaultyLine, environ: dict[str, str]) -> None:
    async with desk(line, environ) as floor:
        price = Decimal(await floor.price("0.9"))
        mine = (await floor.placed())["orderId"]
        answers = await asyncio.gather(
            *(floor.ask("place_order", **{**LIMIT, "price": str(price - number)}) for number in range(500))
        )
        assert any(answer.get("code") == "BREAKER_OPEN" for answer in answers)
        refused = await floor.refused("BREAKER_OPEN", **LIMIT, price=str(price))
        assert "Operator needed" in refused["message"]
        assert refused["next"] == "get_trading_state"
        state = await floor.ask("get_trading_state")
        assert (state["gate"], [each["reason"] for each in rows(state["closed_by"])]) == ("closed", ["breaker"])
        assert (await floor.ask("cancel_order", symbol="BTCUSDT", orderId=mine))["ok"]
    async with desk(line, environ) as floor:
        await floor.refused("BREAKER_OPEN", **LIMIT, price=str(price))
        assert opened(floor.settings)
        await floor.placed()


async def test_stopping_leaves_only_the_orders_of_others(
    paper: Running, line: FaultyLine, environ: dict[str, str], tmp_path: Path
) -> None:
    theirs = PaperClient(paper)
    async with theirs.http, desk(line, environ) as floor:
        await theirs.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId="theirs"))
        for number in range(6):
            await floor.placed(intent_id=f"mine-{number}")
        stopped = await floor.ask("stop_trading")
        assert stopped["ok"]
        assert (len(rows(stopped["cancelled"])), stopped["survives_restart"]) == (6, True)
        assert [order["clientOrderId"] for order in rows(stopped["external"])] == ["theirs"]
        assert paper.open_orders() == 1
        await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
        again = await floor.ask("stop_trading")
        assert again["ok"]
    async with desk(line, environ) as floor:  # a restart does not open it, nor does a new journal
        await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
    assert archive(journal_path(tmp_path / "state", "paper", fingerprint(paper.login.api_key)))
    async with desk(line, environ) as floor:
        await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
        assert opened(floor.settings)  # from another process, while this one runs
        await floor.placed()


async def test_stopping_cancels_lists_too(paper: Running, line: FaultyLine, environ: dict[str, str]) -> None:
    async with desk(line, environ) as floor:
        placed = await floor.ask(
            "place_oco",
            symbol="BTCUSDT",
            side="BUY",
            quantity="0.001",
            belowType="LIMIT_MAKER",
            belowPrice=await floor.price("0.95"),
            aboveType="STOP_LOSS",
            aboveStopPrice=await floor.price("1.05"),
        )
        assert placed["ok"], placed
        stopped = await floor.ask("stop_trading")
        assert len(rows(stopped["cancelled"])) == 2
        assert paper.open_orders() == 0


async def test_a_stop_survives_kill_9(line: FaultyLine, environ: dict[str, str]) -> None:
    def told(result: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = msgspec.json.decode(result["content"][0]["text"])
        return body

    def stop_and_die() -> None:
        with Host(command=["serve"], settings=environ) as first:
            first.initialize()
            assert told(first.call("stop_trading"))["gate"] == "closed"
            first.process.send_signal(signal.SIGKILL)
            assert first.process.wait(10) == -signal.SIGKILL

    def place() -> dict[str, Any]:
        with Host(command=["serve"], settings=environ) as second:
            second.initialize()
            return told(second.call("place_order", **LIMIT, price="50000"))

    await asyncio.to_thread(stop_and_die)
    assert (await asyncio.to_thread(place))["code"] == "BREAKER_OPEN"
    assert line.asked(PLACE) == []


async def test_the_command_opens_the_gate_and_says_what_had_closed_it(
    line: FaultyLine, environ: dict[str, str]
) -> None:
    async def command(*words: str) -> subprocess.CompletedProcess[str]:
        around = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "binance_spot_mcp", "resume", *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**around, **environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            check=False,
        )

    async with desk(line, environ) as floor:
        assert "nothing keeps trading closed" in (await command()).stdout
        await floor.ask("stop_trading")
        nobody = await command()
        assert (nobody.returncode, "a person at a terminal" in nobody.stderr) == (3, True)
        assert "stop_trading was called" in nobody.stdout
        await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
        assert (await command("--yes")).returncode == 0
        await floor.placed()


async def test_a_person_at_a_terminal_resumes_with_the_passphrase(
    line: FaultyLine, environ: dict[str, str], tmp_path: Path
) -> None:
    async def typed(*lines: str) -> tuple[int, str]:
        return await asyncio.to_thread(at_a_terminal, tmp_path, "resume", typed=lines, settings=environ)

    async with desk(line, environ) as floor:
        await floor.ask("stop_trading")
        assert (await typed("no"))[0] == 1
        await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
        assert (await typed("resume"))[0] == 0
        await floor.placed()
        Passphrase(tmp_path / "state", OperatorFile(tmp_path / "state" / OPERATOR_FILE)).set("correct horse", bytes)
        await floor.ask("stop_trading")
        code, seen = await typed("wrong horse", "resume", "")
        assert (code, "It stays closed." in seen) == (1, True)
        await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
        assert (await typed("correct horse"))[0] == 0
        await floor.placed(quantity="0.002")


async def test_the_stop_file_closes_the_gate_and_cancels(
    paper: Running, line: FaultyLine, environ: dict[str, str], tmp_path: Path
) -> None:
    async with desk(line, environ) as floor:
        await floor.placed()
        (tmp_path / "STOP").touch()
        refused = await floor.refused("BREAKER_OPEN", **LIMIT, price="50000")
        assert "file" in refused["details"]["closed_by"]
        await nothing_is_open(paper)
        assert opened(floor.settings)
        assert not (tmp_path / "STOP").exists()
        await floor.placed(quantity="0.002")


async def test_a_refused_key_closes_the_gate_until_a_signed_read_works(
    line: FaultyLine, environ: dict[str, str]
) -> None:
    async with desk(line, environ) as floor:
        await floor.placed()
        line.once(PLACE, refuses(401, -2015, "Invalid API-key, IP, or permissions for action."))
        answer = await floor.ask("place_order", **LIMIT, price="50000")
        assert answer["code"] == "AUTH_FAILED"
        await floor.refused("AUTH_FAILED", **LIMIT, price="50001")
        assert (await floor.ask("get_account"))["ok"]
        assert (await floor.ask("place_order", **LIMIT, price="50002"))["ok"]


async def test_a_stop_that_was_cut_off_is_finished_by_the_next_start(
    paper: Running, line: FaultyLine, environ: dict[str, str], tmp_path: Path
) -> None:
    async with desk(line, environ) as floor:
        await floor.placed()
    account = journal_path(tmp_path, "paper", fingerprint(paper.login.api_key)).stem
    with closing(OperatorFile(tmp_path / "state" / OPERATOR_FILE)) as operator:
        operator.write(account, "stop", data={"why": "stop_trading was called"}, at_ms=1)
    async with desk(line, environ) as floor:
        assert (await floor.ask("ping_binance"))["ok"]
        await nothing_is_open(paper)


async def test_the_state_of_trading_is_told_where_another_process_trades(
    paper: Running, line: FaultyLine, environ: dict[str, str]
) -> None:
    async with (
        desk(line, environ) as first,
        desk(line, environ, max_open_orders="5") as second,
    ):
        await first.placed()
        state = await second.ask("get_trading_state")
        assert state["ok"]
        assert state["gate"] == "closed"
        assert [(each["reason"], each["writer"]) for each in rows(state["closed_by"])] == [
            ("READ_ONLY", f"process {os.getpid()}")
        ]
        assert (await second.ask("stop_trading"))["ok"]  # and it closes the gate of the other one, which cancels
        await nothing_is_open(paper)
        await first.refused("BREAKER_OPEN", **LIMIT, price="50000")
