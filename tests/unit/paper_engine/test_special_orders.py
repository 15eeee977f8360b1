"""Icebergs, pegged orders, the price range rule and the reference price it needs."""

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, CAROL, SYMBOL, D, Floor, limit, spec, terms

from paper_exchange.engine.commands import SetReferencePrice
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import PercentPrice, PriceFilter, PriceRange, ReferencePriceRule

EXTERNAL = ReferencePriceRule(calculation_type="EXTERNAL", external_calculation_id=2)
DOUBLE_OR_HALF = PriceRange(
    bid_limit_mult_up=D(2), bid_limit_mult_down=D("0.5"), ask_limit_mult_up=D(2), ask_limit_mult_down=D("0.5")
)


def test_an_iceberg_shows_one_slice_and_queues_again_with_each_next_one(floor: Floor) -> None:
    iceberg = floor.limit(BOB, "SELL", "5", "100", iceberg_qty=D(2))
    other = floor.limit(CAROL, "SELL", "1", "100")
    assert floor.book()[1] == [("100", "3")]
    floor.limit(ALICE, "BUY", "2.5", "100")
    assert (floor.now(iceberg).executed, floor.now(other).executed) == (D(2), D("0.5"))
    assert floor.book()[1] == [("100", "2.5")]
    floor.limit(ALICE, "BUY", "1", "100")
    assert (floor.now(iceberg).executed, floor.now(other).status) == (D("2.5"), "FILLED")


def test_one_order_may_eat_an_iceberg_whole_slice_by_slice(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "5", "100", iceberg_qty=D(2))
    placed = floor.place(ALICE, limit("BUY", "6", "100"))
    assert [fill.quantity for fill in placed.fills] == [2, 2, 1]
    assert floor.book() == ([("100", "1")], [])


def test_a_snapshot_keeps_the_queue_of_an_iceberg(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "5", "100", iceberg_qty=D(2))
    floor.limit(CAROL, "SELL", "1", "100")
    floor.limit(ALICE, "BUY", "2", "100")
    copy = Floor()
    copy.engine, copy.now_us = type(floor.engine).restore(floor.engine.snapshot()), floor.now_us
    for each in (floor, copy):
        each.limit(ALICE, "BUY", "1.5", "100")
    assert copy.engine.snapshot() == floor.engine.snapshot()


@pytest.mark.parametrize(
    ("peg", "offset", "price"),
    [("PRIMARY_PEG", None, "99"), ("PRIMARY_PEG", 1, "98"), ("MARKET_PEG", 1, "102")],
)
def test_a_pegged_order_takes_its_price_from_the_book(floor: Floor, peg: str, offset: int | None, price: str) -> None:
    for side, prices in (("BUY", ("99", "98")), ("SELL", ("101", "102"))):
        for each in prices:
            floor.limit(BOB, side, "1", each)  # type: ignore[arg-type]
    order = floor.place(
        ALICE,
        terms(
            "LIMIT",
            "BUY",
            "3",
            time_in_force="GTC",
            peg_price_type=peg,
            peg_offset_type=None if offset is None else "PRICE_LEVEL",
            peg_offset_value=offset,
        ),
    ).order
    assert (order.pegged_price, order.terms.price) == (D(price), None)
    assert floor.now(order).executed == (2 if peg == "MARKET_PEG" else 0)


def test_a_peg_to_a_level_that_is_not_there_is_refused(floor: Floor) -> None:
    floor.limit(BOB, "BUY", "1", "99")
    with pytest.raises(Refusal) as refusal:
        floor.place(ALICE, terms("LIMIT_MAKER", "BUY", "1", peg_price_type="PRIMARY_PEG", peg_offset_value=1))
    assert (refusal.value.code, refusal.value.msg) == (-2010, "Order book liquidity is too low for this pegged order.")


def test_a_pegged_price_must_pass_the_filters() -> None:
    floor = Floor(spec(filters=()))
    floor.limit(BOB, "BUY", "1", "99")
    coarse = PriceFilter(min_price=D(0), max_price=D(0), tick_size=D(10))
    floor.do_set(spec(filters=(coarse,)))
    with pytest.raises(Refusal, match="PRICE_FILTER"):
        floor.place(ALICE, terms("LIMIT_MAKER", "BUY", "1", peg_price_type="PRIMARY_PEG"))


def test_a_pegged_stop_limit_takes_its_price_when_it_fires(floor: Floor) -> None:
    floor.trade_at("100")
    order = floor.place(
        ALICE,
        terms("STOP_LOSS_LIMIT", "SELL", "1", stop_price=D(90), time_in_force="GTC", peg_price_type="PRIMARY_PEG"),
    ).order
    assert order.pegged_price is None
    floor.limit(BOB, "SELL", "1", "95")
    floor.trade_at("90")
    assert floor.now(order).pegged_price == 95


def test_a_pegged_stop_limit_without_a_level_expires_as_rejected(floor: Floor) -> None:
    floor.trade_at("100")
    order = floor.place(
        ALICE,
        terms("STOP_LOSS_LIMIT", "SELL", "1", stop_price=D(90), time_in_force="GTC", peg_price_type="PRIMARY_PEG"),
    ).order
    floor.trade_at("90")
    assert (floor.now(order).status, floor.now(order).expiry_reason) == ("EXPIRED", "REJECTED")
    assert floor.engine.balance(ALICE, "BTC").locked == 0


def ranged(rule: PriceRange = DOUBLE_OR_HALF) -> Floor:
    """The documented example: reference price 10, executions between 5 and 20."""
    floor = Floor(spec(filters=(), execution_rules=(rule,), reference_price=EXTERNAL))
    floor.do(SetReferencePrice(symbol=SYMBOL, price=D(10)))
    return floor


def test_a_taker_trades_up_to_the_price_range_and_expires_there() -> None:
    floor = ranged()
    floor.limit(BOB, "SELL", "1", "20")
    floor.limit(BOB, "SELL", "1", "20.01")
    order = floor.limit(ALICE, "BUY", "2", "30")
    assert (order.status, order.executed) == ("EXPIRED", D(1))
    assert order.expiry_reason == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    assert floor.engine.balance(ALICE, "USDT").locked == 0


def test_without_a_multiplier_or_a_reference_price_the_range_is_open() -> None:
    floor = ranged(PriceRange(bid_limit_mult_down=D("0.5")))
    floor.limit(BOB, "SELL", "1", "100")
    assert floor.limit(ALICE, "BUY", "1", "100").status == "FILLED"
    floor = ranged()
    floor.do(SetReferencePrice(symbol=SYMBOL, price=None))
    floor.limit(BOB, "SELL", "1", "100")
    assert floor.limit(ALICE, "BUY", "1", "100").status == "FILLED"


def test_an_order_that_rests_outside_the_range_may_be_placed() -> None:
    assert ranged().limit(ALICE, "SELL", "1", "100").status == "NEW"


def test_filters_prefer_the_reference_price() -> None:
    percent = PercentPrice(multiplier_up=D("1.1"), multiplier_down=D("0.9"), avg_price_mins=5)
    floor = Floor(spec(filters=(percent,), reference_price=EXTERNAL))
    floor.trade_at("100")
    floor.do(SetReferencePrice(symbol=SYMBOL, price=D(200)))
    floor.limit(ALICE, "BUY", "1", "200")
    with pytest.raises(Refusal, match="PERCENT_PRICE"):
        floor.limit(ALICE, "BUY", "1", "100")


def test_a_symbol_that_never_had_a_reference_price_says_so(floor: Floor) -> None:
    for each in (floor, Floor(spec(reference_price=EXTERNAL))):
        with pytest.raises(Refusal) as refusal:
            each.engine.reference_price(SYMBOL, now_us=each.now_us)
        assert refusal.value.code == -2043
    unset = ranged()
    unset.do(SetReferencePrice(symbol=SYMBOL, price=None))
    assert unset.engine.reference_price(SYMBOL, now_us=unset.now_us) is None


def test_the_moving_average_prorates_its_oldest_bucket() -> None:
    rule = ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=2, bucket_width_ms=1000)
    floor = Floor(spec(filters=(), reference_price=rule))
    start = 1_700_000_010_000_000
    for offset_us, price in ((0, "10"), (1_000_000, "20"), (2_000_000, "40")):
        floor.now_us = start + offset_us - 2000
        floor.trade_at(price)
    at = floor.engine.reference_price
    assert at(SYMBOL, now_us=start + 2_000_000) == D("23.33333333")
    assert at(SYMBOL, now_us=start + 2_500_000) == D(26)
    assert at(SYMBOL, now_us=start + 3_000_000) == D(30)
    assert at(SYMBOL, now_us=start + 5_000_000) is None
