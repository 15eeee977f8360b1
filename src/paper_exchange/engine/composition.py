"""Whether a symbol takes an order of this kind at all, before any filter looks at its values.

Source: errors.md#other-errors, enums.md#order-types
"""

from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import SymbolSpec
from paper_exchange.engine.words import PRICED, OrderType

_NOT_SUPPORTED: dict[OrderType, str] = {
    "MARKET": "Market orders are not supported for this symbol.",
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}


def check_composition(spec: SymbolSpec, terms: Terms) -> None:
    """Refuse an order that the symbol does not take.

    Raises:
        Refusal: -1013, with the text for what is not possible.
    """
    if spec.status != "TRADING":
        raise Refusal(-1013, "Market is closed.")
    if terms.type not in spec.order_types:
        raise Refusal(-1013, _NOT_SUPPORTED.get(terms.type, "Unsupported order combination"))
    if terms.iceberg_qty is not None:
        _check_iceberg(spec, terms)
    if terms.trailing_delta is not None and not spec.allow_trailing_stop:
        raise Refusal(-1013, "Trailing stop orders are not supported for this symbol.")
    if terms.quote_order_qty is not None and not spec.quote_order_qty_market_allowed:
        raise Refusal(-1013, "Quote order qty market orders are not support for this symbol.")
    if terms.stp_mode is not None and terms.stp_mode not in spec.allowed_stp_modes:
        raise Refusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    if terms.peg_price_type is not None:
        _check_peg(spec, terms)


def _check_iceberg(spec: SymbolSpec, terms: Terms) -> None:
    if not spec.iceberg_allowed:
        raise Refusal(-1013, "Iceberg orders are not supported for this symbol.")
    if terms.time_in_force not in {None, "GTC"} or terms.type not in PRICED:
        raise Refusal(-1013, "Unsupported order combination")
    if terms.quantity is not None and terms.iceberg_qty is not None and terms.iceberg_qty > terms.quantity:
        raise Refusal(-1013, "IcebergQty exceeds QTY.")


def _check_peg(spec: SymbolSpec, terms: Terms) -> None:
    """Source: faqs/pegged_orders.md#what-order-types-support-pegged-orders"""
    if not spec.peg_instructions_allowed:
        raise Refusal(-1013, "Pegged orders are not supported for this symbol.")
    if terms.type not in PRICED:
        raise Refusal(-1013, "This order type may not use pegged price.")
    if terms.type == "LIMIT_MAKER" and terms.peg_price_type != "PRIMARY_PEG":
        raise Refusal(-1013, "This price peg cannot be used with this order type.")
    if terms.type == "LIMIT" and terms.peg_price_type == "PRIMARY_PEG" and terms.time_in_force != "GTC":
        raise Refusal(-1013, "This price peg cannot be used with this order type.")
