"""What an order takes out of the account, and a LIMIT_MAKER that would trade at once."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.domain.exchange import LOT_SIZE, limit, market, order, rules

from binance_spot_mcp.domain.check import Check, check
from binance_spot_mcp.domain.facts import Account, Market

POOR = Account(base_free=Decimal("0.5"), quote_free=Decimal(1000))


def checked(given: dict[str, Any], account: Account = POOR, prices: Market | None = None) -> Check:
    return check(order(**given), rules(LOT_SIZE), prices or Market(), account)


@pytest.mark.parametrize(
    ("given", "fix", "said"),
    [
        (
            limit("0.1", "50000"),
            {"quantity": "0.02"},
            "quantity 0.1 x price 50000 = 5000 USDT is above the maximum of 1000",
        ),
        (limit("0.6", "50000", side="SELL"), {"quantity": "0.5"}, "quantity 0.6 is above the maximum of 0.5"),
        (market(side="SELL", quantity="0.6"), {"quantity": "0.5"}, "(BTC that is free)"),
        (
            market(quoteOrderQty="1000.01"),
            {"quoteOrderQty": "1000"},
            "quoteOrderQty 1000.01 is above the maximum of 1000",
        ),
    ],
)
def test_an_order_that_costs_more_than_is_free_is_found_with_what_can_be_paid(
    given: dict[str, str], fix: dict[str, str], said: str
) -> None:
    found = checked(given)
    assert [each.rule for each in found.violations] == ["BALANCE"]
    assert said in found.violations[0].message
    assert found.violations[0].exchange is not None
    assert found.violations[0].exchange.code == -2010
    assert found.fix == {name: Decimal(value) for name, value in fix.items()}


@pytest.mark.parametrize("given", [limit("0.02", "50000"), limit("0.5", "50000", side="SELL")])
def test_an_order_may_take_all_that_is_free(given: dict[str, str]) -> None:
    assert checked(given).passed


def test_nothing_can_be_paid_with_nothing() -> None:
    found = checked(limit(), Account(base_free=Decimal(0), quote_free=Decimal(0)))
    assert not found.passed
    assert found.fix == {}


def test_what_an_order_takes_is_left_to_the_exchange_where_no_price_says_it() -> None:
    for given in (market(quantity="1"), market(side="SELL", quoteOrderQty="5000")):
        found = checked(given)
        assert found.passed
        assert "BALANCE" in {each.rule for each in found.unchecked}
        assert "balances" not in found.missing


def test_balances_that_nobody_asked_for_are_said() -> None:
    assert checked(limit(), Account()).missing == {"balances"}


MAKER = {"symbol": "BTCUSDT", "type": "LIMIT_MAKER", "quantity": "0.01"}


@pytest.mark.parametrize(
    ("side", "price", "passes"),
    [("BUY", "99", True), ("BUY", "101", False), ("SELL", "101", True), ("SELL", "99", False)],
)
def test_a_limit_maker_stays_on_its_side_of_the_book(side: str, price: str, *, passes: bool) -> None:
    maker = {**MAKER, "side": side, "price": price}
    book = Market(bids=(Decimal(99),), asks=(Decimal(101),))
    found = checked(maker, prices=book)
    assert found.passed is passes
    if not passes:
        assert "best " in found.violations[0].message
        assert found.fix == {}
    assert checked(maker, Account(base_free=Decimal(9), quote_free=Decimal(9))).missing == {"touch"}
    assert checked(maker, prices=Market(bids=(), asks=())).passed
