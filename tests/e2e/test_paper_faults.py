"""What goes wrong on the paper exchange when a rule says so, as clients see it, and what truly happened."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.operator_desk import Operator, operated
from tests.e2e.paper_client import limit_order
from tests.e2e.test_paper_keeping import exchange
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from paper_exchange.options import Options, parse
from paper_exchange.running import running

pytestmark = pytest.mark.anyio

ORDERS = {"method": "POST", "path": "/api/v3/order"}
PATIENCE_S = 10


@pytest.fixture
async def desk() -> AsyncIterator[Operator]:
    async with operated(Options(seed=1, market=False, limit_factor=100)) as operator:
        yield operator


async def place(desk: Operator, name: str = "mine") -> httpx.Response:
    return await desk.signed("POST", "order", **limit_order("BUY", "50000.00", newClientOrderId=name))


async def exists(desk: Operator, name: str = "mine") -> bool:
    """Whether the engine has the order, whatever queries say."""
    engine = desk.exchange.exchange.engine
    return any(order.client_order_id == name for order in engine.open_orders(desk.exchange.login.number))


# REST: the engine never saw it, or its answer was lost

BROKEN = [
    ({"kind": "reset"}, httpx.ReadError),
    ({"kind": "no_reply"}, httpx.ReadTimeout),
    ({"kind": "refuse", "ms": 50}, httpx.ReadError),
]


@pytest.mark.parametrize(("effect", "error"), BROKEN, ids=["reset", "no_reply", "refuse"])
@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
async def test_a_lost_order_was_placed_or_was_not(
    desk: Operator, effect: dict[str, Any], error: type[Exception], phase: str, is_placed: bool
) -> None:
    await desk.fault(id="lost", where="rest", match=ORDERS, phase=phase, effect=effect)
    desk.http.timeout = httpx.Timeout(5, read=0.3)
    with pytest.raises(error):
        await place(desk)
    assert await exists(desk) is is_placed
    (request,) = await desk.oracle("request", method="POST")
    assert (request["carried_out"], request["answered_by"], request["fault"]) == (is_placed, "nobody", "lost")


@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
async def test_another_answer_takes_the_place_of_the_real_one(desk: Operator, phase: str, is_placed: bool) -> None:
    effect = {
        "kind": "reply",
        "status": 503,
        "headers": {"Retry-After": "7"},
        "body": {"code": -1007, "msg": "Timeout waiting for response from backend server."},
    }
    await desk.fault(where="rest", match=ORDERS, phase=phase, effect=effect)
    answer = await place(desk)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "7", -1007)
    assert await exists(desk) is is_placed
    (request,) = await desk.oracle("request", method="POST")
    assert (request["answered_by"], request["status"]) == ("fault", 503)


async def test_a_reply_of_text_is_a_page_as_a_proxy_would_send_it(desk: Operator) -> None:
    await desk.fault(where="rest", effect={"kind": "reply", "status": 403, "body": "<html>blocked</html>"})
    answer = await desk.public("ping")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert answer.text == "<html>blocked</html>"


async def test_in_phase_reply_only_what_is_said_is_changed(desk: Operator) -> None:
    effect = {"kind": "reply", "headers": {"X-MBX-USED-WEIGHT-1M": "5999"}}
    await desk.fault(where="rest", match=ORDERS, phase="reply", effect=effect)
    answer = await place(desk)
    assert (answer.status_code, answer.json()["clientOrderId"]) == (200, "mine")
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "5999"


async def test_a_redirect_leads_elsewhere(desk: Operator) -> None:
    await desk.fault(where="rest", effect={"kind": "redirect", "to": "http://127.0.0.2/elsewhere"})
    answer = await desk.public("ping")
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.2/elsewhere")


async def test_a_cut_answer_ends_before_its_length(desk: Operator) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "cut", "keep": 20})
    with pytest.raises(httpx.RemoteProtocolError, match=r"received 20 bytes, expected \d+"):
        await place(desk)
    assert await exists(desk)
    assert (await place(desk, "second")).status_code == 200


async def test_an_answer_can_be_whole_as_http_and_broken_as_json(desk: Operator) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "cut", "keep": 20, "whole_length": False})
    answer = await place(desk)
    assert (answer.status_code, answer.content) == (200, b'{"symbol":"BTCUSDT",')


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_dripping_answer_arrives_piece_by_piece_and_whole(desk: Operator, connection: str) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "drip", "size": 100, "every_ms": 5})
    desk.http.headers["Connection"] = connection
    begun_s = time.monotonic()
    answer = await place(desk)
    pieces = (len(answer.content) + 150) // 100
    assert answer.json()["clientOrderId"] == "mine"
    assert time.monotonic() - begun_s > pieces * 0.005
    assert (await desk.public("ping")).json() == {}


async def test_refused_means_that_nobody_listens_until_the_rule_is_removed(desk: Operator) -> None:
    await desk.public("ping")
    rule = await desk.fault(where="rest", nth=0, effect={"kind": "refuse"})
    with pytest.raises(httpx.ConnectError):
        await place(desk)
    assert await desk.told("DELETE", "/faults", id=rule) == {"removed": [rule]}
    assert (await place(desk)).status_code == 200


# The process


@pytest.mark.parametrize(
    ("rule", "survives"),
    [
        ({"where": "rest", "match": ORDERS, "phase": "before", "effect": {"kind": "kill"}}, False),
        ({"where": "rest", "match": ORDERS, "phase": "after", "effect": {"kind": "kill"}}, True),
        ({"where": "process", "match": {"method": "Place"}, "phase": "before", "effect": {"kind": "kill"}}, False),
        ({"where": "process", "match": {"method": "Place"}, "phase": "after", "effect": {"kind": "kill"}}, True),
        ({"where": "disk", "match": {"method": "Place"}, "effect": {"kind": "torn_write"}}, False),
    ],
    ids=["before the request", "after the request", "before the log", "after the log", "torn log"],
)
def test_a_killed_exchange_has_the_order_or_has_it_not(tmp_path: Path, rule: dict[str, Any], survives: bool) -> None:
    with exchange(tmp_path, "--no-market", "--fault", json.dumps(rule)) as first:
        with pytest.raises(httpx.HTTPError):
            first.rest_order()
        assert first.process.wait(PATIENCE_S) != 0
    with exchange(tmp_path, "--no-market") as again:
        assert len(again.call("GET", "openOrders")) == survives


async def test_a_full_disk_is_an_unknown_outcome_and_stops_trading_until_it_has_room(tmp_path: Path) -> None:
    async with operated(Options(seed=1, market=False, home=tmp_path)) as desk:
        rule = await desk.fault(where="disk", times=None, effect={"kind": "enospc"})
        answers = [await place(desk, name) for name in ("first", "second")]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(500, -1000)] * 2
        assert await exists(desk, "first")
        assert not await exists(desk, "second")
        assert (await desk.public("ping")).status_code == 200
        await desk.told("DELETE", "/faults", id=rule)
        assert (await place(desk, "third")).status_code == 200


# Which request, how often


async def test_nth_and_times_say_which_requests_are_befallen(desk: Operator) -> None:
    await desk.fault(where="rest", match=ORDERS, nth=2, times=2, effect={"kind": "reply", "status": 500})
    answers = [(await place(desk, f"order-{number}")).status_code for number in range(5)]
    assert answers == [200, 500, 500, 200, 200]


async def test_other_requests_are_left_alone(desk: Operator) -> None:
    match = {**ORDERS, "symbol": "ETHUSDT"}
    await desk.fault(where="rest", match=match, times=None, effect={"kind": "reply", "status": 500})
    assert (await place(desk)).status_code == 200
    assert (await desk.public("depth", symbol="ETHUSDT")).status_code == 200
    (standing,) = await desk.told("GET", "/faults")
    assert (standing["met"], standing["struck"], standing["rule"]["match"]) == (0, 0, match)


async def test_the_same_seed_and_requests_give_the_same_faults() -> None:
    async def statuses(seed: int) -> list[int]:
        async with operated(Options(seed=seed, market=False)) as desk:
            await desk.fault(id="some", where="rest", times=None, chance=0.5, effect={"kind": "reply", "status": 500})
            return [(await desk.public("ping")).status_code for _ in range(20)]

    first, again, other = await statuses(1), await statuses(1), await statuses(2)
    assert first == again
    assert set(first) == {200, 500}
    assert first != other


async def test_rules_stand_from_the_start_where_options_say_so() -> None:
    options = parse(
        ["--no-market", "--fault", '{"id": "x", "where": "rest", "effect": {"kind": "reply", "status": 500}}']
    )
    async with operated(options) as desk:
        assert (await desk.public("ping")).status_code == 500
        assert (await desk.public("ping")).status_code == 200


async def test_all_rules_can_be_removed_at_once(desk: Operator) -> None:
    for name in ("one", "two"):
        await desk.fault(id=name, where="rest", effect={"kind": "reply", "status": 500})
    assert await desk.told("DELETE", "/faults") == {"removed": ["one", "two"]}
    assert (await desk.public("ping")).status_code == 200


# Time


async def test_a_delay_holds_a_request_or_its_answer_until_the_clock_has_moved() -> None:
    async with operated(Options(seed=1, market=False, clock="virtual")) as desk:
        for phase, is_placed in (("before", False), ("reply", True)):
            await desk.fault(where="rest", match=ORDERS, phase=phase, effect={"kind": "delay", "ms": 3000})
            now_ms = desk.exchange.exchange.now_us() // 1000
            order = limit_order("BUY", "50000.00", newClientOrderId=phase, timestamp=now_ms)
            placing = asyncio.create_task(desk.signed("POST", "order", **order))
            async with asyncio.timeout(PATIENCE_S):
                while not await desk.oracle("request", method="POST", carried_out=is_placed, answered_by=None):
                    pass
            assert await exists(desk, phase) is is_placed
            await desk.told("POST", "/clock/advance", {"ms": 3000})
            assert (await placing).status_code == 200


async def test_a_request_that_was_too_long_on_its_way_is_refused() -> None:
    async with operated(Options(seed=1, market=False, clock="virtual")) as desk:
        await desk.fault(where="rest", match=ORDERS, effect={"kind": "delay", "ms": 6000})
        now_ms = desk.exchange.exchange.now_us() // 1000
        order = limit_order("BUY", "50000.00", timestamp=now_ms)
        placing = asyncio.create_task(desk.signed("POST", "order", **order))
        async with asyncio.timeout(PATIENCE_S):
            while not await desk.oracle("request", method="POST"):
                pass
        await desk.told("POST", "/clock/advance", {"ms": 6000})
        assert (await placing).json()["code"] == -1021


@pytest.mark.parametrize("ms", [-3000, 6000], ids=["behind", "ahead"])
async def test_a_skewed_clock_refuses_one_request_by_its_time(desk: Operator, ms: int) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "skew", "ms": ms})
    assert (await place(desk)).json()["code"] == -1021
    assert (await place(desk)).status_code == 200


async def test_a_clock_is_ahead_until_its_rule_is_removed_and_a_step_stays(desk: Operator) -> None:
    async def ahead_s() -> float:
        server_time: int = (await desk.public("time")).json()["serverTime"]
        return server_time / 1000 - time.time()

    rule = await desk.fault(where="clock", effect={"kind": "skew", "ms": 3_600_000})
    assert await ahead_s() == pytest.approx(3600, abs=PATIENCE_S)
    await desk.told("DELETE", "/faults", id=rule)
    assert await ahead_s() == pytest.approx(0, abs=PATIENCE_S)
    step = await desk.fault(where="clock", effect={"kind": "clock_step", "ms": 3_600_000})
    await desk.told("DELETE", "/faults", id=step)
    assert await ahead_s() == pytest.approx(3600, abs=PATIENCE_S)


async def test_an_acknowledged_order_cannot_be_queried_for_a_while() -> None:
    async with operated(Options(seed=1, market=False, clock="virtual")) as desk:

        async def signed(method: str, path: str, **parameters: Any) -> Any:
            now_ms = desk.exchange.exchange.now_us() // 1000
            return (await desk.signed(method, path, timestamp=now_ms, **parameters)).json()

        await desk.fault(where="rest", match=ORDERS, effect={"kind": "query_lag", "ms": 2000})
        placed = await signed("POST", "order", **limit_order("BUY", "50000.00"))
        query = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await signed("GET", "order", **query))["code"] == -2013
        assert await signed("GET", "openOrders") == []
        assert await signed("GET", "allOrders", symbol="BTCUSDT") == []
        await desk.told("POST", "/clock/advance", {"ms": 2000})
        assert (await signed("GET", "order", **query))["status"] == "NEW"
        assert len(await signed("GET", "openOrders")) == 1


# The venue


async def test_a_symbol_halts_in_the_middle_of_trading(desk: Operator) -> None:
    effect = {"kind": "symbol_status", "symbol": "BTCUSDT", "status": "HALT"}
    await desk.fault(where="rest", match=ORDERS, phase="after", effect=effect)
    assert (await place(desk, "first")).status_code == 200
    assert (await place(desk, "second")).status_code == 400


async def test_filters_change_before_an_order_is_looked_at(desk: Operator) -> None:
    filters = [{"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "2", "stepSize": "1"}]
    effect = {"kind": "filters", "symbol": "BTCUSDT", "filters": filters}
    await desk.fault(where="rest", match=ORDERS, effect=effect)
    assert (await place(desk)).json()["msg"] == "Filter failure: LOT_SIZE"


async def test_a_wiped_venue_knows_no_order_and_gives_back_what_it_gave_first(desk: Operator) -> None:
    await place(desk)
    await desk.fault(where="rest", nth=0, effect={"kind": "reset_venue"})
    order = (await desk.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")).json()
    assert order["code"] == -2013
    (account,) = (await desk.told("GET", "/state"))["accounts"]
    assert account["balances"][-1] == {"asset": "USDT", "free": "100000.00000000", "locked": "0.00000000"}


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
    assert await exists(desk) is is_placed


@pytest.mark.parametrize("kind", ["no_reply", "drop"])
@pytest.mark.parametrize(("phase", "is_placed"), [("before", False), ("after", True)])
async def test_an_answer_never_comes_and_others_do(
    desk: Operator, api: Api, kind: str, phase: str, is_placed: bool
) -> None:
    await desk.fault(id="lost", where="ws_api", match=PLACING, phase=phase, effect={"kind": kind})
    await api.place("mine")
    await api.send("ping", "ping")
    assert (await api.next())["id"] == "ping"
    assert await exists(desk) is is_placed
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
    assert await exists(desk) is is_placed


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
        await place(desk, name)
    assert await events(hearing, len(expected)) == expected


async def test_the_user_stream_is_ended_by_the_exchange(desk: Operator, hearing: Api) -> None:
    payload = {"e": "eventStreamTerminated", "E": 1}
    await desk.fault(where="user", nth=0, effect={"kind": "event", "payload": payload})
    assert (await hearing.next())["event"] == payload


async def test_the_connection_dies_on_a_report_and_the_order_lives(desk: Operator, hearing: Api) -> None:
    await desk.fault(where="user", match={"stream": "executionReport"}, effect={"kind": "reset"})
    assert (await place(desk)).status_code == 200
    with pytest.raises(ConnectionClosed):
        await hearing.next()
    assert await exists(desk)


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
