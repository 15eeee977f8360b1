"""Orders changed after they were placed: amended in place, or cancelled and replaced."""

from typing import Any

import pytest
from tests.unit.paper_engine.exchange_floor import (
    ALICE,
    BOB,
    CAROL,
    FILTERS,
    SYMBOL,
    D,
    Floor,
    events,
    limit,
    spec,
    terms,
)

from paper_exchange.engine.commands import Amend, CancelReplace, PlaceList, SetSymbolStatus
from paper_exchange.engine.events import (
    Amended,
    Cancelled,
    ListStatus,
    OrderReport,
    Placed,
    PlacedList,
    Refused,
    Replaced,
)
from paper_exchange.engine.orders import Order, Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import MaxNumOrderAmends, MaxNumOrders

# Amendments


def amend(floor: Floor, order: Order, quantity: str, name: str | None = None) -> Amended:
    reply = floor.do(
        Amend(
            account=ALICE,
            symbol=SYMBOL,
            order_id=order.order_id,
            quantity=D(quantity),
            new_client_order_id=name,
        )
    ).reply
    assert isinstance(reply, Amended)
    return reply


def test_an_amended_order_is_smaller_and_keeps_its_place(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "5.5", "100")
    floor.limit(BOB, "BUY", "4", "100")
    reply = amend(floor, order, "5")
    assert (reply.order.quantity, reply.orig_client_order_id) == (D(5), order.client_order_id)
    assert reply.order.client_order_id != order.client_order_id
    assert floor.book() == ([("100", "9.0")], [])
    assert floor.engine.balance(ALICE, "USDT").locked == 500
    floor.limit(CAROL, "SELL", "5", "100")
    assert floor.now(order).status == "FILLED"


def test_an_amendment_is_reported_and_kept(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "5", "100", client_order_id="old")
    result = floor.do(
        Amend(account=ALICE, symbol=SYMBOL, order_id=order.order_id, quantity=D(4), new_client_order_id="new")
    )
    (report,) = events(result, OrderReport)
    assert (report.execution_type, report.client_order_id, report.orig_client_order_id) == ("REPLACED", "new", "old")
    (amendment,) = floor.engine.amendments(ALICE, SYMBOL, order.order_id)
    assert (amendment.orig_quantity, amendment.new_quantity, amendment.execution_id) == (
        D(5),
        D(4),
        report.execution_id,
    )
    assert floor.engine.order(ALICE, SYMBOL, client_order_id="new", now_us=floor.now_us).order_id == order.order_id


def test_the_old_client_id_of_an_amended_order_is_free_again(floor: Floor) -> None:
    amend(floor, floor.limit(ALICE, "BUY", "5", "100", client_order_id="old"), "4", "new")
    with pytest.raises(Refusal, match="Order does not exist"):
        floor.engine.order(ALICE, SYMBOL, client_order_id="old", now_us=floor.now_us)
    with pytest.raises(Refusal, match="Duplicate order sent"):
        floor.limit(ALICE, "BUY", "5", "100", client_order_id="new")
    floor.limit(ALICE, "BUY", "5", "100", client_order_id="old")


def test_an_amendment_may_keep_the_client_id(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "5", "100", client_order_id="mine")
    assert amend(floor, order, "4", "mine").order.client_order_id == "mine"


def test_an_iceberg_shows_less_only_when_less_than_a_slice_is_left(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "10", "100", iceberg_qty=D(2))
    amend(floor, order, "5")
    assert floor.book()[0] == [("100", "2")]
    amend(floor, order, "1.5")
    assert floor.book()[0] == [("100", "1.5")]


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("6", "Order amend (quantity increase) is not supported."),
        ("5", "The requested action would change no state; rejecting"),
        ("1", "The requested action would change no state; rejecting"),
    ],
    ids=["more", "the same", "no more than is filled"],
)
def test_an_amendment_must_lower_what_is_left(floor: Floor, quantity: str, message: str) -> None:
    order = floor.limit(ALICE, "BUY", "5", "100")
    floor.limit(BOB, "SELL", "1", "100")
    before = floor.engine.snapshot()
    with pytest.raises(Refusal) as refusal:
        amend(floor, order, quantity)
    assert (refusal.value.code, refusal.value.msg) == (-2038, message)
    assert floor.engine.snapshot() == before


def test_an_order_may_be_amended_only_so_often() -> None:
    floor = Floor(spec(filters=(*FILTERS, MaxNumOrderAmends(max_num_order_amends=1))))
    order = floor.limit(ALICE, "BUY", "5", "100")
    amend(floor, order, "4")
    with pytest.raises(Refusal) as refusal:
        amend(floor, order, "3")
    assert (refusal.value.code, refusal.value.msg) == (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")


@pytest.mark.parametrize(
    ("quantity", "message"), [("4.0005", "LOT_SIZE"), ("0.04", "NOTIONAL")], ids=["off the step", "worth too little"]
)
def test_an_amended_quantity_must_pass_the_filters(floor: Floor, quantity: str, message: str) -> None:
    order = floor.limit(ALICE, "BUY", "5", "100")
    with pytest.raises(Refusal, match=f"Filter failure: {message}"):
        amend(floor, order, quantity)


def test_a_symbol_may_not_take_amendments() -> None:
    floor = Floor(spec(amend_allowed=False))
    with pytest.raises(Refusal, match="Order amend is not supported for this symbol"):
        amend(floor, floor.limit(ALICE, "BUY", "5", "100"), "4")


def test_amendments_go_on_where_only_cancels_do(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "5", "100")
    floor.do(SetSymbolStatus(symbol=SYMBOL, status="CANCEL_ONLY"))
    assert amend(floor, order, "4").order.quantity == 4
    floor.do(SetSymbolStatus(symbol=SYMBOL, status="HALT"))
    with pytest.raises(Refusal):
        amend(floor, order, "3")


def oco(floor: Floor) -> list[Order]:
    floor.trade_at("100")
    reply = floor.do(
        PlaceList(
            account=ALICE,
            symbol=SYMBOL,
            kind="OCO",
            orders=(
                terms("STOP_LOSS", "BUY", "5", stop_price=D(120)),
                terms("LIMIT_MAKER", "BUY", "5", price=D(90)),
            ),
        )
    ).reply
    assert isinstance(reply, PlacedList)
    return [report.order for report in reply.reports]


@pytest.mark.parametrize("leg", [0, 1], ids=["stop", "limit"])
def test_amending_one_oco_leg_amends_both(floor: Floor, leg: int) -> None:
    legs = oco(floor)
    result = floor.do(Amend(account=ALICE, symbol=SYMBOL, order_id=legs[leg].order_id, quantity=D(4)))
    assert [floor.now(each).quantity for each in legs] == [4, 4]
    assert floor.engine.balance(ALICE, "USDT").locked == 480
    assert isinstance(result.reply, Amended)
    (status,) = events(result, ListStatus)
    assert status.status_type == "UPDATED"
    renamed = floor.now(legs[leg]).client_order_id
    assert result.reply.order_list is not None
    assert renamed in result.reply.order_list.client_order_ids
    floor.limit(BOB, "SELL", "4", "90")
    assert floor.engine.balance(ALICE, "USDT").locked == 0


def test_working_and_pending_orders_are_amended_one_by_one_and_opo_legs_not_before_release(floor: Floor) -> None:
    def send(kind: Any, pending: Terms) -> list[Order]:
        reply = floor.do(
            PlaceList(account=ALICE, symbol=SYMBOL, kind=kind, orders=(limit("BUY", "5", "90"), pending))
        ).reply
        assert isinstance(reply, PlacedList)
        return [report.order for report in reply.reports]

    working, pending = send("OTO", limit("SELL", "3", "110"))
    amend(floor, pending, "2")
    assert (floor.now(working).quantity, floor.now(pending).quantity) == (D(5), D(2))
    working, pending = send("OPO", Terms(side="SELL", type="MARKET"))
    with pytest.raises(Refusal, match="pending OPO order"):
        amend(floor, pending, "2")


# Cancel and replace


def replace(floor: Floor, cancel: int | None, order: Terms, **more: Any) -> Replaced:
    more.setdefault("mode", "STOP_ON_FAILURE")
    reply = floor.do(CancelReplace(account=ALICE, symbol=SYMBOL, order_id=cancel, order=order, **more)).reply
    assert isinstance(reply, Replaced)
    return reply


GOOD = limit("BUY", "1", "50")
TOO_DEAR = limit("BUY", "9000", "1000")


@pytest.mark.parametrize(
    ("mode", "over_quota", "known", "order", "outcome"),
    [
        ("STOP_ON_FAILURE", False, True, GOOD, ("SUCCESS", "SUCCESS", None)),
        ("STOP_ON_FAILURE", False, False, GOOD, ("FAILURE", "NOT_ATTEMPTED", -2022)),
        ("STOP_ON_FAILURE", False, True, TOO_DEAR, ("SUCCESS", "FAILURE", -2021)),
        ("STOP_ON_FAILURE", True, False, GOOD, ("FAILURE", "NOT_ATTEMPTED", -2022)),
        ("STOP_ON_FAILURE", True, True, GOOD, ("SUCCESS", "FAILURE", -2021)),
        ("ALLOW_FAILURE", False, True, GOOD, ("SUCCESS", "SUCCESS", None)),
        ("ALLOW_FAILURE", False, False, TOO_DEAR, ("FAILURE", "FAILURE", -2022)),
        ("ALLOW_FAILURE", False, False, GOOD, ("FAILURE", "SUCCESS", -2021)),
        ("ALLOW_FAILURE", False, True, TOO_DEAR, ("SUCCESS", "FAILURE", -2021)),
        ("ALLOW_FAILURE", True, False, GOOD, ("FAILURE", "FAILURE", -2022)),
        ("ALLOW_FAILURE", True, True, GOOD, ("SUCCESS", "FAILURE", -2021)),
    ],
)
def test_every_documented_outcome_of_cancel_replace(
    floor: Floor, mode: str, *, over_quota: bool, known: bool, order: Terms, outcome: tuple[str, str, int | None]
) -> None:
    old = floor.limit(ALICE, "BUY", "1", "100")
    quota = {"over_quota": "Too many new orders; current limit is 100 orders per 10 SECOND."} if over_quota else {}
    reply = replace(floor, old.order_id if known else 999, order, mode=mode, **quota)
    assert (reply.cancel_result, reply.new_order_result, reply.code) == outcome
    assert isinstance(reply.cancel, Cancelled) == known
    assert (floor.now(old).status == "CANCELED") == known
    if isinstance(reply.new_order, Refused):
        assert reply.new_order.code == (-1015 if over_quota else -2010)


def test_the_new_order_may_take_the_name_of_the_cancelled_one(floor: Floor) -> None:
    old = floor.limit(ALICE, "BUY", "1", "100", client_order_id="mine")
    reply = replace(floor, old.order_id, limit("BUY", "1", "50", client_order_id="mine"), cancel_client_order_id="bye")
    assert isinstance(reply.new_order, Placed)
    assert isinstance(reply.cancel, Cancelled)
    assert (reply.new_order.order.client_order_id, reply.cancel.client_order_id) == ("mine", "bye")


def test_filters_count_the_old_order_still() -> None:
    floor = Floor(spec(filters=(MaxNumOrders(max_num_orders=1),)))
    old = floor.limit(ALICE, "BUY", "1", "100")
    before = floor.engine.snapshot()
    with pytest.raises(Refusal, match="MAX_NUM_ORDERS"):
        replace(floor, old.order_id, GOOD)
    assert floor.engine.snapshot() == before


def test_funds_of_the_old_order_pay_for_the_new_one(floor: Floor) -> None:
    old = floor.limit(ALICE, "BUY", "9000", "111.11")
    reply = replace(floor, old.order_id, limit("BUY", "9000", "111"))
    assert reply.code is None


def test_a_new_order_refused_after_the_cancel_is_reported_as_rejected(floor: Floor) -> None:
    old = floor.limit(ALICE, "BUY", "1", "100")
    result = floor.do(
        CancelReplace(account=ALICE, symbol=SYMBOL, order_id=old.order_id, order=TOO_DEAR, mode="STOP_ON_FAILURE")
    )
    last = events(result, OrderReport)[-1]
    assert (last.execution_type, last.order.status) == ("REJECTED", "REJECTED")
    assert last.reject_reason == "INSUFFICIENT_BALANCES"


def test_a_symbol_may_not_take_cancel_replace() -> None:
    floor = Floor(spec(cancel_replace_allowed=False))
    with pytest.raises(Refusal, match="Order cancel-replace is not supported for this symbol"):
        replace(floor, 1, GOOD)
