"""Every documented form of an answer decodes, and nothing is read that the documents do not have."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint
from binance_spot_mcp.catalogue.trading import CANCEL_ALL_ORDERS, CANCEL_REPLACE_ORDER, PLACE_ORDER, Replacement

SHAPES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "spec" / "response_shapes.json").read_text("utf-8")
)
CONDITIONAL: dict[str, str] = {row["key"]: row["type"] for row in SHAPES["conditional_order_fields"]}
BY_ROUTE: dict[str, Endpoint[Any, Any]] = {endpoint.route.rest: endpoint for endpoint in CATALOGUE.values()}
VALUES: dict[str, Any] = {
    "int": 7,
    "decimal_string": "0.50000000",
    "string": "TEXT",
    "bool": True,
    "null": None,
    "array": [],
    "filter object, see filters.json": {"filterType": "LOT_SIZE"},
}
RESULT_WORDS = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"}
VARIANTS = [
    pytest.param(route, variant["shape"], id=f"{route} {variant['variant']}")
    for route, row in SHAPES["rest"].items()
    for variant in row["variants"]
    if variant["kind"] == "ok"
]


def example(shape: Any, *, whole: bool) -> Any:
    """An answer of that shape: the least there may be, or with every optional key and every conditional order field."""
    if isinstance(shape, str):
        return VALUES[shape.split(" (")[0]]
    if isinstance(shape, Mapping) and "$tuple" in shape:
        return [example(item, whole=whole) for item in shape["$tuple"]]
    if isinstance(shape, list):
        return [example(item, whole=whole) for entry in shape for item in alternatives(entry)]
    keys = {key: item for key, item in shape.items() if whole or not key.endswith("?")}
    answer = {key.rstrip("?"): example(item, whole=whole) for key, item in keys.items()}
    extra = {key: VALUES[kind] for key, kind in CONDITIONAL.items()} if whole and "orderId" in shape else {}
    words = {key: word for key, word in RESULT_WORDS.items() if key in answer}
    return {**extra, **answer, **words, "addedByBinanceTomorrow": {"x": 1}}


def alternatives(shape: Any) -> list[Any]:
    """The forms that an entry of an array may have."""
    return list(shape["$any_of"]) if isinstance(shape, Mapping) and "$any_of" in shape else [shape]


def keys_of(shape: Any) -> Iterator[str]:
    """Every key that occurs anywhere in a shape."""
    if isinstance(shape, Mapping):
        for key, item in shape.items():
            yield key.rstrip("?")
            yield from keys_of(item)
    elif isinstance(shape, list):
        for item in shape:
            yield from keys_of(item)


def fields_of(kind: msgspec.inspect.Type) -> Iterator[str]:
    """Every wire name that a type reads, also in nested types."""
    match kind:
        case msgspec.inspect.StructType(fields=fields, array_like=array_like):
            for field in fields:
                if not array_like:
                    yield field.encode_name
                yield from fields_of(field.type)
        case msgspec.inspect.UnionType(types=types) | msgspec.inspect.TupleType(item_types=types):
            for item in types:
                yield from fields_of(item)
        case msgspec.inspect.VarTupleType(item_type=item):
            yield from fields_of(item)
        case _:
            return


def encoded(answer: object) -> bytes:
    return json.dumps(answer).encode()


@pytest.mark.parametrize("whole", [False, True], ids=["least", "whole"])
@pytest.mark.parametrize(("route", "shape"), VARIANTS)
def test_every_documented_form_decodes(route: str, shape: Any, whole: bool) -> None:
    answer = example(shape, whole=whole)
    decoded = BY_ROUTE[route].decode(encoded(answer))
    if isinstance(answer, list):
        assert len(decoded) == len(answer)
    read_again = BY_ROUTE[route].decode(msgspec.json.encode(decoded))
    assert msgspec.json.encode(read_again) == msgspec.json.encode(decoded)


DOCUMENTED_KEYS = {*keys_of([shape for row in SHAPES["rest"].values() for shape in row["variants"]]), *CONDITIONAL}


@pytest.mark.parametrize("endpoint", CATALOGUE.values(), ids=CATALOGUE)
def test_nothing_is_read_under_a_name_that_no_document_has(endpoint: Endpoint[Any, Any]) -> None:
    assert set(fields_of(msgspec.inspect.type_info(endpoint.result))) <= DOCUMENTED_KEYS


def documented_error(route: str, variant: str) -> Any:
    shapes = {row["variant"]: row["shape"] for row in SHAPES["rest"][route]["variants"]}
    return example(shapes[variant], whole=False)


def test_the_data_of_a_failed_replacement_tells_both_halves() -> None:
    error = documented_error(CANCEL_REPLACE_ORDER.route.rest, "cancel ok, new failed (error)")
    halves = msgspec.convert(error["data"], Replacement)
    assert (halves.cancel_result, halves.new_order_result) == ("SUCCESS", "FAILURE")
    assert halves.cancel_response is not None
    assert (halves.cancel_response.order_id, halves.cancel_response.code) == (7, None)
    assert halves.new_order_response is not None
    assert (halves.new_order_response.code, halves.new_order_response.msg) == (7, "TEXT")


def test_cancel_all_tells_orders_from_lists() -> None:
    shape = SHAPES["rest"][CANCEL_ALL_ORDERS.route.rest]["variants"][0]["shape"]
    order, order_list = CANCEL_ALL_ORDERS.decode(encoded(example(shape, whole=True)))
    assert (order.order_id, order.order_reports) == (7, ())
    assert (order_list.list_order_status, len(order_list.order_reports)) == ("TEXT", 1)


def test_an_amount_of_zero_that_means_not_in_use_is_left_out() -> None:
    shape = SHAPES["rest"][PLACE_ORDER.route.rest]["variants"][2]["shape"]
    answer = example(shape, whole=False) | {"price": "0.00000000", "origQuoteOrderQty": "0.0", "executedQty": "0.0"}
    report = PLACE_ORDER.decode(encoded(answer))
    assert (report.price, report.orig_quote_order_qty, report.executed_qty) == (None, None, 0)
    assert b"price" not in msgspec.json.encode(msgspec.structs.replace(report, fills=()))


def test_an_answer_of_another_form_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        PLACE_ORDER.decode(b'{"code":-2010,"msg":"Account has insufficient balance for requested action."}')
    with pytest.raises(msgspec.DecodeError):
        PLACE_ORDER.decode(b"<html>")
