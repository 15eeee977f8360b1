"""How each kind of parameter is read, and with what it is refused."""

from decimal import Decimal
from typing import Any

import pytest

from paper_exchange.gateway import parameters as p
from paper_exchange.gateway.parameters import Parameter, read_all
from paper_exchange.gateway.refusals import Rejected

NOTHING_ELSE: frozenset[str] = frozenset()


def _refused(parameter: Parameter[Any], text: str) -> tuple[int, str]:
    with pytest.raises(Rejected) as refusal:
        read_all((parameter,), {parameter.name: text}, NOTHING_ELSE)
    return refusal.value.code, refusal.value.msg


def _read(parameter: Parameter[Any], text: str) -> object:
    return read_all((parameter,), {parameter.name: text}, NOTHING_ELSE)[parameter]


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (p.symbol(), "BTCUSDT", "BTCUSDT"),
        (p.symbol(), "币安人生USDT", "币安人生USDT"),
        (p.symbol_list(), '["BTCUSDT","ETHUSDT"]', ("BTCUSDT", "ETHUSDT")),
        (p.whole("orderId"), "9223372036854775807", 2**63 - 1),
        (p.row_limit(), "5000", 1000),
        (p.row_limit(), "7", 7),
        (p.moment("startTime"), "1700000000000", 1_700_000_000_000_000),
        (p.moment("startTime"), "1700000000000001", 1_700_000_000_000_001),
        (p.amount("price"), "0.10000000", Decimal("0.1")),
        (p.amount("price"), "100", Decimal(100)),
        (p.flag("omitZeroBalances"), "TRUE", True),
        (p.name_or_list("permissions", frozenset({"SPOT", "MARGIN"}), ()), "SPOT", ("SPOT",)),
        (p.name_or_list("permissions", frozenset({"SPOT", "MARGIN"}), ()), '["SPOT","MARGIN"]', ("SPOT", "MARGIN")),
    ],
)
def test_a_good_value_is_read(parameter: Parameter[Any], text: str, value: object) -> None:
    assert _read(parameter, text) == value


_LEGAL = "Illegal characters found in parameter '{}'; legal range is '{}'."
_INVALID = "Data sent for parameter '{}' is not valid."
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


@pytest.mark.parametrize(
    ("parameter", "text", "code", "msg"),
    [
        (p.symbol(), "btcusdt", -1100, _LEGAL.format("symbol", r"^[\w\-._&&[^a-z]]{1,50}$")),
        (p.symbol(), "BTC/USDT", -1100, _LEGAL.format("symbol", r"^[\w\-._&&[^a-z]]{1,50}$")),
        (p.symbol_list(), "BTCUSDT", -1135, "JSON sent for parameter 'symbols' is not valid"),
        (p.symbol_list(), "[]", -1130, _INVALID.format("symbols")),
        (p.symbol_list(), '["A","A"]', -1151, "Symbol is present multiple times in the list."),
        (
            p.symbol_list(maximum=1),
            '["A","B"]',
            -1101,
            "Too many values sent for parameter 'symbols', maximum allowed up to 1.",
        ),
        (p.whole("orderId"), "-1", -1100, _LEGAL.format("orderId", "^[0-9]{1,20}$")),
        (p.whole("orderId"), "9223372036854775808", -1108, "Parameter 'orderId' overflowed."),
        (p.row_limit(), "0", -1130, _INVALID.format("limit")),
        (p.amount("price"), "1e-5", -1100, _LEGAL.format("price", _DECIMAL)),
        (p.amount("price"), "-1", -1100, _LEGAL.format("price", _DECIMAL)),
        (p.flag("omitZeroBalances"), "yes", -1130, _INVALID.format("omitZeroBalances")),
        (p.orig_client_id("origClientOrderId"), "", -1119, "Original client order ID was empty."),
        (p.new_client_id("newClientOrderId"), "", -1118, "New client order ID was empty."),
        (p.new_client_id("newClientOrderId"), "a b", -1100, _LEGAL.format("newClientOrderId", "^[a-zA-Z0-9-_]{1,36}$")),
        (p.whole("fromId"), "", -1105, "Parameter 'fromId' was empty."),
        (
            p.symbol().required,
            "",
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
    ],
)
def test_a_bad_value_is_refused_with_its_code_and_text(
    parameter: Parameter[Any], text: str, code: int, msg: str
) -> None:
    assert _refused(parameter, text) == (code, msg)


def test_more_parameters_than_an_endpoint_has_are_counted_before_any_is_read() -> None:
    with pytest.raises(Rejected) as refusal:
        read_all((p.symbol().required,), {"symbol": "btc", "one": "1", "two": "2"}, NOTHING_ELSE)
    assert (refusal.value.code, refusal.value.msg) == (-1101, "Too many parameters; expected '1' and received '3'.")


def test_an_unknown_name_is_named_by_how_many_were_read() -> None:
    table = (p.symbol().required, p.row_limit())
    with pytest.raises(Rejected) as refusal:
        read_all(table, {"symbol": "BTCUSDT", "limt": "5", "timestamp": "1"}, frozenset({"timestamp"}))
    assert refusal.value.code == -1104
    assert refusal.value.msg == "Not all sent parameters were read; read '2' parameter(s) but was sent '3'."


def test_an_amount_finer_than_its_asset_is_refused() -> None:
    price = p.amount("price")
    arguments = read_all((price,), {"price": "0.123"}, NOTHING_ELSE)
    assert arguments.precise(price, 3) == Decimal("0.123")
    with pytest.raises(Rejected) as refusal:
        arguments.precise(price, 2)
    assert (refusal.value.code, refusal.value.msg) == (-1111, "Parameter 'price' has too much precision.")
