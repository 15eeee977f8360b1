"""The state of the whole exchange, and what every part of the engine needs to change it.

Each command runs against one `Exchange`: it changes balances through it, so that they are reported once at the end,
and says what happened through it.
"""

from collections import deque
from decimal import Decimal

from paper_exchange.engine.accounts import FEE_ACCOUNT, ROUTING_ACCOUNT, Account, Balance, Seat
from paper_exchange.engine.commands import OpenAccount
from paper_exchange.engine.events import BalanceChange, BookChange, Event, OrderReport
from paper_exchange.engine.filters import ExchangeCapacity
from paper_exchange.engine.ids import Counters
from paper_exchange.engine.market import Market
from paper_exchange.engine.orders import Order, OrderList
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import ExchangeFilter, Sor
from paper_exchange.engine.words import ExecutionType, Side


class Exchange:
    """Everything the engine knows.

    Attributes:
        now_us: The time of the command being executed.
        orders: Every order that can still be read, by id.
        supply: What was deposited less what was withdrawn, by asset: the sum of all balances.
        work: Orders that a trade has fired and lists whose working order is filled, to be placed after the command's
            own order, first come first served. Empty between commands.
    """

    __slots__ = (
        "_touched",
        "accounts",
        "capacity",
        "counters",
        "events",
        "exchange_filters",
        "fee_account",
        "lists",
        "markets",
        "now_us",
        "orders",
        "routing_account",
        "sors",
        "supply",
        "work",
    )

    def __init__(self) -> None:
        self.now_us = 0
        self.counters = Counters()
        self.markets: dict[str, Market] = {}
        self.accounts: dict[int, Account] = {}
        self.orders: dict[int, Order] = {}
        self.lists: dict[int, OrderList] = {}
        self.supply: dict[str, Decimal] = {}
        self.exchange_filters: tuple[ExchangeFilter, ...] = ()
        self.capacity = ExchangeCapacity(())
        self.sors: tuple[Sor, ...] = ()
        self.events: list[Event] = []
        self.work: deque[Order | OrderList] = deque()
        self._touched: list[Balance] = []
        self.fee_account = self._own_account(FEE_ACCOUNT)
        self.routing_account = self._own_account(ROUTING_ACCOUNT)

    def _own_account(self, number: int) -> Account:
        account = self.accounts[number] = Account(OpenAccount(account=number, keeps_history=False))
        return account

    def market(self, symbol: str) -> Market:
        """The market of a symbol.

        Raises:
            Refusal: -1121, there is none.
        """
        market = self.markets.get(symbol)
        if market is None:
            raise Refusal(-1121, "Invalid symbol.")
        return market

    def account(self, number: int) -> Account:
        """An open account; KeyError when the caller made the number up."""
        return self.accounts[number]

    def seat(self, order: Order) -> Seat:
        """What an order's account has on its symbol."""
        return self.accounts[order.account].seats[order.symbol]

    def touch(self, balance: Balance) -> Balance:
        """Have a balance reported at the end of the command; every change of an account but the exchange's own does."""
        if not balance.touched:
            balance.touched = True
            self._touched.append(balance)
        return balance

    def drain(self) -> tuple[Event, ...]:
        """What happened, balances last; the next command starts afresh."""
        events, touched, now_us = self.events, self._touched, self.now_us
        for balance in touched:
            balance.touched = False
            self.accounts[balance.account].updated_us = now_us
            events.append(
                BalanceChange(
                    account=balance.account,
                    asset=balance.asset,
                    free=balance.free,
                    locked=balance.locked,
                    time_us=now_us,
                )
            )
        self.events, self._touched = [], []
        return tuple(events)

    def book_changed(self, market: Market, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Say that a price level's visible quantity is now `quantity`."""
        book = market.book
        book.update_id += 1
        self.events.append(
            BookChange(
                symbol=market.spec.symbol,
                side=side,
                price=price,
                quantity=quantity,
                update_id=book.update_id,
                time_us=self.now_us,
            )
        )

    def report(self, order: Order, execution_type: ExecutionType, *, on_book: bool = False) -> OrderReport:
        """Say what an order has become, for everything but trades and cancels."""
        order.update_us = self.now_us
        report = OrderReport(
            order=order.snapshot(),
            execution_type=execution_type,
            execution_id=self.counters.next_execution(),
            client_order_id=order.client_order_id,
            time_us=self.now_us,
            on_book=on_book,
        )
        self.events.append(report)
        return report
