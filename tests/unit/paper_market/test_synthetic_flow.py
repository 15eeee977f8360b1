"""The house of a synthetic market, let loose on the engine."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from paper_exchange.clock import VirtualClock
from paper_exchange.engine.commands import Command, Deposit, OpenAccount, Place, encode
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Placed, Result
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.intervals import HOUR_US, INTERVALS, MINUTE_US, SECOND_US
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.runner import run_market
from paper_exchange.market.source import Due
from paper_exchange.market.synthetic.flow import FlowSettings
from paper_exchange.market.synthetic.market import SyntheticMarket

GENESIS_US = 1_763_629_225_678_901
USER = 1_000_001


class World:
    """An engine, a record and a synthetic market."""

    def __init__(self, *, seed: int = 5, catalog: Catalog = BUILT_IN, settings: FlowSettings | None = None) -> None:
        self.market = SyntheticMarket(catalog, seed=seed, genesis_us=GENESIS_US, settings=settings)
        self.engine = Engine()
        self.record = MarketRecord(self.market.past)
        self.now_us = GENESIS_US
        self.done: list[Due] = []
        self.refusals: Counter[int] = Counter()
        for command in self.market.founding():
            self.execute(command)
        self.execute(OpenAccount(account=USER))

    def execute(self, command: Command) -> Result:
        result = self.engine.execute(command, now_us=self.now_us)
        self.record.apply(result.events)
        return result

    def run(self, seconds: int, every_us: int = 250_000) -> None:
        end_us = self.now_us + seconds * SECOND_US
        while self.now_us <= end_us:
            self.execute_due(self.market.advance(self.now_us))
            self.now_us += every_us

    def execute_due(self, due: Sequence[Due]) -> None:
        for each in due:
            self.done.append(each)
            try:
                self.record.apply(self.engine.execute(each.command, now_us=each.at_us).events)
            except Refusal as refusal:
                self.refusals[refusal.code] += 1

    def place(self, symbol: str, terms: Terms) -> Placed:
        reply = self.execute(Place(account=USER, symbol=symbol, order=terms)).reply
        assert isinstance(reply, Placed)
        return reply


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.run(60)
    return world


@pytest.mark.parametrize("symbol", BUILT_IN.listings)
def test_every_book_has_depth_and_a_narrow_spread_around_the_fair_price(world: World, symbol: str) -> None:
    bids, asks = world.engine.levels(symbol, "BUY", 100), world.engine.levels(symbol, "SELL", 100)
    assert len(bids) >= 10
    assert len(asks) >= 10
    assert bids[0].price < asks[0].price
    middle = (bids[0].price + asks[0].price) / 2
    listing = BUILT_IN.listings[symbol]
    assert asks[0].price - bids[0].price < max(4 * listing.tick, 5 * Decimal(listing.spread) * middle)
    assert abs(float(middle) / world.market.fair_price(symbol, world.now_us) - 1) < 0.002
    assert bids[-1].price < middle * Decimal("0.99")


@pytest.mark.parametrize("symbol", BUILT_IN.listings)
def test_every_symbol_trades_and_its_trades_go_on_where_the_past_ended(world: World, symbol: str) -> None:
    history = world.record.history(symbol)
    assert world.engine.last_trade_id(symbol) >= world.market.past(symbol).trades.next_id
    klines = history.klines(INTERVALS["1m"], world.now_us, limit=3)
    assert klines[1].bar.count > 0
    assert klines[0].bar.last_id + 1 == klines[1].bar.first_id
    assert abs(klines[1].bar.open_e8 / klines[0].bar.close_e8 - 1) < 0.01


def test_nothing_is_refused_but_cancels_of_quotes_that_were_taken(world: World) -> None:
    assert set(world.refusals) <= {-2011}
    assert world.refusals[-2011] < len(world.done) / 20


def test_the_house_costs_a_few_hundred_commands_a_second_at_most(world: World) -> None:
    opening = len(BUILT_IN.listings) * 2 * FlowSettings().levels
    assert 20 < (len(world.done) - opening) / 60 < 400


def test_the_same_seed_and_the_same_steps_give_the_same_commands() -> None:
    first, second, other = World(), World(), World(seed=6)
    for world in (first, second, other):
        world.run(5)
    assert [(each.at_us, encode(each.command)) for each in first.done] == [
        (each.at_us, encode(each.command)) for each in second.done
    ]
    assert first.engine.snapshot() == second.engine.snapshot()
    assert first.engine.snapshot() != other.engine.snapshot()


def test_a_user_order_meets_the_book_moves_it_and_the_book_comes_back() -> None:
    world = World()
    world.run(5)
    world.execute(Deposit(account=USER, asset="USDT", amount=Decimal(200_000)))
    before = world.engine.best("SOLUSDT", "SELL")
    assert before is not None
    placed = world.place("SOLUSDT", Terms(side="BUY", type="MARKET", quote_order_qty=Decimal(150_000)))
    assert len(placed.fills) > 3
    after = world.engine.best("SOLUSDT", "SELL")
    assert after is not None
    assert after.price > before.price * Decimal("1.001")
    world.run(30)
    later = world.engine.best("SOLUSDT", "SELL")
    assert later is not None
    assert later.price < after.price


def test_a_user_order_at_a_good_price_is_filled_by_the_house() -> None:
    world = World()
    world.run(5)
    world.execute(Deposit(account=USER, asset="USDT", amount=Decimal(10_000)))
    best = world.engine.best("BTCUSDT", "BUY")
    assert best is not None
    placed = world.place(
        "BTCUSDT", Terms(side="BUY", type="LIMIT", price=best.price, quantity=Decimal("0.001"), time_in_force="GTC")
    )
    assert placed.order.status == "NEW"
    world.run(120)
    assert world.engine.order(USER, "BTCUSDT", now_us=world.now_us, order_id=placed.order.order_id).status == "FILLED"


def test_a_leap_of_time_leaves_trades_in_the_candles_between() -> None:
    world = World(catalog=Catalog(assets=BUILT_IN.assets, listings={"BTCUSDT": BUILT_IN.listings["BTCUSDT"]}))
    world.run(1)
    world.now_us += HOUR_US
    due = world.market.advance(world.now_us)
    assert len({each.at_us for each in due}) <= 60
    assert [each.at_us for each in due] == sorted(each.at_us for each in due)
    world.execute_due(due)
    klines = world.record.history("BTCUSDT").klines(INTERVALS["5m"], world.now_us, limit=12)
    assert all(kline.bar.count > 0 for kline in klines if kline.is_closed)


def test_a_market_that_goes_on_later_clears_its_quotes_away_first() -> None:
    world = World()
    world.run(2)
    later = SyntheticMarket(BUILT_IN, seed=5, genesis_us=GENESIS_US)
    world.now_us += 7 * HOUR_US
    for command in later.resuming():
        world.execute(command)
    assert all(world.engine.best(symbol, "BUY") is None for symbol in BUILT_IN.listings)
    world.market = later
    world.run(2)
    assert all(world.engine.best(symbol, "BUY") is not None for symbol in BUILT_IN.listings)
    assert set(world.refusals) <= {-2011}


def test_a_quiet_house_sends_less() -> None:
    busy, quiet = World(), World(settings=FlowSettings(updates_per_second=0.05, activity=0.1, renewal=0.0))
    for world in (busy, quiet):
        world.run(20)
    assert len(quiet.done) < len(busy.done) / 2


def test_quantities_are_on_the_step_and_worth_enough_where_lots_are_coarse() -> None:
    listing = replace(BUILT_IN.listings["DOGEUSDT"], taker_notional=Decimal("0.01"))
    world = World(catalog=Catalog(assets=BUILT_IN.assets, listings={"DOGEUSDT": listing}))
    world.run(30)
    assert set(world.refusals) <= {-2011}


def test_a_market_runs_on_a_clock_until_it_is_cancelled() -> None:
    async def run() -> list[int]:
        clock = VirtualClock(GENESIS_US)
        market = SyntheticMarket(BUILT_IN, seed=5, genesis_us=GENESIS_US)
        times: list[int] = []

        def execute(due: Sequence[Due]) -> None:
            times.extend(dict.fromkeys(each.at_us for each in due))

        running = asyncio.create_task(run_market(market, clock, execute, step_us=SECOND_US))
        await asyncio.sleep(0)
        await clock.advance(MINUTE_US)
        running.cancel()
        return times

    times = asyncio.run(run())
    assert times[0] == GENESIS_US
    assert times[-1] > GENESIS_US + MINUTE_US - 2 * SECOND_US
    assert times == sorted(set(times))
