"""What a fault is driven on: an exchange outside, a server process, an agent; and what is asked when it is over."""

import asyncio
import io
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Literal

from tests.faults.agent import Agent, Answer, Person
from tests.faults.agreement import LATENESS_MS, disagreements, is_order, most_orders
from tests.faults.exchange import KEPT, Entry, Exchange, exchange

from binance_spot_mcp.cli.journal import export

Mode = Literal["rest", "ws", "auto"]
"""How requests travel: REST with nothing beside it, the WebSocket API alone, or all channels as a user has them."""

BTC = {"symbol": "BTCUSDT"}
ORDER = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": "50000"}
HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
LOOK_AGAIN_S = 0.5
READY_S = 60.0
"""A server may take so long to start where many rows share a machine."""


class Floor:
    """An agent, its server and the exchange.

    Attributes:
        exchange: The exchange.
        home: The server's files.
        mode: How its requests travel.
        settings: Its environment variables.
        lateness_ms: By so much the clocks of server and exchange may differ.
        since: What the exchange wrote down until then, the journal need not know.
    """

    def __init__(self, outside: Exchange, home: Path, mode: Mode, stack: AsyncExitStack) -> None:
        self.exchange = outside
        self.home = home
        self.mode = mode
        self.settings = {
            "BINANCE_ENV": "paper",
            "BINANCE_BASE_URL": outside.rest,
            "BINANCE_API_KEY": outside.login.api_key,
            "BINANCE_API_SECRET": outside.login.api_secret,
            "BINANCE_HOME": str(home),
            "BINANCE_TRANSPORT": mode,
            "BINANCE_RECV_WINDOW": "2000",
            "BINANCE_LOG_FILE": str(home / "log"),
        }
        if mode != "rest":
            self.settings |= {"BINANCE_WS_BASE": outside.ws, "BINANCE_WS_API_BASE": outside.ws_api}
        self.lateness_ms = LATENESS_MS
        self.since = 0
        self._stack = stack
        self._agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """The agent that came last."""
        assert self._agent is not None
        return self._agent

    async def start(self, *command: str, person: Person | None = None, **settings: str) -> Agent:
        """Start a server; one that still runs is not ended by that.

        Args:
            command: What to run in Python instead of the server as it is.
            person: Answers what it asks.
            settings: Further environment variables.
        """
        self.home.mkdir(mode=0o700, exist_ok=True)
        agent = await Agent.start(self.settings | settings, command or ("-m", "binance_spot_mcp"), person)
        self._stack.push_async_callback(agent.kill)
        self._agent = agent
        return agent

    async def ask(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool and read its answer, which keeps the contract of all answers; again while it is not ready yet."""
        deadline = time.monotonic() + READY_S
        while (answer := await self.agent.ask(tool, **arguments)).get("code") == "NOT_READY":
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        text = json.dumps(answer)
        assert answer["env"] == "paper", text
        assert "<" not in text, text
        assert "Traceback" not in text, text
        if not answer["ok"]:
            assert {"code", "message", "sent", "retry"} <= answer.keys(), text
            assert answer["retry"] != "at" or "retry_at_ms" in answer, text
        return answer

    async def place(self, intent_id: str = "one", **changes: Any) -> Answer:
        """Ask for the usual order."""
        return await self.ask("place_order", **ORDER | changes, intent_id=intent_id)

    async def until(
        self, said: Callable[[], Awaitable[Answer]], good: Callable[[Answer], bool], most_s: float = 20
    ) -> Answer:
        """Ask until an answer is good, or the time is over; the last answer."""
        deadline = time.monotonic() + most_s
        while not good(answer := await said()) and time.monotonic() < deadline:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(LOOK_AGAIN_S)
        return answer

    async def settled(self, intent_id: str = "one", most_s: float = 45) -> Answer:
        """The state of a call, as soon as nothing is in doubt any more."""
        return await self.until(
            lambda: self.ask("get_order_state", intent_id=intent_id), lambda told: bool(told.get("settled")), most_s
        )

    def journal(self) -> list[dict[str, Any]]:
        """The journal, as `journal export` writes it."""
        files = sorted((self.home / "state").glob("paper-*.sqlite"))
        if not files:
            return []
        with redirect_stdout(io.StringIO()) as said:
            assert export(files[0]), "the journal cannot be read"
        return [json.loads(line) for line in said.getvalue().splitlines()]

    def states(self, intent_id: str = "one") -> list[str]:
        """The states through which a call went."""
        return [row["state"] for row in self.journal() if row["intent_id"] == intent_id]

    @property
    def tag(self) -> str:
        """What the names of this installation's orders begin with."""
        (file,) = self.home.glob("state/installation")
        return file.read_text("ascii")

    async def log(self) -> list[Entry]:
        """What the exchange wrote down, as far as it counts."""
        return [entry for entry in await self.exchange.oracle() if entry["seq"] > self.since]

    async def truth(self) -> dict[str, Entry]:
        """The last word of the exchange on each order of ours, by its name."""
        return {entry["client_order_id"]: entry for entry in await self.log() if is_order(entry, self.tag)}

    async def findings(self) -> tuple[list[str], int]:
        """Where journal and exchange differ, and the most orders for one leg of a call."""
        log, rows = await self.log(), self.journal()
        return [*disagreements(rows, log, self.tag, self.lateness_ms)], most_orders(rows, log, self.tag)

    def leaks(self) -> list[str]:
        """What stands in a file of the server and should not."""
        secrets = (self.exchange.login.api_secret, "signature=", "Traceback (most recent call last)")
        return [
            f"{file.name} holds {secret[:12]}…"
            for file in self.home.rglob("*")
            if file.is_file()
            for secret in secrets
            if secret.encode() in file.read_bytes()
        ]


@asynccontextmanager
async def floor(mode: Mode, *options: str) -> AsyncIterator[Floor]:
    """An exchange and a home, with no server yet, while the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        keeping = ("--home", str(folder / "exchange")) if KEPT in options else ("--memory",)
        async with (
            exchange(*(option for option in options if option != KEPT), *keeping) as outside,
            AsyncExitStack() as stack,
        ):
            yield Floor(outside, folder / "home", mode, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def told(answer: Mapping[str, Any], **expected: Any) -> None:
    """Hold an answer to what it must say; a tuple names what it may say."""
    for name, value in expected.items():
        allowed = value if isinstance(value, tuple) else (value,)
        assert answer.get(name) in allowed, f"{name} is {answer.get(name)!r}, not {value!r}: {json.dumps(answer)[:700]}"
