"""The user data stream: how each kind of key gets it, and what its readers are told when it breaks."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from tests.unit.streams.stage import VirtualTime
from websockets.frames import CloseCode

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.signing import Ed25519Signer, Signer, hmac_signer, ws_payload
from binance_spot_mcp.streams.timing import Timing
from binance_spot_mcp.streams.user import Key, UserStream
from binance_spot_mcp.transport.ledger import Cost, Reservation
from binance_spot_mcp.transport.socket import Listener

pytestmark = pytest.mark.anyio

API_KEY = "k" * 64
HMAC = hmac_signer(SecretStr("secret"))
ED25519 = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@dataclass(eq=False)
class ApiSocket:
    """The exchange's end of a WebSocket API connection."""

    api: "Api"
    listener: Listener
    number: int
    open: bool = True
    requests: list[Any] = field(default_factory=list)
    subscribed: bool = False
    logged_on: bool = False

    def send(self, text: str) -> None:
        asyncio.get_running_loop().call_soon(self._answer, json.loads(text))

    @property
    def is_open(self) -> bool:
        return self.open

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE) -> None:
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_soon(self.listener.ended, "we closed it")

    def cut(self) -> None:
        self.open = False
        self.listener.ended("the connection broke")

    def say(self, message: Any) -> None:
        if self.open:
            self.listener.heard(json.dumps(message).encode())

    def event(self, event: Any) -> None:
        if self.subscribed:
            self.say({"subscriptionId": self.number, "event": event})

    def end_subscription(self) -> None:
        self.event({"e": "eventStreamTerminated", "E": 1})
        self.subscribed = False

    def _answer(self, request: Any) -> None:
        self.requests.append(request)
        result: Any = {}
        match request["method"]:
            case _ if self.api.mute:
                return
            case _ if self.api.refusal is not None:
                self.say({"id": request["id"], "status": 401, "error": self.api.refusal})
                return
            case "session.logon":
                self.logged_on = True
            case "session.subscriptions":
                result = [{"subscriptionId": self.number}] if self.subscribed else []
            case "userDataStream.subscribe" if not self.logged_on:
                self.say({"id": request["id"], "status": 400, "error": {"code": -1193, "msg": "no logon"}})
                return
            case _:
                self.subscribed = True
                result = {"subscriptionId": self.number}
        self.say({"id": request["id"], "status": 200, "result": result, "rateLimits": []})


class Ledger:
    """Gives turns, and remembers what became of them."""

    def __init__(self) -> None:
        self.given = 0
        self.full = False
        self.closed: list[str] = []

    def take(self) -> Reservation | None:
        if self.full:
            return None
        self.given += 1
        return Reservation(self.given, Cost(2), 0)

    def answered(self, turn: Reservation, answer: bytes) -> None:
        self.closed.append(json.loads(answer)["id"])

    def lost(self, turn: Reservation) -> None:
        self.closed.append("lost")

    def unused(self, turn: Reservation) -> None:
        self.closed.append("unused")


class Api:
    """A WebSocket API without a network, and the account that listens to it."""

    def __init__(self, signer: Signer, timing: Timing | None = None) -> None:
        self.time = VirtualTime()
        self.sockets: list[ApiSocket] = []
        self.refusal: dict[str, Any] | None = None
        self.missing: Refused | None = None
        self.mute = False
        self.times_refused = 0
        self.turns = Ledger()
        self.key = Key(SecretStr(API_KEY), signer, 5_000, lambda: self.time.now_ns // 1_000_000)
        self.stream = UserStream(self, self.dial, self.time.world(), timing or Timing())

    async def check(self) -> None:
        if self.missing is not None:
            raise self.missing

    async def ready(self) -> None:
        await self.check()

    def time_refused(self) -> None:
        self.times_refused += 1

    async def dial(self, listener: Listener) -> ApiSocket:
        self.sockets.append(ApiSocket(self, listener, len(self.sockets)))
        return self.sockets[-1]

    @property
    def open(self) -> list[ApiSocket]:
        return [socket for socket in self.sockets if socket.open]

    def tell(self, event: Any) -> None:
        for socket in self.open:
            socket.event(event)


@pytest.fixture(params=[HMAC, ED25519], ids=["HMAC", "Ed25519"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    api = Api(request.param)
    async with aclosing(api.stream):
        yield api


def report(number: int) -> dict[str, Any]:
    return {"e": "executionReport", "E": number, "s": "BTCUSDT", "i": 7, "I": number, "x": "TRADE"}


def numbers(api_feed: Any, after: int = 0) -> list[int]:
    page = api_feed.page(after, 1_000, 1_000_000)
    return [json.loads(bytes(entry.raw))["E"] for entry in page.entries]


async def test_each_kind_of_key_subscribes_in_its_own_way(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    assert feed.state == "LIVE"
    (socket,) = api.sockets
    methods = [request["method"] for request in socket.requests]
    if api.key.signer.kind == "Ed25519":
        assert methods == ["session.logon", "userDataStream.subscribe"]
        assert "params" not in socket.requests[1]
    else:
        assert methods == ["userDataStream.subscribe.signature"]
    params = dict(socket.requests[0]["params"])
    signature = params.pop("signature")
    assert params == {"apiKey": API_KEY, "timestamp": params["timestamp"], "recvWindow": 5_000}
    signed = ws_payload({name: str(value) for name, value in params.items()})
    assert signature == api.key.signer.sign(signed.encode())


async def test_what_it_takes_to_listen_waits_for_its_turn_in_the_rate_ledger_and_is_settled(api: Api) -> None:
    api.turns.full = True
    feed = await api.stream.hold()
    await api.time.advance(1)
    assert (feed.state, api.sockets[0].requests) == ("PENDING", [])
    api.turns.full = False
    await api.time.advance(1)
    assert feed.state == "LIVE"
    asked = [request["id"] for request in api.sockets[0].requests]
    assert (api.turns.given, api.turns.closed) == (len(asked), asked)


async def test_what_was_asked_when_the_connection_broke_counts_as_sent(api: Api) -> None:
    api.mute = True
    await api.stream.hold()
    await api.time.advance(1)
    api.sockets[0].cut()
    assert api.turns.closed == ["lost"]


async def test_without_a_key_nothing_is_opened(api: Api) -> None:
    api.missing = Refused("There is no key.", code="AUTH_FAILED")
    with pytest.raises(Refused, match="no key"):
        await api.stream.hold()
    assert (api.sockets, api.stream.status()) == ([], None)


async def test_all_who_want_it_share_one_connection_and_the_last_closes_it(api: Api) -> None:
    first, second = await api.stream.hold(), await api.stream.hold()
    assert first is second
    await api.time.advance(1)
    assert len(api.open) == 1
    api.stream.release(first)
    await api.time.advance(1)
    assert len(api.open) == 1
    api.stream.release(second)
    await api.time.advance(1)
    assert api.open == []


async def test_reports_that_come_twice_are_kept_once(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    for number in (1, 2, 2, 1, 3):
        api.tell(report(number))
    assert (numbers(feed), feed.copies) == ([1, 2, 3], 2)


async def test_an_ended_subscription_is_renewed_and_the_gap_is_told(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    api.tell(report(1))
    api.open[0].end_subscription()
    await api.time.advance(1)
    api.tell(report(2))
    assert numbers(feed) == [1, 2]
    (gap,) = feed.gaps
    assert (gap.after_seq, gap.why, gap.to_ns is not None) == (1, "the exchange had dropped the subscription", True)


async def test_a_cut_is_a_gap_and_the_stream_comes_back(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    api.open[0].cut()
    assert feed.state == "DOWN"
    await api.time.advance(2)
    assert (feed.state, feed.gap_count, feed.gaps[0].why) == ("LIVE", 1, "the connection broke")


async def test_a_day_passes_without_a_gap() -> None:
    api = Api(HMAC, Timing(tick_s=5))
    async with aclosing(api.stream):
        feed, after, heard = await api.stream.hold(), 0, []
        for number in range(1, 24 * 60 * 3 + 1):
            await api.time.advance(20)
            api.tell(report(number))
            for socket in api.open:
                socket.listener.pinged()
            heard += numbers(feed, after)
            after = feed.seq
        assert len(api.sockets) == 2
        assert heard == list(range(1, 24 * 60 * 3 + 1))
        assert feed.gap_count == 0


async def test_a_shutdown_is_met_with_a_new_connection_first(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    (old,) = api.open
    old.say({"event": {"e": "serverShutdown", "E": 1}})
    await api.time.advance(1)
    assert len(api.open) == 2
    api.tell(report(1))
    old.cut()
    api.tell(report(2))
    assert (numbers(feed), feed.gap_count, feed.state) == ([1, 2], 0, "LIVE")


async def test_a_refused_key_is_told_and_tried_again_with_patience(api: Api) -> None:
    api.refusal = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    feed = await api.stream.hold()
    await api.time.advance(60)
    assert feed.why == "Binance refused the user data stream: " + api.refusal["msg"] + " (-2015)"
    assert len(api.sockets) < 12
    api.refusal = None
    await api.time.advance(60)
    assert feed.state == "LIVE"


async def test_a_refused_timestamp_has_the_clock_measured_again(api: Api) -> None:
    api.refusal = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
    await api.stream.hold()
    await api.time.advance(0.1)
    assert api.times_refused == 1


async def test_a_key_that_stops_being_valid_is_told(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    api.open[0].say({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}})
    assert feed.state == "DOWN"
    assert "-2015" in feed.why


async def test_a_silent_connection_is_asked_what_it_carries(api: Api) -> None:
    feed = await api.stream.hold()
    await api.time.advance(1)
    api.open[0].subscribed = False
    await api.time.advance(31)
    await api.time.advance(2)
    assert "session.subscriptions" in [request["method"] for request in api.sockets[0].requests]
    assert [gap.why for gap in feed.gaps] == ["the exchange had dropped the subscription"]
    assert feed.state == "LIVE"
