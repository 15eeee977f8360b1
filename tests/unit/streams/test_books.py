"""How a followed book becomes live, and what makes it stop being so."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal

import pytest
from tests.unit.streams.stage import FakeExchange, VirtualTime

from binance_spot_mcp.catalogue.market_events import DepthSnapshot
from binance_spot_mcp.errors import RateLimited, SpotError
from binance_spot_mcp.streams.books import Books

pytestmark = pytest.mark.anyio

STREAM = "btcusdt@depth@100ms"


class Stand:
    """Books over an exchange without a network, and the snapshots that it gives."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.exchange = FakeExchange(self.time)
        self.market = self.exchange.streams()
        self.books = Books(self.market, self.snapshot, self.time.world())
        self.snapshots: list[DepthSnapshot | SpotError] = [DepthSnapshot(10, (("99.0", "1.0"),), (("101.0", "1.0"),))]
        self.asked: list[tuple[str, int]] = []

    async def snapshot(self, symbol: str, limit: int) -> DepthSnapshot:
        self.asked.append((symbol, limit))
        given = self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]
        if isinstance(given, SpotError):
            raise given
        return given

    def tell(self, first: int, last: int, bid: str = "1.0") -> None:
        self.exchange.publish(STREAM, {"E": last, "U": first, "u": last, "b": [["99.0", bid]], "a": []})


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    async with aclosing(stand.market):
        yield stand
        stand.books.close()


async def test_a_book_is_live_once_a_snapshot_and_an_event_link_up(stand: Stand) -> None:
    followed = stand.books.hold("BTCUSDT")
    assert (followed.state, followed.age_ms) == ("SYNCING", None)
    await stand.time.advance(0.3)
    stand.tell(9, 11, "5.0")
    await stand.time.advance(0.5)
    assert (followed.state, followed.book.bids.best) == ("LIVE", (Decimal(99), Decimal(5)))
    assert stand.asked == [("BTCUSDT", 1_000)]
    assert followed.age_ms is not None


async def test_a_quiet_book_is_live_after_two_snapshots_that_agree(stand: Stand) -> None:
    followed = stand.books.hold("BTCUSDT")
    await stand.time.advance(1.5)
    assert followed.state == "SYNCING"
    await stand.time.advance(3)
    assert (followed.state, len(stand.asked)) == ("LIVE", 2)


async def test_all_who_want_a_book_share_it_and_the_last_ends_it(stand: Stand) -> None:
    first, second = stand.books.hold("BTCUSDT"), stand.books.hold("BTCUSDT")
    assert first is second
    stand.books.release(first)
    assert stand.books["BTCUSDT"] is second
    stand.books.release(second)
    await stand.time.advance(1)
    assert ("BTCUSDT" in stand.books, stand.market.wanted) == (False, frozenset())


async def test_a_cut_makes_the_book_stale_at_once_and_a_new_snapshot_makes_it_live(stand: Stand) -> None:
    followed = stand.books.hold("BTCUSDT")
    await stand.time.advance(0.3)
    stand.tell(9, 11)
    await stand.time.advance(0.5)
    stand.exchange.open[0].cut("the connection broke")
    assert (followed.state, followed.reason) == ("STALE", "the connection broke")
    stand.snapshots = [DepthSnapshot(20, (("98.0", "1.0"),), ())]
    await stand.time.advance(1)
    stand.tell(19, 21, "7.0")
    await stand.time.advance(1)
    assert (followed.state, followed.book.update_id) == ("LIVE", 21)


async def test_a_connection_that_went_silent_makes_its_books_stale_until_it_speaks(stand: Stand) -> None:
    followed = stand.books.hold("BTCUSDT")
    await stand.time.advance(0.3)
    stand.tell(9, 11)
    await stand.time.advance(0.5)
    stand.exchange.open[0].mute = True
    await stand.time.advance(31)
    assert (followed.state, followed.reason) == ("STALE", "the connection is silent")
    stand.tell(12, 12)
    assert followed.state == "LIVE"


async def test_a_refused_snapshot_is_asked_for_again_and_told(stand: Stand) -> None:
    stand.snapshots = [RateLimited("A limit is used up."), *stand.snapshots]
    followed = stand.books.hold("BTCUSDT")
    await stand.time.advance(0.3)
    stand.tell(9, 11)
    await stand.time.advance(0.5)
    assert followed.reason == "no snapshot: A limit is used up."
    await stand.time.advance(1)
    assert followed.state == "LIVE"


async def test_a_book_of_which_little_is_left_in_sight_gets_a_new_snapshot(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("binance_spot_mcp.streams.books.LEVELS", 25)
    bids = [f"{price}.0" for price in range(90, 65, -1)]
    stand.snapshots = [DepthSnapshot(10, tuple((price, "1.0") for price in bids), ())]
    followed = stand.books.hold("BTCUSDT")
    await stand.time.advance(0.3)
    stand.tell(9, 11)
    await stand.time.advance(2)
    assert (followed.state, followed.snapshots) == ("LIVE", 1)
    gone = [[price, "0.0"] for price in bids[:7]]
    stand.exchange.publish(STREAM, {"E": 12, "U": 12, "u": 12, "b": gone, "a": []})
    await stand.time.advance(0.3)
    assert followed.state == "STALE"
    assert followed.book.losses == 1
    stand.tell(13, 13)
    await stand.time.advance(0.3)
    assert followed.snapshots > 1
