"""Deciding what became of orders whose answer was lost, on a clock that the test moves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import limit
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot, Wire, open_order, order_report
from tests.unit.trading.test_gate import CANCEL, OCO
from tests.unit.trading.test_intents import AMEND, make

from binance_spot_mcp.errors import (
    ExchangeError,
    OutcomeUnknown,
    Refused,
    Rejected,
    SpotError,
    Unavailable,
    Unreachable,
)
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.journal.file import open_journal, read_journal
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.register import Register

pytestmark = pytest.mark.anyio

NOT_FOUND = Rejected("None.", code="NOT_FOUND", sent="no", exchange=ExchangeError(-2013, "Order does not exist.", 400))
NOW_MS = 1_700_000_000_000
HORIZON_MS = 5_000 + 15_000
"""recvWindow, and what an order may need beyond it."""


@pytest.fixture
def spot() -> FakeSpot:
    """The exchange, at a time that it can be asked about."""
    exchange = FakeSpot()
    exchange.now_ms = NOW_MS
    return exchange


def lost(_: Wire) -> SpotError:
    return OutcomeUnknown("The connection broke.")


def trade(order_id: int) -> dict[str, Any]:
    """A trade of an order."""
    amounts = dict.fromkeys(("price", "qty", "quoteQty", "commission"), "1")
    return {
        "id": 1,
        "orderId": order_id,
        **amounts,
        "commissionAsset": "BNB",
        "time": 1,
        "isBuyer": True,
        "isMaker": True,
    }


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state0" / "testnet-key.sqlite"


@pytest.fixture
def empty(spot: FakeSpot) -> FakeSpot:
    """An exchange that loses the answer to an order, and knows of none."""
    spot.replies |= {
        "place_order": lost,
        "get_order": lambda _: NOT_FOUND,
        "get_open_orders": lambda _: [],
        "get_all_orders": lambda _: [],
        "get_my_trades": lambda _: [],
    }
    return spot


async def place_and_lose(gate: Gate, intent_id: str = "mine") -> None:
    with pytest.raises(OutcomeUnknown):
        await make(gate, "place_order", limit(), intent_id)


async def state(gate: Gate, intent_id: str = "mine") -> object:
    """The state as the journal has it, without asking the exchange."""
    register = (await gate._keeper.account()).intents.register
    intent = register.intents[intent_id]
    return intent.state if intent.acts else register.placed_by(intent)[0].state


async def test_an_order_whose_answer_was_lost_is_looked_for_at_the_given_times(gate: Gate, empty: FakeSpot) -> None:
    asked_at: list[int] = []

    def deny(_: Wire) -> SpotError:
        asked_at.append(empty.now_ms - NOW_MS)
        return NOT_FOUND

    empty.replies["get_order"] = deny
    await place_and_lose(gate)
    await empty.let_pass(19_000)
    assert asked_at == [300, 700, 1_500, 3_000, 6_000, 10_000]
    assert await state(gate) == "UNKNOWN"
    assert len(empty.asked("place_order")) == 1


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED", "FILLED"])
async def test_what_is_found_is_adopted(gate: Gate, empty: FakeSpot, journal: Path, status: str) -> None:
    await place_and_lose(gate)
    empty.replies["get_order"] = lambda wire: open_order(clientOrderId=wire["origClientOrderId"], status=status)
    await empty.let_pass(400)
    assert await state(gate) == status
    assert read_journal(journal).records[-1].entry.state == status
    again = await make(gate, "place_order", limit(), "mine")
    assert again.answer.payload.status == status
    await empty.let_pass(10_000)
    assert len(empty.asked("get_order")) == 1


async def test_an_order_is_not_placed_only_when_everything_denies_it_after_its_horizon(
    gate: Gate, empty: FakeSpot, journal: Path
) -> None:
    await place_and_lose(gate)
    await empty.let_pass(HORIZON_MS + 2_000)
    assert await state(gate) == "UNKNOWN"
    assert not empty.asked("get_all_orders")
    await empty.let_pass(1_000)
    assert await state(gate) == "NOT_PLACED"
    assert empty.asked("get_all_orders") == [{"symbol": "BTCUSDT", "startTime": str(NOW_MS - 1_000), "limit": "1000"}]
    last = read_journal(journal).records[-1].entry
    assert (last.state, len(last.evidence["denials"])) == ("NOT_PLACED", 3)
    assert last.evidence["denials"][0] > NOW_MS + HORIZON_MS
    with pytest.raises(Rejected, match="take another intent_id"):
        await make(gate, "place_order", limit(), "mine")
    empty.replies["place_order"] = order_report
    await make(gate, "place_order", limit())


@pytest.mark.parametrize(
    ("source", "reply", "decided"),
    [
        ("get_open_orders", lambda name: [open_order(clientOrderId=name, orderId=9)], "NEW"),
        ("get_all_orders", lambda name: [open_order(clientOrderId=name, status="CANCELED")], "CANCELED"),
        ("get_all_orders", lambda _: [open_order()] * 1_000, "UNKNOWN"),
        ("get_my_trades", lambda _: [trade(99)] * 1_000, "UNKNOWN"),
        ("get_open_orders", lambda _: Unavailable("Busy."), "UNKNOWN"),
        ("get_all_orders", lambda _: Unavailable("Busy."), "UNKNOWN"),
        ("get_my_trades", lambda _: Unavailable("Busy."), "UNKNOWN"),
    ],
    ids=["open", "ended", "too many orders", "too many trades", "no open orders", "no all orders", "no trades"],
)
async def test_each_proof_is_needed(
    gate: Gate, empty: FakeSpot, *, source: str, reply: Callable[[str], object], decided: str
) -> None:
    await place_and_lose(gate)
    name = empty.asked("place_order")[0]["newClientOrderId"]
    empty.replies[source] = lambda _: reply(name)
    await empty.let_pass(HORIZON_MS + 8_000)
    assert await state(gate) == decided


async def test_trades_of_unknown_orders_are_traced_to_their_order(gate: Gate, empty: FakeSpot) -> None:
    await place_and_lose(gate)
    name = empty.asked("place_order")[0]["newClientOrderId"]
    empty.replies["get_my_trades"] = lambda _: [trade(98), trade(99)]

    def by_number_alone(wire: Wire) -> object:
        match wire.get("orderId"):
            case "98":
                return open_order(orderId=98, clientOrderId="somebody-else")
            case "99":
                return open_order(orderId=99, clientOrderId=name, status="FILLED", executedQty="1")
            case _:
                return NOT_FOUND

    empty.replies["get_order"] = by_number_alone
    await empty.let_pass(HORIZON_MS + 4_000)
    assert await state(gate) == "FILLED"


async def test_denials_that_cannot_be_had_do_not_count(gate: Gate, empty: FakeSpot) -> None:
    await place_and_lose(gate)
    empty.replies["get_order"] = lambda _: Unavailable("Busy.")
    await empty.let_pass(HORIZON_MS + 60_000)
    assert await state(gate) == "UNKNOWN"


async def test_after_a_quarter_of_an_hour_a_person_is_needed_and_the_search_goes_on(
    gate: Gate, empty: FakeSpot
) -> None:
    await place_and_lose(gate)
    empty.replies["get_all_orders"] = lambda _: Unavailable("Busy.")
    empty.now_ms += 899_000
    await empty.let_pass(15_000)
    assert await state(gate) == "NEEDS_HUMAN"
    asked = len(empty.asked("get_order"))
    empty.replies["get_order"] = lambda wire: open_order(clientOrderId=wire["origClientOrderId"])
    await empty.let_pass(11_000)
    assert await state(gate) == "NEW"
    assert len(empty.asked("get_order")) == asked + 1


async def test_no_new_order_on_a_symbol_and_side_of_which_nobody_knows(gate: Gate, empty: FakeSpot) -> None:
    await place_and_lose(gate)
    for tool, given in (
        ("place_order", limit("2")),
        ("cancel_replace_order", limit(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=7)),
    ):
        with pytest.raises(Refused) as refusal:
            await make(gate, tool, given)
        assert (refusal.value.code, refusal.value.next) == ("ORDER_UNRESOLVED", "get_order_state")
        assert "mine" in refusal.value.details["unresolved"]
    await make(gate, "cancel_order", CANCEL)
    empty.replies["place_order"] = order_report
    await make(gate, "place_order", limit(side="SELL"))
    await empty.let_pass(HORIZON_MS + 3_000)
    await make(gate, "place_order", limit("2"))


async def test_each_leg_of_a_lost_list_is_decided(gate: Gate, empty: FakeSpot) -> None:
    empty.replies["place_oco"] = lost
    with pytest.raises(OutcomeUnknown):
        await make(gate, "place_oco", OCO, "mine")
    above, below = (empty.asked("place_oco")[0][f"{leg}ClientOrderId"] for leg in ("above", "below"))
    statuses = {above: "EXPIRED", below: "NEW"}
    numbers = {above: 7, below: 8}
    empty.replies["get_order"] = lambda wire: open_order(
        clientOrderId=(name := wire["origClientOrderId"]), orderId=numbers[name], status=statuses[name]
    )
    await empty.let_pass(400)
    orders = (await gate._keeper.account()).intents.register.orders
    assert {name: orders[name].state for name in (above, below)} == statuses


@pytest.mark.parametrize(
    ("tool", "given", "query", "reply", "early", "late"),
    [
        ("cancel_order", CANCEL, "get_order", lambda: open_order(status="CANCELED"), "DONE", "DONE"),
        ("cancel_order", CANCEL, "get_order", lambda: open_order(status="FILLED"), "NOT_DONE", "NOT_DONE"),
        ("cancel_order", CANCEL, "get_order", open_order, "UNKNOWN", "NOT_DONE"),
        ("cancel_order", CANCEL, "get_order", lambda: NOT_FOUND, "UNKNOWN", "NOT_DONE"),
        ("amend_order", AMEND, "get_order", lambda: open_order(origQty="0.50"), "DONE", "DONE"),
        ("amend_order", AMEND, "get_order", open_order, "UNKNOWN", "NOT_DONE"),
        ("cancel_all_orders", {"symbol": "BTCUSDT"}, "get_open_orders", list, "DONE", "DONE"),
        ("cancel_all_orders", {"symbol": "BTCUSDT"}, "get_open_orders", lambda: [open_order()], "UNKNOWN", "NOT_DONE"),
    ],
)
async def test_what_was_to_be_done_to_an_order_is_asked_for_and_never_done_again(
    gate: Gate, spot: FakeSpot, *, tool: str, given: dict[str, Any], query: str, reply: Callable[[], object],
    early: str, late: str,
) -> None:  # fmt: skip
    spot.replies[tool] = lost
    with pytest.raises(OutcomeUnknown):
        await make(gate, tool, given)
    (intent,) = (await gate._keeper.account()).intents.register.intents
    spot.replies[query] = lambda _: reply()
    await spot.let_pass(800)
    assert await state(gate, intent) == early
    await spot.let_pass(HORIZON_MS)
    assert await state(gate, intent) == late
    assert len(spot.asked(tool)) == 1


def left_behind(path: Path, *entries: Entry, env: str = "testnet") -> None:
    """What a process wrote before it was killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file, _ = open_journal(path, env, "key")
    for entry in entries:
        file.commit([(NOW_MS, entry)], durable=True)
    file.close()


MEANT = Entry(
    kind="intent",
    state="INTENDED",
    intent_id="mine",
    symbol="BTCUSDT",
    client_order_id="tag123-x",
    payload={"tool": "place_order", "asked": {}, "digest": "d", "acts": False, "orders": [["tag123-x", "BUY"]]},
)
SENT = Entry(kind="intent", state="SENDING", intent_id="mine", symbol="BTCUSDT", evidence={"timestamp": NOW_MS})
ALIVE = Entry(
    kind="order",
    state="NEW",
    intent_id="mine",
    symbol="BTCUSDT",
    client_order_id="tag123-x",
    order_id=7,
    evidence={"source": "reply", "executed": "0", "at_ms": 1},
)


async def test_what_was_only_meant_was_not_sent(gate: Gate, empty: FakeSpot, journal: Path) -> None:
    left_behind(journal, MEANT)
    assert await state(gate) == "NOT_SENT"
    assert empty.calls == [("get_open_orders", {})]


async def test_what_was_being_sent_is_looked_for_after_a_restart(gate: Gate, empty: FakeSpot, journal: Path) -> None:
    left_behind(journal, MEANT, SENT)
    assert await state(gate) == "UNKNOWN"
    empty.replies["get_order"] = lambda wire: open_order(clientOrderId=wire["origClientOrderId"], status="FILLED")
    await empty.let_pass(400)
    assert await state(gate) == "FILLED"


async def test_what_was_alive_is_looked_up_before_anything_is_traded(
    gate: Gate, empty: FakeSpot, journal: Path
) -> None:
    left_behind(journal, MEANT, SENT, ALIVE)
    empty.replies["get_order"] = lambda wire: open_order(clientOrderId=wire["origClientOrderId"], status="CANCELED")
    empty.replies["place_order"] = order_report
    await make(gate, "place_order", limit())
    assert [name for name, _ in empty.calls][:3] == ["get_exchange_info", "get_open_orders", "get_order"]
    assert await state(gate) == "CANCELED"


async def test_a_live_order_that_is_not_found_after_a_restart_stays_alive(
    gate: Gate, empty: FakeSpot, journal: Path
) -> None:
    left_behind(journal, MEANT, SENT, ALIVE)
    empty.replies["get_all_orders"] = lambda _: [open_order(clientOrderId="tag123-x")]
    assert await state(gate) == "NEW"
    assert {wire["origClientOrderId"] for wire in empty.asked("get_order")} == {"tag123-x"}


async def test_the_clock_is_read_before_anything_is_decided(
    gate: Gate, empty: FakeSpot, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable() -> None:
        raise Unreachable("No network.")

    left_behind(journal, MEANT, SENT)
    monkeypatch.setattr(gate._keeper, "_know_the_time", unreachable)
    with pytest.raises(Unreachable):
        await make(gate, "place_order", limit())
    assert [record.entry.state for record in read_journal(journal).records] == ["INTENDED", "SENDING"]
    assert empty.calls == []


async def test_trading_waits_for_the_start_and_says_for_which_step(
    gate: Gate, empty: FakeSpot, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(journal, MEANT, SENT, ALIVE)
    monkeypatch.setattr("binance_spot_mcp.trading.keeper.PATIENCE_S", 0.05)
    hold = empty.hold("get_order")
    empty.replies["get_all_orders"] = lambda _: [open_order(clientOrderId="tag123-x")]
    with pytest.raises(Refused) as refusal:
        await make(gate, "place_order", limit())
    assert (refusal.value.code, refusal.value.retry) == ("NOT_READY", "at")
    assert "open orders" in refusal.value.details["step"]
    hold.released.set()
    monkeypatch.undo()
    empty.replies["place_order"] = order_report
    await make(gate, "place_order", limit())


@pytest.fixture
def beheaded(journal: Path) -> Path:
    """A journal of which only the head file is left."""
    left_behind(journal, MEANT, SENT, ALIVE)
    journal.unlink()
    return journal


async def test_orders_of_a_lost_end_are_found_by_their_names(
    make_gate: MakeGate, empty: FakeSpot, beheaded: Path
) -> None:
    rows = [open_order(orderId=7, clientOrderId="tag123-x"), open_order(orderId=8, clientOrderId="foreign")]
    empty.replies["get_open_orders"] = lambda _: Unavailable("Busy.")
    gate = make_gate()
    with pytest.raises(Unavailable):
        await make(gate, "cancel_order", CANCEL)
    empty.replies["get_open_orders"] = lambda _: rows
    empty.replies["get_all_orders"] = lambda _: [
        *rows,
        open_order(orderId=9, clientOrderId="tag123-y", status="FILLED"),
    ]
    account = await gate._keeper.account()
    orders = account.intents.register.orders
    assert {name: order.state for name, order in orders.items()} == {"tag123-x": "NEW", "tag123-y": "FILLED"}
    assert not Register(read_journal(beheaded).records).tail_lost


async def test_an_order_that_was_proved_absent_and_appears_is_adopted_with_an_alarm(
    gate: Gate, empty: FakeSpot, caplog: pytest.LogCaptureFixture
) -> None:
    await place_and_lose(gate)
    await empty.let_pass(HORIZON_MS + 3_000)
    assert await state(gate) == "NOT_PLACED"
    name = empty.asked("place_order")[0]["newClientOrderId"]
    empty.replies["get_open_orders"] = lambda _: [open_order(clientOrderId=name)]
    found = await gate.reconcile("BTCUSDT")
    assert await state(gate) == "NEW"
    assert "proved absent exists" in caplog.text
    assert found["external"] == []


async def test_a_state_is_told_by_every_id_after_a_look_at_the_exchange(gate: Gate, spot: FakeSpot) -> None:
    passed = await make(gate, "place_order", limit(), "mine")
    spot.replies["get_order"] = lambda wire: open_order(
        clientOrderId=wire["origClientOrderId"], status="PARTIALLY_FILLED", executedQty="0.4", updateTime=2
    )
    for ids in (("mine", None, None, None), (None, passed.client_order_id, None, None), (None, None, "BTCUSDT", 7)):
        told: Any = await gate.order_state(*ids)
        assert (told["intent_id"], told["state"], told["settled"]) == ("mine", "PARTIALLY_FILLED", True)
        assert str(told["orders"][0].executed_qty) == "0.4"
    for nobody in (("x", None, None, None), (None, "x", None, None), (None, None, "BTCUSDT", 8)):
        with pytest.raises(Refused) as refusal:
            await gate.order_state(*nobody)
        assert refusal.value.code == "NOT_FOUND"


async def test_reconciling_asks_for_what_is_not_open_any_more_and_leaves_others_alone(
    gate: Gate, spot: FakeSpot
) -> None:
    name = (await make(gate, "place_order", limit(), "mine")).client_order_id
    foreign = open_order(orderId=8, clientOrderId="by-hand")
    spot.replies["get_open_orders"] = lambda _: [foreign]
    spot.replies["get_order"] = lambda _: open_order(clientOrderId=name, status="FILLED", executedQty="1")
    told: Any = await gate.reconcile("BTCUSDT")
    assert (told["changed"], told["unresolved"]) == ([name], [])
    assert [row["clientOrderId"] for row in told["external"]] == ["by-hand"]
    assert "by-hand" not in (await gate._keeper.account()).intents.register.orders
