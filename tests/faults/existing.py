"""Faults that befall orders that exist: cancels, amendments, replacements, lists, fills in between."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from tests.e2e.faulty_line import FaultyLine, with_body
from tests.faults.agent import Answer
from tests.faults.exchange import AMEND, CANCEL, CANCEL_ALL, OCO, PLACE, QUERY, REPLACE, Match
from tests.faults.floor import BTC, ORDER, Floor, Mode, told
from tests.faults.placing import TIMED_OUT, UNKNOWN
from tests.faults.table import Row

Effect = Mapping[str, Any]

RESET: Final = {"kind": "reset"}
SPOKEN: Final[tuple[Mode, ...]] = ("rest", "ws")
OCO_TERMS: Final = {
    **BTC,
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "150000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "40000",
}
DUPLICATE: Final = {"kind": "reply", "status": 400, "body": {"code": -2010, "msg": "Duplicate order sent."}}


def met(match: Match, mode: Mode) -> Match:
    """Requests as they travel in a mode."""
    place = {"rest": ("rest",), "ws": ("ws_api",), "auto": ("rest", "ws_api")}[mode]
    return {where: match[where] for where in place}


async def _fault(ground: Floor, match: Match, effect: Effect, phase: str | None = None, **rule: Any) -> None:
    await ground.exchange.faults(met(match, ground.mode), effect, **({"phase": phase} if phase else {}), **rule)


async def _placed(ground: Floor, **changes: Any) -> Answer:
    if ground.home.exists() is False:
        await ground.start()
    placed = await ground.place("first", **changes)
    told(placed, ok=True)
    return placed


async def _reached(ground: Floor, state: str, **named: Any) -> Answer:
    """Wait until a call or an order has come to a state."""
    return await ground.until(
        lambda: ground.ask("get_order_state", **named),
        lambda said: said.get("state") == state and bool(said.get("settled")),
        45,
    )


async def _status(ground: Floor, name: str, status: str) -> None:
    """What the exchange and the journal say of an order in the end."""
    said = await _reached(ground, status, client_order_id=name)
    told(said, state=status, settled=True)
    truth = (await ground.truth())[name]
    assert truth["status"] == status, truth


async def _has_traded(ground: Floor) -> None:
    """Let the first order trade, so that there is a last price."""
    await ground.exchange.trade("SELL", "50000", "0.001")
    told(await ground.ask("get_order_state", intent_id="first"), state="FILLED")


# Cancels


async def _cancel(ground: Floor, effect: Effect, phase: str, status: str) -> None:
    placed = await _placed(ground)
    await _fault(ground, CANCEL, effect, phase)
    said = await ground.ask("cancel_order", **BTC, orderId=placed["orderId"])
    if not said["ok"]:
        told(said, code="OUTCOME_UNKNOWN", sent="unknown", retry="after_reconcile")
    again = await ground.ask("cancel_order", **BTC, orderId=placed["orderId"])
    if status == "CANCELED":  # somebody was quicker: the first request
        told(again, ok=(True, False))
    else:
        told(again, ok=True, status="CANCELED")
    await _status(ground, placed["client_order_id"], "CANCELED")


async def _cancel_unheard(ground: Floor, effect: Effect, phase: str, status: str) -> None:
    """The agent only asks, and the order's state is right."""
    placed = await _placed(ground)
    await _fault(ground, CANCEL, effect, phase)
    told(await ground.ask("cancel_order", **BTC, orderId=placed["orderId"]), ok=(False, True))
    await _status(ground, placed["client_order_id"], status)


async def _cancel_too_late(ground: Floor) -> None:
    placed = await _placed(ground)
    await ground.exchange.trade("SELL", "50000", "0.001")
    said = await ground.ask("cancel_order", **BTC, orderId=placed["orderId"])
    told(said, ok=False, code="EXCHANGE_REJECTED", sent="yes", retry="never")
    assert "FILLED" in said["message"], said
    told(await ground.ask("get_order_state", intent_id="first"), state="FILLED", settled=True)


async def _cancel_nothing(ground: Floor) -> None:
    await _placed(ground)
    said = await ground.ask("cancel_order", **BTC, orderId=987654)
    told(said, ok=False, sent="yes", retry="after_fix")
    assert "No order" in said["message"] or "not found" in said["message"].lower(), said


async def _cancel_halted(ground: Floor, status: str) -> None:
    placed = await _placed(ground)
    await ground.exchange.operate("POST", "/symbols/status", {"symbol": "BTCUSDT", "status": status})
    refused = await ground.place("one", price="50001")
    told(refused, ok=False, code="SYMBOL_NOT_TRADING")
    told(await ground.ask("cancel_order", **BTC, orderId=placed["orderId"]), ok=True, status="CANCELED")
    if refused["sent"] == "yes":
        told(await ground.ask("get_order_state", intent_id="one"), state="REJECTED")


async def _cancel_all(ground: Floor, effect: Effect, phase: str, status: str) -> None:
    first = await _placed(ground)
    second = await ground.place("second", price="50001")
    await _fault(ground, CANCEL_ALL, effect, phase)
    told(await ground.ask("cancel_all_orders", **BTC), ok=False, code="OUTCOME_UNKNOWN", sent="unknown")
    for placed in (first, second):
        await _status(ground, placed["client_order_id"], status)
    arrived = await ground.exchange.requests(CANCEL_ALL)
    assert len(arrived) == 1, f"cancel-all was sent {len(arrived)} times"


async def _cancel_all_of_nothing(ground: Floor) -> None:
    await ground.start()
    said = await ground.ask("cancel_all_orders", **BTC)
    told(said, ok=False, sent="yes", retry="never")
    assert "nothing" in said["message"].lower(), said


# Amendments


async def _amend(ground: Floor, effect: Effect, phase: str, quantity: str) -> None:
    placed = await _placed(ground, quantity="0.002")
    await _fault(ground, AMEND, effect, phase)
    said = await ground.ask("amend_order", **BTC, orderId=placed["orderId"], newQty="0.001", intent_id="amended")
    if not said["ok"]:
        told(said, **UNKNOWN, intent_id="amended")
    told(await ground.settled("amended"), settled=True)
    (truth,) = (await ground.truth()).values()
    assert truth["quantity"] == quantity, truth
    again = await ground.ask("amend_order", **BTC, orderId=placed["orderId"], newQty="0.001", intent_id="amended")
    told(again, ok=quantity == "0.001")
    assert len(await ground.exchange.requests(AMEND)) == 1


# Replacements


def _replacement(order_id: int, **changes: Any) -> dict[str, Any]:
    terms = {**ORDER, "price": "49000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order_id}
    return terms | changes


async def _replace(ground: Floor, effect: Effect, phase: str, done: bool) -> None:
    placed = await _placed(ground)
    await _fault(ground, REPLACE, effect, phase)
    call = {**_replacement(placed["orderId"]), "intent_id": "one"}
    said = await ground.ask("cancel_replace_order", **call)
    if not said["ok"]:
        told(said, **UNKNOWN, intent_id="one")
    told(await ground.settled(most_s=60), settled=True)
    await _status(ground, placed["client_order_id"], "CANCELED" if done else "NEW")
    again = await ground.ask("cancel_replace_order", **call)
    told(again, ok=done)
    open_now = [name for name, entry in (await ground.truth()).items() if entry["status"] == "NEW"]
    assert len(open_now) == 1, open_now
    assert (open_now == [placed["client_order_id"]]) is not done
    assert len(await ground.exchange.requests(REPLACE)) == 1


async def _replace_halves(ground: Floor, changes: Mapping[str, Any], halves: tuple[str, str], open_after: int) -> None:
    """One half or none of a replacement is refused by the exchange itself."""
    placed = await _placed(ground)
    call = {**_replacement(placed["orderId"]), **changes, "intent_id": "one"}
    said = await ground.ask("cancel_replace_order", **call)
    told(said, ok=False, code="EXCHANGE_REJECTED", sent="yes", intent_id="one")
    results = said["details"]
    assert (results["cancelResult"], results["newOrderResult"]) == halves, said
    told(await ground.settled(), settled=True)
    await _status(ground, placed["client_order_id"], "CANCELED" if halves[0] == "SUCCESS" else "NEW")
    assert sum(entry["status"] == "NEW" for entry in (await ground.truth()).values()) == open_after
    again = await ground.ask("cancel_replace_order", **call)
    assert again["intent_id"] == "one"
    assert len(await ground.exchange.requests(REPLACE)) == 1


async def _replace_cut(ground: Floor) -> None:
    """The exchange cancels and refuses the new order, and its 409 arrives cut: each half is found out alone."""
    placed = await _placed(ground)
    await _fault(ground, REPLACE, CUT, "reply")
    call = {**_replacement(placed["orderId"]), **TOO_MUCH, "intent_id": "one"}
    said = await ground.ask("cancel_replace_order", **call)
    told(said, ok=False, **UNKNOWN, intent_id="one")
    told(await ground.settled(most_s=60), settled=True)
    await _status(ground, placed["client_order_id"], "CANCELED")
    assert sum(entry["status"] == "NEW" for entry in (await ground.truth()).values()) == 0
    told(await ground.ask("cancel_replace_order", **call), intent_id="one")
    assert len(await ground.exchange.requests(REPLACE)) == 1


# Lists


async def _list(ground: Floor, effect: Effect, phase: str, legs: int) -> None:
    await _placed(ground)
    await _has_traded(ground)
    await _fault(ground, OCO, effect, phase)
    said = await ground.ask("place_oco", **OCO_TERMS, intent_id="one")
    if not said["ok"]:
        told(said, **UNKNOWN, intent_id="one")
    told(await ground.settled(most_s=60), settled=True)
    again = await ground.ask("place_oco", **OCO_TERMS, intent_id="one")
    told(again, ok=legs > 0, intent_id="one")
    assert len(await ground.truth()) == 1 + legs
    assert len(await ground.exchange.requests(OCO)) == 1


async def _list_in_part(ground: Floor, change: Callable[[dict[str, Any]], object]) -> None:
    """The whole list is placed, and its answer tells of it wrongly: each leg is found out alone."""
    async with FaultyLine(ground.exchange.rest).open() as line:
        await ground.start(BINANCE_BASE_URL=line.origin)
        told(await ground.place("first"), ok=True)
        await _has_traded(ground)
        line.once("POST /api/v3/orderList/oco", with_body(change))
        said = await ground.ask("place_oco", **OCO_TERMS, intent_id="one")
        if not said["ok"]:
            told(said, **UNKNOWN, intent_id="one")
        told(await ground.settled(), settled=True)
        told(await ground.ask("place_oco", **OCO_TERMS, intent_id="one"), ok=True, intent_id="one")
        assert sum(entry["status"] == "NEW" for entry in (await ground.truth()).values()) == 2
        assert len(line.asked("POST /api/v3/orderList/oco")) == 1


def _without_a_leg(body: dict[str, Any]) -> object:
    return body | {"orderReports": body["orderReports"][:1], "orders": body["orders"][:1]}


def _with_another_leg(body: dict[str, Any]) -> object:
    one, other = body["orderReports"]
    return body | {"orderReports": [one, other | {"clientOrderId": "x"}]}


def _of_another_symbol(body: dict[str, Any]) -> object:
    return body | {"symbol": "ETHUSDT"}


async def _list_refused(ground: Floor) -> None:
    await _placed(ground)
    await _has_traded(ground)
    said = await ground.ask("place_oco", **OCO_TERMS | {"quantity": "3"}, intent_id="one")
    told(said, ok=False, code="EXCHANGE_REJECTED", sent="yes", intent_id="one")
    told(await ground.ask("get_order_state", intent_id="one"), state="REJECTED", settled=True)


# Placing, and what lies behind it


async def _duplicate(ground: Floor, phase: str, state: str) -> None:
    await _placed(ground)
    await _fault(ground, PLACE, DUPLICATE, phase)
    said = await ground.place("one", price="50001")
    if said["ok"]:
        told(said, status=state)
    else:
        told(said, code=("ORDER_UNRESOLVED", "OUTCOME_UNKNOWN"), sent=("yes", "unknown"), retry="after_reconcile")
    told(await ground.settled(), state=state, settled=True)
    assert len(await ground.exchange.requests(PLACE)) == 2


async def _not_visible_yet(ground: Floor) -> None:
    await _placed(ground)
    await _fault(ground, PLACE, {"kind": "query_lag", "ms": 2_500}, "after")
    told(await ground.place("one", price="50001"), ok=True, status="NEW")
    told(await ground.ask("get_order_state", intent_id="one"), state="NEW", settled=True)
    told(await ground.ask("reconcile_orders", **BTC), ok=True)
    told(await ground.ask("get_order_state", intent_id="one"), state="NEW", settled=True)
    assert "NOT_PLACED" not in ground.states(), ground.states()


async def _found_after_denials(ground: Floor) -> None:
    """The first queries after a lost verdict say -2013, and the order exists."""
    await _placed(ground)
    await _fault(ground, PLACE, TIMED_OUT, "after")
    unknown = {"kind": "reply", "status": 400, "body": {"code": -2013, "msg": "Order does not exist."}}
    await _fault(ground, QUERY, unknown, "before", times=4)
    said = await ground.place("one", price="50001")
    if not said["ok"]:  # else the user data stream told of it in time
        told(said, **UNKNOWN)
    told(await ground.settled(), state="NEW", settled=True)
    assert "NOT_PLACED" not in ground.states(), ground.states()


async def _filled_while_unknown(ground: Floor, resting: Sequence[str], state: str, executed: str) -> None:
    """What was placed and not answered has traded at once."""
    await ground.start()
    for quantity in resting:
        await ground.exchange.trade("SELL", "50000", quantity)
    await _fault(ground, PLACE, RESET, "after")
    said = await ground.place()
    if not said["ok"]:
        told(said, **UNKNOWN)
    ended = await ground.settled()
    told(ended, state=state, settled=True)
    (truth,) = (await ground.truth()).values()
    assert truth["executed"].rstrip("0") == executed, truth
    told(await ground.place(), ok=True, status=state)
    if state == "PARTIALLY_FILLED":
        await ground.exchange.heal()
        await ground.exchange.trade("SELL", "50000", "0.0006")
        told(await _reached(ground, "FILLED", intent_id="one"), state="FILLED")


async def _market_unknown(ground: Floor) -> None:
    await ground.start()
    await ground.exchange.trade("SELL", "50000", "0.002")
    await _fault(ground, PLACE, RESET, "after")
    terms = {**BTC, "side": "BUY", "type": "MARKET", "quantity": "0.001", "intent_id": "one"}
    said = await ground.ask("place_order", **terms)
    if not said["ok"]:
        told(said, **UNKNOWN)
    told(await ground.settled(), state="FILLED", settled=True)
    told(await ground.ask("place_order", **terms), ok=True, status="FILLED")
    assert len(await ground.exchange.requests(PLACE)) == 2  # the other's, and ours


async def _delisted(ground: Floor) -> None:
    """A symbol stops trading between the check and the next order."""
    placed = await _placed(ground)
    await ground.exchange.operate("POST", "/symbols/status", {"symbol": "BTCUSDT", "status": "BREAK"})
    told(await ground.place("one", price="50001"), ok=False, code="SYMBOL_NOT_TRADING")
    told(await ground.place("two", price="50002"), ok=False, code="SYMBOL_NOT_TRADING")
    told(await ground.ask("get_price", symbol="ETHUSDT"), ok=(True, False))
    told(await ground.ask("get_order_state", client_order_id=placed["client_order_id"]), state="NEW")
    await ground.exchange.operate("POST", "/symbols/status", {"symbol": "BTCUSDT", "status": "TRADING"})


async def _filters_changed(ground: Floor) -> None:
    """The tick becomes coarser after the rules were read: the exchange refuses, and the rules are read anew."""
    await _placed(ground)
    coarse = [
        {"filterType": "PRICE_FILTER", "minPrice": "10", "maxPrice": "1000000", "tickSize": "10"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ]
    await ground.exchange.operate("POST", "/symbols/filters", {"symbol": "BTCUSDT", "filters": coarse})
    told(await ground.place("one", price="50001"), ok=False, code="FILTER_VIOLATION", sent="yes")
    told(await ground.ask("get_order_state", intent_id="one"), state="REJECTED", settled=True)
    local = await ground.place("two", price="50002")
    told(local, ok=False, code="FILTER_VIOLATION", sent="no")
    told(await ground.place("three", price="50010"), ok=True)


LOST: Final[Sequence[tuple[str, str, Effect, str, bool]]] = (
    ("F04", "reset, after", RESET, "after", True),
    ("F04", "reset, before", RESET, "before", False),
    ("F05", "503 with -1007, after", TIMED_OUT, "after", True),
    ("F05", "503 with -1007, before", TIMED_OUT, "before", False),
)
CUT: Final = {"kind": "cut", "keep": 40, "whole_length": False}
TOO_MUCH: Final = {"quantity": "5"}
NO_SUCH: Final = {"cancelOrderId": 987_654}


def _lost(title: str, scenario: Any, name: str, *ends: Any) -> list[Row]:
    """A scenario under every way in which a verdict can be lost; `ends` says how, done and not done."""
    return [
        Row(fault, f"{title}: {what}", mode, partial(scenario, effect=effect, phase=phase, **{name: ends[not done]}))
        for fault, what, effect, phase, done in LOST
        for mode in SPOKEN
    ]


ROWS: Final = (
    *_lost("cancel", _cancel, "status", "CANCELED", "NEW"),
    *_lost("cancel, only looked at", _cancel_unheard, "status", "CANCELED", "NEW"),
    *_lost("cancel all", _cancel_all, "status", "CANCELED", "NEW"),
    *_lost("amend", _amend, "quantity", "0.001", "0.002"),
    *_lost("replace", _replace, "done", True, False),
    *_lost("OCO", _list, "legs", 2, 0),
    Row("F14", "cancel: 200 cut short", "rest", partial(_cancel_unheard, effect=CUT, phase="reply", status="CANCELED")),
    Row("F14", "amend: 200 cut short", "rest", partial(_amend, effect=CUT, phase="reply", quantity="0.001")),
    Row("F14", "replace: 200 cut short", "rest", partial(_replace, effect=CUT, phase="reply", done=True)),
    Row("F14", "OCO: 200 cut short", "rest", partial(_list, effect=CUT, phase="reply", legs=2)),
    Row("F16", "replace: 409 cut short", "rest", _replace_cut),
    *(Row("F14", f"OCO: 200 {title}", "rest", partial(_list_in_part, change=change))
      for title, change in (("with one leg missing", _without_a_leg), ("with another leg", _with_another_leg),
                            ("about another symbol", _of_another_symbol))),
    Row("F14", "replace: 409 without a body", "rest",
        partial(_replace, effect={"kind": "reply", "status": 409, "body": ""}, phase="after", done=True)),
    Row("F16", "replace: 409 with nothing said of the legs", "rest",
        partial(_replace, effect={"kind": "reply", "status": 409, "body": {"code": -2021, "msg": "x"}}, phase="after",
                done=True)),
    Row("F16", "replace: 409, cancelled and the new one refused", "rest",
        partial(_replace_halves, changes=TOO_MUCH, halves=("SUCCESS", "FAILURE"), open_after=0)),
    Row("F16", "replace: 409, cancelled and the new one refused", "ws",
        partial(_replace_halves, changes=TOO_MUCH, halves=("SUCCESS", "FAILURE"), open_after=0)),
    Row("F16", "replace: 409, not cancelled and the new one placed", "rest",
        partial(_replace_halves, changes={**NO_SUCH, "cancelReplaceMode": "ALLOW_FAILURE"},
                halves=("FAILURE", "SUCCESS"), open_after=2)),
    Row("F16", "replace: 409, not cancelled and the new one placed", "ws",
        partial(_replace_halves, changes={**NO_SUCH, "cancelReplaceMode": "ALLOW_FAILURE"},
                halves=("FAILURE", "SUCCESS"), open_after=2)),
    Row("F16", "replace: 400, neither half", "rest",
        partial(_replace_halves, changes=NO_SUCH, halves=("FAILURE", "NOT_ATTEMPTED"), open_after=1)),
    Row("F16", "replace: 400, neither half", "ws",
        partial(_replace_halves, changes=NO_SUCH, halves=("FAILURE", "NOT_ATTEMPTED"), open_after=1)),
    *(Row("F17", "cancel: -2011 because it filled", mode, _cancel_too_late) for mode in SPOKEN),
    *(Row("F17", "cancel: -2011 for what never was", mode, _cancel_nothing) for mode in SPOKEN),
    Row("F17", "cancel all: -2011 because nothing is open", "rest", _cancel_all_of_nothing),
    *(Row("F22", f"{status}: no new order, cancels pass", mode, partial(_cancel_halted, status=status))
      for status in ("BREAK", "HALT") for mode in SPOKEN),
    Row("F22", "a symbol is closed between two orders", "auto", _delisted),
    Row("F21", "filters change between check and order", "auto", _filters_changed),
    *(Row("F15", "Duplicate order sent, and it exists", mode, partial(_duplicate, phase="after", state="NEW"))
      for mode in SPOKEN),
    Row("F15", "Duplicate order sent, and it does not exist", "rest",
        partial(_duplicate, phase="before", state="NOT_PLACED")),
    *(Row("F18", "-2013 for 2 s after an acknowledgement", mode, _not_visible_yet) for mode in ("rest", "ws", "auto")),
    *(Row("F18", "-2013 after a lost verdict, then found", mode, _found_after_denials) for mode in ("rest", "ws")),
    *(Row("F04", "reset, after it filled", mode,
          partial(_filled_while_unknown, resting=["0.001"], state="FILLED", executed="0.001"))
      for mode in ("rest", "ws", "auto")),
    *(Row("F04", "reset, after it filled in part", mode,
          partial(_filled_while_unknown, resting=["0.0004"], state="PARTIALLY_FILLED", executed="0.0004"))
      for mode in ("rest", "ws", "auto")),
    Row("F04", "a MARKET order: reset, after it filled", "rest", _market_unknown),
    Row("F05", "an OCO that is refused", "rest", _list_refused),
)  # fmt: skip
