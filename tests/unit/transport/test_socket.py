"""A real socket on loopback: whole messages, pings, the end and its reason, and what is refused."""

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.unit.transport.loopback import answer, loopback, replying
from tests.unit.transport.socket_exchange import SocketExchange
from tests.unit.transport.test_rest import self_signed
from websockets.asyncio.server import ServerConnection, serve

from binance_spot_mcp import __version__
from binance_spot_mcp.errors import Unreachable
from binance_spot_mcp.transport.socket import MOST_BYTES, Socket, open_socket
from binance_spot_mcp.transport.verdict import Reply

pytestmark = pytest.mark.anyio


class Ear:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.pings = 0
        self.why = ""
        self.over = asyncio.Event()
        self.spoken_to = asyncio.Event()

    def heard(self, message: bytes) -> None:
        self.messages.append(message)
        self.spoken_to.set()

    def pinged(self) -> None:
        self.pings += 1
        self.spoken_to.set()

    def ended(self, why: str) -> None:
        assert not self.over.is_set()
        self.why = why
        self.over.set()


Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[tuple[Ear, Socket]]:
    """A connection to a server that says what it is told to."""
    ear = Ear()
    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await open_socket(f"ws://127.0.0.1:{port}/stream", ear, None)
        assert not isinstance(socket, Reply)
        try:
            yield ear, socket
        finally:
            socket.close()
            await asyncio.wait_for(ear.over.wait(), 5)


async def test_messages_come_whole_also_when_they_were_sent_in_parts() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("one")
        await connection.send(["t", "w", "ö"])
        await connection.wait_closed()

    async with talking(talk) as (ear, _):
        while len(ear.messages) < 2:
            ear.spoken_to.clear()
            await asyncio.wait_for(ear.spoken_to.wait(), 5)
        assert ear.messages == [b"one", "twö".encode()]


async def test_what_is_sent_arrives() -> None:
    received: list[str | bytes] = []

    async def talk(connection: ServerConnection) -> None:
        received.append(await connection.recv())
        await connection.send("thanks")
        await connection.wait_closed()

    async with talking(talk) as (ear, socket):
        socket.send('{"id":1}')
        await asyncio.wait_for(ear.spoken_to.wait(), 5)
        assert received == ['{"id":1}']


async def test_pings_are_answered_and_told() -> None:
    answered = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        await (await connection.ping(b"1700000000"))
        answered.set()
        await connection.wait_closed()

    async with talking(talk) as (ear, _):
        await asyncio.wait_for(answered.wait(), 5)
        assert ear.pings == 1


async def test_the_end_is_told_once_with_its_code_and_none_of_the_servers_words() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.close(1008, "Too many requests")

    async with talking(talk) as (ear, _):
        await asyncio.wait_for(ear.over.wait(), 5)
        assert ear.why == "Binance closed the connection (code 1008)"


async def test_a_message_beyond_measure_ends_the_connection() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * (MOST_BYTES + 1))
        await connection.wait_closed()

    async with talking(talk) as (ear, _):
        await asyncio.wait_for(ear.over.wait(), 5)
        assert ear.why == "A message above 8 MiB ended the connection"
        assert ear.messages == []


@asynccontextmanager
async def hearing(*reads: bytes) -> AsyncIterator[Ear]:
    """A connection to a server that says these bytes and leaves; its handshake is in one piece with the first."""

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        key = next(
            line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + reads[0])
        for read in reads[1:]:
            await writer.drain()
            await asyncio.sleep(0.01)  # lest the two become one
            writer.write(read)
        writer.write_eof()

    ear = Ear()
    async with loopback(handler) as origin:
        socket = await open_socket(origin.replace("http", "ws") + "/stream", ear, None)
        assert not isinstance(socket, Reply)
        try:
            yield ear
        finally:
            socket.close()
            await asyncio.wait_for(ear.over.wait(), 5)


@pytest.mark.parametrize("cut", [0, 1, 5, 7, 8, 11])
async def test_what_follows_the_handshake_at_once_is_heard(cut: int) -> None:
    sent = b"\x81\x03one\x89\x00\x81\x03two"
    async with hearing(sent[:cut], sent[cut:]) as ear:
        while len(ear.messages) < 2:
            ear.spoken_to.clear()
            await asyncio.wait_for(ear.spoken_to.wait(), 5)
        assert (ear.messages, ear.pings) == ([b"one", b"two"], 1)


async def test_a_message_inside_another_one_that_comes_in_parts_ends_the_connection() -> None:
    async with hearing(b"\x01\x01a", b"\x81\x01b") as ear:
        await asyncio.wait_for(ear.over.wait(), 5)
        assert ear.messages == []


async def test_nothing_is_heard_after_the_goodbye() -> None:
    async with hearing(b"\x81\x01a\x88\x02\x03\xe8\x81\x01b") as ear:
        await asyncio.wait_for(ear.over.wait(), 5)
        assert ear.messages == [b"a"]


# What does not come about


async def refusal_of(url: str, proxy: SecretStr | None = None) -> Unreachable:
    with pytest.raises(Unreachable) as failure:
        await open_socket(url, Ear(), proxy)
    assert (failure.value.sent, failure.value.code) == ("no", "NETWORK_NOT_SENT")
    assert failure.value.__cause__ is None
    return failure.value


async def test_we_say_who_we_are_and_offer_no_compression() -> None:
    heads: list[bytes] = []

    async def record(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        writer.write(answer(b"", status="503 Busy"))

    async with loopback(record) as origin:
        await open_socket(f"{origin.replace('http', 'ws')}/ws-api/v3?timeUnit=MICROSECOND", Ear(), None)
    (head,) = heads
    assert head.startswith(b"get /ws-api/v3?timeunit=microsecond http/1.1\r\n")
    assert f"user-agent: binance-spot-mcp/{__version__}".encode() in head
    assert b"extensions" not in head


async def test_what_the_exchange_says_instead_of_taking_a_connection_is_an_answer() -> None:
    body = {"code": -1034, "msg": "Too many connection attempts."}
    async with SocketExchange().open() as exchange:
        exchange.turn_away(HTTPStatus.TOO_MANY_REQUESTS, body, Retry_After="7")
        reply = await open_socket(exchange.url, Ear(), None)
    assert isinstance(reply, Reply)
    assert (reply.status, json.loads(reply.body), reply.pause_ms) == (429, body, 7_000)


async def test_a_redirect_is_not_followed() -> None:
    async with SocketExchange().open() as other, SocketExchange().open() as exchange:
        exchange.turn_away(HTTPStatus.FOUND, Location=other.url)
        reply = await open_socket(exchange.url, Ear(), None)
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
        ear = Ear()
        socket = await open_socket(exchange.url, ear, None)
        assert not isinstance(socket, Reply)
        socket.close()
        await asyncio.wait_for(ear.over.wait(), 5)


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
