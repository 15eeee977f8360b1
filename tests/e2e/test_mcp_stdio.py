"""The server as a process: stdout carries the protocol alone, and it ends when it should."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.stdio_host import MODERN, PATIENCE_S, Host


def test_a_tool_that_prints_does_not_reach_stdout() -> None:
    with Host("prints") as host:
        host.initialize()
        result = host.call("get_price", symbol="BTCUSDT")
        assert result["structuredContent"]["price"] == "64000.1"
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        host.stdin.close()
        status, said, rest = host.ended()
    assert (status, rest) == (0, b"")
    assert "a stray print" in said


def test_a_host_that_discovers_may_still_initialize() -> None:
    with Host() as host:
        host.request(1, "server/discover", _meta=MODERN)
        discovered = host.receive()["result"]
        assert "2026-07-28" in discovered["supportedVersions"]
        assert discovered["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "binance-spot"
        initialized = host.initialize()["result"]
        assert initialized["serverInfo"]["name"] == "binance-spot"
        assert initialized["instructions"] == discovered["instructions"]
        assert host.call("ping_binance")["structuredContent"] == {"ok": True, "env": "testnet"}


def test_a_host_that_discovers_an_unknown_version_is_told_and_may_initialize() -> None:
    with Host() as host:
        host.request(1, "server/discover", _meta=MODERN | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"})
        assert host.receive()["error"]["code"] == -32022
        assert "result" in host.initialize()


def test_a_host_of_the_newer_era_needs_no_handshake() -> None:
    with Host() as host:
        host.request(1, "server/discover", _meta=MODERN)
        host.receive()
        host.request(2, "tools/call", name="get_price", arguments={"symbol": "BTCUSDT"}, _meta=MODERN)
        assert host.receive()["result"]["structuredContent"]["price"] == "64000.1"


@pytest.mark.parametrize("line", [b"garbage{", b"[1]", b'{"jsonrpc":"2.0"}', b"x" * (17 << 20)])
def test_a_line_that_is_no_message_is_answered_and_the_session_goes_on(line: bytes) -> None:
    with Host() as host:
        host.initialize()
        host.send(line)
        refusal = host.receive()
        assert refusal["error"]["code"] == -32700
        assert refusal["id"] is None
        assert host.call("get_price", symbol="BTCUSDT")["isError"] is False


def test_an_argument_of_ten_megabytes_is_refused_at_once() -> None:
    with Host() as host:
        host.initialize()
        started = time.monotonic()
        result = host.call("get_price", symbol="B" * 10_000_000)
        assert time.monotonic() - started < 1
        assert json.loads(result["content"][0]["text"])["code"] == "TOO_LARGE"
        assert len(result["content"][0]["text"]) < 1_000


def _close_stdin(host: Host) -> None:
    host.stdin.close()


def _terminate(host: Host) -> None:
    host.process.send_signal(signal.SIGTERM)


def _interrupt(host: Host) -> None:
    host.process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("end", [_close_stdin, _terminate, _interrupt])
def test_the_server_ends_cleanly_and_soon(end: Callable[[Host], None]) -> None:
    with Host() as host:
        host.initialize()
        host.call("get_price", symbol="BTCUSDT")
        started = time.monotonic()
        end(host)
        status, said, rest = host.ended()
        assert time.monotonic() - started < 2
    assert (status, rest) == (0, b"")
    assert said.splitlines() == ["closed"]


def test_a_client_that_dies_leaves_no_traceback_behind() -> None:
    with Host() as host:
        host.initialize()
        host.stdout.close()
        host.request(1, "tools/call", name="get_price", arguments={"symbol": "BTCUSDT"})
        host.stdin.close()
        status = host.process.wait(PATIENCE_S)
        said = host.stderr.read().decode()
    assert (status, said.splitlines()) == (0, ["closed"])


def _give_up(host: Host) -> None:
    host.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
    host.stdin.close()


@pytest.mark.parametrize("leave", [_give_up, _close_stdin, _terminate])
def test_an_order_in_flight_is_finished_when_the_client_leaves(leave: Callable[[Host], None]) -> None:
    with Host() as host:
        host.initialize()
        host.request(7, "tools/call", name="cancel_order", arguments={"symbol": "BTCUSDT", "orderId": 1})
        assert host.stderr.readline() == b"began\n"
        leave(host)
        status, said, _ = host.ended()
    assert (status, said.splitlines()) == (0, ["finished", "closed"])


def test_the_command_serves_the_tools_of_the_environment_it_is_told(tmp_path: Path) -> None:
    with Host(command=["serve", "--env", "testnet", "--home", str(tmp_path), "--read-only"]) as host:
        assert host.initialize()["result"]["instructions"].startswith("TESTNET")
        host.request(1, "tools/list")
        tools = host.receive()["result"]["tools"]
        host.stdin.close()
        status, _, rest = host.ended()
    assert (status, rest) == (0, b"")
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools)
    assert {"get_price", "check_order"} <= {tool["name"] for tool in tools}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", [_close_stdin, _terminate])
def test_a_server_that_no_tool_was_called_on_opens_nothing(end: Callable[[Host], None]) -> None:
    with Host() as host:
        host.initialize()
        host.request(1, "tools/list")
        assert len(host.receive()["result"]["tools"]) > 10
        end(host)
        status, said, _ = host.ended()
    assert (status, said) == (0, "")
