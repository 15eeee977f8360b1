"""What a person types, as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Finished = subprocess.CompletedProcess[str]
Type = Callable[..., Finished]


@pytest.fixture
def type_(tmp_path: Path) -> Type:
    """Type a command in an empty folder, with nothing but the given settings around it."""

    def run(*words: str, **settings: str) -> Finished:
        around = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
        return subprocess.run(
            [sys.executable, "-m", "binance_spot_mcp", *words],
            env={**around, "BINANCE_HOME": str(tmp_path / "home"), **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )

    return run


def answer(finished: Finished) -> dict[str, Any]:
    """The one JSON line that a call prints."""
    decoded: dict[str, Any] = json.loads(finished.stdout)
    return decoded


def test_the_version_is_one_line(type_: Type) -> None:
    finished = type_("--version")
    assert (finished.returncode, finished.stdout.split()[0]) == (0, "binance-spot-mcp")


def test_a_call_prints_the_answer_that_an_agent_would_read(type_: Type) -> None:
    finished = type_("call", "get_price", "symbol=btc/usdt", "--env", "paper")
    assert finished.returncode == 0
    assert answer(finished).items() >= {"ok": True, "env": "paper", "symbol": "BTCUSDT"}.items()


def test_what_an_order_was_checked_against_can_be_kept(type_: Type, tmp_path: Path) -> None:
    order = ("symbol=BTCUSDT", "side=BUY", "type=MARKET", "quantity=0.001")
    finished = type_("call", "check_order", *order, "snapshot=true", "--env", "paper")
    kept = Path(answer(finished)["snapshot"])
    assert kept.parent == tmp_path / "home" / "snapshots"
    assert json.loads(kept.read_text())["symbol"]["symbol"] == "BTCUSDT"
    assert [path.stat().st_mode & 0o777 for path in (kept, kept.parent)] == [0o600, 0o700]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("call", "get_price", "symbol=BTCUSDX", "--env", "paper"), 1, '"code":"UNKNOWN_SYMBOL"'),
        (("call", "get_account"), 3, '"code":"AUTH_FAILED"'),
        (("call", "place_order", "symbol=BTCUSDT", "side=BUY", "type=MARKET", "quantity=1", "price=2"), 1, "price"),
    ],
    ids=["a refusal", "no key", "a wrong argument"],
)
def test_the_exit_status_says_what_kind_of_failure_it_was(
    type_: Type, words: tuple[str, ...], status: int, said: str
) -> None:
    finished = type_(*words)
    assert (finished.returncode, said in finished.stdout) == (status, True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("call", "get_prise"), 2, "get_price"),
        (("call", "get_price", "BTCUSDT"), 2, "KEY=VALUE"),
        (("serv",), 2, "serve"),
        (("serve", "--env", "prod"), 3, "testnet"),
        (("tools", "--toolsets", "markets"), 3, "market"),
    ],
    ids=["unknown tool", "no key", "unknown command", "unknown environment", "unknown toolset"],
)
def test_what_is_mistyped_is_named_with_what_was_meant(
    type_: Type, words: tuple[str, ...], status: int, said: str
) -> None:
    finished = type_(*words)
    assert (finished.returncode, finished.stdout) == (status, "")
    assert said in finished.stderr


@pytest.mark.parametrize(
    "settings",
    [
        {"BINANCE_TESTNET": "0"},
        {"BINANCE_TESTNET": "flase"},
        {"BINANCE_ENV": "live", "BINANCE_TESTNET": "1"},
        {"BINANCE_APIKEY": "k"},
        {"BINANCE_BASE_URL": "https://api.binance.com.evil.example"},
        {"BINANCE_ENV": "live", "BINANCE_BASE_URL": "http://api.binance.com"},
    ],
    ids=lambda settings: ",".join(f"{name}={value}" for name, value in settings.items()),
)
def test_settings_that_are_wrong_stop_the_start_with_one_sentence(type_: Type, settings: Mapping[str, str]) -> None:
    finished = type_("serve", **settings)
    assert (finished.returncode, finished.stdout) == (3, "")
    assert len(finished.stderr.splitlines()) == 1
    assert any(name in finished.stderr for name in settings)


def test_the_settings_are_shown_with_their_origins_and_without_secrets(type_: Type, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BINANCE_API_SECRET=canary-secret\nBINANCE_RECV_WINDOW=4000\n")
    (tmp_path / ".env").chmod(0o600)
    finished = type_("config", "show", "--env", "testnet", "--json", BINANCE_API_KEY="canary-key")
    shown = answer(finished)
    assert shown["BINANCE_ENV"] == {"value": "testnet", "origin": "flag"}
    assert shown["BINANCE_RECV_WINDOW"] == {"value": "4000", "origin": ".env"}
    assert shown["BINANCE_API_KEY"]["origin"] == "environment"
    assert "canary" not in finished.stdout + finished.stderr


def test_the_tools_and_their_cost_are_listed(type_: Type) -> None:
    finished = type_("tools", "--tokens")
    *listed, summary = finished.stdout.splitlines()
    assert len(listed) == 69
    assert summary.startswith("69 tools, 48 of them endpoints")
    assert {"place_order", "get_price"} <= {line.split()[0] for line in listed}


def test_tools_can_be_cut_to_those_that_read(type_: Type) -> None:
    listed = json.loads(type_("tools", "--read-only", "--json").stdout)
    assert all(tool["readOnly"] for tool in listed)
    assert "get_price" in {tool["name"] for tool in listed}


def test_the_demo_passes_every_step(type_: Type) -> None:
    finished = type_("demo", "--json")
    steps = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [step for step in steps if not step["passed"]] == []
    assert (finished.returncode, len(steps) >= 14) == (0, True)
