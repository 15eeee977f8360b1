"""Faults of streams: what the user stream and the market streams lose, double, stop saying, or say too often."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from tests.faults.agent import SOURCE, Answer
from tests.faults.exchange import MARKET, PLACE
from tests.faults.existing import met
from tests.faults.floor import BTC, Floor, told
from tests.faults.table import Row

ALIVE: Final = (MARKET, "--limit-factor", "20")
NOBODY: Final = {"kind": "reply", "status": 503, "body": "<html>"}
DEPTH_SNAPSHOT: Final = {"rest": {"path": "/api/v3/depth"}, "ws_api": {"method": "depth"}}


# The user stream


async def _known(ground: Floor, name: str, status: str, most_s: float = 60) -> None:
    """Wait until the journal says it, without anybody asking."""
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        states = [row["state"] for row in ground.journal() if row["client_order_id"] == name and row["kind"] == "order"]
        if states and states[-1] == status:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"the journal never heard that {name} is {status}")


async def _resting(ground: Floor) -> str:
    await ground.start()
    placed = await ground.place("first")
    told(placed, ok=True)
    name: str = placed["client_order_id"]
    return name


async def _filled_unheard(ground: Floor) -> None:
    """Fills happen while the user stream is down; each is known once, as recovered."""
    name = await _resting(ground)
    for where in ("ws_api", "market"):
        await ground.exchange.fault(where=where, match={"method": "CONNECT"}, effect=NOBODY, times=None)
    await ground.exchange.fault(where="user", nth=0, effect={"kind": "close"})
    await ground.exchange.trade("SELL", "50000", "0.0004")
    await ground.exchange.trade("SELL", "50000", "0.0006")
    await ground.exchange.heal()
    await _known(ground, name, "FILLED")
    said = await ground.ask("get_order_state", intent_id="first")
    told(said, state="FILLED", settled=True)
    assert len(said["fills"]["rows"]) == 2, said


async def _spoilt(ground: Floor, effect: Mapping[str, Any]) -> None:
    """Reports come twice, out of order, late or not at all; the end is right, and each fill counts once."""
    name = await _resting(ground)
    await ground.exchange.fault(where="user", match={"stream": "executionReport"}, effect=effect, times=None)
    for quantity in ("0.0002", "0.0003", "0.0005"):
        await ground.exchange.trade("SELL", "50000", quantity)
    # So that what waits to be overtaken is.
    told(await ground.place("second", price="49000"), ok=True)
    await ground.exchange.heal()
    said = await ground.until(
        lambda: ground.ask("get_order_state", client_order_id=name), lambda said: said.get("state") == "FILLED", 30
    )
    told(said, state="FILLED", settled=True)


async def _before_the_reply(ground: Floor, effect: Mapping[str, Any], phase: str) -> None:
    """The stream tells of the order and its fill before its answer comes, or instead of it."""
    await _resting(ground)
    await ground.exchange.trade("SELL", "50001", "0.001")  # rests, above the first order
    await ground.exchange.faults(met(PLACE, ground.mode), effect, phase=phase)
    said = await ground.place("one", price="50001")
    if said["ok"]:
        told(said, status="FILLED")
    told(await ground.settled(), state="FILLED", settled=True)
    await ground.exchange.heal()


async def _terminated(ground: Floor) -> None:
    """The subscription is ended by the exchange; what happens from then on is known all the same."""
    name = await _resting(ground)
    event = {"kind": "event", "payload": {"e": "eventStreamTerminated", "E": int(time.time() * 1000)}}
    await ground.exchange.fault(where="user", nth=0, effect=event)
    await ground.exchange.trade("SELL", "50000", "0.001")
    await _known(ground, name, "FILLED")


async def _shutdown(ground: Floor) -> None:
    """The exchange announces the end of its connections; orders go on."""
    name = await _resting(ground)
    event = {"kind": "event", "payload": {"event": {"e": "serverShutdown", "E": int(time.time() * 1000)}}}
    await ground.exchange.fault(where="ws_api", nth=0, effect=event)
    told(await ground.place("one", price="50001"), ok=True, status="NEW")
    await asyncio.sleep(1)
    told(await ground.place("two", price="50002"), ok=True, status="NEW")
    await ground.exchange.trade("SELL", "50000", "0.003")
    await _known(ground, name, "FILLED")


async def _foreign(ground: Floor) -> None:
    """Somebody places an order on the account beside us: it is reported, and left alone."""
    await _resting(ground)
    terms = {**BTC, "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": "90000"}
    placed = await ground.exchange.signed("POST", "order", None, **terms, newClientOrderId="by-hand")
    said = await ground.ask("reconcile_orders", **BTC)
    assert str(placed["orderId"]) in str(said["external"]), said
    told(await ground.ask("stop_trading"), ok=True)
    assert "by-hand" in str(await ground.exchange.signed("GET", "openOrders", None, **BTC)), (
        "a foreign order was cancelled"
    )
    told(await ground.ask("get_order_state", intent_id="first"), state="CANCELED")
    told(await ground.place("one", price="50001"), ok=False, code="BREAKER_OPEN", sent="no")


# Market streams


async def _book(ground: Floor) -> Answer:
    return await ground.ask("get_local_book", **BTC, limit=1)


async def _live_book(ground: Floor) -> None:
    await ground.start()
    said = await ground.until(partial(_book, ground), lambda said: said.get("state") == "LIVE", 30)
    told(said, state="LIVE")


async def _market(ground: Floor, effect: Mapping[str, Any], *, stale: bool, **rule: Any) -> None:
    """Something happens to the diffs of a live book."""
    await _live_book(ground)
    rule = {"match": {"stream": "btcusdt@depth*"}, **rule}
    snapshots = len(await ground.exchange.requests(DEPTH_SNAPSHOT))
    await ground.exchange.fault(where="market", effect=effect, **rule)
    if stale:
        said = await ground.until(partial(_lost, ground, snapshots), lambda said: bool(said["lost"]), 75)
        assert said["lost"], "it was never given up"
    else:
        await asyncio.sleep(3)
        told(await _lost(ground, snapshots), lost=0)
    await ground.exchange.heal()
    told(await ground.until(partial(_book, ground), lambda said: said.get("state") == "LIVE", 60), state="LIVE")


async def _lost(ground: Floor, snapshots: int | None = None) -> Answer:
    """How often the book was lost: breaks of its stream, snapshots beyond those, and whether it is stale now."""
    said = (await ground.ask("list_streams"))["subscriptions"]
    (row,) = (dict(zip(said["columns"], row, strict=True)) for row in said["rows"])
    more = 0 if snapshots is None else len(await ground.exchange.requests(DEPTH_SNAPSHOT)) - snapshots
    return {"lost": row["gaps"] + row["missed"] + more + int(row["book"] != "LIVE")}


async def _rotated(ground: Floor) -> None:
    """Sockets reach the end of their day, here after six seconds: no order and no event is lost by that."""
    await ground.start(str(SOURCE / "tests" / "faults" / "changed_process.py"), "life", "6")
    told(await ground.until(partial(_book, ground), lambda said: said.get("state") == "LIVE", 60), state="LIVE")
    for number in range(12):
        placed = await ground.place(f"n{number}", price=f"{50_000 + number}")
        told(placed, ok=True, status="NEW")
        told(await ground.ask("cancel_order", **BTC, orderId=placed["orderId"]), ok=True, status="CANCELED")
        await asyncio.sleep(1.5)
    told(await _lost(ground), lost=0)
    said = (await ground.ask("list_streams"))["connections"]
    replaced = [dict(zip(said["columns"], row, strict=True))["replaced"] for row in said["rows"]]
    assert max(replaced) >= 2, said


async def _old_snapshot(ground: Floor) -> None:
    """The first snapshots are older than the first diff: another one is asked for, and the diffs are kept."""
    old = {"kind": "reply", "status": 200, "body": {"lastUpdateId": 1, "bids": [], "asks": []}}
    await ground.exchange.faults(DEPTH_SNAPSHOT, old, times=2)
    await _live_book(ground)


async def _refused_connects(ground: Floor) -> None:
    """No stream connection comes about for a while: few attempts, and the book is live when one does."""
    await ground.exchange.fault(where="market", match={"method": "CONNECT"}, effect=NOBODY, times=None)
    await ground.start()
    began = time.monotonic()
    while time.monotonic() - began < 20:
        assert (await _book(ground)).get("state") != "LIVE"
    log = await ground.exchange.oracle()
    tries = sum(entry["kind"] == "fault" and entry["method"] == "CONNECT" for entry in log)
    assert 2 <= tries <= 40, f"{tries} attempts in 20 s"
    await ground.exchange.heal()
    told(await ground.until(partial(_book, ground), lambda said: said.get("state") == "LIVE", 90), state="LIVE")


async def _flood(ground: Floor) -> None:
    """Every trade comes a thousand times: bounded, counted, and calls are still answered."""
    await ground.start()
    told(await ground.ask("subscribe_to_trade_stream", **BTC), ok=True)
    await ground.exchange.fault(
        where="market", match={"stream": "btcusdt@trade"}, effect={"kind": "burst", "count": 1000}, times=60
    )
    for _ in range(20):
        began = time.monotonic()
        told(await ground.ask("get_price", **BTC), ok=True)
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.3)
    told(await ground.ask("get_trading_state"), ok=True)
    told(await ground.place("one"), ok=True, status="NEW")


def _row(fault: str, title: str, scenario: Callable[[Floor], Awaitable[None]], *options: str) -> Row:
    return Row(fault, title, "auto", scenario, options)


DOUBLE: Final = {"kind": "duplicate"}
LATER: Final = {"kind": "reorder", "by": 1}
LATE: Final = {"kind": "delay", "ms": 700}
LOST: Final = {"kind": "drop"}
MANY: Final = {"kind": "burst", "count": 50}

ROWS: Final = (
    _row("F32", "fills while the user stream is down", _filled_unheard),
    *(_row("F33", f"reports {title}", partial(_spoilt, effect=effect))
      for title, effect in (("doubled", DOUBLE), ("reordered", LATER), ("late", LATE), ("lost", LOST),
                            ("fifty times", MANY))),
    *(_row("F33", f"reports before the answer: {title}", partial(_before_the_reply, effect=effect, phase=phase))
      for title, effect, phase in (("2 s late", {"kind": "delay", "ms": 2_000}, "reply"),
                                   ("lost", {"kind": "no_reply"}, "after"))),
    _row("F34", "eventStreamTerminated", _terminated),
    _row("F24", "every socket is at its end after 6 s", _rotated, *ALIVE),
    _row("F25", "serverShutdown on the WebSocket API", _shutdown),
    _row("F32", "an order of somebody else on the account", _foreign),
    _row("F23", "the stream is open and silent", partial(_market, effect={"kind": "stall"}, stale=True), *ALIVE),
    _row("F23", "the stream is reset", partial(_market, effect={"kind": "reset"}, stale=True), *ALIVE),
    _row("F25", "the stream is closed with 1001", partial(_market, effect={"kind": "close"}, stale=True), *ALIVE),
    _row("F26", "one depth diff is lost", partial(_market, effect=LOST, stale=True), *ALIVE),
    _row("F26", "two depth diffs change places", partial(_market, effect=LATER, stale=True), *ALIVE),
    _row("F27", "depth diffs come twice", partial(_market, effect=DOUBLE, stale=False, times=None), *ALIVE),
    _row("F28", "the snapshot is older than the first diff", _old_snapshot, *ALIVE),
    _row("F29", "stream connections are refused for 20 s", _refused_connects, *ALIVE),
    _row("F30", "sixty thousand trades at once", _flood, *ALIVE),
)  # fmt: skip
