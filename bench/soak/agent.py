"""The agent of the soak: subscribes over MCP, reads its streams now and then, and keeps account of what it got."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exchange import KINDS, TOLD_LEVELS
from mcp import Client

READ_EACH_S = 0.2
_MOST_A_READ = 200
_CALLS_AT_ONCE = 20
_TOOLS: Mapping[str, tuple[str, dict[str, str]]] = {
    "trade": ("subscribe_to_trade_stream", {}),
    "bookTicker": ("subscribe_to_book_ticker_stream", {}),
    "depth@100ms": ("subscribe_to_depth_stream", {}),
    "kline_1m": ("subscribe_to_kline_stream", {"interval": "1m"}),
    "ticker": ("subscribe_to_ticker_stream", {}),
}


@dataclass
class Account:
    """What one subscription brought.

    Attributes:
        after: The number up to which it was read.
        delivered: Events that were handed over.
        let_go: Events that the server counted as dropped or replaced.
        missed: Events that never came, by their own numbers.
        state: What the server last said of it.
        gaps: Breaks that it named, by where they began.
    """

    after: int = 0
    delivered: int = 0
    let_go: int = 0
    missed: int = 0
    state: str = ""
    gaps: dict[int, str] = field(default_factory=dict)


class Agent:
    """One MCP client."""

    def __init__(self, client: Client) -> None:
        self.accounts: dict[str, Account] = {}
        self.calls = 0
        self._client = client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool.

        Raises:
            AssertionError: It answered with an error.
        """
        self.calls += 1
        result = await self._client.call_tool(tool, arguments)
        answer = result.structured_content
        if result.is_error or answer is None:
            raise AssertionError(f"{tool}: {result.content}")
        return answer

    async def subscribe(self, symbols: list[str]) -> None:
        """Subscribe to everything of these symbols, with so many calls under way as a busy host may make."""
        turns = asyncio.Semaphore(_CALLS_AT_ONCE)

        async def one(symbol: str, kind: str) -> None:
            tool, arguments = _TOOLS[kind]
            async with turns:
                answer = await self.call(tool, symbol=symbol, **arguments)
            self.accounts[answer["subscription"]] = Account()

        await asyncio.gather(*(one(symbol, kind) for symbol in symbols for kind in KINDS))

    async def read_on(self, symbols: list[str]) -> None:
        """Read one stream after the other, and look at a book in between, until cancelled."""
        while True:
            for number, name in enumerate(self.accounts):
                await self.read(name)
                if number % len(KINDS) == 0:
                    await self.call("get_local_book", symbol=symbols[number // len(KINDS)], bandBps="5")
                await asyncio.sleep(READ_EACH_S)

    async def read(self, name: str) -> int:
        """Read what a stream brought since the last time; how much there is still to read."""
        account = self.accounts[name]
        answer = await self.call("read_stream", subscription=name, after=account.after, limit=_MOST_A_READ)
        let_go = answer.get("dropped", 0) + answer.get("replaced", 0)
        # A stream of depth is handed over as the book that its events made.
        newest = 1 if "book" in answer and answer["next_after"] > account.after else 0
        account.delivered += len(_rows(answer["events"])) if "events" in answer else newest
        account.let_go += let_go
        account.after, account.state = answer["next_after"], answer["state"]
        account.missed = answer["missed_in_all"]
        for gap in _rows(answer["gaps"]):
            account.gaps[gap["after_seq"]] = gap["why"]
        return int(answer["left"])

    async def read_all(self) -> None:
        """Read every stream to its end."""
        for name in self.accounts:
            while await self.read(name):
                pass

    async def book(self, symbol: str) -> tuple[str, dict[str, Any]]:
        """The state of a local book, and it in the form of the exchange's snapshot."""
        answer = await self.call("get_local_book", symbol=symbol, limit=TOLD_LEVELS)
        sides = {side: [list(level) for level in answer[side]] for side in ("bids", "asks")}
        return answer["state"], {"lastUpdateId": answer["last_update_id"], **sides}


def _rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a table, which an answer holds as columns and rows, or as objects where there are few."""
    if isinstance(table, dict):
        return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return list(table)
