"""How an endpoint turns parameters into what is sent, costs and says."""

from decimal import Decimal

import msgspec
import pytest
from pydantic import ValidationError

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import wire_text
from binance_spot_mcp.catalogue.market import (
    EXCHANGE_INFO,
    ORDER_BOOK,
    PRICE,
    ExchangeInfoParams,
    OrderBookParams,
    PriceParams,
)
from binance_spot_mcp.catalogue.schema import input_schema
from binance_spot_mcp.catalogue.statistics import DAY_TICKER, DayTickerParams
from binance_spot_mcp.catalogue.trading import PLACE_ORDER, PlaceOrderParams


def test_parameters_go_on_the_wire_in_their_order_as_text() -> None:
    params = PlaceOrderParams.model_validate(
        {
            "quantity": 0.01,
            "type": "limit",
            "side": "buy",
            "symbol": "btc/usdt",
            "price": "50000.10",
            "timeInForce": "gtc",
        }
    )
    assert list(params.wire().items()) == [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.01"),
        ("price", "50000.1"),
    ]


def test_the_server_may_set_what_it_decides() -> None:
    params = PlaceOrderParams(
        symbol="BTCUSDT", side="SELL", type="MARKET", quantity=Decimal(1), new_client_order_id="a1"
    )
    assert params.wire()["newClientOrderId"] == "a1"
    assert "newClientOrderId" not in input_schema(PlaceOrderParams)["properties"]


def test_defaults_are_sent() -> None:
    assert OrderBookParams(symbol="BTCUSDT").wire() == {"symbol": "BTCUSDT", "limit": "20"}


def test_parameters_are_members_of_a_json_object_with_money_as_text() -> None:
    order = PlaceOrderParams(symbol="BTCUSDT", side="SELL", type="MARKET", quantity=Decimal(1), strategy_id=7)
    assert order.members() == {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1", "strategyId": 7}
    info = ExchangeInfoParams.model_validate({"symbols": ["BTCUSDT", "ETHUSDT"]})
    assert msgspec.json.encode(info.members()) == b'{"symbols":["BTCUSDT","ETHUSDT"],"showPermissionSets":false}'


def test_what_may_be_too_large_for_a_message_has_no_method() -> None:
    named, all_of_them = ExchangeInfoParams.model_validate({"symbol": "BTCUSDT"}), ExchangeInfoParams()
    assert (EXCHANGE_INFO.method(named), EXCHANGE_INFO.method(all_of_them)) == ("exchangeInfo", None)
    assert PRICE.method(PriceParams()) == "ticker.price"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (Decimal("1E-8"), "0.00000001"), (("A", "B"), '["A","B"]'), (7, "7")],
)
def test_a_value_is_written_as_binance_reads_it(value: object, text: str) -> None:
    assert wire_text(value) == text


def test_a_misspelt_parameter_is_refused() -> None:
    with pytest.raises(ValidationError, match="stopprise"):
        PlaceOrderParams.model_validate({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "stopprise": "1"})


def test_null_is_left_out_but_never_in_place_of_an_amount() -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "10"}
    assert "timeInForce" not in PlaceOrderParams.model_validate(order | {"timeInForce": None}).wire()
    with pytest.raises(ValidationError, match="not null"):
        PlaceOrderParams.model_validate(order | {"price": None})


def test_faults_between_parameters_are_told_together() -> None:
    params = PlaceOrderParams(symbol="BTCUSDT", side="BUY", type="LIMIT")
    missing = [name for fault in PLACE_ORDER.faults(params) for name in fault.missing]
    assert missing == ["quantity", "timeInForce", "price", "pegPriceType"]


def test_an_answer_of_one_or_of_many_decodes() -> None:
    one = PRICE.decode(b'{"symbol":"BTCUSDT","price":"50000.10"}')
    many = PRICE.decode(b'[{"symbol":"BTCUSDT","price":"50000.10"}]')
    assert many == (one,)
    assert one.price == Decimal("50000.10")


def test_the_cost_follows_the_parameters() -> None:
    assert ORDER_BOOK.cost(OrderBookParams(symbol="BTCUSDT", limit=101)) == 25
    assert DAY_TICKER.cost(DayTickerParams()) == 80
    assert PLACE_ORDER.cost(PlaceOrderParams(symbol="BTCUSDT", side="BUY", type="MARKET")) == 1


def test_a_description_is_one_line() -> None:
    assert all("\n" not in endpoint.description and "  " not in endpoint.description for endpoint in CATALOGUE.values())


def test_a_route_is_a_method_and_a_path() -> None:
    assert (PLACE_ORDER.route.method, PLACE_ORDER.route.path) == ("POST", "/api/v3/order")


def test_a_schema_is_compact_and_complete() -> None:
    assert input_schema(OrderBookParams) == {
        "type": "object",
        "properties": {
            "symbol": {"type": "string"},
            "limit": {"type": "integer", "maximum": 5000, "description": "levels per side", "default": 20},
            "symbolStatus": {"type": "string", "enum": ["TRADING", "HALT", "BREAK"]},
        },
        "required": ["symbol"],
        "additionalProperties": False,
    }
