"""The paper exchange keeps what it acknowledged, however it ends."""

import hashlib
import hmac
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

SOURCES = Path(__file__).parents[2] / "src"
SECONDS = 20


class Exchange:
    """A process on a home, and its one client."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "paper_exchange",
                "--json",
                "--limit-factor",
                "100",
                "--home",
                str(home),
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
        )
        assert self.process.stdout is not None
        self.told: dict[str, str] = json.loads(self.process.stdout.readline())
        self.http = httpx.Client(base_url=self.told["rest"])

    def call(self, method: str, path: str, **parameters: Any) -> Any:
        """A signed call."""
        payload = urlencode({**parameters, "timestamp": int(time.time() * 1000)})
        signature = hmac.new(self.told["api_secret"].encode(), payload.encode(), hashlib.sha256).hexdigest()
        headers = {"X-MBX-APIKEY": self.told["api_key"]}
        return self.http.request(method, f"/api/v3/{path}?{payload}&signature={signature}", headers=headers).json()

    def rest_order(self) -> str:
        """Place an order that rests far from the market; returns its client id."""
        placed = self.call(
            "POST",
            "order",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.00020",
            price="50000",
        )
        return str(placed["clientOrderId"])

    def client_ids(self) -> set[str]:
        """Every order of the account on BTCUSDT."""
        known: dict[int, str] = {}
        while True:
            rows = self.call("GET", "allOrders", symbol="BTCUSDT", orderId=max(known, default=0) + 1, limit=1000)
            if not rows:
                return set(known.values())
            known |= {order["orderId"]: order["clientOrderId"] for order in rows}

    def end(self, number: int) -> None:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        self.process.communicate(timeout=SECONDS)
        self.http.close()


@contextmanager
def exchange(home: Path, *arguments: str) -> Iterator[Exchange]:
    """Start one, and make sure that it ends."""
    started = Exchange(home, *arguments)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()
        started.http.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to end"])
def test_orders_trades_balances_and_keys_outlive_the_process(tmp_path: Path, number: int) -> None:
    with exchange(tmp_path) as first:
        resting = first.rest_order()
        bought = first.call("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
        trades = first.call("GET", "myTrades", symbol="ETHUSDT")
        balances = first.call("GET", "account")["balances"]
        first.end(number)
    with exchange(tmp_path) as again:
        assert again.told["api_key"] == first.told["api_key"]
        assert [order["clientOrderId"] for order in again.call("GET", "openOrders")] == [resting]
        assert again.call("GET", "order", symbol="ETHUSDT", orderId=bought["orderId"])["status"] == "FILLED"
        assert again.call("GET", "myTrades", symbol="ETHUSDT") == trades
        assert again.call("GET", "account")["balances"] == balances
        assert again.rest_order()


def test_a_home_keeps_its_market_and_says_so_to_another_seed(tmp_path: Path) -> None:
    with exchange(tmp_path, "--seed", "1", "--no-market") as first:
        first.end(signal.SIGTERM)
    refused = subprocess.run(
        [sys.executable, "-m", "paper_exchange", "--seed", "2", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )
    assert refused.returncode == 1
    assert "seed 1" in refused.stderr


def test_a_reset_home_begins_anew(tmp_path: Path) -> None:
    with exchange(tmp_path, "--no-market") as first:
        first.rest_order()
        first.end(signal.SIGTERM)
    with exchange(tmp_path, "--no-market", "--reset") as again:
        assert again.told["api_key"] != first.told["api_key"]
        assert again.call("GET", "openOrders") == []


def test_memory_alone_keeps_nothing(tmp_path: Path) -> None:
    with exchange(tmp_path, "--memory") as first:
        first.rest_order()
        first.end(signal.SIGTERM)
    assert not list(tmp_path.rglob("*.sqlite*"))


def test_nothing_acknowledged_is_lost_when_killed_under_load(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, kills=2)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_in_fifty_kills(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, kills=50)


def _kill_again_and_again(home: Path, kills: int) -> None:
    """Kill the exchange at random moments while orders come in, and compare what it still knows afterwards."""
    moments = random.Random(5)
    acknowledged: set[str] = set()
    for _ in range(kills):
        with exchange(home) as running:
            assert acknowledged <= running.client_ids()
            for order in running.call("GET", "openOrders", symbol="BTCUSDT"):
                running.call("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
            killer = threading.Timer(moments.uniform(0.05, 0.4), running.process.kill)
            killer.start()
            try:
                while True:
                    acknowledged.add(running.rest_order())
            except (httpx.HTTPError, KeyError):  # KeyError: the account has 200 orders open
                killer.join()
    with exchange(home) as running:
        assert acknowledged <= running.client_ids()
    assert acknowledged
