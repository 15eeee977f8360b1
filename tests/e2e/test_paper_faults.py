"""What goes wrong on the paper exchange when a rule says so, as its REST clients see it, and what truly happened."""

import asyncio
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

from paper_exchange.options import Options, parse

pytestmark = pytest.mark.anyio

ORDERS = {"method": "POST", "path": "/api/v3/order"}
PATIENCE_S = 10


@pytest.fixture
async def desk() -> AsyncIterator[Operator]:
    async with operated(Options(seed=1, market=False, limit_factor=100)) as operator:
        yield operator


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
        await desk.place()
    assert desk.has_open() is is_placed
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
    answer = await desk.place()
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "7", -1007)
    assert desk.has_open() is is_placed
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
    answer = await desk.place()
    assert (answer.status_code, answer.json()["clientOrderId"]) == (200, "mine")
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "5999"


async def test_a_redirect_leads_elsewhere(desk: Operator) -> None:
    await desk.fault(where="rest", effect={"kind": "redirect", "to": "http://127.0.0.2/elsewhere"})
    answer = await desk.public("ping")
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.2/elsewhere")


async def test_a_cut_answer_ends_before_its_length(desk: Operator) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "cut", "keep": 20})
    with pytest.raises(httpx.RemoteProtocolError, match=r"received 20 bytes, expected \d+"):
        await desk.place()
    assert desk.has_open()
    assert (await desk.place("second")).status_code == 200


async def test_an_answer_can_be_whole_as_http_and_broken_as_json(desk: Operator) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "cut", "keep": 20, "whole_length": False})
    answer = await desk.place()
    assert (answer.status_code, answer.content) == (200, b'{"symbol":"BTCUSDT",')


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_dripping_answer_arrives_piece_by_piece_and_whole(desk: Operator, connection: str) -> None:
    await desk.fault(where="rest", match=ORDERS, effect={"kind": "drip", "size": 100, "every_ms": 5})
    desk.http.headers["Connection"] = connection
    begun_s = time.monotonic()
    answer = await desk.place()
    pieces = (len(answer.content) + 150) // 100
    assert answer.json()["clientOrderId"] == "mine"
    assert time.monotonic() - begun_s > pieces * 0.005
    assert (await desk.public("ping")).json() == {}


async def test_refused_means_that_nobody_listens_until_the_rule_is_removed(desk: Operator) -> None:
    await desk.public("ping")
    rule = await desk.fault(where="rest", nth=0, effect={"kind": "refuse"})
    with pytest.raises(httpx.ConnectError):
        await desk.place()
    assert await desk.told("DELETE", "/faults", id=rule) == {"removed": [rule]}
    assert (await desk.place()).status_code == 200


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
        answers = [await desk.place(name) for name in ("first", "second")]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(500, -1000)] * 2
        assert desk.has_open("first")
        assert not desk.has_open("second")
        assert (await desk.public("ping")).status_code == 200
        await desk.told("DELETE", "/faults", id=rule)
        assert (await desk.place("third")).status_code == 200


# Which request, how often


async def test_nth_and_times_say_which_requests_are_befallen(desk: Operator) -> None:
    await desk.fault(where="rest", match=ORDERS, nth=2, times=2, effect={"kind": "reply", "status": 500})
    answers = [(await desk.place(f"order-{number}")).status_code for number in range(5)]
    assert answers == [200, 500, 500, 200, 200]


async def test_other_requests_are_left_alone(desk: Operator) -> None:
    match = {**ORDERS, "symbol": "ETHUSDT"}
    await desk.fault(where="rest", match=match, times=None, effect={"kind": "reply", "status": 500})
    assert (await desk.place()).status_code == 200
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
            assert desk.has_open(phase) is is_placed
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
    assert (await desk.place()).json()["code"] == -1021
    assert (await desk.place()).status_code == 200


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
    assert (await desk.place("first")).status_code == 200
    assert (await desk.place("second")).status_code == 400


async def test_filters_change_before_an_order_is_looked_at(desk: Operator) -> None:
    filters = [{"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "2", "stepSize": "1"}]
    effect = {"kind": "filters", "symbol": "BTCUSDT", "filters": filters}
    await desk.fault(where="rest", match=ORDERS, effect=effect)
    assert (await desk.place()).json()["msg"] == "Filter failure: LOT_SIZE"


async def test_a_wiped_venue_knows_no_order_and_gives_back_what_it_gave_first(desk: Operator) -> None:
    await desk.place()
    await desk.fault(where="rest", nth=0, effect={"kind": "reset_venue"})
    order = (await desk.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")).json()
    assert order["code"] == -2013
    (account,) = (await desk.told("GET", "/state"))["accounts"]
    assert account["balances"][-1] == {"asset": "USDT", "free": "100000.00000000", "locked": "0.00000000"}
