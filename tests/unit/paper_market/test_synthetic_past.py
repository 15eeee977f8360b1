"""The past that a synthetic market makes up for its symbols."""

from itertools import pairwise
from math import log

import pytest

from paper_exchange.market.bars import Bar, PublicTrade
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.history import History
from paper_exchange.market.intervals import DAY_US, HOUR_US, INTERVALS, MINUTE_US, SECOND_US
from paper_exchange.market.synthetic.market import SyntheticMarket

GENESIS_US = 1_763_629_225_678_901
"""2025-11-20 09:00:25, in the middle of a minute."""
LAST_MINUTE_US = GENESIS_US // MINUTE_US * MINUTE_US
SYMBOLS = ["BTCUSDT", "ETHBTC", "DOGEUSDT", "USDCUSDT", "币安人生USDT"]


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(BUILT_IN, seed=11, genesis_us=GENESIS_US)


def history_of(market: SyntheticMarket, symbol: str) -> History:
    return History(market.past(symbol))


def summed(trades: list[PublicTrade]) -> Bar:
    total = Bar.of(trades[0])
    for trade in trades[1:]:
        total.add(Bar.of(trade))
    return total


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_candles_of_a_minute_are_what_its_trades_say(market: SyntheticMarket, symbol: str) -> None:
    history = history_of(market, symbol)
    for kline in history.klines(INTERVALS["1m"], LAST_MINUTE_US - 1, limit=30):
        trades = history.trades_from(kline.bar.first_id, kline.bar.count)
        assert kline.bar == summed(trades)
        assert all(kline.opening_us <= trade.time_us < kline.end_us for trade in trades)
        assert all(before.time_us <= after.time_us for before, after in pairwise(trades))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_trades_are_on_ticks_and_lots_and_cost_price_times_quantity(market: SyntheticMarket, symbol: str) -> None:
    listing = BUILT_IN.listings[symbol]
    for trade in history_of(market, symbol).recent_trades(1000):
        assert trade.price_e8 > 0
        assert trade.price_e8 % int(listing.tick * 10**8) == 0
        assert trade.quantity_e8 > 0
        assert trade.quantity_e8 % int(listing.lot * 10**8) == 0
        assert trade.quote_e8 * 10**8 == trade.price_e8 * trade.quantity_e8


def test_ids_of_trades_and_aggregates_have_no_gaps(market: SyntheticMarket) -> None:
    history = history_of(market, "BTCUSDT")
    trades = history.recent_trades(1000)
    assert [trade.trade_id for trade in trades] == list(range(trades[0].trade_id, trades[0].trade_id + 1000))
    aggregates = history.recent_aggregates(500)
    assert all(after.aggregate_id == before.aggregate_id + 1 for before, after in pairwise(aggregates))
    assert all(after.first_id == before.last_id + 1 for before, after in pairwise(aggregates))
    assert aggregates[-1].last_id == trades[-1].trade_id
    assert any(row.first_id < row.last_id for row in aggregates)


@pytest.mark.parametrize(("fine", "coarse"), [("1s", "1m"), ("1m", "1h"), ("1m", "1d"), ("1h", "1d"), ("1d", "1M")])
def test_finer_candles_of_the_past_aggregate_to_coarser_ones(market: SyntheticMarket, fine: str, coarse: str) -> None:
    history = history_of(market, "ETHUSDT")
    for kline in history.klines(INTERVALS[coarse], GENESIS_US, limit=3):
        parts = history.klines(
            INTERVALS[fine], GENESIS_US, start_us=kline.opening_us, end_us=kline.end_us - 1, limit=2000
        )
        traded = [part.bar for part in parts if part.bar.count]
        if not traded:
            assert kline.opening_us == LAST_MINUTE_US
            continue
        total = traded[0].copy()
        for bar in traded[1:]:
            total.add(bar)
        assert kline.bar == total


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "4h", "1d", "1w", "1M"])
def test_candles_go_on_where_the_last_one_ended(market: SyntheticMarket, interval: str) -> None:
    klines = history_of(market, "SOLUSDT").klines(INTERVALS[interval], LAST_MINUTE_US - 1, limit=1000)
    assert all(before.bar.close_e8 == after.bar.open_e8 for before, after in pairwise(klines))
    assert all(before.bar.last_id + 1 == after.bar.first_id for before, after in pairwise(klines))
    assert all(k.bar.low_e8 <= min(k.bar.open_e8, k.bar.close_e8) <= k.bar.high_e8 for k in klines)


@pytest.mark.parametrize(
    ("interval", "at_least"), [("1m", 1000), ("30m", 1000), ("1h", 1000), ("4h", 1000), ("1d", 1000), ("1M", 36)]
)
def test_the_past_is_long_enough_for_whole_charts(market: SyntheticMarket, interval: str, at_least: int) -> None:
    assert len(history_of(market, "BNBUSDT").klines(INTERVALS[interval], GENESIS_US, limit=1000)) >= at_least


def test_minutes_are_told_for_a_month_and_no_longer(market: SyntheticMarket) -> None:
    history = history_of(market, "BTCUSDT")
    (first,) = history.klines(INTERVALS["1m"], GENESIS_US, start_us=0, limit=1)
    assert first.opening_us == (GENESIS_US // DAY_US - 30) * DAY_US
    (oldest,) = history.trades_from(0, 1)
    assert oldest.trade_id == first.bar.first_id


def test_the_rolling_day_counts_from_the_very_microsecond(market: SyntheticMarket) -> None:
    history = history_of(market, "XRPUSDT")
    ticker = history.ticker_24h(GENESIS_US)
    trades = history.trades_from(ticker.bar.first_id - 1, 2)
    assert trades[0].time_us < GENESIS_US - DAY_US <= trades[1].time_us
    assert ticker.previous_close_e8 == trades[0].price_e8
    hours = history.klines(INTERVALS["1h"], GENESIS_US, start_us=GENESIS_US - 23 * HOUR_US)
    assert ticker.bar.volume_e8 > sum(kline.bar.volume_e8 for kline in hours)


def test_aggregates_are_found_by_time_in_the_past(market: SyntheticMarket) -> None:
    history = history_of(market, "BTCUSDT")
    start_us, end_us = LAST_MINUTE_US - 90 * SECOND_US, LAST_MINUTE_US - 30 * SECOND_US
    found = history.aggregates_between(start_us, end_us, 1000)
    assert all(start_us <= row.time_us <= end_us for row in found)
    before, after = history.aggregates_from(found[0].aggregate_id - 1, 1)[0], found[-1].aggregate_id + 1
    assert before.time_us < start_us
    assert history.aggregates_from(after, 1)[0].time_us > end_us


def test_the_same_seed_and_genesis_make_the_same_past_whatever_was_asked_before(market: SyntheticMarket) -> None:
    history_of(market, "ETHBTC").klines(INTERVALS["1d"], GENESIS_US, limit=50)
    twin = SyntheticMarket(BUILT_IN, seed=11, genesis_us=GENESIS_US)
    other = SyntheticMarket(BUILT_IN, seed=12, genesis_us=GENESIS_US)
    trades, twin_trades, other_trades = (
        history_of(each, "ETHBTC").recent_trades(200) for each in (market, twin, other)
    )
    assert trades == twin_trades
    assert trades != other_trades


def test_prices_are_believable(market: SyntheticMarket) -> None:
    changes = []
    for symbol in ("BTCUSDT", "ETHUSDT"):
        days = history_of(market, symbol).klines(INTERVALS["1d"], GENESIS_US, limit=400)
        changes.append([log(day.bar.close_e8 / day.bar.open_e8) for day in days])
    btc, eth = changes
    daily = (sum(change**2 for change in btc) / len(btc)) ** 0.5
    assert 0.01 < daily < 0.06
    together = sum(one * other for one, other in zip(btc, eth, strict=True))
    apart = (sum(one**2 for one in btc) * sum(other**2 for other in eth)) ** 0.5
    assert together / apart > 0.6


def test_cross_pairs_agree_with_the_pairs_they_are_made_of(market: SyntheticMarket) -> None:
    price_of = {
        symbol: history_of(market, symbol).klines(INTERVALS["1h"], GENESIS_US, limit=100)
        for symbol in ("ETHUSDT", "BTCUSDT", "ETHBTC")
    }
    for eth, btc, cross in zip(price_of["ETHUSDT"], price_of["BTCUSDT"], price_of["ETHBTC"], strict=True):
        implied = eth.bar.close_e8 / btc.bar.close_e8
        assert abs(cross.bar.close_e8 / 10**8 / implied - 1) < 0.0005


def test_the_very_first_trade_has_the_first_id(market: SyntheticMarket) -> None:
    (first,) = history_of(market, "BTCUSDT").klines(INTERVALS["1d"], GENESIS_US, start_us=0, limit=1)
    assert first.bar.first_id == 1


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_extremes_are_reached_by_takers_of_the_right_side(market: SyntheticMarket, symbol: str) -> None:
    history = history_of(market, symbol)
    for kline in history.klines(INTERVALS["1m"], LAST_MINUTE_US - 1, limit=60):
        bar = kline.bar
        trades = history.trades_from(bar.first_id, bar.count)
        if bar.low_e8 < min(bar.open_e8, bar.close_e8):
            assert all(trade.buyer_is_maker for trade in trades if trade.price_e8 == bar.low_e8)
        if bar.high_e8 > max(bar.open_e8, bar.close_e8):
            assert not any(trade.buyer_is_maker for trade in trades if trade.price_e8 == bar.high_e8)


def test_the_past_is_out_of_reach_once_trades_after_it_are_forgotten(market: SyntheticMarket) -> None:
    past = market.past("BTCUSDT")
    history = History(past, kept_trades=8)
    next_id = past.trades.next_id
    for trade_id in range(next_id, next_id + 30):
        time_us = GENESIS_US + (trade_id - next_id) * SECOND_US
        history.record(PublicTrade(trade_id, 10**8, 10**8, 10**8, time_us, buyer_is_maker=False), trade_id)
    known = [trade.trade_id for trade in history.recent_trades(1000)]
    assert 8 <= len(known) < 30
    assert known == list(range(known[0], next_id + 30))
    assert history.trades_from(1, 1)[0].trade_id == known[0]
    assert history.aggregates_between(GENESIS_US - MINUTE_US, None, 1)[0].first_id == known[0]
    assert history.aggregates_from(0, 1)[0].first_id == known[0]
