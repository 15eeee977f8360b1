"""Symbols beyond the built-in ones, from a TOML or JSON file.

    [[assets]]                  # every asset that the built-in symbols do not know
    name = "PEPE"
    price = "0.0000098"         # in USDT, when the market opens
    volatility = 0.05           # optional, as beta

    [[symbols]]
    symbol = "PEPEUSDT"
    baseAsset = "PEPE"
    quoteAsset = "USDT"
    tickSize = "0.00000001"     # or `filters`, as exchangeInfo lists them
    stepSize = "1"
    minNotional = "1"
    tradesPerMinute = 10        # optional, as takerNotional and spread

    [[sors]]                    # optional: books that smart order routing walks together
    baseAsset = "BTC"
    symbols = ["BTCUSDT", "BTCUSDC"]

A symbol of exchangeInfo can be pasted as it is; what it says about the filters' scope, precision of commissions and
margin is not used. An asset or symbol of a known name takes the known one's place.
"""

import json
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from paper_exchange.engine.symbols import LotSize, PriceFilter, Sor
from paper_exchange.market.amounts import DECIMALS, ONE_E8, TooPrecise, to_e8
from paper_exchange.market.catalog import Asset, Catalog, Listing
from paper_exchange.market.listed_symbol import IncompleteRules, ListedSymbol, listing_of

_MOST = (2**63 - 1) // ONE_E8
"""The largest amount of a trade that can be told in hundred-millionths; Binance has none larger either."""
_LEAST_TICKS = 10
"""A price of fewer ticks than this could not move in believable steps."""


class SymbolFileError(ValueError):
    """A symbol file cannot be used; the text says where and why."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    assets: tuple[Asset, ...] = ()
    symbols: tuple[ListedSymbol, ...] = ()
    sors: tuple[Sor, ...] = ()


def extended(catalog: Catalog, path: Path) -> Catalog:
    """The catalog with what a file adds to it.

    Raises:
        SymbolFileError: The file cannot be read, says something unknown, or describes a market that cannot be.
    """
    try:
        return _joined(catalog, msgspec.convert(_parsed(path), _File))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise SymbolFileError(f"{path}: {error}") from error
    except (msgspec.ValidationError, IncompleteRules, _Flaw) as error:
        raise SymbolFileError(f"{path}: {error}") from error


class _Flaw(Exception):
    """What is wrong with an entry."""


def _parsed(path: Path) -> Any:
    content = path.read_text("utf-8")
    return json.loads(content) if path.suffix == ".json" else tomllib.loads(content)


def _joined(catalog: Catalog, file: _File) -> Catalog:
    _refuse_repeated("asset", [asset.name for asset in file.assets])
    _refuse_repeated("symbol", [entry.symbol for entry in file.symbols])
    for asset in file.assets:
        if asset.price <= 0:
            raise _Flaw(f"asset {asset.name}: the price must be positive")
        if not 0 <= asset.volatility <= 1:
            raise _Flaw(f"asset {asset.name}: the volatility is a fraction a day, from 0 to 1")
    listings = {entry.symbol: listing_of(entry) for entry in file.symbols}
    joined = Catalog(
        assets={**catalog.assets, **{asset.name: asset for asset in file.assets}},
        listings={**catalog.listings, **listings},
        sors=tuple({sor.base_asset: sor for sor in (*catalog.sors, *file.sors)}.values()),
    )
    for symbol, listing in listings.items():
        try:
            _check(joined, listing)
        except _Flaw as flaw:
            raise _Flaw(f"symbol {symbol}: {flaw}") from flaw
    for sor in file.sors:
        if unknown := set(sor.symbols) - joined.listings.keys():
            raise _Flaw(f"sor {sor.base_asset}: {', '.join(sorted(unknown))} is not listed")
    return joined


def _refuse_repeated(kind: str, names: list[str]) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise _Flaw(f"{kind} {repeated[0]} is there twice")


def _check(catalog: Catalog, listing: Listing) -> None:
    """Refuse a symbol that no market could be made for."""
    spec = listing.spec
    if not spec.symbol or spec.symbol != spec.symbol.upper() or any(letter.isspace() for letter in spec.symbol):
        raise _Flaw("the name must be in capitals, without spaces")
    for asset in (spec.base_asset, spec.quote_asset):
        if asset not in catalog.assets:
            raise _Flaw(f"asset {asset} is unknown; add it to [[assets]] with a price")
    if spec.base_asset == spec.quote_asset:
        raise _Flaw("base and quote asset are the same")
    if max(spec.base_precision, spec.quote_precision) > DECIMALS:
        raise _Flaw(f"amounts have at most {DECIMALS} decimals")
    kinds = [type(each) for each in spec.filters]
    for kind, name in ((PriceFilter, "PRICE_FILTER"), (LotSize, "LOT_SIZE")):
        if kinds.count(kind) != 1:
            raise _Flaw(f"needs one {name}")
    for most, name in ((listing.largest_quantity, "maxQty of LOT_SIZE"), (_max_price(listing), "maxPrice")):
        if most > _MOST:
            raise _Flaw(f"the {name} may be {_MOST} at most")
    for step, name in ((listing.tick, "the tick"), (listing.lot, "the step of quantities")):
        try:
            positive = to_e8(step) > 0
        except TooPrecise as error:
            raise _Flaw(f"{name}: {error}") from error
        if not positive:
            raise _Flaw(f"{name} must be positive")
    price = catalog.opening_price(spec.symbol)
    if price < _LEAST_TICKS * listing.tick:
        raise _Flaw(f"its price of about {price:.8f} is less than {_LEAST_TICKS} ticks of {listing.tick:f}")
    if listing.trades_per_minute < 1 or listing.taker_notional <= 0 or listing.spread <= 0:
        raise _Flaw("tradesPerMinute, takerNotional and spread must be positive")


def _max_price(listing: Listing) -> Decimal:
    return next(each.max_price for each in listing.spec.filters if isinstance(each, PriceFilter))
