"""How fast the paper exchange is, beside what it could be at most on this machine in this run.

    .venv/bin/python bench/paper.py [--profile FLOW]

    engine     commands in process, with filters, balances, commissions and events; beside a book that only matches
    memory     what resting orders add to the process; beside their decoded commands alone
    REST       signed orders and cancels against `python -m paper_exchange`, which keeps everything on disk, over 32
               connections, limits raised by flag; beside a bare application of the same web server
    streams    a trade stream to 50 readers; beside the same text broadcast by the `websockets` library
    start      from the creation of the process to its first line, and on to the first answer with 30 days of candles;
               beside a process that opens nothing but the web server

It takes about a minute, wants two cores (server and client) and stays on loopback.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import NamedTuple
from urllib.request import urlopen

from load import engine, rest, streams

COMMANDS = 100_000
OPEN_ORDERS = 100_000
REQUESTS = 6_400
RUNS = 3
STARTS = 5
EXCHANGE = ("-m", "paper_exchange", "--json", "--seed", "1", "--limit-factor", "1000000")
CANDLES = "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=720"


class Row(NamedTuple):
    """One figure beside that of its peer."""

    what: str
    ours: float
    peer: float
    unit: str
    peer_is: str


class Child(NamedTuple):
    """A process of its own, and the first line it wrote."""

    process: subprocess.Popen[str]
    first_line: str

    def go(self) -> None:
        """Let it do what it does on demand."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def child(*arguments: str) -> Iterator[Child]:
    """A Python process for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield Child(process, process.stdout.readline())
        finally:
            process.terminate()


# What is measured. Ours and the peer take turns, so that a busy moment of the machine hits both; the best turns count.


def engine_rows() -> Iterator[Row]:
    """Commands a second in each flow."""
    for kind in engine.FLOWS:
        commands = engine.flow(kind, COMMANDS)
        turns = [(engine.commands_per_second(commands), engine.bare_commands_per_second(commands)) for _ in range(RUNS)]
        ours, peer = map(max, zip(*turns, strict=True))
        yield Row(f"engine, {kind}", ours, peer, "commands/s", "book that only matches")


def memory_rows() -> Iterator[Row]:
    """What open orders take."""
    with child(__file__, "--part", "open orders") as ours, child(__file__, "--part", "decoded commands") as peer:
        figures = float(ours.first_line), float(peer.first_line)
    yield Row("memory, 100,000 open orders", *figures, "MB", "decoded commands")


def rest_rows() -> Iterator[Row]:
    """Orders and cancels over REST."""
    with (
        tempfile.TemporaryDirectory() as home,
        child(*EXCHANGE, "--home", home) as exchange,
        child(__file__, "--part", "web server") as server,
    ):
        told = json.loads(exchange.first_line)
        keys, price = (told["api_key"], told["api_secret"]), rest.resting_price(told["rest"])

        def drive(url: str) -> rest.Answered:
            return asyncio.run(rest.drive(url, rest.order_requests(url, price, keys, REQUESTS)))

        turns = [(drive(told["rest"]), drive(server.first_line.strip())) for _ in range(RUNS)]
    ours, peer = (max(answered, key=lambda each: each.per_second) for answered in zip(*turns, strict=True))
    yield Row("REST orders", ours.per_second, peer.per_second, "requests/s", "bare uvicorn")
    yield Row("REST orders, p50", ours.p50_ms, peer.p50_ms, "ms", "bare uvicorn")
    yield Row("REST orders, p99", ours.p99_ms, peer.p99_ms, "ms", "bare uvicorn")


def stream_rows() -> Iterator[Row]:
    """Messages to many readers."""

    def speak(server: Child) -> float:
        return asyncio.run(streams.messages_per_second(server.first_line.strip(), server.go))

    with child(__file__, "--part", "streams") as exchange, child(__file__, "--part", "broadcast") as server:
        turns = [(speak(exchange), speak(server)) for _ in range(RUNS)]
    ours, peer = map(max, zip(*turns, strict=True))
    yield Row(f"streams, {streams.READERS} readers", ours, peer, "messages/s", "websockets broadcast")


def start_rows() -> Iterator[Row]:
    """From the creation of a process to its first line, and to what a user asks for first."""
    lines, candles, bare = [], [], []
    for _ in range(STARTS):
        started_s = time.perf_counter()
        with child(*EXCHANGE, "--memory") as exchange:
            lines.append(time.perf_counter() - started_s)
            with urlopen(json.loads(exchange.first_line)["rest"] + CANDLES) as answer:
                answer.read()
            candles.append(time.perf_counter() - started_s)
        started_s = time.perf_counter()
        with child(__file__, "--part", "web server"):
            bare.append(time.perf_counter() - started_s)
    peer = min(bare) * 1000
    yield Row("start, to the first line", min(lines) * 1000, peer, "ms", "web server alone")
    yield Row("start, to 30 days of candles", min(candles) * 1000, peer, "ms", "web server alone")


# What runs in processes of its own


def count_megabytes(*, bare: bool) -> None:
    """Say what open orders, or bare, their commands take."""
    print(engine.bytes_per_open_order(OPEN_ORDERS, bare=bare) * OPEN_ORDERS / 1e6)


async def serve_web() -> None:
    """Say where the bare web server is, until killed."""
    async with rest.bare() as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def serve_streams(server: AbstractAsyncContextManager[tuple[str, streams.Speak]]) -> None:
    """Say where a stream is, and have it speak for each line that comes in."""
    async with server as (url, speak):
        print(url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            await speak()


PARTS: dict[str, Callable[[], None]] = {
    "open orders": lambda: count_megabytes(bare=False),
    "decoded commands": lambda: count_megabytes(bare=True),
    "web server": lambda: asyncio.run(serve_web()),
    "streams": lambda: asyncio.run(serve_streams(streams.exchange())),
    "broadcast": lambda: asyncio.run(serve_streams(streams.bare())),
}


def profile(kind: str) -> None:
    """Print where the time of one flow of commands goes."""
    exchange, commands = engine.open_engine(), engine.flow(kind, COMMANDS)
    profiler = cProfile.Profile()
    profiler.runcall(engine.carry_out, exchange, commands)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    """Measure everything, or profile one flow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=engine.FLOWS, help="print where the time of one flow goes")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is not None:
        PARTS[options.part]()
        return
    if options.profile is not None:
        profile(options.profile)
        return
    print(f"{'':<30}{'ours':>12}{'peer':>12}{'ratio':>8}  {'unit':<12}peer")
    for rows in (engine_rows, memory_rows, rest_rows, stream_rows, start_rows):
        for row in rows():
            figures = f"{row.ours:>12,.1f}{row.peer:>12,.1f}{row.ours / row.peer:>7.2f}x"
            print(f"{row.what:<30}{figures}  {row.unit:<12}{row.peer_is}", flush=True)


if __name__ == "__main__":
    main()
