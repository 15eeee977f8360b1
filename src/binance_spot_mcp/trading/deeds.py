"""Whether what a call was to do to existing orders was done: asked of the exchange, never guessed, never repeated."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.lists import CANCEL_ORDER_LIST, GET_ORDER_LIST, GetOrderListParams
from binance_spot_mcp.catalogue.orders import Order, OrderList
from binance_spot_mcp.catalogue.trading import (
    AMEND_ORDER,
    CANCEL_ALL_ORDERS,
    GET_ORDER,
    OPEN_ORDERS,
    GetOrderParams,
    OpenOrdersParams,
)
from binance_spot_mcp.trading.register import Intent
from binance_spot_mcp.trading.states import ENDED

_LIST_DONE: Final = "ALL_DONE"
_ORDER_IDS: Final = {
    "orderId": "orderId",
    "origClientOrderId": "origClientOrderId",
    "cancelOrderId": "orderId",
    "cancelOrigClientOrderId": "origClientOrderId",
}
_LIST_IDS: Final = {"orderListId": "orderListId", "listClientOrderId": "origClientOrderId"}


def question(intent: Intent) -> tuple[Endpoint[Any, Any], Params]:
    """The query that shows whether it was done."""
    if intent.tool == CANCEL_ALL_ORDERS.name:
        return OPEN_ORDERS, OpenOrdersParams(symbol=intent.symbol)
    if intent.tool == CANCEL_ORDER_LIST.name:
        return GET_ORDER_LIST, GetOrderListParams.model_validate(_named(intent.asked, _LIST_IDS))
    named = {"symbol": intent.symbol, **_named(intent.asked, _ORDER_IDS)}
    return GET_ORDER, GetOrderParams.model_validate(named)


def state(intent: Intent, payload: object, *, over: bool) -> str:
    """What the answer to that query makes of it: DONE, NOT_DONE, or nothing as long as nobody can say.

    Args:
        intent: The call.
        payload: The answer.
        over: Whether the call cannot arrive any more.
    """
    if _done(intent, payload):
        return "DONE"
    ended = isinstance(payload, Order) and payload.status in ENDED
    return "NOT_DONE" if over or ended else ""


def _done(intent: Intent, payload: object) -> bool:
    match payload:
        case tuple():
            return not payload
        case OrderList():
            return payload.list_order_status == _LIST_DONE
        case Order() if intent.tool == AMEND_ORDER.name:
            return payload.orig_qty == Decimal(intent.asked["newQty"])
        case Order():
            return payload.status == "CANCELED"
        case _:
            return False


def _named(asked: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, str]:
    return {ids[name]: value for name, value in asked.items() if name in ids}
