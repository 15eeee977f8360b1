"""What a failure looks like: every field that says something, none that does not, nothing raw."""

from decimal import Decimal

import msgspec

from binance_spot_mcp.errors import ExchangeError, FilterFailure, PartlyDone, RateLimited
from binance_spot_mcp.surface.layout import encode
from binance_spot_mcp.surface.render import failure, success


def test_a_failure_carries_every_field_that_is_not_empty() -> None:
    error = FilterFailure(
        "LOT_SIZE: quantity 0.0123456 is not a multiple of 0.00001 on BTCUSDT.",
        fix={"quantity": "0.01234"},
        next="check_order",
        details={"filter": "LOT_SIZE", "step": Decimal("0.00001000")},
        exchange=ExchangeError(-1013, "Filter failure: LOT_SIZE"),
    )
    assert failure("paper", error) == {
        "ok": False,
        "env": "paper",
        "code": "FILTER_VIOLATION",
        "message": "LOT_SIZE: quantity 0.0123456 is not a multiple of 0.00001 on BTCUSDT.",
        "sent": "no",
        "retry": "after_fix",
        "fix": {"quantity": "0.01234"},
        "next": "check_order",
        "details": {"filter": "LOT_SIZE", "step": "0.00001"},
        "exchange": {"code": -1013, "msg": "Filter failure: LOT_SIZE"},
    }


def test_empty_fields_are_left_out() -> None:
    body = failure("live", RateLimited("Wait.", retry_at_ms=0))
    assert body.keys() == {"ok", "env", "code", "message", "sent", "retry", "retry_at_ms"}


def test_an_exchange_that_gave_no_code_has_none() -> None:
    error = RateLimited("Wait.", exchange=ExchangeError(None, "a\u202eb"))
    assert failure("live", error)["exchange"] == {"msg": "ab"}


def test_both_halves_of_a_request_are_shown() -> None:
    halves = {"cancelResult": "SUCCESS", "newOrderResponse": {"code": -2010, "msg": "no\u200b"}}
    error = PartlyDone("Half of it.", exchange=ExchangeError(-2021, "Half.", data=halves))
    assert failure("paper", error)["exchange"]["data"] == {
        "cancelResult": "SUCCESS",
        "newOrderResponse": {"code": -2010, "msg": "no"},
    }


def test_a_fact_without_a_form_in_json_or_too_long_is_told_in_words() -> None:
    body = failure("paper", RateLimited("Wait.", details={"odd": object(), "long": ["x" * 500] * 500}))
    assert "object" in body["details"]["odd"]
    assert len(encode(body)) < 500


def test_a_success_is_spread_at_the_top() -> None:
    assert success("paper", {"price": "1"}) == {"ok": True, "env": "paper", "price": "1"}
    assert success("paper", [1, 2]) == {"ok": True, "env": "paper", "items": [1, 2]}
    assert success("paper", []) == {"ok": True, "env": "paper", "columns": [], "rows": []}
    assert success("paper", 7) == {"ok": True, "env": "paper", "result": 7}


def test_text_is_the_shortest_json() -> None:
    assert encode(success("paper", {"名": ["1"]})) == '{"ok":true,"env":"paper","名":["1"]}'
    assert msgspec.json.decode(encode({"a": None})) == {"a": None}
