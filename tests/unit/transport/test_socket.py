"""A real socket on loopback: whole messages, pings, the end and its reason, and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from binance_spot_mcp.transport.socket import MOST_BYTES, NoConnection, Socket, dialler

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
        socket = await dialler(None)(f"ws://127.0.0.1:{port}/stream", ear)
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


async def test_the_end_is_told_once_with_the_servers_reason() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.close(1008, "Too many requests")

    async with talking(talk) as (ear, _):
        await asyncio.wait_for(ear.over.wait(), 5)
        assert ear.why == "the server closed the connection with code 1008 (Too many requests)"


async def test_a_message_beyond_measure_ends_the_connection() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * (MOST_BYTES + 1))
        await connection.wait_closed()

    async with talking(talk) as (ear, _):
        await asyncio.wait_for(ear.over.wait(), 5)
        assert "larger than" in ear.why
        assert ear.messages == []


@pytest.mark.parametrize(
    ("status", "headers", "pause_s"),
    [
        (HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "7"}, 7.0),
        (HTTPStatus.SERVICE_UNAVAILABLE, {}, None),
        (HTTPStatus.FOUND, {"Location": "ws://127.0.0.1:1/stolen"}, None),
    ],
    ids=["too many", "unavailable", "a redirect"],
)
async def test_a_refusal_is_told_with_its_pause_and_never_followed(
    status: HTTPStatus, headers: dict[str, str], pause_s: float | None
) -> None:
    asked: list[str] = []

    def refuse(connection: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        response = connection.respond(status, "no")
        response.headers.update(headers)
        return response

    async def talk(connection: ServerConnection) -> None: ...

    ear = Ear()
    async with serve(talk, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NoConnection, match=str(int(status))) as refused:
            await dialler(None)(f"ws://127.0.0.1:{port}/stream", ear)
    assert (refused.value.pause_s, asked, ear.why) == (pause_s, ["/stream"], "")


async def test_nobody_there_is_told_as_such() -> None:
    with pytest.raises(NoConnection, match=r"No connection to 127\.0\.0\.1:1 came about"):
        await dialler(None)("ws://127.0.0.1:1/stream", Ear())
