"""Three servers on one machine and one exchange, two of them on one account, all of them asking for too much.

`python -m pytest tests/e2e/test_shared_limits.py -s` prints the table.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.stdio_host import Host

from binance_spot_mcp.catalogue.trading import PLACE_ORDER

SOURCES = Path(__file__).parents[2] / "src"
LOAD_S = 6.0
BURST = 20
"""Heavy calls that each server is asked for at once."""
SLOWLY = [
    {"where": where, "match": match, "times": None, "phase": "reply", "effect": {"kind": "delay", "ms": 400}}
    for where, match in (("rest", {"path": "/api/v3/depth"}), ("ws_api", {"method": "depth"}))
]
"""How the exchange answers them: they are all under way before it has told anybody what it counts."""
PAUSE_S = 0.05
"""Between two calls after that. A breaker would open if 50 orders were held back within ten seconds."""
TAKES_OVER_S = 15.0
PATIENCE_S = 90.0
"""With four processes at once on a busy machine; a server that hangs is killed then."""
SERVERS = {"first": "a", "second": "a", "third": "b"}
"""Each server, and its account."""

ORDER = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.001", "price": "50000",
}  # fmt: skip
BOOK = {"symbol": "BTCUSDT", "limit": 5000}
TRADES = {"symbol": "BTCUSDT"}
WEIGHTS = {"depth": 250, "/api/v3/depth": 250, "myTrades": 20, "/api/v3/myTrades": 20}
"""Of the calls that make the load; the others are so light that they count as 1 here."""


def calls(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a server is asked for: the weight of a burst of reads is more than the exchange allows, and then orders."""
    yield from [("get_order_book", BOOK)] * BURST
    number = 0
    while True:
        for _ in range(5):
            number += 1
            yield "place_order", ORDER | {"intent_id": f"{name}-{number}"}
        yield "get_order_book", BOOK
        yield "get_my_trades", TRADES
        yield "get_order_book", BOOK


def read(message: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(message["result"]["content"][0]["text"])
    return body


class Server:
    """A server process, and what became of the calls that it was asked to make."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self.host = host
        self.ends: Counter[str] = Counter()
        self.most_weight = 0

    def load(self) -> None:
        """Ask for too much, several calls at once, for a while."""
        wanted, asked, tools = calls(self.name), 0, dict[int, str]()
        until = time.monotonic() + LOAD_S
        while True:
            while len(tools) < BURST and time.monotonic() < until:
                time.sleep(PAUSE_S if asked >= BURST else 0)
                asked += 1
                tools[asked], arguments = next(wanted)
                self.host.request(asked, "tools/call", name=tools[asked], arguments=arguments)
            if not tools:
                return
            message = self.host.receive()
            if (tool := tools.pop(message.get("id", 0), None)) is not None:
                body = read(message)
                self.ends[f"{tool} {'ok' if body['ok'] else body['code']}"] += 1

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return read({"result": self.host.call(tool, **arguments)})

    def ended(self, what: str) -> int:
        return sum(count for end, count in self.ends.items() if end.endswith(what))


class Exchange:
    """A paper exchange in a process of its own, with Binance's limits, and its own log."""

    def __init__(self, home: Path) -> None:
        self._log = home / "oracle.jsonl"
        words = ["--json", "--home", str(home), "--no-market", "--oracle", str(self._log)]
        words += [word for rule in SLOWLY for word in ("--fault", json.dumps(rule))]
        accounts = [word for account in sorted({*SERVERS.values()}) for word in ("--account", account)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "paper_exchange", *words, *accounts],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(SOURCES)},
        )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["rest"]

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def requests(self) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]
        return [entry for entry in entries if entry["kind"] == "request"]


def busiest(entries: Iterable[tuple[int, int]], window_s: int) -> int:
    """The most that was spent in any window: of moments in microseconds, and what was spent at them."""
    spent: Counter[int] = Counter()
    for at_us, cost in entries:
        spent[at_us // (window_s * 1_000_000)] += cost
    return max(spent.values(), default=0)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with Exchange(tmp_path) as exchange:
        yield exchange


@pytest.fixture
def servers(exchange: Exchange, tmp_path: Path) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        started = {}
        for name, account in SERVERS.items():
            settings = {"BINANCE_ENV": "paper", "BINANCE_HOME": str(tmp_path), "BINANCE_PAPER_ACCOUNT": account}
            settings["BINANCE_LOG_LEVEL"] = "ERROR"
            host = Host(command=["serve"], settings=settings, patience_s=PATIENCE_S)
            started[name] = Server(name, stack.enter_context(host))
        for server in started.values():
            server.host.initialize()
        yield started


def orders_of(requests: Iterable[Mapping[str, Any]], account: int) -> list[tuple[int, int]]:
    """When orders of an account were counted by the exchange."""
    ways = {PLACE_ORDER.route.ws, "/api/v3/order"}
    return [
        (entry["at_us"], 1)
        for entry in requests
        if entry["account"] == account and {entry["method"], entry["path"]} & ways and entry["status"] == 200
    ]


def test_servers_on_one_ledger_stay_within_the_limits_and_one_of_two_on_an_account_trades(
    exchange: Exchange, servers: dict[str, Server]
) -> None:
    first, second, third = servers.values()
    assert first.call("place_order", **ORDER, intent_id="opening")["ok"]
    for server in servers.values():
        assert server.call("get_price", symbol="BTCUSDT")["ok"]

    with ThreadPoolExecutor() as pool:
        for loading in [pool.submit(server.load) for server in servers.values()]:
            loading.result()

    told = third.call("get_rate_limits")
    os.kill(first.host.process.pid, signal.SIGKILL)
    killed_at, tries = time.monotonic(), 0
    while not (heard := second.call("place_order", **ORDER, intent_id=f"heir-{tries}"))["ok"]:
        assert heard["code"] in {"READ_ONLY", "NOT_READY", "RATE_LIMITED"}, heard
        assert time.monotonic() - killed_at < TAKES_OVER_S, heard
        tries += 1
        time.sleep(0.1)
    took_over_s = time.monotonic() - killed_at

    requests = exchange.requests
    statuses = Counter(entry["status"] for entry in requests)
    accounts = sorted({entry["account"] for entry in requests} - {-1})
    weight = busiest(
        ((entry["at_us"], WEIGHTS.get(entry["method"], WEIGHTS.get(entry["path"], 1))) for entry in requests), 60
    )
    orders = {account: busiest(orders_of(requests, account), 10) for account in accounts}
    lines = [
        *table(servers),
        "the exchange answered: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())),
        f"weight in the busiest minute: {weight} of 6000",
        f"orders in the busiest ten seconds, for each account: {', '.join(map(str, orders.values()))} of 100",
        f"processes on the ledger: {told['processes']}",
        f"the second server traded {took_over_s:.1f} s after the first was killed",
    ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")

    assert not {429, 418} & statuses.keys()
    assert weight <= 6_000
    assert all(count <= 100 for count in orders.values())
    assert told["processes"] == 3
    for server in (first, third):
        assert server.ended("place_order ok") > 0
        assert server.ended("READ_ONLY") == 0
    assert second.ended("place_order ok") == 0
    assert second.ended("place_order READ_ONLY") > 0
    assert first.ended("RATE_LIMITED") + second.ended("RATE_LIMITED") + third.ended("RATE_LIMITED") > 0
    assert not {end.split()[1] for server in servers.values() for end in server.ends} - {
        "ok", "RATE_LIMITED", "READ_ONLY",
    }  # fmt: skip


def table(servers: Mapping[str, Server]) -> list[str]:
    """What became of the calls of each."""
    columns = ("place_order ok", "get_order_book ok", "get_my_trades ok", "RATE_LIMITED", "READ_ONLY")
    lines = [f"{'server':<8}{'account':<9}" + "".join(f"{column:>19}" for column in columns)]
    return lines + [
        f"{name:<8}{SERVERS[name]:<9}" + "".join(f"{server.ended(column):>19}" for column in columns)
        for name, server in servers.items()
    ]
