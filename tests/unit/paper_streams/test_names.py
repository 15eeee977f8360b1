"""Stream names of the documents, and names that Binance takes but never speaks on."""

import pytest
from tests.contract.documented_streams import STREAMS, named_shapes, names

from paper_exchange.gateway.streams.names import ALL_MARKET, Kind, Stream, parse


def test_every_documented_stream_exists_in_every_documented_variant() -> None:
    for name, _, _ in named_shapes():
        assert parse(name) is not None, name


def test_every_documented_speed_is_kept() -> None:
    assert [period_ms("btcusdt@kline_1s"), period_ms("btcusdt@kline_1m")] == [1000, 2000]
    for stream in STREAMS["streams"]:
        if "kline" not in stream["pattern"]:
            periods = {period_ms(name) for name in names(stream)}
            assert {f"{period}ms" if period else "real-time" for period in periods} == set(stream["update_speed"])


@pytest.mark.parametrize("removed", [stream["pattern"] for stream in STREAMS["removed_or_renamed"]])
def test_removed_streams_do_not_exist(removed: str) -> None:
    assert parse(removed.replace("<symbol>", "btcusdt").replace("<window_size>", "1h")) is None


@pytest.mark.parametrize(
    "name", ["BTCUSDT@trade", "btcusdt@depth7", "btcusdt@depth@50ms", "btcusdt@kline_1x", "btcusdt", "@trade", "0", ""]
)
def test_misspelt_streams_do_not_exist(name: str) -> None:
    assert parse(name) is None


@pytest.mark.parametrize(
    ("longer", "usual"),
    [
        ("!miniTicker@arr@1000ms", "!miniTicker@arr"),
        ("btcusdt@depth@1000ms", "btcusdt@depth"),
        ("btcusdt@depth5@1000ms", "btcusdt@depth5"),
    ],
)
def test_speeds_may_be_written_out_as_clients_do(longer: str, usual: str) -> None:
    one, other = parse(longer), parse(usual)
    assert one is not None
    assert other is not None
    assert (one.kind, one.symbol, one.period_us, one.levels) == (
        other.kind,
        other.symbol,
        other.period_us,
        other.levels,
    )
    assert period_ms("!miniTicker@arr@3000ms") == 3000


def test_symbols_beyond_ascii_have_streams() -> None:
    assert parse("这是测试币456@trade") == Stream("这是测试币456@trade", Kind.TRADE, "这是测试币456")


def test_a_stream_says_what_it_is_about() -> None:
    kline = parse("ethbtc@kline_1d@+08:00")
    assert kline is not None
    assert (kline.kind, kline.symbol, kline.variant, kline.zone_us) == (Kind.KLINE, "ETHBTC", "1d", 8 * 3600 * 10**6)
    depth = parse("ethbtc@depth20@100ms")
    assert depth is not None
    assert (depth.kind, depth.levels, depth.period_us) == (Kind.PARTIAL_DEPTH, 20, 100_000)
    everything = parse("!ticker_4h@arr")
    assert everything is not None
    assert (everything.kind, everything.symbol, everything.variant) == (Kind.WINDOW_TICKER, ALL_MARKET, "4h")


def period_ms(name: str) -> int:
    stream = parse(name)
    assert stream is not None
    return stream.period_us // 1000
