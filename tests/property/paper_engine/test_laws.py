"""Laws of the exchange, held after every step of random walks through everything the engine can do."""

from collections import defaultdict
from decimal import Decimal, localcontext
from itertools import product
from random import Random
from typing import Any

import pytest
from tests.property.paper_engine.seeds import walks

from paper_exchange.engine.accounts import ROUTING_ACCOUNT
from paper_exchange.engine.commands import (
    AddSymbol,
    Amend,
    CancelAll,
    CancelList,
    CancelOrder,
    CancelReplace,
    Command,
    Deposit,
    ExpireOrders,
    LockExternally,
    OpenAccount,
    Place,
    PlaceList,
    PlaceSor,
    SetCommission,
    SetExchange,
    SetReferencePrice,
    SetSymbol,
    SetSymbolStatus,
    Withdraw,
    decode,
    encode,
)
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import BalanceChange, BookChange, OrderReport, Result, Trade
from paper_exchange.engine.orders import ZERO, Order, Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import (
    Commission,
    LotSize,
    MaxNumAlgoOrders,
    Notional,
    PercentPriceBySide,
    PriceFilter,
    PriceRange,
    Rates,
    ReferencePriceRule,
    Sor,
    SymbolSpec,
)

ACCOUNTS = (1, 2, 3, 4)
EXCHANGE_ACCOUNTS = (0, ROUTING_ACCOUNT)
ASSETS = ("BTC", "USDT", "USDC", "BNB")
TICK, STEP = Decimal("0.01"), Decimal("0.0001")
FEES = Commission(
    standard=Rates(maker=Decimal("0.0005"), taker=Decimal("0.001"), buyer=Decimal("0.0001")),
    special=Rates(taker=Decimal("0.00003")),
    tax=Rates(seller=Decimal("0.0000007")),
)
FREE = Commission()


def spec(symbol: str, base: str, quote: str, **more: Any) -> SymbolSpec:
    filters = (
        PriceFilter(min_price=TICK, max_price=Decimal(10_000), tick_size=TICK),
        PercentPriceBySide(
            bid_multiplier_up=Decimal(3),
            bid_multiplier_down=Decimal("0.3"),
            ask_multiplier_up=Decimal(3),
            ask_multiplier_down=Decimal("0.3"),
            avg_price_mins=1,
        ),
        LotSize(min_qty=STEP, max_qty=Decimal(100), step_size=STEP),
        Notional(
            min_notional=Decimal(1),
            apply_min_to_market=True,
            max_notional=Decimal(100_000),
            apply_max_to_market=True,
            avg_price_mins=5,
        ),
        MaxNumAlgoOrders(max_num_algo_orders=10),
    )
    return SymbolSpec(symbol=symbol, base_asset=base, quote_asset=quote, filters=filters, commission=FEES, **more)


SPECS = (
    spec(
        "BTCUSDT",
        "BTC",
        "USDT",
        execution_rules=(
            PriceRange(
                bid_limit_mult_up=Decimal("1.3"),
                bid_limit_mult_down=Decimal("0.7"),
                ask_limit_mult_up=Decimal("1.3"),
                ask_limit_mult_down=Decimal("0.7"),
            ),
        ),
        reference_price=ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=5, bucket_width_ms=10_000),
    ),
    spec("BTCUSDC", "BTC", "USDC", reference_price=ReferencePriceRule(calculation_type="EXTERNAL")),
    spec("BNBUSDT", "BNB", "USDT"),
)
SYMBOLS = tuple(each.symbol for each in SPECS)


class Walk:
    """A random walk: what is sent, what is logged, and what the events say, for the laws to compare."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.engine = Engine()
        self.now_us = 1_700_000_000_000_000
        self.log: list[tuple[int, bytes]] = []
        self.book: dict[tuple[str, str, Decimal], Decimal] = {}
        self.balances: dict[tuple[int, str], tuple[Decimal, Decimal]] = {}
        self.filled: dict[int, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
        self.last: dict[Any, int] = {}
        for each in SPECS:
            self.carry_out(AddSymbol(spec=each))
        self.carry_out(SetExchange(sors=(Sor(base_asset="BTC", symbols=("BTCUSDT", "BTCUSDC")),)))
        for account in ACCOUNTS:
            self.carry_out(
                OpenAccount(
                    account=account,
                    trade_group_id=7 if account < 3 else -1,
                    pays_in_bnb=account % 2 == 0,
                    keeps_history=account != 4,
                )
            )
            for asset in ASSETS:
                self.carry_out(Deposit(account=account, asset=asset, amount=Decimal(500)))

    def step(self) -> None:
        """Send one random command."""
        self.now_us += self.random.choice([1, 1000, 1_000_000, 20_000_000])
        self.do(self.command())

    def do(self, command: Command) -> None:
        """Execute a command; whatever follows must keep the laws."""
        before = self.engine.snapshot() if self.random.randrange(20) == 0 else None
        try:
            self.carry_out(command)
        except Refusal:
            assert before is None or self.engine.snapshot() == before
        else:
            self.check_laws()

    def carry_out(self, command: Command) -> None:
        """Execute a command, log it, and hear what it did."""
        result = self.engine.execute(command, now_us=self.now_us)
        self.log.append((self.now_us, encode(command)))
        self.read(result)

    # What is sent

    def command(self) -> Command:
        random = self.random
        account, symbol = random.choice(ACCOUNTS), random.choice((*SYMBOLS, "BTCUSDT", "BTCUSDT"))
        kind = random.choices(
            ("place", "list", "sor", "cancel", "cancel list", "amend", "replace", "rare"),
            weights=(50, 12, 6, 10, 3, 6, 6, 3),
        )[0]
        open_orders = self.engine.open_orders(account, symbol)
        order = random.choice(open_orders) if open_orders else None
        if kind == "list":
            return self.order_list(account, symbol)
        if kind == "sor":
            return PlaceSor(account=account, symbol=symbol, order=self.plain(symbol))
        if kind == "cancel" and order is not None:
            return CancelOrder(account=account, symbol=symbol, order_id=order.order_id)
        if kind == "cancel list" and order is not None:
            return CancelList(account=account, symbol=symbol, list_id=order.list_id)
        if kind == "amend" and order is not None:
            quantity = order.quantity * random.randrange(1, 10) / 10 // STEP * STEP
            return Amend(account=account, symbol=symbol, order_id=order.order_id, quantity=quantity)
        if kind == "replace" and order is not None:
            mode = random.choice(("STOP_ON_FAILURE", "ALLOW_FAILURE"))
            return CancelReplace(
                account=account,
                symbol=symbol,
                order_id=order.order_id,
                order=self.single(symbol),
                mode=mode,  # type: ignore[arg-type]
            )
        if kind == "rare":
            return self.rare(account, symbol)
        return Place(account=account, symbol=symbol, order=self.single(symbol))

    def rare(self, account: int, symbol: str) -> Command:
        random = self.random
        asset, amount = random.choice(ASSETS), Decimal(random.randrange(1, 100))
        choices: list[Command] = [
            CancelAll(account=account, symbol=symbol),
            ExpireOrders(symbol=symbol),
            SetSymbolStatus(symbol=symbol, status="HALT"),
            *[SetSymbolStatus(symbol=each, status="TRADING") for each in SYMBOLS],
            Deposit(account=account, asset=asset, amount=amount),
            Withdraw(account=account, asset=asset, amount=amount),
            SetReferencePrice(symbol="BTCUSDC", price=self.price(symbol)),
            SetCommission(account=account, symbol=symbol, commission=random.choice((None, FREE))),
            SetSymbol(spec=next(each for each in SPECS if each.symbol == symbol)),
            LockExternally(account=account, asset=asset, amount=random.choice((1, -1)) * amount),
        ]
        return random.choice(choices)

    def price(self, symbol: str, low: int = 80, high: int = 120) -> Decimal:
        last = self.engine.last_price(symbol) or Decimal(10)
        return max(last * self.random.randrange(low, high + 1) / 100 // TICK * TICK, TICK)

    def quantity(self) -> Decimal:
        return STEP * self.random.randrange(1_000, 60_000)

    def shared(self) -> dict[str, Any]:
        random = self.random
        modes = ("NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER", None)
        name = f"name{random.randrange(30)}" if random.randrange(5) == 0 else None
        return {"stp_mode": random.choice(modes), "client_order_id": name}

    def plain(self, symbol: str) -> Terms:
        random = self.random
        side: Any = random.choice(("BUY", "SELL"))
        lifetime = random.choice(("GTC", "GTC", "GTC", "IOC", "FOK", "MARKET"))
        if lifetime == "MARKET":
            return Terms(side=side, type="MARKET", quantity=self.quantity(), **self.shared())
        return Terms(
            side=side,
            type="LIMIT",
            quantity=self.quantity(),
            price=self.price(symbol),
            time_in_force=lifetime,  # type: ignore[arg-type]
            **self.shared(),
        )

    def single(self, symbol: str) -> Terms:
        random = self.random
        side: Any = random.choice(("BUY", "SELL"))
        kind = random.choice(("plain",) * 6 + ("maker", "iceberg", "quote", "stop", "trailing", "peg", "peg stop"))
        quantity, price = self.quantity(), self.price(symbol)
        stop_type: Any = random.choice(("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"))
        limit: dict[str, Any] = {"price": price, "time_in_force": random.choice(("GTC", "IOC", "FOK"))}
        if not stop_type.endswith("_LIMIT"):
            limit = {}
        peg: dict[str, Any] = {
            "peg_price_type": random.choice(("PRIMARY_PEG", "MARKET_PEG")),
            "peg_offset_value": random.choice((None, 1)),
            "time_in_force": "GTC",
        }
        more = self.shared()
        if kind == "maker":
            return Terms(side=side, type="LIMIT_MAKER", quantity=quantity, price=price, **more)
        if kind == "iceberg":
            slice_ = max(quantity / random.randrange(1, 6) // STEP * STEP, STEP)
            return Terms(
                side=side,
                type="LIMIT",
                quantity=quantity,
                price=price,
                time_in_force="GTC",
                iceberg_qty=slice_,
                **more,
            )
        if kind == "quote":
            return Terms(side=side, type="MARKET", quote_order_qty=Decimal(random.randrange(1, 200)), **more)
        if kind == "stop":
            return Terms(side=side, type=stop_type, quantity=quantity, stop_price=self.price(symbol), **limit, **more)
        if kind == "trailing":
            started = random.choice((None, self.price(symbol)))
            delta = random.randrange(10, 1000)
            return Terms(
                side=side, type=stop_type, quantity=quantity, stop_price=started, trailing_delta=delta, **limit, **more
            )
        if kind == "peg":
            return Terms(side=side, type="LIMIT", quantity=quantity, **peg, **more)
        if kind == "peg stop":
            return Terms(
                side=side, type="STOP_LOSS_LIMIT", quantity=quantity, stop_price=self.price(symbol), **peg, **more
            )
        return self.plain(symbol)

    def order_list(self, account: int, symbol: str) -> PlaceList:
        random = self.random
        kind: Any = random.choice(("OCO", "OTO", "OTOCO", "OPO", "OPOCO"))
        pays = kind in {"OPO", "OPOCO"}
        quantity = None if pays else self.quantity()
        side: Any = "SELL" if pays else random.choice(("BUY", "SELL"))
        high, low = self.price(symbol, 101, 115), self.price(symbol, 85, 99)
        profit, stop = (high, low) if side == "SELL" else (low, high)
        legs = [
            random.choice(
                [
                    Terms(side=side, type="LIMIT_MAKER", quantity=quantity, price=profit, **self.shared()),
                    Terms(side=side, type="TAKE_PROFIT", quantity=quantity, stop_price=profit, **self.shared()),
                ]
            ),
            random.choice(
                [
                    Terms(side=side, type="STOP_LOSS", quantity=quantity, stop_price=stop, **self.shared()),
                    Terms(
                        side=side,
                        type="STOP_LOSS_LIMIT",
                        quantity=quantity,
                        stop_price=stop,
                        price=stop,
                        time_in_force="GTC",
                        **self.shared(),
                    ),
                ]
            ),
        ]
        pair = legs if side == "SELL" else legs[::-1]
        working_side: Any = "BUY" if pays else random.choice(("BUY", "SELL"))
        working = Terms(
            side=working_side,
            type="LIMIT",
            quantity=self.quantity(),
            price=self.price(symbol),
            time_in_force=random.choice(("GTC", "GTC", "IOC")),
            **self.shared(),
        )
        orders = {"OCO": pair, "OTO": [working, pair[0]], "OPO": [working, pair[0]]}.get(kind, [working, *pair])
        return PlaceList(account=account, symbol=symbol, kind=kind, orders=tuple(orders))

    # What the events say

    def read(self, result: Result) -> None:
        for event in result.events:
            if isinstance(event, BookChange):
                self.follows("update", event.symbol, event.update_id)
                self.book[event.symbol, event.side, event.price] = event.quantity
            elif isinstance(event, Trade):
                self.follows("trade", event.symbol, event.trade_id)
            elif isinstance(event, BalanceChange):
                self.balances[event.account, event.asset] = (event.free, event.locked)
            elif isinstance(event, OrderReport):
                assert event.execution_id > self.last.get("execution", 0)
                self.last["execution"] = event.execution_id
                self.read_report(event)

    def follows(self, kind: str, symbol: str, number: int) -> None:
        """Ids of a symbol have no gaps."""
        assert number == self.last.get((kind, symbol), 0) + 1
        self.last[kind, symbol] = number

    def read_report(self, report: OrderReport) -> None:
        order = report.order
        if report.execution_type == "TRADE":
            quantity, quote = self.filled[order.order_id]
            self.filled[order.order_id] = (quantity + report.last_quantity, quote + report.last_quote)
            assert report.is_maker or order.type != "LIMIT_MAKER", "a LIMIT_MAKER took"
            limit = order.price
            assert limit is None or (
                report.last_price <= limit if order.side == "BUY" else report.last_price >= limit
            ), "traded through its limit"
        assert self.filled[order.order_id] == (order.executed, order.executed_quote)
        if not order.is_open and order.time_in_force == "FOK":
            assert order.executed in {ZERO, order.quantity}, "a FOK was filled in part"

    # The laws

    def check_laws(self) -> None:
        engine = self.engine
        for asset in ASSETS:
            balances = [engine.balance(account, asset) for account in (*EXCHANGE_ACCOUNTS, *ACCOUNTS)]
            assert sum(each.free + each.locked for each in balances) == engine.supply(asset), "money came or went"
        for account in ACCOUNTS:
            self.check_account(account)
        for symbol in SYMBOLS:
            self.check_book(symbol)

    def check_account(self, account: int) -> None:
        reserved: dict[str, Decimal] = defaultdict(Decimal)
        for order in self.engine.open_orders(account):
            assert order.time_in_force == "GTC" or not order.is_working, "an IOC or FOK stayed open"
            assert order.type != "MARKET" or order.status == "PENDING_NEW", "a MARKET order stayed open"
            self.check_open(order)
            symbol = self.engine.symbol(order.symbol)
            reserved[symbol.quote_asset if order.side == "BUY" else symbol.base_asset] += order.reserved
        for order_list in self.engine.open_order_lists(account):
            reserved[self.engine.symbol(order_list.symbol).base_asset] += order_list.proceeds
        for asset in ASSETS:
            _, free, locked = self.engine.balance(account, asset)
            assert free >= 0, "a negative balance"
            assert locked == reserved[asset], "locked is not the sum of the reserves"
            assert self.balances[account, asset] == (free, locked), "a balance changed in silence"

    @staticmethod
    def check_open(order: Order) -> None:
        assert order.remaining > 0 or order.status == "PENDING_NEW"
        if order.is_working:
            assert order.price is not None
            needed = order.remaining if order.side == "SELL" else order.remaining * order.price
            assert order.reserved == needed, "a resting order is not covered"

    def check_book(self, symbol: str) -> None:
        bids, asks = self.engine.levels(symbol, "BUY", 10_000), self.engine.levels(symbol, "SELL", 10_000)
        assert not bids or not asks or bids[0].price < asks[0].price, "the book is crossed"
        for side, levels in (("BUY", bids), ("SELL", asks)):
            rebuilt = {
                price: quantity
                for (of, on, price), quantity in self.book.items()
                if (of, on) == (symbol, side) and quantity
            }
            assert rebuilt == dict(levels), "the changes do not add up to the book"
            prices = [level.price for level in levels]
            assert prices == sorted(prices, reverse=side == "BUY")

    def check_replay(self) -> None:
        """The log replays to the same bytes, also when half of it was cut off by a snapshot."""
        replayed = Engine()
        for number, (now_us, command) in enumerate(self.log):
            replayed.execute(decode(command), now_us=now_us)
            if number == len(self.log) // 2:
                replayed = Engine.restore(replayed.snapshot())
        assert replayed.snapshot() == self.engine.snapshot()


def walk(seed: int, steps: int) -> Walk:
    with localcontext(prec=60):
        walked = Walk(seed)
        for _ in range(steps):
            walked.step()
        walked.check_replay()
    return walked


@walks(examples=40)
def test_the_laws_hold(seed: int) -> None:
    walk(seed, steps=60)


@pytest.mark.long
@walks(examples=200)
def test_the_laws_hold_for_long(seed: int) -> None:
    walk(seed, steps=500)


def test_a_walk_goes_everywhere() -> None:
    """The walks prove something only if they reach what they are about."""
    statuses, reasons, types = set(), set(), set()
    for seed in range(10):
        walked = walk(seed, steps=200)
        for account, symbol in product((1, 2, 3), SYMBOLS):
            for order in walked.engine.orders(account, symbol, now_us=walked.now_us):
                statuses.add(order.status)
                reasons.add(order.expiry_reason)
                types.add((order.type, order.status == "FILLED"))
    assert statuses >= {"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"}
    assert len(reasons) >= 8
    assert len([filled for _, filled in types if filled]) >= 6
