"""An agent's first day, over a real MCP session, one step a line.

The client starts the server as a host would (a process, stdio); on paper the server starts the exchange and talks
signed HTTP to it; on the testnet it talks to Binance. Each step states what it proved and fails if it could not.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from binance_spot_mcp.vocabulary import plain

SYMBOL = "BTCUSDT"
BASE, QUOTE = "BTC", "USDT"
MOST_READS = 5
"""How often the user data stream is read for the reports of one order."""


class StepFailed(Exception):
    """A step did not prove what it is there to prove."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step of the day, done."""

    number: int
    title: str
    passed: bool
    proof: str
    milliseconds: int


def expect(condition: object, otherwise: str) -> None:
    """Fail the step unless the condition holds."""
    if not condition:
        raise StepFailed(otherwise)


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A columnar table as one mapping a row."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


@dataclass
class Agent:
    """What a model has: tools by name, and their answers."""

    client: Client
    environment: str

    async def ask(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that is expected to answer."""
        answer = await self._call(tool, arguments)
        expect(answer["ok"], f"{tool} answered {answer.get('code')}: {answer.get('message')}")
        return answer

    async def refused(self, tool: str, code: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that is expected to refuse with this code before anything is sent."""
        answer = await self._call(tool, arguments)
        expect(not answer["ok"], f"{tool} accepted what it should refuse")
        expect(answer["code"] == code, f"{tool} answered {answer['code']}, not {code}")
        expect(answer["sent"] == "no", f"{tool} sent the order all the same")
        return answer

    async def _call(self, tool: str, arguments: dict[str, object]) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        text = result.content[0]
        expect(isinstance(text, TextContent), f"{tool} answered no text")
        answer: dict[str, Any] = json.loads(text.text) if isinstance(text, TextContent) else {}
        expect(answer.get("env") == self.environment, f"{tool} did not name its environment")
        return answer


@dataclass
class Day:
    """The steps, and what one leaves for the next."""

    agent: Agent
    price: Decimal = Decimal(0)
    step_size: Decimal = Decimal(0)
    tick_size: Decimal = Decimal(0)
    corrected: str = ""
    user_stream: str = ""
    order: dict[str, Any] = field(default_factory=dict)
    resting_id: int = 0
    before: dict[str, Decimal] = field(default_factory=dict)

    async def connect(self) -> str:
        """Connect and read who is there"""
        info = self.agent.client.server_info
        instructions = self.agent.client.instructions or ""
        expect(info is not None and info.name == "binance-spot", "another server answered")
        expect(self.agent.environment in instructions.lower(), "the instructions do not name the environment")
        return f"{info.name} {info.version}, and its instructions say {self.agent.environment}" if info else ""

    async def list_tools(self) -> str:
        """List the tools"""
        tools = (await self.agent.client.list_tools()).tools
        names = {tool.name for tool in tools}
        wanted = {"get_price", "place_order", "place_otoco", "get_account", "check_order"}
        expect(wanted <= names, f"missing: {', '.join(sorted(wanted - names))}")
        expect(all(tool.annotations for tool in tools), "a tool says nothing about what it may change")
        return f"{len(tools)} tools, each saying whether it only reads"

    async def ping(self) -> str:
        """Reach the exchange"""
        await self.agent.ask("ping_binance")
        return "it answers"

    async def server_time(self) -> str:
        """Compare clocks"""
        answer = await self.agent.ask("get_server_time")
        offset = int(answer["serverTime"]) - time.time_ns() // 1_000_000
        expect(abs(offset) < 5_000, f"the clocks are {offset} ms apart")
        return f"server time {answer['serverTime']}, {offset:+d} ms from this machine"

    async def look_at_price(self) -> str:
        """Look at the price"""
        answer = await self.agent.ask("get_price", symbol="btc/usdt")
        self.price = Decimal(answer["price"])
        expect(answer["symbol"] == SYMBOL and self.price > 0, "no price")
        return f"'btc/usdt' is read as {SYMBOL}: {self.price} {QUOTE}"

    async def look_at_book(self) -> str:
        """Look at the order book"""
        answer = await self.agent.ask("get_order_book", symbol=SYMBOL, limit=5)
        bids, asks = ([Decimal(price) for price, _ in answer[side]] for side in ("bids", "asks"))
        expect(len(bids) == len(asks) == 5, "the book is thin")
        expect(bids == sorted(bids, reverse=True) and asks == sorted(asks), "levels are out of order")
        expect(bids[0] < asks[0], "the book is crossed")
        return f"best bid {bids[0]}, best ask {asks[0]}"

    async def look_at_klines(self) -> str:
        """Sum up a day of candles"""
        answer = await self.agent.ask("get_historical_prices", symbol=SYMBOL, interval="1h", limit=24)
        candles = rows(answer)
        low, high = min(Decimal(c["low"]) for c in candles), max(Decimal(c["high"]) for c in candles)
        expect(len(candles) == 24 and low <= self.price * 2 and high > low, "the candles make no sense")
        return f"24 hourly candles, {low} to {high}, last close {candles[-1]['close']}"

    async def read_rules(self) -> str:
        """Read the symbol's rules"""
        answer = await self.agent.ask("get_exchange_info", symbol=SYMBOL, detail="full")
        (symbol,) = answer["symbols"] if isinstance(answer["symbols"], list) else rows(answer["symbols"])
        filters = {rule["filterType"]: rule for rule in symbol["filters"]}
        self.step_size = Decimal(filters["LOT_SIZE"]["stepSize"])
        self.tick_size = Decimal(filters["PRICE_FILTER"]["tickSize"])
        expect(self.step_size > 0 and self.tick_size > 0, "no step or tick")
        return f"LOT_SIZE step {plain(self.step_size)}, PRICE_FILTER tick {plain(self.tick_size)}"

    async def read_balances(self) -> str:
        """Read the balances"""
        self.before = await self._balances()
        expect(self.before.get(QUOTE, 0) > 0, "the account has no funds")
        return f"{self.before[BASE]} {BASE}, {self.before[QUOTE]} {QUOTE}"

    async def refuse_wrong_quantity(self) -> str:
        """Try a quantity off the step"""
        wrong = plain(self.step_size * Decimal("1234.56"))
        answer = await self.agent.refused(
            "place_order", "FILTER_VIOLATION", symbol=SYMBOL, side="BUY", type="MARKET", quantity=wrong
        )
        self.corrected = answer["fix"]["quantity"]
        expect(Decimal(self.corrected) % self.step_size == 0, "the corrected quantity is off the step as well")
        return f"{wrong} refused here, nothing sent; corrected to {self.corrected}"

    async def check(self) -> str:
        """Check the corrected order"""
        answer = await self.agent.ask("check_order", symbol=SYMBOL, side="BUY", type="MARKET", quantity=self.corrected)
        expect(not answer.get("violations"), "the corrected order still breaks a rule")
        return "all filters hold, nothing was sent"

    async def test(self) -> str:
        """Test it at the exchange"""
        await self.agent.ask("test_order", symbol=SYMBOL, side="BUY", type="MARKET", quantity=self.corrected)
        return "order/test accepts it; nothing was placed"

    async def listen(self) -> str:
        """Listen to the account"""
        answer = await self.agent.ask("subscribe_to_user_stream")
        self.user_stream = answer["subscription"]
        expect(answer["state"] == "LIVE", f"the user data stream is {answer['state']}")
        return "the user data stream is live"

    async def place(self) -> str:
        """Place it and see it fill"""
        answer = await self.agent.ask("place_order", symbol=SYMBOL, side="BUY", type="MARKET", quantity=self.corrected)
        self.order = answer
        expect(answer["status"] == "FILLED", f"the order is {answer['status']}")
        expect(Decimal(answer["executedQty"]) == Decimal(self.corrected), "it filled another quantity")
        cost = answer["cummulativeQuoteQty"]
        return f"order {answer['orderId']} FILLED: {answer['executedQty']} {BASE} for {cost} {QUOTE}"

    async def hear_fill(self) -> str:
        """Hear of the fill"""
        statuses: list[str] = []
        after, reads = 0, 0
        while statuses[-1:] != ["FILLED"] and reads < MOST_READS:
            heard = await self.agent.ask("read_stream", subscription=self.user_stream, after=after, wait_seconds=5)
            expect((heard["dropped"], heard["gaps"]) == (0, []), "something was missed")
            events = rows(heard["events"])
            statuses += [event["status"] for event in events if event["orderId"] == self.order["orderId"]]
            after, reads = heard["next_after"], reads + 1
        expect(statuses[-1:] == ["FILLED"], f"the reports of the order say {statuses}")
        return f"reports of order {self.order['orderId']}: {', '.join(statuses)}; none missed"

    async def find_trades(self) -> str:
        """Find the fill among the trades"""
        answer = await self.agent.ask("get_my_trades", symbol=SYMBOL, orderId=self.order["orderId"])
        fills = rows(answer)
        filled = sum((Decimal(fill["qty"]) for fill in fills), Decimal(0))
        expect(filled == Decimal(self.corrected), f"trades sum to {filled}")
        return f"{len(fills)} trade(s) that sum to exactly {filled} {BASE}"

    async def find_balances(self) -> str:
        """Find it in the balances"""
        after = await self._balances()
        spent = self.before[QUOTE] - after[QUOTE]
        expect(spent == Decimal(self.order["cummulativeQuoteQty"]), f"{spent} {QUOTE} went, not what the order says")
        expect(after[BASE] > self.before[BASE], f"no {BASE} arrived")
        return f"{spent} {QUOTE} went and {after[BASE] - self.before[BASE]} {BASE} came, to the last digit"

    async def rest(self) -> str:
        """Place an order that rests"""
        price = self.price * Decimal("0.97") // self.tick_size * self.tick_size
        answer = await self.agent.ask(
            "place_order", symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity=self.corrected,
            price=plain(price),
        )  # fmt: skip
        self.resting_id = answer["orderId"]
        expect(answer["status"] == "NEW", f"the order is {answer['status']}")
        return f"order {self.resting_id} rests 3 % below the price, at {plain(price)}"

    async def see_open(self) -> str:
        """See it among the open orders"""
        open_ids = [order["orderId"] for order in rows(await self.agent.ask("get_open_orders", symbol=SYMBOL))]
        expect(self.resting_id in open_ids, f"open orders are {open_ids}")
        return f"order {self.resting_id} is open"

    async def cancel(self) -> str:
        """Cancel it"""
        answer = await self.agent.ask("cancel_order", symbol=SYMBOL, orderId=self.resting_id)
        expect(answer["status"] == "CANCELED", f"the order is {answer['status']}")
        left = [order["orderId"] for order in rows(await self.agent.ask("get_open_orders", symbol=SYMBOL))]
        expect(self.resting_id not in left, "the order is still open")
        return "CANCELED, and no longer open"

    async def refuse_misspelling(self) -> str:
        """Misspell an argument"""
        answer = await self.agent.refused(
            "place_order", "UNKNOWN_ARGUMENT", symbol=SYMBOL, side="SELL", type="STOP_LOSS", quantity=self.corrected,
            stopprise="1",
        )  # fmt: skip
        expect("stopPrice" in answer["message"], "the right name was not suggested")
        return "'stopprise' refused, 'stopPrice' suggested, nothing sent"

    async def rate_limits(self) -> str:
        """Look at the rate limits"""
        answer = await self.agent.ask("get_rate_limits")
        buckets = {row["limit"]: row for row in rows(answer["buckets"])}
        weight = next(row for name, row in buckets.items() if name.startswith("REQUEST_WEIGHT"))
        expect(0 < weight["used"] < weight["max"], "the ledger counted nothing")
        return f"{weight['used']} of {weight['max']} request weight used this minute"

    async def _balances(self) -> dict[str, Decimal]:
        account = await self.agent.ask("get_account", omitZeroBalances=True)
        return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in rows(account["balances"])}

    def steps(self) -> list[Callable[[], Awaitable[str]]]:
        """The day, in order."""
        return [
            self.connect, self.list_tools, self.ping, self.server_time, self.look_at_price, self.look_at_book,
            self.look_at_klines, self.read_rules, self.read_balances, self.refuse_wrong_quantity, self.check, self.test,
            self.listen, self.place, self.hear_fill, self.find_trades, self.find_balances, self.rest, self.see_open,
            self.cancel, self.refuse_misspelling, self.rate_limits,
        ]  # fmt: skip


async def run_day(day: Day) -> AsyncIterator[Outcome]:
    """Run every step, also after one that failed."""
    for number, step in enumerate(day.steps(), 1):
        title = (step.__doc__ or "").strip()
        started = time.perf_counter()
        try:
            proof, passed = await step(), True
        except StepFailed as failure:
            proof, passed = str(failure), False
        except (KeyError, ValueError, TypeError, ArithmeticError) as failure:
            proof, passed = f"the answer has another shape: {failure!r}", False
        yield Outcome(number, title, passed, proof, round((time.perf_counter() - started) * 1000))


async def demo(environment: str, report: Callable[[Outcome], None]) -> tuple[int, int]:
    """Run the day against a server process of its own.

    On paper it has a home of its own, so that the user's paper account stays as it is. Elsewhere the user's settings
    hold, and real orders of a small size are placed with the user's key.

    Returns:
        How many steps passed and how many failed.
    """
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="binance-spot-mcp-demo-") as home:
        surroundings = dict(os.environ)
        if environment == "paper":
            surroundings = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
            surroundings["BINANCE_HOME"] = home
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "binance_spot_mcp", "serve", "--env", environment, "--log-level", "ERROR"],
            env=surroundings,
        )
        async with Client(server) as client:
            async for outcome in run_day(Day(Agent(client, environment))):
                outcomes.append(outcome)
                report(outcome)
    passed = sum(outcome.passed for outcome in outcomes)
    return passed, len(outcomes) - passed
