"""A server that is killed at each point of an order's way, and started anew: nothing is doubled, lost or guessed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from tests.faults.agent import SOURCE, Answer
from tests.faults.exchange import AMEND, CANCEL, OCO, PLACE, REPLACE, Match
from tests.faults.existing import OCO_TERMS, met
from tests.faults.floor import BTC, ORDER, Floor, Mode, told
from tests.faults.table import Row

MODES: Final[tuple[Mode, ...]] = ("auto", "ws", "rest", "auto", "rest")
DYING: Final = str(SOURCE / "tests" / "e2e" / "dying_process.py")
PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Deed:
    """What is under way when the server dies.

    Attributes:
        tool: The tool.
        match: Its request at the exchange.
        outcome: The state that is written when the answer is in.
        on_first: Whether it is about an order that exists.
    """

    tool: str
    match: Match
    outcome: str
    on_first: bool = False

    def arguments(self, first: Answer | None) -> dict[str, Any]:
        """The arguments of the call."""
        order_id = first["orderId"] if first else 0
        named = {"intent_id": "one"}
        terms: Mapping[str, Mapping[str, object]] = {
            "place_order": ORDER | {"price": "50001"} | named,
            "place_oco": OCO_TERMS | named,
            "cancel_replace_order": ORDER
            | {"price": "49000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order_id}
            | named,
            "amend_order": {**BTC, "orderId": order_id, "newQty": "0.0005"} | named,
            "cancel_order": {**BTC, "orderId": order_id},
        }
        return dict(terms[self.tool])


PLACING: Final = Deed("place_order", PLACE, "NEW")
DEEDS: Final = (
    PLACING,
    Deed("place_oco", OCO, "NEW"),
    Deed("cancel_replace_order", REPLACE, "DONE", on_first=True),
    Deed("amend_order", AMEND, "DONE", on_first=True),
    Deed("cancel_order", CANCEL, "DONE", on_first=True),
)


@dataclass(frozen=True, slots=True)
class Point:
    """Where the server dies.

    Attributes:
        name: In words.
        habit: What `dying_process.py` is told, with `OUTCOME` for the state that the answer brings; empty where it is
            killed from outside while its request is on the wire.
        acts: Whether the exchange carries the request out.
        sent: Whether a byte may have left.
        again: Where the next server dies too, while it starts.
    """

    name: str
    habit: str
    acts: bool
    sent: bool
    again: str = ""


POINTS: Final = (
    Point("before INTENDED", "before INTENDED", acts=False, sent=False),
    Point("after INTENDED", "after INTENDED", acts=False, sent=False),
    Point("before SENDING", "before SENDING", acts=False, sent=False),
    Point("after SENDING", "after SENDING", acts=False, sent=True),
    Point("bytes out, never seen", "", acts=False, sent=True),
    Point("bytes out, carried out", "", acts=True, sent=True),
    Point("reply in, outcome not written", "before OUTCOME", acts=True, sent=True),
    Point("outcome written", "after OUTCOME", acts=True, sent=True),
    Point("start-up, before it is called NOT_SENT", "after INTENDED", acts=False, sent=False, again="before NOT_SENT"),
    Point("start-up, before it is called UNKNOWN", "after SENDING", acts=False, sent=True, again="before UNKNOWN"),
    Point("start-up, after it was called UNKNOWN", "bytes", acts=True, sent=True, again="after UNKNOWN"),
)


async def _killed(point: Point, seed: int, ground: Floor) -> None:
    dice = Random(f"{point.name} {seed}")
    deed = DEEDS[seed]
    first = await _first(ground, deed, dice)
    await _die(ground, point, deed, first, dice)
    await ground.exchange.heal()
    existed = {name: entry["status"] for name, entry in (await ground.truth()).items()}
    if dice.random() < 0.5 and "NEW" in existed.values() and deed is PLACING:
        await ground.exchange.trade("SELL", "50001", "0.001")  # it fills while nobody looks
    if point.again:
        agent = await ground.start(DYING, point.again)
        await agent.dies_of("get_order_state", intent_id="one")
    await ground.start()
    await _recovered(ground, point, deed, first)


async def _first(ground: Floor, deed: Deed, dice: Random) -> Answer | None:
    """An earlier session, whose order the call is about."""
    ground.home.mkdir(mode=0o700)
    if not deed.on_first and dice.random() < 0.5 and deed is PLACING:
        return None
    agent = await ground.start()
    first = await ground.place("first")
    told(first, ok=True)
    if deed.tool == "place_oco":
        await ground.exchange.trade("SELL", "50000", "0.001")
        told(await ground.ask("get_order_state", intent_id="first"), state="FILLED")
    assert await agent.leave() == 0
    return first


async def _die(ground: Floor, point: Point, deed: Deed, first: Answer | None, dice: Random) -> None:
    arguments = deed.arguments(first)
    if point.habit in {"", "bytes"}:
        agent = await ground.start()
        await ground.ask("get_order_state", intent_id="none")  # it is ready
        phase = "after" if point.acts else "before"
        await ground.exchange.faults(met(deed.match, ground.mode), {"kind": "no_reply"}, phase=phase)
        await ground.exchange.fault(where="user", effect={"kind": "drop"}, times=None)
        before = len(await ground.exchange.requests(deed.match))
        calling = asyncio.create_task(agent.ask(deed.tool, **arguments))
        await ground.exchange.arrived(deed.match, before + 1)
        await asyncio.sleep(dice.random() / 10)
        await agent.kill()
        await asyncio.wait([calling])
        assert isinstance(calling.exception(), ConnectionError), calling
        return
    agent = await ground.start(DYING, point.habit.replace("OUTCOME", deed.outcome))
    await agent.dies_of(deed.tool, **arguments)


async def _recovered(ground: Floor, point: Point, deed: Deed, first: Answer | None) -> None:
    if deed.tool == "cancel_order":
        assert first is not None
        named = {"client_order_id": first["client_order_id"]}
        status = "CANCELED" if point.acts else "NEW"
        said = await ground.until(
            lambda: ground.ask("get_order_state", **named), lambda told: told.get("state") == status, PATIENCE_S
        )
        told(said, state=status, settled=True)
        return
    if point.name == "before INTENDED":
        told(await ground.ask("get_order_state", intent_id="one"), ok=False, code="NOT_FOUND")
    else:
        said = await ground.settled(most_s=PATIENCE_S)
        told(said, ok=True, settled=True)
        if not point.sent:
            told(said, state="NOT_SENT")
    arrived = len(await ground.exchange.requests(deed.match))
    again = await ground.ask(deed.tool, **deed.arguments(first))
    if point.sent:
        told(again, ok=point.acts, intent_id="one")
        assert len(await ground.exchange.requests(deed.match)) == arrived, "it was sent again"
    else:
        told(again, ok=True, intent_id="one")
        assert len(await ground.exchange.requests(deed.match)) == arrived + 1


ROWS: Final = tuple(
    Row("F37", f"kill -9 {point.name}: {DEEDS[seed].tool}", MODES[seed], partial(_killed, point, seed))
    for point in POINTS
    for seed in range(len(DEEDS))
)
