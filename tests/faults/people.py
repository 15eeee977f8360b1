"""Faults of people and hosts: yeses that are none, come late, twice, or for something else."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from tests.faults.agent import Person
from tests.faults.dying import DYING
from tests.faults.exchange import PLACE
from tests.faults.existing import OCO_TERMS, met
from tests.faults.floor import BTC, ORDER, Floor, told
from tests.faults.table import Row

YES: Final = {"action": "accept", "content": {"place": True}}


def _says(answer: Mapping[str, Any] | None) -> Person:
    return lambda _: answer


async def _one_yes(ground: Floor) -> None:
    """One yes sends one order once, whatever is repeated afterwards."""
    questions: list[str] = []

    def person(text: str) -> Mapping[str, Any]:
        questions.append(text)
        return YES

    await ground.start(person=person, BINANCE_APPROVAL="always")
    told(await ground.place(), ok=True, status="NEW")
    for _ in range(3):
        told(await ground.place(), ok=True, status="NEW", orderId=1)
    told(await ground.place(price="50001"), ok=False, code="INTENT_CONFLICT", sent="no")
    assert len(questions) == 1, questions
    assert "0.001" in questions[0], questions
    assert "50000" in questions[0], questions
    assert len(await ground.exchange.requests(PLACE)) == 1


async def _yes_under_a_fault(ground: Floor) -> None:
    """The answer to an approved order is lost: the yes is used up, and nothing is sent again."""
    await ground.start(person=_says(YES), BINANCE_APPROVAL="always")
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "reset"}, phase="after")
    said = await ground.place()
    if not said["ok"]:
        told(said, code="OUTCOME_UNKNOWN", sent="unknown")
    told(await ground.settled(), state="NEW")
    told(await ground.place(), ok=True, status="NEW")
    assert len(await ground.exchange.requests(PLACE)) == 1


NO: Final[Mapping[str, tuple[Mapping[str, Any] | None, tuple[str, ...]]]] = {
    "declines": ({"action": "decline"}, ("CONFIRMATION_INVALID",)),
    "dismisses the question": ({"action": "cancel"}, ("CONFIRMATION_INVALID",)),
    "accepts without the box": ({"action": "accept", "content": {"place": False}}, ("CONFIRMATION_INVALID",)),
    "accepts with nothing in it": ({"action": "accept", "content": {}}, ("CONFIRMATION_INVALID",)),
    "accepts with a text for the box": ({"action": "accept", "content": {"place": "true"}}, ("CONFIRMATION_INVALID",)),
    "says what nobody knows": ({"action": "sure", "content": {"place": True}}, ("CONFIRMATION_INVALID",
                                                                               "CONFIRMATION_REQUIRED")),
    "stays silent": (None, ("CONFIRMATION_REQUIRED",)),
}  # fmt: skip


async def _no_yes(ground: Floor, answer: Mapping[str, Any] | None, codes: tuple[str, ...]) -> None:
    await ground.start(person=_says(answer), BINANCE_APPROVAL="always")
    told(await ground.place(), ok=False, code=codes, sent="no")
    told(await ground.ask("place_order", **ORDER, confirm=True), ok=False, code="UNKNOWN_ARGUMENT", sent="no")
    assert not await ground.exchange.requests()


async def _cannot_ask(ground: Floor) -> None:
    await ground.start(BINANCE_APPROVAL="always")
    said = await ground.place()
    told(said, ok=False, code="CONFIRMATION_REQUIRED", sent="no")
    assert "approve" in said["message"], said
    for _ in range(3):
        told(await ground.place(), ok=False, code="CONFIRMATION_REQUIRED", sent="no")
    told(await ground.ask("place_oco", **OCO_TERMS, intent_id="list"), ok=False, sent="no")
    assert not await ground.exchange.requests()


async def _other_session(ground: Floor) -> None:
    """The session that asked has ended: its question dies with it."""
    agent = await ground.start(BINANCE_APPROVAL="always")
    told(await ground.place(), ok=False, code="CONFIRMATION_REQUIRED")
    await agent.kill()
    await ground.start(person=_says(YES), BINANCE_APPROVAL="always")
    said = await ground.place()
    told(said, ok=(True, False))
    assert len(await ground.exchange.requests(PLACE)) == int(said["ok"])
    if not said["ok"]:
        told(said, code="CONFIRMATION_INVALID", sent="no")


async def _killed_with_a_yes(ground: Floor, habit: str) -> None:
    """The server dies when the yes was given: it is not used by the next one."""
    agent = await ground.start(DYING, habit, person=_says(YES), BINANCE_APPROVAL="always")
    await agent.dies_of("place_order", **ORDER, intent_id="one")
    assert not await ground.exchange.requests(PLACE)
    await ground.start(BINANCE_APPROVAL="always")
    told(await ground.place(), ok=False, code=("CONFIRMATION_REQUIRED", "CONFIRMATION_INVALID"), sent="no")
    assert not await ground.exchange.requests(PLACE)


async def _cancels_need_none(ground: Floor) -> None:
    agent = await ground.start()
    placed = await ground.place("first")
    told(placed, ok=True)
    assert await agent.leave() == 0
    await ground.start(BINANCE_APPROVAL="always")
    told(await ground.ask("cancel_order", **BTC, orderId=placed["orderId"]), ok=True, status="CANCELED")


ROWS: Final = (
    *(Row("F43", "one yes, and the call repeated", mode, _one_yes, orders=1) for mode in ("rest", "ws")),
    Row("F43", "a yes, and the answer to the order is lost", "rest", _yes_under_a_fault, orders=1),
    *(Row("F43", f"killed {habit}", "rest", partial(_killed_with_a_yes, habit=habit), orders=0)
      for habit in ("before APPROVED", "after APPROVED")),
    *(Row("F44", f"the person {title}", "rest", partial(_no_yes, answer=answer, codes=codes), orders=0)
      for title, (answer, codes) in NO.items()),
    Row("F44", "the host cannot ask", "rest", _cannot_ask, orders=0),
    Row("F44", "the session that asked is gone", "rest", _other_session),
    Row("F44", "a cancel needs no yes", "rest", _cancels_need_none, orders=1),
)  # fmt: skip
