"""The paper exchange's own reading of the endpoints, held against the documented one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from paper_exchange.gateway.endpoint import Endpoint
from paper_exchange.gateway.endpoints import ENDPOINTS
from paper_exchange.gateway.refusals import Rejected

SPEC = Path(__file__).parents[1] / "data" / "spec"
DOCUMENTED: dict[str, dict[str, Any]] = {
    endpoint["id"]: endpoint
    for endpoint in json.loads((SPEC / "rest_endpoints.json").read_text("utf-8"))["endpoints"]
    if endpoint["status"] != "removed"
}
SIGNING = frozenset({"timestamp", "recvWindow", "signature"})

REFUSED_BY_NAME = frozenset({"pendingQuantity"})
"""Parameters that OPO and OPOCO know only to answer -1225."""

OPTIONAL_WHEN_PEGGED = frozenset({"workingPrice"})
"""Documented as mandatory, and a few lines on as optional once workingPegPriceType is sent."""

NEEDED_BY_THE_LIST = frozenset({"pendingBelowType"})
"""Documented as optional, although these lists always have three orders."""

routes = pytest.mark.parametrize("route", sorted(DOCUMENTED))


def _parameters(route: str) -> list[dict[str, Any]]:
    return [each for each in DOCUMENTED[route].get("params", []) if each["name"] not in SIGNING]


def test_every_documented_endpoint_is_served_and_no_other() -> None:
    assert ENDPOINTS.keys() == DOCUMENTED.keys()


@routes
def test_the_parameters_of_an_endpoint_are_the_documented_ones(route: str) -> None:
    known = {parameter.name for parameter in ENDPOINTS[route].parameters}
    documented = {each["name"] for each in _parameters(route)}
    assert known - documented <= REFUSED_BY_NAME
    assert documented <= known


@routes
def test_what_is_mandatory_is_what_the_documents_say(route: str) -> None:
    known = {parameter.name for parameter in ENDPOINTS[route].parameters if parameter.mandatory}
    documented = {each["name"] for each in _parameters(route) if each["mandatory"]}
    assert documented - known <= OPTIONAL_WHEN_PEGGED
    assert known - documented <= NEEDED_BY_THE_LIST


@routes
def test_security_and_unfilled_order_count_are_the_documented_ones(route: str) -> None:
    endpoint, documented = ENDPOINTS[route], DOCUMENTED[route]
    assert endpoint.security == documented["security"]
    assert endpoint.orders == documented["unfilled_order_count"]
    assert endpoint.free_on_success == (documented.get("weight_on_success") == 0)


WORDS = [
    (route, each["name"], each["enum"])
    for route in sorted(DOCUMENTED)
    for each in _parameters(route)
    if "enum" in each and each["name"] != "permissions"
]


@pytest.mark.parametrize(("route", "name", "words"), WORDS, ids=[f"{route} {name}" for route, name, _ in WORDS])
def test_every_documented_word_is_read_and_any_other_refused(route: str, name: str, words: list[str]) -> None:
    parameter = next(each for each in ENDPOINTS[route].parameters if each.name == name)
    for word in words:
        assert parameter.read(name, word) is not None
    with pytest.raises(Rejected):
        parameter.read(name, "NONSENSE")


SEEN_ELSEWHERE = frozenset({"permissions", "newOrderRespType"})
"""Defaults that are no single word: a set of permissions, and a response type that depends on the endpoint."""

DEFAULTS = [
    (route, each["name"], each["default"])
    for route in sorted(DOCUMENTED)
    for each in _parameters(route)
    if "default" in each and each["name"] not in SEEN_ELSEWHERE
]


@pytest.mark.parametrize(("route", "name", "default"), DEFAULTS, ids=[f"{route} {name}" for route, name, _ in DEFAULTS])
def test_what_is_not_sent_is_as_if_the_default_had_been(route: str, name: str, default: object) -> None:
    parameter = next(each for each in ENDPOINTS[route].parameters if each.name == name)
    text = str(default).lower() if isinstance(default, bool) else str(default)
    assert parameter.default == parameter.read(name, text)


LIMITS = [
    (route, each["max"]) for route in sorted(DOCUMENTED) for each in _parameters(route) if each["name"] == "limit"
]


@pytest.mark.parametrize(("route", "most"), LIMITS, ids=[route for route, _ in LIMITS])
def test_a_row_limit_goes_as_far_as_documented(route: str, most: int) -> None:
    parameter = next(each for each in ENDPOINTS[route].parameters if each.name == "limit")
    assert parameter.read("limit", str(most)) == most
    assert parameter.read("limit", str(most + 1)) == most


def _cases(weight: dict[str, Any]) -> list[tuple[dict[str, str], int]]:
    """Calls that show every row of a documented weight, with their price."""
    if weight["kind"] == "fixed":
        return [({}, weight["value"])]
    if weight["kind"] == "per_item":
        each, cap = weight["each"], weight["cap"]
        return [({"symbol": "A"}, each), (_symbols(3), 3 * each), (_symbols(100), min(100 * each, cap))]
    return [case for row in weight["rows"] for case in _row_cases(row)]


def _row_cases(row: dict[str, Any]) -> list[tuple[dict[str, str], int]]:
    match row:
        case {"present": name, "each": each, "cap": cap}:
            assert name == "symbols"
            return [(_symbols(2), 2 * each), (_symbols(cap), cap)]
        case {"present": name, "weight": weight}:
            return [({name: '["A","B"]' if name == "symbols" else "1"}, weight)]
        case {"absent": _, "weight": weight} | {"invalid": _, "weight": weight}:
            return [({}, weight)]
        case {"count": _, "min": least, "weight": weight}:
            return [(_symbols(least), weight), (_symbols(row.get("max", 500)), weight)]
        case {"flag": name, "is": value, "weight": weight}:
            return [({name: str(value).lower()}, weight)]
        case {"param": name, "min": least, "max": most, "weight": weight}:
            return [({name: str(least)}, weight), ({name: str(most)}, weight)]
    raise AssertionError(row)


def _symbols(count: int) -> dict[str, str]:
    return {"symbols": json.dumps([f"S{number}" for number in range(count)])}


WEIGHTS = [
    (route, sent, weight) for route in sorted(DOCUMENTED) for sent, weight in _cases(DOCUMENTED[route]["weight"])
]


@pytest.mark.parametrize(("route", "sent", "weight"), WEIGHTS)
def test_a_call_costs_what_the_documents_say(route: str, sent: Mapping[str, str], weight: int) -> None:
    endpoint: Endpoint = ENDPOINTS[route]
    assert endpoint.cost(sent) == weight
