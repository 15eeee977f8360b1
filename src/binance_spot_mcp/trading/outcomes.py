"""What the answer to a request must name, and where to look for orders when no such answer came.

Source: rest-api.md#trading-endpoints
"""

from collections.abc import Iterator
from typing import Any, Final

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.orders import OrderListReport, OrderReport
from binance_spot_mcp.catalogue.trading import CANCEL_ALL_ORDERS, Amendment, Cancelled, Replacement
from binance_spot_mcp.errors import OutcomeUnknown, Rejected, SpotError

LIST_NAME: Final = "listClientOrderId"
_IDS: Final = ("orderId", "origClientOrderId", "orderListId")
_UNDONE: Final = {"place": "Nothing was placed.", "amend": "Nothing was changed.", "cancel": "Nothing was cancelled."}

Fact = tuple[str, object]
"""Something that an answer says, by the wire name under which a request asks for it."""


def names_of(endpoint: Endpoint[Any, Any], params: Params) -> dict[str, str]:
    """The names that orders get by a request, by parameter; that of a cancel names no order."""
    if endpoint.effect == "cancel":
        return {}
    return {
        alias: str(value)
        for alias, value in params.given().items()
        if alias.lower().endswith("clientorderid") and not alias.lower().endswith("origclientorderid")
        if alias != "cancelNewClientOrderId"
    }


def check_answer(payload: object, endpoint: Endpoint[Any, Any], params: Params) -> None:
    """Take an answer only for one that is about what was asked.

    It must know every order by the name that it was given, one to be cancelled by the id that was meant, and no other
    symbol.

    Raises:
        OutcomeUnknown: It is about something else.
    """
    given, facts = params.given(), {*_facts(payload)}
    meant = {(name, given[name]) for name in _IDS if name in given} if endpoint.effect == "cancel" else set()
    named = {("name", name) for name in names_of(endpoint, params).values()}
    symbols = {value for name, value in facts if name == "symbol"}
    if not (meant | named <= facts and symbols <= {given["symbol"]}):
        raise OutcomeUnknown("The exchange answered, but not about what was asked, so it may have happened.")


def tell(error: SpotError, endpoint: Endpoint[Any, Any], params: Params) -> None:
    """Add to an error what its reader needs to go on: which orders it is about, and where to look for them."""
    names = names_of(endpoint, params)
    error.client_order_id = names.get(LIST_NAME) or next(iter(names.values()), None)
    error.details = {**error.details, "symbol": str(params.given()["symbol"])}
    if len(names) > 1:
        error.details["client_order_ids"] = names
    if isinstance(error, OutcomeUnknown):
        error.next = "get_order_state"
        error.message = f"{error.message} {_where_to_look(endpoint, error.client_order_id)}"
    elif isinstance(error, Rejected) and error.retry == "at":
        error.message = f"{error.message} {_UNDONE[endpoint.effect]}"


def _facts(payload: object) -> Iterator[Fact]:
    """What an answer says of each order in it, of those that have an order id."""
    match payload:
        case OrderListReport():
            yield "symbol", payload.symbol
            yield "name", payload.list_client_order_id
            yield "orderListId", payload.order_list_id
            yield from (fact for report in payload.order_reports for fact in _facts(report))
        case OrderReport():
            yield "symbol", payload.symbol
            if payload.order_id > 0:
                yield "name", payload.client_order_id
                yield "orderId", payload.order_id
                yield "origClientOrderId", payload.orig_client_order_id
            if isinstance(payload, Cancelled):
                yield from (fact for report in payload.order_reports for fact in _facts(report))
        case Replacement():
            yield from _facts(payload.new_order_response)
        case Amendment():
            yield "symbol", payload.amended_order.symbol
            yield "name", payload.amended_order.client_order_id
        case tuple():
            yield from (fact for each in payload for fact in _facts(each))


def _where_to_look(endpoint: Endpoint[Any, Any], name: str | None) -> str:
    """How to go on, in a sentence."""
    match endpoint.effect:
        case "place":
            return f"get_order_state tells what became of {name}, as soon as that is known; do not place it again."
        case "amend":
            return "get_order_state tells whether the order was changed."
        case _ if endpoint.name == CANCEL_ALL_ORDERS.name:
            return "get_order_state tells whether it was done; get_open_orders shows which orders are left."
        case _:
            return "get_order_state tells what became of it; to cancel it by its id once more does no harm."
