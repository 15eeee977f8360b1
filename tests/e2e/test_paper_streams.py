"""Stream connections from outside: paths, control messages, limits, pings, and the end of a connection."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import structs
from tests.e2e.socket_floor import SocketFloor
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from paper_exchange.engine.commands import AddSymbol
from paper_exchange.gateway.sockets.socket import MAX_BACKLOG, text_frame
from paper_exchange.market.builtin import BUILT_IN

pytestmark = pytest.mark.anyio

SECOND_US = 1_000_000


@pytest.fixture
async def floor() -> AsyncIterator[SocketFloor]:
    """An exchange with Binance's own limits."""
    floor = SocketFloor(limit_factor=1)
    async with floor.serving():
        yield floor


async def ask(socket: ClientConnection, method: str, *params: object) -> Any:
    await socket.send(json.dumps({"method": method, "params": params, "id": 1}))
    return json.loads(await socket.recv())


async def closing(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Wait until the connection has ended; its code and reason."""
    await socket.wait_closed()
    return socket.close_code, socket.close_reason


@pytest.mark.parametrize(
    "path",
    [
        "/ws/btcusdt@trade",
        "/ws/ethusdt@trade/btcusdt@trade",
        "/ws/btcusdt%40trade",
        "/ws/btcusdt@trade?timeUnit=MILLISECOND",
    ],
)
async def test_raw_streams_are_below_ws(floor: SocketFloor, path: str) -> None:
    socket = await floor.open(path)
    floor.trade()
    assert json.loads(await socket.recv())["s"] == "BTCUSDT"


@pytest.mark.parametrize(
    "path",
    [
        "/stream?streams=btcusdt@trade/ethusdt@kline_1m@+08:00",
        f"/stream?streams={quote('ethusdt@kline_1m@+08:00/btcusdt@trade', safe='')}",
        "/stream/?timeUnit=millisecond&streams=btcusdt@trade",
    ],
)
async def test_combined_streams_name_their_stream(floor: SocketFloor, path: str) -> None:
    socket = await floor.open(path)
    floor.trade()
    message = json.loads(await socket.recv())
    assert (message["stream"], message["data"]["s"]) == ("btcusdt@trade", "BTCUSDT")


@pytest.mark.parametrize(("path", "is_combined"), [("/ws", False), ("/ws/", False), ("/stream", True)])
async def test_bare_paths_wait_for_subscriptions(floor: SocketFloor, path: str, is_combined: bool) -> None:
    socket = await floor.open(path)
    assert await ask(socket, "SUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 1}
    assert await ask(socket, "GET_PROPERTY", "combined") == {"result": is_combined, "id": 1}
    floor.trade()
    assert ("stream" in json.loads(await socket.recv())) is is_combined


async def test_the_envelope_comes_and_goes_with_the_property(floor: SocketFloor) -> None:
    socket = await floor.open("/ws/btcusdt@trade")
    await ask(socket, "SET_PROPERTY", "combined", True)
    floor.trade()
    assert json.loads(await socket.recv()).keys() == {"stream", "data"}


async def test_unsubscribed_streams_stay_silent(floor: SocketFloor) -> None:
    socket = await floor.open("/ws/btcusdt@trade/btcusdt@aggTrade")
    await ask(socket, "UNSUBSCRIBE", "btcusdt@trade")
    floor.trade()
    assert json.loads(await socket.recv())["e"] == "aggTrade"
    assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@aggTrade"]


@pytest.mark.parametrize("gone", ["!ticker@arr", "!bookTicker", "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va6"])
async def test_streams_that_binance_removed_are_taken_and_stay_silent(floor: SocketFloor, gone: str) -> None:
    socket = await floor.open(f"/ws/{gone}")
    assert await ask(socket, "SUBSCRIBE", gone, "btcusdt@miniTicker") == {"result": None, "id": 1}
    floor.trade()
    await floor.pass_time(1)
    assert json.loads(await socket.recv())["e"] == "24hrMiniTicker"


async def test_times_are_microseconds_on_request(floor: SocketFloor) -> None:
    socket = await floor.open("/ws/btcusdt@trade?timeUnit=MICROSECOND")
    floor.trade()
    assert json.loads(await socket.recv())["E"] == floor.clock.now_us()


async def test_symbols_beyond_ascii_are_heard(floor: SocketFloor) -> None:
    spec = BUILT_IN.listings["BTCUSDT"].spec
    floor.do(AddSymbol(spec=structs.replace(spec, symbol="这是测试币456")))
    socket = await floor.open(f"/ws/{quote('这是测试币456@trade')}")
    floor.trade(symbol="这是测试币456")
    assert json.loads(await socket.recv())["s"] == "这是测试币456"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/wss/btcusdt@trade", 404),
        ("/ws/btcusdt@trade?timeUnit=NANOSECOND", 400),
        ("/ws/" + "/".join(f"s{number}" for number in range(1025)), 400),
        ("/ws-api/v3?responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=4", 400),
    ],
    ids=["root", "unknown path", "unknown time unit", "too many streams", "binary encoding"],
)
async def test_addresses_that_make_no_sense_are_refused(floor: SocketFloor, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await floor.open(path)
    assert refused.value.response.status_code == status


async def test_the_sixth_message_in_a_second_ends_the_connection(floor: SocketFloor) -> None:
    socket = await floor.open("/ws")
    for _ in range(5):
        await ask(socket, "LIST_SUBSCRIPTIONS")
    await floor.wall.advance(SECOND_US)
    for _ in range(5):
        await ask(socket, "LIST_SUBSCRIPTIONS")
    await socket.send("{}")
    assert await closing(socket) == (1008, "Too many requests")


async def test_pings_and_pongs_count_as_messages(floor: SocketFloor) -> None:
    socket = await floor.open("/ws")
    for _ in range(3):
        await socket.ping()
        await socket.pong()
    assert await closing(socket) == (1008, "Too many requests")


async def test_an_address_may_connect_300_times_in_five_minutes(floor: SocketFloor) -> None:
    for _ in range(299):
        floor.sockets._doors[False].knock("127.0.0.1", floor.wall.now_us())
    await floor.open("/ws")
    with pytest.raises(InvalidStatus) as refused:
        await floor.open("/ws")
    response = refused.value.response
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) == 300
    assert json.loads(response.body or b"")["code"] == -1034
    await floor.open("/ws-api/v3")
    await floor.wall.advance(300 * SECOND_US)
    await floor.open("/ws")


async def test_the_server_pings_every_20_seconds_with_the_time(floor: SocketFloor) -> None:
    pings: list[bytes] = []

    class Watching(ClientConnection):
        def process_event(self, event: Any) -> None:
            if getattr(event, "opcode", None) == 9:
                pings.append(bytes(event.data))
            super().process_event(event)

    async with connect(f"{floor.url}/ws", create_connection=Watching, ping_interval=None) as socket:
        start_ms = floor.wall.now_us() // 1000
        for _ in range(3):
            await floor.wall.advance(20 * SECOND_US)
            await ask(socket, "LIST_SUBSCRIPTIONS")
    assert pings == [str(start_ms + after).encode() for after in (20_000, 40_000, 60_000)]


async def test_a_client_that_answers_pings_stays_connected(floor: SocketFloor) -> None:
    socket = await floor.open("/ws")
    for _ in range(10):
        await floor.wall.advance(20 * SECOND_US)
        await ask(socket, "LIST_SUBSCRIPTIONS")


class Mute(ClientConnection):
    """A client that never answers a ping, but sends a pong of its own now and then."""

    def send_data(self) -> None:
        written = self.protocol.data_to_send()
        for data in written:
            if data and data[0] != 0x8A:
                self.transport.write(data)


async def test_a_ping_without_its_pong_ends_the_connection_after_a_minute(floor: SocketFloor) -> None:
    async with connect(f"{floor.url}/ws", create_connection=Mute, ping_interval=None) as socket:
        await floor.wall.advance(79 * SECOND_US)
        await ask(socket, "LIST_SUBSCRIPTIONS")
        socket.transport.write(b"\x8a\x80\x00\x00\x00\x00")  # a pong that nobody asked for, masked with zeros
        await floor.wall.advance(SECOND_US)
        assert await closing(socket) == (1008, "Pong timeout")


async def test_a_connection_lives_for_24_hours_and_says_so_before(floor: SocketFloor) -> None:
    socket = await floor.open("/ws/btcusdt@trade")
    for _ in range(24 * 60 - 1):
        await floor.wall.advance(60 * SECOND_US)
        await (await socket.ping())
    assert json.loads(await socket.recv())["e"] == "serverShutdown"
    await floor.wall.advance(60 * SECOND_US)
    assert (await closing(socket))[0] == 1001


async def test_a_reader_that_falls_behind_loses_the_connection_and_others_do_not(floor: SocketFloor) -> None:
    slow, quick = await floor.open("/ws/btcusdt@trade"), await floor.open("/ws/btcusdt@trade")
    slow.transport.pause_reading()
    others_end = next(iter(floor.sockets._open))
    for _ in range(3 * MAX_BACKLOG // 1_000_000):
        others_end.post(text_frame(b" " * 1_000_000))
        await asyncio.sleep(0)
    assert others_end not in floor.sockets._open
    floor.trade()
    assert json.loads(await quick.recv())["e"] == "trade"
    slow.transport.abort()
