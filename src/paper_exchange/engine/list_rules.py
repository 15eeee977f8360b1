"""Which orders make a list: types, places above and below, sides, prices.

Source: rest-api.md#new-order-list---oco-trade, errors.md (-1158 to -1199, -1222 to -1225)
"""

from collections.abc import Sequence
from decimal import Decimal

from paper_exchange.engine.filters import fires_upward
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import SymbolSpec
from paper_exchange.engine.triggers import reaches
from paper_exchange.engine.words import ListKind, Side

_PROFIT = {"LIMIT_MAKER", "TAKE_PROFIT"}
_STOP = {"STOP_LOSS"}
_MISPLACED: dict[tuple[Side, str], tuple[int, str]] = {
    ("BUY", "LIMIT_MAKER"): (-1165, "A limit order in a buy OCO must be below."),
    ("SELL", "LIMIT_MAKER"): (-1166, "A limit order in a sell OCO must be above."),
    ("BUY", "STOP_LOSS"): (-1196, "A stop loss order in a buy OCO must be above."),
    ("SELL", "STOP_LOSS"): (-1197, "A stop loss order in a sell OCO must be below."),
    ("BUY", "TAKE_PROFIT"): (-1198, "A take profit order in a buy OCO must be below."),
    ("SELL", "TAKE_PROFIT"): (-1199, "A take profit order in a sell OCO must be above."),
}
_SIZES: dict[ListKind, int] = {"OCO": 2, "OTO": 2, "OPO": 2, "OTOCO": 3, "OPOCO": 3}


def check_list(spec: SymbolSpec, kind: ListKind, orders: Sequence[Terms]) -> None:
    """Refuse orders that do not make a list of this kind on this symbol.

    Raises:
        Refusal: -1013 for what the symbol does not take, -1158 and the following for what the list does not.
    """
    if len(orders) != _SIZES[kind]:
        raise Refusal(-1014, "Unsupported order combination.")
    if kind in {"OCO", "OTOCO", "OPOCO"} and not spec.oco_allowed:
        raise Refusal(-1013, "OCO orders are not supported for this symbol")
    if kind != "OCO":
        _check_working(spec, kind, orders)
    if kind in {"OCO", "OTOCO", "OPOCO"}:
        above, below = orders[-2:]
        _check_pair(above, below)


def check_relation(last_price: Decimal | None, legs: Sequence[Terms]) -> None:
    """Refuse an OCO pair whose prices do not lie on both sides of the last trade.

    Raises:
        Refusal: -2010.
    """
    if last_price is None:
        return
    for terms in legs:
        if terms.type == "LIMIT_MAKER":
            upward, marks = terms.side == "SELL", [terms.price]
        else:
            upward = fires_upward(terms)
            marks = [terms.stop_price, terms.price if terms.type == "TAKE_PROFIT_LIMIT" else None]
        if any(mark is not None and reaches(mark, last_price, upward=upward) for mark in marks):
            raise Refusal(-2010, "The relationship of the prices for the orders is not correct.")


def _check_working(spec: SymbolSpec, kind: ListKind, orders: Sequence[Terms]) -> None:
    working, *pending = orders
    if not spec.oto_allowed:
        raise Refusal(-1013, "OTO orders are not supported for this symbol.")
    if working.type not in {"LIMIT", "LIMIT_MAKER"}:
        raise Refusal(-1014, "Unsupported order combination.")
    if any(terms.quote_order_qty is not None for terms in pending):
        raise Refusal(-1014, "Unsupported order combination.")
    if kind in {"OPO", "OPOCO"}:
        if not spec.opo_allowed:
            raise Refusal(-1013, "OPO orders are not supported for this symbol.")
        if working.side != "BUY":
            raise Refusal(-1222, "Working order in an OPO list must be a bid.")
        if any(terms.side != "SELL" for terms in pending):
            raise Refusal(-1223, "Pending orders in an OPO list must be asks.")


def _check_pair(above: Terms, below: Terms) -> None:
    """Two legs of one side and size: one that takes profit, one that stops losses, each on its side of the market."""
    for terms in (above, below):
        if terms.type in {"LIMIT", "MARKET"}:
            raise Refusal(-1158, "Order type not supported in OCO.")
    if above.type == below.type == "LIMIT_MAKER":
        raise Refusal(-1168, "At least one OCO order must be contingent.")
    if above.side != below.side or above.quantity != below.quantity:
        raise Refusal(-1014, "Unsupported order combination.")
    profit, stop = profit_and_stop(above, below)
    for terms, belongs in ((profit, _PROFIT), (stop, _STOP)):
        family = terms.type.removesuffix("_LIMIT")
        if family not in belongs:
            raise Refusal(*_MISPLACED[terms.side, family])


def profit_and_stop(above: Terms, below: Terms) -> tuple[Terms, Terms]:
    """The two places of an OCO: profit is taken above the market when selling, below when buying."""
    return (above, below) if above.side == "SELL" else (below, above)
