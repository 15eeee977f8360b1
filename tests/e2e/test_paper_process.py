"""The paper exchange as a process: what it prints, how it ends, how processes share one."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from paper_exchange.lease import (
    ALREADY_RUNNING_STATUS,
    LeaseDesk,
    LeaseLogin,
    NotRunning,
    attach,
    exclusive,
    join,
    leasable,
    state_directory,
)

pytestmark = pytest.mark.anyio

SOURCES = Path(__file__).parents[2] / "src"
COMMAND = [sys.executable, "-m", "paper_exchange"]
SECONDS = 20


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a new Python process find the package as this one does."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_line_is_json_and_a_signal_ends_it_cleanly(started: subprocess.Popen[str], number: int) -> None:
    assert started.stdout is not None
    told = json.loads(started.stdout.readline())
    assert httpx.get(f"{told['rest']}/api/v3/ping").json() == {}
    assert len(told["api_key"]) == len(told["api_secret"]) == 64
    started.send_signal(number)
    output, log = started.communicate(timeout=SECONDS)
    assert started.returncode == 0
    assert output == ""
    assert "0 orders stay open" in log
    assert told["api_secret"] not in log


def test_the_same_seed_gives_the_same_keys() -> None:
    told = [_first_line("--seed", "7", "--memory") for _ in range(2)]
    assert told[0]["api_key"] == told[1]["api_key"]


def test_without_a_named_home_the_usual_one_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_HOME", str(tmp_path))
    told = [_first_line() for _ in range(2)]
    assert told[0]["home"] == str(tmp_path)
    assert told[0]["api_key"] == told[1]["api_key"]


def test_the_usual_home_is_left_alone_where_its_market_is_another_or_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_HOME", str(tmp_path))
    _first_line("--seed", "1")
    assert _first_line("--seed", "2")["home"] is None
    with subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as first:
        assert first.stdout is not None
        assert json.loads(first.stdout.readline())["home"] == str(tmp_path)
        assert _first_line()["home"] is None
        first.terminate()


def test_it_listens_on_loopback_alone() -> None:
    refused = subprocess.run(
        [*COMMAND, "--host", "0.0.0.0"], capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert refused.returncode == 2
    assert "--host" in refused.stderr


async def test_the_first_to_attach_starts_the_exchange_and_others_share_it(tmp_path: Path) -> None:
    first, second = await asyncio.gather(attach(tmp_path, "one"), attach(tmp_path, "two"))
    try:
        assert first.login.rest == second.login.rest
        assert first.login.api_key != second.login.api_key
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{first.login.rest}/api/v3/ping")).status_code == 200
        mode = stat.S_IMODE((state_directory(tmp_path) / "endpoint.json").stat().st_mode)
        assert mode == 0o600
    finally:
        await first.close()
        await second.close()


async def test_a_home_never_has_two(tmp_path: Path) -> None:
    async with exclusive(tmp_path):
        other = await asyncio.create_subprocess_exec(
            *COMMAND, "--home", str(tmp_path), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        _, log = await asyncio.wait_for(other.communicate(), SECONDS)
    assert other.returncode == ALREADY_RUNNING_STATUS
    assert b"runs on" in log


async def test_what_a_killed_exchange_left_behind_is_not_taken_for_one(tmp_path: Path) -> None:
    lease = await attach(tmp_path)
    file = state_directory(tmp_path) / "endpoint.json"
    pid = json.loads(file.read_bytes())["pid"]
    os.kill(pid, signal.SIGKILL)
    await lease.closed()
    await lease.close()
    assert file.exists()
    with pytest.raises(NotRunning):
        await join(tmp_path)
    again = await attach(tmp_path)
    assert again.login.rest != ""
    await again.close()


async def test_a_stranger_without_the_token_is_told_nothing(tmp_path: Path) -> None:
    desk = LeaseDesk("secret", _log_in)
    async with leasable(_home(tmp_path), desk, "secret"):
        mine = await join(tmp_path, "me")
        assert mine.login.account == "me"
        port = json.loads((state_directory(tmp_path) / "endpoint.json").read_bytes())["lease_port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"token":"guessed","account":"me"}\n')
        assert await reader.read() == b""
        writer.close()
        await mine.close()


async def test_nobody_is_left_once_the_last_lease_is_gone(tmp_path: Path) -> None:
    desk = LeaseDesk("secret", _log_in)
    async with leasable(_home(tmp_path), desk, "secret"):
        first, second = await join(tmp_path), await join(tmp_path)
        gone = asyncio.create_task(desk.nobody_left(first_grace_s=SECONDS, grace_s=0.01))
        await first.close()
        done, _ = await asyncio.wait({gone}, timeout=0.1)
        assert not done
        await second.close()
        await asyncio.wait_for(gone, SECONDS)


async def test_nobody_coming_at_all_ends_the_wait_too() -> None:
    await asyncio.wait_for(LeaseDesk("secret", _log_in).nobody_left(first_grace_s=0.01), SECONDS)


def _first_line(*arguments: str) -> dict[str, str]:
    process = subprocess.Popen([*COMMAND, "--json", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line: dict[str, str] = json.loads(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=SECONDS)
    return line


def _log_in(account: str) -> LeaseLogin:
    return LeaseLogin(rest="", ws="", ws_api="", account=account, api_key="key", api_secret="secret")


def _home(path: Path) -> Path:
    state_directory(path).mkdir(parents=True)
    return path
