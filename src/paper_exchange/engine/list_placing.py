"""How order lists come in, and how pending orders are released.

Source: rest-api.md#new-order-list---oco-trade and the following, faqs/opo.md
"""

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.admission import (
    Need,
    assess,
    check_account,
    check_capacity,
    check_client_id,
    check_funds,
    check_values,
    draft,
)
from paper_exchange.engine.commands import PlaceList
from paper_exchange.engine.events import Placed, PlacedList
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.lifecycle import accept
from paper_exchange.engine.list_rules import check_list, check_relation, profit_and_stop
from paper_exchange.engine.lists import end, legs, tell, unlock_proceeds
from paper_exchange.engine.market import Market
from paper_exchange.engine.matching import Taken
from paper_exchange.engine.orders import ZERO, Order, OrderList, Terms
from paper_exchange.engine.placing import begin, placed
from paper_exchange.engine.refusal import Refusal


def place_list(x: Exchange, command: PlaceList) -> PlacedList:
    """Place an order list.

    Raises:
        Refusal: -1013, -1158 and the following for what the list asks, -2010 for what the engine does not allow.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    seat = account.seat(market.spec)
    check_list(market.spec, command.kind, command.orders)
    for terms in command.orders:
        check_values(x, market, account, terms)
    check_capacity(x, market, account, command.orders)
    check_account(market, account)
    _check_ids(account, seat, command)
    orders = [draft(x, market, account, terms) for terms in _in_order_of_ids(command)]
    starting = orders if command.kind == "OCO" else orders[:1]
    if command.kind == "OCO":
        check_relation(market.last_price, command.orders)
    needs = [assess(x, market, order) for order in starting]
    check_funds(seat, starting[0], max(need.amount for need in needs))
    order_list = _open(x, account, seat, command, orders)
    reports = [_wait(x, order) for order in orders[len(starting) :]]
    reports = [*_begin(x, market, starting, needs), *reports]
    return PlacedList(order_list=order_list.snapshot(), reports=tuple(reports), transact_us=x.now_us)


def release(x: Exchange, order_list: OrderList) -> None:
    """Place the pending orders of a list whose working order is filled.

    What the market, the funds or the filters do not allow now expires as REJECTED.
    """
    market = x.markets[order_list.symbol]
    pending = legs(x, order_list)
    try:
        if order_list.kind in {"OPO", "OPOCO"}:
            _size(x, market, order_list, pending)
        if len(pending) == 2:
            check_relation(market.last_price, [order.terms for order in pending])
        needs = [assess(x, market, order) for order in pending]
        check_funds(x.seat(pending[0]), pending[0], max(need.amount for need in needs))
    except Refusal:
        end(x, market, pending[0], "REJECTED")
        return
    _begin(x, market, pending, needs)


def _in_order_of_ids(command: PlaceList) -> list[Terms]:
    """The orders as they get their ids: the working one, then of a pair the stop before the profit leg."""
    if command.kind in {"OTO", "OPO"}:
        return list(command.orders)
    *working, above, below = command.orders
    profit, stop = profit_and_stop(above, below)
    return [*working, stop, profit]


def _check_ids(account: Account, seat: Seat, command: PlaceList) -> None:
    """Refuse client ids that open orders, open lists or two members have."""
    name = command.list_client_order_id
    if name is not None and account.lists_by_client_id.get(name) in account.open_lists:
        raise Refusal(-2010, "Duplicate order sent.")
    given = [terms.client_order_id for terms in command.orders if terms.client_order_id is not None]
    if len(set(given)) < len(given):
        raise Refusal(-2010, "Duplicate order sent.")
    for client_order_id in given:
        check_client_id(seat, client_order_id)


def _open(x: Exchange, account: Account, seat: Seat, command: PlaceList, orders: list[Order]) -> OrderList:
    """Accept the members, and the list that ties them."""
    list_id = x.counters.next_list()
    for order in orders:
        order.list_id = list_id
        accept(x, account, seat, order)
    order_list = OrderList(
        list_id=list_id,
        account=account.id,
        symbol=command.symbol,
        kind=command.kind,
        client_order_id=command.list_client_order_id or x.counters.next_client_id(),
        order_ids=tuple(order.order_id for order in orders),
        client_order_ids=tuple(order.client_order_id for order in orders),
        created_us=x.now_us,
        update_us=x.now_us,
    )
    x.lists[list_id] = account.open_lists[list_id] = order_list
    account.lists_by_client_id[order_list.client_order_id] = list_id
    if account.settings.keeps_history:
        account.list_ids.append(list_id)
    tell(x, order_list, "EXEC_STARTED")
    return order_list


def _wait(x: Exchange, order: Order) -> Placed:
    """Let a pending order wait for its working order."""
    order.status = "PENDING_NEW"
    x.report(order, "NEW")
    return placed(x, order, Taken())


def _begin(x: Exchange, market: Market, orders: list[Order], needs: list[Need]) -> list[Placed]:
    """Let one order start, or an OCO pair (stop first), whose stop locks only what the profit leg does not."""
    if len(orders) == 2:
        stop, profit = needs
        needs = [Need(max(stop.amount - profit.amount, ZERO)), profit]
    return [begin(x, market, order, need) for order, need in zip(orders, needs, strict=True)]


def _size(x: Exchange, market: Market, order_list: OrderList, pending: list[Order]) -> None:
    """Give pending OPO orders the quantity that the working order received, rounded down to the lot.

    Raises:
        Refusal: -1013, the quantity breaks a filter.
    """
    received = order_list.proceeds
    unlock_proceeds(x, order_list)
    for order in pending:
        quantity = received - received % market.filters.step(market=order.terms.type == "MARKET")
        market.filters.check_quantity(order.terms, quantity)
        if order.price is not None:
            market.filters.check_notional(order.price, quantity)
        order.quantity = quantity
