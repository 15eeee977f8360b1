"""What an order would do at once: trade, rest, or expire."""

from decimal import Decimal

import pytest
from tests.unit.domain.exchange import limit, market, order

from binance_spot_mcp.domain.prospect import Prospect, prospect

BIDS = [(Decimal(99), Decimal(1)), (Decimal(98), Decimal(2)), (Decimal(90), Decimal(5))]
ASKS = [(Decimal(100), Decimal(1)), (Decimal(101), Decimal(1)), (Decimal(110), Decimal(5))]


def looked_at(given: dict[str, str]) -> Prospect:
    found = prospect(order(**given).orders[0], BIDS, ASKS)
    assert found is not None
    return found


def test_a_market_order_takes_level_after_level_and_tells_how_far_it_slips() -> None:
    found = looked_at(market(quantity=Decimal(2)))
    assert found.now.average == Decimal("100.5")
    assert found.now.worst == Decimal(101)
    assert found.levels == 2
    assert found.slippage == 50
    assert found.left == 0
    assert found.then == ""


def test_a_market_order_larger_than_the_book_that_is_known_says_so() -> None:
    found = looked_at(market(side="SELL", quantity=Decimal(10)))
    assert found.now.quantity == 8
    assert found.left == 2
    assert found.then == "is beyond the levels that were looked at"


def test_a_market_order_by_its_quote_amount_takes_what_that_buys() -> None:
    found = looked_at(market(quoteOrderQty=Decimal(201)))
    assert found.now.quantity == 2
    assert found.now.notional == 201
    assert found.levels == 2
    assert found.left is None
    assert found.then == ""


def test_a_limit_order_takes_up_to_its_price_and_rests_with_what_is_left() -> None:
    found = looked_at(limit("3", "105"))
    assert found.now.quantity == 2
    assert found.now.worst == 101
    assert found.left == 1
    assert found.then == "rests"


@pytest.mark.parametrize(
    ("given", "left", "then"),
    [
        (limit("1", "99"), "1", "rests"),
        (limit("3", "105", timeInForce="IOC"), "1", "expires"),
        (limit("3", "105", timeInForce="FOK"), "3", "expires"),
        (limit("2", "105", timeInForce="FOK"), "0", ""),
        (limit("1", "99", type="LIMIT_MAKER", timeInForce=None), "1", "rests"),
    ],
    ids=["below the book", "IOC", "FOK that is not filled whole", "FOK that is", "LIMIT_MAKER"],
)
def test_what_does_not_trade_at_once_rests_or_expires(given: dict[str, str], left: str, then: str) -> None:
    found = looked_at(given)
    assert found.left == Decimal(left)
    assert found.then == then


def test_a_fill_or_kill_order_that_would_not_fill_whole_trades_nothing() -> None:
    found = looked_at(limit("3", "105", timeInForce="FOK"))
    assert found.now.quantity == 0
    assert found.levels == 0
    assert found.slippage is None


@pytest.mark.parametrize(
    "given",
    [
        market(type="STOP_LOSS", quantity="1", stopPrice="90"),
        {**limit(), "price": None, "pegPriceType": "PRIMARY_PEG"},
    ],
    ids=["stop", "pegged"],
)
def test_of_an_order_that_waits_or_follows_the_book_nobody_knows(given: dict[str, str]) -> None:
    assert prospect(order(**given).orders[0], BIDS, ASKS) is None


def test_an_empty_side_trades_nothing() -> None:
    found = prospect(order(**market(quantity=Decimal(1))).orders[0], BIDS, [])
    assert found is not None
    assert found.now.quantity == 0
    assert found.levels == 0
    assert found.slippage is None
    assert found.left == 1
