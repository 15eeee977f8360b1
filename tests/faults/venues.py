"""Faults of the exchange as a whole: it is wiped, restarted, stormed; and of somebody who wants all of it to stop."""

import asyncio
from collections import Counter
from functools import partial
from typing import Final

from tests.faults.exchange import EVERYTHING, KEPT, PLACE
from tests.faults.existing import met
from tests.faults.floor import BTC, ORDER, Floor, told
from tests.faults.placing import UNKNOWN
from tests.faults.table import Row


async def _wiped(ground: Floor, *, meanwhile: bool) -> None:
    """Orders, trades and history are gone: it is said, the old journal is kept, and trading goes on."""
    agent = await ground.start()
    told(await ground.place("first"), ok=True)
    told(await ground.place("second", price="50001"), ok=True)
    await ground.exchange.trade("SELL", "50001", "0.001")
    told(await ground.ask("get_order_state", intent_id="second"), state="FILLED")
    if not meanwhile:
        assert await agent.leave() == 0
    await ground.exchange.operate("POST", "/reset", {})
    ground.since = (await ground.exchange.oracle())[-1]["seq"]
    if not meanwhile:
        await ground.start()
    said = await ground.until(lambda: ground.ask("get_order_state", intent_id="first"), lambda said: not said["ok"], 90)
    assert "start" in said["message"] or "reset" in said["message"].lower(), said
    again = await ground.until(lambda: ground.place("anew"), lambda said: bool(said["ok"]), 60)
    told(again, ok=True, status="NEW")
    assert [*ground.home.glob("state/archive/*")], "the journal of before is not kept"


async def _storm(ground: Floor) -> None:
    """Five hundred orders at once: a breaker opens, and the exchange is never asked for more than it allows."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    answers = await asyncio.gather(
        *(ground.agent.ask("place_order", **ORDER | {"price": f"{40_000 + number}"}, intent_id=f"n{number}")
          for number in range(500))
    )  # fmt: skip
    codes = Counter(answer.get("code", "ok") for answer in answers)
    statuses = Counter(entry["status"] for entry in await ground.exchange.requests(EVERYTHING))
    assert not statuses[429], statuses
    assert not statuses[418], statuses
    assert codes["BREAKER_OPEN"] > 100, codes
    told(await ground.place("more", price="30000"), ok=False, code="BREAKER_OPEN", sent="no")
    told(await ground.ask("cancel_order", **BTC, orderId=1), ok=True, status="CANCELED")
    told(await ground.ask("get_open_orders", **BTC), ok=True)


async def _refused_again_and_again(ground: Floor) -> None:
    """The exchange refuses one order after the other: a person must look."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    no_funds = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    refused = {"kind": "reply", "status": 400, "body": no_funds}
    await ground.exchange.faults(met(PLACE, ground.mode), refused, times=None)
    codes = [(await ground.place(f"n{number}", price=f"{40_000 + number}"))["code"] for number in range(30)]
    assert codes[-1] == "BREAKER_OPEN", codes
    assert len(await ground.exchange.requests(PLACE)) < 30


async def _stopped(ground: Floor, *, by_file: bool) -> None:
    """Somebody stops trading: nothing leaves, ours are cancelled, also after a restart; cancels and looks go on."""
    agent = await ground.start()
    told(await ground.place("first"), ok=True)
    if by_file:
        (ground.home / "STOP").touch()
    else:
        told(await ground.ask("stop_trading"), ok=True)
    told(await ground.place("one", price="50001"), ok=False, code="BREAKER_OPEN", sent="no")
    said = await ground.until(
        lambda: ground.ask("get_order_state", intent_id="first"), lambda said: said.get("state") == "CANCELED"
    )
    told(said, state="CANCELED")
    await agent.kill()
    await ground.start()
    told(await ground.place("two", price="50002"), ok=False, code="BREAKER_OPEN", sent="no")
    told(await ground.ask("get_open_orders", **BTC), ok=True)
    assert len(await ground.exchange.requests(PLACE)) == 1


async def _killed_while_stopping(ground: Floor) -> None:
    """The server dies between the stop and the cancels: the next one finishes them."""
    agent = await ground.start()
    for number in range(3):
        told(await ground.place(f"n{number}", price=f"{50_000 + number}"), ok=True)
    cancels = {"rest": {"method": "DELETE"}, "ws_api": {"method": "order.cancel"}}
    await ground.exchange.faults(met(cancels, ground.mode), {"kind": "no_reply"}, phase="before", times=None)
    stopping = asyncio.create_task(agent.ask("stop_trading"))
    await ground.exchange.arrived(cancels, 1)
    await agent.kill()
    await asyncio.wait([stopping])
    assert stopping.exception() is not None
    await ground.exchange.heal()
    await ground.start()
    told(await ground.ask("get_trading_state"), ok=True)
    for number in range(3):
        said = await ground.until(
            partial(ground.ask, "get_order_state", intent_id=f"n{number}"),
            lambda said: said.get("state") == "CANCELED",
            60,
        )
        told(said, state="CANCELED")


async def _exchange_dies(ground: Floor, phase: str) -> None:
    """The exchange dies with an order out, and comes back at the same place with what it had written down."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "no_reply"}, phase=phase)
    placing = asyncio.create_task(ground.place("one", price="50001"))
    await ground.exchange.arrived(PLACE, 2)
    await ground.exchange.restart()
    said = await placing
    if not said["ok"]:
        told(said, **UNKNOWN, intent_id="one")
    told(await ground.settled(most_s=60), state="NEW" if phase == "after" else "NOT_PLACED", settled=True)
    told(await ground.ask("get_order_state", intent_id="first"), state="NEW")
    told(await ground.until(lambda: ground.place("next", price="50002"), lambda said: bool(said["ok"])), ok=True)


async def _two_on_one_ledger(ground: Floor) -> None:
    """Three servers on one address, two of them on one account: the exchange never has to hold them back."""
    first = await ground.start()
    second = await ground.start()
    third = await ground.start()
    told(await ground.place("first"), ok=True)
    agents = (first, second, third)
    answers = await asyncio.gather(
        *(agent.ask("get_order_book", **BTC, limit=1000) for _ in range(60) for agent in agents)
    )
    assert any(not answer["ok"] for answer in answers), "nobody was held back"
    statuses = Counter(entry["status"] for entry in await ground.exchange.requests(EVERYTHING))
    assert not statuses[429], statuses
    assert not statuses[418], statuses


ROWS: Final = (
    Row("F45", "the exchange is wiped while no server runs", "auto", partial(_wiped, meanwhile=False)),
    Row("F45", "the exchange is wiped under a running server", "auto", partial(_wiped, meanwhile=True)),
    *(Row("F46", "500 orders at once", mode, _storm) for mode in ("rest", "ws")),
    Row("F46", "30 orders refused in a row", "rest", _refused_again_and_again, orders=1),
    *(Row("F46", f"stopped by {title}, and killed", mode, partial(_stopped, by_file=by_file), orders=1)
      for title, by_file in (("the tool", False), ("the file STOP", True)) for mode in ("rest", "auto")),
    Row("F37", "kill -9 between stop and cancels", "rest", _killed_while_stopping, orders=3),
    *(Row("F31", f"the exchange dies with an order out, {phase}", mode, partial(_exchange_dies, phase=phase), (KEPT,))
      for phase in ("after", "before") for mode in ("rest", "ws", "auto")),
    Row("F40", "three servers on one address", "rest", _two_on_one_ledger),
)  # fmt: skip
