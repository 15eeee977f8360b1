"""What a reader of a stream gets: in order, once, within bounds, and with whatever is missing counted."""

import json
from typing import Any

import msgspec
import pytest
from tests.unit.streams.stage import mini_ticker, trade

from binance_spot_mcp.catalogue.streams import read_stream_name
from binance_spot_mcp.streams.buffer import MOST_EVENTS
from binance_spot_mcp.streams.feed import Feed


def feed(name: str) -> Feed:
    made = Feed(read_stream_name(name), 0)
    made.carried(0)
    return made


def tell(to: Feed, *events: Any, now_ns: int = 1) -> None:
    for event in events:
        to.take(msgspec.Raw(json.dumps(event).encode()), now_ns)


def ids(to: Feed, after: int | None, limit: int = 10_000) -> tuple[list[int], int, int, int]:
    page = to.page(after, limit, 10_000_000)
    return [msgspec.json.decode(entry.raw)["t"] for entry in page.entries], page.next_after, page.let_go, page.left


def kline(open_ms: int, at_ms: int, *, closed: bool) -> dict[str, Any]:
    return {"e": "kline", "E": at_ms, "s": "BTCUSDT", "k": {"t": open_ms, "x": closed}}


def test_a_reader_goes_on_where_it_stopped() -> None:
    trades = feed("btcusdt@trade")
    tell(trades, *map(trade, range(1, 8)))
    assert ids(trades, 0, 3) == ([1, 2, 3], 3, 0, 4)
    assert ids(trades, 3, 3) == ([4, 5, 6], 6, 0, 1)
    assert ids(trades, 6, 3) == ([7], 7, 0, 0)
    assert ids(trades, 7, 3) == ([], 7, 0, 0)


def test_a_new_reader_gets_the_newest() -> None:
    trades = feed("btcusdt@trade")
    tell(trades, *map(trade, range(1, 8)))
    assert ids(trades, None, 2) == ([6, 7], 7, 0, 0)


def test_bytes_are_bounded_but_one_event_always_comes() -> None:
    trades = feed("btcusdt@trade")
    tell(trades, *map(trade, range(1, 8)))
    assert len(trades.page(0, 10, 1).entries) == 1
    assert trades.page(0, 10, 1).next_after == 1
    assert len(trades.page(None, 10, 1).entries) == 1


def test_of_too_many_trades_the_oldest_go_and_are_counted() -> None:
    trades = feed("btcusdt@trade")
    tell(trades, *map(trade, range(1, MOST_EVENTS + 51)))
    kept, _, let_go, _ = ids(trades, 10)
    assert (kept[0], len(kept), let_go) == (51, MOST_EVENTS, 40)


def test_tickers_are_replaced_by_newer_ones_and_that_is_counted() -> None:
    tickers = feed("btcusdt@miniTicker")
    tell(tickers, *(mini_ticker(at_ms) for at_ms in range(1, 6)))
    page = tickers.page(1, 10, 10_000)
    assert [entry.seq for entry in page.entries] == [5]
    assert page.let_go == 3


def test_of_every_symbol_the_newest_is_kept() -> None:
    tickers = feed("!miniTicker@arr")
    tell(tickers, [mini_ticker(1, "A"), mini_ticker(1, "B")], [mini_ticker(2, "A")])
    assert [(e.seq, json.loads(bytes(e.raw))["s"]) for e in tickers.page(0, 10, 10_000).entries] == [(2, "B"), (3, "A")]


def test_the_last_word_on_every_kline_is_kept() -> None:
    klines = feed("btcusdt@kline_1m")
    tell(klines, kline(0, 1, closed=False), kline(0, 2, closed=True), kline(60, 61, closed=False))
    shown = [json.loads(bytes(entry.raw))["k"] for entry in klines.page(0, 10, 10_000).entries]
    assert shown == [{"t": 0, "x": True}, {"t": 60, "x": False}]


@pytest.mark.parametrize(
    ("numbers", "kept", "copies", "missed"),
    [
        ([1, 1, 2, 2, 1], [1, 2], 3, 0),
        ([1, 4, 5], [1, 4, 5], 0, 2),
        ([1, 3, 2, 4], [1, 3, 4], 1, 1),
        ([5_000_000, 1, 2], [5_000_000, 1, 2], 0, 0),
    ],
    ids=["repeated", "dropped", "reordered", "numbered anew"],
)
def test_copies_are_left_out_and_holes_are_counted(
    numbers: list[int], kept: list[int], copies: int, missed: int
) -> None:
    trades = feed("btcusdt@trade")
    tell(trades, *map(trade, numbers))
    assert ids(trades, 0)[0] == kept
    assert (trades.copies, trades.missed) == (copies, missed)
    assert trades.gap_count == (missed > 0 or numbers[0] > numbers[1])


@pytest.mark.parametrize("unit", [1, 1_000], ids=["milliseconds", "microseconds"])
def test_what_another_connection_held_back_for_seconds_is_a_copy(unit: int) -> None:
    tickers = feed("btcusdt@miniTicker")
    now = 1_700_000_000_000
    tell(tickers, mini_ticker(now * unit), mini_ticker((now - 9_000) * unit), mini_ticker((now + 1_000) * unit))
    assert (tickers.seq, tickers.copies, tickers.gap_count) == (2, 1, 0)


def test_of_klines_the_last_thousand_are_kept() -> None:
    klines = feed("btcusdt@kline_1s")
    tell(klines, *(kline(number, number, closed=True) for number in range(1, MOST_EVENTS + 11)))
    assert len([*klines.newest()]) == MOST_EVENTS


def test_after_a_break_an_exchange_that_starts_over_is_believed() -> None:
    trades = feed("btcusdt@trade")
    tell(trades, trade(7))
    trades.lost("cut", 1, 2)
    trades.carried(3)
    tell(trades, trade(1), trade(2))
    assert ids(trades, 0)[0] == [7, 1, 2]


def test_a_break_is_a_gap_with_a_beginning_and_an_end() -> None:
    tickers = feed("btcusdt@miniTicker")
    tell(tickers, mini_ticker(1), now_ns=5)
    tickers.lost("the connection broke", 6, 9)
    assert (tickers.state, tickers.why, tickers.gaps[0].to_ns) == ("DOWN", "the connection broke", None)
    tickers.carried(20)
    (gap,) = tickers.gaps
    assert (gap.after_seq, gap.from_ns, gap.to_ns, gap.missed) == (1, 6, 20, None)
    assert tickers.state == "LIVE"


def test_watchers_hear_of_events_and_of_breaks() -> None:
    trades, heard = feed("btcusdt@trade"), []
    changed = lambda: heard.append(trades.state)  # noqa: E731  # one line says it
    trades.watch(changed)
    tell(trades, trade(1), trade(1))
    trades.lost("cut", 1, 2)
    trades.carried(3)
    trades.unwatch(changed)
    tell(trades, trade(2))
    assert heard == ["LIVE", "DOWN", "LIVE"]
