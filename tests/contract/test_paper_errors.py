"""Every documented error that REST can reach, provoked over the wire with its exact code and text."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract import paper_engine_errors, paper_gateway_errors
from tests.contract.paper_calls import MARKET, RESTING, Story
from tests.contract.shapes import SPEC
from tests.e2e.rest_floor import Front, RestFloor

from paper_exchange.gateway.limits import Limit, LimitTable

pytestmark = pytest.mark.anyio

ERRORS: dict[str, Any] = json.loads((SPEC / "errors.json").read_text("utf-8"))
CASES = paper_gateway_errors.CASES + paper_engine_errors.CASES

STATUS = {-1003: 429, -1015: 429, -2014: 401, -2015: 401, -2021: 409}
"""HTTP statuses other than 400."""

FAULTS = "said only when something inside fails"
SOCKETS = "said by WebSockets alone"
BINARY = "about the binary encoding, which is switched off here"
FIX = "the text or its tag belongs to FIX"
UNREACHED_CODES = {
    -1000: FAULTS,
    -1001: FAULTS,
    -1002: "-2014 and -2015 say it more exactly",
    -1006: FAULTS,
    -1007: FAULTS,
    -1008: FAULTS,
    -1010: "the heading of the engine's texts, never sent",
    -1016: FAULTS,
    -1034: SOCKETS,
    -1103: "an unknown parameter is told by -1104, as was observed",
    -1112: "a MARKET order on an empty book expires",
    -1114: "-1106 says it, as was observed",
    -1125: "listen keys are gone",
    -1153: BINARY,
    -1161: BINARY,
    -1182: "-1128 says it",
    -1221: BINARY,
    -1224: FIX,
}
UNREACHED_TEXTS = {
    "This action is disabled on this account.": "accounts are open or closed here, nothing between",
    "This symbol is restricted for this account.": "permissions say who trades what",
    "Cancel order is invalid. Check origClOrdId and orderId.": "-1102 comes before",
    "Rest API trading is not enabled.": "it always is",
    "WebSocket API trading is not enabled.": SOCKETS,
    "FIX API trading is not enabled.": FIX,
}


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


@pytest.fixture
async def floor(front: Front) -> RestFloor:
    """An exchange that has traded, with quotes on both sides and one order of ours resting."""
    floor = RestFloor(
        front,
        limits=LimitTable(weight=Limit("REQUEST_WEIGHT", "MINUTE", 1, 500), orders=(Limit("ORDERS", "SECOND", 10, 8),)),
    )
    floor.quote("BUY", "99000")
    floor.quote("SELL", "101000")
    await floor.call("POST /api/v3/order", MARKET | {"quantity": "0.01000"})
    await floor.call("POST /api/v3/order", RESTING | {"newClientOrderId": "resting"})
    return floor


@pytest.mark.parametrize(("code", "msg", "story"), CASES, ids=[f"{code} {msg}" for code, msg, _ in CASES])
async def test_an_error_has_its_code_and_text(floor: RestFloor, code: int, msg: str, story: Story) -> None:
    answer = await story(floor)
    error = answer.json()
    assert (error.get("code"), error.get("msg")) == (code, msg)
    assert answer.status_code == (418 if "banned" in msg else STATUS.get(code, 400))
    assert ("Retry-After" in answer.headers) == (answer.status_code in {418, 429})


def test_every_code_that_rest_can_reach_is_provoked_or_has_its_reason() -> None:
    documented = {each["code"] for each in ERRORS["codes"] if "rest" in each["protocols"]}
    provoked = {code for code, _, _ in CASES}
    assert documented - provoked == UNREACHED_CODES.keys()
    assert not UNREACHED_CODES.keys() & provoked


@pytest.mark.parametrize("code", sorted({code for code, _, _ in CASES}))
def test_the_texts_of_a_code_are_documented_ones(code: int) -> None:
    row: dict[str, Any] = next(
        (each for each in ERRORS["codes"] + ERRORS["undocumented"] if each["code"] == code), {"messages": []}
    )
    engine = [each["message"] for each in ERRORS["engine_messages"] + ERRORS["engine_messages_elsewhere"]]
    filters = [each["message"] for each in ERRORS["filter_failures"]]
    known = [*row["messages"], *row.get("extra_wire", []), *engine, *filters]
    patterns = [re.escape(text).replace("%s", ".+").replace("%d", ".+") for text in known]
    for provoked, msg, _ in CASES:
        if provoked == code:
            assert any(re.fullmatch(pattern, msg) for pattern in patterns), msg


def test_every_text_of_the_engine_is_provoked_or_has_its_reason() -> None:
    documented = {each["message"] for each in ERRORS["engine_messages"]}
    provoked = {msg for _, msg, _ in CASES}
    assert documented - provoked == UNREACHED_TEXTS.keys()


def test_every_filter_is_broken_once() -> None:
    documented = {each["message"] for each in ERRORS["filter_failures"]}
    assert documented <= {msg for _, msg, _ in CASES}
