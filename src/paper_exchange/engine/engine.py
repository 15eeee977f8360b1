"""The matching engine: commands in, events out.

    engine = Engine()
    engine.execute(AddSymbol(spec=spec), now_us=0)
    result = engine.execute(Place(account=1, symbol="BTCUSDT", order=Terms(...)), now_us=now)
    result.reply      # Placed: the order, its fills
    result.events     # what happened, in order, to whom it may concern

The engine never waits, sends, reads a clock or rolls dice. The same commands at the same times leave the same state:
`snapshot()` of a replayed log equals that of the original byte for byte. A command that raises `Refusal` has changed
nothing and need not be logged.

Everything is read through the methods below `execute`; what they return are copies or immutable values.
Times are microseconds since the epoch throughout.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, getcontext, setcontext
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Struct

from paper_exchange.engine import (
    administration,
    amending,
    cancelling,
    commands,
    list_placing,
    placing,
    replacing,
    snapshots,
)
from paper_exchange.engine.admission import check_order
from paper_exchange.engine.commands import Command, OpenAccount, Place, PlaceSor
from paper_exchange.engine.events import AccountTrade, Allocation, Amendment, PreventedMatch, Reply, Result
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.market import AVERAGE_PRICE_MINUTES
from paper_exchange.engine.orders import ZERO, Order, OrderList
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import Commission, ExchangeFilter, Sor, SymbolSpec
from paper_exchange.engine.words import Side

_EXACT = Context(prec=60, rounding=ROUND_DOWN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Enough digits that no sum or product of allowed amounts is ever rounded; what is truncated is truncated by name."""

_ARCHIVED_AFTER_US = 90 * 24 * 3600 * 1_000_000

_HANDLERS: dict[type[Command], Callable[[Exchange, Any], Reply]] = {
    commands.Place: placing.place,
    commands.PlaceSor: placing.place_sor,
    commands.PlaceList: list_placing.place_list,
    commands.CancelOrder: cancelling.cancel_order,
    commands.CancelList: cancelling.cancel_list,
    commands.CancelAll: cancelling.cancel_all,
    commands.CancelReplace: replacing.cancel_replace,
    commands.Amend: amending.amend,
    commands.OpenAccount: administration.open_account,
    commands.ClearAccount: administration.clear_account,
    commands.Deposit: administration.deposit,
    commands.Withdraw: administration.withdraw,
    commands.LockExternally: administration.lock_externally,
    commands.AddSymbol: administration.add_symbol,
    commands.SetSymbol: administration.set_symbol,
    commands.SetSymbolStatus: administration.set_symbol_status,
    commands.SetCommission: administration.set_commission,
    commands.SetReferencePrice: administration.set_reference_price,
    commands.SetExchange: administration.set_exchange,
    commands.ExpireOrders: administration.expire_orders,
}


class PriceLevel(NamedTuple):
    """One level of a book as the public sees it."""

    price: Decimal
    quantity: Decimal


class AssetBalance(NamedTuple):
    """One balance."""

    asset: str
    free: Decimal
    locked: Decimal


class OpenCounts(Struct, frozen=True):
    """What counts against the MAX_NUM filters."""

    orders: int
    algo_orders: int
    iceberg_orders: int
    order_lists: int


class Engine:
    """The state machine of one exchange."""

    def __init__(self) -> None:
        self._x = Exchange()

    def execute(self, command: Command, *, now_us: int) -> Result:
        """Do what a command says.

        Args:
            command: What is asked.
            now_us: The exchange's time. A time before the last command's counts as the last command's.

        Raises:
            Refusal: Binance would refuse it; nothing has changed.
            KeyError: The account was never opened.
        """
        x = self._x
        before, before_us = getcontext(), x.now_us
        setcontext(_EXACT)
        x.now_us = max(before_us, now_us)
        try:
            reply = _HANDLERS[type(command)](x, command)
            while x.work:
                _go_on(x, x.work.popleft())
        except Refusal:
            x.now_us = before_us
            raise
        finally:
            setcontext(before)
        return Result(reply, x.drain())

    def check(self, command: Place | PlaceSor, *, now_us: int) -> None:
        """Do what `order/test` does: everything that is checked before an order would reach the book and the funds.

        Raises:
            Refusal: The order breaks a rule of the symbol or a filter.
        """
        x = self._x
        before, before_us = getcontext(), x.now_us
        setcontext(_EXACT)
        x.now_us = max(before_us, now_us)
        try:
            market, account = x.market(command.symbol), x.account(command.account)
            checks = check_order if isinstance(command, Place) else placing.check_sor_order
            checks(x, market, account, command.order)
        finally:
            x.now_us = before_us
            setcontext(before)

    def snapshot(self) -> bytes:
        """The whole state as JSON; the same history gives the same bytes."""
        return snapshots.write(self._x)

    @classmethod
    def restore(cls, snapshot: bytes) -> "Engine":
        """The engine whose `snapshot` this is.

        Raises:
            msgspec.ValidationError: It is no snapshot.
        """
        engine = cls()
        engine._x = snapshots.read(snapshot)
        return engine

    @property
    def now_us(self) -> int:
        """The time of the last command."""
        return self._x.now_us

    # Symbols and exchange

    @property
    def symbols(self) -> Mapping[str, SymbolSpec]:
        """Every listed symbol, in order of listing."""
        return MappingProxyType({name: market.spec for name, market in self._x.markets.items()})

    def symbol(self, symbol: str) -> SymbolSpec:
        """One symbol.

        Raises:
            Refusal: -1121, it is not listed.
        """
        return self._x.market(symbol).spec

    @property
    def exchange_filters(self) -> tuple[ExchangeFilter, ...]:
        """The filters that count over all symbols."""
        return self._x.exchange_filters

    @property
    def sors(self) -> tuple[Sor, ...]:
        """Which books smart order routing walks together."""
        return self._x.sors

    # Books and prices

    def levels(self, symbol: str, side: Side, limit: int) -> list[PriceLevel]:
        """The best `limit` levels of one side, best first."""
        levels = self._x.market(symbol).book.own(side).levels()
        return [PriceLevel(level.price, level.quantity) for level, _ in zip(levels, range(limit), strict=False)]

    def best(self, symbol: str, side: Side) -> PriceLevel | None:
        """The best level of one side."""
        return next(iter(self.levels(symbol, side, 1)), None)

    def last_update_id(self, symbol: str) -> int:
        """The id of the last `BookChange` of a symbol."""
        return self._x.market(symbol).book.update_id

    def last_price(self, symbol: str) -> Decimal | None:
        """The price of the last trade, None before the first."""
        return self._x.market(symbol).last_price

    def last_trade_id(self, symbol: str) -> int:
        """The id of the last trade; before the first, one less than that one will have."""
        return self._x.market(symbol).trade_id

    def average_price(self, symbol: str, *, now_us: int) -> Decimal | None:
        """The volume-weighted average over five minutes, the last price when nothing traded in them."""
        market = self._x.market(symbol)
        average = market.averages[AVERAGE_PRICE_MINUTES].at(now_us)
        return market.last_price if average is None else average.price(market.quote_quantum)

    def reference_price(self, symbol: str, *, now_us: int) -> Decimal | None:
        """The reference price, None while it is not set.

        Raises:
            Refusal: -2043, the symbol has none, or never had one.
        """
        market = self._x.market(symbol)
        if market.spec.reference_price is None or (market.moving is None and market.set_price_us < 0):
            raise Refusal(-2043, "This symbol doesn't have a reference price.")
        return market.reference_price(now_us)

    # Orders

    def order(
        self,
        account: int,
        symbol: str,
        *,
        now_us: int,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """One order, open or closed; of several that had the client id, the last.

        Raises:
            Refusal: -2013 unknown, -2026 archived, -2039 the two ids belong to different orders.
        """
        seat = self._x.account(account).seat(self._x.market(symbol).spec)
        number = seat.by_client_id.get(client_order_id or "") if order_id is None else order_id
        order = self._x.orders.get(number or 0)
        if order is None or order.account != account or order.symbol != symbol:
            raise Refusal(-2013, "Order does not exist.")
        if client_order_id is not None and order.client_order_id != client_order_id:
            raise Refusal(-2039, "Client order ID is not correct for this order ID.")
        if _archived(order, now_us):
            raise Refusal(
                -2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
            )
        return order.snapshot()

    def open_orders(self, account: int, symbol: str | None = None) -> list[Order]:
        """The open orders of an account, on one symbol or on all, by id."""
        orders = self._x.account(account).open_orders()
        return [order.snapshot() for order in orders if symbol in {None, order.symbol}]

    def orders(self, account: int, symbol: str, *, now_us: int) -> list[Order]:
        """Every order of an account on a symbol that is not archived, open or closed, by id."""
        seat = self._x.account(account).seat(self._x.market(symbol).spec)
        orders = (self._x.orders[order_id] for order_id in seat.order_ids)
        return [order.snapshot() for order in orders if not _archived(order, now_us)]

    def order_list(self, account: int, *, list_id: int | None = None, client_order_id: str | None = None) -> OrderList:
        """One order list; with both ids only the client id counts.

        Raises:
            Refusal: -2013, there is none.
        """
        if client_order_id is not None:
            list_id = self._x.account(account).lists_by_client_id.get(client_order_id)
        found = self._x.lists.get(-1 if list_id is None else list_id)
        if found is None or found.account != account:
            raise Refusal(-2013, "Order does not exist.")
        return found.snapshot()

    def open_order_lists(self, account: int) -> list[OrderList]:
        """The open order lists of an account, by id."""
        return [each.snapshot() for each in self._x.account(account).open_lists.values()]

    def order_lists(self, account: int) -> list[OrderList]:
        """Every order list of an account, by id."""
        return [self._x.lists[list_id].snapshot() for list_id in self._x.account(account).list_ids]

    # Accounts

    def account(self, account: int) -> OpenAccount:
        """An account's settings."""
        return self._x.account(account).settings

    def updated_us(self, account: int) -> int:
        """When a balance of the account last changed."""
        return self._x.account(account).updated_us

    def balances(self, account: int) -> list[AssetBalance]:
        """Every balance that is not zero, by asset."""
        balances = sorted(self._x.account(account).balances.items())
        return [AssetBalance(asset, balance.free, balance.locked) for asset, balance in balances if balance.total]

    def balance(self, account: int, asset: str) -> AssetBalance:
        """One balance, zero when the account never had any."""
        balance = self._x.account(account).balances.get(asset)
        return AssetBalance(asset, ZERO, ZERO) if balance is None else AssetBalance(asset, balance.free, balance.locked)

    def supply(self, asset: str) -> Decimal:
        """What was deposited of an asset less what was withdrawn: the sum of all balances."""
        return self._x.supply.get(asset, ZERO)

    def commission(self, account: int, symbol: str) -> Commission:
        """What an account pays on a symbol."""
        market = self._x.market(symbol)
        return (self._x.account(account).seat(market.spec).fees or market.fees).commission

    def open_counts(self, account: int, symbol: str | None = None) -> OpenCounts:
        """What an account has open on a symbol, or on all."""
        holder = self._x.account(account)
        orders = [order for order in holder.open_orders() if symbol in {None, order.symbol}]
        return OpenCounts(
            orders=len(orders),
            algo_orders=sum(order.is_algo for order in orders),
            iceberg_orders=sum(order.terms.iceberg_qty is not None for order in orders),
            order_lists=sum(symbol in {None, each.symbol} for each in holder.open_lists.values()),
        )

    # What an account did; each ascending by id

    def trades(self, account: int, symbol: str) -> tuple[AccountTrade, ...]:
        """An account's fills on a symbol (myTrades)."""
        return tuple(self._x.account(account).seat(self._x.market(symbol).spec).trades)

    def allocations(self, account: int, symbol: str) -> tuple[Allocation, ...]:
        """An account's SOR fills on a symbol (myAllocations)."""
        return tuple(self._x.account(account).seat(self._x.market(symbol).spec).allocations)

    def prevented_matches(self, account: int, symbol: str) -> tuple[PreventedMatch, ...]:
        """An account's prevented self-trades on a symbol (myPreventedMatches)."""
        return tuple(self._x.account(account).seat(self._x.market(symbol).spec).prevented_matches)

    def amendments(self, account: int, symbol: str, order_id: int) -> tuple[Amendment, ...]:
        """The amendments of an order (order/amendments)."""
        return tuple(self._x.account(account).seat(self._x.market(symbol).spec).amendments.get(order_id, ()))


def _go_on(x: Exchange, item: Order | OrderList) -> None:
    """Place what the trades of a command have set off."""
    if isinstance(item, Order):
        placing.fire(x, item)
    else:
        list_placing.release(x, item)


def _archived(order: Order, now_us: int) -> bool:
    """Whether Binance no longer knows an order. Source: errors.md#-2026-order_archived"""
    return not order.is_open and not order.executed and now_us - order.update_us > _ARCHIVED_AFTER_US
