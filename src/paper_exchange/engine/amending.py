"""How the quantity of an open order is lowered without losing its place in the queue.

Source: faqs/order_amend_keep_priority.md
"""

from decimal import Decimal

from paper_exchange.engine.accounts import Seat
from paper_exchange.engine.admission import stop_need
from paper_exchange.engine.commands import Amend
from paper_exchange.engine.events import Amended, Amendment, OrderReport
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.ledger import needed, reserve
from paper_exchange.engine.lists import legs, tell, working_id
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Order, OrderList
from paper_exchange.engine.refusal import Refusal


def amend(x: Exchange, command: Amend) -> Amended:
    """Lower the quantity of an order; of an OCO pair, that of both legs.

    Raises:
        Refusal: -2038, the order, its symbol or the quantity does not allow it; -1013, a filter.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    seat = account.seat(market.spec)
    if not account.settings.can_trade:
        raise _refused("This account may not place or cancel orders.")
    order = _find(seat, command)
    order_list = x.lists.get(order.list_id)
    _check_symbol(market)
    _check_quantity(market, order, order_list, command.quantity)
    taken = seat.by_client_id.get(command.new_client_order_id or "")
    if taken in seat.open and taken != order.order_id:
        raise _refused("Duplicate order sent.")

    old_name, old_quantity = order.client_order_id, order.quantity
    del seat.by_client_id[old_name]
    order.client_order_id = command.new_client_order_id or x.counters.next_client_id()
    seat.by_client_id[order.client_order_id] = order.order_id
    changed = [order, *_sibling(x, order, order_list)]
    for each in changed:
        _lower(x, market, each, command.quantity)
    _lock_again(x, market, changed)
    report, *_ = [_report(x, seat, each, old_name if each is order else "", old_quantity) for each in changed]
    if order_list is not None and order.client_order_id != old_name:
        _rename(x, order_list, order)
    return Amended(
        order=report.order,
        orig_client_order_id=old_name,
        execution_id=report.execution_id,
        transact_us=x.now_us,
        order_list=None if order_list is None else order_list.snapshot(),
    )


def _refused(message: str) -> Refusal:
    return Refusal(-2038, message)


def _find(seat: Seat, command: Amend) -> Order:
    """The open order of the command's ids; with both, the client id must be that of the order id."""
    order_id, name = command.order_id, command.orig_client_order_id
    order = seat.open.get(seat.by_client_id.get(name or "", 0) if order_id is None else order_id)
    if order is None or (name is not None and order.client_order_id != name):
        raise _refused("Unknown order sent.")
    return order


def _check_symbol(market: Market) -> None:
    if not market.spec.amend_allowed:
        raise _refused("Order amend is not supported for this symbol.")
    if market.spec.status not in {"TRADING", "CANCEL_ONLY"}:
        raise _refused("Market is closed.")


def _check_quantity(market: Market, order: Order, order_list: OrderList | None, quantity: Decimal) -> None:
    if order_list is not None and order_list.kind in {"OPO", "OPOCO"} and order.status == "PENDING_NEW":
        raise _refused("Order amend (pending OPO order) is not supported.")
    if quantity > order.quantity:
        raise _refused("Order amend (quantity increase) is not supported.")
    if quantity == order.quantity or quantity <= order.executed + order.prevented:
        raise _refused("The requested action would change no state; rejecting")
    if market.filters.max_amends is not None and order.amendments >= market.filters.max_amends:
        raise _refused("Filter failure: MAX_NUM_ORDER_AMENDS")
    market.filters.check_quantity(order.terms, quantity)
    if order.price is not None:
        market.filters.check_notional(order.price, quantity)


def _sibling(x: Exchange, order: Order, order_list: OrderList | None) -> list[Order]:
    """The other leg of an OCO pair, which always has the same quantity."""
    if order_list is None or order.order_id == working_id(order_list):
        return []
    return [each for each in legs(x, order_list) if each is not order]


def _lower(x: Exchange, market: Market, order: Order, quantity: Decimal) -> None:
    """Set the quantity of an order where it stands; an iceberg shows less only when less than a slice is left."""
    order.quantity = quantity
    order.amendments += 1
    remaining = order.remaining
    if order.visible > remaining:
        side, price = order.terms.side, order.price or ZERO
        left = market.book.own(side).shrink(price, order.visible - remaining)
        order.visible = remaining
        x.book_changed(market, side, price, left)


def _lock_again(x: Exchange, market: Market, orders: list[Order]) -> None:
    """Lower the reserve of an order, or of an OCO pair, whose resting leg locks its own need and the other the rest."""
    shared = ZERO
    for order in sorted(orders, key=lambda each: not each.visible):
        if order.status == "PENDING_NEW":
            continue
        need = (
            needed(market, order.side, order.remaining, order.price) if order.is_working else stop_need(market, order)
        )
        reserve(x, order, max(need - shared, ZERO))
        shared += order.reserved


def _report(x: Exchange, seat: Seat, order: Order, old_name: str, old_quantity: Decimal) -> OrderReport:
    order.update_us = x.now_us
    report = OrderReport(
        order=order.snapshot(),
        execution_type="REPLACED",
        execution_id=x.counters.next_execution(),
        client_order_id=order.client_order_id,
        orig_client_order_id=old_name,
        time_us=x.now_us,
        on_book=order.visible > 0,
    )
    x.events.append(report)
    if x.accounts[order.account].settings.keeps_history:
        seat.amendments.setdefault(order.order_id, []).append(
            Amendment(
                symbol=order.symbol,
                order_id=order.order_id,
                execution_id=report.execution_id,
                orig_client_order_id=old_name or order.client_order_id,
                new_client_order_id=order.client_order_id,
                orig_quantity=old_quantity,
                new_quantity=order.quantity,
                time_us=x.now_us,
            )
        )
    return report


def _rename(x: Exchange, order_list: OrderList, order: Order) -> None:
    """Give a list the new client id of its member, and say so."""
    names = dict(zip(order_list.order_ids, order_list.client_order_ids, strict=True))
    names[order.order_id] = order.client_order_id
    order_list.client_order_ids = tuple(names.values())
    tell(x, order_list, "UPDATED")
