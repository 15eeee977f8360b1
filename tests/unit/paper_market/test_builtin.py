"""The symbols that every paper exchange lists."""

from decimal import Decimal

import pytest

from paper_exchange.engine.symbols import MaxPosition, MinNotional, Notional, PercentPrice, PercentPriceBySide
from paper_exchange.market.amounts import to_e8
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.catalog import Listing

LISTINGS = [pytest.param(listing, id=symbol) for symbol, listing in BUILT_IN.listings.items()]


def test_the_symbols_that_everybody_expects_are_listed() -> None:
    expected = {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ETHBTC", "BNBBTC"}
    assert expected <= BUILT_IN.listings.keys()
    assert not all(symbol.isascii() for symbol in BUILT_IN.listings)


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_is_consistent(listing: Listing) -> None:
    spec = listing.spec
    kinds = [type(each) for each in spec.filters]
    assert len(kinds) == len(set(kinds))
    assert spec.symbol == spec.base_asset + spec.quote_asset
    assert {spec.base_asset, spec.quote_asset} <= BUILT_IN.assets.keys()
    assert to_e8(listing.tick) > 0
    assert to_e8(listing.lot) > 0
    assert (PercentPrice in kinds) != (PercentPriceBySide in kinds)
    assert (MinNotional in kinds) != (Notional in kinds)


@pytest.mark.parametrize("listing", LISTINGS)
def test_an_ordinary_order_fits_through_the_filters(listing: Listing) -> None:
    price = BUILT_IN.opening_price(listing.spec.symbol)
    assert price > 100 * listing.tick
    assert listing.lot * price < Decimal("0.1") * listing.taker_notional
    assert listing.largest_quantity * price > 100 * listing.least_notional


def test_some_symbol_has_each_rule_that_only_some_have() -> None:
    specs = [listing.spec for listing in BUILT_IN.listings.values()]
    assert any(isinstance(each, MaxPosition) for spec in specs for each in spec.filters)
    assert any(spec.reference_price and spec.execution_rules for spec in specs)
    assert any(spec.reference_price and not spec.execution_rules for spec in specs)
    assert any(spec.reference_price is None for spec in specs)


def test_smart_order_routing_walks_listed_books_of_one_base_asset() -> None:
    for sor in BUILT_IN.sors:
        assert {BUILT_IN.listings[symbol].spec.base_asset for symbol in sor.symbols} == {sor.base_asset}
