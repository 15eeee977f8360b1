"""The kept connection: answers find their requests, and every end of a connection is told rightly."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest
from tests.unit.transport.loopback import loopback
from tests.unit.transport.socket_exchange import NOW_MS, Asked, Hours, SocketExchange
from websockets.utils import accept_key

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.market import PRICE, PriceParams
from binance_spot_mcp.catalogue.trading import PLACE_ORDER, PlaceOrderParams
from binance_spot_mcp.errors import NotSent, OutcomeUnknown, RateLimited, SpotError, Unavailable, Unreachable
from binance_spot_mcp.transport.call import Attempt, Call
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.failures import never_left
from binance_spot_mcp.transport.ledger import Cost
from binance_spot_mcp.transport.socket import MOST_BYTES, Listener, Socket, open_socket
from binance_spot_mcp.transport.verdict import Reply
from binance_spot_mcp.transport.ws_api import LIFE_S, WsApi

pytestmark = pytest.mark.anyio

BUY = PlaceOrderParams.model_validate({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"})


def attempt(endpoint: Endpoint[Any, Any], params: Params) -> Attempt:
    method = endpoint.method(params)
    return Attempt(Call(endpoint, params.wire(), params.members(), Cost(1), "market", (), method), "", {}, None)


def reading(symbol: str = "BTCUSDT") -> Attempt:
    return attempt(PRICE, PriceParams.model_validate({"symbol": symbol}))


ORDER = attempt(PLACE_ORDER, BUY)


class Stand:
    """The carrier, the exchange at the other end, and the time."""

    def __init__(self, exchange: SocketExchange) -> None:
        self.exchange = exchange
        self.hours = Hours()
        self.api = self.carrier()

    def carrier(self, dial: Callable[[Listener], Awaitable[Socket]] | None = None, **options: float) -> WsApi:
        world = self.hours.world()
        return WsApi(dial or self.dial, world, ServerClock(world.monotonic_ns, world.wall_ns), **options)

    async def dial(self, listener: Listener) -> Socket:
        made = await open_socket(self.exchange.url, listener, None)
        if isinstance(made, Reply):
            raise never_left(f"It said {made.status}.")
        return made

    async def sent(self, *attempts: Attempt) -> list[asyncio.Task[Reply]]:
        """Send, once the connection is open."""
        await self.api.opened()
        return [asyncio.create_task(self.api.carry(each)) for each in attempts]


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with SocketExchange().open() as exchange:
        stand = Stand(exchange)
        try:
            yield stand
        finally:
            await stand.api.aclose()


async def failure_of(sending: Awaitable[object]) -> SpotError:
    with pytest.raises(SpotError) as failure:
        await asyncio.wait_for(sending, 5)
    assert failure.value.__cause__ is None
    return failure.value


# Requests and answers


async def test_answers_find_their_requests_in_whatever_order_they_come(stand: Stand) -> None:
    symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
    sending = await stand.sent(*map(reading, symbols))
    asked = [await stand.exchange.next() for _ in symbols]
    for each in reversed(asked):
        await each.answer({"symbol": each.params["symbol"]})
    assert [json.loads((await each).body)["symbol"] for each in sending] == symbols
    assert len(stand.exchange.lines) == 1


async def test_an_answer_is_the_very_json_of_the_result_with_what_was_used_and_the_times(stand: Stand) -> None:
    (sending,) = await stand.sent(reading())
    asked = await stand.exchange.next()
    stand.hours.pass_s(1.5)
    await asked.say(
        f'{{"id":{asked.id},"status":200,"result": {{"price" : "1.50" , "news":[1, 2]}},"rateLimits":'
        '[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":70}]}'
    )
    reply = await sending
    assert (reply.status, reply.body) == (200, b'{"price" : "1.50" , "news":[1, 2]}')
    assert reply.used == {"REQUEST_WEIGHT/60000": 70}
    assert reply.received_ns - reply.sent_ns == 1_500_000_000


@pytest.mark.parametrize(
    ("data", "pause_ms"),
    [
        ({"serverTime": NOW_MS - 90_000, "retryAfter": NOW_MS - 83_000}, 7_000),
        ({"serverTime": (NOW_MS - 90_000) * 1000, "retryAfter": (NOW_MS - 83_000) * 1000}, 7_000),
        ({"retryAfter": NOW_MS + 5_000}, 5_000),
        ({"serverTime": NOW_MS, "retryAfter": NOW_MS - 1}, 0),
        ({"serverTime": NOW_MS}, None),
        ({"retryAfter": "soon"}, None),
        (None, None),
    ],
    ids=["until", "in microseconds", "by our clock", "over", "none", "no number", "no data"],
)
async def test_the_pause_is_until_a_time_of_day_by_the_exchanges_own_clock(
    stand: Stand, data: dict[str, object] | None, pause_ms: int | None
) -> None:
    (sending,) = await stand.sent(reading())
    await (await stand.exchange.next()).refuse(429, -1003, data=data)
    assert (await sending).pause(NOW_MS) == pause_ms


async def test_an_answer_without_a_number_is_to_the_only_request_that_is_out(stand: Stand) -> None:
    (sending,) = await stand.sent(ORDER)
    asked = await stand.exchange.next()
    await asked.say({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}})
    assert (await sending).status == 401


async def test_of_several_requests_none_gets_an_answer_without_a_number(stand: Stand) -> None:
    sending = await stand.sent(reading(), reading())
    asked = [await stand.exchange.next() for _ in sending]
    await asked[0].say({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key."}})
    for each in asked:
        await each.answer({})
    assert [(await each).status for each in sending] == [200, 200]


async def test_an_answer_to_nobody_and_an_event_disturb_nobody(stand: Stand) -> None:
    (sending,) = await stand.sent(reading())
    asked = await stand.exchange.next()
    await asked.say({"id": 999, "status": 200, "result": {}})
    await asked.say({"subscriptionId": 0, "event": {"e": "somethingNew"}})
    await asked.answer({"ok": True})
    assert (await sending).body == b'{"ok": true}'


# Ends


async def closes(line: Any) -> None:
    await line.close(1008, "disconnected")


async def breaks(line: Any) -> None:
    line.transport.abort()


async def sends_too_much(line: Any) -> None:
    with contextlib.suppress(Exception):  # the other end hangs up in the middle of it
        await line.send(" " * (MOST_BYTES + 1))


async def sends_no_json(line: Any) -> None:
    await line.send('{"id":')


async def sends_another_form(line: Any) -> None:
    await line.send('{"id":1,"status":"fine"}')


ENDS: dict[str, tuple[Callable[[Any], Awaitable[None]], str]] = {
    "closed": (closes, r"Binance closed the connection \(code 1008\)"),
    "broken": (breaks, "The connection broke"),
    "too large": (sends_too_much, "A message above 8 MiB ended the connection"),
    "no JSON": (sends_no_json, "A message that cannot be read ended the connection"),
    "another form": (sends_another_form, "A message that cannot be read ended the connection"),
}


@pytest.mark.parametrize("case", ENDS)
async def test_when_the_connection_dies_each_request_that_is_out_ends_for_what_it_is(stand: Stand, case: str) -> None:
    end, told = ENDS[case]
    order, read = await stand.sent(ORDER, reading())
    for _ in range(2):
        asked = await stand.exchange.next()
    await end(asked.line)
    await asyncio.wait_for(asked.line.wait_closed(), 5)
    unknown, unavailable = await failure_of(order), await failure_of(read)
    assert (type(unknown), unknown.sent) == (OutcomeUnknown, "unknown")
    assert (type(unavailable), unavailable.sent, unavailable.retry) == (Unavailable, "no", "at")
    assert re.match(told, unknown.message)
    assert re.match(told, unavailable.message)


async def test_a_request_for_a_connection_that_is_gone_never_left(stand: Stand) -> None:
    (order,) = await stand.sent(ORDER)
    asked = await stand.exchange.next()
    await asked.line.close()
    await failure_of(order)
    failure = await failure_of(stand.api.carry(ORDER))
    assert (type(failure), failure.sent, failure.code) == (Unreachable, "no", "NETWORK_NOT_SENT")
    assert isinstance(failure, NotSent)


async def test_a_deadline_ends_a_request_and_the_connection_that_let_it_pass(stand: Stand) -> None:
    stand.api = stand.carrier(answer_seconds=0.1)
    (order,) = await stand.sent(ORDER)
    silent = await stand.exchange.next()
    failure = await failure_of(order)
    assert (type(failure), failure.sent) == (OutcomeUnknown, "unknown")
    assert failure.message.startswith("No complete answer came in time")
    assert not stand.api.ready()
    await silent.answer({"late": True})
    assert (await stand.hours.asleep(2))[1] == 0.5
    stand.hours.pass_s(0.5)
    (read,) = await stand.sent(reading())
    asked = await stand.exchange.next()
    await asked.answer({"late": False})
    assert (asked.connection, (await read).body) == (1, b'{"late": false}')
    await asyncio.wait_for(silent.line.wait_closed(), 5)


async def test_a_caller_that_stops_waiting_leaves_the_connection_as_it_is(stand: Stand) -> None:
    (order,) = await stand.sent(ORDER)
    asked = await stand.exchange.next()
    order.cancel()
    with pytest.raises(asyncio.CancelledError):
        await order
    await asked.answer({})
    (read,) = await stand.sent(reading())
    await (await stand.exchange.next()).answer({})
    assert (await read).status == 200
    assert len(stand.exchange.lines) == 1


# One connection after the other


async def announce(asked: Asked, stand: Stand) -> None:
    await asked.say({"event": {"e": "serverShutdown", "E": NOW_MS}})


async def grow_old(_: Asked, stand: Stand) -> None:
    stand.hours.pass_s(LIFE_S)


@pytest.mark.parametrize("comes_to_an_end", [announce, grow_old], ids=["announced", "after 23 hours"])
async def test_the_next_connection_is_opened_first_and_what_is_out_finishes_on_the_old_one(
    stand: Stand, comes_to_an_end: Callable[[Asked, Stand], Awaitable[None]]
) -> None:
    (order,) = await stand.sent(ORDER)
    old = await stand.exchange.next()
    stand.hours.pass_s(3600)
    await comes_to_an_end(old, stand)
    await stand.hours.asleep(2)
    assert stand.api.ready()
    (read,) = await stand.sent(reading())
    new = await stand.exchange.next()
    assert (old.connection, new.connection) == (0, 1)
    await new.answer({})
    assert (await read).status == 200
    assert not order.done()
    await old.answer({"placed": True})
    assert (await order).body == b'{"placed": true}'
    await asyncio.wait_for(old.line.wait_closed(), 5)
    assert new.line.close_code is None


async def test_a_connection_that_is_to_be_replaced_serves_on_while_no_other_comes_about(stand: Stand) -> None:
    (order,) = await stand.sent(ORDER)
    old = await stand.exchange.next()
    stand.hours.pass_s(3600)
    stand.exchange.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
    await announce(old, stand)
    await stand.hours.asleep(2)
    (read,) = await stand.sent(reading())
    assert (await stand.exchange.next()).connection == 0
    await old.line.close()
    await failure_of(order)
    await failure_of(read)


async def test_the_pauses_between_attempts_grow_to_a_minute_and_start_anew_after_a_steady_connection(
    stand: Stand,
) -> None:
    attempts = 9
    for _ in range(attempts):
        stand.exchange.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
    assert not stand.api.ready()
    for count in range(1, attempts + 1):
        await stand.hours.asleep(count)
        stand.hours.pass_s(stand.hours.slept[-1])
    assert stand.hours.slept == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    await stand.hours.asleep(attempts + 1)
    stand.hours.pass_s(60)
    await stand.exchange.lines[0].close()
    assert (await stand.hours.asleep(attempts + 2))[-1] == 0.5


async def test_a_connection_that_does_not_last_does_not_start_the_pauses_anew(stand: Stand) -> None:
    for count in range(3):
        await stand.api.opened()
        await stand.exchange.lines[count].close()
        await stand.hours.asleep(2 * count + 2)
        stand.hours.pass_s(stand.hours.slept[-1])
    assert stand.hours.slept[1::2] == [0.5, 1, 2]


async def test_who_needs_the_connection_hears_why_there_is_none_and_when_the_next_try_is(stand: Stand) -> None:
    stand.exchange.admitting.clear()
    waiting = asyncio.create_task(stand.api.opened())
    await stand.exchange.knocked()
    stand.exchange.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
    stand.exchange.admitting.set()
    assert (await failure_of(waiting)).message == "It said 503. Nothing was sent; try again."
    for count in range(1, 4):
        stand.exchange.turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
        await stand.hours.asleep(count)
        stand.hours.pass_s(stand.hours.slept[-1])
    await stand.hours.asleep(4)
    failure = await failure_of(stand.api.opened())
    assert (type(failure), failure.retry_at_ms) == (Unreachable, stand.hours.wall_ms + 4_000)
    stand.hours.pass_s(2)
    waiting = asyncio.create_task(stand.api.opened())
    await asyncio.sleep(0)
    stand.hours.pass_s(2)
    await asyncio.wait_for(waiting, 5)


async def test_a_pause_lasts_as_long_as_the_failure_says(stand: Stand) -> None:
    async def held(_: Listener) -> Socket:
        raise RateLimited("Binance asked for a pause.", retry_at_ms=NOW_MS + 90_000)

    stand.api = stand.carrier(held)
    stand.api.ready()
    assert await stand.hours.asleep(1) == [90.0]


# The end of it all


async def test_closing_ends_what_is_out_and_opens_nothing_any_more(stand: Stand) -> None:
    (order,) = await stand.sent(ORDER)
    asked = await stand.exchange.next()
    await stand.api.aclose()
    assert isinstance(await failure_of(order), OutcomeUnknown)
    await asyncio.wait_for(asked.line.wait_closed(), 5)
    tasks = asyncio.all_tasks()
    assert not stand.api.ready()
    assert asyncio.all_tasks() == tasks
    assert isinstance(await failure_of(stand.api.opened()), Unreachable)
    assert isinstance(await failure_of(stand.api.carry(ORDER)), Unreachable)


async def test_closing_stops_an_attempt_to_connect_and_those_who_wait_for_it(stand: Stand) -> None:
    stand.exchange.admitting.clear()
    waiting = asyncio.create_task(stand.api.opened())
    await stand.exchange.knocked()
    await stand.api.aclose()
    stand.exchange.admitting.set()
    assert isinstance(await failure_of(waiting), Unreachable)


async def test_closing_takes_less_than_a_second_where_the_exchange_does_not_answer() -> None:
    async def accept(head: bytes, writer: asyncio.StreamWriter) -> None:
        (key,) = re.findall(rb"(?i)sec-websocket-key: (\S+)", head)
        accepted = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept_key(key.decode())
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{accepted}\r\n\r\n".encode())

    async with loopback(accept) as origin:
        hours = Hours()
        world = hours.world()

        async def dial(listener: Listener) -> Socket:
            made = await open_socket(origin.replace("http", "ws"), listener, None)
            assert not isinstance(made, Reply)
            return made

        api = WsApi(dial, world, ServerClock(world.monotonic_ns, world.wall_ns))
        await api.opened()
        order = asyncio.create_task(api.carry(ORDER))
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            await api.aclose()
        assert isinstance(await failure_of(order), OutcomeUnknown)
