"""A client that follows the documented steps holds the engine's book, whenever it joins and whatever happens.

Source: web-socket-streams.md#how-to-manage-a-local-order-book-correctly
"""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.paper_streams.stream_floor import ALICE, BOB, START_US, symbol

from paper_exchange.engine.commands import AddSymbol, CancelAll, Deposit, OpenAccount, Place
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.words import Side
from paper_exchange.gateway.streams.feeds import Market
from paper_exchange.gateway.streams.hub import Hub, Message
from paper_exchange.gateway.streams.names import Stream, parse
from paper_exchange.market.record import MarketRecord

SYMBOL = "BTCUSDT"
TICK, PLACE, CANCEL = "tick", "place", "cancel"

ORDERS = st.tuples(
    st.just(PLACE),
    st.sampled_from([ALICE, BOB]),
    st.sampled_from(["BUY", "SELL"]),
    st.integers(98, 102),
    st.integers(1, 5),
)
CANCELS = st.tuples(st.just(CANCEL), st.sampled_from([ALICE, BOB]))
ANYTHING = st.one_of(ORDERS, ORDERS, ORDERS, CANCELS, st.just((TICK,)))
STEPS = st.lists(ANYTHING, max_size=20)
MANY_STEPS = st.lists(ANYTHING, min_size=30, max_size=60)
Levels = dict[Decimal, Decimal]
Book = dict[str, Levels]


class LocalBook:
    """The documented steps, by a client that buffers events before it asks for the snapshot."""

    def __init__(self) -> None:
        self.buffered: list[Any] = []
        self.book: Book | None = None
        self.book_id = 0

    def event(self, event: Any) -> None:
        if self.book is None:
            self.buffered.append(event)
        else:
            self._apply(event)

    def snapshot(self, last_update_id: int, book: Book) -> None:
        """Steps 3 to 7; a snapshot older than the buffer is thrown away."""
        if not self.buffered or last_update_id < self.buffered[0]["U"]:
            return
        self.book, self.book_id = book, last_update_id
        for event in self.buffered:
            if event["u"] > last_update_id:
                self._apply(event)

    def _apply(self, event: Any) -> None:
        assert self.book is not None
        if event["u"] < self.book_id:
            return
        assert event["U"] <= self.book_id + 1, "a gap"
        for side, key in (("BUY", "b"), ("SELL", "a")):
            for price, quantity in event[key]:
                self.book[side][Decimal(price)] = Decimal(quantity)
                if not Decimal(quantity):
                    del self.book[side][Decimal(price)]
        self.book_id = event["u"]


class Exchange:
    """An engine with a record and a hub, and books that live from what the hub says."""

    def __init__(self) -> None:
        self.engine, self.record = Engine(), MarketRecord()
        self.hub = Hub(Market(self.engine, self.record))
        self.now_us = START_US
        self.heard: dict[str, list[Any]] = {}
        self.submit(AddSymbol(spec=symbol(SYMBOL, "BTC", "USDT")))
        for account in (ALICE, BOB):
            self.submit(OpenAccount(account=account))
            for asset in ("BTC", "USDT"):
                self.submit(Deposit(account=account, asset=asset, amount=Decimal(1_000_000)))

    def open(self, name: str) -> Stream:
        stream = parse(name)
        assert stream is not None
        self.hub.open(stream, self.now_us)
        self.heard[name] = []
        return stream

    def submit(self, command: Any) -> None:
        events = self.engine.execute(command, now_us=self.now_us).events
        self.record.apply(events)
        self._hear(self.hub.consume(events, self.now_us))

    def tick(self) -> None:
        self.now_us += 100_000
        self._hear(self.hub.tick(100_000, self.now_us))

    def do(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("tick",):
                self.tick()
            case ("place", account, side, price, quantity):
                self._place(account, side, price, quantity)
            case ("cancel", account) if self.engine.open_orders(account):
                self.submit(CancelAll(account=account, symbol=SYMBOL))
            case _:
                pass

    def _place(self, account: int, side: Side, price: int, quantity: int) -> None:
        terms = Terms(
            side=side,
            type="LIMIT",
            price=Decimal(price),
            quantity=Decimal(quantity),
            time_in_force="GTC",
            stp_mode="NONE",
        )
        self.submit(Place(account=account, symbol=SYMBOL, order=terms))

    def levels(self, limit: int = 5000) -> Book:
        sides: tuple[Side, ...] = ("BUY", "SELL")
        return {side: dict(self.engine.levels(SYMBOL, side, limit)) for side in sides}

    def _hear(self, messages: list[Message]) -> None:
        for name, draw in messages:
            self.heard[name].append(draw("MILLISECOND"))


@given(STEPS, STEPS, MANY_STEPS)
def test_a_local_book_equals_the_engines_after_every_event(
    before: list[tuple[Any, ...]], between: list[tuple[Any, ...]], after: list[tuple[Any, ...]]
) -> None:
    exchange, local = Exchange(), LocalBook()
    for step in before:
        exchange.do(step)
    exchange.open("btcusdt@depth@100ms")
    heard = exchange.heard["btcusdt@depth@100ms"]
    for step in [*between, (PLACE, ALICE, "BUY", 90, 1)]:
        exchange.do(step)
    snapshot = exchange.engine.last_update_id(SYMBOL), exchange.levels()
    exchange.tick()
    for event in heard:
        local.event(event)
    local.snapshot(*snapshot)
    assert local.book == exchange.levels()
    for step in after:
        heard.clear()
        exchange.do(step)
        for event in heard:
            local.event(event)
        if step == (TICK,):
            assert local.book == exchange.levels()
            assert local.book_id == exchange.engine.last_update_id(SYMBOL)


@given(MANY_STEPS)
def test_every_view_of_the_book_agrees_with_the_engine(steps: list[tuple[Any, ...]]) -> None:
    exchange = Exchange()
    for name in ("btcusdt@depth5@100ms", "btcusdt@bookTicker"):
        exchange.open(name)
    for step in [*steps, (TICK,)]:
        exchange.do(step)
        best = exchange.levels(1)
        if tickers := exchange.heard["btcusdt@bookTicker"]:
            shown = {
                side: (Decimal(tickers[-1][price]), Decimal(tickers[-1][quantity])) for side, price, quantity in _TOP
            }
            assert shown == {side: next(iter(levels.items()), (0, 0)) for side, levels in best.items()}
        if step == (TICK,):
            depth = exchange.heard["btcusdt@depth5@100ms"][-1]
            assert depth["lastUpdateId"] == exchange.engine.last_update_id(SYMBOL)
            for side, key in (("BUY", "bids"), ("SELL", "asks")):
                shown_levels = [(Decimal(price), Decimal(quantity)) for price, quantity in depth[key]]
                assert shown_levels == list(exchange.levels(5)[side].items())


_TOP = (("BUY", "b", "B"), ("SELL", "a", "A"))


@given(MANY_STEPS)
def test_aggregate_trades_add_up_to_the_trades(steps: list[tuple[Any, ...]]) -> None:
    exchange = Exchange()
    for name in ("btcusdt@trade", "btcusdt@aggTrade"):
        exchange.open(name)
    for step in steps:
        exchange.do(step)
    trades, aggregates = exchange.heard["btcusdt@trade"], exchange.heard["btcusdt@aggTrade"]
    assert [each["t"] for each in trades] == list(range(1, len(trades) + 1))
    assert [each["a"] for each in aggregates] == list(range(len(aggregates)))
    by_id = {each["t"]: each for each in trades}
    assert [number for each in aggregates for number in range(each["f"], each["l"] + 1)] == list(by_id)
    for each in aggregates:
        parts = [by_id[number] for number in range(each["f"], each["l"] + 1)]
        assert {part["p"] for part in parts} == {each["p"]}
        assert sum(Decimal(part["q"]) for part in parts) == Decimal(each["q"])
