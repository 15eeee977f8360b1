"""Arguments: forgiving where there is one meaning, and a teaching refusal everywhere else."""

from decimal import Decimal
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.surface.arguments import check_size, nearest, read_arguments, read_otherwise

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2"}


def read(tool: str, **arguments: Any) -> dict[str, object]:
    """What a tool makes of its arguments."""
    endpoint = CATALOGUE[tool]
    params: Params = read_arguments(endpoint.params, arguments, endpoint.rules)
    return params.given()


def refused(tool: str, **arguments: Any) -> InvalidInput:
    """Why a tool refuses its arguments."""
    with pytest.raises(InvalidInput) as refusal:
        read(tool, **arguments)
    return refusal.value


def test_both_spellings_of_a_name_are_read() -> None:
    wire = {"timeInForce": "GTC"}
    snake = {"time_in_force": "GTC"}
    rest = {name: value for name, value in ORDER.items() if name != "timeInForce"}
    assert read("place_order", **rest, **wire) == read("place_order", **rest, **snake)


def test_a_parameter_in_both_spellings_is_refused() -> None:
    error = refused("place_order", **ORDER, time_in_force="IOC")
    assert (error.code, error.details["param"]) == ("INVALID_ARGUMENT", "timeInForce")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("qty", "quantity"),
        ("stopprise", "stopPrice"),
        ("STOPPRICE", "stopPrice"),
        ("stop-price", "stopPrice"),
        ("tif", "timeInForce"),
        ("simbol", "symbol"),
    ],
)
def test_an_unknown_name_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    error = refused("place_order", **{name: "1"})
    assert (error.code, error.fix) == ("UNKNOWN_ARGUMENT", {meant: "1"})
    assert f"did you mean {meant}?" in error.message


def test_a_slip_beside_the_right_name_does_not_correct_it() -> None:
    error = refused("place_order", **ORDER, qty="5")
    assert (error.code, error.fix) == ("UNKNOWN_ARGUMENT", {})
    assert "did you mean quantity?" in error.message


def test_a_correction_is_whole_or_not_given() -> None:
    error = refused("get_price", simbols=[f"SYMBOL{number}" for number in range(50)])
    assert "did you mean symbols?" in error.message
    assert error.fix == {}


def test_a_name_like_no_other_is_refused_with_all_that_there_are() -> None:
    error = refused("get_average_price", symbol="BTCUSDT", zzzz=1)
    assert "It takes symbol." in error.message
    assert error.details == {"param": "zzzz", "allowed": ["symbol"]}


@pytest.mark.parametrize(
    "name", ["newClientOrderId", "new_client_order_id", "listClientOrderId", "newclientorderid", "origClientOrderId"]
)
def test_client_order_ids_are_the_server_s_to_choose(name: str) -> None:
    error = refused("place_order", **ORDER, **{name: "mine"})
    assert error.code == "UNKNOWN_ARGUMENT"
    assert "The server chooses client order ids; they come back in the answer." in error.message
    assert "intent_id" not in error.message


def test_who_wants_to_name_an_order_is_pointed_to_the_name_of_the_call() -> None:
    endpoint = CATALOGUE["place_order"]
    with pytest.raises(InvalidInput, match="give intent_id"):
        read_arguments(endpoint.params, ORDER | {"newClientOrderId": "mine"}, endpoint.rules, ("intent_id", "detail"))


@pytest.mark.parametrize(
    "name", ["timestamp", "signature", "recvWindow", "apiKey", "secretKey", "newOrderRespType", "confirm", "force"]
)
def test_what_the_server_decides_is_no_argument(name: str) -> None:
    error = refused("place_order", **ORDER, **{name: "1"})
    assert (error.code, error.fix) == ("UNKNOWN_ARGUMENT", {})
    assert "leave it out" in error.message
    assert "did you mean" not in error.message


@pytest.mark.parametrize("nothing", [None, "null", "NaN", "Infinity", True, "", "-1", "0", 0, "1e400"])
@pytest.mark.parametrize("name", ["price", "quantity"])
def test_no_amount_is_ever_guessed(name: str, nothing: object) -> None:
    error = refused("place_order", **(ORDER | {name: nothing}))
    assert (error.code, error.details["param"]) == ("INVALID_ARGUMENT", name)
    assert error.message.startswith(f"{name} must be")


def test_the_right_text_of_an_amount_is_at_hand() -> None:
    assert refused("place_order", **(ORDER | {"quantity": "0,5"})).fix == {"quantity": "0.5"}
    assert read("place_order", **(ORDER | {"quantity": 0.01}))["quantity"] == Decimal("0.01")


def test_missing_parameters_are_named_together() -> None:
    error = refused("place_order", symbol="BTCUSDT")
    assert error.code == "MISSING_ARGUMENT"
    assert error.message == "side and type must be given."
    assert error.details["missing"] == ["side", "type"]


def test_a_rule_between_parameters_is_explained() -> None:
    error = refused("place_order", **{name: value for name, value in ORDER.items() if name != "price"})
    assert error.code == "MISSING_ARGUMENT"
    assert "price" in error.details["missing"]
    error = refused("get_price", symbol="BTCUSDT", symbols=["ETHUSDT"])
    assert (error.code, error.details) == ("INVALID_ARGUMENT", {"refused": ["symbol", "symbols"]})


def test_null_means_left_out_where_no_money_is_meant() -> None:
    arguments = {"symbol": "BTCUSDT", "limit": 5}
    assert read("get_aggregate_trades", **arguments, startTime=None) == read("get_aggregate_trades", **arguments)
    book = {"symbol": "BTCUSDT", "limit": None}
    assert read("get_order_book", **book) == read("get_order_book", symbol="BTCUSDT")
    assert read_otherwise(read_arguments(CATALOGUE["get_order_book"].params, book), book) == {}


def test_what_was_read_otherwise_is_told() -> None:
    endpoint = CATALOGUE["get_price"]
    sent = {"symbols": "btcusdt,ETH/USDT", "symbolStatus": "trading"}
    assert read_otherwise(read_arguments(endpoint.params, sent), sent) == {
        "symbols": '["BTCUSDT","ETHUSDT"]',
        "symbolStatus": "TRADING",
    }


def test_what_was_read_as_written_is_not_told() -> None:
    params = read_arguments(CATALOGUE["place_order"].params, ORDER)
    assert read_otherwise(params, ORDER) == {}


@pytest.mark.parametrize("large", ["B" * 66_000, 10**5_000, ["BTCUSDT"] * 10_000], ids=["text", "number", "list"])
def test_arguments_above_64_kilobytes_are_refused(large: object) -> None:
    check_size({"symbols": ["BTCUSDT"] * 1_000})
    with pytest.raises(InvalidInput) as refusal:
        check_size({"symbol": large})
    assert refusal.value.code == "TOO_LARGE"


def test_a_long_value_is_not_repeated() -> None:
    error = refused("get_average_price", symbol="B" * 60_000)
    assert len(error.message) < 300
    assert len(error.details["given"]) <= 80


def test_the_nearest_name_is_none_where_nothing_is_near() -> None:
    assert nearest("zzzz", ["symbol", "limit"]) is None
