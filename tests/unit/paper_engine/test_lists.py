"""Order lists: how they are placed, and what one member's fate means for the others."""

from typing import Any

import pytest
from tests.unit.paper_engine.exchange_floor import (
    ALICE,
    BOB,
    CAROL,
    SYMBOL,
    TENTH_PERCENT,
    D,
    Floor,
    events,
    limit,
    spec,
    terms,
)

from paper_exchange.engine.commands import (
    CancelList,
    CancelOrder,
    Deposit,
    OpenAccount,
    PlaceList,
    SetExchange,
    Withdraw,
)
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import CancelledList, ListStatus, OrderReport, PlacedList, Result
from paper_exchange.engine.orders import Order, Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import ExchangeMaxNumOrderLists, MaxNumOrderLists
from paper_exchange.engine.words import ListKind, OrderType, Side


@pytest.fixture
def floor() -> Floor:
    """A floor that last traded at 100."""
    floor = Floor()
    floor.trade_at("100")
    return floor


def maker(side: Side, price: str, quantity: str = "1", **more: Any) -> Terms:
    return terms("LIMIT_MAKER", side, quantity, price=D(price), **more)


def stop_loss(side: Side, price: str, quantity: str = "1", **more: Any) -> Terms:
    return terms("STOP_LOSS", side, quantity, stop_price=D(price), **more)


def take_profit(side: Side, price: str, quantity: str = "1") -> Terms:
    return terms("TAKE_PROFIT", side, quantity, stop_price=D(price))


def send(floor: Floor, kind: ListKind, *orders: Terms, account: int = ALICE, name: str | None = None) -> Result:
    return floor.do(PlaceList(account=account, symbol=SYMBOL, kind=kind, orders=orders, list_client_order_id=name))


def place(floor: Floor, kind: ListKind, *orders: Terms) -> list[Order]:
    reply = send(floor, kind, *orders).reply
    assert isinstance(reply, PlacedList)
    return [report.order for report in reply.reports]


def sell_oco(floor: Floor) -> list[Order]:
    """Stop at 90 (first), profit at 110 (second)."""
    return place(floor, "OCO", maker("SELL", "110"), stop_loss("SELL", "90"))


def state(floor: Floor, order: Order) -> tuple[str, str]:
    now = floor.now(order)
    return now.status, now.expiry_reason


def list_is_open(floor: Floor, order: Order) -> bool:
    return floor.engine.order_list(ALICE, list_id=order.list_id).is_open


# OCO


def test_an_oco_is_answered_stop_first_and_locks_the_funds_of_one(floor: Floor) -> None:
    result = send(floor, "OCO", maker("SELL", "110"), stop_loss("SELL", "90"), name="pair")
    reply = result.reply
    assert isinstance(reply, PlacedList)
    assert [report.order.type for report in reply.reports] == ["STOP_LOSS", "LIMIT_MAKER"]
    assert [report.order.working_us for report in reply.reports] == [-1, floor.now_us]
    assert (reply.order_list.contingency, reply.order_list.client_order_id) == ("OCO", "pair")
    (status,) = events(result, ListStatus)
    assert (status.status_type, status.order_status) == ("EXEC_STARTED", "EXECUTING")
    assert floor.engine.balance(ALICE, "BTC").locked == 1
    assert floor.engine.open_counts(ALICE, SYMBOL).orders == 2


def test_a_fill_of_the_limit_leg_expires_the_stop(floor: Floor) -> None:
    stop, profit = place(floor, "OCO", maker("SELL", "110", "2"), stop_loss("SELL", "90", "2"))
    floor.limit(BOB, "BUY", "1", "110")
    assert state(floor, profit) == ("PARTIALLY_FILLED", "NONE")
    assert state(floor, stop) == ("EXPIRED", "OCO_TRIGGER")
    assert list_is_open(floor, profit)
    result = floor.send(BOB, limit("BUY", "1", "110"))
    assert [each.status_type for each in events(result, ListStatus)] == ["ALL_DONE"]
    assert not list_is_open(floor, profit)
    assert floor.engine.balance(ALICE, "BTC").locked == 0


def test_a_triggered_stop_first_expires_the_limit_leg(floor: Floor) -> None:
    stop, profit = sell_oco(floor)
    floor.limit(CAROL, "BUY", "1", "89")
    floor.limit(BOB, "SELL", "1", "90")
    result = floor.send(CAROL, limit("BUY", "1", "90"))
    mine = [each for each in events(result, OrderReport) if each.order.account == ALICE]
    assert [(each.order.order_id, each.execution_type) for each in mine] == [
        (profit.order_id, "EXPIRED"),
        (stop.order_id, "NEW"),
        (stop.order_id, "TRADE"),
    ]
    assert state(floor, profit) == ("EXPIRED", "OCO_TRIGGER")
    assert floor.now(stop).status == "FILLED"
    assert floor.book() == ([], [])


def test_a_buy_oco_locks_what_its_dearer_leg_needs(floor: Floor) -> None:
    stop, profit = place(floor, "OCO", stop_loss("BUY", "120"), maker("BUY", "80"))
    assert [stop.type, profit.type] == ["STOP_LOSS", "LIMIT_MAKER"]
    assert floor.engine.balance(ALICE, "USDT").locked == 120
    floor.limit(BOB, "SELL", "0.5", "80")
    assert floor.engine.balance(ALICE, "USDT").locked == 40


def test_two_contingent_legs_may_make_an_oco(floor: Floor) -> None:
    stop, profit = place(floor, "OCO", take_profit("SELL", "110"), stop_loss("SELL", "90"))
    floor.limit(CAROL, "BUY", "1", "99")
    floor.trade_at("110")
    assert (floor.now(profit).status, floor.now(profit).executed_quote) == ("FILLED", D(99))
    assert state(floor, stop) == ("EXPIRED", "OCO_TRIGGER")


@pytest.mark.parametrize("by", ["stop", "limit", "list id", "list name"])
def test_cancelling_any_member_cancels_the_list(floor: Floor, by: str) -> None:
    legs = sell_oco(floor)
    order_list = floor.engine.order_list(ALICE, list_id=legs[0].list_id)
    names: dict[str, Any] = {
        "stop": CancelOrder(account=ALICE, symbol=SYMBOL, order_id=legs[0].order_id),
        "limit": CancelOrder(account=ALICE, symbol=SYMBOL, order_id=legs[1].order_id),
        "list id": CancelList(account=ALICE, symbol=SYMBOL, list_id=order_list.list_id),
        "list name": CancelList(account=ALICE, symbol=SYMBOL, list_client_order_id=order_list.client_order_id),
    }
    result = floor.do(names[by])
    reply = result.reply
    assert isinstance(reply, CancelledList)
    assert [each.order.status for each in reply.reports] == ["CANCELED", "CANCELED"]
    assert reply.named == (1 if by == "limit" else 0)
    assert (reply.order_list.status_type, reply.order_list.order_status) == ("ALL_DONE", "ALL_DONE")
    assert [each.status_type for each in events(result, ListStatus)] == ["ALL_DONE"]
    assert floor.engine.balance(ALICE, "BTC").locked == 0
    assert floor.engine.open_order_lists(ALICE) == []


def test_a_list_that_is_not_open_cannot_be_cancelled(floor: Floor) -> None:
    for ids in ({"list_id": 7}, {"list_client_order_id": "none"}, {}):
        with pytest.raises(Refusal) as refusal:
            floor.do(CancelList(account=ALICE, symbol=SYMBOL, **ids))
        assert refusal.value.code == -2011


@pytest.mark.parametrize(
    ("above", "below", "code", "message"),
    [
        (limit("SELL", "1", "110"), stop_loss("SELL", "90"), -1158, "Order type not supported in OCO."),
        (maker("SELL", "110"), maker("SELL", "90"), -1168, "At least one OCO order must be contingent."),
        (stop_loss("BUY", "110"), stop_loss("BUY", "90"), -1196, "A stop loss order in a buy OCO must be above."),
        (stop_loss("SELL", "110"), stop_loss("SELL", "90"), -1197, "A stop loss order in a sell OCO must be below."),
        (
            take_profit("BUY", "110"),
            take_profit("BUY", "90"),
            -1198,
            "A take profit order in a buy OCO must be below.",
        ),
        (
            take_profit("SELL", "110"),
            take_profit("SELL", "90"),
            -1199,
            "A take profit order in a sell OCO must be above.",
        ),
        (maker("BUY", "110"), take_profit("BUY", "90"), -1165, "A limit order in a buy OCO must be below."),
        (take_profit("SELL", "110"), maker("SELL", "90"), -1166, "A limit order in a sell OCO must be above."),
        (
            maker("SELL", "100"),
            stop_loss("SELL", "90"),
            -2010,
            "The relationship of the prices for the orders is not correct.",
        ),
        (
            maker("SELL", "110"),
            stop_loss("SELL", "100"),
            -2010,
            "The relationship of the prices for the orders is not correct.",
        ),
        (
            stop_loss("BUY", "100"),
            maker("BUY", "90"),
            -2010,
            "The relationship of the prices for the orders is not correct.",
        ),
    ],
)
def test_legs_that_make_no_oco_are_refused(floor: Floor, above: Terms, below: Terms, code: int, message: str) -> None:
    before = floor.engine.snapshot()
    with pytest.raises(Refusal) as refusal:
        send(floor, "OCO", above, below)
    assert (refusal.value.code, refusal.value.msg) == (code, message)
    assert floor.engine.snapshot() == before


@pytest.mark.parametrize(
    ("rules", "kind", "message"),
    [
        ({"oco_allowed": False}, "OCO", "OCO orders are not supported for this symbol"),
        ({"oco_allowed": False}, "OTOCO", "OCO orders are not supported for this symbol"),
        ({"oto_allowed": False}, "OTO", "OTO orders are not supported for this symbol."),
        ({"opo_allowed": False}, "OPO", "OPO orders are not supported for this symbol."),
    ],
)
def test_a_symbol_may_not_take_a_kind_of_list(rules: dict[str, Any], kind: ListKind, message: str) -> None:
    orders: dict[ListKind, list[Terms]] = {
        "OCO": [maker("SELL", "110"), stop_loss("SELL", "90")],
        "OTO": [limit("BUY", "1", "100"), maker("SELL", "110")],
        "OPO": [limit("BUY", "1", "100"), Terms(side="SELL", type="LIMIT_MAKER", price=D(110))],
        "OTOCO": [limit("BUY", "1", "100"), maker("SELL", "110"), stop_loss("SELL", "90")],
    }
    with pytest.raises(Refusal) as refusal:
        send(Floor(spec(**rules)), kind, *orders[kind])
    assert (refusal.value.code, refusal.value.msg) == (-1013, message)


def test_list_names_and_member_names_are_unique_while_open(floor: Floor) -> None:
    send(floor, "OCO", maker("SELL", "110", client_order_id="a"), stop_loss("SELL", "90"), name="pair")
    for above, below, name in (
        (maker("SELL", "110"), stop_loss("SELL", "90"), "pair"),
        (maker("SELL", "110", client_order_id="a"), stop_loss("SELL", "90"), "other"),
        (maker("SELL", "110", client_order_id="b"), stop_loss("SELL", "90", client_order_id="b"), "other"),
    ):
        with pytest.raises(Refusal, match="Duplicate order sent"):
            send(floor, "OCO", above, below, name=name)


@pytest.mark.parametrize("scope", ["", "EXCHANGE_"], ids=["symbol", "exchange"])
def test_a_list_counts_whole_for_the_limits_of_open_lists(scope: str) -> None:
    floor = Floor(spec(filters=() if scope else (MaxNumOrderLists(max_num_order_lists=1),)))
    if scope:
        floor.do(SetExchange(filters=(ExchangeMaxNumOrderLists(max_num_order_lists=1),)))
    floor.trade_at("100")
    legs = sell_oco(floor)
    with pytest.raises(Refusal, match=f"Filter failure: {scope}MAX_NUM_ORDER_LISTS"):
        sell_oco(floor)
    floor.cancel(legs[0])
    sell_oco(floor)


# OTO and OTOCO


def test_a_pending_order_waits_for_the_whole_fill_of_the_working_order(floor: Floor) -> None:
    working, pending = place(floor, "OTO", limit("BUY", "2", "90"), limit("SELL", "2", "110"))
    assert (pending.status, pending.working_us, pending.is_working) == ("PENDING_NEW", -1, False)
    assert floor.engine.balance(ALICE, "BTC").locked == 0
    floor.limit(BOB, "SELL", "1", "90")
    assert floor.now(pending).status == "PENDING_NEW"
    floor.limit(BOB, "SELL", "1", "90")
    assert (floor.now(working).status, floor.now(pending).status) == ("FILLED", "NEW")
    assert floor.now(pending).working_us == floor.now_us
    assert floor.engine.balance(ALICE, "BTC").locked == 2
    floor.limit(BOB, "BUY", "2", "110")
    assert not list_is_open(floor, working)


def test_a_working_order_that_fills_at_once_still_shows_its_pending_order_waiting(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    working, pending = place(floor, "OTO", limit("BUY", "1", "100"), limit("SELL", "1", "110"))
    assert (working.status, pending.status) == ("FILLED", "PENDING_NEW")
    assert floor.now(pending).status == "NEW"


def test_a_working_order_that_expires_takes_its_pending_orders_with_it(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    working, stop, profit = place(
        floor, "OTOCO", limit("BUY", "2", "100", "IOC"), maker("SELL", "110"), stop_loss("SELL", "90")
    )
    assert state(floor, working) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert state(floor, stop) == state(floor, profit) == ("EXPIRED", "OTO_PHASE_ONE_EXPIRED")
    assert not list_is_open(floor, working)


def test_a_cancelled_working_order_cancels_its_pending_orders(floor: Floor) -> None:
    orders = place(floor, "OTOCO", limit("BUY", "1", "90"), maker("SELL", "110"), stop_loss("SELL", "80"))
    floor.cancel(orders[2])
    assert {floor.now(order).status for order in orders} == {"CANCELED"}


def test_a_released_pair_is_an_oco(floor: Floor) -> None:
    working, stop, profit = place(floor, "OTOCO", limit("BUY", "1", "90"), maker("SELL", "95"), stop_loss("SELL", "80"))
    assert [order.order_id for order in (working, stop, profit)] == [3, 4, 5]
    floor.limit(BOB, "SELL", "1", "90")
    assert floor.engine.balance(ALICE, "BTC").locked == 1
    floor.limit(BOB, "BUY", "1", "95")
    assert (floor.now(profit).status, state(floor, stop)) == ("FILLED", ("EXPIRED", "OCO_TRIGGER"))
    assert not list_is_open(floor, working)


def test_what_the_market_does_not_allow_at_release_expires_as_rejected(floor: Floor) -> None:
    working, stop, profit = place(floor, "OTOCO", limit("BUY", "1", "90"), maker("SELL", "95"), stop_loss("SELL", "91"))
    floor.limit(BOB, "SELL", "1", "90")
    assert floor.now(working).status == "FILLED"
    assert state(floor, stop) == ("EXPIRED", "REJECTED")
    assert state(floor, profit) == ("EXPIRED", "OCO_TRIGGER")
    assert not list_is_open(floor, working)


def test_a_pending_order_without_funds_at_release_expires_as_rejected(floor: Floor) -> None:
    _, pending = place(floor, "OTO", limit("BUY", "1", "90"), limit("SELL", "2", "110"))
    floor.do(Withdraw(account=ALICE, asset="BTC", amount=D(1_000_000)))
    floor.limit(BOB, "SELL", "1", "90")
    assert state(floor, pending) == ("EXPIRED", "REJECTED")


def test_a_pending_market_order_trades_when_released(floor: Floor) -> None:
    floor.limit(CAROL, "BUY", "1", "80")
    _, pending = place(floor, "OTO", limit("BUY", "1", "90"), terms("MARKET", "SELL", "1"))
    floor.limit(BOB, "SELL", "1", "90")
    assert (floor.now(pending).status, floor.now(pending).executed_quote) == ("FILLED", D(80))


# OPO and OPOCO


def pays(type_: OrderType, **more: Any) -> Terms:
    return Terms(side="SELL", type=type_, **more)


@pytest.mark.parametrize(
    ("commission", "free_base", "sold", "left"),
    [
        (TENTH_PERCENT, "0", "1.998", "0"),
        (TENTH_PERCENT, "1", "2", "0.998"),
    ],
    ids=["commission comes off what was received", "or out of other free funds"],
)
def test_an_opo_sells_what_its_working_order_received(commission: Any, free_base: str, sold: str, left: str) -> None:
    floor = Floor(spec(commission=commission))
    floor.trade_at("100")
    floor.do(Withdraw(account=ALICE, asset="BTC", amount=floor.engine.balance(ALICE, "BTC").free - D(free_base)))
    _, pending = place(floor, "OPO", limit("BUY", "2", "90"), pays("LIMIT_MAKER", price=D(110)))
    floor.limit(BOB, "SELL", "1", "90")
    assert floor.engine.balance(ALICE, "BTC").locked == D(sold) / 2
    floor.limit(BOB, "SELL", "1", "90")
    assert (floor.now(pending).status, floor.now(pending).quantity) == ("NEW", D(sold))
    assert floor.engine.balance(ALICE, "BTC") == ("BTC", D(left), D(sold))


def test_what_an_opo_received_is_free_again_when_it_is_cancelled(floor: Floor) -> None:
    working, _ = place(floor, "OPO", limit("BUY", "2", "90"), pays("MARKET"))
    floor.limit(BOB, "SELL", "1", "90")
    assert floor.engine.balance(ALICE, "BTC").locked == 1
    floor.cancel(working)
    assert floor.engine.balance(ALICE, "BTC") == ("BTC", D(1_000_001), D(0))


def test_an_opo_whose_proceeds_are_too_small_to_sell_expires_as_rejected(floor: Floor) -> None:
    _, pending = place(floor, "OPO", limit("BUY", "0.1", "90"), pays("LIMIT_MAKER", price=D("49")))
    floor.limit(BOB, "SELL", "0.1", "90")
    assert state(floor, pending) == ("EXPIRED", "REJECTED")
    assert floor.engine.balance(ALICE, "BTC").locked == 0


def test_both_legs_of_an_opoco_take_the_proceeds(floor: Floor) -> None:
    orders = place(
        floor, "OPOCO", limit("BUY", "2", "90"), pays("LIMIT_MAKER", price=D(95)), pays("STOP_LOSS", stop_price=D(80))
    )
    floor.limit(BOB, "SELL", "2", "90")
    assert [floor.now(order).quantity for order in orders] == [2, 2, 2]
    assert floor.engine.balance(ALICE, "BTC").locked == 2


@pytest.mark.parametrize(
    ("working", "pending", "code"),
    [
        (limit("SELL", "1", "110"), pays("LIMIT_MAKER", price=D(110)), -1222),
        (limit("BUY", "1", "90"), Terms(side="BUY", type="LIMIT_MAKER", price=D(90)), -1223),
    ],
)
def test_an_opo_buys_first_and_sells_then(floor: Floor, working: Terms, pending: Terms, code: int) -> None:
    with pytest.raises(Refusal) as refusal:
        send(floor, "OPO", working, pending)
    assert refusal.value.code == code


def test_a_snapshot_between_the_stages_of_a_list_goes_on_the_same(floor: Floor) -> None:
    place(floor, "OTOCO", limit("BUY", "1", "90"), maker("SELL", "95"), stop_loss("SELL", "80"))
    sell_oco(floor)
    place(floor, "OPO", limit("BUY", "2", "89"), pays("MARKET"))
    copy = Floor()
    copy.engine, copy.now_us = Engine.restore(floor.engine.snapshot()), floor.now_us
    for each in (floor, copy):
        each.limit(BOB, "SELL", "2", "89")
        each.limit(CAROL, "BUY", "1", "95")
    assert copy.engine.snapshot() == floor.engine.snapshot()


def test_an_account_without_history_keeps_no_closed_list(floor: Floor) -> None:
    floor.do(OpenAccount(account=9, keeps_history=False))
    floor.do(Deposit(account=9, asset="BTC", amount=D(1)))
    reply = send(floor, "OCO", maker("SELL", "110"), stop_loss("SELL", "90"), account=9).reply
    assert isinstance(reply, PlacedList)
    floor.limit(BOB, "BUY", "1", "110")
    with pytest.raises(Refusal):
        floor.engine.order_list(9, list_id=reply.order_list.list_id)
