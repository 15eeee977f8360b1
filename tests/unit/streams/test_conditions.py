"""Conditions in words: what each hears, when it holds, and what is no condition."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic_core import PydanticCustomError
from tests.unit.streams.stage import trade

from binance_spot_mcp.streams.conditions import (
    BalanceIs,
    Condition,
    NoSuchCondition,
    OrderIs,
    PriceCrosses,
    read_condition,
)

D = Decimal


def hear(condition: Condition, *events: dict[str, Any]) -> list[bool]:
    """Whether it holds after each event."""
    held = []
    for event in events:
        condition.hear(msgspec.Raw(json.dumps(event).encode()))
        held.append(condition.holds is not None)
    return held


def quote(bid: str, ask: str) -> dict[str, Any]:
    return {"u": 1, "s": "BTCUSDT", "b": bid, "B": "1.0", "a": ask, "A": "1.0"}


def kline(close: str, *, closed: bool) -> dict[str, Any]:
    bar = {
        "t": 0, "T": 59_999, "s": "BTCUSDT", "i": "1m", "o": "1.0", "h": "9.0", "l": "1.0", "c": close, "v": "5.0",
        "q": "5.0", "n": 2, "x": closed,
    }  # fmt: skip
    return {"e": "kline", "E": 60_000, "s": "BTCUSDT", "k": bar}


def report(order_id: int, status: str, symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {
        "e": "executionReport", "E": 5, "s": symbol, "i": order_id, "x": "TRADE", "X": status, "S": "BUY", "o": "LIMIT",
        "f": "GTC", "q": "1.0", "p": "1.0", "z": "0.5", "Z": "0.5", "I": 1, "c": "x", "T": 5,
    }  # fmt: skip


def position(asset: str, free: str, locked: str = "0.0") -> dict[str, Any]:
    return {"e": "outboundAccountPosition", "E": 5, "u": 5, "B": [{"a": asset, "f": free, "l": locked}]}


@pytest.mark.parametrize(
    ("text", "canonical", "stream"),
    [
        ("btc/usdt price>=65000.50", "BTCUSDT price >= 65000.5", "btcusdt@trade"),
        ("BTCUSDT  PRICE  crosses 65000", "BTCUSDT price crosses 65000", "btcusdt@trade"),
        ("BTCUSDT spread <= 5bps", "BTCUSDT spread <= 5 bps", "btcusdt@bookTicker"),
        ("BTCUSDT ask < 3", "BTCUSDT ask < 3", "btcusdt@bookTicker"),
        ("BTCUSDT volume > 12", "BTCUSDT volume > 12", "btcusdt@trade"),
        ("BTCUSDT kline 1m closes > 5", "BTCUSDT kline 1m closes > 5", "btcusdt@kline_1m"),
        ("BTCUSDT order 42 filled", "BTCUSDT order 42 FILLED", None),
        ("balance btc changes", "balance BTC changes", None),
        ("balance BTC >= 0.5", "balance BTC >= 0.5", None),
    ],
)
def test_a_condition_is_read_from_words_and_written_back(text: str, canonical: str, stream: str | None) -> None:
    condition = read_condition(text)
    assert condition.text == canonical
    assert (condition.stream and condition.stream.name) == stream
    assert read_condition(canonical).text == canonical


@pytest.mark.parametrize(
    "text",
    ["", "BTCUSDT", "BTCUSDT price is 5", "BTCUSDT price >= 5 bps", "BTCUSDT price >= 1e5", "balance BTC", "x" * 500],
)
def test_what_is_no_condition_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(NoSuchCondition):
        read_condition(text)


@pytest.mark.parametrize("text", ["BTCUSDT price >= 0", "BTCUSDT price >= 1.2.3", "BTCUSDT kline 60m closes"])
def test_a_wrong_part_is_refused_with_its_own_words(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        read_condition(text)


def test_a_level_holds_only_as_long_as_the_last_event_says_so() -> None:
    condition = read_condition("BTCUSDT price >= 100")
    prices = ("99.9", "100.0", "101.0", "99.0")
    assert hear(condition, *(trade(n, price) for n, price in enumerate(prices))) == [False, True, True, False]


def test_a_crossing_needs_both_sides_and_stays() -> None:
    up, down, touch = (read_condition("BTCUSDT price crosses 100") for _ in range(3))
    assert hear(up, trade(1, "99.0"), trade(2, "99.5"), trade(3, "101.0"), trade(4, "99.0")) == [
        False, False, True, True,
    ]  # fmt: skip
    assert hear(down, trade(1, "101.0"), trade(2, "99.0")) == [False, True]
    assert hear(touch, trade(1, "101.0"), trade(2, "100.0")) == [False, True]
    assert up.holds is not None
    assert (up.holds["from"], up.holds["price"]) == (D("99.5"), D(101))


def test_a_crossing_counts_from_the_price_that_was_known_before() -> None:
    condition = read_condition("BTCUSDT price crosses 100")
    assert isinstance(condition, PriceCrosses)
    condition.know(D(98), {})
    assert hear(condition, trade(1, "102.0")) == [True]


def test_quotes_are_compared_in_their_own_unit() -> None:
    absolute, points = read_condition("BTCUSDT spread <= 0.2"), read_condition("BTCUSDT spread <= 20 bps")
    bid = read_condition("BTCUSDT bid >= 100")
    quotes = (quote("99.0", "101.0"), quote("99.9", "100.1"), quote("0.0", "0.1"))
    assert hear(absolute, *quotes) == hear(points, *quotes) == [False, True, False]
    assert hear(bid, quote("100.0", "101.0"), quote("0.0", "101.0")) == [True, False]


def test_volume_adds_up_from_the_beginning() -> None:
    assert hear(read_condition("BTCUSDT volume >= 2"), trade(1), trade(2), trade(3)) == [False, True, True]


def test_a_kline_counts_when_it_closes() -> None:
    condition = read_condition("BTCUSDT kline 1m closes > 5")
    assert hear(condition, kline("6.0", closed=False), kline("4.0", closed=True), kline("6.0", closed=True)) == [
        False, False, True,
    ]  # fmt: skip
    assert condition.holds is not None
    assert condition.holds["close"] == 6


@pytest.mark.parametrize(("wanted", "held"), [("FILLED", True), ("DONE", True), ("CANCELED", False), ("NEW", False)])
def test_an_order_is_known_by_symbol_and_id(wanted: str, held: bool) -> None:
    condition = read_condition(f"BTCUSDT order 7 {wanted}")
    assert hear(condition, report(8, "FILLED"), report(7, "FILLED", "ETHUSDT"), position("BTC", "1.0")) == [False] * 3
    assert hear(condition, report(7, "FILLED")) == [held]


def test_an_order_that_is_there_already_needs_no_event() -> None:
    condition = read_condition("BTCUSDT order 7 DONE")
    assert isinstance(condition, OrderIs)
    condition.know("CANCELED", D(0), 5)
    assert condition.holds == {"status": "CANCELED", "executed_qty": D(0), "event_time": 5}


def test_a_balance_changes_against_what_it_was() -> None:
    condition = read_condition("balance BTC changes")
    assert isinstance(condition, BalanceIs)
    condition.know(D(1), D(0), 1)
    events = (position("BTC", "1.0"), position("USDT", "3.0"), position("BTC", "0.5", "0.5"), position("BTC", "1.0"))
    assert hear(condition, *events) == [False, False, True, True]


def test_a_balance_is_compared_by_what_is_free() -> None:
    condition = read_condition("balance BTC >= 1")
    assert hear(condition, position("BTC", "1.0"), position("BTC", "0.5", "0.5")) == [True, False]
