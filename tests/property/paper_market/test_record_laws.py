"""Laws of the public record: whatever trades come, every view of them adds up."""

from collections.abc import Callable, Iterable
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from paper_exchange.engine.events import Trade
from paper_exchange.market.amounts import to_decimal
from paper_exchange.market.bars import Bar, PublicTrade
from paper_exchange.market.history import History, Kline, NoPast
from paper_exchange.market.intervals import DAY_US, HOUR_US, INTERVALS, MINUTE_US, SECOND_US
from paper_exchange.market.record import MarketRecord

START_US = 1_709_164_800_000_000 - 3 * DAY_US
ONE_E8 = 100_000_000

Arrivals = list[tuple[PublicTrade, int]]


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    """Trades with the order that took them; long silences and bursts in one instant included."""
    pauses = st.one_of(
        st.just(0),
        st.integers(0, 3 * SECOND_US),
        st.integers(0, 90 * MINUTE_US),
        st.integers(0, 20 * DAY_US),
    )
    rows = draw(
        st.lists(
            st.tuples(pauses, st.integers(1, 9), st.integers(1, 99), st.booleans(), st.booleans()),
            min_size=1,
            max_size=40,
        )
    )
    trades: Arrivals = []
    time_us, taker = START_US, 0
    for trade_id, (pause, price, quantity, buyer_is_maker, same_taker) in enumerate(rows, 1):
        time_us += pause
        taker += 0 if same_taker else 1
        quantity_e8 = quantity * ONE_E8 // 10
        trades.append(
            (
                PublicTrade(trade_id, price * ONE_E8, quantity_e8, price * quantity_e8, time_us, buyer_is_maker),
                taker,
            )
        )
    return trades


def recorded(trades: Arrivals) -> History:
    history = History(NoPast())
    for trade, taker in trades:
        history.record(trade, taker)
    return history


def summed(trades: Iterable[PublicTrade]) -> Bar | None:
    """The naive way: look at every trade."""
    rows = list(trades)
    if not rows:
        return None
    prices = [row.price_e8 for row in rows]
    taken = [row for row in rows if not row.buyer_is_maker]
    return Bar(
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(row.quantity_e8 for row in rows),
        sum(row.quote_e8 for row in rows),
        sum(row.quantity_e8 for row in taken),
        sum(row.quote_e8 for row in taken),
        rows[0].trade_id,
        rows[-1].trade_id,
    )


def all_klines(history: History, interval: str, now_us: int, zone_us: int = 0) -> list[Kline]:
    return history.klines(INTERVALS[interval], now_us, start_us=0, limit=100_000, zone_us=zone_us)


ZONES = st.sampled_from([0, 8 * HOUR_US, -12 * HOUR_US, 5 * HOUR_US + 45 * MINUTE_US])


@given(arrivals(), st.sampled_from(list(INTERVALS)), ZONES)
def test_a_candle_is_what_its_trades_say(trades: Arrivals, interval: str, zone_us: int) -> None:
    history, now_us = recorded(trades), trades[-1][0].time_us
    klines = history.klines(INTERVALS[interval], now_us, limit=60, zone_us=zone_us)
    before = None
    for kline in klines:
        inside = [trade for trade, _ in trades if kline.opening_us <= trade.time_us < kline.end_us]
        expected = summed(inside)
        if expected is None:
            before = [trade for trade, _ in trades if trade.time_us < kline.opening_us][-1]
            expected = Bar.empty(before.price_e8)
        assert kline.bar == expected
    assert all(earlier.end_us == later.opening_us for earlier, later in pairwise(klines))
    assert klines[-1].opening_us <= now_us < klines[-1].end_us


@given(arrivals(), st.sampled_from(["1m", "3m", "1h", "6h", "1d"]), ZONES)
def test_volumes_of_candles_sum_to_the_volume_of_trades(trades: Arrivals, interval: str, zone_us: int) -> None:
    trades = [(trade, taker) for trade, taker in trades if trade.time_us < START_US + 5 * DAY_US]
    if not trades:
        return
    klines = all_klines(recorded(trades), interval, trades[-1][0].time_us, zone_us)
    assert sum(kline.bar.volume_e8 for kline in klines) == sum(trade.quantity_e8 for trade, _ in trades)
    assert sum(kline.bar.quote_e8 for kline in klines) == sum(trade.quote_e8 for trade, _ in trades)
    assert sum(kline.bar.count for kline in klines) == len(trades)


# A candle of the second interval always holds whole candles of the first.
NESTED = st.sampled_from(
    [
        *pairwise(("1m", "3m", "15m", "30m", "1h", "2h", "6h", "12h", "1d", "1w")),
        *pairwise(("1m", "5m", "15m")),
        *pairwise(("2h", "4h", "8h", "1d", "3d")),
        ("1d", "1M"),
    ]
)


@given(arrivals(), NESTED, ZONES)
def test_finer_candles_aggregate_to_coarser_ones(trades: Arrivals, nested: tuple[str, str], zone_us: int) -> None:
    history, now_us = recorded(trades), trades[-1][0].time_us
    fine_name, coarse_name = nested
    for coarse in history.klines(INTERVALS[coarse_name], now_us, limit=3, zone_us=zone_us):
        fine = history.klines(
            INTERVALS[fine_name],
            now_us,
            start_us=coarse.opening_us,
            end_us=coarse.end_us - 1,
            limit=1000,
            zone_us=zone_us,
        )
        traded = [kline.bar for kline in fine if kline.bar.count]
        assert coarse.bar.count == sum(bar.count for bar in traded)
        assert coarse.bar.volume_e8 == sum(bar.volume_e8 for bar in traded)
        assert coarse.bar.quote_e8 == sum(bar.quote_e8 for bar in traded)
        assert coarse.bar.taker_quote_e8 == sum(bar.taker_quote_e8 for bar in traded)
        if traded:
            assert (coarse.bar.open_e8, coarse.bar.close_e8) == (traded[0].open_e8, traded[-1].close_e8)
            assert coarse.bar.high_e8 == max(bar.high_e8 for bar in traded)
            assert coarse.bar.low_e8 == min(bar.low_e8 for bar in traded)
            assert (coarse.bar.first_id, coarse.bar.last_id) == (traded[0].first_id, traded[-1].last_id)


WINDOWS: dict[str, Callable[[History, int], tuple[int, Bar]]] = {
    "24h": lambda history, now: (now - DAY_US, history.ticker_24h(now).bar),
    "7d": lambda history, now: (
        (now - 7 * DAY_US) // MINUTE_US * MINUTE_US,
        history.rolling_ticker(7 * DAY_US, now).bar,
    ),
    "1m": lambda history, now: (
        (now - MINUTE_US) // MINUTE_US * MINUTE_US,
        history.rolling_ticker(MINUTE_US, now).bar,
    ),
    "day": lambda history, now: (now // DAY_US * DAY_US, history.trading_day_ticker(now).bar),
}


@given(arrivals(), st.sampled_from(list(WINDOWS)), st.integers(0, 8 * DAY_US))
def test_a_ticker_is_what_a_naive_look_at_its_trades_says(trades: Arrivals, window: str, later_us: int) -> None:
    now_us = trades[-1][0].time_us + later_us
    start_us, bar = WINDOWS[window](recorded(trades), now_us)
    expected = summed(trade for trade, _ in trades if trade.time_us >= start_us)
    assert bar == (Bar.empty(trades[-1][0].price_e8) if expected is None else expected)


@given(arrivals())
def test_aggregate_trades_partition_the_trades(trades: Arrivals) -> None:
    aggregates = recorded(trades).aggregates_from(0, 1000)
    assert [row.aggregate_id for row in aggregates] == list(range(len(aggregates)))
    runs = [
        [trade for trade, _ in run]
        for _, run in groupby(trades, key=lambda row: (row[1], row[0].price_e8, row[0].time_us))
    ]
    assert [(row.first_id, row.last_id) for row in aggregates] == [(run[0].trade_id, run[-1].trade_id) for run in runs]
    assert [row.quantity_e8 for row in aggregates] == [sum(trade.quantity_e8 for trade in run) for run in runs]
    assert [(row.price_e8, row.time_us) for row in aggregates] == [(run[0].price_e8, run[0].time_us) for run in runs]


@given(arrivals(), st.integers(0, 40))
def test_a_record_that_was_kept_and_restored_goes_on_as_if_nothing_had_happened(trades: Arrivals, kept: int) -> None:
    events = [
        Trade(
            symbol="BNBBTC",
            trade_id=trade.trade_id,
            price=to_decimal(trade.price_e8),
            quantity=to_decimal(trade.quantity_e8),
            quote_quantity=to_decimal(trade.quote_e8),
            buyer_order_id=taker,
            seller_order_id=taker,
            buyer_is_maker=trade.buyer_is_maker,
            time_us=trade.time_us,
        )
        for trade, taker in trades
    ]
    record, restored = MarketRecord(kept_trades=8, kept_minutes=5), MarketRecord(kept_trades=8, kept_minutes=5)
    record.apply(events[:kept])
    restored.apply(events[:1])  # must not stay
    restored.restore(record.snapshot())
    for each in (record, restored):
        each.apply(events[kept:])
    assert record.snapshot() == restored.snapshot()
    now_us = events[-1].time_us
    one, other = record.history("BNBBTC"), restored.history("BNBBTC")
    assert one.ticker_24h(now_us) == other.ticker_24h(now_us)
    assert one.recent_aggregates(100) == other.recent_aggregates(100)
    for interval in ("1m", "1h", "1M"):
        assert one.klines(INTERVALS[interval], now_us) == other.klines(INTERVALS[interval], now_us)
