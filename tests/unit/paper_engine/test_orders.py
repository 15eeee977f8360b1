"""Ids, cancels, symbol statuses and flags, and what can be read of orders afterwards."""

from typing import Any

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, SYMBOL, D, Floor, events, limit, spec, terms

from paper_exchange.engine.commands import CancelAll, CancelOrder, ExpireOrders, SetSymbolStatus
from paper_exchange.engine.events import Cancelled, CancelledAll, OrderReport
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.words import SymbolStatus

DAY_US = 24 * 3600 * 1_000_000


def test_order_ids_ascend_and_missing_client_ids_are_made_up_without_chance() -> None:
    first, second = Floor(), Floor()
    ids = [first.limit(ALICE, "BUY", "1", "100") for _ in range(3)]
    again = [second.limit(ALICE, "BUY", "1", "100") for _ in range(3)]
    assert [order.order_id for order in ids] == sorted({order.order_id for order in ids})
    assert [order.client_order_id for order in ids] == [order.client_order_id for order in again]
    assert len({order.client_order_id for order in ids}) == 3
    assert all(len(order.client_order_id) == 22 for order in ids)


def test_a_client_id_is_taken_only_while_its_order_is_open(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100", client_order_id="mine")
    with pytest.raises(Refusal, match="Duplicate order sent"):
        floor.limit(ALICE, "BUY", "1", "100", client_order_id="mine")
    floor.limit(BOB, "BUY", "1", "100", client_order_id="mine")
    floor.cancel(order)
    later = floor.limit(ALICE, "BUY", "1", "100", client_order_id="mine")
    found = floor.engine.order(ALICE, SYMBOL, client_order_id="mine", now_us=floor.now_us)
    assert found.order_id == later.order_id


def test_a_cancel_has_a_name_of_its_own(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100", client_order_id="mine")
    result = floor.do(CancelOrder(account=ALICE, symbol=SYMBOL, orig_client_order_id="mine", new_client_order_id="bye"))
    assert isinstance(result.reply, Cancelled)
    assert result.reply.client_order_id == "bye"
    (report,) = events(result, OrderReport)
    assert (report.client_order_id, report.orig_client_order_id) == ("bye", "mine")
    assert (floor.now(order).status, floor.now(order).client_order_id) == ("CANCELED", "mine")
    assert floor.book() == ([], [])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ({}, "Cancel order is invalid. Check origClOrdId and orderId."),
        ({"order_id": 999}, "Unknown order sent."),
        ({"orig_client_order_id": "other"}, "Unknown order sent."),
        ({"order_id": 1, "orig_client_order_id": "other"}, "Unknown order sent."),
    ],
)
def test_a_cancel_must_name_an_open_order(floor: Floor, ids: dict[str, int | str], message: str) -> None:
    assert floor.limit(ALICE, "BUY", "1", "100").order_id == 1
    with pytest.raises(Refusal) as refusal:
        floor.do(CancelOrder(account=ALICE, symbol=SYMBOL, **ids))  # type: ignore[arg-type]
    assert (refusal.value.code, refusal.value.msg) == (-2011, message)


def test_nobody_cancels_the_order_of_another(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100")
    with pytest.raises(Refusal):
        floor.do(CancelOrder(account=BOB, symbol=SYMBOL, order_id=order.order_id))


@pytest.mark.parametrize(("restriction", "fails_when_filled"), [("ONLY_NEW", True), ("ONLY_PARTIALLY_FILLED", False)])
def test_a_cancel_can_be_restricted_to_a_state(floor: Floor, restriction: str, fails_when_filled: bool) -> None:
    for filled in (False, True):
        order = floor.limit(ALICE, "BUY", "2", "100")
        if filled:
            floor.limit(BOB, "SELL", "1", "100")
        cancel = CancelOrder(account=ALICE, symbol=SYMBOL, order_id=order.order_id, restrictions=restriction)  # type: ignore[arg-type]
        if filled == fails_when_filled:
            with pytest.raises(Refusal, match="Order was not canceled due to cancel restrictions"):
                floor.do(cancel)
            floor.cancel(order)
        else:
            floor.do(cancel)


def test_cancel_all_ends_everything_on_the_symbol_under_one_name(floor: Floor) -> None:
    floor.limit(ALICE, "BUY", "1", "100")
    floor.limit(ALICE, "SELL", "1", "101")
    other = floor.limit(BOB, "BUY", "1", "99")
    reply = floor.do(CancelAll(account=ALICE, symbol=SYMBOL)).reply
    assert isinstance(reply, CancelledAll)
    assert len({item.client_order_id for item in reply.items if isinstance(item, Cancelled)}) == 1
    assert len(reply.items) == 2
    assert floor.engine.open_orders(ALICE) == []
    assert [order.order_id for order in floor.engine.open_orders(BOB)] == [other.order_id]
    with pytest.raises(Refusal, match="Unknown order sent"):
        floor.do(CancelAll(account=ALICE, symbol=SYMBOL))


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY"])
def test_a_symbol_that_does_not_trade_takes_cancels_only(floor: Floor, status: SymbolStatus) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100")
    floor.do(SetSymbolStatus(symbol=SYMBOL, status=status))
    with pytest.raises(Refusal, match="Market is closed"):
        floor.limit(ALICE, "BUY", "1", "100")
    floor.cancel(order)
    floor.do(SetSymbolStatus(symbol=SYMBOL, status="TRADING"))
    floor.limit(ALICE, "BUY", "1", "100")


PEG: dict[str, Any] = {"peg_price_type": "PRIMARY_PEG"}


@pytest.mark.parametrize(
    ("rules", "order", "message"),
    [
        ({"order_types": ("LIMIT",)}, terms("MARKET", "BUY", "1"), "Market orders are not supported for this symbol."),
        (
            {"order_types": ("LIMIT",)},
            terms("STOP_LOSS", "BUY", "1", stop_price=D(1)),
            "Stop loss orders are not supported for this symbol.",
        ),
        (
            {"order_types": ("LIMIT",)},
            terms("STOP_LOSS_LIMIT", "BUY", "1", stop_price=D(1), price=D(1)),
            "Stop loss limit orders are not supported for this symbol.",
        ),
        (
            {"order_types": ("LIMIT",)},
            terms("TAKE_PROFIT", "BUY", "1", stop_price=D(1)),
            "Take profit orders are not supported for this symbol.",
        ),
        (
            {"order_types": ("LIMIT",)},
            terms("TAKE_PROFIT_LIMIT", "BUY", "1", stop_price=D(1), price=D(1)),
            "Take profit limit orders are not supported for this symbol.",
        ),
        (
            {"iceberg_allowed": False},
            limit("BUY", "2", "10", iceberg_qty=D(1)),
            "Iceberg orders are not supported for this symbol.",
        ),
        ({}, limit("BUY", "2", "10", iceberg_qty=D(3)), "IcebergQty exceeds QTY."),
        ({}, limit("BUY", "2", "10", "IOC", iceberg_qty=D(1)), "Unsupported order combination"),
        (
            {"allow_trailing_stop": False},
            terms("STOP_LOSS", "BUY", "1", trailing_delta=100),
            "Trailing stop orders are not supported for this symbol.",
        ),
        (
            {"quote_order_qty_market_allowed": False},
            Terms(side="BUY", type="MARKET", quote_order_qty=D(10)),
            "Quote order qty market orders are not support for this symbol.",
        ),
        (
            {"allowed_stp_modes": ("NONE",), "default_stp_mode": "NONE"},
            limit("BUY", "1", "10", stp_mode="EXPIRE_MAKER"),
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        (
            {"peg_instructions_allowed": False},
            limit("BUY", "1", "10", **PEG),
            "Pegged orders are not supported for this symbol.",
        ),
        ({}, terms("MARKET", "BUY", "1", **PEG), "This order type may not use pegged price."),
        (
            {},
            terms("LIMIT_MAKER", "BUY", "1", peg_price_type="MARKET_PEG"),
            "This price peg cannot be used with this order type.",
        ),
        ({}, limit("BUY", "1", "10", "IOC", **PEG), "This price peg cannot be used with this order type."),
    ],
)
def test_what_a_symbol_does_not_take_is_refused_by_name(rules: dict[str, Any], order: Terms, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        Floor(spec(**rules)).send(ALICE, order)
    assert (refusal.value.code, refusal.value.msg) == (-1013, message)


def test_an_order_is_found_by_either_id_and_both_must_agree(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100", client_order_id="mine")
    floor.limit(ALICE, "BUY", "1", "100", client_order_id="other")
    for code, ids in (
        (-2013, {"client_order_id": "nobody"}),
        (-2013, {"order_id": 99}),
        (-2039, {"order_id": order.order_id, "client_order_id": "other"}),
    ):
        with pytest.raises(Refusal) as refusal:
            floor.engine.order(ALICE, SYMBOL, now_us=floor.now_us, **ids)
        assert refusal.value.code == code


def test_an_order_closed_unfilled_is_archived_after_ninety_days(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100")
    floor.cancel(order)
    closed_us = floor.now_us
    floor.now_us = closed_us + 90 * DAY_US
    assert floor.now(order).status == "CANCELED"
    floor.now_us += 1
    with pytest.raises(Refusal) as refusal:
        floor.now(order)
    assert refusal.value.code == -2026
    assert floor.engine.orders(ALICE, SYMBOL, now_us=floor.now_us) == []


def test_the_exchange_can_end_what_is_open(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100")
    floor.do(ExpireOrders(symbol=SYMBOL))
    assert (floor.now(order).status, floor.now(order).expiry_reason) == ("EXPIRED", "EXCHANGE_CANCELED")


def test_an_unknown_symbol_is_invalid(floor: Floor) -> None:
    with pytest.raises(Refusal) as refusal:
        floor.place(ALICE, limit("BUY", "1", "100"), "XXXYYY")
    assert refusal.value.code == -1121
