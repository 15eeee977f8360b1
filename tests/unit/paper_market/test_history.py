"""What the market endpoints say about a record of a few trades."""

from decimal import Decimal

import pytest

from paper_exchange.engine.events import Trade
from paper_exchange.market import wire
from paper_exchange.market.history import KEPT_MINUTES, KEPT_TRADES, BlockTrade
from paper_exchange.market.intervals import DAY_US, HOUR_US, INTERVALS, MINUTE_US, SECOND_US, parse_time_zone
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.trade_log import OutOfSequence

MIDNIGHT_US = 1_709_164_800_000_000
"""2024-02-29 00:00:00 UTC, a Thursday."""
MS: wire.TimeUnit = "MILLISECOND"
M = 100_000_000


class Market:
    """A record that is fed trades as the engine reports them."""

    def __init__(self, kept_trades: int = KEPT_TRADES, kept_minutes: int = KEPT_MINUTES) -> None:
        self.record = MarketRecord(kept_trades=kept_trades, kept_minutes=kept_minutes)
        self.history = self.record.history("BNBBTC")
        self._trade_id = 0
        self._order_id = 1000

    def trade(
        self,
        at_us: int,
        price: str,
        quantity: str,
        *,
        seller_takes: bool = False,
        same_taker: bool = False,
        worth: str | None = None,
    ) -> None:
        self._trade_id += 1
        self._order_id += 0 if same_taker else 1
        maker_order_id = self._trade_id
        trade = Trade(
            symbol="BNBBTC",
            trade_id=self._trade_id,
            price=Decimal(price),
            quantity=Decimal(quantity),
            quote_quantity=Decimal(price) * Decimal(quantity) if worth is None else Decimal(worth),
            buyer_order_id=maker_order_id if seller_takes else self._order_id,
            seller_order_id=self._order_id if seller_takes else maker_order_id,
            buyer_is_maker=seller_takes,
            time_us=MIDNIGHT_US + at_us,
        )
        self.record.apply([trade])

    def klines(self, interval: str, now_us: int, **asked: int) -> list[list[object]]:
        klines = self.history.klines(INTERVALS[interval], MIDNIGHT_US + now_us, **asked)
        return [wire.kline(kline, MS) for kline in klines]


@pytest.fixture
def market() -> Market:
    return Market()


def test_a_candle_sums_up_its_trades(market: Market) -> None:
    market.trade(1 * SECOND_US, "10", "2")
    market.trade(2 * SECOND_US, "12", "1", seller_takes=True)
    market.trade(3 * SECOND_US, "9", "3")
    market.trade(4 * SECOND_US, "11", "0.5", seller_takes=True)
    assert market.klines("1m", 30 * SECOND_US) == [
        [
            1_709_164_800_000,
            "10.00000000",
            "12.00000000",
            "9.00000000",
            "11.00000000",
            "6.50000000",
            1_709_164_859_999,
            "64.50000000",
            4,
            "5.00000000",
            "47.00000000",
            "0",
        ]
    ]


def test_a_candle_without_trades_keeps_the_price_before_it(market: Market) -> None:
    market.trade(0, "10", "1")
    market.trade(3 * MINUTE_US, "20", "1")
    rows = market.klines("1m", 4 * MINUTE_US)
    assert [(row[1], row[4], row[5], row[8]) for row in rows] == [
        ("10.00000000", "10.00000000", "1.00000000", 1),
        ("10.00000000", "10.00000000", "0.00000000", 0),
        ("10.00000000", "10.00000000", "0.00000000", 0),
        ("20.00000000", "20.00000000", "1.00000000", 1),
        ("20.00000000", "20.00000000", "0.00000000", 0),
    ]


def test_empty_candles_far_from_any_trade_still_know_the_price(market: Market) -> None:
    market.trade(5 * SECOND_US, "10", "1")
    asked_us = MIDNIGHT_US + 40 * DAY_US + 7 * MINUTE_US
    for interval in ("1s", "1m", "1h", "1d"):
        row = market.klines(interval, 41 * DAY_US, start_us=asked_us, limit=1)[0]
        assert (row[4], row[8]) == ("10.00000000", 0)


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_candle_opens_in_a_future_however_far(market: Market, interval: str) -> None:
    market.trade(0, "10", "1")
    assert market.klines(interval, 0, start_us=2**62) == []


def test_nothing_traded_means_no_candles(market: Market) -> None:
    assert market.klines("1d", 0) == []


def test_candles_begin_with_the_first_trade_and_end_with_the_open_one(market: Market) -> None:
    market.trade(0, "10", "1")
    now_us = MIDNIGHT_US + 2 * HOUR_US + 1
    klines = market.history.klines(INTERVALS["1h"], now_us, start_us=0)
    assert [(kline.opening_us - MIDNIGHT_US, kline.is_closed) for kline in klines] == [
        (0, True),
        (HOUR_US, True),
        (2 * HOUR_US, False),
    ]


def test_a_candle_is_closed_from_the_instant_the_next_one_opens(market: Market) -> None:
    market.trade(0, "10", "1")
    before, after = (
        market.history.klines(INTERVALS["1m"], MIDNIGHT_US + now_us) for now_us in (MINUTE_US - 1, MINUTE_US)
    )
    assert [kline.is_closed for kline in before] == [False]
    assert [kline.is_closed for kline in after] == [True, False]


@pytest.mark.parametrize(
    ("asked", "minutes"),
    [
        ({}, [5, 6, 7, 8, 9]),
        ({"limit": 2}, [8, 9]),
        ({"end_us": 4 * MINUTE_US, "limit": 2}, [3, 4]),
        ({"end_us": 4 * MINUTE_US - 1, "limit": 2}, [2, 3]),
        ({"start_us": 2 * MINUTE_US, "limit": 2}, [2, 3]),
        ({"start_us": 2 * MINUTE_US + 1, "limit": 2}, [3, 4]),
        ({"start_us": 2 * MINUTE_US, "end_us": 3 * MINUTE_US}, [2, 3]),
        ({"start_us": 3 * MINUTE_US, "end_us": 2 * MINUTE_US}, []),
        ({"start_us": 99 * MINUTE_US}, []),
        ({"end_us": 10**18}, [5, 6, 7, 8, 9]),
    ],
)
def test_candles_are_chosen_by_their_opening(market: Market, asked: dict[str, int], minutes: list[int]) -> None:
    market.trade(0, "10", "1")
    shifted = {name: value if name == "limit" else MIDNIGHT_US + value for name, value in asked.items()}
    klines = market.history.klines(INTERVALS["1m"], MIDNIGHT_US + 9 * MINUTE_US, **{"limit": 5, **shifted})
    assert [(kline.opening_us - MIDNIGHT_US) // MINUTE_US for kline in klines] == minutes


def test_a_time_zone_moves_a_trade_into_another_day(market: Market) -> None:
    market.trade(1 * HOUR_US, "10", "1")
    market.trade(17 * HOUR_US, "11", "2")
    now_us = MIDNIGHT_US + 20 * HOUR_US
    days = market.history.klines(INTERVALS["1d"], now_us, zone_us=parse_time_zone("8"))
    assert [(day.opening_us - MIDNIGHT_US, day.bar.volume_e8) for day in days] == [
        (-8 * HOUR_US, 1 * M),
        (16 * HOUR_US, 2 * M),
    ]


def test_times_can_be_asked_for_in_microseconds(market: Market) -> None:
    market.trade(123_456, "10", "1")
    (kline,) = market.history.klines(INTERVALS["1m"], MIDNIGHT_US + SECOND_US)
    row = wire.kline(kline, "MICROSECOND")
    assert (row[0], row[6]) == (MIDNIGHT_US, MIDNIGHT_US + MINUTE_US - 1)
    (trade,) = market.history.recent_trades(1)
    assert wire.trade(trade, "MICROSECOND")["time"] == MIDNIGHT_US + 123_456


def test_the_rolling_day_counts_its_first_minute_trade_by_trade(market: Market) -> None:
    market.trade(10 * SECOND_US, "10", "1")
    market.trade(20 * SECOND_US, "20", "2")
    market.trade(DAY_US, "15", "4", seller_takes=True)
    ticker = market.history.ticker_24h(MIDNIGHT_US + DAY_US + 15 * SECOND_US)
    top = wire.BookTop(Decimal("14.9"), Decimal(3), Decimal("15.1"), Decimal(5))
    assert wire.ticker_24h("BNBBTC", ticker, top, MS) == {
        "symbol": "BNBBTC",
        "priceChange": "-5.00000000",
        "priceChangePercent": "-25.000",
        "weightedAvgPrice": "16.66666667",
        "prevClosePrice": "10.00000000",
        "lastPrice": "15.00000000",
        "lastQty": "4.00000000",
        "bidPrice": "14.90000000",
        "bidQty": "3.00000000",
        "askPrice": "15.10000000",
        "askQty": "5.00000000",
        "openPrice": "20.00000000",
        "highPrice": "20.00000000",
        "lowPrice": "15.00000000",
        "volume": "6.00000000",
        "quoteVolume": "100.00000000",
        "openTime": 1_709_164_815_000,
        "closeTime": 1_709_251_215_000,
        "firstId": 2,
        "lastId": 3,
        "count": 2,
    }


def test_a_day_without_trades_shows_the_price_before_it(market: Market) -> None:
    market.trade(0, "10", "2")
    ticker = wire.ticker("BNBBTC", market.history.ticker_24h(MIDNIGHT_US + 3 * DAY_US), MS)
    assert (ticker["lastPrice"], ticker["openPrice"], ticker["weightedAvgPrice"]) == (
        "10.00000000",
        "10.00000000",
        "0.00000000",
    )
    assert (ticker["priceChangePercent"], ticker["firstId"], ticker["lastId"], ticker["count"]) == ("0.000", -1, -1, 0)


def test_a_symbol_that_never_traded_has_a_ticker_of_zeros(market: Market) -> None:
    ticker = wire.ticker_24h("BNBBTC", market.history.ticker_24h(MIDNIGHT_US), wire.BookTop(), MS)
    assert {value for name, value in ticker.items() if name.endswith(("Price", "Qty"))} == {"0.00000000"}
    assert market.history.average_price(MIDNIGHT_US) is None


def test_a_rolling_window_starts_on_a_whole_minute(market: Market) -> None:
    market.trade(59 * SECOND_US, "10", "1")
    market.trade(60 * SECOND_US, "11", "1")
    market.trade(90 * SECOND_US, "12", "1")
    ticker = market.history.rolling_ticker(MINUTE_US, MIDNIGHT_US + 150 * SECOND_US)
    assert (ticker.opening_us, ticker.closing_us) == (MIDNIGHT_US + MINUTE_US, MIDNIGHT_US + 150 * SECOND_US)
    assert (ticker.bar.open_e8, ticker.bar.count, ticker.previous_close_e8) == (11 * M, 2, 10 * M)


def test_the_trading_day_begins_at_midnight_of_its_time_zone(market: Market) -> None:
    market.trade(HOUR_US, "10", "1")
    market.trade(17 * HOUR_US, "11", "2")
    now_us = MIDNIGHT_US + 18 * HOUR_US
    utc = wire.ticker("BNBBTC", market.history.trading_day_ticker(now_us), MS)
    assert (utc["volume"], utc["openTime"], utc["closeTime"]) == ("3.00000000", 1_709_164_800_000, 1_709_251_199_999)
    tokyo = market.history.trading_day_ticker(now_us, parse_time_zone("9"))
    assert (tokyo.bar.volume_e8, tokyo.opening_us) == (2 * M, MIDNIGHT_US + 15 * HOUR_US)


def test_the_average_price_weighs_five_minutes_and_else_falls_back_to_the_last_trade(market: Market) -> None:
    market.trade(0, "10", "1")
    market.trade(2 * MINUTE_US, "20", "3")
    both, one, none = (market.history.average_price(MIDNIGHT_US + minutes * MINUTE_US) for minutes in (5, 6, 60))
    assert both is not None
    assert one is not None
    assert none is not None
    assert wire.average_price(both, MS) == {"mins": 5, "price": "17.50000000", "closeTime": 1_709_164_920_000}
    assert (one.price_e8, none.price_e8) == (20 * M, 20 * M)


def test_trades_of_one_taker_at_one_price_are_one_aggregate(market: Market) -> None:
    market.trade(1, "10", "1", seller_takes=True)
    market.trade(1, "10", "2", seller_takes=True, same_taker=True)
    market.trade(1, "9", "3", seller_takes=True, same_taker=True)
    market.trade(1, "9", "4", seller_takes=True)
    assert [wire.aggregate_trade(row, MS) for row in market.history.recent_aggregates(2)] == [
        {"a": 1, "p": "9.00000000", "q": "3.00000000", "f": 3, "l": 3, "T": 1_709_164_800_000, "m": True, "M": True},
        {"a": 2, "p": "9.00000000", "q": "4.00000000", "f": 4, "l": 4, "T": 1_709_164_800_000, "m": True, "M": True},
    ]
    (first,) = market.history.aggregates_from(0, 1)
    assert (first.quantity_e8, first.first_id, first.last_id) == (3 * M, 1, 2)


def test_aggregates_are_found_by_time(market: Market) -> None:
    for second in range(10):
        market.trade(second * SECOND_US, "10", "1")

    def ids(start: int | None, end: int | None, limit: int) -> list[int]:
        start_us, end_us = (None if second is None else MIDNIGHT_US + second * SECOND_US for second in (start, end))
        return [row.aggregate_id for row in market.history.aggregates_between(start_us, end_us, limit)]

    assert ids(3, 5, 100) == [3, 4, 5]
    assert ids(3, None, 2) == [3, 4]
    assert ids(None, 5, 2) == [4, 5]
    assert ids(None, None, 2) == [8, 9]


def test_trades_are_read_by_id(market: Market) -> None:
    for second in range(5):
        market.trade(second * SECOND_US, "10", "1")
    assert [trade.trade_id for trade in market.history.trades_from(2, 3)] == [2, 3, 4]
    assert [trade.trade_id for trade in market.history.trades_from(-7, 2)] == [1, 2]
    assert [trade.trade_id for trade in market.history.recent_trades(2)] == [4, 5]
    assert market.history.trades_from(99, 2) == []


def test_forgotten_trades_leave_their_candles_and_the_ids_of_the_rest() -> None:
    market = Market(kept_trades=8, kept_minutes=10)
    for minute in range(30):
        market.trade(minute * MINUTE_US + 30 * SECOND_US, "10", "1")
    known = market.history.trades_from(0, 1000)
    assert len(known) <= 10
    assert known[-1].trade_id == 30
    assert [row.first_id for row in market.history.aggregates_from(0, 1000)] == [trade.trade_id for trade in known]
    now_us = 29 * MINUTE_US + 45 * SECOND_US
    assert market.klines("1h", now_us)[0][8] == 30
    assert [row[8] for row in market.klines("1m", now_us, start_us=0)] == [1] * 11
    assert len(market.klines("1s", now_us, start_us=0, limit=1000)) < 1000
    # The first minute of the window cannot be told trade by trade any more, so it counts whole.
    assert market.history.ticker_24h(MIDNIGHT_US + DAY_US + 19 * MINUTE_US + 45 * SECOND_US).bar.count == 11


def test_a_trade_that_is_missing_is_noticed(market: Market) -> None:
    market.trade(0, "10", "1")
    market._trade_id += 1
    with pytest.raises(OutOfSequence, match="trade 3 came where 2 was expected"):
        market.trade(1, "10", "1")


def test_block_trades_are_a_sequence_of_their_own(market: Market) -> None:
    assert market.history.block_trades(0, 500) == []
    for block_id in (582, 583):
        market.history.record_block_trade(BlockTrade(block_id, 5 * M, 2 * M, 10 * M, MIDNIGHT_US, True))
    assert [wire.block_trade(row, MS) for row in market.history.block_trades(583, 500)] == [
        {
            "id": 583,
            "price": "5.00000000",
            "qty": "2.00000000",
            "quoteQty": "10.00000000",
            "time": 1_709_164_800_000,
            "isBuyerMaker": True,
        }
    ]
    assert market.klines("1d", 0) == []


@pytest.mark.parametrize(
    ("opened", "closed", "percent"),
    [
        ("99", "4.000002", "-95.960"),
        ("20825.27", "20671.14", "-0.740"),
        ("0.0103617", "0.010447", "0.823"),
        ("9", "1", "-88.889"),
        ("100000000", "99999999", "0.000"),
        ("200", "200.001", "0.001"),
    ],
)
def test_a_change_in_percent_has_three_decimals(market: Market, opened: str, closed: str, percent: str) -> None:
    market.trade(0, opened, "1")
    market.trade(1, closed, "1")
    assert wire.change_percent(market.history.ticker_24h(MIDNIGHT_US + 1)) == percent


def test_sums_of_any_size_are_kept_exactly() -> None:
    """The volume of a cheap asset outgrows 64 bits within hours, and so does a trade's worth in a cheap quote asset."""
    market = Market()
    for minute in range(3):
        market.trade(minute * MINUTE_US, "4000000000", "90000000000")
    kept = MarketRecord()
    kept.restore(market.record.snapshot())
    history = kept.history("BNBBTC")
    day = history.ticker_24h(MIDNIGHT_US + 3 * MINUTE_US).bar
    assert (day.volume_e8, day.quote_e8) == (3 * 90_000_000_000 * M, 3 * 360_000_000_000_000_000_000 * M)
    assert history.recent_trades(3) == market.history.recent_trades(3)
    assert history.recent_trades(1)[0].quote_e8 == 360_000_000_000_000_000_000 * M


def test_what_a_trade_was_worth_is_kept_also_where_it_was_truncated() -> None:
    market = Market(kept_trades=4)
    for number in range(1, 13):
        market.trade(number * SECOND_US, "0.33", "0.1", worth="0.03")
        known = market.history.trades_from(0, 100)
        assert [trade.quote_e8 for trade in known] == [3 * M // 100] * len(known)
    kept = MarketRecord()
    kept.restore(market.record.snapshot())
    assert kept.history("BNBBTC").trades_from(0, 100) == market.history.trades_from(0, 100)
