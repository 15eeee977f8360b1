"""Where the WebSocket API differs from REST, the catalogue says so; everywhere else it does not differ."""

import json
from pathlib import Path
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint
from binance_spot_mcp.catalogue.session import LOG_ON, LogOnParams
from binance_spot_mcp.transport.connector import COSTS
from binance_spot_mcp.transport.rest import ANSWER_SECONDS
from binance_spot_mcp.transport.ws_api import LIFE_S

SPEC = Path(__file__).parents[1] / "data" / "spec"
DOCUMENTED: dict[str, Any] = json.loads((SPEC / "ws_api_methods.json").read_text("utf-8"))
METHODS = {row["method"]: row for row in DOCUMENTED["methods"]}
CONNECTION: dict[str, Any] = DOCUMENTED["common"]["transport"]
SHAPES: dict[str, Any] = json.loads((SPEC / "response_shapes.json").read_text("utf-8"))
COUNTED_ELSEWHERE = {"place_legacy_oco": "one page counts 1 order, the other 2; the larger is reserved"}


@pytest.mark.parametrize("endpoint", CATALOGUE.values(), ids=CATALOGUE)
def test_a_method_is_signed_and_counted_as_its_endpoint(endpoint: Endpoint[Any, Any]) -> None:
    row = METHODS[endpoint.route.ws or ""]
    assert (row["also_rest"], row["security"]) == (endpoint.route.rest, endpoint.security)
    if endpoint.name not in COUNTED_ELSEWHERE:
        assert row["unfilled_order_count"] == endpoint.order_count


@pytest.mark.parametrize("endpoint", CATALOGUE.values(), ids=CATALOGUE)
def test_an_answer_that_stands_in_an_array_over_one_protocol_alone_is_marked(endpoint: Endpoint[Any, Any]) -> None:
    over_rest = _forms(SHAPES["rest"][endpoint.route.rest])
    over_socket = _forms(SHAPES["ws"][endpoint.route.ws])
    assert endpoint.route.ws_in_array is (over_rest == {dict} and over_socket == {list})


def test_a_logon_costs_what_is_documented() -> None:
    row = METHODS[LOG_ON.route.ws or ""]
    assert row["signed"]
    assert row["weight"] == {"kind": "fixed", "value": LOG_ON.cost(LogOnParams())}
    assert row["key_types"] == ["Ed25519"]


def test_a_connection_is_kept_as_documented() -> None:
    assert COSTS["ws_api"].weight == CONNECTION["connect_weight"]
    assert CONNECTION["lifetime_hours"] * 3600 > LIFE_S
    assert CONNECTION["timeout_s"] < ANSWER_SECONDS


def _forms(documented: dict[str, Any]) -> set[type]:
    return {type(variant["shape"]) for variant in documented["variants"] if variant["kind"] == "ok"}
