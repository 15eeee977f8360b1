"""Accounts: what they own, what they have open, what they did.

Money moves in double entry: whatever leaves one balance arrives in another, commissions in the exchange's fee
account; only deposits and withdrawals change the supply of an asset.
"""

from decimal import Decimal
from itertools import chain

from paper_exchange.engine.commands import OpenAccount
from paper_exchange.engine.commissions import Fees
from paper_exchange.engine.events import AccountTrade, Allocation, Amendment, PreventedMatch
from paper_exchange.engine.orders import ZERO, Order, OrderList
from paper_exchange.engine.symbols import SymbolSpec

FEE_ACCOUNT = 0
"""The exchange's own account, where commissions arrive."""

ROUTING_ACCOUNT = -1
"""The exchange's account that swaps quote assets one to one for routed orders; the only one that may owe."""


class Balance:
    """One asset of one account. `touched` says that it is on the list of balances to report."""

    __slots__ = ("account", "asset", "free", "locked", "touched")

    def __init__(self, account: int, asset: str, free: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        self.account = account
        self.asset = asset
        self.free = free
        self.locked = locked
        self.touched = False

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


class Seat:
    """One account on one symbol: its orders, open and past, its trades and its own commission.

    `base` and `quote` are the account's balances of the symbol's assets. `by_client_id` knows the last order of each
    client id, open or closed. `trades`, `allocations` and `prevented_matches` ascend by id.
    """

    __slots__ = (
        "allocations",
        "amendments",
        "base",
        "by_client_id",
        "fees",
        "open",
        "order_ids",
        "prevented_matches",
        "quote",
        "trades",
    )

    def __init__(self, base: Balance, quote: Balance) -> None:
        self.base = base
        self.quote = quote
        self.open: dict[int, Order] = {}
        self.order_ids: list[int] = []
        self.by_client_id: dict[str, int] = {}
        self.trades: list[AccountTrade] = []
        self.allocations: list[Allocation] = []
        self.prevented_matches: list[PreventedMatch] = []
        self.amendments: dict[int, list[Amendment]] = {}
        self.fees: Fees | None = None


class Account:
    """One account."""

    __slots__ = (
        "balances",
        "list_ids",
        "lists_by_client_id",
        "open_count",
        "open_lists",
        "permissions",
        "seats",
        "settings",
        "updated_us",
    )

    def __init__(self, settings: OpenAccount) -> None:
        self.configure(settings)
        self.balances: dict[str, Balance] = {}
        self.seats: dict[str, Seat] = {}
        self.open_lists: dict[int, OrderList] = {}
        self.list_ids: list[int] = []
        self.lists_by_client_id: dict[str, int] = {}
        self.open_count = 0
        self.updated_us = 0

    def configure(self, settings: OpenAccount) -> None:
        """Take new settings; what the account has stays."""
        self.settings = settings
        self.permissions = frozenset(settings.permissions)

    @property
    def id(self) -> int:
        """The account's number (`uid`)."""
        return self.settings.account

    def balance(self, asset: str) -> Balance:
        """The balance of an asset, zero when it never had any."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance(self.settings.account, asset)
        return balance

    def seat(self, spec: SymbolSpec) -> Seat:
        """What the account has on a symbol."""
        seat = self.seats.get(spec.symbol)
        if seat is None:
            base, quote = self.balance(spec.base_asset), self.balance(spec.quote_asset)
            seat = self.seats[spec.symbol] = Seat(base, quote)
        return seat

    def clear_past(self) -> None:
        """Forget every order, list and trade; none may be open. Commissions of its own stay."""
        for symbol, seat in self.seats.items():
            self.seats[symbol] = Seat(seat.base, seat.quote)
            self.seats[symbol].fees = seat.fees
        self.list_ids.clear()
        self.lists_by_client_id.clear()

    def open_orders(self) -> list[Order]:
        """Every open order, by id."""
        return sorted(
            chain.from_iterable(seat.open.values() for seat in self.seats.values()), key=lambda order: order.order_id
        )
