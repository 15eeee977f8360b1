"""Load on the engine alone: flows of commands from a fixed seed, on one symbol with live-like filters and fees.

The floor is a book in as few lines as will do, in the same exact arithmetic: it matches and no more.
"""

import gc
import resource
import time
from bisect import insort
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Literal

from paper_exchange.engine.commands import AddSymbol, CancelOrder, Command, Deposit, OpenAccount, Place, decode, encode
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Placed
from paper_exchange.engine.orders import Order, Terms
from paper_exchange.engine.symbols import (
    Commission,
    LotSize,
    MarketLotSize,
    MaxNumAlgoOrders,
    MaxNumOrders,
    Notional,
    PercentPriceBySide,
    PriceFilter,
    Rates,
    SymbolSpec,
    TrailingDelta,
)
from paper_exchange.engine.words import Side

D = Decimal
SYMBOL = "BTCUSDT"
SPEC = SymbolSpec(
    symbol=SYMBOL,
    base_asset="BTC",
    quote_asset="USDT",
    filters=(
        PriceFilter(min_price=D("0.01"), max_price=D("1000000"), tick_size=D("0.01")),
        LotSize(min_qty=D("0.00001"), max_qty=D("9000"), step_size=D("0.00001")),
        MarketLotSize(min_qty=D(0), max_qty=D(100), step_size=D(0)),
        PercentPriceBySide(
            bid_multiplier_up=D(5),
            bid_multiplier_down=D("0.2"),
            ask_multiplier_up=D(5),
            ask_multiplier_down=D("0.2"),
            avg_price_mins=5,
        ),
        Notional(
            min_notional=D(5),
            apply_min_to_market=True,
            max_notional=D(10) ** 12,
            apply_max_to_market=False,
            avg_price_mins=5,
        ),
        MaxNumOrders(max_num_orders=1_000_000),
        MaxNumAlgoOrders(max_num_algo_orders=5),
        TrailingDelta(
            min_trailing_above_delta=10,
            max_trailing_above_delta=2000,
            min_trailing_below_delta=10,
            max_trailing_below_delta=2000,
        ),
    ),
    commission=Commission(standard=Rates(maker=D("0.001"), taker=D("0.001"))),
)
ACCOUNTS = (1, 2, 3, 4)
LEVELS = 500
_NOW_US = 1_700_000_000_000_000

Turn = Literal["rest", "cancel", "take"]
FLOWS: dict[str, tuple[Turn, ...]] = {
    "exchange": (*("rest", "cancel") * 9, "rest", "take"),
    "resting": ("rest", "cancel"),
    "taking": ("take",),
}
"""`exchange` is the usual life of a book: of 20 commands 10 rest, 9 cancel, one trades."""
_RECENT = 100
"""Cancels are for one of the last so many orders that rest: most orders live for a moment, some stay for good."""


def founding() -> list[Command]:
    """A book of 1,000 levels around 60,000 that has traded, and four rich accounts."""
    commands: list[Command] = [AddSymbol(spec=SPEC)]
    for account in ACCOUNTS:
        commands.append(OpenAccount(account=account))
        commands.extend(Deposit(account=account, asset=asset, amount=D(10) ** 12) for asset in ("BTC", "USDT"))
    for level in range(1, LEVELS + 1):
        commands += limit(1, "BUY", D(60_000) - level, D(8000)), limit(1, "SELL", D(60_000) + level, D(8000))
    return [*commands, limit(2, "BUY", D(60_001), D("0.001"))]


def open_engine() -> Engine:
    """An engine that the founding commands have set up."""
    engine = Engine()
    for command in founding():
        engine.execute(command, now_us=_NOW_US)
    return engine


def limit(account: int, side: Side, price: Decimal, quantity: Decimal) -> Place:
    """A LIMIT GTC order."""
    terms = Terms(side=side, type="LIMIT", quantity=quantity, price=price, time_in_force="GTC")
    return Place(account=account, symbol=SYMBOL, order=terms)


def resting_order(random: Random) -> Place:
    """An order somewhere behind the best price."""
    cents, account = D(random.randrange(101, 50_000)) / 100, random.choice(ACCOUNTS)
    if random.random() < 0.5:
        return limit(account, "BUY", D(60_000) - cents, _quantity(random))
    return limit(account, "SELL", D(60_000) + cents, _quantity(random))


def taking_order(random: Random) -> Place:
    """An order that trades at the best price with a large resting one."""
    account = random.choice(ACCOUNTS[1:])
    if random.random() < 0.5:
        return limit(account, "BUY", D(60_001), _quantity(random))
    return limit(account, "SELL", D(59_999), _quantity(random))


def _quantity(random: Random) -> Decimal:
    return D(random.randrange(10, 10_000)) / 100_000


def flow(kind: str, count: int) -> list[Command]:
    """The commands of one flow. They are tried out once, so that cancels know the ids of what they cancel."""
    random = Random(kind)  # a load, not a secret
    turns = FLOWS[kind]
    engine = open_engine()
    commands: list[Command] = []
    waiting: list[Order] = []
    for index in range(count):
        turn = turns[index % len(turns)]
        if turn == "cancel":
            order = waiting.pop(random.randrange(-min(len(waiting), _RECENT), 0))
            command: Command = CancelOrder(account=order.account, symbol=SYMBOL, order_id=order.order_id)
        else:
            command = resting_order(random) if turn == "rest" else taking_order(random)
        reply = engine.execute(command, now_us=_NOW_US + index).reply
        if isinstance(reply, Placed) and turn == "rest":
            waiting.append(reply.order)
        commands.append(command)
    return commands


def carry_out(engine: Engine, commands: Sequence[Command]) -> None:
    """Execute commands."""
    execute = engine.execute
    for index, command in enumerate(commands):
        execute(command, now_us=_NOW_US + index)


def commands_per_second(commands: Sequence[Command]) -> float:
    """How many of them one core carries out in a second of its time."""
    engine = open_engine()
    gc.collect()
    started_s = time.process_time()
    carry_out(engine, commands)
    return len(commands) / (time.process_time() - started_s)


class BareBook:
    """A book that matches: no filters, no balances, no events. An order is `[quantity]`, its price where it waits."""

    def __init__(self) -> None:
        self._levels: dict[Decimal, deque[list[Decimal]]] = {}
        self._ranks: dict[Side, list[Decimal]] = {"BUY": [], "SELL": []}
        self._orders: dict[int, list[Decimal]] = {}
        self._last_id = 0

    def execute(self, command: Command) -> None:
        """Carry out a placement or a cancel."""
        if isinstance(command, CancelOrder):
            self._orders.pop(command.order_id or 0)[0] = D(0)
        elif isinstance(command, Place):
            self._last_id += 1
            terms = command.order
            self._place(terms.side, terms.price or D(0), terms.quantity or D(0))

    def _place(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        ranks = self._ranks["SELL" if side == "BUY" else "BUY"]
        while quantity and ranks:
            best = abs(ranks[-1])
            if best > price if side == "BUY" else best < price:
                break
            waiting = self._levels[best]
            while waiting and quantity:
                traded = min(waiting[0][0], quantity)
                quantity -= traded
                waiting[0][0] -= traded
                if not waiting[0][0]:
                    waiting.popleft()
            if not waiting:
                del self._levels[best]
                ranks.pop()
        if quantity:
            level = self._levels.get(price)
            if level is None:
                level = self._levels[price] = deque()
                insort(self._ranks[side], price if side == "BUY" else -price)
            order = self._orders[self._last_id] = [quantity]
            level.append(order)


def bare_commands_per_second(commands: Sequence[Command]) -> float:
    """What the same commands come to where a book only matches."""
    book = BareBook()
    for command in founding():
        book.execute(command)
    gc.collect()
    started_s = time.process_time()
    for command in commands:
        book.execute(command)
    return len(commands) / (time.process_time() - started_s)


def bytes_per_open_order(count: int, *, bare: bool) -> float:
    """How much a process grows by each order that rests, or, bare, by the decoded commands alone."""
    engine, random = open_engine(), Random("memory")
    kept: list[Command] = []
    before = _resident_bytes()
    for index in range(count):
        command = decode(encode(resting_order(random)))  # as it comes from a wire: values of its own
        if bare:
            kept.append(command)
        else:
            engine.execute(command, now_us=_NOW_US + index)
    return (_resident_bytes() - before) / count


def _resident_bytes() -> int:
    """What the process holds in memory, on Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
