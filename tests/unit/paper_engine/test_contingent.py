"""Orders that wait for a price: stops, take profits, trailing stops."""

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, CAROL, SYMBOL, D, Floor, events, limit, spec, terms

from paper_exchange.engine.commands import Withdraw
from paper_exchange.engine.events import OrderReport
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.words import OrderType, Side


def stop(type_: OrderType, side: Side, price: str, **more: object) -> Terms:
    return terms(type_, side, "1", stop_price=D(price), **more)


@pytest.fixture
def floor() -> Floor:
    """A floor that last traded at 100, with room on both sides of the book."""
    floor = Floor()
    floor.trade_at("100")
    floor.limit(BOB, "BUY", "50", "1")
    floor.limit(BOB, "SELL", "50", "1000")
    return floor


@pytest.mark.parametrize(
    ("type_", "side", "price", "near_miss"),
    [
        ("STOP_LOSS", "BUY", "110", "109.99"),
        ("STOP_LOSS", "SELL", "90", "90.01"),
        ("TAKE_PROFIT", "BUY", "90", "90.01"),
        ("TAKE_PROFIT", "SELL", "110", "109.99"),
    ],
)
def test_a_stop_fires_when_a_trade_reaches_its_price_and_not_before(
    floor: Floor, type_: OrderType, side: Side, price: str, near_miss: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        floor.place(ALICE, stop(type_, side, "100"))
    assert (refusal.value.code, refusal.value.msg) == (-2010, "Order would trigger immediately.")
    order = floor.place(ALICE, stop(type_, side, price)).order
    assert (order.status, order.is_working, order.working_us) == ("NEW", False, -1)
    floor.trade_at(near_miss)
    assert not floor.now(order).is_working
    floor.trade_at(price)
    assert (floor.now(order).status, floor.now(order).working_us) == ("FILLED", floor.now_us)


def test_a_triggered_stop_limit_rests_at_its_limit(floor: Floor) -> None:
    order = floor.place(
        ALICE, terms("STOP_LOSS_LIMIT", "SELL", "1", stop_price=D(90), price=D(95), time_in_force="GTC")
    ).order
    floor.trade_at("90")
    assert (floor.now(order).status, floor.now(order).is_working) == ("NEW", True)
    assert ("95", "1") in floor.book()[1]
    assert floor.engine.balance(ALICE, "BTC").locked == 1


def test_a_triggered_order_reports_that_it_works_now(floor: Floor) -> None:
    order = floor.place(ALICE, stop("STOP_LOSS", "SELL", "90")).order
    floor.limit(BOB, "SELL", "1", "90")
    reports = [
        report
        for report in events(floor.send(CAROL, limit("BUY", "1", "90")), OrderReport)
        if report.order.order_id == order.order_id
    ]
    assert [(report.execution_type, report.on_book) for report in reports] == [("NEW", True), ("TRADE", False)]


def test_stops_fire_nearest_first_and_may_set_off_each_other(floor: Floor) -> None:
    far = floor.place(ALICE, stop("STOP_LOSS", "SELL", "80")).order
    near = floor.place(ALICE, stop("STOP_LOSS", "SELL", "90")).order
    floor.limit(BOB, "BUY", "1", "79")
    floor.trade_at("90")
    assert floor.now(near).executed_quote == 79
    assert (floor.now(far).status, floor.now(far).executed_quote) == ("FILLED", D(1))


def test_a_cancelled_stop_does_not_fire(floor: Floor) -> None:
    order = floor.place(ALICE, stop("STOP_LOSS", "SELL", "90")).order
    floor.cancel(order)
    floor.trade_at("90")
    assert floor.now(order).status == "CANCELED"
    assert floor.engine.balance(ALICE, "BTC").locked == 0


def test_a_stop_that_cannot_be_paid_when_it_fires_expires_as_rejected(floor: Floor) -> None:
    order = floor.place(ALICE, stop("STOP_LOSS", "BUY", "110")).order
    floor.do(Withdraw(account=ALICE, asset="USDT", amount=D(1_000_000) - 110))
    floor.trade_at("110")
    assert (floor.now(order).status, floor.now(order).expiry_reason) == ("EXPIRED", "REJECTED")
    assert floor.engine.balance(ALICE, "USDT") == ("USDT", D(110), D(0))


TRACKS: dict[str, tuple[Terms, list[str], str]] = {
    "A": (
        terms("STOP_LOSS_LIMIT", "BUY", "1", stop_price=D(44000), trailing_delta=500, price=D(45000)),
        ["37000", "44000", "45000", "46000", "42000", "44099.99"],
        "44100",
    ),
    "B": (
        terms("STOP_LOSS_LIMIT", "SELL", "1", stop_price=D(39000), trailing_delta=1000, price=D(38000)),
        ["41500", "39000", "37000", "41000", "36900.01"],
        "36900",
    ),
    "C": (
        terms("TAKE_PROFIT_LIMIT", "BUY", "1", stop_price=D(38000), trailing_delta=850, price=D(38500)),
        ["42000", "38000", "37000", "39000", "38000", "40144.99"],
        "40145",
    ),
    "D": (
        terms("TAKE_PROFIT_LIMIT", "SELL", "1", stop_price=D(42000), trailing_delta=750, price=D(41000)),
        ["41500", "39000", "42000", "45000", "44000", "46500", "43012.51"],
        "43012.5",
    ),
    "E": (
        terms("STOP_LOSS_LIMIT", "SELL", "1", trailing_delta=700, price=D(39000)),
        ["42000", "39500", "45500", "42315.01"],
        "42315",
    ),
}


@pytest.mark.parametrize("scenario", TRACKS)
def test_a_trailing_stop_follows_the_documented_scenario(scenario: str) -> None:
    """Source: faqs/trailing-stop-faq.md#trailing-stop-order-scenarios"""
    order_terms, track, fires_at = TRACKS[scenario]
    floor = Floor(spec(filters=()))
    floor.trade_at("40000")
    order = floor.place(ALICE, order_terms).order
    for price in track:
        floor.trade_at(price)
        assert not floor.now(order).is_working, price
    floor.trade_at(fires_at)
    assert floor.now(order).is_working


def test_a_trailing_stop_tells_when_it_began_to_track(floor: Floor) -> None:
    waiting = floor.place(ALICE, stop("STOP_LOSS", "SELL", "90", trailing_delta=100)).order
    at_once = floor.place(ALICE, terms("STOP_LOSS", "SELL", "1", trailing_delta=100)).order
    assert (waiting.trailing_us, at_once.trailing_us) == (-1, floor.now_us)
    floor.trade_at("90")
    assert floor.now(waiting).trailing_us == floor.now_us


def test_a_waiting_order_is_not_on_the_book_but_counts_as_open(floor: Floor) -> None:
    order = floor.place(ALICE, stop("TAKE_PROFIT", "SELL", "110")).order
    assert [each.order_id for each in floor.engine.open_orders(ALICE, SYMBOL)] == [order.order_id]
    assert floor.engine.open_counts(ALICE, SYMBOL).algo_orders == 1
    assert ("110", "1") not in floor.book()[1]


def test_trailing_stops_that_fire_together_fire_by_id(floor: Floor) -> None:
    orders = [floor.place(ALICE, terms("STOP_LOSS", "SELL", "1", trailing_delta=500)).order for _ in range(3)]
    for price in ("80", "79", "78"):
        floor.limit(BOB, "BUY", "1", price)
    floor.trade_at("95")
    assert [floor.now(order).executed_quote for order in orders] == [80, 79, 78]
