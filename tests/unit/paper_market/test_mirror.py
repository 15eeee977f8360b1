"""A paper exchange that mirrors another one."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from decimal import Decimal

import pytest

from paper_exchange.clock import VirtualClock
from paper_exchange.engine.commands import Deposit, OpenAccount, Place
from paper_exchange.engine.events import Placed
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.words import Side
from paper_exchange.exchange import PaperExchange
from paper_exchange.market.feed import BookSeen, Seen, TradeSeen
from paper_exchange.market.mirror.chain import Chain, Change, Gap
from paper_exchange.market.mirror.market import MirrorMarket
from paper_exchange.market.mirror.upstream import UnusableUpstream, Upstream
from paper_exchange.market.record import MarketRecord
from paper_exchange.options import Options
from paper_exchange.running import Running, running

pytestmark = pytest.mark.anyio

USER = 2_000_000
SYMBOL = "币安人生USDT"
"""One whose name must be encoded in URLs."""


@pytest.fixture
async def origin() -> AsyncIterator[Running]:
    """An exchange without a market of its own, and a rich user on it."""
    async with running(Options(seed=1, market=False)) as exchange:
        exchange.exchange.submit(OpenAccount(account=USER))
        for asset in ("USDT", "币安人生"):
            exchange.exchange.submit(Deposit(account=USER, asset=asset, amount=Decimal(10**6)))
        yield exchange


@pytest.fixture
async def upstream(origin: Running) -> AsyncIterator[Upstream]:
    async with Upstream(origin.rest, origin.ws) as reading:
        yield reading


def place(exchange: PaperExchange, side: Side, quantity: int, price: str) -> Placed:
    terms = Terms(
        side=side,
        type="LIMIT",
        quantity=Decimal(quantity),
        price=Decimal(price),
        time_in_force="GTC",
        stp_mode="NONE",
    )
    reply = exchange.submit(Place(account=USER, symbol=SYMBOL, order=terms)).reply
    assert isinstance(reply, Placed)
    return reply


def book(exchange: PaperExchange) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
    bids, asks = (
        [(level.price, level.quantity) for level in exchange.engine.levels(SYMBOL, side, 100)]
        for side in ("BUY", "SELL")
    )
    return bids, asks


class Mirror:
    """The exchange that mirrors, fed message by message."""

    def __init__(self, market: MirrorMarket, feed: AsyncGenerator[Seen, None]) -> None:
        self.market = market
        self.feed = feed
        self.exchange = PaperExchange(clock=VirtualClock(1_700_000_000_000_000), record=MarketRecord(market.past))
        for command in market.founding():
            self.exchange.submit(command)

    async def next(self) -> Seen:
        seen = await anext(self.feed)
        self.market.hear(seen)
        self.exchange.execute_due(self.market.advance(self.exchange.now_us()))
        return seen

    async def until_it_shows(self, origin: PaperExchange) -> list[Seen]:
        seen = [await self.next()]
        while book(self.exchange) != book(origin):
            seen.append(await self.next())
        return seen


async def test_the_mirror_shows_book_and_trades_of_the_other_exchange(origin: Running, upstream: Upstream) -> None:
    place(origin.exchange, "BUY", 5000, "0.13000")
    place(origin.exchange, "SELL", 7000, "0.13100")
    market = MirrorMarket(await upstream.catalog([SYMBOL]))
    async with aclosing(upstream.watch([SYMBOL])) as feed:
        mirror = Mirror(market, feed)
        first = await mirror.next()
        assert isinstance(first, BookSeen)
        assert first.whole
        assert book(mirror.exchange) == book(origin.exchange) != ([], [])

        place(origin.exchange, "SELL", 2000, "0.13000")
        place(origin.exchange, "BUY", 800, "0.12900")
        seen = await mirror.until_it_shows(origin.exchange)
        assert [each.quantity for each in seen if isinstance(each, TradeSeen)] == [2000]
        last = mirror.exchange.record.history(SYMBOL).last_trade
        assert last is not None
        assert (last.price_e8, last.quantity_e8, last.buyer_is_maker) == (13_000_000, 2000 * 10**8, True)


async def test_orders_of_our_users_meet_the_mirrored_book(origin: Running, upstream: Upstream) -> None:
    place(origin.exchange, "SELL", 7000, "0.13100")
    market = MirrorMarket(await upstream.catalog([SYMBOL]))
    async with aclosing(upstream.watch([SYMBOL])) as feed:
        mirror = Mirror(market, feed)
        await mirror.next()
        mirror.exchange.submit(OpenAccount(account=USER))
        mirror.exchange.submit(Deposit(account=USER, asset="USDT", amount=Decimal(10_000)))
        placed = place(mirror.exchange, "BUY", 1000, "0.13100")
        assert placed.order.status == "FILLED"


async def test_the_mirror_lists_symbols_with_the_rules_of_the_other_exchange(
    origin: Running, upstream: Upstream
) -> None:
    catalog = await upstream.catalog([SYMBOL, "BTCUSDT"])
    for symbol, listing in catalog.listings.items():
        theirs = origin.exchange.engine.symbol(symbol)
        assert listing.spec.filters == theirs.filters
        assert listing.spec.permission_sets == theirs.permission_sets
        assert listing.spec.allowed_stp_modes == theirs.allowed_stp_modes
    assert catalog.assets.keys() == {"BTC", "USDT", "币安人生"}


async def test_an_exchange_that_does_not_list_a_symbol_cannot_be_mirrored(upstream: Upstream) -> None:
    with pytest.raises(UnusableUpstream, match="exchangeInfo"):
        await upstream.catalog(["NOSUCHUSDT"])


def test_changes_follow_the_snapshot_and_each_other() -> None:
    chain = Chain(100)
    assert not chain.fits(Change(90, 100))
    assert chain.fits(Change(95, 103))
    assert not chain.fits(Change(101, 103))
    assert chain.fits(Change(104, 110))
    with pytest.raises(Gap, match="updates 111 to 111 are missing"):
        chain.fits(Change(112, 113))
