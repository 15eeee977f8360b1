"""The catalogue says what Binance's documents say: endpoints, parameters, types, enums, security, weights."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import SERVER_DECIDES, Endpoint, Params, wire_text
from binance_spot_mcp.catalogue.schema import input_schema

SPEC: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "spec" / "rest_endpoints.json").read_text("utf-8")
)
DOCUMENTED: dict[str, dict[str, Any]] = {row["id"]: row for row in SPEC["endpoints"] if row["status"] != "removed"}
BY_ROUTE: dict[str, Endpoint[Any, Any]] = {endpoint.route.rest: endpoint for endpoint in CATALOGUE.values()}

ADDED_BY_SIGNING = {row["name"] for row in SPEC["common"]["signed_params"]}

WHERE_THE_DOCUMENTS_ARE_NOT_FOLLOWED = {
    "workingPrice is optional": "it is listed as mandatory, but a peg may stand in its place; a rule demands either",
    "pendingBelowType is mandatory": "it is listed as optional, but the list always holds both pending orders",
    "aboveIcebergQty and belowIcebergQty are amounts": "they are listed as LONG, but are quantities",
    "the trailing deltas of pending legs are integers": "they are listed as DECIMAL, but are whole basis points",
    "a LIMIT_MAKER leg of an OCO may be an iceberg": "its page demands timeInForce GTC, which LIMIT_MAKER cannot carry",
}
"""The last one is about a rule: see test_catalogue_rules.py."""
MANDATORY_INSTEAD = {"workingPrice": False, "pendingBelowType": True}
TYPE_INSTEAD = {
    "aboveIcebergQty": "DECIMAL",
    "belowIcebergQty": "DECIMAL",
    "pendingTrailingDelta": "LONG",
    "pendingAboveTrailingDelta": "LONG",
    "pendingBelowTrailingDelta": "LONG",
}

DECIDED_BY_THE_SERVER = re.compile(
    r"newClientOrderId|cancelNewClientOrderId|newOrderRespType|listClientOrderId"
    r"|(above|below|working|pending|pendingAbove|pendingBelow|limit|stop)ClientOrderId"
)
TOOLS = {
    "market": "ping_binance get_server_time get_exchange_info get_execution_rules get_order_book get_recent_trades "
    "get_historical_trades get_historical_block_trades get_aggregate_trades get_historical_prices get_ui_klines "
    "get_average_price get_24hr_ticker get_trading_day_ticker get_price get_book_ticker get_rolling_window_ticker "
    "get_reference_price get_reference_price_calculation",
    "trading": "place_order test_order cancel_order cancel_all_orders cancel_replace_order amend_order place_sor_order "
    "test_sor_order get_order get_open_orders get_all_orders",
    "lists": "place_oco place_oto place_otoco place_opo place_opoco place_legacy_oco cancel_order_list get_order_list "
    "get_open_order_lists get_all_order_lists",
    "account": "get_account get_my_trades get_order_rate_limits get_prevented_matches get_allocations "
    "get_commission_rates get_order_amendments get_my_filters",
}
"""Names that people's prompts rely on."""


def parameters() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every documented parameter that is no part of signing, with its endpoint's route."""
    for route, row in DOCUMENTED.items():
        yield from ((route, param) for param in row["params"] if param["name"] not in ADDED_BY_SIGNING)


PARAMETERS = [
    pytest.param(BY_ROUTE[route], param, id=f"{route} {param['name']}")
    for route, param in parameters()
    if route in BY_ROUTE
]
ENDPOINTS = [pytest.param(BY_ROUTE[route], row, id=route) for route, row in DOCUMENTED.items() if route in BY_ROUTE]


def field_of(endpoint: Endpoint[Any, Any], wire_name: str) -> FieldInfo:
    fields: dict[str, FieldInfo] = endpoint.params.model_fields
    found = [info for info in fields.values() if info.alias == wire_name]
    assert found, f"{endpoint.name} lacks {wire_name}"
    return found[0]


def read(info: FieldInfo, value: object) -> str | None:
    """What would go on the wire for a value, None if it is refused."""
    try:
        return wire_text(TypeAdapter(info.rebuild_annotation()).validate_python(value))
    except ValidationError:
        return None


def test_exceptions_are_few_and_reasoned() -> None:
    assert len(WHERE_THE_DOCUMENTS_ARE_NOT_FOLLOWED) <= 5


def test_every_documented_endpoint_is_in_the_catalogue_and_no_other() -> None:
    assert set(BY_ROUTE) == set(DOCUMENTED)
    assert len(CATALOGUE) == SPEC["_meta"]["counts"]["documented"] == 48


def test_tools_keep_their_names_and_their_order() -> None:
    assert list(CATALOGUE) == " ".join(TOOLS.values()).split()
    assert [endpoint.toolset for endpoint in CATALOGUE.values()] == [
        toolset for toolset, names in TOOLS.items() for _ in names.split()
    ]
    assert all(name == endpoint.name for name, endpoint in CATALOGUE.items())


@pytest.mark.parametrize(("endpoint", "row"), ENDPOINTS)
def test_an_endpoint_has_the_documented_properties(endpoint: Endpoint[Any, Any], row: dict[str, Any]) -> None:
    assert endpoint.route.ws == row["also_ws_method"]
    assert endpoint.security == row["security"]
    assert endpoint.signed == row["signed"]
    assert endpoint.order_count == row["unfilled_order_count"]
    assert endpoint.data_only == row["hosts"].get("data_only", False)
    assert endpoint.source == row["doc"]
    # amend's note says that the listed weight holds, and 0 in a case that cannot be foreseen
    success = row.get("weight_on_success")
    assert endpoint.weight_on_success == (success if isinstance(success, int) else None)


@pytest.mark.parametrize(("endpoint", "row"), ENDPOINTS)
def test_only_calls_that_may_create_an_order_are_effect_place(
    endpoint: Endpoint[Any, Any], row: dict[str, Any]
) -> None:
    if row["method"] == "GET":
        assert endpoint.effect == "read"
    elif row["method"] == "DELETE":
        assert endpoint.effect == "cancel"
    elif row["path"].endswith("/test"):
        assert endpoint.effect == "test"
    elif row["method"] == "PUT":
        assert endpoint.effect == "amend"
    else:
        assert endpoint.effect == "place"
        assert row["open_orders_added"] == endpoint.order_count > 0


@pytest.mark.parametrize(("endpoint", "row"), ENDPOINTS)
def test_an_endpoint_has_the_documented_parameters_and_no_other(
    endpoint: Endpoint[Any, Any], row: dict[str, Any]
) -> None:
    documented = {param["name"] for param in row["params"]} | set(row["implicit_params"])
    added = ADDED_BY_SIGNING if endpoint.signed else set()
    assert {info.alias for info in endpoint.params.model_fields.values()} | added == documented


@pytest.mark.parametrize(("endpoint", "param"), PARAMETERS)
def test_a_parameter_is_mandatory_where_the_documents_say_so(
    endpoint: Endpoint[Any, Any], param: dict[str, Any]
) -> None:
    expected = MANDATORY_INSTEAD.get(param["name"], param["mandatory"])
    assert field_of(endpoint, param["name"]).is_required() == expected


@pytest.mark.parametrize(("endpoint", "param"), PARAMETERS)
def test_what_the_server_decides_is_shown_to_no_agent(endpoint: Endpoint[Any, Any], param: dict[str, Any]) -> None:
    names_something_new = bool(DECIDED_BY_THE_SERVER.fullmatch(param["name"])) and not (
        param["name"] == "listClientOrderId" and endpoint.effect == "cancel"
    )
    assert (SERVER_DECIDES in field_of(endpoint, param["name"]).metadata) == names_something_new
    assert (param["name"] in input_schema(endpoint.params)["properties"]) == (not names_something_new)


ENUM_WORDS = {word for _, param in parameters() for word in param.get("enum", [])} | {"LONG", "7m", ""}


@pytest.mark.parametrize(("endpoint", "param"), PARAMETERS)
def test_a_parameter_has_the_documented_type_and_values(endpoint: Endpoint[Any, Any], param: dict[str, Any]) -> None:
    info = field_of(endpoint, param["name"])
    kind = TYPE_INSTEAD.get(param["name"], param["type"])
    if str(param.get("wire", "")).startswith("json_array_string"):
        assert read(info, ["BTCUSDT", "ethusdt"]) == '["BTCUSDT","ETHUSDT"]'
    elif "enum" in param:
        one = '["{}"]' if "wire" in param else "{}"
        assert {word for word in ENUM_WORDS if read(info, word) == one.format(word)} == set(param["enum"])
        assert {word for word in ENUM_WORDS if read(info, word) is not None} == set(param["enum"])
    elif kind == "DECIMAL":
        assert read(info, "0.50") == "0.5"
        assert read(info, "half") is None
    elif kind in {"LONG", "INT"}:
        sample = 1_600_000_000_000 if param["name"].endswith("Time") else param.get("min", 7)
        assert read(info, sample) == read(info, str(sample)) == str(sample)
        assert read(info, sample + 0.5) is None
        assert read(info, "many") is None
    elif kind == "BOOLEAN":
        assert (read(info, True), read(info, "false"), read(info, 1)) == ("true", "false", None)
    else:
        assert kind in {"STRING", "ENUM"}


@pytest.mark.parametrize(("endpoint", "param"), PARAMETERS)
def test_a_parameter_has_the_documented_bounds(endpoint: Endpoint[Any, Any], param: dict[str, Any]) -> None:
    info = field_of(endpoint, param["name"])
    if "min" in param:
        assert read(info, param["min"]) == str(param["min"])
        assert read(info, param["min"] - 1) is None
    if "max" in param:
        assert read(info, param["max"]) == str(param["max"])
        assert read(info, param["max"] + 1) is None
    if "range" in param:
        assert read(info, param["range"]["min"]) == param["range"]["min"]
        assert read(info, param["range"]["max"]) == param["range"]["max"]
        assert read(info, "-12:01") is read(info, "+14:01") is None
    if "pattern" in param:
        windows = [f"{number}{unit}" for number in range(70) for unit in "smhdwM"]
        accepted = {window for window in windows if read(info, window) == window}
        assert accepted == {window for window in windows if re.fullmatch(param["pattern"], window)}


def test_a_symbol_may_have_the_observed_letters_and_length() -> None:
    info = field_of(CATALOGUE["get_price"], "symbol")
    assert read(info, "A" * 50) == "A" * 50
    assert read(info, "A" * 51) is None
    assert read(info, "币安人生USDT") == "币安人生USDT"
    assert SPEC["common"]["observed_patterns"]["symbol"].endswith("{1,50}$ (Java regex: intersection)")


@pytest.mark.parametrize(("endpoint", "param"), PARAMETERS)
def test_a_default_of_ours_makes_an_answer_smaller_and_does_nothing_else(
    endpoint: Endpoint[Any, Any], param: dict[str, Any]
) -> None:
    info = field_of(endpoint, param["name"])
    if info.is_required() or info.default is None:
        return
    if param["name"] == "limit":
        assert info.default <= param["default"]
    elif param["name"] in {"omitZeroBalances", "showPermissionSets"}:
        assert info.default is not param["default"]
    else:
        assert wire_text(info.default) == wire_text(param["default"])


def test_a_parameter_may_be_named_in_snake_case_but_not_twice() -> None:
    params: type[Params] = CATALOGUE["get_historical_prices"].params
    asked = {"symbol": "BTCUSDT", "interval": "1h", "start_time": "2024-01-01"}
    assert params.model_validate(asked).wire()["startTime"] == "1704067200000"
    with pytest.raises(ValidationError):
        params.model_validate(asked | {"startTime": 1_704_067_200_001})
