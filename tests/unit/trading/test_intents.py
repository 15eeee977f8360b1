"""Every call that may change orders is written down before it leaves and after, and one call is made once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import limit
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot, Wire, amended, list_report, open_order, order_report
from tests.unit.trading.test_gate import CANCEL, OCO

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.errors import (
    ExchangeError,
    InvalidInput,
    OutcomeUnknown,
    PartlyDone,
    Refused,
    Rejected,
    SpotError,
    Unreachable,
)
from binance_spot_mcp.trading.aftermath import Passed
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.journal.file import read_journal
from binance_spot_mcp.trading.journal.lock import WriterLock
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.journal.writer import Journal
from binance_spot_mcp.trading.register import Register

pytestmark = pytest.mark.anyio

REPLACE = limit(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=7)
AMEND = {"symbol": "BTCUSDT", "orderId": 7, "newQty": "0.5"}


async def make(gate: Gate, tool: str, given: dict[str, Any], intent_id: str | None = None) -> Passed[Any]:
    endpoint = CATALOGUE[tool]
    return await gate.call(endpoint, endpoint.params.model_validate(given), intent_id)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of the first gate that a test makes."""
    return tmp_path / "state0" / "testnet-key.sqlite"


def entries(journal: Path) -> list[Entry]:
    """What is written of calls and orders."""
    return [record.entry for record in read_journal(journal).records if record.entry.kind != "shape"]


def written(journal: Path) -> list[tuple[str, str]]:
    """Kind and state of each."""
    return [(entry.kind, entry.state) for entry in entries(journal)]


async def test_an_order_is_meant_then_sent_then_answered(gate: Gate, spot: FakeSpot, journal: Path) -> None:
    at_departure: list[list[tuple[str, str]]] = []

    def place(wire: Wire) -> object:
        at_departure.append(written(journal))
        return order_report(wire) | {"status": "FILLED", "executedQty": "1", "origQty": "1"}

    spot.replies["place_order"] = place
    passed = await make(gate, "place_order", limit(), "my-order.1")
    assert at_departure == [[("intent", "INTENDED"), ("intent", "SENDING")]]
    assert written(journal) == [*at_departure[0], ("order", "FILLED")]
    meant, sent, filled = entries(journal)
    name = spot.asked("place_order")[0]["newClientOrderId"]
    assert (passed.intent_id, passed.client_order_id) == ("my-order.1", name)
    assert {entry.intent_id for entry in (meant, sent, filled)} == {"my-order.1"}
    assert meant.payload["asked"] == {**{k: str(v) for k, v in limit().items()}}
    assert meant.payload["orders"] == [[name, "BUY"]]
    assert sent.evidence == {"timestamp": spot.now_ms}
    assert (filled.client_order_id, filled.order_id, filled.evidence["executed"]) == (name, 7, "1")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("No network."), "NOT_SENT"),
        (Rejected("No.", exchange=ExchangeError(-2010, "Insufficient balance.", 400)), "REJECTED"),
        (OutcomeUnknown("Cut."), "UNKNOWN"),
        (OutcomeUnknown("Twice.", code="ORDER_UNRESOLVED"), "UNKNOWN"),
    ],
)
@pytest.mark.parametrize(("tool", "given", "orders"), [("place_order", limit(), 1), ("place_oco", OCO, 2)])
async def test_what_became_of_an_attempt_is_written_for_each_order(
    gate: Gate,
    spot: FakeSpot,
    journal: Path,
    *,
    tool: str,
    given: dict[str, Any],
    orders: int,
    error: SpotError,
    state: str,
) -> None:
    spot.replies[tool] = lambda _: error
    with pytest.raises(type(error)) as failure:
        await make(gate, tool, given, "mine")
    assert written(journal)[2:] == [("order", state)] * orders
    assert failure.value.intent_id == "mine"


async def test_each_order_of_a_list_is_written_in_its_own_state(gate: Gate, spot: FakeSpot, journal: Path) -> None:
    def place(wire: Wire) -> object:
        report = list_report(wire)
        for number, (order, status) in enumerate(zip(report["orderReports"], ("NEW", "PENDING_NEW"), strict=True)):
            order |= {"status": status, "orderId": 7 + number}
        return report

    spot.replies["place_oco"] = place
    await make(gate, "place_oco", OCO)
    assert written(journal)[2:] == [("order", "NEW"), ("order", "PENDING_NEW")]


HALF = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "newOrderResponse": {"code": -2010, "msg": "Poor."}}
OPEN_AND_NEW = {
    "cancelResult": "FAILURE",
    "newOrderResult": "SUCCESS",
    "cancelResponse": {"code": -2011, "msg": "Gone."},
}


@pytest.mark.parametrize(
    ("kind", "data", "new", "old"),
    [
        (PartlyDone, HALF, "REJECTED", "DONE"),
        (PartlyDone, OPEN_AND_NEW, "NEW", "NOT_DONE"),
        (Rejected, {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED"}, "REJECTED", "NOT_DONE"),
        (OutcomeUnknown, HALF | {"newOrderResponse": {"code": -1007, "msg": "Late."}}, "UNKNOWN", "DONE"),
        (OutcomeUnknown, None, "UNKNOWN", "UNKNOWN"),
        (Unreachable, None, "NOT_SENT", "NOT_SENT"),
    ],
    ids=["cancelled only", "placed only", "neither", "cancelled, the other unknown", "both unknown", "not sent"],
)
async def test_each_half_of_a_replacement_is_judged_alone(
    gate: Gate, spot: FakeSpot, journal: Path, *, kind: type[SpotError], data: dict[str, Any] | None, new: str, old: str
) -> None:
    def place(wire: Wire) -> SpotError:
        answers = data
        if data is OPEN_AND_NEW:
            answers = {**OPEN_AND_NEW, "newOrderResponse": order_report(wire) | {"status": "NEW"}}
        return kind("Half.", exchange=ExchangeError(-2021, "Order cancel-replace partially failed.", 409, answers))

    spot.replies["cancel_replace_order"] = place
    with pytest.raises(kind):
        await make(gate, "cancel_replace_order", REPLACE)
    assert written(journal)[2:] == [("order", new), ("intent", old)]


@pytest.mark.parametrize(("tool", "given"), [("cancel_order", CANCEL), ("amend_order", AMEND)])
async def test_what_is_done_to_an_order_is_written_too(
    gate: Gate, spot: FakeSpot, journal: Path, tool: str, given: dict[str, Any]
) -> None:
    await make(gate, tool, given)
    assert written(journal) == [("intent", "INTENDED"), ("intent", "SENDING"), ("intent", "DONE")]
    spot.replies[tool] = lambda _: OutcomeUnknown("Cut.")
    with pytest.raises(OutcomeUnknown):
        await make(gate, tool, given, None if tool == "cancel_order" else "again")
    assert written(journal)[-1] == ("intent", "UNKNOWN")


async def test_a_cancel_of_our_own_order_ends_it_in_the_journal(gate: Gate, spot: FakeSpot, journal: Path) -> None:
    passed = await make(gate, "place_order", limit())
    name = passed.client_order_id
    spot.replies["cancel_order"] = lambda wire: order_report(wire) | {
        "origClientOrderId": name, "status": "CANCELED", "executedQty": "0.5",
    }  # fmt: skip
    await make(gate, "cancel_order", CANCEL)
    order = Register(read_journal(journal).records).orders[name]
    assert (order.state, order.executed) == ("CANCELED", Decimal("0.5"))


async def test_a_cancel_that_came_too_late_adopts_what_the_order_has_come_to(
    gate: Gate, spot: FakeSpot, journal: Path
) -> None:
    name = (await make(gate, "place_order", limit())).client_order_id
    spot.replies["cancel_order"] = lambda _: Rejected("Gone.", exchange=ExchangeError(-2011, "Unknown order sent."))
    spot.replies["get_order"] = lambda _: open_order(clientOrderId=name, status="FILLED", executedQty="1")
    with pytest.raises(Rejected):
        await make(gate, "cancel_order", CANCEL)
    assert Register(read_journal(journal).records).orders[name].state == "FILLED"


async def test_the_same_name_and_payload_give_the_same_record_and_send_nothing(gate: Gate, spot: FakeSpot) -> None:
    first = await make(gate, "place_order", limit(), "mine")
    again = await make(gate, "place_order", limit(quantity="1.000"), "mine")
    assert len(spot.asked("place_order")) == 1
    assert (again.intent_id, again.client_order_id) == ("mine", first.client_order_id)
    assert (again.answer.payload.order_id, again.answer.payload.status) == (7, "NEW")
    assert "nothing was sent now" in again.notes[0]


async def test_the_same_name_for_another_payload_is_a_conflict(gate: Gate, spot: FakeSpot) -> None:
    await make(gate, "place_order", limit(), "mine")
    for tool, given in (("place_order", limit("2")), ("place_oco", OCO), ("amend_order", AMEND)):
        with pytest.raises(InvalidInput) as refusal:
            await make(gate, tool, given, "mine")
        assert (refusal.value.code, refusal.value.sent) == ("INTENT_CONFLICT", "no")
    assert len([name for name, _ in spot.calls if CATALOGUE[name].effect in {"place", "amend"}]) == 1


async def test_an_equal_payload_without_a_name_is_a_repetition_for_a_minute(
    make_gate: MakeGate, spot: FakeSpot
) -> None:
    gate = make_gate()
    first = await make(gate, "place_order", limit())
    spot.now_ms += 59_999
    with pytest.raises(Refused) as refusal:
        await make(gate, "place_order", limit())
    assert (refusal.value.code, refusal.value.sent) == ("DUPLICATE_INTENT", "no")
    assert (refusal.value.intent_id, refusal.value.client_order_id) == (first.intent_id, first.client_order_id)
    await make(gate, "place_order", limit(), "a-second-one")
    await make(gate, "place_order", limit("2"))
    spot.now_ms += 60_000
    await make(gate, "place_order", limit())
    assert len(spot.asked("place_order")) == 4


async def test_what_came_to_nothing_may_be_tried_again(gate: Gate, spot: FakeSpot) -> None:
    for error in (Unreachable("No network."), Rejected("Poor.")):
        spot.replies["place_order"] = lambda _, error=error: error  # type: ignore[misc]
        with pytest.raises(type(error)):
            await make(gate, "place_order", limit())
    spot.replies["place_order"] = order_report
    await make(gate, "place_order", limit())
    assert len({sent["newClientOrderId"] for sent in spot.asked("place_order")}) == 3


async def test_what_was_not_sent_is_sent_when_it_is_asked_for_again_under_its_name(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["place_order"] = lambda _: Unreachable("No network.")
    with pytest.raises(Unreachable):
        await make(gate, "place_order", limit(), "mine")
    spot.replies["place_order"] = order_report
    passed = await make(gate, "place_order", limit(), "mine")
    first, second = spot.asked("place_order")
    assert first["newClientOrderId"] != second["newClientOrderId"] == passed.client_order_id


async def test_what_was_refused_or_is_unknown_stays_so_under_its_name(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["place_order"] = lambda _: Rejected("Poor.", exchange=ExchangeError(-2010, "Insufficient."))
    for _ in range(2):
        with pytest.raises(Rejected, match=r"Poor\.") as refusal:
            await make(gate, "place_order", limit(), "poor")
    assert refusal.value.exchange == ExchangeError(-2010, "Insufficient.")
    spot.replies["place_order"] = lambda _: OutcomeUnknown("Cut.")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown) as unknown:
            await make(gate, "place_order", limit("2"), "lost")
    assert unknown.value.client_order_id == spot.asked("place_order")[1]["newClientOrderId"]
    assert len(spot.asked("place_order")) == 2


@pytest.mark.parametrize("intent_id", ["mine", None])
async def test_two_equal_calls_at_once_are_one_order(gate: Gate, spot: FakeSpot, intent_id: str | None) -> None:
    hold = spot.hold("place_order")
    calls = [asyncio.create_task(make(gate, "place_order", limit(), intent_id)) for _ in range(2)]
    await hold.arrived.wait()
    hold.released.set()
    first, second = await asyncio.gather(*calls, return_exceptions=True)
    assert len(spot.asked("place_order")) == 1
    assert isinstance(first, Passed)
    if intent_id is None:
        assert isinstance(second, Refused)
        assert second.code == "DUPLICATE_INTENT"
    else:
        assert isinstance(second, Passed)
        assert second.client_order_id == first.client_order_id


async def test_a_call_whose_caller_has_left_is_not_made_again_meanwhile(gate: Gate, spot: FakeSpot) -> None:
    hold = spot.hold("place_order")
    caller = asyncio.create_task(make(gate, "place_order", limit(), "mine"))
    await hold.arrived.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    again = asyncio.create_task(make(gate, "place_order", limit(), "mine"))
    hold.released.set()
    assert (await again).answer.payload.status == "NEW"
    assert len(spot.asked("place_order")) == 1


async def test_a_call_whose_caller_leaves_while_it_is_written_down_is_not_made_twice(
    gate: Gate, spot: FakeSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = asyncio.Event(), asyncio.Event()
    append = Journal.append

    async def slowly(journal: Journal, *entries: Entry, **how: Any) -> None:
        writing.set()
        await go_on.wait()
        await append(journal, *entries, **how)

    monkeypatch.setattr(Journal, "append", slowly)
    caller = asyncio.create_task(make(gate, "place_order", limit(), "mine"))
    await writing.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    again = asyncio.create_task(make(gate, "place_order", limit(), "mine"))
    await asyncio.sleep(0)
    go_on.set()
    await again
    assert len(spot.asked("place_order")) == 1


async def test_nothing_leaves_when_the_journal_cannot_be_written(
    make_gate: MakeGate, spot: FakeSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    gate = make_gate()
    monkeypatch.setattr("binance_spot_mcp.trading.journal.file.JournalFile.commit", full_disk)
    for tool, given in (("place_order", limit()), ("place_oco", OCO), ("amend_order", AMEND), ("cancel_order", CANCEL)):
        with pytest.raises(Refused) as refusal:
            await make(gate, tool, given)
        assert (refusal.value.code, refusal.value.sent) == ("JOURNAL_UNAVAILABLE", "no")
        assert not spot.asked(tool)


async def test_an_outcome_that_cannot_be_written_is_told_all_the_same(
    make_gate: MakeGate, spot: FakeSpot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def place(wire: Wire) -> object:
        monkeypatch.setattr("binance_spot_mcp.trading.journal.file.JournalFile.commit", full_disk)
        return order_report(wire)

    gate = make_gate()
    spot.replies["place_order"] = place
    passed = await make(gate, "place_order", limit(), "mine")
    assert passed.answer.payload.order_id == 7
    assert "could not be written down" in caplog.text
    again = await make(gate, "place_order", limit(), "mine")
    assert again.client_order_id == passed.client_order_id


@pytest.fixture
def damaged(journal: Path) -> Path:
    journal.parent.mkdir()
    journal.write_bytes(b"not a journal at all" * 100)
    return journal


@pytest.mark.usefixtures("damaged")
async def test_a_damaged_journal_closes_trading_and_says_so(gate: Gate, spot: FakeSpot) -> None:
    with pytest.raises(Refused, match="damaged inside") as refusal:
        await make(gate, "place_order", limit())
    assert refusal.value.code == "JOURNAL_UNAVAILABLE"
    assert spot.calls == []


async def test_a_shape_that_was_tested_is_remembered_by_the_journal(make_gate: MakeGate, spot: FakeSpot) -> None:
    first = make_gate(state="shared")
    await make(first, "place_order", limit())
    await first._keeper.close()
    second = make_gate(state="shared")
    await make(second, "place_order", limit("2"))
    await make(second, "place_order", limit(timeInForce="IOC"))
    assert [sent["timeInForce"] for sent in spot.asked("test_order")] == ["GTC", "IOC"]


async def test_a_second_process_on_an_account_only_reads_until_the_first_has_ended(
    gate: Gate, spot: FakeSpot, journal: Path
) -> None:
    first = WriterLock(journal)
    assert first.take()
    for tool, given in (("place_order", limit()), ("cancel_order", CANCEL)):
        with pytest.raises(Refused) as refusal:
            await make(gate, tool, given)
        assert (refusal.value.code, refusal.value.sent) == ("READ_ONLY", "no")
        assert "Process" in refusal.value.message
    assert spot.calls == []
    first.release()
    await make(gate, "place_order", limit())


@pytest.mark.parametrize(
    ("tool", "given", "reply"),
    [("place_order", limit(), order_report), ("amend_order", AMEND, amended), ("cancel_order", CANCEL, order_report)],
)
async def test_what_the_journal_says_is_what_the_server_knew(
    gate: Gate, spot: FakeSpot, journal: Path, *, tool: str, given: dict[str, Any], reply: Callable[[Wire], object]
) -> None:
    for answer in (reply, lambda _: OutcomeUnknown("Cut."), lambda _: Rejected("No.")):
        spot.replies[tool] = answer
        spot.now_ms += 60_000
        with suppress(SpotError):
            await make(gate, tool, given)
    replayed = Register(read_journal(journal).records)
    live = (await gate._keeper.account()).intents.register
    assert (replayed.intents, replayed.orders) == (live.intents, live.orders)
    assert replayed.intents


async def test_calls_that_fail_together_are_each_told_their_own_name(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["get_exchange_info"] = lambda _: Unreachable("The line is down.")
    names = ["mine", "yours"]
    calls = (make(gate, "place_order", limit(), name) for name in names)
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert [failure.intent_id for failure in failures if isinstance(failure, SpotError)] == names
