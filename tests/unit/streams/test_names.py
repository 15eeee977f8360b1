"""Names of streams: what is taken, what is corrected and said so, what is refused before anything is opened."""

import pytest

from binance_spot_mcp.catalogue.streams import (
    ALL_WINDOW_TICKERS,
    KLINE_EAST_EIGHT,
    PARTIAL_DEPTH,
    NoSuchStream,
    read_stream_name,
    stream,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("BTCUSDT@trade", "btcusdt@trade"),
        ("btcusdt@AGGTRADE", "btcusdt@aggTrade"),
        ("BTCUSDT@depth5@100ms", "btcusdt@depth5@100ms"),
        ("btcusdt@kline_1M", "btcusdt@kline_1M"),
        ("这是测试币456@trade", "这是测试币456@trade"),
    ],
)
def test_symbols_go_on_the_wire_in_lower_case(text: str, name: str) -> None:
    assert read_stream_name(text).name == name


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("!ticker@arr", "!miniTicker@arr", "retired"),
        ("!windowTicker_4h@arr", "!ticker_4h@arr", "never existed"),
        ("ethusdt@windowTicker_1d", "ethusdt@ticker_1d", "never existed"),
    ],
)
def test_a_name_of_old_means_what_took_its_place_and_says_so(text: str, name: str, told: str) -> None:
    found = read_stream_name(text)
    assert found.name == name
    assert told in found.note


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a@depth/b@trade", "one stream"),
        ("btcusdt@depth7", "depth5, depth10 or depth20"),
        ("btcusdt@depth@50ms", "@100ms"),
        ("btcusdt@kline_1x", "1m, 3m"),
        ("btcusdt@ticker_2h", "1h, 4h, 1d"),
        ("btcusdt@trades", "trade, aggTrade"),
        ("btcusdt", "behind the symbol"),
        ("@trade", "start with a symbol"),
        ("!bookTicker", "each symbol"),
        ("!everything@arr", "!miniTicker@arr"),
        ("k" * 64, "subscribe_to_user_stream"),
        ("btcusdt @trade", "one stream"),
        ("x" * 10_000, "one stream"),
    ],
)
def test_what_is_no_stream_is_refused_with_what_there_is(text: str, told: str) -> None:
    with pytest.raises(NoSuchStream, match=told):
        read_stream_name(text)


def test_a_name_is_written_from_its_parts() -> None:
    assert stream(PARTIAL_DEPTH, "ETHUSDT", "10@100ms").name == "ethusdt@depth10@100ms"
    assert stream(KLINE_EAST_EIGHT, "ETHUSDT", "1d@+08:00").name == "ethusdt@kline_1d@+08:00"
    assert stream(ALL_WINDOW_TICKERS, tail="1h").name == "!ticker_1h@arr"
