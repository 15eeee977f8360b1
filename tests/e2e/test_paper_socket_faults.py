"""What goes wrong on the sockets of the paper exchange when a rule says so: the WebSocket API, streams, user data."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.e2e.operator_desk import Operator, operated
from tests.e2e.paper_client import limit_order
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from paper_exchange.options import Options
from paper_exchange.running import running

pytestmark = pytest.mark.anyio

PATIENCE_S = 10


@pytest.fixture
async def desk() -> AsyncIterator[Operator]:
    async with operated(Options(seed=1, market=False, limit_factor=100)) as operator:
        yield operator


# The WebSocket API


class Api:
    """A client of the WebSocket API with the exchange's HMAC key."""

    def __init__(self, desk: Operator, socket: ClientConnection) -> None:
        self._desk = desk
        self.socket = socket

    async def send(self, request_id: str, method: str, **params: Any) -> None:
        """Ask; everything but a ping is signed."""
        if method != "ping":
            login = self._desk.exchange.login
            params |= {"apiKey": login.api_key, "timestamp": int(time.time() * 1000)}
            payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
            params["signature"] = hmac.new(login.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        await self.socket.send(json.dumps({"id": request_id, "method": method, "params": params}))

    async def place(self, name: str) -> None:
        await self.send(name, "order.place", **limit_order("BUY", "50000.00", newClientOrderId=name))

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.socket.recv())

    async def next_ids(self, count: int) -> list[str]:
        return [(await self.next())["id"] for _ in range(count)]


@pytest.fixture
async def api(desk: Operator) -> AsyncIterator[Api]:
    async with connect(desk.exchange.ws_api) as socket:
        yield Api(desk, socket)


PLACING = {"method": "order.place"}


@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
@pytest.mark.parametrize("effect", [{"kind": "reset"}, {"kind": "close", "code": 1011}], ids=["reset", "close"])
async def test_the_socket_dies_with_an_order_pending(
    desk: Operator, api: Api, effect: dict[str, Any], phase: str, is_placed: bool
) -> None:
    await desk.fault(where="ws_api", match=PLACING, phase=phase, effect=effect)
    await api.place("mine")
    with pytest.raises(ConnectionClosed):
        await api.next()
    assert api.socket.close_code == effect.get("code", 1006)
    assert desk.has_open() is is_placed


@pytest.mark.parametrize("kind", ["no_reply", "drop"])
@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
async def test_an_answer_never_comes_and_others_do(
    desk: Operator, api: Api, kind: str, phase: str, is_placed: bool
) -> None:
    await desk.fault(id="lost", where="ws_api", match=PLACING, phase=phase, effect={"kind": kind})
    await api.place("mine")
    await api.send("ping", "ping")
    assert (await api.next())["id"] == "ping"
    assert desk.has_open() is is_placed
    (request,) = await desk.oracle("request", method="order.place")
    assert (request["answered_by"], request["fault"], request["carried_out"]) == ("nobody", "lost", is_placed)
    assert request["params"]["newClientOrderId"] == "mine"
    assert "signature" not in request["params"]


@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
async def test_a_scripted_answer_keeps_the_id(desk: Operator, api: Api, phase: str, is_placed: bool) -> None:
    effect = {"kind": "reply", "status": 503, "body": {"code": -1007, "msg": "Timeout"}}
    await desk.fault(where="ws_api", match=PLACING, phase=phase, effect=effect)
    await api.place("mine")
    assert await api.next() == {"id": "mine", "status": 503, "error": {"code": -1007, "msg": "Timeout"}}
    assert desk.has_open() is is_placed


async def test_a_changed_answer_is_otherwise_the_exchanges(desk: Operator, api: Api) -> None:
    await desk.fault(where="ws_api", phase="reply", effect={"kind": "reply", "body": {"serverTime": 1}})
    await api.send("one", "ping")
    answer = await api.next()
    assert (answer["status"], answer["result"]) == (200, {"serverTime": 1})
    assert answer["rateLimits"]


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ({"kind": "duplicate"}, ["a", "b", "b", "c", "d"]),
        ({"kind": "burst", "count": 3}, ["a", "b", "b", "b", "c", "d"]),
        ({"kind": "reorder", "by": 2}, ["a", "c", "d", "b"]),
    ],
    ids=["duplicate", "burst", "reorder"],
)
async def test_answers_come_again_or_in_another_order(
    desk: Operator, api: Api, effect: dict[str, Any], expected: list[str]
) -> None:
    await desk.fault(where="ws_api", nth=2, effect=effect)
    for name in "abcd":
        await api.send(name, "ping")
    assert await api.next_ids(len(expected)) == expected


async def test_a_late_answer_holds_up_no_other(desk: Operator, api: Api) -> None:
    await desk.fault(where="ws_api", effect={"kind": "delay", "ms": 50})
    await api.send("late", "ping")
    await api.send("next", "ping")
    assert await api.next_ids(2) == ["next", "late"]


async def test_a_message_that_nothing_caused_comes_first(desk: Operator, api: Api) -> None:
    event = {"event": {"e": "serverShutdown", "E": 1}}
    await desk.fault(where="ws_api", effect={"kind": "event", "payload": event})
    await api.send("one", "ping")
    assert await api.next() == event
    assert (await api.next())["id"] == "one"


async def test_a_stalled_socket_says_nothing_and_then_everything(desk: Operator, api: Api) -> None:
    await desk.fault(where="ws_api", phase="after", effect={"kind": "stall", "ms": 300})
    await api.send("one", "ping")
    while not await desk.oracle("request", method="ping"):
        pass
    await api.send("two", "ping")
    waiter = await api.socket.ping()
    done, _ = await asyncio.wait({asyncio.ensure_future(waiter)}, timeout=0.1)
    assert not done
    assert await api.next_ids(2) == ["one", "two"]
    async with asyncio.timeout(PATIENCE_S):
        await waiter


async def test_the_clock_of_one_request_on_a_socket_is_off(desk: Operator, api: Api) -> None:
    await desk.fault(where="ws_api", match=PLACING, effect={"kind": "skew", "ms": 6000})
    await api.place("mine")
    assert (await api.next())["error"]["code"] == -1021


# Connecting


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        ({"kind": "reset"}, (ConnectionResetError, InvalidMessage)),
        ({"kind": "reply", "status": 429, "headers": {"Retry-After": "7"}}, (InvalidStatus,)),
        ({"kind": "no_reply"}, (TimeoutError,)),
    ],
    ids=["reset", "reply", "no_reply"],
)
@pytest.mark.parametrize("where", ["market", "ws_api"])
async def test_a_socket_is_refused_once(
    desk: Operator, where: str, effect: dict[str, Any], error: tuple[type[Exception], ...]
) -> None:
    await desk.fault(where=where, match={"method": "CONNECT"}, effect=effect)
    url = desk.exchange.ws_api if where == "ws_api" else f"{desk.exchange.ws}/ws"
    with pytest.raises(error) as refusal:
        async with connect(url, open_timeout=0.3):
            pass
    if isinstance(refusal.value, InvalidStatus):
        assert (refusal.value.response.status_code, refusal.value.response.headers["Retry-After"]) == (429, "7")
    async with connect(url):
        pass


async def test_the_port_of_the_sockets_can_be_closed_for_a_while(desk: Operator, api: Api) -> None:
    rule = await desk.fault(where="market", nth=0, effect={"kind": "refuse"})
    with pytest.raises(ConnectionClosed):
        await api.next()
    with pytest.raises(ConnectionRefusedError):
        async with connect(f"{desk.exchange.ws}/ws"):
            pass
    await desk.told("DELETE", "/faults", id=rule)
    async with connect(f"{desk.exchange.ws}/ws"):
        pass


# Streams


class Stream:
    """Somebody who listens to trades of BTCUSDT, which happen when the test says."""

    def __init__(self, desk: Operator, socket: ClientConnection) -> None:
        self._desk = desk
        self.socket = socket

    async def trade(self, *prices: str) -> None:
        """Let the account of another trade with itself at each price."""
        login = await self._desk.told("POST", "/accounts", {"account": "trader"})
        for price in prices:
            for side in ("SELL", "BUY"):
                order = limit_order(side, price, selfTradePreventionMode="NONE")
                key, secret = login["api_key"], login["api_secret"]
                placed = await self._desk.signed_with(key, secret, "POST", "order", **order)
                assert placed.status_code == 200, placed.text

    async def prices(self, count: int) -> list[str]:
        """The next prices, or types of other messages."""
        async with asyncio.timeout(PATIENCE_S):
            messages = [json.loads(await self.socket.recv()) for _ in range(count)]
        return [message["p"].split(".")[0] if "p" in message else message["e"] for message in messages]


@pytest.fixture
async def stream(desk: Operator) -> AsyncIterator[Stream]:
    async with connect(f"{desk.exchange.ws}/ws/btcusdt@trade", close_timeout=0.1) as socket:
        yield Stream(desk, socket)


TRADES = {"stream": "btcusdt@trade"}
PRICES = ("90001", "90002", "90003", "90004")


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ({"kind": "drop"}, ["90001", "90003", "90004"]),
        ({"kind": "duplicate"}, ["90001", "90002", "90002", "90003", "90004"]),
        ({"kind": "burst", "count": 3}, ["90001", "90002", "90002", "90002", "90003", "90004"]),
        ({"kind": "reorder"}, ["90001", "90003", "90002", "90004"]),
        ({"kind": "event", "payload": {"e": "news"}}, ["90001", "news", "90002", "90003", "90004"]),
    ],
    ids=["drop", "duplicate", "burst", "reorder", "event"],
)
async def test_messages_of_a_stream_are_lost_repeated_and_reordered(
    desk: Operator, stream: Stream, effect: dict[str, Any], expected: list[str]
) -> None:
    await desk.fault(id="bad", where="market", match=TRADES, nth=2, effect=effect)
    await stream.trade(*PRICES)
    assert await stream.prices(len(expected)) == expected
    (fault,) = await desk.oracle("fault")
    assert (fault["rule"], fault["stream"], fault["symbol"]) == ("bad", "btcusdt@trade", "BTCUSDT")


async def test_a_late_message_is_overtaken(desk: Operator, stream: Stream) -> None:
    await desk.fault(where="market", match=TRADES, effect={"kind": "delay", "ms": 200})
    await stream.trade("90001", "90002")
    assert await stream.prices(2) == ["90002", "90001"]


@pytest.mark.parametrize(("effect", "code"), [({"kind": "close", "code": 1008}, 1008), ({"kind": "reset"}, 1006)])
async def test_a_stream_ends_in_the_place_of_a_message(
    desk: Operator, stream: Stream, effect: dict[str, Any], code: int
) -> None:
    await desk.fault(where="market", match=TRADES, nth=2, effect=effect)
    await stream.trade("90001", "90002")
    assert await stream.prices(1) == ["90001"]
    with pytest.raises(ConnectionClosed):
        await stream.prices(1)
    assert stream.socket.close_code == code


async def test_all_streams_can_be_told_of_a_shutdown_and_be_closed_at_once(desk: Operator, stream: Stream) -> None:
    payload = {"e": "serverShutdown", "E": 1}
    await desk.fault(where="market", nth=0, effect={"kind": "event", "stream": "!serverShutdown", "payload": payload})
    assert await stream.prices(1) == ["serverShutdown"]
    await desk.fault(where="market", nth=0, effect={"kind": "close"})
    with pytest.raises(ConnectionClosed):
        await stream.prices(1)
    assert stream.socket.close_code == 1001


async def test_a_silent_stream_answers_no_ping_and_no_question(desk: Operator, stream: Stream) -> None:
    await desk.fault(where="market", nth=0, match=TRADES, effect={"kind": "stall"})
    await stream.trade("90001")
    await stream.socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
    pong = asyncio.ensure_future(await stream.socket.ping())
    message = asyncio.ensure_future(stream.socket.recv())
    done, waiting = await asyncio.wait({pong, message}, timeout=0.2)
    assert not done
    for each in waiting:
        each.cancel()


# User data


@pytest.fixture
async def hearing(desk: Operator, api: Api) -> Api:
    """A client that hears of its account."""
    await api.send("hear", "userDataStream.subscribe.signature")
    assert (await api.next())["status"] == 200
    return api


async def events(api: Api, count: int) -> list[str]:
    return [
        f"{event['e']} {event.get('c', '')}".strip() for event in [(await api.next())["event"] for _ in range(count)]
    ]


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ({"kind": "drop"}, ["executionReport one", "executionReport three"]),
        ({"kind": "duplicate"}, ["executionReport one", *["executionReport two"] * 2, "executionReport three"]),
        ({"kind": "reorder"}, ["executionReport one", "executionReport three", "executionReport two"]),
    ],
    ids=["drop", "duplicate", "reorder"],
)
async def test_reports_are_lost_repeated_and_reordered(
    desk: Operator, hearing: Api, effect: dict[str, Any], expected: list[str]
) -> None:
    everything_else = {"where": "user", "match": {"stream": "outbound*"}, "times": None, "effect": {"kind": "drop"}}
    await desk.fault(**everything_else)
    await desk.fault(where="user", match={"stream": "executionReport", "symbol": "BTCUSDT"}, nth=2, effect=effect)
    for name in ("one", "two", "three"):
        await desk.place(name)
    assert await events(hearing, len(expected)) == expected


async def test_the_user_stream_is_ended_by_the_exchange(desk: Operator, hearing: Api) -> None:
    payload = {"e": "eventStreamTerminated", "E": 1}
    await desk.fault(where="user", nth=0, effect={"kind": "event", "payload": payload})
    assert (await hearing.next())["event"] == payload


async def test_the_connection_dies_on_a_report_and_the_order_lives(desk: Operator, hearing: Api) -> None:
    await desk.fault(where="user", match={"stream": "executionReport"}, effect={"kind": "reset"})
    assert (await desk.place()).status_code == 200
    with pytest.raises(ConnectionClosed):
        await hearing.next()
    assert desk.has_open()


async def test_a_quiet_exchange_ends_in_time_with_clients_waiting_in_vain() -> None:
    async with running(Options(seed=1, market=False)) as quiet:
        async with asyncio.timeout(PATIENCE_S):
            desk = Operator(quiet)
            await desk.fault(where="rest", times=None, effect={"kind": "no_reply"})
            await desk.fault(where="market", match={"method": "CONNECT"}, effect={"kind": "no_reply"})
            asking = asyncio.create_task(desk.public("ping"))
            connecting = asyncio.create_task(_connected(f"{quiet.ws}/ws"))
            while len(await desk.oracle("fault")) < 1 or not await desk.oracle("request"):
                pass
        begun_s = time.monotonic()
    assert time.monotonic() - begun_s < 3
    connecting.cancel()
    with pytest.raises(httpx.ReadError):
        await asking
    await desk.http.aclose()
    await desk.door.aclose()


async def _connected(url: str) -> None:
    async with connect(url, open_timeout=None):
        pass
