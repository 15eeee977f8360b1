"""What the exchange itself does: accounts, funds, symbols, rules."""

from decimal import Decimal

from msgspec.structs import replace

from paper_exchange.engine.accounts import Account
from paper_exchange.engine.commands import (
    AddSymbol,
    ClearAccount,
    Deposit,
    ExpireOrders,
    LockExternally,
    OpenAccount,
    SetCommission,
    SetExchange,
    SetReferencePrice,
    SetSymbol,
    SetSymbolStatus,
    Withdraw,
)
from paper_exchange.engine.commissions import Fees
from paper_exchange.engine.events import Done, ExternalLock, SymbolChanged, Transfer
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.filters import ExchangeCapacity
from paper_exchange.engine.lists import end
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import ZERO
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import SymbolSpec

ASSET_QUANTUM = Decimal("0.00000001")
"""The smallest amount of any asset."""


def open_account(x: Exchange, command: OpenAccount) -> Done:
    """Open an account, or change its settings."""
    account = x.accounts.get(command.account)
    if account is None:
        x.accounts[command.account] = Account(command)
    else:
        account.configure(command)
    return Done()


def clear_account(x: Exchange, command: ClearAccount) -> Done:
    """End what an account has open, take what it owns, forget what it did."""
    account = x.account(command.account)
    for order in account.open_orders():
        if order.is_open:  # it may have ended with the list of an earlier one
            end(x, x.market(order.symbol), order, "EXCHANGE_CANCELED")
    for asset, balance in account.balances.items():
        if balance.free:
            _move(x, account.id, asset, balance.free, -1)
    for seat in account.seats.values():
        for order_id in seat.order_ids:
            del x.orders[order_id]
    for list_id in account.list_ids:
        x.lists.pop(list_id, None)
    account.clear_past()
    return Done()


def deposit(x: Exchange, command: Deposit) -> Done:
    """Credit an account from outside.

    Raises:
        Refusal: -1013, the amount is not a positive multiple of the smallest one.
    """
    _move(x, command.account, command.asset, command.amount, 1)
    return Done()


def withdraw(x: Exchange, command: Withdraw) -> Done:
    """Take free funds out.

    Raises:
        Refusal: -1013 as for deposits, -2010 when not so much is free.
    """
    _move(x, command.account, command.asset, command.amount, -1)
    return Done()


def lock_externally(x: Exchange, command: LockExternally) -> Done:
    """Let another product lock funds or give them back.

    Raises:
        Refusal: -1013, the amount is no multiple of the smallest one or zero; -2010 when not so much is free.
    """
    amount = command.amount
    _change(x, command.account, command.asset, -amount)
    x.events.append(ExternalLock(account=command.account, asset=command.asset, delta=amount, time_us=x.now_us))
    return Done()


def _move(x: Exchange, number: int, asset: str, amount: Decimal, sign: int) -> None:
    if amount <= 0:
        raise _invalid_amount()
    delta = amount * sign
    _change(x, number, asset, delta)
    x.events.append(Transfer(account=number, asset=asset, delta=delta, time_us=x.now_us))


def _change(x: Exchange, number: int, asset: str, delta: Decimal) -> None:
    """Let funds come in from outside, or go."""
    if not delta or delta % ASSET_QUANTUM:
        raise _invalid_amount()
    balance = x.account(number).balance(asset)
    if balance.free + delta < 0:
        raise Refusal(-2010, "Account has insufficient balance for requested action.")
    x.touch(balance).free += delta
    x.supply[asset] = x.supply.get(asset, ZERO) + delta


def _invalid_amount() -> Refusal:
    return Refusal(-1013, "Invalid amount.")


def add_symbol(x: Exchange, command: AddSymbol) -> Done:
    """List a symbol, or relist one with new rules."""
    return _configure(x, command.spec)


def set_symbol(x: Exchange, command: SetSymbol) -> Done:
    """Replace a symbol's rules.

    Raises:
        Refusal: -1121, it is not listed.
    """
    x.market(command.spec.symbol)
    return _configure(x, command.spec)


def set_symbol_status(x: Exchange, command: SetSymbolStatus) -> Done:
    """Open, halt or close a symbol."""
    market = x.market(command.symbol)
    market.spec = replace(market.spec, status=command.status)
    x.events.append(SymbolChanged(symbol=command.symbol, time_us=x.now_us))
    return Done()


def _configure(x: Exchange, spec: SymbolSpec) -> Done:
    market = x.markets.get(spec.symbol)
    if market is None:
        x.markets[spec.symbol] = Market(spec)
    else:
        market.configure(spec)
    x.events.append(SymbolChanged(symbol=spec.symbol, time_us=x.now_us))
    return Done()


def set_commission(x: Exchange, command: SetCommission) -> Done:
    """Give an account its own commission on a symbol, or take it away."""
    seat = x.account(command.account).seat(x.market(command.symbol).spec)
    seat.fees = None if command.commission is None else Fees(command.commission)
    return Done()


def set_reference_price(x: Exchange, command: SetReferencePrice) -> Done:
    """Set an EXTERNAL reference price."""
    market = x.market(command.symbol)
    market.set_price = command.price
    market.set_price_us = x.now_us
    return Done()


def set_exchange(x: Exchange, command: SetExchange) -> Done:
    """Replace the exchange-wide filters and the SOR configuration."""
    x.exchange_filters = command.filters
    x.capacity = ExchangeCapacity(command.filters)
    x.sors = command.sors
    return Done()


def expire_orders(x: Exchange, command: ExpireOrders) -> Done:
    """End everything open on a symbol."""
    market = x.market(command.symbol)
    for account in x.accounts.values():
        seat = account.seats.get(command.symbol)
        for order in list(seat.open.values()) if seat is not None else ():
            if order.is_open:
                end(x, market, order, "EXCHANGE_CANCELED")
    return Done()
