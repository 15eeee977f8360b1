"""Opening a connection to the WebSocket API: what leaves, what is refused, and that nothing leads astray."""

import asyncio
import json
import logging
from http import HTTPStatus
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.unit.transport.loopback import answer, loopback, replying
from tests.unit.transport.socket_exchange import SocketExchange
from tests.unit.transport.test_rest import self_signed
from websockets.asyncio.client import ClientConnection

from binance_spot_mcp import __version__
from binance_spot_mcp.errors import Unreachable
from binance_spot_mcp.transport.verdict import Reply
from binance_spot_mcp.transport.ws_connection import open_connection

pytestmark = pytest.mark.anyio


async def refusal_of(url: str, proxy: SecretStr | None = None) -> Unreachable:
    with pytest.raises(Unreachable) as failure:
        await open_connection(url, proxy)
    assert (failure.value.sent, failure.value.code) == ("no", "NETWORK_NOT_SENT")
    assert failure.value.__cause__ is None
    return failure.value


async def test_we_say_who_we_are_and_offer_no_compression() -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        writer.write(answer(b"", status="503 Busy"))

    async with loopback(record) as origin:
        await open_connection(f"{origin.replace('http', 'ws')}/ws-api/v3?timeUnit=MICROSECOND", None)
    (head,) = heads
    assert head.startswith(b"get /ws-api/v3?timeunit=microsecond http/1.1\r\n")
    assert f"user-agent: binance-spot-mcp/{__version__}".encode() in head
    assert b"extensions" not in head


async def test_what_the_exchange_says_instead_of_taking_a_connection_is_an_answer() -> None:
    body = {"code": -1034, "msg": "Too many connection attempts."}
    async with SocketExchange().open() as exchange:
        exchange.turn_away(HTTPStatus.TOO_MANY_REQUESTS, body, Retry_After="7")
        reply = await open_connection(exchange.url, None)
    assert isinstance(reply, Reply)
    assert (reply.status, json.loads(reply.body), reply.pause_ms) == (429, body, 7_000)


async def test_a_redirect_is_not_followed() -> None:
    async with SocketExchange().open() as other, SocketExchange().open() as exchange:
        exchange.turn_away(HTTPStatus.FOUND, Location=other.url)
        reply = await open_connection(exchange.url, None)
        assert isinstance(reply, Reply)
        assert (reply.status, other.targets) == (302, [])


async def test_nobody_there_and_no_such_name_are_told_apart() -> None:
    assert "No connection to 127.0.0.1:1 came about." in (await refusal_of("ws://127.0.0.1:1/ws-api/v3")).message
    assert "could not be resolved" in (await refusal_of("wss://no-such-host.invalid/ws-api/v3")).message


async def test_a_certificate_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)

    async with loopback(record, self_signed(tmp_path)) as origin:
        failure = await refusal_of(f"{origin.replace('https', 'wss')}/ws-api/v3")
    assert "did not show a valid TLS certificate" in failure.message
    assert heads == []


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_a_server_that_does_not_speak_websocket_is_said_to_be_that(garbage: bytes) -> None:
    async with loopback(replying(garbage)) as origin:
        failure = await refusal_of(origin.replace("http", "ws"))
    assert "does not speak WebSocket at this address" in failure.message


@pytest.fixture
def ambient_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an environment may say of proxies."""
    for name in ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.mark.usefixtures("ambient_proxy")
async def test_the_environments_proxies_are_ignored() -> None:
    async with SocketExchange().open() as exchange:
        connection = await open_connection(exchange.url, None)
        assert isinstance(connection, ClientConnection)
        await connection.close()


async def test_our_own_proxy_is_used_and_its_password_is_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"", status="407 Proxy Authentication Required"))

    caplog.set_level(logging.INFO)
    async with loopback(record) as origin:
        proxy = SecretStr(origin.replace("://", "://user:canary-password@"))
        failure = await refusal_of("ws://127.0.0.1:1/ws-api/v3", proxy)
    assert heads[0].startswith(b"CONNECT 127.0.0.1:1 ")
    assert failure.message.startswith("The proxy of BINANCE_PROXY did not connect to 127.0.0.1:1.")
    assert "canary" not in failure.message + caplog.text
