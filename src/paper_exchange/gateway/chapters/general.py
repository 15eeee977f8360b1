"""Is anybody there, what time is it, what is traded here.

Source: rest-api.md#general-endpoints
"""

from typing import Any

import msgspec

from paper_exchange.engine.symbols import SymbolSpec
from paper_exchange.gateway import weights
from paper_exchange.gateway.chapters.shared import SYMBOL_IF_ANY, SYMBOL_STATUS
from paper_exchange.gateway.endpoint import Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import Arguments, Parameter, flag, name_or_list, symbol_list
from paper_exchange.gateway.rendering import Json, filters
from paper_exchange.gateway.rules import at_most_one, none_beside
from paper_exchange.market.wire import stamp

SYMBOLS = symbol_list()
PERMISSIONS: Parameter[tuple[str, ...]] = name_or_list(
    "permissions",
    frozenset(("SPOT", "MARGIN", "LEVERAGED", *(f"TRD_GRP_{number:03}" for number in range(2, 26)))),
    default=("SPOT", "MARGIN", "LEVERAGED"),
)
SHOW_PERMISSION_SETS = flag("showPermissionSets", default=True)


def ping(_: Venue, __: Arguments, ___: Caller) -> Json:
    """Test connectivity."""
    return {}


def server_time(venue: Venue, _: Arguments, caller: Caller) -> Json:
    """The exchange's clock."""
    return {"serverTime": stamp(venue.exchange.now_us(), caller.unit)}


def exchange_info(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Limits, symbols, filters."""
    engine = venue.exchange.engine
    shows_sets = arguments[SHOW_PERMISSION_SETS]
    answer: Json = {
        "timezone": "UTC",
        "serverTime": stamp(venue.exchange.now_us(), caller.unit),
        "rateLimits": venue.limits.table.rows,
        "exchangeFilters": filters(engine.exchange_filters),
        "symbols": [_symbol(spec, shows_sets=shows_sets) for spec in _selected(venue, arguments)],
    }
    if engine.sors:
        answer["sors"] = msgspec.to_builtins(engine.sors)
    return answer


def execution_rules(venue: Venue, arguments: Arguments, _: Caller) -> Json:
    """Price ranges that executions must keep."""
    return {
        "symbolRules": [
            {"symbol": spec.symbol, "rules": [_rule(rule) for rule in spec.execution_rules]}
            for spec in _named_or_all(venue, arguments)
            if arguments.get(SYMBOL_STATUS) in {None, spec.status}
        ]
    }


def _named_or_all(venue: Venue, arguments: Arguments) -> list[SymbolSpec]:
    engine, one = venue.exchange.engine, arguments.get(SYMBOL_IF_ANY)
    names = (one,) if one is not None else arguments.get(SYMBOLS) or tuple(engine.symbols)
    return [engine.symbol(name) for name in names]


def _selected(venue: Venue, arguments: Arguments) -> list[SymbolSpec]:
    """Named symbols, or all that carry one of the permissions and have the status."""
    specs = _named_or_all(venue, arguments)
    if "symbol" in arguments or "symbols" in arguments:
        return specs
    permissions, status = arguments[PERMISSIONS], arguments.get(SYMBOL_STATUS)
    return [
        spec
        for spec in specs
        if status in {None, spec.status}
        and any(permission in each for permission in permissions for each in spec.permission_sets)
    ]


def _rule(rule: Any) -> Json:
    fields = msgspec.to_builtins(rule)
    return {name: value for name, value in fields.items() if value is not None}


def _symbol(spec: SymbolSpec, *, shows_sets: bool) -> Json:
    return {
        "symbol": spec.symbol,
        "status": spec.status,
        "baseAsset": spec.base_asset,
        "baseAssetPrecision": spec.base_precision,
        "quoteAsset": spec.quote_asset,
        "quotePrecision": spec.quote_precision,
        "quoteAssetPrecision": spec.quote_precision,
        "baseCommissionPrecision": spec.base_precision,
        "quoteCommissionPrecision": spec.quote_precision,
        "orderTypes": spec.order_types,
        "icebergAllowed": spec.iceberg_allowed,
        "ocoAllowed": spec.oco_allowed,
        "otoAllowed": spec.oto_allowed,
        "opoAllowed": spec.opo_allowed,
        "quoteOrderQtyMarketAllowed": spec.quote_order_qty_market_allowed,
        "allowTrailingStop": spec.allow_trailing_stop,
        "cancelReplaceAllowed": spec.cancel_replace_allowed,
        "amendAllowed": spec.amend_allowed,
        "pegInstructionsAllowed": spec.peg_instructions_allowed,
        "isSpotTradingAllowed": _allows(spec, "SPOT"),
        "isMarginTradingAllowed": _allows(spec, "MARGIN"),
        "filters": filters(spec.filters),
        "permissions": [],
        "permissionSets": spec.permission_sets if shows_sets else [],
        "defaultSelfTradePreventionMode": spec.default_stp_mode,
        "allowedSelfTradePreventionModes": spec.allowed_stp_modes,
    }


def _allows(spec: SymbolSpec, permission: str) -> bool:
    return all(permission in each for each in spec.permission_sets)


ENDPOINTS = (
    Endpoint(route="GET /api/v3/ping", answer=ping),
    Endpoint(route="GET /api/v3/time", answer=server_time),
    Endpoint(
        route="GET /api/v3/exchangeInfo",
        answer=exchange_info,
        parameters=(SYMBOL_IF_ANY, SYMBOLS, PERMISSIONS, SHOW_PERMISSION_SETS, SYMBOL_STATUS),
        rules=(
            at_most_one("symbol", "symbols", "permissions"),
            none_beside("symbol", "symbolStatus"),
            none_beside("symbols", "symbolStatus"),
        ),
        weight=20,
    ),
    Endpoint(
        route="GET /api/v3/executionRules",
        answer=execution_rules,
        parameters=(SYMBOL_IF_ANY, SYMBOLS, SYMBOL_STATUS),
        rules=(at_most_one("symbol", "symbols", "symbolStatus"),),
        weight=weights.per_symbol(2, 40, everything=40),
    ),
)
