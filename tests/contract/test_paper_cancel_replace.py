"""Every row of the documented table of cancelReplace outcomes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.paper_calls import REPLACE, RESTING
from tests.contract.shapes import SPEC
from tests.e2e.rest_floor import Front, RestFloor

from paper_exchange.gateway.limits import Limit, LimitTable

pytestmark = pytest.mark.anyio

ROWS: list[dict[str, Any]] = next(
    endpoint["outcomes"]
    for endpoint in json.loads((SPEC / "rest_endpoints.json").read_text("utf-8"))["endpoints"]
    if endpoint["id"] == "POST /api/v3/order/cancelReplace"
)
QUOTA = 3


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


@pytest.fixture
async def floor(front: Front) -> RestFloor:
    """An exchange with one order of ours resting."""
    floor = RestFloor(front, limits=LimitTable(orders=(Limit("ORDERS", "SECOND", 10, QUOTA),)))
    await floor.call("POST /api/v3/order", RESTING | {"newClientOrderId": "resting"})
    return floor


def _id(row: dict[str, Any]) -> str:
    return (
        f"{row['cancelReplaceMode']} {row['orderRateLimitExceededMode']} "
        f"{'within' if row['within_quota'] else 'over'} quota: {row['cancelResult']}, {row['newOrderResult']}"
    )


@pytest.mark.parametrize("row", ROWS, ids=_id)
async def test_each_outcome_has_its_status_code_and_results(floor: RestFloor, row: dict[str, Any]) -> None:
    if not row["within_quota"]:
        for _ in range(QUOTA - 1):
            await floor.call("POST /api/v3/order", RESTING)
    parameters = REPLACE | {name: row[name] for name in ("cancelReplaceMode", "orderRateLimitExceededMode")}
    if row["cancelResult"] == "FAILURE":
        parameters |= {"cancelOrigClientOrderId": "nothing"}
    if row["newOrderResult"] == "FAILURE" and row["within_quota"]:
        parameters |= {"quantity": "5"}
    answer = await floor.call("POST /api/v3/order/cancelReplace", parameters)
    body = answer.json()
    assert (answer.status_code, body.get("code")) == (row["http"], row["code"])
    results = body if answer.is_success else body.get("data", {})
    assert results.get("cancelResult") == row["cancelResult"]
    assert results.get("newOrderResult") == row["newOrderResult"]
    if row["newOrderResult"] == "FAILURE" and not row["within_quota"]:
        assert results["newOrderResponse"]["code"] == -1015


async def test_an_order_that_was_not_attempted_counts_all_the_same(floor: RestFloor) -> None:
    await floor.call("POST /api/v3/order/cancelReplace", REPLACE | {"cancelOrigClientOrderId": "nothing"})
    counts = (await floor.call("GET /api/v3/rateLimit/order")).json()
    assert [row["count"] for row in counts] == [2]
