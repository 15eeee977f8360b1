"""Waits that outlive a call: nothing is missed between two calls, and what is so already is found out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from tests.unit.streams.stage import FakeExchange, VirtualTime, settle, trade

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer, Spot, Venue
from binance_spot_mcp.errors import InvalidInput, Refused
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.streams.conditions import read_condition
from binance_spot_mcp.streams.hub import Streams
from binance_spot_mcp.streams.waits import FORGOTTEN_S, MOST_WAITS, Match, Waiting, Waits

pytestmark = pytest.mark.anyio


class ScriptedSpot(Spot):
    """Answers REST calls with what a test says."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(Settings(), world=time.world())
        self.replies: dict[str, Any] = {
            "get_price": {"symbol": "BTCUSDT", "price": "100.0"},
            "get_book_ticker": {
                "symbol": "BTCUSDT", "bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1",
            },
        }  # fmt: skip

    async def venue(self) -> Venue:
        return Venue(("https://rest.test",), streams="wss://stream.test")

    async def fetch(self, endpoint: Endpoint[Any, Any], params: Params, **_: Any) -> Answer[Any]:
        raw = json.dumps(self.replies[endpoint.name]).encode()
        return Answer(msgspec.json.decode(raw, type=endpoint.result), raw, {})


class Stand:
    def __init__(self) -> None:
        self.time = VirtualTime()
        self.exchange = FakeExchange(self.time)
        self.spot = ScriptedSpot(self.time)
        self.streams = Streams(self.spot, Settings(), world=self.time.world(), dial=self.exchange.dial)
        self.waits = Waits(self.streams)

    async def begin(self, *texts: str, match: Match = "any", seconds: float = 600) -> Waiting:
        waiting = await self.waits.begin([read_condition(text) for text in texts], match, seconds)
        await self.time.advance(1)
        return waiting

    def trade(self, number: int, price: str) -> None:
        self.exchange.publish("btcusdt@trade", trade(number, price))


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    async with aclosing(stand.streams):
        yield stand
        stand.waits.close()


async def test_what_happens_between_two_calls_is_not_missed(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price >= 101")
    assert not waiting.ended
    at_ns = stand.time.now_ns
    stand.trade(1, "102.0")
    await stand.time.advance(30)
    stand.trade(2, "99.0")
    again = stand.waits.find(waiting.cursor)
    await again.wait(40)
    assert again.met is not None
    assert again.met.at_ns == at_ns
    ((text, facts),) = again.met.facts
    assert (text, facts["price"], facts["trade_id"]) == ("BTCUSDT price >= 101", 102, 1)


async def test_a_call_ends_with_the_event_and_not_later(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price crosses 100.5")
    call = asyncio.create_task(waiting.wait(40))
    await settle()
    assert not call.done()
    stand.trade(1, "101.0")
    await settle()
    assert call.done()


async def test_all_means_at_the_same_time(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price >= 105", "BTCUSDT volume >= 3", match="all")
    stand.trade(1, "106.0")
    stand.trade(2, "104.0")
    stand.trade(3, "104.0")
    assert waiting.met is None
    stand.trade(4, "105.0")
    assert waiting.met is not None


async def test_a_wait_ends_without_an_error_when_its_time_is_over(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price >= 101", seconds=5)
    await stand.time.advance(5)
    assert (waiting.ended, waiting.met) == (True, None)


async def test_breaks_during_a_wait_are_told(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price >= 101")
    stand.exchange.open[0].cut()
    assert [feed.state for feed in waiting.troubled()] == ["DOWN"]
    await stand.time.advance(2)
    assert list(waiting.troubled()) == []
    assert [(name, gap.why) for name, gap in waiting.gaps()] == [("btcusdt@trade", "the connection broke")]


async def test_an_ended_wait_lets_its_streams_go(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price >= 101", "BTCUSDT kline 1m closes")
    assert len(stand.exchange.names) == 2
    stand.waits.end(waiting)
    await stand.time.advance(1)
    assert (stand.exchange.open, stand.streams.market.wanted) == ([], frozenset())
    with pytest.raises(InvalidInput, match="no wait"):
        stand.waits.find(waiting.cursor)


async def test_a_wait_that_nobody_asks_for_is_given_up(stand: Stand) -> None:
    waiting = await stand.begin("BTCUSDT price >= 101", seconds=86_400)
    await stand.time.advance(FORGOTTEN_S * 1.2)
    assert stand.streams.market.wanted == frozenset()
    with pytest.raises(InvalidInput):
        stand.waits.find(waiting.cursor)


async def test_the_number_of_waits_is_bounded(stand: Stand) -> None:
    for _ in range(MOST_WAITS):
        await stand.begin("BTCUSDT price >= 101")
    with pytest.raises(Refused, match="waits already"):
        await stand.begin("BTCUSDT price >= 101")


async def test_a_wait_that_cannot_begin_leaves_nothing_behind(stand: Stand) -> None:
    del stand.spot.replies["get_price"]
    with pytest.raises(KeyError):
        await stand.begin("BTCUSDT price >= 101")
    assert stand.streams.market.wanted == frozenset()
