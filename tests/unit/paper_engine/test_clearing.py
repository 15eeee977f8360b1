"""An account that starts over."""

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, FREE, SYMBOL, D, Floor, events, limit

from paper_exchange.engine.commands import ClearAccount, Deposit, PlaceList, SetCommission
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import OrderReport, Transfer
from paper_exchange.engine.refusal import Refusal


def test_nothing_is_left_of_it_and_the_others_keep_what_they_have(floor: Floor) -> None:
    traded = floor.limit(ALICE, "SELL", "2", "100.00")
    bought = floor.limit(BOB, "BUY", "1", "100.00")
    resting = floor.limit(BOB, "BUY", "1", "90.00")
    floor.do(ClearAccount(account=ALICE))
    assert floor.engine.balances(ALICE) == []
    assert floor.engine.orders(ALICE, SYMBOL, now_us=floor.now_us) == []
    assert floor.engine.trades(ALICE, SYMBOL) == ()
    with pytest.raises(Refusal, match="Order does not exist"):
        floor.now(traded)
    assert floor.now(bought).status == "FILLED"
    assert floor.book() == ([("90.00", "1")], [])
    assert floor.engine.order(BOB, SYMBOL, order_id=resting.order_id, now_us=floor.now_us).is_open


def test_what_was_open_expires_and_what_was_owned_leaves_the_exchange(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "90.00")
    supply = floor.engine.supply("USDT")
    result = floor.do(ClearAccount(account=ALICE))
    (report,) = events(result, OrderReport)
    assert (report.order.order_id, report.execution_type) == (order.order_id, "EXPIRED")
    assert {event.asset: event.delta for event in events(result, Transfer)} == {"BTC": -1_000_000, "USDT": -1_000_000}
    assert floor.engine.supply("USDT") == supply - 1_000_000


def test_a_list_ends_as_a_whole(floor: Floor) -> None:
    orders = (limit("BUY", "1", "90.00"), limit("SELL", "1", "110.00"))
    floor.do(PlaceList(account=ALICE, symbol=SYMBOL, kind="OTO", orders=orders))
    floor.do(ClearAccount(account=ALICE))
    assert floor.engine.open_orders(ALICE) == []
    assert floor.engine.order_lists(ALICE) == []


def test_it_can_be_used_again_with_its_old_client_ids_and_its_own_commission(floor: Floor) -> None:
    floor.do(SetCommission(account=ALICE, symbol=SYMBOL, commission=FREE))
    floor.limit(ALICE, "BUY", "1", "90.00", client_order_id="mine")
    floor.do(ClearAccount(account=ALICE))
    floor.do(Deposit(account=ALICE, asset="USDT", amount=D(100)))
    again = floor.limit(ALICE, "BUY", "1", "90.00", client_order_id="mine")
    assert [each.order_id for each in floor.engine.open_orders(ALICE)] == [again.order_id]
    assert floor.engine.commission(ALICE, SYMBOL) == FREE


def test_a_cleared_account_survives_a_snapshot(floor: Floor) -> None:
    floor.limit(ALICE, "SELL", "2", "100.00")
    floor.limit(BOB, "BUY", "1", "100.00")
    floor.do(ClearAccount(account=ALICE))
    snapshot = floor.engine.snapshot()
    assert Engine.restore(snapshot).snapshot() == snapshot
