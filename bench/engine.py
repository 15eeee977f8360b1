"""How many commands one core carries out in a second of its time, with filters, balances, commissions and events.

    python bench/engine.py [--commands N] [--profile]

Three flows, each from a fixed seed on one symbol with live-like filters and fees:
    resting   orders that rest, each cancelled later: the life of a market maker
    taking    orders that trade at once, against a deep book
    mixed     half rest, a quarter trade, a quarter cancel

The floor beside them is what the same number of bare events costs: building an order and one report.
"""

import argparse
import cProfile
import gc
import pstats
import time
from decimal import Decimal
from random import Random

from paper_exchange.engine.commands import AddSymbol, CancelOrder, Command, Deposit, OpenAccount, Place
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import OrderReport, Placed
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
FLOWS = {"resting": ("rest", "cancel"), "taking": ("take",), "mixed": ("rest", "rest", "take", "cancel")}


def open_exchange() -> Engine:
    """A book of 1,000 levels around 60,000 that has traded, and four rich accounts."""
    engine = Engine()
    engine.execute(AddSymbol(spec=SPEC), now_us=0)
    for account in ACCOUNTS:
        engine.execute(OpenAccount(account=account), now_us=0)
        for asset in ("BTC", "USDT"):
            engine.execute(Deposit(account=account, asset=asset, amount=D(10) ** 12), now_us=0)
    for level in range(1, LEVELS + 1):
        for side, price in (("BUY", D(60_000) - level), ("SELL", D(60_000) + level)):
            engine.execute(limit(1, side, price, D(8000)), now_us=0)
    engine.execute(limit(2, "BUY", D(60_001), D("0.001")), now_us=0)
    return engine


def limit(account: int, side: str, price: Decimal, quantity: Decimal) -> Place:
    """A LIMIT GTC order."""
    terms = Terms(side=side, type="LIMIT", quantity=quantity, price=price, time_in_force="GTC")  # type: ignore[arg-type]
    return Place(account=account, symbol=SYMBOL, order=terms)


def resting_order(random: Random) -> Place:
    """An order somewhere behind the best price."""
    side, sign = random.choice((("BUY", -1), ("SELL", 1)))
    price = D(60_000) + sign * D(random.randrange(101, 50_000)) / 100
    return limit(random.choice(ACCOUNTS), side, price, D(random.randrange(10, 10_000)) / 100_000)


def taking_order(random: Random) -> Place:
    """An order that trades at the best price."""
    side, sign = random.choice((("BUY", 1), ("SELL", -1)))
    return limit(random.choice(ACCOUNTS[1:]), side, D(60_000) + sign, D(random.randrange(10, 10_000)) / 100_000)


def flow(kind: str, count: int) -> list[Command]:
    """The commands of one flow. They are tried out once, so that cancels know the ids of what they cancel."""
    random = Random(kind)  # a load, not a secret
    turns = FLOWS[kind]
    engine = open_exchange()
    commands: list[Command] = []
    waiting: list[Order] = []
    for index in range(count):
        turn = turns[index % len(turns)]
        if turn == "cancel":
            order = waiting.pop(random.randrange(len(waiting)))
            command: Command = CancelOrder(account=order.account, symbol=SYMBOL, order_id=order.order_id)
        else:
            command = resting_order(random) if turn == "rest" else taking_order(random)
        reply = engine.execute(command, now_us=index).reply
        if isinstance(reply, Placed) and turn == "rest":
            waiting.append(reply.order)
        commands.append(command)
    return commands


def carry_out(engine: Engine, commands: list[Command]) -> int:
    """Execute the commands; how many events came of them."""
    execute, events = engine.execute, 0
    for index, command in enumerate(commands):
        events += len(execute(command, now_us=index).events)
    return events


def floor(count: int) -> float:
    """Commands per second if a command cost no more than an order and one report of it."""
    terms = Terms(side="BUY", type="LIMIT", quantity=D(1), price=D(1), time_in_force="GTC")
    started = time.process_time()
    for index in range(count):
        order = Order(
            order_id=index,
            account=1,
            symbol=SYMBOL,
            terms=terms,
            client_order_id="",
            time_in_force="GTC",
            stp_mode="NONE",
            quantity=D(1),
            created_us=index,
            update_us=index,
        )
        OrderReport(order=order.snapshot(), execution_type="NEW", execution_id=index, client_order_id="", time_us=index)
    return count / (time.process_time() - started)


def main() -> None:
    """Measure each flow, or profile the mixed one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--profile", choices=FLOWS, help="print where the time of one flow goes")
    options = parser.parse_args()
    if options.profile:
        engine, commands = open_exchange(), flow(options.profile, options.commands)
        profiler = cProfile.Profile()
        profiler.runcall(carry_out, engine, commands)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
        return
    print(f"{'flow':<10}{'commands/s':>12}{'events/s':>12}")
    for kind in FLOWS:
        engine, commands = open_exchange(), flow(kind, options.commands)
        gc.collect()
        started = time.process_time()
        events = carry_out(engine, commands)
        elapsed = time.process_time() - started
        print(f"{kind:<10}{len(commands) / elapsed:>12,.0f}{events / elapsed:>12,.0f}")
    print(f"{'floor':<10}{floor(options.commands):>12,.0f}")


if __name__ == "__main__":
    main()
