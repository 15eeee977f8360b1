"""Order lists: what one member's fate means for the others.

An OCO pair shares one reserve, large enough for either leg, until one leg starts; then the other expires. A pending
order waits for the whole fill of its working order. A list is done when none of its members is open.

Source: rest-api.md#new-order-list---oco-trade and the following, faqs/opo.md
"""

from decimal import Decimal

from paper_exchange.engine.commissions import DISCOUNT_ASSET
from paper_exchange.engine.events import ListStatus
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.lifecycle import expire
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO, Order, OrderList
from paper_exchange.engine.words import ExpiryReason, ListStatusType


def end(x: Exchange, market: Market, order: Order, reason: ExpiryReason) -> None:
    """End an order by rule, with what this means for its list."""
    expire(x, market, order, reason)
    if order.list_id >= 0:
        after_end(x, order)


def before_start(x: Exchange, order: Order) -> None:
    """An OCO leg is about to trade, or to work on the book: its sibling expires, with its share of the reserve."""
    order_list = x.lists[order.list_id]
    if order.order_id != working_id(order_list):
        market = x.markets[order.symbol]
        for sibling in legs(x, order_list):
            if sibling is not order:
                expire(x, market, sibling, "OCO_TRIGGER")


def after_end(x: Exchange, order: Order) -> None:
    """A member is closed: filled, or ended in any other way but by its owner."""
    order_list = x.lists[order.list_id]
    market = x.markets[order.symbol]
    if order.order_id == working_id(order_list):
        if order.status == "FILLED":
            x.work.append(order_list)
            return
        for pending in legs(x, order_list):
            expire(x, market, pending, "OTO_PHASE_ONE_EXPIRED")
    else:
        for sibling in legs(x, order_list):
            expire(x, market, sibling, "OCO_TRIGGER")
    finish(x, order_list)


def working_id(order_list: OrderList) -> int:
    """The working order's id; -1 in an OCO, which has none."""
    return -1 if order_list.kind == "OCO" else order_list.order_ids[0]


def legs(x: Exchange, order_list: OrderList) -> list[Order]:
    """The open members besides the working order."""
    ids = order_list.order_ids if order_list.kind == "OCO" else order_list.order_ids[1:]
    orders = (x.orders.get(order_id) for order_id in ids)
    return [order for order in orders if order is not None and order.is_open]


def finish(x: Exchange, order_list: OrderList) -> None:
    """Close a list none of whose members is open."""
    account = x.accounts[order_list.account]
    unlock_proceeds(x, order_list)
    order_list.status_type = order_list.order_status = "ALL_DONE"
    del account.open_lists[order_list.list_id]
    if not account.settings.keeps_history:
        del x.lists[order_list.list_id]
        del account.lists_by_client_id[order_list.client_order_id]
    tell(x, order_list, "ALL_DONE")


def hold_proceeds(x: Exchange, order: Order, received: Decimal, commission: Decimal, commission_asset: str) -> None:
    """Keep what the working order of an OPO receives locked for its pending orders.

    The commission comes out of other free funds where there are enough, unless BNB is received.
    Source: faqs/opo.md#what-is-the-difference-with-this-order-list-from-other-order-lists
    """
    order_list = x.lists[order.list_id]
    if order_list.kind not in {"OPO", "OPOCO"} or order.order_id != working_id(order_list):
        return
    balance = x.touch(x.seat(order).base)
    if commission_asset == balance.asset and (commission_asset == DISCOUNT_ASSET or balance.free < received):
        received -= commission
    balance.free -= received
    balance.locked += received
    order_list.proceeds += received


def unlock_proceeds(x: Exchange, order_list: OrderList) -> None:
    """Give what an OPO's working order received back to free."""
    if order_list.proceeds:
        balance = x.touch(x.accounts[order_list.account].seats[order_list.symbol].base)
        balance.locked -= order_list.proceeds
        balance.free += order_list.proceeds
        order_list.proceeds = ZERO


def tell(x: Exchange, order_list: OrderList, status_type: ListStatusType) -> None:
    """Say what a list has become."""
    order_list.update_us = x.now_us
    x.events.append(
        ListStatus(
            order_list=order_list.snapshot(),
            status_type=status_type,
            order_status=order_list.order_status,
            time_us=x.now_us,
        )
    )
