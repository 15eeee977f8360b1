"""What a symbol allows at all: its status, order types, flags and self-trade prevention modes.

Source: rest-api.md#exchange-information, errors.md#messages-for--1010-error_msg_received--2010-new_order_rejected
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from binance_spot_mcp.catalogue.market import SymbolInfo
from binance_spot_mcp.domain.findings import Unchecked, Violation
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.domain.requests import Kind, Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.errors import ExchangeError
from binance_spot_mcp.vocabulary import OrderType

CLOSED: Final = frozenset({"END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"})
"""Statuses in which no order is accepted. TRADING accepts them; the exchange judges a status that is not known."""

_FLAG_FIELDS: Final = MappingProxyType(
    dict(zip(SymbolInfo.__struct_encode_fields__, SymbolInfo.__struct_fields__, strict=True))
)
"""Attributes by their names on the wire."""

_OCO: Final = ("ocoAllowed", "OCO lists", "OCO orders are not supported for this symbol")
_OTO: Final = ("otoAllowed", "OTO lists", None)
_OPO: Final = ("opoAllowed", "OPO lists", "OPO orders are not supported for this symbol.")
_REPLACE: Final = ("cancelReplaceAllowed", "cancel-replace", "Order cancel-replace is not supported for this symbol.")
_KIND_FLAGS: Final[Mapping[Kind, tuple[tuple[str, str, str | None], ...]]] = MappingProxyType(
    {
        "order": (),
        "sor": (),
        "replace": (_REPLACE,),
        "oco": (_OCO,),
        "legacy_oco": (_OCO,),
        "oto": (_OTO,),
        "otoco": (_OTO, _OCO),
        "opo": (_OTO, _OPO),
        "opoco": (_OTO, _OPO, _OCO),
    }
)
"""Flag, what it allows, and what the exchange says where it does not (None where that is not documented)."""

_TYPE_TEXTS: Final[Mapping[OrderType, str]] = MappingProxyType(
    {
        "MARKET": "Market orders are not supported for this symbol.",
        "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
        "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
        "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
        "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
    }
)


def permissions(request: Request, rules: SymbolRules) -> Iterator[Violation | Unchecked]:
    """Everything about the request that the symbol does not allow, whatever its numbers."""
    info = rules.info
    yield from trading_status(info)
    for flag, what, text in _KIND_FLAGS[request.kind]:
        yield from _flag(info, flag, what, text)
    if request.kind == "sor" and not rules.sor:
        yield _refused("sors", f"{info.symbol} is in no group of symbols for smart order routing.")
    for order in request.orders:
        yield from _order(order, info)


def trading_status(info: SymbolInfo) -> Iterator[Violation | Unchecked]:
    """Why the symbol takes no new orders, if it takes none."""
    if info.status in CLOSED:
        yield Violation(
            rule="status",
            message=f"{info.symbol} is not trading: its status is {info.status}. Cancels still work.",
            code="SYMBOL_NOT_TRADING",
            given=info.status,
            exchange=ExchangeError(-1013, "Market is closed."),
        )
    elif info.status != "TRADING":
        yield Unchecked("status", f"{info.status} is a status that this version does not know")
    if not info.is_spot_trading_allowed:
        yield _refused("isSpotTradingAllowed", f"{info.symbol} does not allow spot trading.")


def amendable(info: SymbolInfo) -> Iterator[Violation]:
    """Why the orders of a symbol cannot be amended. Source: rest-api.md#order-amend-keep-priority-trade"""
    if not info.amend_allowed:
        text = "Order amend is not supported for this symbol."
        yield _refused("amendAllowed", f"{info.symbol} does not allow amending orders.", ExchangeError(-2038, text))


def _order(order: Order, info: SymbolInfo) -> Iterator[Violation]:
    """What the symbol does not allow about one order."""
    if order.type not in info.order_types:
        allowed = ", ".join(info.order_types)
        text = _TYPE_TEXTS.get(order.type)
        yield Violation(
            rule="orderTypes",
            message=f"{info.symbol} does not allow {order.type} orders. Allowed: {allowed}.",
            param=order.leg.wire("type"),
            given=order.type,
            exchange=ExchangeError(-1013, text) if text else None,
        )
    if order.iceberg_qty is not None:
        text = "Iceberg orders are not supported for this symbol."
        yield from _flag(info, "icebergAllowed", "iceberg orders", text, order.leg.wire("icebergQty"))
    if order.trailing_delta is not None:
        text = "Trailing stop orders are not supported for this symbol."
        yield from _flag(info, "allowTrailingStop", "trailing stops", text, order.leg.wire("trailingDelta"))
    if order.quote_order_qty is not None:
        text = "Quote order qty market orders are not support for this symbol."
        param = order.leg.wire("quoteOrderQty")
        yield from _flag(info, "quoteOrderQtyMarketAllowed", "MARKET orders sized in the quote asset", text, param)
    if order.peg_price_type is not None:
        text = "Pegged orders are not supported for this symbol."
        yield from _flag(info, "pegInstructionsAllowed", "pegged orders", text, order.leg.wire("pegPriceType"))
    mode = order.self_trade_prevention_mode
    if mode is not None and mode not in info.allowed_self_trade_prevention_modes:
        allowed = ", ".join(info.allowed_self_trade_prevention_modes)
        yield Violation(
            rule="allowedSelfTradePreventionModes",
            message=f"{info.symbol} does not allow selfTradePreventionMode {mode}. Allowed: {allowed}.",
            param="selfTradePreventionMode",
            given=mode,
            exchange=ExchangeError(-1013, "This symbol does not allow the specified self-trade prevention mode."),
        )


def _flag(info: SymbolInfo, flag: str, what: str, text: str | None, param: str | None = None) -> Iterator[Violation]:
    """Refuse what needs a flag that is off."""
    if not getattr(info, _FLAG_FIELDS[flag]):
        exchange = ExchangeError(-1013, text) if text else None
        yield _refused(flag, f"{info.symbol} does not allow {what}.", exchange, param)


def _refused(rule: str, message: str, exchange: ExchangeError | None = None, param: str | None = None) -> Violation:
    return Violation(rule=rule, message=message, param=param, exchange=exchange)
