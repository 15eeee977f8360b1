"""Whatever the engine can do, what its streams say adds up to its books, its trades and its candles."""

from collections import defaultdict
from decimal import Decimal, localcontext
from itertools import product
from typing import Any

import pytest
from tests.property.paper_engine.seeds import walks
from tests.property.paper_engine.test_laws import SYMBOLS, Walk

from paper_exchange.engine.events import Result, Trade
from paper_exchange.engine.orders import ZERO
from paper_exchange.engine.words import Side
from paper_exchange.gateway.streams.feeds import Market
from paper_exchange.gateway.streams.hub import Hub, Message
from paper_exchange.gateway.streams.names import parse
from paper_exchange.market.record import MarketRecord

TENTH_US, SECOND_US = 100_000, 1_000_000
KINDS = ("trade", "aggTrade", "bookTicker", "depth@100ms", "depth20@100ms", "kline_1s")
SIDES: tuple[tuple[Side, str, str, str, str], ...] = (("BUY", "b", "b", "B", "bids"), ("SELL", "a", "a", "A", "asks"))


class HeardWalk(Walk):
    """A random walk of the engine, and a client that hears its streams from the start."""

    hub: Hub | None = None

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.record = MarketRecord()
        self.hub = Hub(Market(self.engine, self.record))
        self.heard: dict[str, list[Any]] = defaultdict(list)
        self.local: dict[tuple[str, Side], dict[Decimal, Decimal]] = defaultdict(dict)
        self.book_ids: dict[str, int] = dict.fromkeys(SYMBOLS, 0)
        self.traded: list[Trade] = []
        for symbol, kind in product(SYMBOLS, KINDS):
            stream = parse(f"{symbol.lower()}@{kind}")
            assert stream is not None
            self.hub.open(stream, self.now_us)

    def read(self, result: Result) -> None:
        super().read(result)
        if self.hub is not None:
            self.record.apply(result.events)
            self.traded += [event for event in result.events if isinstance(event, Trade)]
            self.hear(self.hub.consume(result.events, self.now_us))

    def step(self) -> None:
        super().step()
        if self.random.random() < 0.2:
            self.tick()

    def tick(self) -> None:
        assert self.hub is not None
        for period_us in (TENTH_US, SECOND_US):
            self.hear(self.hub.tick(period_us, self.now_us))
        for symbol in SYMBOLS:
            self.check_depth(symbol)

    def hear(self, messages: list[Message]) -> None:
        for name, draw in messages:
            self.heard[name].append(draw("MILLISECOND"))

    def check_depth(self, symbol: str) -> None:
        for update in self.take(symbol, "depth@100ms"):
            assert update["U"] == self.book_ids[symbol] + 1, "a gap"
            self.book_ids[symbol] = update["u"]
            for side, key, *_ in SIDES:
                for price, quantity in update[key]:
                    self.local[symbol, side][Decimal(price)] = Decimal(quantity)
        assert self.book_ids[symbol] == self.engine.last_update_id(symbol)
        (partial,) = self.take(symbol, "depth20@100ms")
        tickers = self.take(symbol, "bookTicker")[-1:]
        for side, _, best, quantity, levels in SIDES:
            book = {at: amount for at, amount in self.local[symbol, side].items() if amount}
            assert book == dict(self.engine.levels(symbol, side, 10_000))
            sorted_book = sorted(book.items(), reverse=side == "BUY")
            assert [tuple(map(Decimal, level)) for level in partial[levels]] == sorted_book[:20]
            for ticker in tickers:
                shown = Decimal(ticker[best]), Decimal(ticker[quantity])
                assert shown == (sorted_book[0] if sorted_book else (ZERO, ZERO))

    def check_trades(self) -> None:
        for symbol in SYMBOLS:
            made = [trade for trade in self.traded if trade.symbol == symbol]
            said = self.take(symbol, "trade")
            assert [(each["t"], Decimal(each["q"])) for each in said] == [(t.trade_id, t.quantity) for t in made]
            total = sum((trade.quantity for trade in made), ZERO)
            aggregates = self.take(symbol, "aggTrade")
            assert [each["a"] for each in aggregates] == list(range(len(aggregates)))
            assert sum((Decimal(each["q"]) for each in aggregates), ZERO) == total
            closed = [each["k"] for each in self.take(symbol, "kline_1s") if each["k"]["x"]]
            openings = [candle["t"] for candle in closed]
            assert openings == sorted(set(openings)), "a candle has closed twice"
            assert sum(candle["n"] for candle in closed) == len(made)
            assert sum((Decimal(candle["v"]) for candle in closed), ZERO) == total

    def take(self, symbol: str, kind: str) -> list[Any]:
        return self.heard.pop(f"{symbol.lower()}@{kind}", [])


def walk(seed: int, steps: int) -> None:
    with localcontext(prec=60):
        walked = HeardWalk(seed)
        for _ in range(steps):
            walked.step()
        walked.now_us += SECOND_US  # the last candle closes
        walked.tick()
        walked.check_trades()


@walks(examples=30)
def test_streams_add_up_to_what_happened(seed: int) -> None:
    walk(seed, steps=60)


@pytest.mark.long
@walks(examples=200)
def test_streams_add_up_to_what_happened_for_long(seed: int) -> None:
    walk(seed, steps=500)
