"""Where the WebSocket API differs from REST, the catalogue says so; everywhere else it does not differ."""

import json
from pathlib import Path
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint

SPEC = Path(__file__).parents[1] / "data" / "spec"
METHODS = {row["method"]: row for row in json.loads((SPEC / "ws_api_methods.json").read_text("utf-8"))["methods"]}
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


def _forms(documented: dict[str, Any]) -> set[type]:
    return {type(variant["shape"]) for variant in documented["variants"] if variant["kind"] == "ok"}
