"""The user data stream tells of our orders, and REST heals what its breaks have hidden."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import limit
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.order_events import FakeEvents, list_status, report, traded
from tests.unit.trading.spot import FakeSpot, Wire, open_order, order_report
from tests.unit.trading.test_gate import OCO
from tests.unit.trading.test_intents import entries, make
from tests.unit.trading.test_reconciler import (
    ALIVE,
    HORIZON_MS,
    MEANT,
    NOT_FOUND,
    NOW_MS,
    SENT,
    left_behind,
    lost,
    place_and_lose,
    state,
)
from tests.unit.trading.test_trades import trade

from binance_spot_mcp.errors import ExchangeError, OutcomeUnknown, Refused, Rejected, Unavailable
from binance_spot_mcp.trading.following import Following
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.journal.writer import Journal
from binance_spot_mcp.trading.register import Register

pytestmark = pytest.mark.anyio

ACCOUNT = {
    "accountType": "SPOT",
    "canTrade": True,
    "commissionRates": dict.fromkeys(("maker", "taker", "buyer", "seller"), "0"),
    "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}],
    "updateTime": 1,
}


@pytest.fixture
def spot() -> FakeSpot:
    """An exchange at a time that it can be asked about."""
    exchange = FakeSpot()
    exchange.now_ms = NOW_MS
    return exchange


@pytest.fixture
def events() -> FakeEvents:
    """Its user data stream."""
    return FakeEvents()


@pytest.fixture
def gate(make_gate: MakeGate, events: FakeEvents) -> Gate:
    """A gate that hears of its orders."""
    return make_gate(events=events)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state0" / "testnet-key.sqlite"


async def register(gate: Gate) -> Register:
    return (await gate._keeper.account()).intents.register


async def following(gate: Gate) -> Following:
    return (await gate._keeper.account()).following


async def until(holds: Callable[[], bool]) -> None:
    """Let everybody do what there is to do now, until something holds."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # the journal's thread has no event to wait for
            await asyncio.sleep(0.001)


async def placed(gate: Gate) -> str:
    """Place an order that rests, and give its name."""
    return (await make(gate, "place_order", limit(), "mine")).client_order_id


async def test_what_the_stream_tells_is_known_and_written_each_once(
    gate: Gate, events: FakeEvents, spot: FakeSpot, journal: Path
) -> None:
    name = await placed(gate)
    first, second = traded(name, 1, "0.4", "0.4"), traded(name, 2, "0.6", "1", X="FILLED", T=6)
    events.say(second, first, second, first, report(name))
    known = await register(gate)
    await until(lambda: len(known.fills) == 2)
    assert (known.orders[name].state, str(known.orders[name].executed)) == ("FILLED", "1")
    assert [fill.recovered for fill in known.fills] == [False, False]
    await until(lambda: [entry.kind for entry in entries(journal)].count("fill") == 2)
    await spot.let_pass(10_000)
    assert not spot.asked("get_my_trades")


async def test_a_report_may_come_before_the_answer(gate: Gate, events: FakeEvents, spot: FakeSpot) -> None:
    hold = spot.hold("place_order")
    placing = asyncio.create_task(make(gate, "place_order", limit(), "mine"))
    await hold.arrived.wait()
    name = spot.asked("place_order")[0]["newClientOrderId"]
    events.say(traded(name, 1, "1", "1", X="FILLED"))
    known = await register(gate)
    await until(lambda: known.orders[name].state == "FILLED")
    hold.released.set()
    await placing
    assert (known.orders[name].state, len(known.fills)) == ("FILLED", 1)


async def test_a_refusal_that_the_stream_tells_first_keeps_its_reason(
    gate: Gate, events: FakeEvents, spot: FakeSpot
) -> None:
    refusal = ExchangeError(-2010, "Account has insufficient balance for requested action.", 400)
    spot.replies["place_order"] = lambda _: Rejected("The balance is too small.", exchange=refusal)
    hold = spot.hold("place_order")
    placing = asyncio.create_task(make(gate, "place_order", limit(), "mine"))
    await hold.arrived.wait()
    known = await register(gate)
    name = spot.asked("place_order")[0]["newClientOrderId"]
    events.say(report(name, "REJECTED", x="REJECTED", r="INSUFFICIENT_BALANCES", C=None))
    await until(lambda: known.orders[name].state == "REJECTED")
    hold.released.set()
    with pytest.raises(Rejected, match="too small"):
        await placing
    with pytest.raises(Rejected, match="came to nothing: The balance is too small"):
        await make(gate, "place_order", limit(), "mine")


async def test_a_report_on_a_cancel_is_of_the_order_that_it_cancels(gate: Gate, events: FakeEvents) -> None:
    name = await placed(gate)
    events.say(report("the-cancel", "CANCELED", C=name, i=99, T=6))
    known = await register(gate)
    await until(lambda: known.orders[name].state == "CANCELED")


async def test_a_report_decides_at_once_what_became_of_an_order(gate: Gate, events: FakeEvents, spot: FakeSpot) -> None:
    spot.replies |= {"place_order": lost, "get_order": lambda _: NOT_FOUND}
    await place_and_lose(gate)
    events.say(report(spot.asked("place_order")[0]["newClientOrderId"]))
    known = await register(gate)
    await until(lambda: not any(order.state == "UNKNOWN" for order in known.open()))
    assert await state(gate) == "NEW"
    assert not spot.asked("get_order")


async def test_nothing_is_taken_for_absent_while_the_stream_is_behind(
    gate: Gate, events: FakeEvents, spot: FakeSpot
) -> None:
    spot.replies |= {"place_order": lost, "get_order": lambda _: NOT_FOUND}
    await place_and_lose(gate)
    everything = spot.replies["get_open_orders"]
    spot.replies["get_open_orders"] = lambda wire: [] if "symbol" in wire else Unavailable("Busy.")
    events.go_on(2)
    await spot.let_pass(HORIZON_MS + 15_000)
    assert await state(gate) == "UNKNOWN"
    spot.replies["get_open_orders"] = everything
    await spot.let_pass(15_000)
    assert await state(gate) == "NOT_PLACED"


async def test_what_is_heard_while_a_decision_is_written_down_overtakes_it(
    gate: Gate, events: FakeEvents, spot: FakeSpot, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spot.replies |= {"place_order": lost, "get_order": lambda _: NOT_FOUND}
    await place_and_lose(gate)
    name = spot.asked("place_order")[0]["newClientOrderId"]
    known, append = await register(gate), Journal.append

    async def slowly(self: Journal, *written: Entry, **how: Any) -> None:
        if written[0].state == "NOT_PLACED":
            events.say(report(name))
            await until(lambda: known.orders[name].state == "NEW")
        await append(self, *written, **how)

    monkeypatch.setattr(Journal, "append", slowly)
    await spot.let_pass(HORIZON_MS + 3_000)
    assert known.orders[name].state == "NEW"


async def test_a_break_makes_the_state_stale_until_all_that_it_hid_is_known(
    gate: Gate, events: FakeEvents, spot: FakeSpot
) -> None:
    name = await placed(gate)
    events.say(traded(name, 41, "0.1", "0.1"))
    known, follower = await register(gate), await following(gate)
    await until(lambda: len(known.fills) == 1)
    assert (follower.stale, follower.as_of_ms, follower.why_stale) == (False, NOW_MS, "")
    spot.now_ms += 1_000
    events.break_off(NOW_MS + 995)
    assert (follower.stale, follower.as_of_ms, follower.why_stale) == (True, NOW_MS + 995, "the connection broke")
    busy = {"get_open_orders": Unavailable("Busy.")}
    spot.replies |= {
        "get_open_orders": lambda _: busy.pop("get_open_orders", []),
        "get_order": lambda _: open_order(clientOrderId=name, status="FILLED", executedQty="1", updateTime=9),
        "get_my_trades": lambda _: [trade(42, "0.4"), trade(43, "0.5", isMaker=False)],
    }
    events.go_on(2)
    await until(lambda: not busy)
    assert follower.stale
    await spot.let_pass(2_100)
    assert (follower.stale, known.orders[name].state) == (False, "FILLED")
    assert [(fill.trade_id, fill.recovered) for fill in known.fills] == [(41, False), (42, True), (43, True)]
    assert {wire.get("fromId") for wire in spot.asked("get_my_trades")} == {"42"}
    events.say(traded(name, 42, "0.4", "0.5"))
    await spot.let_pass(1_000)
    assert len(known.fills) == 3


async def test_a_second_break_during_the_healing_is_healed_too(gate: Gate, events: FakeEvents, spot: FakeSpot) -> None:
    follower = await following(gate)
    hold = spot.hold("get_open_orders")
    events.go_on(2)
    await hold.arrived.wait()
    events.go_on(3)
    hold.released.set()
    await until(lambda: not follower.stale)
    assert len(spot.asked("get_open_orders")) == 3


@pytest.mark.parametrize("off", ["no stream", "channel off"])
async def test_without_a_stream_trading_works_and_open_orders_are_asked_for(
    make_gate: MakeGate, spot: FakeSpot, off: str
) -> None:
    refusal = Refused("The user data stream is off.", code="ENDPOINT_REFUSED")
    gate = make_gate(events=None if off == "no stream" else FakeEvents(off=refusal))
    name = await placed(gate)
    follower = await following(gate)
    assert follower.stale
    assert "asked for every 15 s" in follower.why_stale
    spot.replies["get_order"] = lambda _: open_order(clientOrderId=name, status="CANCELED", updateTime=9)
    await spot.let_pass(16_000)
    assert await state(gate) == "CANCELED"
    assert follower.as_of_ms >= NOW_MS + 15_000
    asked = len(spot.asked("get_open_orders"))
    await spot.let_pass(60_000)
    assert len(spot.asked("get_open_orders")) == asked


async def test_a_stream_that_is_silent_is_not_healed_but_not_believed_either(
    gate: Gate, events: FakeEvents, spot: FakeSpot
) -> None:
    follower = await following(gate)
    spot.now_ms += 1_000
    events.live, events.whole_until_ms = False, NOW_MS + 997
    events._tell()
    assert (follower.stale, follower.as_of_ms) == (True, NOW_MS + 997)
    events.live = True
    events._tell()
    assert not follower.stale


async def test_the_orders_of_others_are_noted_once_and_left_alone(
    gate: Gate, events: FakeEvents, spot: FakeSpot, journal: Path
) -> None:
    spot.replies["get_open_orders"] = lambda _: [open_order(orderId=8, clientOrderId="by\u202ehand")]
    known = await register(gate)
    events.say(report("another", i=9), report("another", "CANCELED", i=9), report("x", C="byhand", i=8))

    def external() -> list[Entry]:
        return [entry for entry in entries(journal) if entry.state == "EXTERNAL"]

    await until(lambda: len(external()) == 2)
    noted = external()
    assert len(known.foreign) == 2
    assert [(entry.order_id, entry.client_order_id) for entry in noted] == [(8, "byhand"), (9, "another")]
    assert known.orders == {}
    assert [name for name, _ in spot.calls if name != "get_open_orders"] == []


async def test_the_legs_that_a_list_status_names_are_looked_up(gate: Gate, events: FakeEvents, spot: FakeSpot) -> None:
    numbers = count(7)
    spot.replies |= {
        "place_oco": lost,
        "get_order": lambda wire: open_order(clientOrderId=wire["origClientOrderId"], orderId=next(numbers)),
    }
    with pytest.raises(OutcomeUnknown):
        await make(gate, "place_oco", OCO, "mine")
    known = await register(gate)
    legs = [*known.orders]
    events.say(list_status(*legs))
    await until(lambda: {known.orders[leg].state for leg in legs} == {"NEW"})
    assert len(spot.asked("get_order")) == 2


async def test_a_start_listens_before_it_asks(gate: Gate, events: FakeEvents, spot: FakeSpot, journal: Path) -> None:
    left_behind(journal, MEANT, SENT, ALIVE)
    asked_while: list[tuple[str, int]] = []

    def noting(name: str, reply: object) -> Callable[[Wire], object]:
        def noted(_: Wire) -> object:
            asked_while.append((name, events.opened))
            return reply

        return noted

    spot.replies |= {
        "get_open_orders": noting("get_open_orders", []),
        "get_order": noting("get_order", open_order(clientOrderId="tag123-x", status="FILLED", executedQty="1")),
    }
    known = await register(gate)
    assert asked_while[:2] == [("get_open_orders", 1), ("get_order", 1)]
    assert known.orders["tag123-x"].state == "FILLED"


async def test_a_start_with_nothing_open_does_not_wait_for_open_orders_that_cannot_be_asked_for(
    gate: Gate, spot: FakeSpot, journal: Path
) -> None:
    spot.replies["get_open_orders"] = lambda _: Unavailable("Busy.")
    await make(gate, "place_order", limit(), "mine")
    assert (await following(gate)).stale
    spot.replies["get_open_orders"] = lambda _: [open_order(orderId=8, clientOrderId="by-hand")]
    await spot.let_pass(2_100)
    assert not (await following(gate)).stale
    assert [entry.client_order_id for entry in entries(journal) if entry.state == "EXTERNAL"] == ["by-hand"]


async def test_a_start_with_something_open_waits_until_that_can_be_asked_for(
    gate: Gate, spot: FakeSpot, journal: Path
) -> None:
    left_behind(journal, MEANT, SENT, ALIVE)
    spot.replies["get_open_orders"] = lambda _: Unavailable("Busy.")
    with pytest.raises(Unavailable):
        await make(gate, "place_order", limit(), "another")
    assert not spot.asked("place_order")


@pytest.fixture
def wiped(spot: FakeSpot) -> FakeSpot:
    """An exchange that has started over."""
    spot.replies |= {"get_order": lambda _: NOT_FOUND, "get_account": lambda _: ACCOUNT}
    return spot


async def test_an_exchange_for_practice_that_has_started_over_gets_a_new_journal(
    make_gate: MakeGate, wiped: FakeSpot, journal: Path
) -> None:
    left_behind(journal, MEANT, SENT, ALIVE)
    gate = make_gate()
    opening = asyncio.create_task(gate._keeper.account())
    await until(lambda: len(wiped.asked("get_account")) == 1)
    await pass_a_second(wiped, 1)
    await pass_a_second(wiped, 2)
    known = (await opening).intents.register
    assert (known.orders, known.venue_reset["gone"]) == ({}, ["tag123-x"])
    (folder,) = (journal.parent / "archive").iterdir()
    assert folder.name == known.venue_reset["archive"]
    old = entries(folder / journal.name)
    assert [(entry.kind, entry.state) for entry in old[-2:]] == [("order", "VENUE_RESET"), ("journal", "VENUE_RESET")]
    assert len(wiped.asked("get_all_orders")) == 3
    await make(gate, "place_order", limit(), "mine")


def remembering(spot: FakeSpot, what: str) -> None:
    """The exchange remembers one thing."""
    match what:
        case "an order":
            spot.replies["get_all_orders"] = lambda _: [open_order(clientOrderId="tag123-x")]
        case "locked funds":
            balances = [{"asset": "USDT", "free": "1", "locked": "1"}]
            spot.replies["get_account"] = lambda _: ACCOUNT | {"balances": balances}
        case "the order":
            spot.replies["get_order"] = lambda _: open_order(clientOrderId="tag123-x")


@pytest.mark.parametrize("what", ["an order", "locked funds", "the order", "live"])
async def test_an_exchange_that_remembers_anything_has_not_started_over(
    make_gate: MakeGate, wiped: FakeSpot, journal: Path, tmp_path: Path, what: str
) -> None:
    remembering(wiped, what)
    left_behind(journal, MEANT, SENT, ALIVE)
    known: Any = (await make_gate()._keeper.account()).intents.register if what != "live" else None
    if what == "live":
        path = tmp_path / "state0" / "live-key.sqlite"
        left_behind(path, MEANT, SENT, ALIVE, env="live")
        known = (await make_gate("live", state="state0")._keeper.account()).intents.register
    assert known.orders["tag123-x"].state == "NEW"
    assert not (journal.parent / "archive").exists()


async def test_an_exchange_that_starts_over_meanwhile_closes_trading_until_that_is_clear(
    gate: Gate, spot: FakeSpot, events: FakeEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await placed(gate)
    monkeypatch.setattr("binance_spot_mcp.trading.keeper.PATIENCE_S", 0.05)
    spot.replies |= {"get_order": lambda _: NOT_FOUND, "get_account": lambda _: ACCOUNT}
    events.go_on(2)
    await until(lambda: bool(spot.asked("get_account")))
    with pytest.raises(Refused) as refusal:
        await make(gate, "place_order", limit(), "another")
    assert refusal.value.code == "NOT_READY"
    assert "started over" in refusal.value.details["step"]
    monkeypatch.undo()
    spot.replies["place_order"] = order_report
    await pass_a_second(spot, 1)
    await pass_a_second(spot, 2)
    known = await register(gate)
    assert known.venue_reset["gone"] == [name]
    await make(gate, "place_order", limit(), "another")


async def pass_a_second(spot: FakeSpot, looks: int) -> None:
    """Let a second pass after so many looks."""
    await until(lambda: len(spot.asked("get_account")) == looks)
    spot.now_ms += 1_000
    spot._time_passes.set()
    spot._time_passes = asyncio.Event()


async def test_an_exchange_that_starts_over_is_noticed_also_while_nothing_is_open(
    gate: Gate, spot: FakeSpot, events: FakeEvents, journal: Path
) -> None:
    name = await placed(gate)
    known = await register(gate)
    events.say(report(name, "CANCELED", x="CANCELED", T=6))
    await until(lambda: known.orders[name].state == "CANCELED")
    spot.replies |= {"get_order": lambda _: NOT_FOUND, "get_account": lambda _: ACCOUNT}
    await spot.let_pass(61_000)
    await until(lambda: bool(spot.asked("get_account")))
    await pass_a_second(spot, 1)
    await pass_a_second(spot, 2)
    await until(lambda: gate._keeper.opened is not None and bool(gate._keeper.opened.intents.register.venue_reset))
    assert (await register(gate)).orders == {}
    assert (journal.parent / "archive").exists()
