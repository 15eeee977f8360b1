"""What the streams say, and when."""

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.paper_streams.stream_floor import ALICE, BOB, CAROL, START_US, StreamFloor

from paper_exchange.engine.commands import CancelAll, SetReferencePrice
from paper_exchange.gateway.streams import payloads
from paper_exchange.gateway.streams.feeds import AveragePrices
from paper_exchange.market.history import BlockTrade

pytestmark = pytest.mark.anyio

START_MS = START_US // 1000


async def test_trades_are_said_at_once(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@trade")
    floor.trade("100.00", "0.5")
    assert heard.messages == [
        {
            "e": "trade",
            "E": START_MS,
            "s": "BTCUSDT",
            "t": 1,
            "p": "100.00000000",
            "q": "0.50000000",
            "T": START_MS,
            "m": False,
            "M": True,
        }
    ]


async def test_fills_of_one_taker_at_one_price_are_one_aggregate_trade(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@aggTrade")
    floor.limit(ALICE, "SELL", "1", "100.00")
    floor.limit(BOB, "SELL", "2", "100.00")
    floor.limit(BOB, "SELL", "3", "101.00")
    floor.limit(CAROL, "BUY", "4", "101.00")
    floor.limit(ALICE, "SELL", "1", "101.00")
    floor.limit(CAROL, "BUY", "3", "101.00")
    said = [(each["a"], each["p"], each["q"], each["f"], each["l"]) for each in heard.messages]
    assert said == [
        (0, "100.00000000", "3.00000000", 1, 2),
        (1, "101.00000000", "1.00000000", 3, 3),
        (2, "101.00000000", "3.00000000", 4, 5),
    ]


async def test_block_trades_are_said_at_once(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@blockTrade", "btcusdt@trade")
    trade = BlockTrade(582, 5_200_000, 583_800_000_000, 30_357_600_000_000, START_US - 1000, buyer_is_maker=True)
    floor.audience.hear_block_trade("BTCUSDT", trade)
    assert heard.messages == [
        {
            "e": "blockTrade",
            "E": START_MS,
            "s": "BTCUSDT",
            "t": 582,
            "p": "0.05200000",
            "q": "5838.00000000",
            "T": START_MS - 1,
            "m": True,
        }
    ]


async def test_the_book_ticker_speaks_when_the_best_price_or_its_quantity_changes(floor: StreamFloor) -> None:
    floor.limit(ALICE, "BUY", "1", "99.00")
    heard = floor.listen("btcusdt@bookTicker")
    floor.limit(ALICE, "SELL", "2", "101.00")
    floor.limit(ALICE, "SELL", "2", "102.00")
    floor.limit(ALICE, "BUY", "1", "99.00")
    assert heard.messages == [
        {"u": 2, "s": "BTCUSDT", "b": "99.00000000", "B": "1.00000000", "a": "101.00000000", "A": "2.00000000"},
        {"u": 4, "s": "BTCUSDT", "b": "99.00000000", "B": "2.00000000", "a": "101.00000000", "A": "2.00000000"},
    ]


async def test_an_empty_side_has_a_zero_best_price(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@bookTicker")
    floor.limit(ALICE, "BUY", "1", "99.00")
    floor.do(CancelAll(account=ALICE, symbol="BTCUSDT"))
    assert heard.messages[-1] == {
        "u": 2,
        "s": "BTCUSDT",
        "b": "0.00000000",
        "B": "0.00000000",
        "a": "0.00000000",
        "A": "0.00000000",
    }


@pytest.mark.parametrize(("name", "period"), [("btcusdt@depth@100ms", 0.1), ("btcusdt@depth", 1.0)])
async def test_depth_updates_come_at_their_speed_and_only_after_changes(
    floor: StreamFloor, name: str, period: float
) -> None:
    floor.limit(ALICE, "BUY", "1", "98.00")
    heard = floor.listen(name)
    await floor.pass_time(period)
    assert heard.take() == []
    floor.limit(ALICE, "BUY", "1", "99.00")
    floor.limit(ALICE, "BUY", "2", "99.00")
    floor.limit(BOB, "SELL", "1", "99.00")
    floor.limit(ALICE, "SELL", "1", "101.00")
    await floor.pass_time(period - 0.001)
    assert heard.take() == []
    await floor.pass_time(0.001)
    assert heard.take() == [
        {
            "e": "depthUpdate",
            "E": START_MS + round(2000 * period),
            "s": "BTCUSDT",
            "U": 2,
            "u": 5,
            "b": [["99.00000000", "2.00000000"]],
            "a": [["101.00000000", "1.00000000"]],
        }
    ]
    floor.do(CancelAll(account=ALICE, symbol="BTCUSDT"))
    await floor.pass_time(period)
    [removal] = heard.take()
    assert (removal["U"], removal["u"]) == (6, 8)
    assert removal["b"] == [["99.00000000", "0.00000000"], ["98.00000000", "0.00000000"]]
    assert removal["a"] == [["101.00000000", "0.00000000"]]


async def test_partial_depth_shows_the_top_of_the_book_whether_it_changed_or_not(floor: StreamFloor) -> None:
    for price in range(90, 99):
        floor.limit(ALICE, "BUY", "1", f"{price}.00")
    heard = floor.listen("btcusdt@depth5@100ms")
    await floor.pass_time(0.2)
    first, second = heard.messages
    assert first == second
    assert first["lastUpdateId"] == 9
    assert first["bids"] == [[f"{price}.00000000", "1.00000000"] for price in (98, 97, 96, 95, 94)]
    assert first["asks"] == []


async def test_a_candle_is_said_while_it_changes_and_once_when_it_closes(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@kline_1m")
    await floor.pass_time(10)
    assert heard.messages == []
    floor.trade("100.00", "1")
    floor.trade("102.00", "2")
    await floor.pass_time(10)
    [message] = heard.take()
    assert (message["e"], message["E"], message["s"]) == ("kline", START_MS + 12_000, "BTCUSDT")
    assert message["k"] == {
        "t": START_MS,
        "T": START_MS + 59_999,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 1,
        "L": 2,
        "o": "100.00000000",
        "c": "102.00000000",
        "h": "102.00000000",
        "l": "100.00000000",
        "v": "3.00000000",
        "n": 2,
        "x": False,
        "q": "304.00000000",
        "V": "3.00000000",
        "Q": "304.00000000",
        "B": "0",
    }
    await floor.pass_time(100)
    closed, empty = (message["k"] for message in heard.take())
    assert [closed["x"], empty["x"]] == [True, True]
    assert (closed["t"], empty["t"]) == (START_MS, START_MS + 60_000)
    assert (empty["o"], empty["c"], empty["n"], empty["f"]) == ("102.00000000", "102.00000000", 0, -1)


async def test_seconds_close_every_second(floor: StreamFloor) -> None:
    floor.trade("100.00")
    heard = floor.listen("btcusdt@kline_1s")
    await floor.pass_time(3)
    assert [(message["k"]["t"] - START_MS, message["k"]["x"]) for message in heard.messages] == [
        (0, True),
        (1000, True),
        (2000, True),
    ]


async def test_candles_of_the_eastern_zone_open_at_its_midnight(floor: StreamFloor) -> None:
    floor.trade("100.00")
    heard = floor.listen("btcusdt@kline_1d@+08:00", "btcusdt@kline_1d")
    await floor.pass_time(2)
    east, utc = (message["k"]["t"] for message in heard.messages)
    assert utc == START_MS
    assert east == START_MS - 8 * 3_600_000


async def test_tickers_are_said_every_second(floor: StreamFloor) -> None:
    floor.limit(ALICE, "BUY", "7", "90.00")
    floor.trade("100.00", "1")
    floor.trade("110.00", "3")
    heard = floor.listen("btcusdt@ticker", "btcusdt@miniTicker", "btcusdt@ticker_1h")
    await floor.pass_time(1)
    ticker, mini, window = heard.messages
    assert ticker == {
        "e": "24hrTicker",
        "E": START_MS + 1000,
        "s": "BTCUSDT",
        "p": "10.00000000",
        "P": "10.000",
        "w": "107.50000000",
        "x": "100.00000000",
        "c": "110.00000000",
        "Q": "3.00000000",
        "b": "90.00000000",
        "B": "7.00000000",
        "a": "0.00000000",
        "A": "0.00000000",
        "o": "100.00000000",
        "h": "110.00000000",
        "l": "100.00000000",
        "v": "4.00000000",
        "q": "430.00000000",
        "O": START_MS + 1000 - 86_400_000,
        "C": START_MS + 1000,
        "F": 1,
        "L": 2,
        "n": 2,
    }
    assert mini == {key: ticker[key] for key in ("s", "c", "o", "h", "l", "v", "q", "E")} | {"e": "24hrMiniTicker"}
    assert window["e"] == "1hTicker"
    assert window["O"] == START_MS - 3_600_000
    await floor.pass_time(1)
    assert len(heard.messages) == 6


async def test_all_market_tickers_name_only_symbols_that_traded(floor: StreamFloor) -> None:
    heard = floor.listen("!miniTicker@arr", "!ticker_4h@arr")
    floor.trade("100.00", symbol="ETHUSDT")
    await floor.pass_time(1)
    assert [[ticker["s"] for ticker in message] for message in heard.take()] == [["ETHUSDT"], ["ETHUSDT"]]
    await floor.pass_time(1)
    assert heard.take() == []
    floor.trade("100.00")
    floor.trade("101.00", symbol="ETHUSDT")
    await floor.pass_time(1)
    assert [ticker["s"] for ticker in heard.take()[0]] == ["BTCUSDT", "ETHUSDT"]


async def test_the_average_price_is_said_every_second_once_there_is_one(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@avgPrice")
    await floor.pass_time(1)
    assert heard.take() == []
    floor.trade("100.00", "1")
    floor.trade("103.00", "2")
    await floor.pass_time(1)
    assert heard.take() == [
        {
            "e": "avgPrice",
            "E": START_MS + 2000,
            "s": "BTCUSDT",
            "i": "5m",
            "w": "102.00000000",
            "T": START_MS + 1000,
        }
    ]


async def test_the_reference_price_is_said_every_second_where_there_is_one(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@referencePrice", "ethusdt@referencePrice")
    for price in (Decimal("99.5"), None):
        floor.do(SetReferencePrice(symbol="BTCUSDT", price=price))
        await floor.pass_time(1)
    assert heard.messages == [
        {"e": "referencePrice", "s": "BTCUSDT", "r": "99.50000000", "t": START_MS + 1000},
        {"e": "referencePrice", "s": "BTCUSDT", "r": None, "t": START_MS + 2000},
    ]


async def test_times_are_microseconds_for_those_who_asked_for_them(floor: StreamFloor) -> None:
    await floor.pass_time(0.000_001)
    milliseconds = floor.listen("btcusdt@trade")
    microseconds = floor.listen("btcusdt@trade", unit="MICROSECOND")
    floor.trade("100.00")
    assert [milliseconds.messages[0][key] for key in "ET"] == [START_MS, START_MS]
    assert [microseconds.messages[0][key] for key in "ET"] == [START_US + 1, START_US + 1]


async def test_candles_end_a_microsecond_before_the_next_for_those_who_count_them(floor: StreamFloor) -> None:
    floor.trade("100.00")
    heard = floor.listen("btcusdt@kline_1m", unit="MICROSECOND")
    await floor.pass_time(2)
    assert [heard.messages[0]["k"][key] for key in "tT"] == [START_US, START_US + 59_999_999]


async def test_listeners_of_one_form_are_given_the_same_bytes(floor: StreamFloor) -> None:
    raw, same, combined = (
        floor.listen("btcusdt@trade"),
        floor.listen("btcusdt@trade"),
        floor.listen("btcusdt@trade", combined=True),
    )
    floor.trade("100.00")
    assert raw.frames[0] is same.frames[0]
    assert combined.messages == [{"stream": "btcusdt@trade", "data": raw.messages[0]}]


async def test_who_left_hears_nothing_more_and_others_go_on(floor: StreamFloor) -> None:
    stays, leaves = floor.listen("btcusdt@trade"), floor.listen("btcusdt@trade", "ethusdt@trade")
    for stream in ("btcusdt@trade", "ethusdt@trade"):
        floor.leave(stream, leaves)
    floor.trade("100.00")
    floor.trade("100.00", symbol="ETHUSDT")
    assert len(stays.messages) == 1
    assert leaves.messages == []


async def test_symbols_that_are_not_listed_stay_silent(floor: StreamFloor) -> None:
    names = ("@ticker", "@depth5", "@kline_1m", "@avgPrice", "@referencePrice", "@bookTicker", "@miniTicker", "@depth")
    heard = floor.listen(*(f"nope{name}" for name in names))
    await floor.pass_time(120)
    assert heard.messages == []


async def test_a_period_that_was_missed_is_not_made_up_for(floor: StreamFloor) -> None:
    floor.listen("btcusdt@depth")
    await floor.pass_time(5)
    heard = floor.listen("btcusdt@depth@100ms")
    floor.limit(ALICE, "BUY", "1", "98.00")
    await floor.pass_time(1)
    assert len(heard.messages) == 1


async def test_update_ids_leave_no_gap_and_the_snapshot_fits_in(floor: StreamFloor) -> None:
    heard = floor.listen("btcusdt@depth@100ms")
    snapshot: Any = None
    for step in range(50):
        floor.limit(ALICE, "BUY", "1", f"{50 + step % 7}.00")
        floor.limit(BOB, "SELL", "1", f"{54 + step % 5}.00")
        if step == 20:
            snapshot = floor.exchange.engine.last_update_id("BTCUSDT")
        await floor.pass_time(0.07)
    messages = heard.messages
    assert all(later["U"] == earlier["u"] + 1 for earlier, later in pairwise(messages))
    assert any(each["U"] <= snapshot + 1 <= each["u"] + 1 for each in messages)


async def test_streams_may_wait_for_a_source_that_acts_in_steps() -> None:
    floor = StreamFloor(lag_us=10_000)
    ticking = asyncio.create_task(floor.audience.run())
    heard = floor.listen("btcusdt@kline_1s")
    await floor.pass_time(1)
    floor.trade("100.00")
    await floor.pass_time(0.009)
    assert heard.messages == []
    await floor.pass_time(0.001)
    assert heard.messages[-1]["E"] == START_MS + 1010
    await floor.pass_time(1)
    assert [message["E"] for message in heard.take()[-2:]] == [START_MS + 1010, START_MS + 2010]
    ticking.cancel()


@pytest.mark.parametrize("broken", ["hear", "tick", "draw"])
async def test_a_stream_that_fails_silences_no_other(
    floor: StreamFloor, broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    if broken == "draw":
        monkeypatch.setattr(payloads, "average_price", fail)
    else:
        monkeypatch.setattr(AveragePrices, broken, fail)
    running = asyncio.create_task(floor.audience.run())
    heard = floor.listen("btcusdt@avgPrice", "btcusdt@trade", "btcusdt@miniTicker")
    floor.trade("100.00")
    await floor.pass_time(1)
    assert {message["e"] for message in heard.messages} >= {"trade", "24hrMiniTicker"}
    assert not running.done()
    assert "a defect" in caplog.text
    running.cancel()


async def test_a_listener_that_fails_does_not_undo_what_the_exchange_did(
    floor: StreamFloor, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a defect")

    floor.exchange.listen(fail)
    told: list[object] = []
    floor.exchange.listen(told.extend)
    floor.trade("100.00")
    assert floor.exchange.engine.last_price("BTCUSDT") == Decimal(100)
    assert told
    assert "a defect" in caplog.text
