"""How answers are laid out: columns and rows, plain amounts, nothing idle; and in full, nothing lost."""

from decimal import Decimal

import msgspec
import pytest

from binance_spot_mcp.catalogue.endpoint import Payload
from binance_spot_mcp.catalogue.market import HISTORICAL_PRICES
from binance_spot_mcp.surface.layout import concise, exact


class Fill(Payload, frozen=True):
    trade_id: int
    price: Decimal
    commission: Decimal | None = None


class Execution(Payload, frozen=True):
    order_id: int
    order_list_id: int = -1
    fills: tuple[Fill, ...] = ()
    rules: msgspec.Raw = msgspec.Raw(b"[]")


def test_a_list_of_structs_is_columns_and_rows_and_leaves_out_what_no_row_has() -> None:
    fills = (Fill(trade_id=1, price=Decimal("1.500")), Fill(trade_id=2, price=Decimal("1E-5")))
    assert concise(fills) == {"columns": ["tradeId", "price"], "rows": [[1, "1.5"], [2, "0.00001"]]}


def test_a_column_that_one_row_has_is_null_in_the_others() -> None:
    fills = (
        Fill(trade_id=1, price=Decimal(1)),
        Fill(trade_id=2, price=Decimal(1), commission=Decimal("0.10")),
        Fill(trade_id=3, price=Decimal(1)),
    )
    table = concise(fills)
    assert table["columns"] == ["tradeId", "price", "commission"]
    assert [row[2] for row in table["rows"]] == [None, "0.1", None]


def test_fields_at_their_default_are_left_out() -> None:
    assert concise(Execution(order_id=7)) == {"orderId": 7}


def test_what_is_null_for_a_reason_is_shown() -> None:
    class Reference(Payload, frozen=True):
        price: Decimal | None

    assert concise(Reference(price=None)) == {"price": None}


def test_a_raw_part_loses_its_idle_zeros_and_nothing_else() -> None:
    raw = msgspec.Raw(b'[{"filterType":"LOT_SIZE","stepSize":"0.00001000"},{"maxNumOrders":200,"note":"v1.0.0"}]')
    assert concise(raw) == [{"filterType": "LOT_SIZE", "stepSize": "0.00001"}, {"maxNumOrders": 200, "note": "v1.0.0"}]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("1.000", "1"), ("0.10", "0.1"), ("0.00000000", "0"), ("100", "100"), ("-2.50", "-2.5"), ("1.05", "1.05")],
)
def test_zeros_that_say_nothing_are_cut(written: str, shown: str) -> None:
    assert concise(msgspec.Raw(msgspec.json.encode(written))) == shown


def test_full_keeps_every_digit_and_every_field() -> None:
    raw = b'[{"id":1,"price":"1.50000000","new":{"x":1.10}},{"id":2,"price":"2.00000000","new":null}]'
    assert exact(raw) == {
        "columns": ["id", "price", "new"],
        "rows": [[1, "1.50000000", {"x": "1.10"}], [2, "2.00000000", None]],
    }


def test_full_names_the_columns_of_rows_that_are_bare_arrays() -> None:
    row = [1_700_000_000_000, "1.0", "2.00", "0.5", "1.5", "10.0", 1_700_000_059_999, "5.0", 3, "1.0", "2.0", "0"]
    table = exact(msgspec.json.encode([row]), HISTORICAL_PRICES.result)
    assert table["rows"] == [row]
    assert table["columns"][:8] == ["openTime", "open", "high", "low", "close", "volume", "closeTime", "quoteVolume"]
    assert len(table["columns"]) == len(set(table["columns"])) == len(row)


def test_unlike_objects_stay_objects() -> None:
    rules = [{"a": 1, "b": 2}, {"c": 3, "d": 4}, {"e": 5}]
    assert exact(msgspec.json.encode(rules)) == rules


def test_text_from_the_exchange_is_cleaned_in_both_forms() -> None:
    class Said(Payload, frozen=True):
        msg: str

    raw = msgspec.json.encode({"msg\u202e": "a\u200bb"})
    assert concise(Said(msg="a\u200bb")) == {"msg": "ab"}
    assert exact(raw) == concise(msgspec.Raw(raw)) == {"msg": "ab"}
