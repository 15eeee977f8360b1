"""The ways in which HTTP clients say the same thing: where parameters stand, how they are encoded, how bytes arrive.

Source: rest-api.md#general-information-on-endpoints, #signed-trade-and-user_data-endpoint-security
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
from tests.contract.faq_floor import FaqFloor
from tests.e2e.rest_floor import Front

pytestmark = pytest.mark.anyio

ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=100"
FORM = "application/x-www-form-urlencoded"
NOT_ASCII = "币安人生USDT"


@dataclass(frozen=True)
class Way:
    """How an order is sent: what stands where, `{t}` for the timestamp and `{s}` for the signature.

    Attributes:
        signed: What is signed, when that is not query and body without the signature.
    """

    query: str = ""
    body: str = ""
    signed: str | None = None
    content_type: str | None = FORM


WAYS = {
    "all in the query": Way(ORDER + "&timestamp={t}&signature={s}"),
    "all in the body": Way(body=ORDER + "&timestamp={t}&signature={s}"),
    "signature alone in the query": Way("signature={s}", ORDER + "&timestamp={t}"),
    "signature alone in the body": Way(ORDER + "&timestamp={t}", "signature={s}"),
    "half here, half there": Way(ORDER, "timestamp={t}&signature={s}"),
    "signature first": Way("signature={s}&" + ORDER + "&timestamp={t}"),
    "the query wins": Way(ORDER + "&timestamp={t}", "price=90&signature={s}"),
    "with a charset": Way(body=ORDER + "&timestamp={t}&signature={s}", content_type=f"{FORM}; charset=UTF-8"),
    "without a content type": Way(body=ORDER + "&timestamp={t}&signature={s}", content_type=None),
    "in any order": Way("&".join(reversed(ORDER.split("&"))) + "&timestamp={t}&signature={s}"),
    "with needless escapes": Way(ORDER.replace("LIMIT", "%4CIMIT") + "&timestamp={t}&signature={s}"),
    "with a window in fractions": Way(ORDER + "&recvWindow=5000.123&timestamp={t}&signature={s}"),
    "in microseconds": Way(ORDER + "&timestamp={t}123&signature={s}"),
}


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


async def send(floor: FaqFloor, way: Way, method: str = "POST", path: str = "/api/v3/order") -> httpx.Response:
    query, body = (part.replace("{t}", str(floor.now_ms)) for part in (way.query, way.body))
    signed = way.signed
    if signed is None:
        parts = (part.split("&") if part else [] for part in (query, body))
        signed = "".join("&".join(each for each in part if each != "signature={s}") for part in parts)
    signature = floor.signature(signed.replace("{t}", str(floor.now_ms)))
    headers = {"X-MBX-APIKEY": floor.login.api_key}
    if way.content_type is not None and body:
        headers["Content-Type"] = way.content_type
    url = httpx.URL(path=path, query=query.replace("{s}", signature).encode())
    return await floor.http.request(method, url, content=body.replace("{s}", signature).encode(), headers=headers)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_an_order_may_be_sent_in_many_ways(front: Front, way: Way) -> None:
    floor = FaqFloor(front)
    answer = await send(floor, way)
    assert answer.is_success, answer.text
    assert (answer.json()["price"], answer.json()["type"]) == ("100.00000000", "LIMIT")


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (Way(ORDER + "&timestamp={t}&timestamp={t}&signature={s}"), -1101),
        (Way(ORDER + "&timestamp={t}", "side=SELL&side=SELL&signature={s}"), -1101),
        (Way(ORDER + "&nonsense=1&timestamp={t}&signature={s}"), -1104),
        (Way(ORDER + "&timestamp={t}&signature={s}", signed=ORDER), -1022),
        (Way(ORDER, "timestamp={t}&signature={s}", signed=ORDER + "&timestamp={t}"), -1022),
        (Way(ORDER + "&recvWindow=60000.001&timestamp={t}&signature={s}"), -1131),
        (Way("timestamp={t}&signature={s}", '{"symbol": "BTCUSDT"}', content_type="application/json"), -1102),
    ],
    ids=["twice in the query", "twice in the body", "unknown", "half signed", "with a separator", "too wide", "JSON"],
)
async def test_other_ways_are_refused(front: Front, way: Way, code: int) -> None:
    assert (await send(FaqFloor(front), way)).json()["code"] == code


@pytest.mark.parametrize("symbol", [quote(NOT_ASCII), f"{quote(NOT_ASCII[:-4]).lower()}USDT"], ids=["A-F", "a-f"])
async def test_a_name_beyond_ascii_is_signed_as_it_is_escaped(front: Front, symbol: str) -> None:
    floor = FaqFloor(front)
    order = f"symbol={symbol}&side=BUY&type=MARKET&quantity=100&timestamp={{t}}"
    assert (await send(floor, Way(order + "&signature={s}"))).json()["symbol"] == NOT_ASCII
    unescaped = Way(order + "&signature={s}", signed=order.replace(symbol, NOT_ASCII))
    assert (await send(floor, unescaped)).json()["code"] == -1022


async def test_the_body_of_a_get_is_not_read(front: Front) -> None:
    floor = FaqFloor(front)
    signed = "omitZeroBalances=true&timestamp={t}"
    way = Way(signed + "&signature={s}", "nonsense=1", signed=signed)
    assert (await send(floor, way, "GET", "/api/v3/account")).is_success


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "POST", "BREW"])
async def test_a_method_that_a_path_does_not_have_is_not_found(front: Front, method: str) -> None:
    answer = await FaqFloor(front).http.request(method, "/api/v3/time")
    assert (answer.status_code, answer.content) == (404, b"")


async def talk(floor: FaqFloor, said: bytes, answers: int) -> list[bytes]:
    """Say bytes on a connection, and hear so many answers."""
    url = floor.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(said)
    heard = []
    for _ in range(answers):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        heard.append(head.split(b" ")[1] + b" " + await reader.readexactly(int(length.split(b":")[1])))
    writer.close()
    return heard


async def test_requests_may_follow_each_other_without_waiting(front: Front) -> None:
    ping = b"GET /api/v3/ping HTTP/1.1\r\nHost: paper\r\n\r\n"
    chunked = (
        b"POST /api/v3/order HTTP/1.1\r\nHost: paper\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\na=b&c\r\n2\r\n=d\r\n0\r\n\r\n"
    )
    assert await talk(FaqFloor(front), ping + chunked + ping * 2, 4) == [
        b"200 {}",
        b'400 {"code":-1102,"msg":"Mandatory parameter \'signature\' was not sent, was empty/null, or malformed."}',
        b"200 {}",
        b"200 {}",
    ]


async def test_a_body_longer_than_any_request_needs_is_refused_and_the_connection_goes_on(front: Front) -> None:
    long = b"POST /api/v3/order HTTP/1.1\r\nHost: paper\r\nContent-Length: 100000\r\n\r\n" + b"a" * 100_000
    ping = b"GET /api/v3/ping HTTP/1.1\r\nHost: paper\r\n\r\n"
    assert await talk(FaqFloor(front), long + ping, 2) == [b"413 ", b"200 {}"]
