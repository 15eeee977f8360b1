"""Symbols as exchangeInfo describes them.

Source: rest-api.md#exchange-information
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import asdict

from paper_exchange.engine.symbols import SymbolFilter, SymbolSpec
from paper_exchange.engine.words import OrderType, StpMode, SymbolStatus
from paper_exchange.market.amounts import DECIMALS
from paper_exchange.market.builtin import PERMISSION_SETS, STANDARD_COMMISSION, filters
from paper_exchange.market.catalog import Listing

_MAX_PRICE = "1000000"
_MAX_QUANTITY = "9000000"


class IncompleteRules(ValueError):
    """A symbol's filters are not said, or said twice."""


_PLAIN = SymbolSpec(symbol="", base_asset="", quote_asset="")
_TYPICAL = Listing(spec=_PLAIN)


class ListedSymbol(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One symbol as exchangeInfo describes it, or in short by tick, step and least notional.

    What the last fields say is not used; `trades_per_minute` and its neighbours are not Binance's, but a `Listing`'s.
    """

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


def listing_of(entry: ListedSymbol) -> Listing:
    """The listing that an entry describes.

    Raises:
        IncompleteRules: It has neither filters nor all three numbers that stand for them, or both.
    """
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


def _filters(entry: ListedSymbol) -> tuple[SymbolFilter, ...]:
    tick, step, notional = entry.tick_size, entry.step_size, entry.min_notional
    if entry.filters:
        if (tick, step, notional) != (None, None, None):
            raise IncompleteRules(
                f"symbol {entry.symbol}: give filters, or tickSize, stepSize and minNotional, not both"
            )
        return entry.filters
    if tick is None or step is None or notional is None:
        raise IncompleteRules(f"symbol {entry.symbol}: needs tickSize, stepSize and minNotional, or filters")
    return filters((f"{tick:f}", _MAX_PRICE), (f"{step:f}", _MAX_QUANTITY), _MAX_QUANTITY, f"{notional:f}")
