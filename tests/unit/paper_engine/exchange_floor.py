"""A small exchange to try the engine on: one symbol, two accounts, short words for common orders."""

from decimal import Decimal
from typing import TypeVar

from paper_exchange.engine.commands import AddSymbol, CancelOrder, Command, Deposit, OpenAccount, Place, SetSymbol
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Event, Placed, Result
from paper_exchange.engine.orders import Order, Terms
from paper_exchange.engine.symbols import (
    Commission,
    LotSize,
    MarketLotSize,
    Notional,
    PriceFilter,
    Rates,
    SymbolFilter,
    SymbolSpec,
)
from paper_exchange.engine.words import OrderType, Side, TimeInForce

D = Decimal
ALICE, BOB, CAROL = 1, 2, 3
SYMBOL = "BTCUSDT"

FILTERS: tuple[SymbolFilter, ...] = (
    PriceFilter(min_price=D("0.01"), max_price=D("1000000"), tick_size=D("0.01")),
    LotSize(min_qty=D("0.001"), max_qty=D("9000"), step_size=D("0.001")),
    MarketLotSize(min_qty=D("0"), max_qty=D("500"), step_size=D("0")),
    Notional(
        min_notional=D("5"),
        apply_min_to_market=True,
        max_notional=D("9000000"),
        apply_max_to_market=False,
        avg_price_mins=5,
    ),
)
FREE = Commission(standard=Rates())
TENTH_PERCENT = Commission(standard=Rates(maker=D("0.001"), taker=D("0.001")))

E = TypeVar("E", bound=Event)


def spec(
    *,
    symbol: str = SYMBOL,
    base: str = "BTC",
    quote: str = "USDT",
    filters: tuple[SymbolFilter, ...] = FILTERS,
    commission: Commission = FREE,
    **rules: object,
) -> SymbolSpec:
    """A symbol with plain filters and no commission unless told otherwise."""
    return SymbolSpec(
        symbol=symbol,
        base_asset=base,
        quote_asset=quote,
        filters=filters,
        commission=commission,
        **rules,  # type: ignore[arg-type]  # whatever the test wants to vary
    )


class Floor:
    """An engine with a clock, rich accounts, and a way to say orders shortly."""

    def __init__(self, *specs: SymbolSpec) -> None:
        self.engine = Engine()
        self.now_us = 1_700_000_000_000_000
        for each in specs or (spec(),):
            self.do(AddSymbol(spec=each))
        for account in (ALICE, BOB, CAROL):
            self.do(OpenAccount(account=account))
            for asset in ("BTC", "USDT"):
                self.do(Deposit(account=account, asset=asset, amount=D(1_000_000)))

    def do(self, command: Command) -> Result:
        """Execute a command a millisecond after the last one."""
        self.now_us += 1000
        return self.engine.execute(command, now_us=self.now_us)

    def do_set(self, new: SymbolSpec) -> None:
        """Give a symbol new rules."""
        self.do(SetSymbol(spec=new))

    def send(self, account: int, terms: Terms, symbol: str = SYMBOL) -> Result:
        """Place an order; answer and events."""
        return self.do(Place(account=account, symbol=symbol, order=terms))

    def place(self, account: int, terms: Terms, symbol: str = SYMBOL) -> Placed:
        """Place an order; its answer."""
        reply = self.send(account, terms, symbol).reply
        assert isinstance(reply, Placed)
        return reply

    def limit(
        self, account: int, side: Side, quantity: str, price: str, tif: TimeInForce = "GTC", **more: object
    ) -> Order:
        """Place a LIMIT order."""
        return self.place(account, limit(side, quantity, price, tif, **more)).order

    def market(self, account: int, side: Side, quantity: str) -> Placed:
        """Place a MARKET order by quantity."""
        return self.place(account, Terms(side=side, type="MARKET", quantity=D(quantity)))

    def trade_at(self, price: str) -> None:
        """Let Bob and Carol trade at a price, on an otherwise uncrossed book."""
        self.limit(BOB, "SELL", "1", price)
        self.limit(CAROL, "BUY", "1", price)

    def cancel(self, order: Order) -> Result:
        """Cancel an order."""
        return self.do(CancelOrder(account=order.account, symbol=order.symbol, order_id=order.order_id))

    def now(self, order: Order) -> Order:
        """What has become of an order."""
        return self.engine.order(order.account, order.symbol, order_id=order.order_id, now_us=self.now_us)

    def book(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Bids and asks, best first, as text."""
        bids, asks = (
            [(str(price), str(quantity)) for price, quantity in self.engine.levels(SYMBOL, side, 100)]
            for side in ("BUY", "SELL")
        )
        return bids, asks


def limit(side: Side, quantity: str, price: str, tif: TimeInForce = "GTC", **more: object) -> Terms:
    """A LIMIT order."""
    return terms("LIMIT", side, quantity, price=D(price), time_in_force=tif, **more)


def terms(type_: OrderType, side: Side, quantity: str, **more: object) -> Terms:
    """An order of any type."""
    return Terms(type=type_, side=side, quantity=D(quantity), **more)  # type: ignore[arg-type]  # the test's words


def events(result: Result, kind: type[E]) -> list[E]:
    """The events of one kind."""
    return [event for event in result.events if isinstance(event, kind)]
