"""Orders against the rules of a symbol: what is refused, with which words, and what would do instead."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.domain.exchange import LOT_SIZE, NOTIONAL, PRICE_FILTER, amounts, limit, listed, market, order, rules

from binance_spot_mcp.domain.check import check, check_amendment
from binance_spot_mcp.domain.facts import Account, Market
from binance_spot_mcp.errors import FilterFailure, Refused

MARKET_LOT_SIZE = {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "30", "stepSize": "0.00000000"}
RICH = Account(base_free=Decimal(10**9), quote_free=Decimal(10**9))
AVERAGE = Market(reference_price="unset", average_price=Decimal(50000), average_minutes=5)


def test_an_order_that_keeps_every_rule_passes_and_says_what_it_is_worth() -> None:
    found = check(order(**limit("0.5", "50000.01")), rules(), account=RICH)
    assert found.passed
    assert found.refusal() is None
    assert found.fix == {}
    assert found.unchecked == ()
    assert found.notional == Decimal("25000.005")


def test_a_refusal_names_filter_value_limits_and_the_values_that_would_do() -> None:
    refusal = check(order(**market(quantity="0.0123456")), rules(), AVERAGE).refusal()
    assert isinstance(refusal, FilterFailure)
    assert refusal.message == "LOT_SIZE: quantity 0.0123456 is not a multiple of 0.00001 on BTCUSDT."
    assert refusal.code == "FILTER_VIOLATION"
    assert refusal.sent == "no"
    assert refusal.retry == "after_fix"
    assert refusal.fix == {"quantity": "0.01234"}
    assert refusal.next == "check_order"
    assert refusal.details == {
        "filter": "LOT_SIZE",
        "param": "quantity",
        "given": "0.0123456",
        "min": "0.00001",
        "max": "9000",
        "step": "0.00001",
        "lower": "0.01234",
        "upper": "0.01235",
        "symbol": "BTCUSDT",
    }
    assert refusal.exchange is not None
    assert (refusal.exchange.code, refusal.exchange.msg) == (-1013, "Filter failure: LOT_SIZE")


def test_one_refusal_names_everything_that_is_wrong_and_fixes_it_at_once() -> None:
    refusal = check(order(**limit("0.000055", "50000.001")), rules()).refusal()
    assert refusal is not None
    assert refusal.details["filter"] == "PRICE_FILTER"
    assert [other["filter"] for other in refusal.details["also"]] == ["LOT_SIZE", "NOTIONAL"]
    assert refusal.message.startswith("PRICE_FILTER: price 50000.001 is not a multiple of 0.01 on BTCUSDT. LOT_SIZE: ")
    assert "quantity 0.000055 x price 50000.001 = 2.750000055 USDT is below the minimum of 5" in refusal.message
    assert refusal.fix == {"price": "50000", "quantity": "0.0001"}


def test_the_value_below_is_proposed_unless_only_the_one_above_is_valid() -> None:
    assert check(order(**limit("0.123456", "50000")), rules()).fix == amounts(quantity="0.12345")
    assert check(order(**limit("0.000001", "900000")), rules()).fix == amounts(quantity="0.00001")


def test_nothing_is_proposed_where_no_value_fits() -> None:
    found = check(order(**limit("1", "0.0001")), rules(LOT_SIZE, NOTIONAL))
    assert not found.passed
    assert found.fix == {}


@pytest.mark.parametrize(
    ("field", "parameter", "flag"),
    [
        ("iceberg orders", {"icebergQty": "0.1"}, "icebergAllowed"),
        ("trailing stops", {"type": "STOP_LOSS_LIMIT", "trailingDelta": 100}, "allowTrailingStop"),
        ("pegged orders", {"pegPriceType": "PRIMARY_PEG"}, "pegInstructionsAllowed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_flag_forbids_is_refused(field: str, parameter: dict[str, Any], flag: str) -> None:
    request = order(**limit() | parameter)
    assert flag not in {found.rule for found in check(request, rules()).violations}
    refusal = check(request, rules(**{flag: False})).refusal()
    assert refusal is not None
    assert refusal.details["filter"] == flag
    assert f"BTCUSDT does not allow {field}." in refusal.message


def test_a_market_order_by_quote_amount_needs_its_flag() -> None:
    refusal = check(order(**market(quoteOrderQty="100")), rules(quoteOrderQtyMarketAllowed=False)).refusal()
    assert refusal is not None
    assert refusal.details["param"] == "quoteOrderQty"


def test_an_order_type_or_stp_mode_outside_the_symbols_lists_is_refused_with_the_lists() -> None:
    refusal = check(
        order(**limit(selfTradePreventionMode="TRANSFER")), rules(orderTypes=["MARKET", "LIMIT_MAKER"])
    ).refusal()
    assert refusal is not None
    assert "BTCUSDT does not allow LIMIT orders. Allowed: MARKET, LIMIT_MAKER." in refusal.message
    assert "selfTradePreventionMode TRANSFER. Allowed: NONE, EXPIRE_MAKER." in refusal.message


@pytest.mark.parametrize("status", ["BREAK", "HALT", "CANCEL_ONLY", "END_OF_DAY"])
def test_a_symbol_that_is_not_trading_takes_no_orders(status: str) -> None:
    refusal = check(order(**limit()), rules(status=status)).refusal()
    assert isinstance(refusal, Refused)
    assert refusal.code == "SYMBOL_NOT_TRADING"
    assert status in refusal.message


def test_a_status_that_nobody_knows_is_reported_and_left_to_the_exchange() -> None:
    found = check(order(**limit()), rules(status="AUCTION"))
    assert found.passed
    assert "AUCTION" in str(found.unchecked[0])


@pytest.mark.parametrize(
    ("order_type", "side", "stop", "passes"),
    [
        ("STOP_LOSS", "BUY", "101", True),
        ("STOP_LOSS", "BUY", "100", False),
        ("STOP_LOSS_LIMIT", "SELL", "99", True),
        ("STOP_LOSS_LIMIT", "SELL", "100", False),
        ("TAKE_PROFIT", "SELL", "101", True),
        ("TAKE_PROFIT", "SELL", "99", False),
        ("TAKE_PROFIT_LIMIT", "BUY", "99", True),
        ("TAKE_PROFIT_LIMIT", "BUY", "101", False),
    ],
)
def test_a_stop_that_would_trigger_at_once_is_refused_with_the_last_price(
    order_type: str, side: str, stop: str, *, passes: bool
) -> None:
    request = order(symbol="BTCUSDT", side=side, type=order_type, quantity="1", price="100", stopPrice=stop)
    found = check(request, rules(PRICE_FILTER), Market(last_price=Decimal(100)))
    assert found.passed is passes
    if not passes:
        assert "last price 100" in found.violations[0].message
        assert found.fix == {}
    unknown = check(request, rules(PRICE_FILTER), account=RICH)
    assert unknown.passed
    assert unknown.missing == {"last_price"}


def test_an_unknown_price_is_said_and_never_a_silent_pass() -> None:
    found = check(order(**market(quantity="1")), rules())
    assert found.passed
    assert [str(each) for each in found.unchecked] == [
        "NOTIONAL: not checked here: the reference price is not known.",
        "BALANCE: not checked here: how much USDT the order takes is known when it fills.",
    ]
    assert found.missing == {"reference_price", "average_price"}


def test_a_market_order_must_keep_both_lot_sizes() -> None:
    found = check(order(**market(quantity="31.000001")), rules(LOT_SIZE, MARKET_LOT_SIZE))
    assert {each.rule for each in found.violations} == {"LOT_SIZE", "MARKET_LOT_SIZE"}
    assert found.fix == amounts(quantity="30")


def test_the_size_of_a_quote_amount_is_left_to_the_exchange_and_its_value_is_checked() -> None:
    found = check(order(**market(quoteOrderQty="4.99")), rules(LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL))
    assert [each.rule for each in found.violations] == ["NOTIONAL"]
    assert found.fix == amounts(quoteOrderQty="5")
    assert [each.rule for each in found.unchecked] == ["MARKET_LOT_SIZE", "BALANCE"]


def test_a_pegged_order_is_judged_by_the_level_it_pegs_to() -> None:
    request = order(**limit(price="50000") | {"price": None, "pegPriceType": "PRIMARY_PEG", "pegOffsetValue": 1})
    percent = {"filterType": "PERCENT_PRICE", "multiplierUp": "1.2", "multiplierDown": "0.8", "avgPriceMins": 5}
    unknown = check(request, rules(percent), AVERAGE)
    assert unknown.missing == {"book"}
    levels = (Decimal(50000), Decimal(30000))
    reference = Market(reference_price=Decimal(50000), bids=levels, asks=levels)
    found = check(request, rules(percent), reference)
    (violation,) = found.violations
    assert violation.message.startswith("PERCENT_PRICE: peggedPrice 30000 is below the minimum of 40000")
    assert (violation.param, violation.lower, violation.upper) == (None, None, None)
    assert check(request, rules(percent), Market(reference_price=Decimal(30000), bids=levels)).passed


def test_too_many_decimals_are_refused_even_without_a_step() -> None:
    found = check(order(**limit("0.123456789", "1")), rules(PRICE_FILTER))
    assert [each.rule for each in found.violations] == ["PRECISION"]
    assert found.fix == amounts(quantity="0.12345678")


def test_values_longer_than_the_default_precision_of_decimals_are_judged_exactly() -> None:
    quantity = "12345678901234567890.00001"
    lot = LOT_SIZE | {"maxQty": "99999999999999999999"}
    assert check(order(**limit(quantity, "1")), rules(lot)).passed
    assert check(order(**limit(quantity + "1", "1")), rules(lot)).fix == amounts(quantity=quantity)


def test_an_unknown_filter_is_named() -> None:
    found = check(order(**limit()), rules(LOT_SIZE, {"filterType": "MAX_FEELINGS", "limit": 3}))
    assert found.passed
    assert "filter MAX_FEELINGS: not checked here: this version does not know it." in map(str, found.unchecked)


def test_an_order_for_smart_routing_needs_a_symbol_that_is_in_a_group() -> None:
    found = check(listed("sor", side="BUY", type="MARKET", quantity="1"), rules(LOT_SIZE))
    assert [each.rule for each in found.violations] == ["sors"]


def test_a_replacement_needs_its_flag() -> None:
    found = check(listed("replace", **limit()), rules(cancelReplaceAllowed=False))
    assert [each.rule for each in found.violations] == ["cancelReplaceAllowed"]


def test_an_amendment_can_only_lower_the_quantity_and_only_so_often() -> None:
    amends = {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10}
    symbol = rules(LOT_SIZE, amends)
    fresh = Account(amendments=9)
    assert check_amendment(Decimal("0.9"), symbol, fresh, Decimal(1)).passed
    assert check_amendment(Decimal(1), symbol, fresh, Decimal(1)).fix == amounts(newQty="0.99999")
    worn = check_amendment(Decimal("0.9"), symbol, Account(amendments=10), Decimal(1))
    assert [(each.rule, each.exchange and each.exchange.code) for each in worn.violations] == [
        ("MAX_NUM_ORDER_AMENDS", -2038)
    ]
    assert worn.fix == {}
    blind = check_amendment(Decimal("0.9"), symbol)
    assert blind.passed
    assert blind.missing == {"amendments", "amended_order"}
    assert not check_amendment(Decimal("0.9"), rules(LOT_SIZE, amendAllowed=False), fresh, Decimal(1)).passed


def test_filters_of_the_account_that_nobody_asked_for_are_said() -> None:
    public = replace(rules(LOT_SIZE), of_account=False)
    found = check(order(**limit()), public, account=RICH)
    assert found.passed
    assert found.missing == {"account_filters"}
