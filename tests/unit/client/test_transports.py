"""Which way a call travels, and that it means the same whichever way it went."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import astuple
from http import HTTPStatus
from typing import Any

import pytest
import respx
from tests.unit.client.stand import Machine, reply
from tests.unit.client.two_ways import REST, TwoWays
from tests.unit.transport.socket_exchange import NOW_MS, SocketExchange

from binance_spot_mcp.catalogue.account import ORDER_RATE_LIMITS, OrderRateLimitsParams
from binance_spot_mcp.catalogue.market import (
    EXCHANGE_INFO,
    PING,
    PRICE,
    REFERENCE_PRICE,
    ExchangeInfoParams,
    PingParams,
    PriceParams,
    ReferencePriceParams,
)
from binance_spot_mcp.catalogue.trading import PLACE_ORDER, PLACE_SOR_ORDER, PlaceOrderParams, PlaceSorOrderParams
from binance_spot_mcp.client import Spot, Venue
from binance_spot_mcp.errors import OutcomeUnknown, RateLimited, Refused, Rejected, SpotError, Unreachable
from binance_spot_mcp.transport.ledger import BAN_AT_LEAST_MS, CONNECTION_SHARE

pytestmark = pytest.mark.anyio

BTC = PriceParams.model_validate({"symbol": "BTCUSDT"})
PRICE_OF_BTC = {"symbol": "BTCUSDT", "price": "50000.10"}
TICKER, PLACE = "GET /api/v3/ticker/price", "POST /api/v3/order"
BUY = PlaceOrderParams.model_validate(
    {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2"}
)
PLACED = {"symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "x", "transactTime": NOW_MS}
INFO = {"timezone": "UTC", "serverTime": NOW_MS, "rateLimits": [], "exchangeFilters": [], "symbols": []}


@pytest.fixture
async def stand() -> AsyncIterator[TwoWays]:
    with respx.mock(assert_all_called=False) as router:
        async with SocketExchange().open() as socket:
            stand = TwoWays(router, socket)
            yield stand
            await stand.aclose()


async def failure_of(calling: Awaitable[Any]) -> SpotError:
    with pytest.raises(SpotError) as failure:
        await asyncio.wait_for(calling, 5)
    return failure.value


async def used(spot: Spot) -> dict[str, int]:
    """How full each bucket is, with what is under way."""
    rows = (await spot.rate_limits())["limits"]
    return {f"{row['type']}/{row['interval']}": int(row["used"]) + int(row["in_flight"]) for row in rows}


# The choice


async def test_nothing_is_opened_before_the_first_call(stand: TwoWays) -> None:
    await stand.spot().aclose()
    assert (stand.socket.targets, stand.rest.requests) == ([], [])


async def test_rest_answers_while_the_socket_opens_and_the_socket_from_then_on(stand: TwoWays) -> None:
    stand.rest.on(TICKER, reply(200, PRICE_OF_BTC))
    stand.socket.on("ticker.price", lambda _: PRICE_OF_BTC)
    stand.socket.admitting.clear()
    spot = stand.spot()
    for _ in range(2):
        await spot.call(PRICE, BTC)
    assert len(stand.rest.requests) == 2
    assert await stand.socket.knocked() == "/ws-api/v3"
    stand.socket.admitting.set()
    await stand.opened(spot)
    await spot.call(PRICE, BTC)
    assert (len(stand.rest.requests), len(stand.socket.targets)) == (2, 1)


async def test_rest_alone_opens_no_socket(stand: TwoWays) -> None:
    stand.rest.on(TICKER, reply(200, PRICE_OF_BTC))
    await stand.spot("rest").call(PRICE, BTC)
    assert stand.socket.targets == []


@pytest.mark.parametrize(
    ("transport", "environ"), [("ws", {}), ("auto", {"BINANCE_BASE_URL": ""})], ids=["ws", "no REST"]
)
async def test_where_the_socket_alone_may_answer_it_is_waited_for(
    stand: TwoWays, transport: str, environ: dict[str, str]
) -> None:
    stand.socket.admitting.clear()
    stand.socket.on("account.rateLimits.orders", lambda _: [])
    calling = asyncio.create_task(stand.spot(transport, **environ).call(ORDER_RATE_LIMITS, OrderRateLimitsParams()))
    await stand.socket.knocked()
    assert not calling.done()
    stand.socket.admitting.set()
    assert await calling == ()
    assert stand.rest.requests == []


async def test_without_any_connection_nothing_is_sent_and_nothing_counts_as_sent(stand: TwoWays) -> None:
    spot = stand.spot("ws", BINANCE_WS_API_BASE="ws://127.0.0.1:1")
    stand.hours.chance = 0
    failure = await failure_of(spot.call(PLACE_ORDER, BUY))
    assert (type(failure), failure.sent, failure.retry) == (Unreachable, "no", "at")
    assert "No connection to 127.0.0.1:1 came about" in failure.message
    assert (await used(spot))["ORDERS/10S"] == 0


async def test_a_channel_that_is_off_is_named(stand: TwoWays) -> None:
    off = await failure_of(stand.spot("ws", BINANCE_WS_API_BASE="").call(PRICE, BTC))
    assert (type(off), off.code) == (Refused, "ENDPOINT_REFUSED")
    assert "BINANCE_WS_API_BASE" in off.message
    neither = await failure_of(stand.spot("rest", BINANCE_BASE_URL="").call(PRICE, BTC))
    assert "REST is off" in neither.message
    bulky = await failure_of(stand.spot("auto", BINANCE_BASE_URL="").call(EXCHANGE_INFO, ExchangeInfoParams()))
    assert "REST, which this call needs, is off" in bulky.message


@pytest.mark.parametrize("transport", ["auto", "ws"])
async def test_what_may_be_too_large_for_a_message_goes_over_rest(stand: TwoWays, transport: str) -> None:
    stand.rest.on("GET /api/v3/exchangeInfo", reply(200, INFO))
    stand.socket.on("exchangeInfo", lambda _: INFO)
    spot = await stand.connected(transport)
    await spot.call(EXCHANGE_INFO, ExchangeInfoParams())
    await spot.call(EXCHANGE_INFO, ExchangeInfoParams.model_validate({"symbol": "BTCUSDT"}))
    assert len(stand.rest.asked("/api/v3/exchangeInfo")) == 1


async def test_the_clock_is_measured_over_the_socket_too(stand: TwoWays) -> None:
    stand.socket.on("time", lambda _: {"serverTime": NOW_MS + 1234})
    spot = await stand.connected("ws")
    assert spot.clock.offset_ms == 1234
    assert stand.rest.requests == []


@pytest.mark.parametrize("url", ["wss://ws-api.binance.com:443/ws-api/v3", "ws://192.168.1.2:80/ws-api/v3"])
async def test_a_socket_outside_the_environment_is_refused_before_anything_is_sent(stand: TwoWays, url: str) -> None:
    async def find() -> Venue:
        return Venue((REST,), ws_api=url)

    failure = await failure_of(Machine().paper_spot(find).call(PRICE, BTC))
    assert (type(failure), failure.code) == (Refused, "ENDPOINT_REFUSED")
    assert stand.rest.requests == []


async def test_what_the_connection_logs_belongs_to_no_call(stand: TwoWays, caplog: pytest.LogCaptureFixture) -> None:
    stand.rest.on(TICKER, reply(200, PRICE_OF_BTC))
    stand.socket.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
    caplog.set_level("INFO")
    await stand.spot().call(PRICE, BTC)
    await stand.hours.asleep(1)
    lines = {("no connection" in line, "request_id" in line) for line in caplog.messages if "binance" in line.lower()}
    assert lines == {(True, False)}
    assert any("answered" in line and "request_id='call'" in line for line in caplog.messages)


# One meaning


async def over_rest(stand: TwoWays, status: int, body: object) -> SpotError:
    stand.rest.on(PLACE, reply(status, body))
    return await failure_of(stand.spot("rest").call(PLACE_ORDER, BUY))


async def over_the_socket(stand: TwoWays, status: int, body: object) -> SpotError:
    spot = await stand.connected("ws")
    calling = asyncio.create_task(spot.call(PLACE_ORDER, BUY))
    asked = await stand.socket.next()
    await asked.say({"id": asked.id, "status": status, "result" if status == 200 else "error": body})
    return await failure_of(calling)


def error(code: int, msg: str = "…", **data: object) -> dict[str, object]:
    """Binance's error object."""
    return {"code": code, "msg": msg, **({"data": data} if data else {})}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error(-2010, "Account has insufficient balance for requested action.")),
        (400, error(-1013, "Filter failure: LOT_SIZE")),
        (400, error(-2010, "Duplicate order sent.")),
        (401, error(-2015)),
        (401, error(-1022)),
        (400, error(-1007)),
        (503, error(-1008)),
        (500, error(-1000)),
        (429, error(-1003)),
        (429, error(-1015)),
        (418, error(-1003, f"Way too much request weight used; IP banned until {NOW_MS + 3_600_000}.")),
        (409, error(-2021, cancelResult="SUCCESS", newOrderResult="FAILURE", newOrderResponse=error(-2010))),
        (200, {"symbol": "BTCUSDT"}),
        (200, [PLACED]),
    ],
)
async def test_an_order_ends_in_the_same_way_over_both(stand: TwoWays, status: int, body: object) -> None:
    one, other = await over_rest(stand, status, body), await over_the_socket(stand, status, body)
    assert type(one) is type(other)
    assert astuple(one) == astuple(other)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_refusal_in_the_place_of_a_result_is_a_refusal(stand: TwoWays, status: int) -> None:
    spot = await stand.connected("ws")
    calling = asyncio.create_task(spot.call(REFERENCE_PRICE, ReferencePriceParams(symbol="BTCUSDT")))
    asked = await stand.socket.next()
    body = error(-2043, "This symbol doesn't have a reference price.")
    await asked.say({"id": asked.id, "status": status, "result" if status == 200 else "error": body})
    refused = await failure_of(calling)
    assert (type(refused), refused.code, refused.sent) == (Rejected, "NOT_FOUND", "no")


async def test_the_payload_and_the_exchanges_own_json_are_the_same_over_both(stand: TwoWays) -> None:
    stand.rest.on(PLACE, reply(200, PLACED))
    stand.socket.on("order.place", lambda _: PLACED)
    one = await stand.spot("rest").fetch(PLACE_ORDER, BUY)
    other = await (await stand.connected("ws")).fetch(PLACE_ORDER, BUY)
    assert (one.payload, one.body) == (other.payload, other.body)


async def test_an_answer_in_an_array_of_one_is_taken_out_of_it(stand: TwoWays) -> None:
    params = PlaceSorOrderParams.model_validate(BUY.given())
    answers: list[object] = [[PLACED], [PLACED, PLACED], PLACED]
    stand.socket.on("sor.order.place", lambda _: answers.pop(0))
    spot = await stand.connected("ws")
    answer = await spot.fetch(PLACE_SOR_ORDER, params)
    assert (answer.payload.order_id, json.loads(answer.body)) == (1, PLACED)
    assert isinstance(await failure_of(spot.call(PLACE_SOR_ORDER, params)), OutcomeUnknown)
    assert (await spot.call(PLACE_SOR_ORDER, params)).order_id == 1


async def test_a_refused_timestamp_is_measured_and_stamped_anew_once(stand: TwoWays) -> None:
    spot = await stand.connected("ws")
    calling = asyncio.create_task(spot.call(PLACE_ORDER, BUY))
    first = await stand.socket.next()
    stand.socket.on("time", lambda _: {"serverTime": stand.hours.wall_ms + 3_000})
    await first.refuse(400, -1021)
    second = await stand.socket.next()
    assert second.params["timestamp"] - first.params["timestamp"] == 3_000
    await second.answer(PLACED)
    assert (await calling).order_id == 1


# Loss


async def test_an_order_that_was_out_when_the_socket_died_is_unknown_and_never_sent_again(stand: TwoWays) -> None:
    stand.rest.on(PLACE, reply(200, PLACED))
    spot = await stand.connected()
    calling = asyncio.create_task(spot.call(PLACE_ORDER, BUY))
    await (await stand.socket.next()).line.close(1001)
    assert (await failure_of(calling)).sent == "unknown"
    await stand.hours.asleep(2)
    assert stand.rest.asked("/api/v3/order") == []
    assert (await used(spot))["ORDERS/10S"] == 1


async def test_an_order_that_had_not_left_when_the_socket_died_was_not_sent(stand: TwoWays) -> None:
    spot = await stand.connected()

    async def dies(_: int) -> None:
        await stand.socket.lines[0].close(1001)
        await stand.hours.asleep(2)

    failure = await failure_of(spot.fetch(PLACE_ORDER, BUY, departing=dies))
    assert (type(failure), failure.sent) == (Unreachable, "no")
    assert (await used(spot))["ORDERS/10S"] == 0


async def test_a_read_that_was_out_is_asked_again_over_rest_while_the_socket_opens(stand: TwoWays) -> None:
    stand.rest.on(TICKER, reply(200, PRICE_OF_BTC))
    spot = await stand.connected()
    calling = asyncio.create_task(spot.call(PRICE, BTC))
    await (await stand.socket.next()).line.close(1001)
    assert set((await stand.hours.asleep(3))[1:]) == {0.5, 0.25}
    stand.hours.pass_s(0.25)
    await asyncio.wait_for(calling, 5)
    assert len(stand.rest.asked("/api/v3/ticker/price")) == 1


# One ledger


async def test_what_an_answer_says_was_used_counts_for_both_and_requests_as_such_for_rest_alone(stand: TwoWays) -> None:
    stand.rest.on("GET /api/v3/ping", reply(200, {}))
    spot = await stand.connected()
    before = await used(spot)
    calling = asyncio.create_task(spot.call(PLACE_ORDER, BUY))
    asked = await stand.socket.next()
    rows = [("REQUEST_WEIGHT", "MINUTE", 1, 70), ("ORDERS", "SECOND", 10, 12), ("ORDERS", "DAY", 1, 4043)]
    names = ("rateLimitType", "interval", "intervalNum", "count")
    await asked.answer(PLACED, rateLimits=[dict(zip(names, row, strict=True)) | {"limit": 6000} for row in rows])
    await calling
    after = await used(spot)
    assert (after["REQUEST_WEIGHT/1M"], after["ORDERS/10S"], after["ORDERS/1D"]) == (70, 12, 4043)
    assert after["RAW_REQUESTS/5M"] == before["RAW_REQUESTS/5M"] == 0


async def test_a_connection_counts_and_has_its_weight(stand: TwoWays) -> None:
    spot = stand.spot()
    await stand.opened(spot)
    full = {name: count for name, count in (await used(spot)).items() if count}
    assert full == {"REQUEST_WEIGHT/1M": 2, "CONNECTIONS/5M": 1}


async def test_a_429_over_one_holds_the_other_until_the_stated_time(stand: TwoWays) -> None:
    spot = await stand.connected()
    calling = asyncio.create_task(spot.call(PRICE, BTC))
    await (await stand.socket.next()).refuse(429, -1003, data={"serverTime": NOW_MS, "retryAfter": NOW_MS + 7_000})
    refused = await failure_of(calling)
    assert (type(refused), refused.code, refused.retry_at_ms) == (Rejected, "RATE_LIMITED", NOW_MS + 7_500)
    held = await failure_of(spot.call(EXCHANGE_INFO, ExchangeInfoParams()))
    assert (type(held), held.retry_at_ms) == (RateLimited, NOW_MS + 7_500)
    assert stand.rest.requests == []


async def test_a_ban_silences_both_and_no_connection_is_tried_before_its_end(stand: TwoWays) -> None:
    stand.rest.on("GET /api/v3/ping", reply(200, {}))
    spot = await stand.connected()
    calling = asyncio.create_task(spot.call(PRICE, BTC))
    asked = await stand.socket.next()
    until_ms = NOW_MS + 3_600_000
    await asked.refuse(418, -1003, data={"serverTime": NOW_MS, "retryAfter": until_ms})
    assert (await failure_of(calling)).retry_at_ms == until_ms
    await asked.line.close(1008)
    await stand.hours.asleep(2)
    stand.hours.pass_s(0.5)
    assert (await stand.hours.asleep(3))[-1] == 3_599.5
    held = await failure_of(spot.call(PING, PingParams()))
    assert (type(held), held.code) == (RateLimited, "BANNED")
    assert (len(stand.socket.targets), stand.rest.requests) == (1, [])
    stand.hours.pass_s(3_599.5)
    stand.socket.on("ping", lambda _: {})
    await stand.opened(spot)
    await spot.call(PING, PingParams())


@pytest.mark.parametrize(
    ("status", "body", "headers", "pause_s"),
    [
        (HTTPStatus.IM_A_TEAPOT, error(-1003, "banned"), {"Retry_After": "5"}, BAN_AT_LEAST_MS / 1000),
        (HTTPStatus.TOO_MANY_REQUESTS, error(-1034), {"Retry_After": "100"}, 100.5),
        (HTTPStatus.TOO_MANY_REQUESTS, error(-1034), {}, 60.5),
        (HTTPStatus.FORBIDDEN, None, {}, 60),
        (HTTPStatus.SERVICE_UNAVAILABLE, None, {}, 0.5),
    ],
    ids=["banned", "too many", "too many, no time", "firewall", "unavailable"],
)
async def test_an_attempt_to_connect_is_judged_as_any_other(
    stand: TwoWays, status: HTTPStatus, body: object, headers: dict[str, str], pause_s: float
) -> None:
    stand.socket.turn_away(status, body, **headers)
    stand.rest.on("GET /api/v3/ping", reply(200, {}))
    spot = stand.spot()
    banned = status == HTTPStatus.IM_A_TEAPOT
    await spot.call(PING, PingParams())
    assert await stand.hours.asleep(1) == [pause_s]
    if banned:
        assert (await failure_of(spot.call(PING, PingParams()))).code == "BANNED"
    else:
        await spot.call(PING, PingParams())


# Weeks


async def test_an_hour_with_a_cut_every_minute_sends_each_order_once_and_tells_what_became_of_it(
    stand: TwoWays,
) -> None:
    stand.socket.on("ticker.price", lambda _: PRICE_OF_BTC)
    spot = await stand.connected("ws")
    for minute in range(60):
        await spot.call(PRICE, BTC)
        calling = asyncio.create_task(spot.call(PLACE_ORDER, BUY))
        asked = await stand.socket.next()
        assert asked.connection == minute
        await asked.line.close(1001)
        assert isinstance(await failure_of(calling), OutcomeUnknown)
        await stand.hours.asleep(2 * minute + 2)
        stand.hours.pass_s(60)
    await stand.opened(spot)
    assert len(stand.socket.lines) == 61
    assert (await used(spot))["CONNECTIONS/5M"] <= 6
    assert stand.rest.requests == []


async def test_two_hundred_refused_connections_use_a_small_share_of_the_limit(stand: TwoWays) -> None:
    stand.rest.on("GET /api/v3/ping", reply(200, {}))
    for _ in range(200):
        stand.socket.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
    spot = stand.spot()
    counts: set[int] = set()
    for count in range(1, 201):
        await spot.call(PING, PingParams())
        await stand.hours.asleep(count)
        counts.add((await used(spot))["CONNECTIONS/5M"])
        stand.hours.pass_s(stand.hours.slept[-1])
    await stand.opened(spot)
    assert max(counts) <= 300 // 10


async def test_connections_use_no_more_than_their_share_where_chance_leaves_no_pause_between_them(
    stand: TwoWays,
) -> None:
    stand.hours.chance = 0
    stand.rest.on("GET /api/v3/ping", reply(200, {}))
    for _ in range(200):
        stand.socket.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
    await stand.spot().call(PING, PingParams())
    assert await stand.hours.asleep(1) == [60], "until the window ends"
    assert len(stand.socket.targets) == 300 * CONNECTION_SHARE // 100
