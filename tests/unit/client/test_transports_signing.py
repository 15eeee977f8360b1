"""How requests over the WebSocket API show the key: each by its signature, or by the session that is logged on."""

import asyncio
import hashlib
import hmac
import logging
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import respx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.unit.client.stand import API_KEY, SECRET
from tests.unit.client.two_ways import TwoWays
from tests.unit.transport.socket_exchange import NOW_MS, Asked, SocketExchange

from binance_spot_mcp.catalogue.account import ORDER_RATE_LIMITS, OrderRateLimitsParams
from binance_spot_mcp.catalogue.market import PRICE, PriceParams
from binance_spot_mcp.catalogue.trading import PLACE_ORDER, PlaceOrderParams
from binance_spot_mcp.client import Spot
from binance_spot_mcp.errors import Rejected
from binance_spot_mcp.logs import configure_logs

pytestmark = pytest.mark.anyio

COUNTS = OrderRateLimitsParams()
LOGON = "session.logon"


@pytest.fixture
async def stand() -> AsyncIterator[TwoWays]:
    with respx.mock(assert_all_called=False) as router:
        async with SocketExchange().open() as socket:
            stand = TwoWays(router, socket)
            yield stand
            await stand.aclose()


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def key_file(key: Ed25519PrivateKey, tmp_path: Path) -> dict[str, str]:
    """The settings of an Ed25519 key."""
    pem = tmp_path / "key.pem"
    pem.touch(0o600)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"BINANCE_API_SECRET": "", "BINANCE_PRIVATE_KEY_PATH": str(pem)}


def payload(params: dict[str, Any]) -> bytes:
    """What a signature covers. Source: web-socket-api.md#signed-request-security"""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature").encode()


async def read(stand: TwoWays, spot: Spot) -> Asked:
    """A signed read, answered; gives what came in."""
    calling = asyncio.create_task(spot.call(ORDER_RATE_LIMITS, COUNTS))
    asked = await stand.socket.next()
    await asked.answer([])
    assert await calling == ()
    return asked


async def test_a_public_request_shows_no_key(stand: TwoWays) -> None:
    spot = await stand.connected("ws")
    calling = asyncio.create_task(spot.call(PRICE, PriceParams.model_validate({"symbols": ["BTCUSDT", "ETHUSDT"]})))
    asked = await stand.socket.next()
    await asked.answer([])
    await calling
    assert asked.params == {"symbols": ["BTCUSDT", "ETHUSDT"]}


async def test_what_is_signed_is_what_is_sent_in_plain_utf_8_and_sorted(stand: TwoWays) -> None:
    order = {
        "symbol": "币安人生USDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "2",
    }
    spot = await stand.connected("ws", BINANCE_RECV_WINDOW="1234")
    calling = asyncio.create_task(spot.call(PLACE_ORDER, PlaceOrderParams.model_validate(order | {"strategyId": 7})))
    asked = await stand.socket.next()
    await asked.refuse(400, -2010)
    with pytest.raises(Rejected):
        await calling
    signature = asked.params.pop("signature")
    stamp = {"apiKey": API_KEY, "recvWindow": 1234, "timestamp": NOW_MS}
    assert asked.params == order | {"strategyId": 7} | stamp
    assert signature == hmac.new(SECRET.encode(), payload(asked.params), hashlib.sha256).hexdigest()


async def test_an_hmac_key_signs_every_request_and_never_logs_on(stand: TwoWays) -> None:
    spot = await stand.connected("ws")
    for _ in range(2):
        asked = await read(stand, spot)
        assert (asked.method, "signature" in asked.params) == ("account.rateLimits.orders", True)


async def test_an_ed25519_key_logs_on_beside_its_first_request_and_later_ones_need_no_signature(
    stand: TwoWays, key: Ed25519PrivateKey, key_file: dict[str, str]
) -> None:
    spot = await stand.connected("ws", **key_file)
    first = await read(stand, spot)
    key.public_key().verify(b64decode(first.params["signature"]), payload(first.params))
    logon = await stand.socket.next()
    assert logon.method == LOGON
    assert logon.params.keys() == {"apiKey", "recvWindow", "timestamp", "signature"}
    key.public_key().verify(b64decode(logon.params["signature"]), payload(logon.params))
    assert "signature" in (await read(stand, spot)).params
    await logon.answer({"apiKey": API_KEY})
    await read(stand, spot)  # its answer comes after that to the logon
    stand.hours.pass_s(1)
    later = await read(stand, spot)
    assert later.params == {"recvWindow": 5000, "timestamp": NOW_MS + 1_000}


async def logged_on(stand: TwoWays, spot: Spot) -> None:
    """Bring a client as far as that."""
    await read(stand, spot)
    await (await stand.socket.next()).answer({"apiKey": API_KEY})
    await read(stand, spot)  # its answer comes after that to the logon


async def test_each_connection_is_logged_on_anew(stand: TwoWays, key_file: dict[str, str]) -> None:
    spot = await stand.connected("ws", **key_file)
    await logged_on(stand, spot)
    assert "signature" not in (await read(stand, spot)).params
    stand.hours.pass_s(60)
    await stand.socket.lines[0].close()
    await stand.hours.asleep(2)
    stand.hours.pass_s(0.5)
    assert "signature" in (await read(stand, spot)).params
    again = await stand.socket.next()
    assert (again.method, again.connection) == (LOGON, 1)


async def test_where_the_logon_is_refused_every_request_is_signed(stand: TwoWays, key_file: dict[str, str]) -> None:
    spot = await stand.connected("ws", **key_file)
    await read(stand, spot)
    await (await stand.socket.next()).refuse(401, -2015)
    for _ in range(2):
        asked = await read(stand, spot)
        assert (asked.method, "signature" in asked.params) == ("account.rateLimits.orders", True)


async def test_a_session_whose_key_was_revoked_is_no_longer_relied_on(stand: TwoWays, key_file: dict[str, str]) -> None:
    spot = await stand.connected("ws", **key_file)
    await logged_on(stand, spot)
    calling = asyncio.create_task(spot.call(ORDER_RATE_LIMITS, COUNTS))
    asked = await stand.socket.next()
    await asked.say({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}})
    with pytest.raises(Rejected) as refused:
        await calling
    assert (refused.value.code, refused.value.retry) == ("AUTH_FAILED", "never")
    assert "signature" in (await read(stand, spot)).params


async def test_in_microseconds_the_url_says_so_and_the_timestamp_follows(stand: TwoWays) -> None:
    stand.socket.on("time", lambda _: {"serverTime": NOW_MS * 1000 + 123})
    spot = await stand.connected("ws", BINANCE_TIME_UNIT="MICROSECOND")
    assert (await read(stand, spot)).params["timestamp"] == NOW_MS * 1000 + 123
    assert stand.socket.targets == ["/ws-api/v3?timeUnit=MICROSECOND"]


async def test_neither_key_nor_signature_is_logged_whatever_happens(
    stand: TwoWays, capsys: pytest.CaptureFixture[str], key_file: dict[str, str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logs("DEBUG")
    try:
        spot = await stand.connected("auto", **key_file)
        first = await read(stand, spot)
        logon = await stand.socket.next()
        await logon.refuse(401, -2015)
        calling = asyncio.create_task(spot.call(PLACE_ORDER, ORDER))
        await (await stand.socket.next()).line.close(1008, first.params["signature"])
        with pytest.raises(Exception, match="after the request had left") as lost:
            await calling
        await stand.hours.asleep(2)
    finally:
        root.handlers[:], root.level = before
    log = capsys.readouterr().err
    assert "no answer" in log
    assert "not logged on" in log
    for secret in (API_KEY, first.params["signature"], logon.params["signature"]):
        assert secret not in log + str(lost.value) + repr(lost.value)


ORDER = PlaceOrderParams.model_validate({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"})
