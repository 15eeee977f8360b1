"""How open orders are cancelled.

Source: rest-api.md#cancel-order-trade
"""

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.commands import CancelAll, CancelOrder
from paper_exchange.engine.events import Cancelled, CancelledAll, OrderReport
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.lifecycle import forget, leave
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import Order
from paper_exchange.engine.refusal import Refusal


def cancel_order(x: Exchange, command: CancelOrder) -> Cancelled:
    """Cancel one order.

    Raises:
        Refusal: -2011.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    seat = account.seat(market.spec)
    check_account(account)
    order = find_open(seat, command.order_id, command.orig_client_order_id)
    allowed = {"ONLY_NEW": ("NEW",), "ONLY_PARTIALLY_FILLED": ("PARTIALLY_FILLED",)}
    if command.restrictions is not None and order.status not in allowed[command.restrictions]:
        raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")
    return cancel(x, market, order, command.new_client_order_id or x.counters.next_client_id())


def cancel_all(x: Exchange, command: CancelAll) -> CancelledAll:
    """Cancel everything an account has open on a symbol.

    Raises:
        Refusal: -2011, nothing is open.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    seat = account.seat(market.spec)
    check_account(account)
    if not seat.open:
        raise Refusal(-2011, "Unknown order sent.")
    name = x.counters.next_client_id()
    return CancelledAll(items=tuple(cancel(x, market, order, name) for order in list(seat.open.values())))


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


def cancel(x: Exchange, market: Market, order: Order, name: str) -> Cancelled:
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
