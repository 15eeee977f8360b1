"""What one attempt means for each order that it was to place, and for what it was to do to others.

The rules for a single outcome stand in `transport.verdict`; this is where a request of several parts is taken apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from binance_spot_mcp.catalogue.trading import ReplaceHalf, Replacement
from binance_spot_mcp.errors import NotSent, OutcomeUnknown, SpotError, clean
from binance_spot_mcp.trading.evidence import fills, sightings
from binance_spot_mcp.trading.fills import Fill, filled
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.register import Intent, Register, concluded, external, reached, seen
from binance_spot_mcp.trading.states import BEFORE, Source, merge
from binance_spot_mcp.transport.meanings import UNKNOWN_OUTCOME

MESSAGE: Final = 500
"""Characters of an error's message that are kept."""
MOST_FOREIGN: Final = 10_000
"""So many orders of others are noted in a journal; there may be no end of them."""


def of_answer(register: Register, intent: Intent, payload: object) -> Iterator[Entry]:
    """What to write after an answer that is about what was asked."""
    yield from of_evidence(register, payload)
    if intent.acts:
        yield concluded(intent, "DONE", {})


def of_evidence(register: Register, payload: object, source: Source = "reply") -> Iterator[Entry]:
    """What to write after something was said of orders, for those of ours of which it says something new."""
    for sighting in sightings(payload, source):
        if (order := register.find(sighting)) and merge(order, sighting) is not order:
            yield seen(order, sighting)
    yield from of_fills(register, fills(payload))


def of_fills(register: Register, told: Iterable[Fill]) -> Iterator[Entry]:
    """What to write of fills: those of our orders that are not known yet, each once."""
    for fill in told:
        order = register.find(fill)
        if order is not None and fill.key not in register.fills:
            side = fill.side or order.side
            yield filled(replace(fill, side=side, client_order_id=order.client_order_id, intent_id=order.intent_id))


def of_foreign(register: Register, payload: object, source: Source) -> Iterator[Entry]:
    """What to write of orders that are not ours: that there is such a one, once."""
    for sighting in sightings(payload, source):
        number = (sighting.symbol, sighting.order_id)
        if register.find(sighting) is None and number not in register.foreign and len(register.foreign) < MOST_FOREIGN:
            yield external(sighting)


def of_failure(register: Register, intent: Intent, error: SpotError) -> Iterator[Entry]:
    """What to write after an error. An order that was seen meanwhile stays what it was seen to be."""
    told = _told(error)
    waiting = [order for order in register.placed_by(intent) if order.state in BEFORE]
    if halves := _halves(error):
        found = [*of_evidence(register, halves)]
        yield from found
        missing = "UNKNOWN" if halves.new_order_result == "SUCCESS" else _of_half(halves.new_order_response)
        named = {entry.client_order_id for entry in found}
        yield from (reached(order, missing, told) for order in waiting if order.client_order_id not in named)
        done = halves.cancel_result == "SUCCESS"
        yield concluded(intent, "DONE" if done else _undone(_of_half(halves.cancel_response)), told)
        return
    state = _state(error)
    refused = [
        order for order in register.placed_by(intent) if order.state == state == "REJECTED"
    ]  # the stream said so
    yield from (reached(order, state, told) for order in (*waiting, *refused))
    if intent.acts:
        yield concluded(intent, _undone(state), told)


def _state(error: SpotError) -> str:
    match error:
        case NotSent():
            return "NOT_SENT"
        case OutcomeUnknown():
            return "UNKNOWN"
        case _:
            return "REJECTED"


def _of_half(half: ReplaceHalf | None) -> str:
    """The state of a half that did not succeed; one that was not attempted was refused with the other."""
    return "UNKNOWN" if half is not None and half.code in UNKNOWN_OUTCOME else "REJECTED"


def _undone(state: str) -> str:
    """What a state of an order is called for something that was to be done to one."""
    return "NOT_DONE" if state == "REJECTED" else state


def _halves(error: SpotError) -> Replacement | None:
    """Both halves of a cancel-replace, where the error tells of them."""
    data = error.exchange.data if error.exchange else None
    if not data or "newOrderResult" not in data:
        return None
    try:
        return msgspec.convert(data, Replacement)
    except msgspec.ValidationError:
        return None


def _told(error: SpotError) -> Mapping[str, Any]:
    """An error as it is kept: what is needed to tell it again."""
    said = error.exchange
    exchange = {"code": said.code, "msg": said.msg} if said else None
    kept = {
        "code": error.code,
        "message": clean(error.message, most=MESSAGE),
        "sent": error.sent,
        "retry": error.retry,
        "exchange": exchange,
    }
    return {name: value for name, value in kept.items() if value is not None}
