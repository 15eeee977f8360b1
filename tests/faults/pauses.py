"""Faults of limits and clocks: pauses that the exchange asks for, timestamps that it refuses, a slow network."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from tests.faults.agent import SOURCE
from tests.faults.exchange import EVERYTHING, PLACE, PRICE, Match
from tests.faults.existing import met
from tests.faults.floor import BTC, HTML, Floor, told
from tests.faults.table import Row

CLOCK: Final[Match] = {"rest": {"path": "/api/v3/time"}, "ws_api": {"method": "time"}}
SKEWED: Final = {
    "kind": "reply",
    "status": 400,
    "body": {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."},
}


def _held(status: int, code: int, seconds: int, **data: object) -> dict[str, Any]:
    """What asks for a pause, as both transports say it."""
    until_ms = int(time.time() * 1000) + seconds * 1000
    said = {"serverTime": until_ms - seconds * 1000, "retryAfter": until_ms} | data
    body = {"code": code, "msg": "Too many requests.", "data": said}
    return {"kind": "reply", "status": status, "headers": {"Retry-After": str(seconds)}, "body": body}


async def _limited(ground: Floor) -> None:
    """429 with a pause of 7 s: that bucket is silent so long, and then goes on."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), _held(429, -1003, 7))
    began = time.time()
    said = await ground.place("one", price="50001")
    told(said, ok=False, code="RATE_LIMITED", sent="yes", retry="at")
    assert began + 6 <= said["retry_at_ms"] / 1000 <= time.time() + 9, said
    before = len(await ground.exchange.requests(EVERYTHING))
    told(await ground.place("two", price="50002"), ok=False, code="RATE_LIMITED", sent="no")
    told(await ground.ask("get_price", **BTC), ok=False, code="RATE_LIMITED", sent="no")
    told(await ground.ask("get_order_state", intent_id="one"), ok=True, state="REJECTED")
    assert len(await ground.exchange.requests(EVERYTHING)) == before, "something left during the pause"
    told(await ground.ask("get_rate_limits"), ok=True)
    await asyncio.sleep(max(0.0, said["retry_at_ms"] / 1000 - time.time()) + 0.5)
    told(await ground.ask("get_price", **BTC), ok=True)
    told(await ground.place("two", price="50002"), ok=True, status="NEW")


async def _too_many_orders(ground: Floor) -> None:
    """429 about orders: cancels and reads go on."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), _held(429, -1015, 7))
    told(await ground.place("one", price="50001"), ok=False, code="RATE_LIMITED", sent="yes", retry="at")
    told(await ground.place("two", price="50002"), ok=False, code="RATE_LIMITED", sent="no", retry="at")
    told(await ground.ask("get_open_orders", **BTC), ok=True)
    told(await ground.ask("cancel_order", **BTC, orderId=1), ok=True, status="CANCELED")


async def _banned(ground: Floor, seconds: int) -> None:
    """418: everything is silent, at least 120 s, and after a restart too."""
    agent = await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), _held(418, -1003, seconds))
    said = await ground.place("one", price="50001")
    told(said, ok=False, code="BANNED", sent="yes", retry="at")
    assert said["retry_at_ms"] / 1000 >= time.time() + max(seconds, 120) - 3, said
    before = len(await ground.exchange.requests(EVERYTHING))
    told(await ground.ask("get_price", **BTC), ok=False, code="BANNED", sent="no", retry="at")
    told(await ground.ask("cancel_order", **BTC, orderId=1), ok=False, code="BANNED", sent="no", retry="at")
    told(await ground.place("two", price="50002"), ok=False, code="BANNED", sent="no", retry="at")
    assert len(await ground.exchange.requests(EVERYTHING)) == before, "something left during the ban"
    assert await agent.leave() == 0
    await ground.start()
    told(await ground.agent.ask("get_price", **BTC), ok=False, code="BANNED", sent="no", retry="at")
    told(await ground.agent.ask("place_order", **ORDER_AGAIN), ok=False, code=("BANNED", "NOT_READY"), sent="no")
    assert len(await ground.exchange.requests(EVERYTHING)) == before, "something left during the ban after a restart"


ORDER_AGAIN: Final = {
    **BTC,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50002",
    "intent_id": "two",
}


async def _walled(ground: Floor) -> None:
    """403 of the firewall: the route is silent, others are not, and cancels pass."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "reply", "status": 403, "body": HTML})
    said = await ground.place("one", price="50001")
    told(said, ok=False, code="WAF_BLOCKED", sent="yes", retry="at")
    assert said["retry_at_ms"] / 1000 >= time.time() + 55, said
    told(await ground.place("two", price="50002"), ok=False, code="WAF_BLOCKED", sent="no")
    assert len(await ground.exchange.requests(PLACE)) == 2
    told(await ground.ask("get_price", **BTC), ok=True)
    told(await ground.ask("cancel_order", **BTC, orderId=1), ok=True, status="CANCELED")


async def _reads(ground: Floor, effect: Mapping[str, Any], times: int | None, *, ok: bool) -> None:
    """A read is tried again where that can help, at most three times."""
    await ground.start()
    told(await ground.ask("get_order_book", **BTC), ok=True)
    await ground.exchange.faults(met(PRICE, ground.mode), effect, times=times)
    said = await ground.ask("get_price", **BTC)
    told(said, ok=ok)
    if not ok:
        told(said, sent="no", code=("EXCHANGE_UNAVAILABLE", "NETWORK_NOT_SENT"), retry="at")
    assert len(await ground.exchange.requests(PRICE)) <= 3


# Clocks


async def _skewed_once(ground: Floor, ms: int) -> None:
    """The exchange's clock is elsewhere than it was measured: measured again, and one more attempt."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.fault(where="clock", effect={"kind": "skew", "ms": ms})
    ground.lateness_ms = abs(ms) + 1_000
    told(await ground.place("one", price="50001"), ok=True, status="NEW")
    assert ground.states().count("SENDING") == 2, ground.states()


async def _skewed_always(ground: Floor) -> None:
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), SKEWED, times=None)
    said = await ground.place("one", price="50001")
    told(said, ok=False, code="CLOCK_SKEW", sent="yes", retry="at")
    assert "offset_ms" in said["details"], said
    assert len(await ground.exchange.requests(PLACE)) == 3, "not exactly one more attempt"
    told(await ground.ask("get_order_state", intent_id="one"), state="REJECTED", settled=True)


async def _lost_after_skew(ground: Floor) -> None:
    """The second attempt after -1021 is lost: it is one order, found, and not sent a third time."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), SKEWED)
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "reset"}, phase="after")
    said = await ground.place("one", price="50001")
    if not said["ok"]:
        told(said, code="OUTCOME_UNKNOWN", sent="unknown")
    told(await ground.settled(), state="NEW", settled=True)
    assert len(await ground.exchange.requests(PLACE)) == 3


async def _slow(ground: Floor) -> None:
    """A round trip takes longer than an order is valid: no order leaves, cancels do."""
    await ground.exchange.faults(met(CLOCK, ground.mode), {"kind": "delay", "ms": 2_600}, times=None, phase="reply")
    await ground.start()
    said = await ground.place()
    told(said, ok=False, code="CLOCK_SKEW", sent="no", retry="at")
    assert "slow" in said["message"], said
    assert not await ground.exchange.requests(PLACE)
    await ground.exchange.heal()
    told(await ground.until(ground.place, lambda again: bool(again["ok"])), ok=True, status="NEW")


async def _late_arrival(ground: Floor) -> None:
    """The order is held up on its way for longer than it is valid, and arrives after all."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "delay", "ms": 9_000}, phase="before")
    told(await ground.place("one", price="50001"), ok=(True, False))
    told(await ground.settled(most_s=60), settled=True)


async def _wall_clock(ground: Floor, hours: int) -> None:
    """This machine's wall clock steps in mid-session; timers and timestamps do not."""
    await ground.start(str(SOURCE / "tests" / "faults" / "changed_process.py"), "wall", str(hours))
    told(await ground.place("first"), ok=True)
    await asyncio.sleep(4)
    told(await ground.place("one", price="50001"), ok=True, status="NEW")
    told(await ground.ask("get_price", **BTC), ok=True)
    assert ground.states().count("SENDING") == 1, ground.states()


async def _cancel_held_up(ground: Floor) -> None:
    """Reads have used up their share: cancels still pass."""
    await ground.start()
    told(await ground.place("first"), ok=True)
    answers = [await ground.ask("get_order_book", **BTC, limit=5000) for _ in range(16)]
    told(answers[-1], ok=False, code="RATE_LIMITED", sent="no", retry="at")
    told(await ground.ask("cancel_order", **BTC, orderId=1), ok=True, status="CANCELED")
    told(await ground.ask("get_order_state", intent_id="first"), state="CANCELED")


TROUBLE: Final = {"kind": "reply", "status": 502, "body": HTML}
BUSY: Final = {"kind": "reply", "status": 503, "body": {"code": -1008, "msg": "Server is busy."}}

ROWS: Final = (
    *(Row("F08", "429 with a pause of 7 s", mode, _limited, orders=2) for mode in ("rest", "ws")),
    *(Row("F08", "429 about the number of orders", mode, _too_many_orders, orders=1) for mode in ("rest", "ws")),
    *(Row("F09", f"418 for {seconds} s, and a restart", mode, partial(_banned, seconds=seconds), orders=1)
      for seconds in (130, 5) for mode in ("rest", "ws", "auto")),
    Row("F10", "403 of the firewall holds its route alone", "rest", _walled, orders=1),
    Row("F06", "a read: 502 once", "rest", partial(_reads, effect=TROUBLE, times=1, ok=True)),
    Row("F06", "a read: 502 always", "rest", partial(_reads, effect=TROUBLE, times=None, ok=False)),
    *(Row("F07", "a read: -1008 always", mode, partial(_reads, effect=BUSY, times=None, ok=False))
      for mode in ("rest", "ws")),
    Row("F04", "a read: reset twice", "rest", partial(_reads, effect={"kind": "reset"}, times=2, ok=True)),
    *(Row("F11", f"-1021: our clock is {title}", mode, partial(_skewed_once, ms=ms), orders=2)
      for title, ms in (("3 s ahead", -3_000), ("6 s behind", 6_000)) for mode in ("rest", "ws", "auto")),
    *(Row("F11", "-1021 on every call", mode, _skewed_always, orders=1) for mode in ("rest", "ws")),
    *(Row("F11", "-1021, and the second attempt is lost", mode, _lost_after_skew, orders=2) for mode in ("rest", "ws")),
    *(Row("F36", "the round trip is longer than recvWindow", mode, _slow, orders=1) for mode in ("rest", "ws")),
    *(Row("F03", "an order arrives after its window", mode, _late_arrival) for mode in ("rest", "ws")),
    *(Row("F35", f"the wall clock steps {hours} h", "auto", partial(_wall_clock, hours=hours), orders=2)
      for hours in (1, -1)),
    Row("F08", "reads have used up the limit, cancels pass", "rest", _cancel_held_up, orders=1),
)  # fmt: skip
