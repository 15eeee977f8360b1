"""What a broken rule says, and what it names. That the rules are Binance's is shown by the contract tests."""

from decimal import Decimal

import pytest

from binance_spot_mcp.catalogue.rules import (
    ANY,
    Allowed,
    AtMostOne,
    Broken,
    Combinations,
    LessThan,
    MaxItems,
    MaxSpan,
    Needs,
    OnlyWith,
    Refuses,
    Rule,
    Together,
    broken,
)

HOUR = 3_600_000
LIMIT = {"type": "LIMIT"}


@pytest.mark.parametrize(
    ("rule", "given", "fault"),
    [
        (
            Needs({"type": ("LIMIT", "LIMIT_MAKER")}, all_of=("quantity", "price")),
            LIMIT,
            Broken("With type LIMIT: quantity, price must be given.", missing=("quantity", "price")),
        ),
        (
            Needs({}, any_of=("orderId", "origClientOrderId")),
            {},
            Broken("Give orderId or origClientOrderId.", missing=("orderId", "origClientOrderId")),
        ),
        (
            Needs({"type": ("MARKET",)}, one_of=("quantity", "quoteOrderQty")),
            {"type": "MARKET", "quantity": "1", "quoteOrderQty": "1"},
            Broken(
                "With type MARKET: give only one of quantity, quoteOrderQty.", refused=("quantity", "quoteOrderQty")
            ),
        ),
        (
            Needs({"type": ("MARKET",)}, one_of=("quantity", "quoteOrderQty")),
            {"type": "MARKET"},
            Broken(
                "With type MARKET: give exactly one of quantity, quoteOrderQty.", missing=("quantity", "quoteOrderQty")
            ),
        ),
        (
            Refuses({"fromId": ANY}, ("startTime", "endTime")),
            {"fromId": 1, "endTime": 2},
            Broken("With fromId: leave out endTime.", refused=("endTime",)),
        ),
        (
            OnlyWith(({"timeInForce": ("GTC",)}, {"type": ("LIMIT_MAKER",)}), ("icebergQty",)),
            {"type": "LIMIT", "timeInForce": "IOC", "icebergQty": "1"},
            Broken("icebergQty can only be sent with timeInForce GTC or type LIMIT_MAKER.", refused=("icebergQty",)),
        ),
        (
            AtMostOne(("symbol", "symbols")),
            {"symbol": "A", "symbols": ["B"]},
            Broken("Give at most one of symbol, symbols.", refused=("symbol", "symbols")),
        ),
        (
            Together(("pegOffsetType", "pegOffsetValue")),
            {"pegOffsetValue": 1},
            Broken("pegOffsetType and pegOffsetValue go together.", missing=("pegOffsetType",)),
        ),
        (
            Allowed({"icebergQty": ANY}, "timeInForce", ("GTC",)),
            {"icebergQty": "1", "timeInForce": "FOK"},
            Broken("With icebergQty: timeInForce must be GTC.", refused=("timeInForce",)),
        ),
        (
            LessThan("icebergQty", "quantity"),
            {"icebergQty": Decimal(2), "quantity": Decimal("2.0")},
            Broken("icebergQty must be less than quantity (2).", refused=("icebergQty",)),
        ),
        (
            Combinations(((), ("orderId",)), free=("limit",)),
            {"orderId": 1, "fromId": 2, "limit": 3},
            Broken(
                "orderId + fromId cannot be sent together. Allowed: none of them; orderId.",
                refused=("orderId", "fromId"),
            ),
        ),
        (
            Combinations((("orderId",), ("orderId", "fromId")), free=()),
            {},
            Broken("Something is missing. Allowed: orderId; orderId + fromId."),
        ),
        (
            MaxSpan(24),
            {"startTime": 0, "endTime": 24 * HOUR + 1},
            Broken("startTime and endTime may be at most 24 hours apart.", refused=("startTime", "endTime")),
        ),
        (
            MaxSpan(24),
            {"startTime": 1, "endTime": 0},
            Broken("endTime lies before startTime.", refused=("startTime", "endTime")),
        ),
        (
            MaxItems("symbols", 2),
            {"symbols": ("A", "B", "C")},
            Broken("symbols holds 3 entries, at most 2 fit.", refused=("symbols",)),
        ),
    ],
)
def test_a_broken_rule_says_what_to_change(rule: Rule, given: dict[str, object], fault: Broken) -> None:
    assert broken([rule], given) == [fault]


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        (Needs({"type": ("LIMIT",)}, all_of=("price",)), {"type": "MARKET"}),
        (Needs({"type": ("LIMIT",)}, all_of=("price",)), LIMIT | {"price": "1"}),
        (Refuses({"fromId": ANY}, ("startTime",)), {"startTime": 1}),
        (OnlyWith(({"type": ("LIMIT",)},), ("price",)), LIMIT | {"price": "1"}),
        (Together(("a", "b")), {"a": 1, "b": 2}),
        (Allowed({"icebergQty": ANY}, "timeInForce", ("GTC",)), {"timeInForce": "FOK"}),
        (LessThan("icebergQty", "quantity"), {"icebergQty": Decimal(1), "quantity": Decimal(2)}),
        (LessThan("icebergQty", "quantity"), {"icebergQty": Decimal(1)}),
        (MaxSpan(24), {"startTime": 0, "endTime": 24 * HOUR}),
        (MaxSpan(24), {"endTime": 24 * HOUR}),
        (MaxItems("symbols", 2), {"symbols": ("A", "B")}),
    ],
)
def test_a_rule_that_holds_says_nothing(rule: Rule, given: dict[str, object]) -> None:
    assert broken([rule], given) == []


def test_none_counts_as_not_sent() -> None:
    assert broken([AtMostOne(("symbol", "symbols"))], {"symbol": "A", "symbols": None}) == []


def test_faults_come_in_the_order_of_the_rules() -> None:
    rules = [Needs({}, all_of=("a",)), Needs({}, all_of=("b",))]
    assert [fault.missing for fault in broken(rules, {})] == [("a",), ("b",)]
