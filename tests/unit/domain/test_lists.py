"""Order lists: their legs, the filters on each, and how their prices must stand to each other."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.domain.exchange import LOT_SIZE, NOTIONAL, PRICE_FILTER, amounts, listed, rules

from binance_spot_mcp.domain.check import check
from binance_spot_mcp.domain.facts import Account, Market, OpenCounts
from binance_spot_mcp.domain.requests import Kind, Request

LAST = Market(last_price=Decimal(100))
SELL_OCO = {
    "side": "SELL",
    "quantity": "1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "110",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "90",
    "belowPrice": "89",
    "belowTimeInForce": "GTC",
}
BUY_OCO = {
    "side": "BUY",
    "quantity": "1",
    "aboveType": "STOP_LOSS",
    "aboveStopPrice": "110",
    "belowType": "TAKE_PROFIT_LIMIT",
    "belowStopPrice": "91",
    "belowPrice": "90",
    "belowTimeInForce": "GTC",
}
LEGACY = {"side": "SELL", "quantity": "1", "price": "110", "stopPrice": "90"}
WORKING = {
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "100",
    "workingQuantity": "2",
    "workingTimeInForce": "GTC",
}
PENDING = {"pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "120", "pendingTimeInForce": "GTC"}
PENDING_PAIR = {
    "pendingSide": "SELL",
    "pendingAboveType": "TAKE_PROFIT",
    "pendingAboveStopPrice": "120",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "80",
}
LISTS: dict[Kind, dict[str, Any]] = {
    "oco": SELL_OCO,
    "legacy_oco": LEGACY,
    "oto": WORKING | PENDING | {"pendingQuantity": "2"},
    "otoco": WORKING | PENDING_PAIR | {"pendingQuantity": "2"},
    "opo": WORKING | PENDING,
    "opoco": WORKING | PENDING_PAIR,
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_in_order_passes(kind: Kind) -> None:
    assert check(listed(kind, **LISTS[kind]), rules(PRICE_FILTER, LOT_SIZE), LAST).violations == ()


def test_the_legs_of_a_list_are_orders_that_can_be_tested_alone() -> None:
    above, below = Request.read("oco", {"symbol": "BTCUSDT", **SELL_OCO}).orders
    assert above.alone() == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT_MAKER",
        "price": "110",
        "quantity": "1",
    }
    assert below.alone() == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_LOSS_LIMIT",
        "timeInForce": "GTC",
        "price": "89",
        "stopPrice": "90",
        "quantity": "1",
    }


def test_the_stop_leg_of_a_legacy_oco_is_a_limit_order_when_it_has_a_limit_price() -> None:
    plain_leg, stop = listed("legacy_oco", **LEGACY, stopLimitPrice="89", stopLimitTimeInForce="GTC").orders
    assert (plain_leg.type, plain_leg.price) == ("LIMIT_MAKER", Decimal(110))
    assert (stop.type, stop.price, stop.time_in_force) == ("STOP_LOSS_LIMIT", Decimal(89), "GTC")


@pytest.mark.parametrize(
    ("kind", "param", "price"),
    [
        ("oco", "abovePrice", "110.001"),
        ("oco", "belowStopPrice", "90.001"),
        ("legacy_oco", "stopPrice", "90.001"),
        ("oto", "pendingPrice", "120.001"),
        ("otoco", "pendingBelowStopPrice", "80.001"),
        ("opo", "workingPrice", "100.001"),
        ("opoco", "pendingAboveStopPrice", "120.001"),
    ],
)
def test_a_leg_that_breaks_a_filter_is_named_by_the_parameter_that_was_sent(kind: Kind, param: str, price: str) -> None:
    found = check(listed(kind, **LISTS[kind] | {param: price}), rules(PRICE_FILTER), LAST)
    assert [(each.rule, each.param) for each in found.violations] == [("PRICE_FILTER", param)]
    assert found.fix == amounts(**{param: price[:-1]})


def test_a_quantity_that_legs_share_is_refused_once_and_fixed_for_all_of_them() -> None:
    found = check(listed("oco", **SELL_OCO | {"quantity": "0.045001"}), rules(LOT_SIZE, NOTIONAL), LAST)
    assert [each.rule for each in found.violations] == ["LOT_SIZE", "NOTIONAL", "NOTIONAL"]
    assert found.fix == amounts(quantity="0.05618")
    assert Decimal("0.05618") * 89 >= 5 > Decimal("0.05617") * 89


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (SELL_OCO | {"abovePrice": "100"}, "abovePrice 100 must be above the last price 100"),
        (SELL_OCO | {"belowStopPrice": "100"}, "belowStopPrice 100 must be below BTCUSDT's last price 100"),
        (SELL_OCO | {"abovePrice": "90"}, "abovePrice 90 must be above belowStopPrice 90"),
        (BUY_OCO | {"belowPrice": "101"}, "belowPrice 101 must be below the last price 100"),
        (BUY_OCO | {"belowStopPrice": "101"}, "belowStopPrice 101 must be below BTCUSDT's last price 100"),
        (BUY_OCO | {"aboveStopPrice": "90"}, "belowPrice 90 must be below aboveStopPrice 90"),
    ],
)
def test_the_legs_of_an_oco_must_embrace_the_last_price(given: dict[str, Any], wrong: str) -> None:
    found = check(listed("oco", **given), rules(PRICE_FILTER), LAST)
    assert any(wrong in each.message for each in found.violations), found.violations


def test_legs_in_the_wrong_order_are_refused_even_when_the_last_price_is_not_known() -> None:
    found = check(listed("otoco", **LISTS["otoco"] | {"pendingBelowStopPrice": "130"}), rules(PRICE_FILTER))
    assert [each.rule for each in found.violations] == ["LEG_PRICES"]


def test_what_a_waiting_leg_will_meet_is_left_to_the_exchange_and_said() -> None:
    found = check(listed("opoco", **LISTS["opoco"]), rules(LOT_SIZE), LAST)
    assert found.passed
    assert {str(each) for each in found.unchecked} == {
        "TRIGGER_PRICE: not checked here: the leg waits, and is judged by the price at which it enters the book.",
        "LOT_SIZE: not checked here: the quantity is what the working order will have bought.",
        "BALANCE: not checked here: which funds a list holds back is the exchange's to say.",
    }
    assert found.missing == frozenset()


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("oco", {"ocoAllowed"}),
        ("legacy_oco", {"ocoAllowed"}),
        ("oto", {"otoAllowed"}),
        ("otoco", {"otoAllowed", "ocoAllowed"}),
        ("opo", {"otoAllowed", "opoAllowed"}),
        ("opoco", {"otoAllowed", "opoAllowed", "ocoAllowed"}),
    ],
)
def test_a_list_needs_its_flags(kind: Kind, flags: set[str]) -> None:
    closed = rules(PRICE_FILTER, ocoAllowed=False, otoAllowed=False, opoAllowed=False)
    assert {each.rule for each in check(listed(kind, **LISTS[kind]), closed, LAST).violations} == flags


@pytest.mark.parametrize(
    ("kind", "added"), [("oco", 2), ("legacy_oco", 2), ("oto", 2), ("opo", 2), ("otoco", 3), ("opoco", 3)]
)
def test_a_list_counts_with_all_its_orders_and_as_one_list(kind: Kind, added: int) -> None:
    symbol = rules(
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 10},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 5},
    )
    request = listed(kind, **LISTS[kind])
    fits = Account(here=OpenCounts(orders=10 - added, lists=4))
    assert check(request, symbol, LAST, fits).passed
    full = Account(here=OpenCounts(orders=11 - added, lists=5))
    assert {each.rule for each in check(request, symbol, LAST, full).violations} == {
        "MAX_NUM_ORDERS",
        "MAX_NUM_ORDER_LISTS",
    }


@pytest.mark.parametrize(
    ("kind", "worth"),
    [("oco", "110"), ("oto", "440"), ("otoco", "440"), ("opo", "440"), ("opoco", "440"), ("legacy_oco", "110")],
)
def test_a_pair_is_worth_its_greater_leg_and_a_chain_the_sum(kind: Kind, worth: str) -> None:
    assert check(listed(kind, **LISTS[kind]), rules(PRICE_FILTER), LAST).notional == Decimal(worth)
