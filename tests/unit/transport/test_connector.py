"""Opening sockets: which place is tried, what it costs, and what a refusal means for those who come after."""

import json
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from tests.unit.transport.socket_exchange import NOW_MS, Hours
from websockets.frames import CloseCode

from binance_spot_mcp.errors import RateLimited, Refused, Rejected, SpotError, Unavailable, Unreachable
from binance_spot_mcp.hosts import HOSTS
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.transport import connector
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.connector import Connector, SocketKind
from binance_spot_mcp.transport.failures import never_left
from binance_spot_mcp.transport.ledger import RateLedger
from binance_spot_mcp.transport.socket import Listener, Socket
from binance_spot_mcp.transport.turns import Turns
from binance_spot_mcp.transport.venue import Venue
from binance_spot_mcp.transport.verdict import Reply

pytestmark = pytest.mark.anyio

LIVE = HOSTS["live"]
Place = Callable[[str], Socket | Reply]


class Open:
    """An open socket."""

    is_open = True

    def send(self, text: str) -> None: ...

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE) -> None: ...


class Deaf:
    """Listens to nothing."""

    def heard(self, message: bytes) -> None: ...

    def pinged(self) -> None: ...

    def ended(self, why: str) -> None: ...


class Stand:
    """A connector on a network that a test makes up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, venue: Venue, **environ: str) -> None:
        self.hours = Hours()
        self.asked: list[str] = []
        self.place: Place = lambda _: Open()
        self.ledger = RateLedger()
        world = self.hours.world()
        turns = Turns(self.ledger, ServerClock(world.monotonic_ns, world.wall_ns), world)
        self.connector = Connector(venue, Settings.model_validate({"env": "live", **environ}), turns)

        async def open_socket(
            url: str, listener: Listener, proxy: SecretStr | None, *, ping_s: float | None = None
        ) -> Socket | Reply:
            self.asked.append(url)
            return self.place(url)

        monkeypatch.setattr(connector, "open_socket", open_socket)

    async def open(self, kind: SocketKind = "ws_api") -> Socket:
        return await self.connector.open(kind, Deaf())

    async def failure(self, kind: SocketKind = "ws_api") -> SpotError:
        with pytest.raises(SpotError) as failure:
            await self.open(kind)
        return failure.value

    @property
    def counted(self) -> dict[str, int]:
        return {key: bucket.used for key, bucket in self.ledger.buckets.items() if bucket.used}


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch, Venue(LIVE.rest, ws_api=LIVE.ws_api[0], streams=LIVE.streams[0]))


def silent(*ports: int) -> Place:
    """Nobody listens at these ports."""

    def place(url: str) -> Socket:
        if any(f":{port}" in url for port in ports):
            raise never_left(f"No connection to {url} came about.")
        return Open()

    return place


async def test_every_attempt_is_in_the_ledger_and_only_the_websocket_api_has_a_weight(stand: Stand) -> None:
    await stand.open("streams")
    assert stand.counted == {"CONNECTIONS/300000": 1}
    await stand.open("ws_api")
    assert stand.counted == {"CONNECTIONS/300000": 2, "REQUEST_WEIGHT/60000": 2}
    assert stand.asked == [f"{LIVE.streams[0]}/stream", LIVE.ws_api[0]]


@pytest.mark.parametrize("kind", ["ws_api", "streams"])
async def test_where_nobody_is_at_one_port_the_other_is_tried_and_from_then_on_first(
    stand: Stand, kind: SocketKind
) -> None:
    places = LIVE.of(kind)[:2]
    dead = places[0].split(":")[2].partition("/")[0]
    stand.place = silent(int(dead))
    await stand.open(kind)
    assert [url.removesuffix("/stream") for url in stand.asked] == list(places)
    assert stand.counted["CONNECTIONS/300000"] == 2
    await stand.open(kind)
    assert stand.asked[2].startswith(places[1])
    assert len(stand.asked) == 3


async def test_where_nobody_is_at_any_port_the_first_one_is_named(stand: Stand) -> None:
    stand.place = silent(443, 9443)
    failure = await stand.failure()
    assert isinstance(failure, Unreachable)
    assert LIVE.ws_api[0] in failure.message
    assert stand.asked == list(LIVE.ws_api)


@pytest.mark.parametrize(
    ("status", "body", "judged", "held_ms"),
    [
        (429, {"code": -1034, "msg": "x"}, (Rejected, "RATE_LIMITED"), 7_500),
        (418, {"code": -1003, "msg": "x"}, (Rejected, "BANNED"), 120_000),
        (403, None, (Rejected, "WAF_BLOCKED"), 60_000),
        (503, None, (Unavailable, "EXCHANGE_UNAVAILABLE"), None),
        (302, None, (Rejected, "ENDPOINT_REFUSED"), None),
        (200, None, (Unreachable, "NETWORK_NOT_SENT"), None),
    ],
)
async def test_a_refusal_is_judged_like_any_answer_and_no_other_port_is_tried(
    stand: Stand, status: int, body: object, judged: tuple[type, str], held_ms: int | None
) -> None:
    pause_ms = 7_000 if status in {418, 429} else None
    stand.place = lambda _: Reply(status, json.dumps(body).encode() if body else b"<html>", pause_ms=pause_ms)
    failure = await stand.failure()
    assert (type(failure), failure.code) == judged
    assert failure.retry_at_ms == (None if held_ms is None else NOW_MS + held_ms)
    assert len(stand.asked) == 1 + (status == 200)
    stand.place = lambda _: Open()
    if held_ms is None:
        await stand.open()
        return
    held = await stand.failure()
    assert (type(held), held.retry_at_ms) == (RateLimited, NOW_MS + held_ms)


async def test_a_ban_silences_the_streams_too_and_a_pause_for_weight_does_not(stand: Stand) -> None:
    stand.ledger.throttled("REQUEST_WEIGHT", 60_000, 0, NOW_MS)
    assert isinstance(await stand.failure("ws_api"), RateLimited)
    await stand.open("streams")
    stand.ledger.banned(NOW_MS + 600_000, NOW_MS)
    assert (await stand.failure("streams")).code == "BANNED"
    assert len(stand.asked) == 1


async def test_attempts_stop_at_a_fifth_of_the_limit(stand: Stand) -> None:
    for _ in range(60):
        await stand.open("streams")
    assert isinstance(await stand.failure("streams"), RateLimited)
    assert stand.counted["CONNECTIONS/300000"] == 60


async def test_times_in_microseconds_are_asked_for_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue((), ws_api="wss://ws-api.binance.com:443/ws-api/v3", streams="wss://stream.binance.com:443")
    stand = Stand(monkeypatch, venue, time_unit="MICROSECOND")
    await stand.open("ws_api")
    await stand.open("streams")
    assert [url.partition("?")[2] for url in stand.asked] == ["timeUnit=MICROSECOND"] * 2


async def test_a_channel_that_is_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(monkeypatch, Venue(LIVE.rest))
    assert isinstance(await stand.failure("streams"), Refused)
    assert stand.asked == []
