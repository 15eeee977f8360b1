"""The gate's switch: what closes it stays closed, over restarts and archives, until the operator says otherwise."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import limit
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot, list_report, open_order, order_report
from tests.unit.trading.test_gate import OCO, pass_through

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.errors import ExchangeError, FilterFailure, OutcomeUnknown, Refused, Rejected, Unreachable
from binance_spot_mcp.trading.breaker import HELD_BACK, REJECTIONS
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.register import Intent
from binance_spot_mcp.trading.stopping import AGAIN_S, LOOK_S
from binance_spot_mcp.trading.switch import RESUME, STOP_FILE, UNTIL

pytestmark = pytest.mark.anyio

ACCOUNT = "testnet-key"
NOT_FOUND = Rejected("None.", code="NOT_FOUND", exchange=ExchangeError(-2013, "Order does not exist."))
CANCEL = {"symbol": "BTCUSDT", "orderId": 7}


@pytest.fixture
def operator(tmp_path: Path) -> OperatorFile:
    return OperatorFile(tmp_path / OPERATOR_FILE)


def resume(operator: OperatorFile) -> None:
    latest = operator.read(ACCOUNT)[-1].id
    operator.write(ACCOUNT, RESUME, data={UNTIL: latest}, at_ms=9)


async def closed(gate: Gate, reason: str, tool: str = "place_order", given: dict[str, Any] | None = None) -> Refused:
    with pytest.raises(Refused) as refusal:
        await pass_through(gate, tool, given or limit())
    assert (refusal.value.code, refusal.value.sent) == ("AUTH_FAILED" if reason == "key" else "BREAKER_OPEN", "no")
    assert refusal.value.details["closed_by"] == [reason]
    return refusal.value


async def test_stopping_cancels_our_orders_and_leaves_those_of_others(gate: Gate, spot: FakeSpot) -> None:
    first = await pass_through(gate, "place_order", limit())
    mine = open_order(clientOrderId=first.client_order_id)
    foreign = open_order(orderId=99, clientOrderId="theirs")
    spot.replies["get_open_orders"] = lambda _: [mine, foreign]
    spot.replies["get_order"] = lambda _: mine
    spot.replies["cancel_order"] = lambda _: (
        order_report({"symbol": "BTCUSDT", "newClientOrderId": "x"})
        | {
            "origClientOrderId": first.client_order_id,
            "status": "CANCELED",
        }
    )
    told = await gate.stop("it was enough")
    assert [order["orderId"] for order in told["cancelled"]] == [7]  # type: ignore[attr-defined]
    assert [wire["orderId"] for wire in spot.asked("cancel_order")] == ["7"]
    assert (told["not_cancelled"], told["external_count"], told["survives_restart"]) == ([], 1, True)
    assert told["external"] == [
        {"symbol": "BTCUSDT", "orderId": 99, "clientOrderId": "theirs", "status": "NEW"},
    ]
    refusal = await closed(gate, "stop")
    assert "binance-spot-mcp resume" in refusal.message
    assert len(spot.asked("place_order")) == 1


async def test_what_cannot_be_cancelled_is_told_with_the_reason(gate: Gate, spot: FakeSpot) -> None:
    await pass_through(gate, "place_order", limit())
    spot.replies["cancel_order"] = lambda _: Rejected("Nobody is in.", code="EXCHANGE_UNAVAILABLE")
    spot.replies["get_open_orders"] = lambda _: Unreachable("No line.")
    told = await gate.stop("it was enough")
    ((left),) = (told["not_cancelled"],)
    assert [(each["orderId"], each["why"]) for each in left] == [(7, "Nobody is in.")]  # type: ignore[attr-defined]
    assert told["external_count"] is None


async def test_an_order_that_turns_up_after_the_stop_is_cancelled_too(gate: Gate, spot: FakeSpot) -> None:
    pauses: asyncio.Queue[float] = asyncio.Queue()
    looks: asyncio.Queue[None] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        pauses.put_nowait(seconds)
        await looks.get()

    spot.replies["get_open_orders"] = lambda _: []
    spot.replies["place_order"] = lambda _: OutcomeUnknown("Lost.")
    spot.replies["get_order"] = lambda _: NOT_FOUND
    with pytest.raises(OutcomeUnknown) as lost:
        await pass_through(gate, "place_order", limit())
    watch = gate.watch(sleep)
    assert await pauses.get() == LOOK_S
    told = await gate.stop("it was enough")
    assert len(told["not_cancelled"]) == 1  # type: ignore[arg-type]
    looks.put_nowait(None)
    assert await pauses.get() == AGAIN_S
    name = lost.value.client_order_id
    spot.replies["get_order"] = lambda _: open_order(clientOrderId=name)
    spot.replies["cancel_order"] = lambda _: open_order(
        transactTime=1, clientOrderId="x", origClientOrderId=name, status="CANCELED"
    )
    looks.put_nowait(None)
    assert await pauses.get() == LOOK_S
    assert [wire["orderId"] for wire in spot.asked("cancel_order")] == ["7"]
    watch.cancel()


async def test_a_list_is_cancelled_by_one_of_its_legs(gate: Gate, spot: FakeSpot) -> None:
    numbers = iter((11, 12))

    def placed(wire: dict[str, str]) -> dict[str, Any]:
        report = list_report(wire)
        return report | {"orderReports": [each | {"orderId": next(numbers)} for each in report["orderReports"]]}

    spot.replies["place_oco"] = placed
    await pass_through(gate, "place_oco", OCO)
    legs = [*(await gate._keeper.account()).intents.register.orders]
    gone = [
        open_order(transactTime=1, orderId=number, clientOrderId="x", origClientOrderId=name, status="CANCELED")
        for number, name in zip((11, 12), legs, strict=True)
    ]
    spot.replies["cancel_order"] = lambda _: (
        list_report({"symbol": "BTCUSDT", "listClientOrderId": "x"}) | {"orderReports": gone}
    )
    spot.replies["get_open_orders"] = lambda _: []
    told = await gate.stop("it was enough")
    assert len(told["cancelled"]) == 2  # type: ignore[arg-type]
    assert len(spot.asked("cancel_order")) == 1


async def test_an_order_on_its_way_does_not_leave_a_gate_that_closes(gate: Gate, spot: FakeSpot) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    hold = spot.hold("test_order")
    call = asyncio.create_task(pass_through(gate, "place_order", limit()))
    await hold.arrived.wait()
    await gate.stop("it was enough")
    hold.released.set()
    with pytest.raises(Refused) as refusal:
        await call
    assert refusal.value.code == "BREAKER_OPEN"
    assert spot.asked("place_order") == []


async def test_a_stop_between_the_record_and_the_first_byte_keeps_the_order_here(
    gate: Gate, spot: FakeSpot, operator: OperatorFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    intents = (await gate._keeper.account()).intents
    begin = intents.begin

    async def stopped_meanwhile(*given: Any, **named: Any) -> Intent:
        intent = await begin(*given, **named)
        operator.write(ACCOUNT, "stop", data={"why": "it was enough"}, at_ms=1)
        return intent

    monkeypatch.setattr(intents, "begin", stopped_meanwhile)
    await closed(gate, "stop")
    assert spot.asked("place_order") == []
    assert [order.state for order in intents.register.orders.values()] == ["NOT_SENT"]


async def test_only_the_operator_opens_it_and_the_running_server_hears(
    gate: Gate, spot: FakeSpot, operator: OperatorFile
) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    await gate.stop("it was enough")
    await closed(gate, "stop")
    resume(operator)
    await pass_through(gate, "place_order", limit())
    journal = (await gate._keeper.account()).intents.register
    assert journal.decided == operator.read(ACCOUNT)[-1].id


async def test_a_stop_that_the_operator_has_not_seen_stays(gate: Gate, spot: FakeSpot, operator: OperatorFile) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    await gate.stop("it was enough")
    seen = operator.read(ACCOUNT)[-1].id
    operator.write(ACCOUNT, "stop", data={"why": "once more"}, at_ms=1)
    operator.write(ACCOUNT, RESUME, data={UNTIL: seen}, at_ms=2)
    assert "once more" in (await closed(gate, "stop")).message


async def test_it_stays_closed_for_the_next_process_and_for_a_new_journal(make_gate: MakeGate, spot: FakeSpot) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    await make_gate(state="one").stop("it was enough")
    await closed(make_gate(state="another one"), "stop")


async def test_another_account_is_not_meant(make_gate: MakeGate, spot: FakeSpot) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    await make_gate(state="one").stop("it was enough")
    await pass_through(make_gate("demo"), "place_order", limit())


async def test_cancels_and_repeats_pass_a_closed_gate_and_amendments_do_not(gate: Gate, spot: FakeSpot) -> None:
    endpoint = CATALOGUE["place_order"]
    params = endpoint.params.model_validate(limit())
    first = await gate.call(endpoint, params, "once")
    spot.replies["get_open_orders"] = lambda _: []
    await gate.stop("it was enough")
    again = await gate.call(endpoint, params, "once")
    assert again.client_order_id == first.client_order_id
    await pass_through(gate, "cancel_order", CANCEL)
    await pass_through(gate, "test_order", limit())
    await closed(gate, "stop", "amend_order", {"symbol": "BTCUSDT", "orderId": 7, "newQty": "0.5"})


async def test_the_stop_file_closes_the_gate_as_long_as_it_is_there(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / STOP_FILE).touch()
    await closed(gate, "file")
    (tmp_path / STOP_FILE).unlink()
    await pass_through(gate, "place_order", limit())


async def test_a_damaged_file_of_the_operator_closes_the_gate(make_gate: MakeGate, tmp_path: Path) -> None:
    (tmp_path / OPERATOR_FILE).write_bytes(b"nonsense")
    with pytest.raises(Refused) as refusal:
        await pass_through(make_gate(), "place_order", limit())
    assert refusal.value.code == "JOURNAL_UNAVAILABLE"


async def test_stopping_works_also_where_it_cannot_be_written_down(
    make_gate: MakeGate, spot: FakeSpot, tmp_path: Path
) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    (tmp_path / OPERATOR_FILE).write_bytes(b"nonsense")
    gate = make_gate()
    told = await gate.stop("it was enough")
    assert told["survives_restart"] is False
    (tmp_path / OPERATOR_FILE).unlink()  # the disk is well again: now it is written
    await closed(gate, "stop")
    await closed(make_gate(), "stop")


async def test_the_breaker_opens_and_stays_open_over_a_restart(
    make_gate: MakeGate, spot: FakeSpot, operator: OperatorFile
) -> None:
    gate = make_gate(state="one")
    await pass_through(gate, "place_order", limit("2"))
    spot.replies["place_order"] = lambda _: Rejected("No.", exchange=ExchangeError(-2010, "No."))
    for _ in range(REJECTIONS):
        with pytest.raises(Rejected):
            await pass_through(gate, "place_order", limit())
    assert "the exchange refused 20 orders" in (await closed(gate, "breaker")).message
    await closed(make_gate(state="another one"), "breaker")
    assert [said.kind for said in operator.read(ACCOUNT)] == ["breaker"]
    spot.replies["place_order"] = order_report
    resume(operator)
    await pass_through(gate, "place_order", limit())


async def test_wrong_orders_do_not_open_it(gate: Gate) -> None:
    for _ in range(3 * HELD_BACK):
        with pytest.raises(FilterFailure):
            await pass_through(gate, "place_order", limit("0.0000001"))
    await pass_through(gate, "place_order", limit())


@pytest.mark.parametrize("code", [-2014, -2015])
async def test_a_refused_key_closes_the_gate_until_something_signed_works(
    gate: Gate, spot: FakeSpot, code: int
) -> None:
    spot.replies["place_order"] = lambda _: Rejected("Wrong key.", code="AUTH_FAILED", exchange=ExchangeError(code, ""))
    with pytest.raises(Rejected):
        await pass_through(gate, "place_order", limit())
    spot.replies["place_order"] = order_report
    before = len(spot.asked("place_order"))
    assert (await closed(gate, "key")).next == "get_account"
    assert len(spot.asked("place_order")) == before
    await pass_through(gate, "cancel_order", CANCEL)  # signed, and it worked
    await pass_through(gate, "place_order", limit())


async def test_the_state_says_what_closes_the_gate(make_gate: MakeGate, spot: FakeSpot, tmp_path: Path) -> None:
    spot.replies["get_open_orders"] = lambda _: []
    gate = make_gate("live")
    await gate.stop("it was enough")
    (tmp_path / STOP_FILE).touch()
    state = await gate.state()
    assert state["gate"] == "closed"
    reasons = [each["reason"] for each in state["closed_by"]]  # type: ignore[attr-defined]
    assert reasons == ["stop", "file", "LIVE_DISABLED"]
