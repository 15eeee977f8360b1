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
from msgspec.structs import asdict

from paper_exchange.engine.symbols import LotSize, PriceFilter, Sor, SymbolFilter, SymbolSpec
from paper_exchange.engine.words import OrderType, StpMode, SymbolStatus
from paper_exchange.market.amounts import DECIMALS, TooPrecise, to_e8
from paper_exchange.market.builtin import PERMISSION_SETS, STANDARD_COMMISSION, filters
from paper_exchange.market.catalog import Asset, Catalog, Listing

_MAX_PRICE = "1000000"
_MAX_QUANTITY = "9000000"
_LEAST_TICKS = 10
"""A price of fewer ticks than this could not move in believable steps."""


class SymbolFileError(ValueError):
    """A symbol file cannot be used; the text says where and why."""


_PLAIN = SymbolSpec(symbol="", base_asset="", quote_asset="")
_TYPICAL = Listing(spec=_PLAIN)


class _Symbol(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One entry of `symbols`: either a short form, or exchangeInfo's, of which the fields at the end are not used."""

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal | None = None
    step_size: Decimal | None = None
    min_notional: Decimal | None = None
    trades_per_minute: int = _TYPICAL.trades_per_minute
    taker_notional: Decimal = _TYPICAL.taker_notional
    spread: float = _TYPICAL.spread

    status: SymbolStatus = _PLAIN.status
    order_types: tuple[OrderType, ...] = _PLAIN.order_types
    iceberg_allowed: bool = _PLAIN.iceberg_allowed
    oco_allowed: bool = _PLAIN.oco_allowed
    oto_allowed: bool = _PLAIN.oto_allowed
    opo_allowed: bool = _PLAIN.opo_allowed
    quote_order_qty_market_allowed: bool = _PLAIN.quote_order_qty_market_allowed
    allow_trailing_stop: bool = _PLAIN.allow_trailing_stop
    cancel_replace_allowed: bool = _PLAIN.cancel_replace_allowed
    amend_allowed: bool = _PLAIN.amend_allowed
    peg_instructions_allowed: bool = _PLAIN.peg_instructions_allowed
    filters: tuple[SymbolFilter, ...] = ()
    permission_sets: tuple[tuple[str, ...], ...] = PERMISSION_SETS
    default_self_trade_prevention_mode: StpMode = _PLAIN.default_stp_mode
    allowed_self_trade_prevention_modes: tuple[StpMode, ...] = _PLAIN.allowed_stp_modes

    base_asset_precision: int = DECIMALS
    quote_precision: int = DECIMALS
    quote_asset_precision: int = DECIMALS
    base_commission_precision: int = DECIMALS
    quote_commission_precision: int = DECIMALS
    is_spot_trading_allowed: bool = True
    is_margin_trading_allowed: bool = False
    permissions: tuple[str, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    assets: tuple[Asset, ...] = ()
    symbols: tuple[_Symbol, ...] = ()
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
    except (msgspec.ValidationError, _Flaw) as error:
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
    listings = {entry.symbol: _listing(entry) for entry in file.symbols}
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


def _listing(entry: _Symbol) -> Listing:
    said = asdict(entry)
    spec = SymbolSpec(
        **{name: said[name] for name in SymbolSpec.__struct_fields__ if name in said}
        | {
            "filters": _filters(entry),
            "base_precision": entry.base_asset_precision,
            "default_stp_mode": entry.default_self_trade_prevention_mode,
            "allowed_stp_modes": entry.allowed_self_trade_prevention_modes,
            "commission": STANDARD_COMMISSION,
        }
    )
    return Listing(
        spec=spec,
        trades_per_minute=entry.trades_per_minute,
        taker_notional=entry.taker_notional,
        spread=entry.spread,
    )


def _filters(entry: _Symbol) -> tuple[SymbolFilter, ...]:
    tick, step, notional = entry.tick_size, entry.step_size, entry.min_notional
    if entry.filters:
        if (tick, step, notional) != (None, None, None):
            raise _Flaw(f"symbol {entry.symbol}: give filters, or tickSize, stepSize and minNotional, not both")
        return entry.filters
    if tick is None or step is None or notional is None:
        raise _Flaw(f"symbol {entry.symbol}: needs tickSize, stepSize and minNotional, or filters")
    return filters((f"{tick:f}", _MAX_PRICE), (f"{step:f}", _MAX_QUANTITY), _MAX_QUANTITY, f"{notional:f}")


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
