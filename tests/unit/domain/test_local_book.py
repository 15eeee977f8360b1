"""When a local book may be relied on, and what it says when it may not."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from binance_spot_mcp.catalogue.market_events import DepthSnapshot, DepthUpdate
from binance_spot_mcp.domain import local_book
from binance_spot_mcp.domain.local_book import LocalBook

D = Decimal


def event(first: int, last: int, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None) -> DepthUpdate:
    return DepthUpdate(first, last, list((bids or {}).items()), list((asks or {}).items()), 1_000 + last)


def snapshot(update_id: int, bids: Iterable[str] = ("99.0", "98.0"), asks: Iterable[str] = ("101.0",)) -> DepthSnapshot:
    return DepthSnapshot(update_id, tuple((price, "1.0") for price in bids), tuple((price, "1.0") for price in asks))


def live(limit: int = 100) -> LocalBook:
    """A live book at update 10: bids 99 and 98, ask 101, one of each."""
    book = LocalBook()
    book.apply(event(9, 10))
    assert book.load(snapshot(10), limit)
    assert book.state == "LIVE"
    return book


def test_a_new_book_waits_for_a_snapshot() -> None:
    book = LocalBook()
    assert (book.state, book.needs_snapshot) == ("SYNCING", True)


def test_events_that_came_before_the_snapshot_are_applied_after_it() -> None:
    book = LocalBook()
    book.apply(event(8, 11, {"99.0": "5.0"}))
    book.apply(event(12, 12, {"97.0": "2.0"}))
    assert book.load(snapshot(10), 100)
    assert (book.state, book.update_id, book.event_time) == ("LIVE", 12, 1_012)
    assert list(book.bids) == [(D(99), D(5)), (D(98), D(1)), (D(97), D(2))]


def test_a_snapshot_older_than_the_first_event_is_refused_and_the_events_are_kept() -> None:
    book = LocalBook()
    book.apply(event(12, 13, {"99.0": "5.0"}))
    assert not book.load(snapshot(10), 100)
    assert book.state == "SYNCING"
    assert book.load(snapshot(11), 100)
    assert (book.state, book.update_id) == ("LIVE", 13)


def test_a_snapshot_alone_makes_no_live_book_until_an_event_links_up_or_somebody_vouches() -> None:
    linked, vouched = LocalBook(), LocalBook()
    for book in (linked, vouched):
        book.load(snapshot(10), 100)
        assert (book.state, book.needs_snapshot) == ("SYNCING", False)
    linked.apply(event(11, 11))
    vouched.confirm()
    assert linked.state == vouched.state == "LIVE"


def test_a_snapshot_that_the_first_event_does_not_link_up_with_is_given_up() -> None:
    book = LocalBook()
    book.load(snapshot(10), 100)
    book.apply(event(13, 13))
    assert (book.state, book.needs_snapshot) == ("SYNCING", True)


def test_a_missed_update_makes_the_book_stale_and_says_which() -> None:
    book = live()
    book.apply(event(13, 14, {"99.0": "0.0"}))
    assert (book.state, book.reason, book.losses) == ("STALE", "updates 11 to 12 were missed", 1)
    assert book.update_id == 10


@pytest.mark.parametrize("old", [event(9, 10, {"99.0": "7.0"}), event(3, 4, {"99.0": "7.0"})], ids=["same", "older"])
def test_what_is_known_already_is_ignored(old: DepthUpdate) -> None:
    book = live()
    book.apply(old)
    assert (book.state, book.bids.best, book.applied) == ("LIVE", (D(99), D(1)), 0)


def test_an_event_that_overlaps_with_what_is_known_is_applied() -> None:
    book = live()
    book.apply(event(9, 12, {"99.0": "7.0"}))
    assert (book.state, book.update_id, book.bids.best) == ("LIVE", 12, (D(99), D(7)))


def test_a_crossed_book_is_stale_at_once() -> None:
    book = live()
    book.apply(event(11, 11, {"101.5": "1.0"}))
    assert (book.state, book.needs_snapshot) == ("STALE", True)
    assert book.reason == "the book is crossed: bid 101.5, ask 101.0"


def test_two_spellings_of_one_price_cannot_be_trusted() -> None:
    book = live()
    book.apply(event(11, 11, {"99.00": "3.0"}))
    assert (book.state, book.reason) == ("STALE", "one price is spelt in two ways")


def test_levels_beyond_a_full_snapshot_are_not_shown() -> None:
    book = live(limit=2)
    book.apply(event(11, 11, {"97.0": "4.0", "98.5": "2.0"}, {"105.0": "1.0"}))
    assert book.bids.known_to == 98
    assert [price for price, _ in book.bids] == [D(99), D("98.5"), D(98)]
    assert book.asks.known_to is None
    assert [price for price, _ in book.asks] == [D(101), D(105)]


def test_a_price_that_leaves_what_is_known_makes_the_book_stale() -> None:
    book = live(limit=2)
    book.apply(event(11, 11, {"99.0": "0.0", "98.0": "0.0", "97.0": "1.0"}))
    assert (book.state, book.needs_snapshot) == ("STALE", True)


def test_a_side_that_is_known_to_be_empty_is_no_fault() -> None:
    book = live()
    book.apply(event(11, 11, {"99.0": "0.0", "98.0": "0.00000000"}))
    assert (book.state, book.bids.best, book.asks.best) == ("LIVE", None, (D(101), D(1)))


def test_a_stale_book_comes_back_with_a_snapshot() -> None:
    book = live()
    book.lose("the connection was cut")
    assert (book.state, book.bids.best) == ("STALE", (D(99), D(1)))
    book.apply(event(20, 21, {"99.5": "1.0"}))
    assert book.load(snapshot(20), 100)
    assert (book.state, book.update_id, book.bids.best) == ("LIVE", 21, (D("99.5"), D(1)))


def test_removed_levels_are_swept_out_and_the_deepest_go_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_book, "MOST_LEVELS", 3)
    book = live()
    for update in range(11, 1_200):
        cents = f"{update % 100:02}"
        book.apply(event(update, update, {f"{update // 100}.{cents}": "0.0" if update % 2 else "1.0"}))
    assert book.state == "LIVE"
    assert len(book.bids._quantities) < 1_100
    assert book.bids.known_to is not None
    assert [price for price, _ in book.bids][:3] == [D(99), D(98), D("11.98")]


def test_prices_of_any_length_are_exact() -> None:
    book = live()
    long = "12345678901234567890.12345678901234567890"
    book.apply(event(11, 11, {}, {long: "0.00000000000000000001"}))
    assert book.asks.top(2)[1] == (D(long), D("0.00000000000000000001"))
