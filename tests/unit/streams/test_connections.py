"""How connections come, last, are replaced and come back, and what readers are told of it."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.unit.streams.stage import FakeExchange, VirtualTime, mini_ticker, settle, trade

from binance_spot_mcp.catalogue.streams import read_stream_name
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.market import MarketStreams
from binance_spot_mcp.streams.timing import NS, Timing

pytestmark = pytest.mark.anyio

BTC = read_stream_name("btcusdt@trade")
TICKER = read_stream_name("btcusdt@miniTicker")
HOUR_S = 3600


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def exchange(time: VirtualTime) -> FakeExchange:
    return FakeExchange(time)


@pytest.fixture
async def streams(exchange: FakeExchange) -> AsyncIterator[MarketStreams]:
    async with aclosing(exchange.streams()) as streams:
        yield streams


class Reader:
    """Reads a feed of trades as an agent does, with the last number it has seen."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.after = 0
        self.ids: list[int] = []
        self.let_go = 0

    def read(self) -> list[int]:
        page = self.feed.page(self.after, 1_000, 1_000_000)
        self.after = page.next_after
        self.let_go += page.let_go
        new = [msgspec.json.decode(entry.raw)["t"] for entry in page.entries]
        self.ids += new
        return new


@asynccontextmanager
async def following(exchange: FakeExchange, **timing: Any) -> AsyncIterator[tuple[MarketStreams, Reader]]:
    """A reader of trades whose connection is up."""
    async with aclosing(exchange.streams(timing=Timing(**timing))) as streams:
        feed = streams.hold(BTC)
        await exchange.time.advance(1)
        yield streams, Reader(feed)


async def test_nothing_connects_before_somebody_wants_a_stream(
    exchange: FakeExchange, streams: MarketStreams, time: VirtualTime
) -> None:
    await time.advance(60)
    assert exchange.dialled_ns == []
    streams.hold(BTC)
    await time.advance(1)
    assert exchange.names == {"btcusdt@trade"}


async def test_the_last_one_to_let_go_closes_the_connection(
    exchange: FakeExchange, streams: MarketStreams, time: VirtualTime
) -> None:
    first, second = streams.hold(BTC), streams.hold(BTC)
    assert first is second
    await time.advance(1)
    streams.release(first)
    await time.advance(1)
    assert exchange.names == {"btcusdt@trade"}
    streams.release(second)
    await time.advance(1)
    assert (exchange.open, streams.wanted, streams.status()) == ([], frozenset(), [])
    await time.advance(600)
    assert len(exchange.dialled_ns) == 1


async def test_a_stream_nobody_wants_any_more_is_given_up_on_a_connection_that_stays(
    exchange: FakeExchange, streams: MarketStreams, time: VirtualTime
) -> None:
    streams.hold(BTC)
    other = streams.hold(TICKER)
    await time.advance(1)
    assert exchange.names == {"btcusdt@trade", "btcusdt@miniTicker"}
    streams.release(other)
    await time.advance(1)
    assert exchange.names == {"btcusdt@trade"}


async def test_numbers_go_on_where_an_earlier_subscription_ended(
    exchange: FakeExchange, streams: MarketStreams, time: VirtualTime
) -> None:
    first = streams.hold(BTC)
    await time.advance(1)
    exchange.publish("btcusdt@trade", trade(1))
    exchange.publish("btcusdt@trade", trade(2))
    streams.release(first)
    second = streams.hold(BTC)
    await time.advance(1)
    exchange.publish("btcusdt@trade", trade(9))
    assert [entry.seq for entry in second.page(first.seq, 10, 10_000).entries] == [3]
    assert (second.received, second.missed) == (1, 0)


async def test_thousands_of_streams_take_few_connections_and_few_messages(
    exchange: FakeExchange, streams: MarketStreams, time: VirtualTime
) -> None:
    wanted = {f"s{number}@trade" for number in range(2_500)}
    for name in wanted:
        streams.hold(read_stream_name(name))
    await time.advance(20)
    assert exchange.names == wanted
    assert [len(socket.names) for socket in exchange.open] == [1024, 1024, 452]
    for socket in exchange.open:
        assert len(socket.requests) < 20
        assert all(later - earlier >= NS for earlier, later in zip(socket.sent_ns, socket.sent_ns[4:], strict=False))


async def test_a_stream_the_exchange_refuses_does_not_take_others_with_it(
    exchange: FakeExchange, streams: MarketStreams, time: VirtualTime
) -> None:
    exchange.unknown = {"nosuch@trade"}
    feeds = {name: streams.hold(read_stream_name(f"{name}@trade")) for name in ("btcusdt", "nosuch", "ethusdt")}
    await time.advance(10)
    assert {name: feed.state for name, feed in feeds.items()} == {
        "btcusdt": "LIVE", "nosuch": "REFUSED", "ethusdt": "LIVE",
    }  # fmt: skip
    assert "invalid stream" in feeds["nosuch"].why


async def test_a_day_and_more_passes_without_a_gap_or_a_copy(exchange: FakeExchange, time: VirtualTime) -> None:
    async with following(exchange, tick_s=5, audit_s=HOUR_S) as (_, reader):
        number = 0
        lag: list[dict[str, Any]] = []
        for _ in range(49 * 60 * 3):
            number += 1
            lag.append(trade(number))
            for socket in exchange.open[1:]:
                socket.say({"stream": "btcusdt@trade", "data": lag[-1]})
            if len(lag) > 1 and exchange.open:
                exchange.open[0].say({"stream": "btcusdt@trade", "data": lag[-2]})
            await time.advance(20)
            exchange.ping()
            reader.read()
            assert 1 <= len(exchange.open) <= 2
        assert len(exchange.sockets) == 3
        assert reader.ids == list(range(1, len(reader.ids) + 1))
        assert number - len(reader.ids) <= 1
        assert (reader.feed.gap_count, reader.feed.missed, reader.let_go) == (0, 0, 0)
        assert all(life <= 23.5 * HOUR_S * NS for life in _lives(exchange))


def _lives(exchange: FakeExchange) -> list[int]:
    return [later - earlier for earlier, later in pairwise(exchange.dialled_ns)]


async def test_at_a_shutdown_the_new_connection_comes_first(exchange: FakeExchange, time: VirtualTime) -> None:
    exchange.dial_s = 2
    async with following(exchange) as (_, reader):
        await time.advance(3)
        (old,) = exchange.open
        exchange.publish("btcusdt@trade", trade(1))
        old.say({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}})
        await time.advance(3)
        assert len(exchange.open) == 2
        exchange.publish("btcusdt@trade", trade(2))
        old.cut()
        exchange.publish("btcusdt@trade", trade(3))
        await settle()
        assert reader.read() == [1, 2, 3]
        assert (reader.feed.state, reader.feed.gap_count) == ("LIVE", 0)


async def test_an_hour_with_a_cut_every_minute_loses_nothing_uncounted(
    exchange: FakeExchange, time: VirtualTime
) -> None:
    exchange.dial_s = 3
    async with following(exchange) as (streams, reader):
        streams.hold(TICKER)
        await time.advance(5)
        number = 0
        for second in range(HOUR_S):
            number += 1
            exchange.publish("btcusdt@trade", trade(number))
            exchange.publish("btcusdt@miniTicker", mini_ticker(second))
            if second % 20 == 0:
                exchange.ping()
            if second % 60 == 59:
                exchange.open[0].cut()
            await time.advance(1)
            reader.read()
        await time.advance(60)
        exchange.publish("btcusdt@trade", trade(number + 1))
        reader.read()
        assert reader.ids == sorted(set(reader.ids))
        assert len(reader.ids) + reader.feed.missed == number + 1
        assert reader.feed.gap_count == len(reader.feed.gaps) == 60
        assert reader.feed.missed > 0
        assert sum(gap.missed or 0 for gap in reader.feed.gaps) == reader.feed.missed
        assert exchange.names == streams.wanted


async def test_two_hundred_refusals_are_met_with_patience(exchange: FakeExchange, time: VirtualTime) -> None:
    exchange.refuse = 200
    async with following(exchange) as (streams, reader):
        await time.advance(120)
        (status,) = streams.status()
        assert (status.connected, reader.feed.state) == (False, "DOWN")
        assert "503" in status.why
        assert status.next_try_in_ms is not None
        assert status.next_try_in_ms <= 60_000
        await time.advance(2 * HOUR_S)
        assert reader.feed.state == "LIVE"
    pauses = [(later - earlier) / NS for earlier, later in pairwise(exchange.dialled_ns)]
    assert max(pauses) <= 60
    assert max(pauses) > 20


async def test_a_storm_of_short_connections_stays_within_a_share_of_the_limit(
    exchange: FakeExchange, time: VirtualTime
) -> None:
    async with aclosing(exchange.streams(random=lambda: 0.0)) as streams:
        streams.hold(BTC)
        for _ in range(1_190):
            await time.advance(0.25)
            for socket in exchange.open:
                socket.cut()
        assert len(exchange.dialled_ns) <= 60


async def test_streams_of_fixed_speed_that_fall_silent_are_stale_and_get_a_new_connection(
    exchange: FakeExchange, time: VirtualTime, streams: MarketStreams
) -> None:
    feed = streams.hold(TICKER)
    await time.advance(1)
    exchange.publish("btcusdt@miniTicker", mini_ticker(1))
    silent_ns = time.now_ns
    exchange.ping()
    await time.advance(9)
    assert feed.state == "LIVE"
    await time.advance(2)
    assert (feed.state, feed.since_ns) == ("STALE", silent_ns)
    await time.advance(10)
    assert len(exchange.sockets) == 2
    exchange.publish("btcusdt@miniTicker", mini_ticker(2))
    assert feed.state == "LIVE"
    assert exchange.names == streams.wanted


async def test_a_quiet_stream_is_no_stale_stream_while_pings_come(exchange: FakeExchange, time: VirtualTime) -> None:
    async with following(exchange) as (_, reader):
        for _ in range(30):
            exchange.ping()
            await time.advance(20)
        assert (reader.feed.state, len(exchange.sockets)) == ("LIVE", 1)


async def test_without_pings_the_exchange_is_asked_and_its_silence_ends_the_connection(
    exchange: FakeExchange, time: VirtualTime
) -> None:
    async with following(exchange) as (_, reader):
        exchange.open[0].mute = True
        await time.advance(35)
        assert exchange.open[0].requests[-1]["method"] == "LIST_SUBSCRIPTIONS"
        await time.advance(15)
        assert len(exchange.sockets) == 2
        assert reader.feed.gaps[0].why == "LIST_SUBSCRIPTIONS was not answered"
        assert reader.feed.state == "LIVE"


async def test_a_connection_that_brings_events_is_not_given_up_for_a_missing_answer(
    exchange: FakeExchange, time: VirtualTime
) -> None:
    async with following(exchange) as (_, reader):
        exchange.open[0].mute = True
        for number in range(1, 121):
            exchange.publish("btcusdt@trade", trade(number))
            await time.advance(1)
        assert "LIST_SUBSCRIPTIONS" in {request["method"] for request in exchange.open[0].requests}
        assert (len(exchange.sockets), reader.feed.gap_count) == (1, 0)


async def test_a_subscription_that_the_exchange_has_lost_is_noticed_and_renewed(
    exchange: FakeExchange, time: VirtualTime
) -> None:
    async with following(exchange) as (streams, reader):
        exchange.publish("btcusdt@trade", trade(1))
        exchange.open[0].names.clear()
        for _ in range(20):
            exchange.ping()
            await time.advance(20)
        assert exchange.names == streams.wanted
        exchange.publish("btcusdt@trade", trade(9))
        assert [(gap.why, gap.missed) for gap in reader.feed.gaps] == [("the exchange had dropped the subscription", 7)]


async def test_what_cannot_be_read_is_counted_and_harms_nobody(exchange: FakeExchange, time: VirtualTime) -> None:
    async with following(exchange) as (streams, reader):
        exchange.open[0].listener.heard(b"<html>")
        exchange.publish("btcusdt@trade", {"e": "trade"})
        exchange.publish("btcusdt@trade", trade(1))
        assert reader.read() == [1]
        (status,) = streams.status()
        assert status.unreadable == 2
