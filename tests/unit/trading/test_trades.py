"""What was traded of an order is asked for until it comes to what the exchange says was executed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import limit
from tests.unit.trading.spot import FakeSpot, Wire, open_order, order_report
from tests.unit.trading.test_intents import entries, make

from binance_spot_mcp.errors import Unavailable
from binance_spot_mcp.trading.fills import Fill, fees
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.register import Register

pytestmark = pytest.mark.anyio


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state0" / "testnet-key.sqlite"


@pytest.fixture
def spot() -> FakeSpot:
    """An exchange whose orders have traded half of what was wanted by the time that somebody looks."""
    exchange = FakeSpot()
    exchange.now_ms = 1_700_000_000_000
    exchange.replies |= {
        "get_my_trades": lambda _: [trade(1, "0.2"), trade(2, "0.3")],
        "get_allocations": lambda _: [],
    }
    return exchange


def trade(number: int, quantity: str, **changes: Any) -> dict[str, Any]:
    """A trade of order 7."""
    said = {"id": number, "orderId": 7, "price": "50000", "qty": quantity, "quoteQty": "1", "commission": "0.001"}
    return said | {"commissionAsset": "BNB", "time": number, "isBuyer": True, "isMaker": True} | changes


def part(number: int, quantity: str, **changes: Any) -> dict[str, Any]:
    """A part that traded while the order was placed."""
    said = {"price": "50000", "qty": quantity, "commission": "0.001", "commissionAsset": "BNB", "tradeId": number}
    return said | changes


def partly(executed: str, **changes: Any) -> Callable[[Wire], object]:
    """A query that shows an order in part executed."""
    return lambda wire: open_order(
        clientOrderId=wire["origClientOrderId"], status="PARTIALLY_FILLED", executedQty=executed, **changes
    )


async def register(gate: Gate) -> Register:
    return (await gate._keeper.account()).intents.register


async def fills(gate: Gate) -> list[Fill]:
    return [*(await register(gate)).fills]


async def placed_then_seen(gate: Gate, spot: FakeSpot, executed: str) -> None:
    """Place an order that rests, and learn later that a part of it has traded."""
    await make(gate, "place_order", limit(), "mine")
    spot.replies["get_order"] = partly(executed, updateTime=5)
    await gate.reconcile("BTCUSDT")


async def test_what_traded_while_an_order_was_placed_is_known_from_the_answer(
    gate: Gate, spot: FakeSpot, journal: Path
) -> None:
    parts = [part(1, "0.4"), part(2, "0.6", commission="0.002")]
    spot.replies["place_order"] = lambda wire: order_report(wire) | {
        "status": "FILLED", "side": "BUY", "executedQty": "1", "fills": parts,
    }  # fmt: skip
    passed = await make(gate, "place_order", limit(), "mine")
    first, second = await fills(gate)
    assert (first.trade_id, first.side, str(first.quote), first.maker) == (1, "BUY", "20000", False)
    assert (second.client_order_id, second.intent_id, second.recovered) == (passed.client_order_id, "mine", False)
    assert {asset: str(paid) for asset, paid in fees(await fills(gate)).items()} == {"BNB": "0.003"}
    assert [(entry.kind, entry.state) for entry in entries(journal)[-3:]] == [
        ("order", "FILLED"), ("fill", "TRADED"), ("fill", "TRADED"),
    ]  # fmt: skip
    await spot.let_pass(5_000)
    assert not spot.asked("get_my_trades")


async def test_trades_that_nobody_told_of_are_asked_for_and_marked(gate: Gate, spot: FakeSpot, journal: Path) -> None:
    await placed_then_seen(gate, spot, "0.5")
    assert not spot.asked("get_my_trades")
    await spot.let_pass(400)
    assert spot.asked("get_my_trades") == [{"symbol": "BTCUSDT", "orderId": "7", "limit": "1000"}]
    assert [(fill.trade_id, fill.recovered) for fill in await fills(gate)] == [(1, True), (2, True)]
    assert [entry.state for entry in entries(journal)[-2:]] == ["RECOVERED", "RECOVERED"]
    await spot.let_pass(10_000)
    assert len(spot.asked("get_my_trades")) == 1


async def test_whoever_asks_for_an_order_is_told_of_all_its_trades_at_once(gate: Gate, spot: FakeSpot) -> None:
    await make(gate, "place_order", limit(), "mine")
    spot.replies["get_order"] = partly("0.5", updateTime=5)
    told: Any = await gate.order_state("mine", None, None, None)
    assert [(fill.trade_id, fill.recovered) for fill in told["fills"]] == [(1, True), (2, True)]
    assert (str(told["orders"][0].average_price), str(told["orders"][0].fees["BNB"])) == ("4.0000000000", "0.002")
    assert (told["stale"], told["as_of"], "notes" in told) == (False, spot.now_ms, False)
    spot.replies["get_order"] = lambda _: Unavailable("Busy.")
    spot.now_ms += 100
    told = await gate.order_state("mine", None, None, None)
    assert (told["stale"], told["as_of"]) == (True, spot.now_ms - 100)


async def test_trades_that_are_not_there_yet_are_asked_for_again(gate: Gate, spot: FakeSpot) -> None:
    answers: list[object] = [Unavailable("Busy."), [], [trade(1, "0.2")], [trade(1, "0.2"), trade(2, "0.3")]]
    spot.replies["get_my_trades"] = lambda _: answers.pop(0)
    await placed_then_seen(gate, spot, "0.5")
    await spot.let_pass(14_500)
    assert [fill.trade_id for fill in await fills(gate)] == [1, 2]
    assert answers == []


async def test_a_routed_order_is_accounted_for_by_its_allocations(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["get_my_trades"] = lambda _: []
    row = trade(0, "0.5")
    del row["id"]
    spot.replies["get_allocations"] = lambda _: [row | {"allocationId": 0}]
    await placed_then_seen(gate, spot, "0.5")
    await spot.let_pass(400)
    (fill,) = await fills(gate)
    assert (fill.trade_id, fill.allocation_id) == (-1, 0)


async def test_more_trades_than_an_answer_holds_are_asked_for_page_after_page(gate: Gate, spot: FakeSpot) -> None:
    rows = [trade(number, "0.0001") for number in range(1, 2_501)]

    def page(wire: Wire) -> object:
        return [row for row in rows if row["id"] >= int(wire.get("fromId", 0))][:1_000]

    spot.replies["get_my_trades"] = page
    await placed_then_seen(gate, spot, "0.25")
    await spot.let_pass(400)
    assert [wire.get("fromId") for wire in spot.asked("get_my_trades")] == [None, "1001", "2001"]
    assert len(await fills(gate)) == 2_500


async def test_an_order_of_which_more_has_traded_than_is_known_is_looked_up(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["place_order"] = lambda wire: order_report(wire) | {
        "status": "PARTIALLY_FILLED", "executedQty": "0.1", "fills": [part(1, "0.2")],
    }  # fmt: skip
    await make(gate, "place_order", limit(), "mine")
    spot.replies["get_order"] = partly("0.2", updateTime=5)
    await spot.let_pass(400)
    (order,) = (await register(gate)).orders.values()
    assert str(order.executed) == "0.2"
    assert not spot.asked("get_my_trades")
