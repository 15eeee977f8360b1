"""Half an hour of market streams into one server process, and whether it kept its promises.

A scripted exchange in a process of its own sends at a steady rate over as many subscriptions as asked for, while a real
MCP client reads them now and then. Early on, the exchange announces the end of its connection once and cuts it once.

    .venv/bin/python bench/soak [--minutes 30] [--rate 2000] [--subscriptions 200]

A line a minute goes to stdout. The exit status is 1, with the reasons, where one of these did not hold:

- memory: over the last two thirds of the time the process's memory stays within 5 %;
- stalls: the event loop never stands still above 250 ms by its own doing; time in which the process was ready to run
  and the machine ran somebody else is taken off, and told beside it;
- counts: of every stream, what the exchange sent = what came = what was handed over + what was counted as let go; of
  trades the ones that fell into the cut are counted as missed;
- books: at the end every local book is live and equals the exchange's;
- leaks: over the last two thirds of the time the number of sockets stays the same, and that of tasks, a call under way
  aside, does not grow.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent import Agent
from exchange import KINDS, symbols
from mcp import Client, StdioServerParameters
from process import Minute, child, minutes, processor_s, resident_mib, sockets, warnings

MOST_STALL_MS = 250.0
MOST_SPREAD = 0.05
STEADY_FROM = 1 / 3
ANNOUNCED_AT, CUT_AT = 1 / 10, 1 / 6
"""When the exchange makes trouble, as a part of the whole time."""
SAMPLE_S = 10.0
SETTLE_S = 3.0
_MODULE = "binance_spot_mcp"


@dataclass
class Samples:
    """The server process, looked at every few seconds.

    Attributes:
        at_s: When.
        mib: Memory in use.
        sockets: Sockets open.
        processor_s: Processor time it has taken.
    """

    at_s: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    sockets: list[int] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)

    def add(self, at_s: float, pid: int) -> None:
        """Look once."""
        self.at_s.append(at_s)
        self.mib.append(resident_mib(pid))
        self.sockets.append(sockets(pid))
        self.processor_s.append(processor_s(pid))

    def steady(self, from_s: float) -> "Samples":
        """Those from some time on."""
        start = next((place for place, at_s in enumerate(self.at_s) if at_s >= from_s), 0)
        return Samples(self.at_s[start:], self.mib[start:], self.sockets[start:], self.processor_s[start:])

    @property
    def spread(self) -> float:
        """By what part of the least the memory differs."""
        return (max(self.mib) - min(self.mib)) / min(self.mib)

    @property
    def load(self) -> float:
        """What part of one processor the process took."""
        return (self.processor_s[-1] - self.processor_s[0]) / max(self.at_s[-1] - self.at_s[0], 1e-9)


class Feeder:
    """The exchange's process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self._process = process

    async def ask(self, order: str) -> Any:
        """Give an order, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order.encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def feeder(count: int, rate: int) -> AsyncIterator[Feeder]:
    """An exchange of so many symbols that sends so many messages a second."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("exchange.py")), str(count), str(rate),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Feeder(process, int(await process.stdout.readline()))
    finally:
        process.terminate()
        await process.wait()


def _server(home: Path, port: int) -> StdioServerParameters:
    around = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
    settings = {
        "BINANCE_HOME": str(home),
        "BINANCE_BASE_URL": f"http://127.0.0.1:{port}",
        "BINANCE_WS_BASE": f"ws://127.0.0.1:{port}",
        "BINANCE_LOG_LEVEL": "DEBUG",
        "BINANCE_LOG_FILE": str(home / "log"),
    }
    words = ["-m", _MODULE, "serve", "--env", "paper"]
    return StdioServerParameters(command=sys.executable, args=words, env=around | settings)


async def soak(options: argparse.Namespace) -> list[str]:
    """Run, report, and return the promises that were broken."""
    traded = symbols(options.subscriptions // len(KINDS))
    whole_s = options.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with feeder(len(traded), options.rate) as exchange, Client(_server(home, exchange.port)) as client:
            pid, samples, agent = child(_MODULE), Samples(), Agent(client)
            await agent.subscribe(traded)
            print(f"{len(agent.accounts)} subscriptions at {options.rate} messages/s, {options.minutes:g} minutes")
            reading = asyncio.create_task(agent.read_on(traded))
            await _pass_time(whole_s, exchange, samples, pid, lambda: _line(samples, minutes(home / "log"), agent))
            reading.cancel()
            await asyncio.wait([reading])
            if error := (None if reading.cancelled() else reading.exception()):
                return [f"reading ended early: {error}"]
            states = {name: account.state for name, account in agent.accounts.items() if account.state}
            truth = await exchange.ask("stop")
            await asyncio.sleep(SETTLE_S)
            await agent.read_all()
            books = {symbol: await agent.book(symbol) for symbol in traded}
            connections = (await agent.call("list_streams"))["connections"]
        broken = [
            *(f"{name} was {state} when it was last read" for name, state in states.items() if state != "LIVE"),
            *_counts(truth["sent"], truth["unheard"], agent),
            *_books(truth["books"], books),
            *_process(samples.steady(whole_s * STEADY_FROM)),
            *_loop(minutes(home / "log"), warnings(home / "log")),
        ]
        print(f"connections: {json.dumps(connections)}")
    return broken


async def _pass_time(whole_s: float, exchange: Feeder, samples: Samples, pid: int, line: Any) -> None:
    """Let the time pass: look at the process, make trouble, and say a line a minute."""
    started = time.monotonic()
    trouble = [(whole_s * ANNOUNCED_AT, "announce"), (whole_s * CUT_AT, "cut")]
    said = 0
    while (passed := time.monotonic() - started) < whole_s:
        samples.add(passed, pid)
        if trouble and passed >= trouble[0][0]:
            await exchange.ask(trouble.pop(0)[1])
        if passed >= (said + 1) * 60:
            said += 1
            print(f"{said:3} min: {await exchange.ask('sent'):>9,} sent; {line()}", flush=True)
        await asyncio.sleep(min(SAMPLE_S, whole_s - passed))


def _line(samples: Samples, told: list[Minute], agent: Agent) -> str:
    last = told[-1] if told else Minute(0, 0, 0, 0)
    return (
        f"{samples.mib[-1]:.1f} MiB, {samples.load:.0%} of a processor, {samples.sockets[-1]} sockets, {last.tasks} "
        f"tasks, {agent.calls:,} calls; loop: worst {last.worst_ms:.0f} ms, p99.9 {last.p999_ms:.0f} ms, with the "
        f"machine's part up to {last.with_machine_ms:.0f} ms"
    )


# What was promised


def _counts(sent: dict[str, int], unheard: dict[str, int], agent: Agent) -> Iterator[str]:
    accounts = agent.accounts
    delivered, let_go = (sum(getattr(each, what) for each in accounts.values()) for what in ("delivered", "let_go"))
    missed = sum(each.missed for each in accounts.values())
    print(
        f"counts: {sum(sent.values()):,} sent = {sum(each.after for each in accounts.values()):,} received = "
        f"{delivered:,} handed over + {let_go:,} let go; {missed:,} trades missed in the cut"
    )
    for name, account in accounts.items():
        if not sent.get(name, 0) == account.after == account.delivered + account.let_go:
            yield (
                f"{name}: {sent.get(name, 0)} sent, {account.after} received, {account.delivered} handed over, "
                f"{account.let_go} let go"
            )
        if name.endswith("@trade") and account.missed != unheard.get(name, 0):
            yield f"{name} counts {account.missed} trades as missed and not {unheard.get(name, 0)}"
        if len(account.gaps) != 1:
            yield f"{name} names {len(account.gaps)} gaps and not the one cut: {account.gaps}"


def _books(theirs: dict[str, Any], ours: dict[str, tuple[str, dict[str, Any]]]) -> Iterator[str]:
    equal = 0
    for symbol, (state, book) in ours.items():
        if state != "LIVE":
            yield f"the book of {symbol} is {state}"
        elif _exact(book) != _exact(theirs[symbol]):
            yield f"the book of {symbol} differs from the exchange's"
        else:
            equal += 1
    print(f"books: {equal} of {len(ours)} equal the exchange's")


def _exact(book: dict[str, Any]) -> tuple[Any, ...]:
    sides = ([tuple(map(Decimal, level)) for level in book[side]] for side in ("bids", "asks"))
    return book["lastUpdateId"], *sides


def _process(steady: Samples) -> Iterator[str]:
    print(
        f"over the last two thirds: memory {min(steady.mib):.1f} to {max(steady.mib):.1f} MiB ({steady.spread:.1%}), "
        f"{min(steady.sockets)} to {max(steady.sockets)} sockets, {steady.load:.0%} of a processor"
    )
    if steady.spread > MOST_SPREAD:
        yield f"memory differs by {steady.spread:.1%}"
    if len(set(steady.sockets)) > 1:
        yield f"sockets came or went: {sorted(set(steady.sockets))}"


def _loop(told: list[Minute], warned: list[str]) -> Iterator[str]:
    for when, those in (("first minute", told[:1]), ("later", told[1:])):
        if those:
            print(
                f"event loop, {when}: stood still for {max(each.worst_ms for each in those):.0f} ms at most, p99.9 of "
                f"the worst minute {max(each.p999_ms for each in those):.0f} ms; with what the machine ran of others "
                f"{max(each.with_machine_ms for each in those):.0f} ms"
            )
    if warned or any(each.worst_ms > MOST_STALL_MS for each in told):
        yield f"the event loop stood still for longer than {MOST_STALL_MS:.0f} ms: {warned}"
    tasks = [each.tasks for each in told]
    print(f"tasks at the end of each minute: {tasks}")
    third = len(tasks) // 3
    if third and min(tasks[-third:]) > min(tasks[third:-third]):
        yield "tasks were left behind"


def main() -> int:
    """Run and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=2_000, help="messages a second")
    parser.add_argument("--subscriptions", type=int, default=200)
    broken = asyncio.run(soak(parser.parse_args()))
    print("every promise was kept" if not broken else "BROKEN\n" + "\n".join(broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
