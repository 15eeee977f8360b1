"""What a book offers, in numbers that a trader can check by hand."""

from decimal import Decimal

import pytest

from binance_spot_mcp.domain.liquidity import Taking, band, imbalance, offered_to, spread, take

D = Decimal
ASKS = [(D("100.5"), D("0.4")), (D(101), D("1.6")), (D(105), D(3))]
BIDS = [(D(100), D(1)), (D("99.5"), D(2))]


def test_a_spread_is_told_in_quote_units_and_in_basis_points_of_the_middle() -> None:
    found = spread(D("99.9"), D("100.1"))
    assert (found.absolute, found.mid, found.basis_points) == (D("0.2"), D(100), D(20))


def test_the_price_for_a_quantity_is_the_average_over_the_levels_it_takes() -> None:
    assert take(ASKS, D(2)) == Taking(D(2), D("201.8"), D("100.9"), D(101), complete=True)


def test_too_large_a_quantity_takes_what_is_there_and_says_so() -> None:
    found = take(ASKS, D(6))
    assert (found.quantity, found.complete, found.worst) == (D(5), False, D(105))


def test_nothing_costs_nothing() -> None:
    assert take([], D(1)) == Taking(D(0), D(0), None, None, complete=False)


@pytest.mark.parametrize(("known_to", "complete"), [(None, True), (D(105), True), (D(101), True), (D("100.5"), False)])
def test_the_quantity_up_to_a_price_says_whether_all_of_it_is_in_sight(known_to: D | None, complete: bool) -> None:
    found = offered_to(ASKS, D(101), "BUY", known_to)
    assert (found.quantity, found.notional, found.complete) == (D(2), D("201.8"), complete)


def test_a_seller_looks_down_the_bids() -> None:
    assert offered_to(BIDS, D("99.8"), "SELL", None).quantity == 1
    assert not offered_to(BIDS, D(99), "SELL", D("99.5")).complete


def test_imbalance_runs_from_all_offered_to_all_wanted() -> None:
    assert imbalance(BIDS, ASKS[:2]) == D("0.2")
    assert imbalance([], ASKS) == -1
    assert imbalance([], []) is None


def test_a_band_is_exact() -> None:
    assert band(D("100.1"), D("2.5")) == (D("100.074975"), D("100.125025"))
