"""Each filter: the value it lets pass and the one next to it that it does not."""

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, SYMBOL, D, Floor, limit, spec, terms

from paper_exchange.engine.commands import AddSymbol, Deposit, OpenAccount, Place, SetExchange
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import (
    ExchangeFilter,
    ExchangeMaxNumAlgoOrders,
    ExchangeMaxNumIcebergOrders,
    ExchangeMaxNumOrders,
    IcebergParts,
    LotSize,
    MarketLotSize,
    MaxAsset,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrders,
    MaxPosition,
    MinNotional,
    Notional,
    PercentPrice,
    PercentPriceBySide,
    PriceFilter,
    SymbolFilter,
    TrailingDelta,
)

MARKET = {"type": "MARKET"}
PRICE = PriceFilter(min_price=D(10), max_price=D(1000), tick_size=D("0.5"))
PERCENT = PercentPrice(multiplier_up=D("1.1"), multiplier_down=D("0.9"), avg_price_mins=5)
BY_SIDE = PercentPriceBySide(
    bid_multiplier_up=D("1.1"),
    bid_multiplier_down=D("0.5"),
    ask_multiplier_up=D(2),
    ask_multiplier_down=D("0.9"),
    avg_price_mins=0,
)
LOT = LotSize(min_qty=D("0.1"), max_qty=D(10), step_size=D("0.1"))
MARKET_LOT = MarketLotSize(min_qty=D("0.2"), max_qty=D(5), step_size=D("0.2"))
MIN_NOTIONAL = MinNotional(min_notional=D(100), apply_to_market=True, avg_price_mins=5)
NOTIONAL = Notional(
    min_notional=D(100), apply_min_to_market=True, max_notional=D(500), apply_max_to_market=True, avg_price_mins=5
)
TRAILING = TrailingDelta(
    min_trailing_above_delta=10,
    max_trailing_above_delta=100,
    min_trailing_below_delta=20,
    max_trailing_below_delta=200,
)


def stop(side: str, price: str) -> Terms:
    return terms("STOP_LOSS", side, "1", stop_price=D(price))  # type: ignore[arg-type]


def trailing(side: str, delta: int) -> Terms:
    return terms("STOP_LOSS", side, "1", trailing_delta=delta)  # type: ignore[arg-type]


VALUE_CASES = [
    (PRICE, limit("BUY", "1", "10"), limit("BUY", "1", "9.5")),
    (PRICE, limit("BUY", "1", "1000"), limit("BUY", "1", "1000.5")),
    (PRICE, limit("BUY", "1", "99.5"), limit("BUY", "1", "99.7")),
    (PRICE, stop("SELL", "99.5"), stop("SELL", "99.7")),
    (PERCENT, limit("BUY", "1", "90"), limit("BUY", "1", "89.99")),
    (PERCENT, limit("SELL", "1", "110"), limit("SELL", "1", "110.01")),
    (BY_SIDE, limit("BUY", "1", "50"), limit("BUY", "1", "49.99")),
    (BY_SIDE, limit("BUY", "1", "110"), limit("BUY", "1", "110.01")),
    (BY_SIDE, limit("SELL", "1", "90"), limit("SELL", "1", "89.99")),
    (BY_SIDE, limit("SELL", "1", "200"), limit("SELL", "1", "200.01")),
    (LOT, limit("BUY", "0.1", "100"), limit("BUY", "0", "100")),
    (LOT, limit("BUY", "10", "100"), limit("BUY", "10.1", "100")),
    (LOT, limit("BUY", "1.5", "100"), limit("BUY", "1.55", "100")),
    (LOT, limit("BUY", "5", "100", iceberg_qty=D("0.5")), limit("BUY", "5", "100", iceberg_qty=D("0.55"))),
    (MARKET_LOT, terms("MARKET", "BUY", "0.2"), terms("MARKET", "BUY", "0.1")),
    (MARKET_LOT, terms("MARKET", "BUY", "5"), terms("MARKET", "BUY", "5.2")),
    (MARKET_LOT, terms("MARKET", "BUY", "1"), terms("MARKET", "BUY", "1.1")),
    (MARKET_LOT, limit("BUY", "0.1", "100"), terms("MARKET", "BUY", "0.1")),
    (MIN_NOTIONAL, limit("BUY", "1", "100"), limit("BUY", "1", "99.99")),
    (MIN_NOTIONAL, terms("MARKET", "BUY", "1"), terms("MARKET", "BUY", "0.99")),
    (NOTIONAL, limit("BUY", "1", "100"), limit("BUY", "1", "99.99")),
    (NOTIONAL, limit("BUY", "5", "100"), limit("BUY", "5.01", "100")),
    (NOTIONAL, terms("MARKET", "BUY", "5"), terms("MARKET", "BUY", "5.01")),
    (
        NOTIONAL,
        Terms(side="BUY", type="MARKET", quote_order_qty=D(100)),
        Terms(side="BUY", type="MARKET", quote_order_qty=D(99)),
    ),
    (
        IcebergParts(limit=10),
        limit("BUY", "10", "100", iceberg_qty=D(1)),
        limit("BUY", "10.1", "100", iceberg_qty=D(1)),
    ),
    (TRAILING, trailing("BUY", 10), trailing("BUY", 9)),
    (TRAILING, trailing("BUY", 100), trailing("BUY", 101)),
    (TRAILING, trailing("SELL", 20), trailing("SELL", 19)),
    (TRAILING, trailing("SELL", 200), trailing("SELL", 201)),
    (MaxPosition(max_position=D(1_000_004)), limit("BUY", "3", "100"), limit("BUY", "3.01", "100")),
]


def floor_with(filter_: SymbolFilter | None, *exchange: ExchangeFilter) -> Floor:
    """A floor whose symbol has one filter and has traded one unit at 100 and shows ten more."""
    floor = Floor(spec(filters=()))
    floor.trade_at("100")
    floor.limit(BOB, "SELL", "10", "100")
    if filter_ is not None:
        floor.do(AddSymbol(spec=spec(filters=(filter_,))))
    floor.do(SetExchange(filters=exchange))
    return floor


@pytest.mark.parametrize(("filter_", "passes", "fails"), VALUE_CASES)
def test_a_filter_lets_its_bound_pass_and_nothing_beyond(filter_: SymbolFilter, passes: Terms, fails: Terms) -> None:
    floor = floor_with(filter_)
    if isinstance(filter_, MaxPosition):
        floor.limit(ALICE, "BUY", "1", "50")
    with pytest.raises(Refusal) as refusal:
        floor.send(ALICE, fails)
    name = type(filter_).__struct_config__.tag
    assert (refusal.value.code, refusal.value.msg) == (-1013, f"Filter failure: {name}")
    floor.send(ALICE, passes)


@pytest.mark.parametrize(
    ("filter_", "order"),
    [
        (MaxNumOrders(max_num_orders=2), limit("BUY", "1", "50")),
        (MaxNumAlgoOrders(max_num_algo_orders=2), stop("SELL", "50")),
        (MaxNumIcebergOrders(max_num_iceberg_orders=2), limit("BUY", "2", "50", iceberg_qty=D(1))),
        (ExchangeMaxNumOrders(max_num_orders=2), limit("BUY", "1", "50")),
        (ExchangeMaxNumAlgoOrders(max_num_algo_orders=2), stop("SELL", "50")),
        (ExchangeMaxNumIcebergOrders(max_num_iceberg_orders=2), limit("BUY", "2", "50", iceberg_qty=D(1))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_account_may_have_only_so_much_open(filter_: SymbolFilter | ExchangeFilter, order: Terms) -> None:
    floor = floor_with(None, filter_) if isinstance(filter_, ExchangeFilter) else floor_with(filter_)
    first = floor.place(ALICE, order).order
    floor.send(ALICE, order)
    with pytest.raises(Refusal, match=f"Filter failure: {type(filter_).__struct_config__.tag}"):
        floor.send(ALICE, order)
    floor.cancel(first)
    floor.send(ALICE, order)


@pytest.mark.parametrize(("asset", "bound"), [("BTC", "2"), ("USDT", "200")])
def test_an_account_may_have_a_bound_on_what_one_order_moves(asset: str, bound: str) -> None:
    floor = floor_with(None)
    floor.do(OpenAccount(account=ALICE, max_assets=(MaxAsset(asset=asset, limit=D(bound)),)))
    floor.send(ALICE, limit("BUY", "2", "100"))
    with pytest.raises(Refusal, match="Filter failure: MAX_ASSET"):
        floor.send(ALICE, limit("BUY", "2.1", "100"))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (limit("BUY", "0.000000001", "100"), "Parameter 'quantity' has too much precision."),
        (limit("BUY", "1", "0.000000001"), "Parameter 'price' has too much precision."),
        (limit("BUY", "0.00000001", "0.00000001"), "Price * QTY is zero or less."),
    ],
)
def test_without_filters_amounts_still_keep_the_precision_of_their_asset(order: Terms, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        Floor(spec(filters=())).send(ALICE, order)
    assert refusal.value.msg == message


def test_a_test_order_meets_the_filters_but_not_the_funds(floor: Floor) -> None:
    before = floor.engine.snapshot()
    floor.engine.check(Place(account=ALICE, symbol=SYMBOL, order=limit("BUY", "9000", "1000")), now_us=floor.now_us)
    with pytest.raises(Refusal, match="Filter failure: LOT_SIZE"):
        floor.engine.check(Place(account=ALICE, symbol=SYMBOL, order=limit("BUY", "9001", "1")), now_us=floor.now_us)
    assert floor.engine.snapshot() == before


def test_percent_price_measures_against_the_average_of_its_window(floor: Floor) -> None:
    floor = Floor(spec(filters=(PERCENT,)))
    floor.trade_at("100")
    floor.now_us += 4 * 60_000_000
    floor.trade_at("109")
    with pytest.raises(Refusal, match="PERCENT_PRICE"):
        floor.send(ALICE, limit("BUY", "1", "116"))
    floor.now_us += 2 * 60_000_000
    floor.send(ALICE, limit("BUY", "1", "116"))


def test_deposits_keep_the_smallest_unit(floor: Floor) -> None:
    with pytest.raises(Refusal):
        floor.do(Deposit(account=ALICE, asset="BTC", amount=D("0.000000001")))
