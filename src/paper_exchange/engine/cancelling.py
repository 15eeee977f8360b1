"""How open orders are cancelled.

Source: rest-api.md#cancel-order-trade
"""

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.commands import CancelAll, CancelList, CancelOrder
from paper_exchange.engine.events import Cancelled, CancelledAll, CancelledList, OrderReport
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.lifecycle import forget, leave
from paper_exchange.engine.lists import finish
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import Order, OrderList
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.words import CancelRestrictions, OrderStatus

_RESTRICTED_TO: dict[CancelRestrictions, OrderStatus] = {
    "ONLY_NEW": "NEW",
    "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED",
}


def cancel_order(x: Exchange, command: CancelOrder) -> Cancelled | CancelledList:
    """Cancel one order, and the whole list that it is in.

    Raises:
        Refusal: -2011.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    check_account(account)
    order = find_open(account.seat(market.spec), command.order_id, command.orig_client_order_id)
    if command.restrictions is not None and order.status != _RESTRICTED_TO[command.restrictions]:
        raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")
    return cancel_whole(x, market, order, command.new_client_order_id or x.counters.next_client_id())


def cancel_list(x: Exchange, command: CancelList) -> CancelledList:
    """Cancel an order list; with both ids, the client id must be that of the list id.

    Raises:
        Refusal: -2011.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    check_account(account)
    list_id, name = command.list_id, command.list_client_order_id
    if list_id is None:
        list_id = account.lists_by_client_id.get(name or "")
    order_list = account.open_lists.get(-1 if list_id is None else list_id)
    if (
        order_list is None
        or order_list.symbol != command.symbol
        or (name is not None and order_list.client_order_id != name)
    ):
        raise Refusal(-2011, "Unknown order sent.")
    return _cancel_members(x, market, order_list, command.new_client_order_id or x.counters.next_client_id())


def cancel_all(x: Exchange, command: CancelAll) -> CancelledAll:
    """Cancel everything an account has open on a symbol.

    Raises:
        Refusal: -2011, nothing is open.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    check_account(account)
    open_orders = account.seat(market.spec).open
    if not open_orders:
        raise Refusal(-2011, "Unknown order sent.")
    name = x.counters.next_client_id()
    items = [cancel_whole(x, market, order, name) for order in list(open_orders.values()) if order.is_open]
    return CancelledAll(items=tuple(items))


def cancel_whole(x: Exchange, market: Market, order: Order, name: str) -> Cancelled | CancelledList:
    """Cancel an order, or the list that it is in; `name` is the client id of the cancel."""
    if order.list_id < 0:
        return _cancel(x, market, order, name)
    return _cancel_members(x, market, x.lists[order.list_id], name, order)


def _cancel_members(
    x: Exchange, market: Market, order_list: OrderList, name: str, named: Order | None = None
) -> CancelledList:
    """Cancel the open members of a list."""
    members = [order for order_id in order_list.order_ids if (order := x.orders.get(order_id)) and order.is_open]
    reports = tuple(_cancel(x, market, order, name) for order in members)
    finish(x, order_list)
    return CancelledList(
        order_list=order_list.snapshot(),
        reports=reports,
        transact_us=x.now_us,
        named=members.index(named) if named is not None else 0,
    )


def check_account(account: Account) -> None:
    """Refuse an account that may not trade."""
    if not account.settings.can_trade:
        raise Refusal(-2011, "This account may not place or cancel orders.")


def find_open(seat: Seat, order_id: int | None, client_order_id: str | None) -> Order:
    """The open order of these ids; with both, the client id must be that of the order id.

    Raises:
        Refusal: -2011, there is none.
    """
    if order_id is None:
        if client_order_id is None:
            raise Refusal(-2011, "Cancel order is invalid. Check origClOrdId and orderId.")
        order_id = seat.by_client_id.get(client_order_id, 0)
    order = seat.open.get(order_id)
    if order is None or (client_order_id is not None and order.client_order_id != client_order_id):
        raise Refusal(-2011, "Unknown order sent.")
    return order


def _cancel(x: Exchange, market: Market, order: Order, name: str) -> Cancelled:
    """End an open order at its owner's wish; `name` is the client id of the cancel."""
    leave(x, market, order)
    order.status = "CANCELED"
    order.update_us = x.now_us
    forget(x, order)
    snapshot = order.snapshot()
    x.events.append(
        OrderReport(
            order=snapshot,
            execution_type="CANCELED",
            execution_id=x.counters.next_execution(),
            client_order_id=name,
            orig_client_order_id=order.client_order_id,
            time_us=x.now_us,
        )
    )
    return Cancelled(order=snapshot, client_order_id=name, transact_us=x.now_us)
