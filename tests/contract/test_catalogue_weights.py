"""A call is listed with the weight that Binance's tables give it, whichever row of them it falls under."""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params

SPEC: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "spec" / "rest_endpoints.json").read_text("utf-8")
)
DOCUMENTED: list[dict[str, Any]] = [row for row in SPEC["endpoints"] if row["status"] != "removed"]
BY_ROUTE: dict[str, Endpoint[Any, Any]] = {endpoint.route.rest: endpoint for endpoint in CATALOGUE.values()}

Given = Mapping[str, Any]
VALUES: dict[str, list[Any]] = {
    "symbol": ["BTCUSDT"],
    "symbols": [[f"A{number}USDT" for number in range(count)] for count in (1, 2, 19, 20, 21, 50, 51, 100, 101, 120)],
    "symbolStatus": ["TRADING"],
    "limit": [1, 100, 101, 500, 501, 1000, 1001, 5000],
    "computeCommissionRates": [True, False],
    "orderId": [7],
    "preventedMatchId": [7],
    "fromPreventedMatchId": [7],
}
FILL = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "1", "timeInForce": "GTC"}
"""What an order needs; the symbol alone is what anything else needs."""
LEFT_OUT = object()


def items(given: Given, names: str | list[str]) -> int:
    """How many entries the named parameters hold together; a plain text is one."""
    values = [given[name] for name in ([names] if isinstance(names, str) else names) if name in given]
    return sum(len(value) if isinstance(value, tuple) else 1 for value in values)


def meets(row: Mapping[str, Any], given: Given) -> bool:
    """Whether a row of a documented weight table is about such a call."""
    if "present" in row:
        return row["present"] in given
    if "absent" in row:
        return not any(name in given for name in row["absent"])
    if "count" in row:
        return row["count"] in given and row["min"] <= items(given, row["count"]) <= row.get("max", 10**9)
    if "flag" in row:
        return bool(given.get(row["flag"], False)) is row["is"]
    if "param" in row:
        return bool(row["min"] <= given[row["param"]] <= row["max"])
    return False  # a row about an invalid symbol: such a call is refused here


def documented_weight(weight: Mapping[str, Any], given: Given) -> tuple[int | None, int | None]:
    """The documented weight of a call, and the number of the table's row; a call that no row is about has neither."""
    if weight["kind"] == "fixed":
        return weight["value"], 0
    if weight["kind"] == "per_item":
        return min(weight["each"] * items(given, weight["param"]), weight["cap"]), 0
    for number, row in enumerate(weight["rows"]):
        if meets(row, given):
            each = row.get("each")
            return (row["weight"] if each is None else min(each * items(given, row["present"]), row["cap"])), number
    return None, None


def calls(endpoint: Endpoint[Any, Any], row: Mapping[str, Any]) -> Iterator[Params]:
    """Every allowed call that can be made up of `VALUES`, each of them sent or left out."""
    orders = row["id"].startswith("POST")
    names = [param["name"] for param in row["params"]]
    base = {name: FILL[name] for name in names if name in FILL and (orders or name == "symbol")}
    free = [name for name in names if name in VALUES]
    for values in product(*([LEFT_OUT, *VALUES[name]] for name in free)):
        sent = base | dict(zip(free, values, strict=True))
        try:
            params = endpoint.params.model_validate({name: sent[name] for name in sent if sent[name] is not LEFT_OUT})
        except ValidationError:
            continue
        if not endpoint.faults(params):
            yield params


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: str(row["id"]))
def test_the_weight_of_a_call_is_the_documented_one(row: dict[str, Any]) -> None:
    endpoint, weight = BY_ROUTE[row["id"]], row["weight"]
    if weight["kind"] == "fixed":
        assert endpoint.weight == weight["value"]
        return
    tried = set()
    for params in calls(endpoint, row):
        expected, number = documented_weight(weight, params.given())
        assert expected in {endpoint.cost(params), None}, params
        tried.add(number)
    about_valid_calls = {number for number, line in enumerate(weight.get("rows", [{}])) if "invalid" not in line}
    assert tried - {None} == about_valid_calls
