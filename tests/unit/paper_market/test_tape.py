"""A recorded tape as a source of prices."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from paper_exchange.engine.commands import Deposit, OpenAccount, Place
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.words import Side
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.feed import BookSeen, Seen, TapeError, TradeSeen, read_tape, write_line
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.source import Due
from paper_exchange.market.tape import TapeMarket

GENESIS_US = 1_763_629_225_678_901
RECORDED_US = 1_500_000_000_000_000
SECOND_US = 1_000_000
USER = 1_000_001


def levels(*rows: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """`1.5@96500` is a quantity at a price."""
    return tuple((Decimal(price), Decimal(quantity)) for quantity, _, price in (row.partition("@") for row in rows))


def book(second: float, bids: Sequence[str] = (), asks: Sequence[str] = (), *, whole: bool = False) -> BookSeen:
    at_us = RECORDED_US + int(second * SECOND_US)
    return BookSeen(at_us=at_us, symbol="BTCUSDT", bids=levels(*bids), asks=levels(*asks), whole=whole)


def trade(second: float, row: str, taker: Side) -> TradeSeen:
    ((price, quantity),) = levels(row)
    at_us = RECORDED_US + int(second * SECOND_US)
    return TradeSeen(at_us=at_us, symbol="BTCUSDT", price=price, quantity=quantity, taker=taker)


class World:
    """An engine that a tape is played to."""

    def __init__(self, path: Path, *seen: Seen) -> None:
        path.write_bytes(b"".join(map(write_line, seen)))
        self.market = TapeMarket(BUILT_IN, path, genesis_us=GENESIS_US)
        self.engine = Engine()
        self.record = MarketRecord(self.market.past)
        for command in self.market.founding():
            self.engine.execute(command, now_us=GENESIS_US)
        self.engine.execute(OpenAccount(account=USER), now_us=GENESIS_US)
        self.engine.execute(Deposit(account=USER, asset="USDT", amount=Decimal(1_000_000)), now_us=GENESIS_US)
        self.refused: list[Due] = []

    def play(self, until_second: float) -> None:
        for each in self.market.advance(GENESIS_US + int(until_second * SECOND_US)):
            try:
                self.record.apply(self.engine.execute(each.command, now_us=each.at_us).events)
            except Refusal:
                self.refused.append(each)

    def shown(self, side: Side) -> list[str]:
        return [
            f"{level.quantity.normalize():f}@{level.price.normalize():f}"
            for level in self.engine.levels("BTCUSDT", side, 100)
        ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def test_the_book_looks_like_the_one_on_the_tape(path: Path) -> None:
    world = World(
        path,
        book(0, ["1@96500", "2@96400"], ["3@96501"], whole=True),
        book(1, ["0@96400", "5@96300"], ["4@96501"]),
        book(2, ["9@96000"], ["9@97000"], whole=True),
    )
    world.play(0)
    assert (world.shown("BUY"), world.shown("SELL")) == (["1@96500", "2@96400"], ["3@96501"])
    world.play(1.5)
    assert (world.shown("BUY"), world.shown("SELL")) == (["1@96500", "5@96300"], ["4@96501"])
    world.play(2)
    assert (world.shown("BUY"), world.shown("SELL")) == (["9@96000"], ["9@97000"])
    assert world.refused == []


def test_a_book_that_moves_through_its_old_prices_does_not_trade_with_itself(path: Path) -> None:
    world = World(
        path,
        book(0, ["1@96500"], ["1@96501"], whole=True),
        book(1, ["0@96500", "1@96600"], ["0@96501", "1@96601"]),
    )
    world.play(1)
    assert (world.shown("BUY"), world.shown("SELL")) == (["1@96600"], ["1@96601"])
    assert world.engine.last_trade_id("BTCUSDT") == 0


def test_trades_of_the_tape_happen_and_the_book_is_mended_after_them(path: Path) -> None:
    world = World(
        path,
        book(0, ["1@96500"], ["3@96501"], whole=True),
        trade(1, "2@96501", "BUY"),
        book(1.1, asks=["3@96501"]),
    )
    world.play(1)
    assert world.shown("SELL") == ["1@96501"]
    last = world.record.history("BTCUSDT").last_trade
    assert last is not None
    assert (last.price_e8, last.quantity_e8) == (96_501 * 10**8, 2 * 10**8)
    assert (last.time_us, last.buyer_is_maker) == (GENESIS_US + SECOND_US, False)
    world.play(2)
    assert world.shown("SELL") == ["3@96501"]


def test_a_user_order_is_filled_when_the_tape_trades_through_it(path: Path) -> None:
    world = World(
        path,
        book(0, ["1@96500"], ["1@96501"], whole=True),
        book(1, ["0@96500", "1@96300"], ["0@96501", "1@96350"]),
    )
    world.play(0)
    order = Terms(
        side="BUY",
        type="LIMIT",
        price=Decimal(96400),
        quantity=Decimal("0.4"),
        time_in_force="GTC",
        client_order_id="u",
    )
    world.engine.execute(Place(account=USER, symbol="BTCUSDT", order=order), now_us=GENESIS_US)
    world.play(1)
    mine = world.engine.order(USER, "BTCUSDT", now_us=GENESIS_US, client_order_id="u")
    assert mine.status == "FILLED"
    assert world.shown("SELL") == ["0.6@96350"]


def test_levels_that_no_order_could_make_are_left_out(path: Path) -> None:
    world = World(path, book(0, ["0.00001@96500", "1@96400"], [], whole=True))
    world.play(0)
    assert world.shown("BUY") == ["1@96400"]
    assert world.refused == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"kind":"book","at_us":1,"symbol":"BTCUSDT"}\nnonsense', r"tape\.jsonl:2: .*malformed"),
        (b'{"kind":"trade","at_us":1,"symbol":"BTCUSDT","price":"1"}', r"tape\.jsonl:1: .*quantity"),
        (b'{"kind":"candle","at_us":1,"symbol":"BTCUSDT"}', r"tape\.jsonl:1: Invalid value 'candle'"),
        (b'{"kind":"book","at_us":1,"symbol":"BTCUSDT","bid":[]}', r"tape\.jsonl:1: .*unknown field `bid`"),
        (
            b'{"kind":"book","at_us":2,"symbol":"BTCUSDT"}\n\n{"kind":"book","at_us":1,"symbol":"BTCUSDT"}',
            r"tape\.jsonl:3: goes back in time, from 2 to 1",
        ),
    ],
)
def test_a_line_that_is_none_of_a_tape_is_named(path: Path, line: bytes, complaint: str) -> None:
    path.write_bytes(line)
    with pytest.raises(TapeError, match=complaint):
        list(read_tape(path))


def test_an_empty_tape_is_refused(path: Path) -> None:
    path.write_bytes(b"\n")
    with pytest.raises(TapeError, match="is empty"):
        TapeMarket(BUILT_IN, path, genesis_us=GENESIS_US)


def test_a_symbol_without_rules_is_named(path: Path) -> None:
    path.write_bytes(write_line(BookSeen(at_us=1, symbol="PEPEUSDT")))
    market = TapeMarket(BUILT_IN, path, genesis_us=GENESIS_US)
    with pytest.raises(TapeError, match="PEPEUSDT is not listed"):
        market.advance(GENESIS_US)


def test_a_tape_that_has_ended_says_nothing_more(path: Path) -> None:
    world = World(path, book(0, ["1@96500"], [], whole=True))
    world.play(10)
    assert world.market.advance(GENESIS_US + 20 * SECOND_US) == []
    assert world.shown("BUY") == ["1@96500"]
