"""Whatever happens on the way, a local book that says LIVE is the exchange's book, inside the bounds it states."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from binance_spot_mcp.catalogue.market_events import DepthSnapshot, DepthUpdate, WireLevel
from binance_spot_mcp.domain.local_book import LocalBook

LIMIT = 5
"""Levels of a snapshot: few, so that the price leaves what is known."""
Side = dict[Decimal, Decimal]

CHANGES = st.lists(st.tuples(st.sampled_from("ba"), st.integers(1, 12), st.integers(0, 3)), max_size=6)
FATES = st.sampled_from(["deliver", "deliver", "deliver", "drop", "repeat", "hold", "release", "cut"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), CHANGES, FATES),
        st.tuples(st.just("snapshot"), st.integers(0, 4)),
        st.just(("confirm",)),
    ),
    max_size=60,
)


class Exchange:
    """A naive exchange: two plain dictionaries, and a copy of them after every update.

    Bids lie at 100 and below, asks above, so that the book itself is never crossed.
    """

    def __init__(self) -> None:
        self.bids: Side = {}
        self.asks: Side = {}
        self.history: list[tuple[Side, Side]] = [({}, {})]

    @property
    def update_id(self) -> int:
        return len(self.history) - 1

    def change(self, changes: list[tuple[str, int, int]]) -> DepthUpdate | None:
        """Make changes, one update each; the event that tells of them."""
        first = self.update_id + 1
        bids: dict[str, str] = {}
        asks: dict[str, str] = {}
        for side, distance, quantity in changes:
            price = Decimal(101 - distance if side == "b" else 100 + distance)
            levels, told = (self.bids, bids) if side == "b" else (self.asks, asks)
            levels[price] = Decimal(quantity)
            if not quantity:
                del levels[price]
            told[f"{price}.00"] = f"{quantity}.00"
            self.history.append((dict(self.bids), dict(self.asks)))
        if not changes:
            return None
        return DepthUpdate(first, self.update_id, list(bids.items()), list(asks.items()), self.update_id)

    def snapshot(self, age: int) -> DepthSnapshot:
        """The book as it was some updates ago, cut to the limit."""
        update_id = max(0, self.update_id - age)
        bids, asks = self.history[update_id]
        return DepthSnapshot(update_id, tuple(_cut(bids, best_first=-1)), tuple(_cut(asks, best_first=1)))


def _cut(side: Side, best_first: int) -> Iterator[WireLevel]:
    for price in sorted(side, key=lambda price: best_first * price)[:LIMIT]:
        yield f"{price}.00", f"{side[price]}.00"


def _within(side: Side, known_to: Decimal | None, best_first: int) -> list[tuple[Decimal, Decimal]]:
    prices = sorted(side, key=lambda price: best_first * price)
    return [(price, side[price]) for price in prices if known_to is None or best_first * price <= best_first * known_to]


@settings(max_examples=300)
@given(STEPS)
def test_a_live_book_is_the_exchanges_book_inside_its_bounds(steps: list[tuple[Any, ...]]) -> None:
    exchange, book = Exchange(), LocalBook()
    held: list[DepthUpdate] = []
    outstanding = False
    for step in steps:
        match step:
            case ("change", changes, fate):
                event = exchange.change(changes)
                if event is None:
                    continue
                outstanding = outstanding or fate in {"drop", "hold"}
                _deliver(book, held, event, fate)
            case ("snapshot", age) if book.needs_snapshot:
                outstanding = age > 0
                book.load(exchange.snapshot(age), LIMIT)
            case ("confirm",) if not outstanding:
                book.confirm()
        _compare(book, exchange)


def _deliver(book: LocalBook, held: list[DepthUpdate], event: DepthUpdate, fate: str) -> None:
    match fate:
        case "deliver" | "repeat":
            for _ in range(1 + (fate == "repeat")):
                book.apply(event)
        case "hold":
            held.append(event)
        case "release":
            for each in (event, *held):
                book.apply(each)
            held.clear()
        case "cut":
            book.lose("the connection was cut")
            held.clear()


def _compare(book: LocalBook, exchange: Exchange) -> None:
    if book.state != "LIVE":
        assert book.reason
        return
    assert book.reason == ""
    bids, asks = exchange.history[book.update_id]
    assert list(book.bids) == _within(bids, book.bids.known_to, -1)
    assert list(book.asks) == _within(asks, book.asks.known_to, 1)
    for side, levels in ((book.bids, bids), (book.asks, asks)):
        assert side.best is not None or not levels


@given(STEPS)
def test_once_nothing_is_lost_any_more_the_book_is_live_again(steps: list[tuple[Any, ...]]) -> None:
    exchange, book = Exchange(), LocalBook()
    held: list[DepthUpdate] = []
    for step in steps:
        if step[0] == "change" and (event := exchange.change(step[1])):
            _deliver(book, held, event, step[2])
    for quantity in (1, 2, 3):
        for side in "ba":
            event = exchange.change([(side, 1, quantity)])
            assert event is not None
            book.apply(event)
        if book.needs_snapshot:
            book.load(exchange.snapshot(0), LIMIT)
    assert book.state == "LIVE"
    assert book.update_id == exchange.update_id
    _compare(book, exchange)
