"""The whole state as one value, and back: what a store writes between logs of commands.

Only facts are written, nothing that a refused command or a reader could leave behind. Books, triggers and indexes are
rebuilt from the open orders, which know their place in the queue.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from paper_exchange.engine.accounts import FEE_ACCOUNT, ROUTING_ACCOUNT, Account, Balance, Seat
from paper_exchange.engine.commands import OpenAccount
from paper_exchange.engine.commissions import Fees
from paper_exchange.engine.events import AccountTrade, Allocation, Amendment, PreventedMatch
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.filters import ExchangeCapacity
from paper_exchange.engine.ids import Counters
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import Order, OrderList
from paper_exchange.engine.symbols import Commission, ExchangeFilter, Sor, SymbolSpec


class _Seat(Struct):
    """One account on one symbol."""

    order_ids: list[int]
    by_client_id: dict[str, int]
    trades: list[AccountTrade]
    allocations: list[Allocation]
    prevented_matches: list[PreventedMatch]
    amendments: dict[int, list[Amendment]]
    commission: Commission | None


class _Account(Struct):
    """One account."""

    settings: OpenAccount
    balances: dict[str, tuple[Decimal, Decimal]]
    seats: dict[str, _Seat]
    list_ids: list[int]
    lists_by_client_id: dict[str, int]
    updated_us: int


class _Market(Struct):
    """One symbol."""

    spec: SymbolSpec
    update_id: int
    trade_id: int
    allocation_id: int
    prevented_match_id: int
    last_price: Decimal | None
    set_price: Decimal | None
    set_price_us: int
    averages: dict[int, list[tuple[int, Decimal, Decimal]]]
    moving: list[tuple[int, int, int]]


class _State(Struct):
    """Everything."""

    now_us: int
    counters: Counters
    exchange_filters: tuple[ExchangeFilter, ...]
    sors: tuple[Sor, ...]
    supply: dict[str, Decimal]
    markets: list[_Market]
    accounts: list[_Account]
    orders: list[Order]
    lists: list[OrderList]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_State)


def write(x: Exchange) -> bytes:
    """The state as JSON; equal states give equal bytes."""
    return _ENCODER.encode(
        _State(
            now_us=x.now_us,
            counters=x.counters,
            exchange_filters=x.exchange_filters,
            sors=x.sors,
            supply=x.supply,
            markets=[_market(market) for market in x.markets.values()],
            accounts=[_account(account) for account in x.accounts.values()],
            orders=list(x.orders.values()),
            lists=list(x.lists.values()),
        )
    )


def read(data: bytes) -> Exchange:
    """The state that `write` wrote.

    Raises:
        msgspec.ValidationError: `data` is no snapshot.
    """
    state = _DECODER.decode(data)
    x = Exchange()
    x.now_us, x.counters, x.supply = state.now_us, state.counters, state.supply
    x.exchange_filters, x.sors = state.exchange_filters, state.sors
    x.capacity = ExchangeCapacity(state.exchange_filters)
    x.markets = {each.spec.symbol: _restore_market(each) for each in state.markets}
    for each in state.accounts:
        x.accounts[each.settings.account] = _restore_account(x, each)
    x.fee_account, x.routing_account = x.accounts[FEE_ACCOUNT], x.accounts[ROUTING_ACCOUNT]
    x.orders = {order.order_id: order for order in state.orders}
    x.lists = {each.list_id: each for each in state.lists}
    for order_list in state.lists:
        if order_list.is_open:
            x.accounts[order_list.account].open_lists[order_list.list_id] = order_list
    _restore_open_orders(x, [order for order in state.orders if order.is_open])
    return x


def _market(market: Market) -> _Market:
    return _Market(
        spec=market.spec,
        update_id=market.book.update_id,
        trade_id=market.trade_id,
        allocation_id=market.allocation_id,
        prevented_match_id=market.prevented_match_id,
        last_price=market.last_price,
        set_price=market.set_price,
        set_price_us=market.set_price_us,
        averages={minutes: average.buckets() for minutes, average in market.averages.items()},
        moving=market.moving.buckets() if market.moving is not None else [],
    )


def _restore_market(state: _Market) -> Market:
    market = Market(state.spec)
    market.book.update_id = state.update_id
    market.trade_id = state.trade_id
    market.allocation_id = state.allocation_id
    market.prevented_match_id = state.prevented_match_id
    market.last_price = state.last_price
    market.set_price, market.set_price_us = state.set_price, state.set_price_us
    for minutes, buckets in state.averages.items():
        market.average_of(minutes).refill(buckets)
    if market.moving is not None:
        market.moving.refill(state.moving)
    return market


def _account(account: Account) -> _Account:
    return _Account(
        settings=account.settings,
        balances={
            asset: (balance.free, balance.locked)
            for asset, balance in sorted(account.balances.items())
            if balance.total
        },
        seats={
            symbol: _Seat(
                order_ids=seat.order_ids,
                by_client_id=seat.by_client_id,
                trades=seat.trades,
                allocations=seat.allocations,
                prevented_matches=seat.prevented_matches,
                amendments=seat.amendments,
                commission=None if seat.fees is None else seat.fees.commission,
            )
            for symbol, seat in sorted(account.seats.items())
            if seat.by_client_id or seat.prevented_matches or seat.fees is not None
        },
        list_ids=account.list_ids,
        lists_by_client_id=account.lists_by_client_id,
        updated_us=account.updated_us,
    )


def _restore_account(x: Exchange, state: _Account) -> Account:
    account = Account(state.settings)
    for asset, (free, locked) in state.balances.items():
        account.balances[asset] = Balance(account.id, asset, free, locked)
    for symbol, each in state.seats.items():
        seat: Seat = account.seat(x.markets[symbol].spec)
        seat.order_ids, seat.by_client_id = each.order_ids, each.by_client_id
        seat.trades, seat.allocations = each.trades, each.allocations
        seat.prevented_matches, seat.amendments = each.prevented_matches, each.amendments
        seat.fees = None if each.commission is None else Fees(each.commission)
    account.list_ids, account.lists_by_client_id = state.list_ids, state.lists_by_client_id
    account.updated_us = state.updated_us
    return account


def _restore_open_orders(x: Exchange, orders: list[Order]) -> None:
    for order in orders:
        account = x.accounts[order.account]
        account.seats[order.symbol].open[order.order_id] = order
        account.open_count += 1
        if order.status != "PENDING_NEW" and not order.is_working:
            x.markets[order.symbol].triggers.restore(order)
    for order in sorted(orders, key=lambda order: order.priority):
        if order.visible and order.price is not None:
            x.markets[order.symbol].book.own(order.side).add(order, order.price)
