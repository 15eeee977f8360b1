"""Faults of process and disk: a full disk, a journal that is not whole, a second server, hosts that repeat or leave."""

import asyncio
import resource
import shutil
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from tests.faults.agent import Agent
from tests.faults.exchange import PLACE
from tests.faults.existing import met
from tests.faults.floor import BTC, ORDER, Floor, told
from tests.faults.table import Row

CLOSED: Final = {"ok": False, "code": "JOURNAL_UNAVAILABLE", "sent": "no"}


# The disk


def _fill(agent: Agent, journal: Path) -> None:
    """From now on no file of the server grows beyond what the journal's log is now."""
    size = journal.with_name(f"{journal.name}-wal").stat().st_size
    _, hard = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def _empty(agent: Agent) -> None:
    _, hard = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def _journal(ground: Floor) -> Path:
    (path,) = ground.home.glob("state/paper-*.sqlite")
    return path


async def _disk_full(ground: Floor) -> None:
    agent = await ground.start()
    told(await ground.place("first"), ok=True)
    _fill(agent, _journal(ground))
    for number in range(3):
        told(await ground.place(f"full-{number}", price=f"5000{number + 1}"), **CLOSED)
    told(await ground.ask("get_open_orders", **BTC), ok=True)
    assert len(await ground.exchange.requests(PLACE)) == 1, "something was sent without a record"
    _empty(agent)
    assert await agent.leave() == 0
    await ground.start()
    told(await ground.place("later", price="50009"), ok=True, status="NEW")
    told(await ground.ask("get_order_state", intent_id="full-1"), ok=False, code="NOT_FOUND")


async def _disk_full_behind_it(ground: Floor) -> None:
    """The disk is full when the answer comes: the agent hears it all the same, and the next server finds it."""
    agent = await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "delay", "ms": 2_000}, phase="reply")
    placing = asyncio.create_task(ground.place("one", price="50001"))
    await ground.exchange.arrived(PLACE, 2)
    _fill(agent, _journal(ground))
    told(await placing, ok=True, status="NEW")
    told(await ground.place("two", price="50002"), **CLOSED)
    await agent.kill()
    await ground.start()
    told(await ground.settled(), state="NEW", settled=True)


# The journal


async def _with_copy(ground: Floor) -> tuple[Path, Path]:
    """A journal whose last order is missing in the copy."""
    agent = await ground.start()
    told(await ground.place("kept"), ok=True)
    assert await agent.leave() == 0
    copy = ground.home / "copy"
    shutil.copytree(ground.home / "state", copy)
    agent = await ground.start()
    told(await ground.place("lost", price="50001"), ok=True)
    assert await agent.leave() == 0
    return _journal(ground), copy


async def _tail_lost(ground: Floor) -> None:
    journal, copy = await _with_copy(ground)
    for part in journal.parent.glob(f"{journal.stem}.sqlite*"):
        part.unlink()
    for part in copy.glob(f"{journal.stem}.sqlite*"):
        shutil.copy(part, journal.parent / part.name)
    shutil.rmtree(copy)
    await ground.start()
    said = await ground.ask("reconcile_orders", **BTC)
    told(said, ok=True)
    assert len(await ground.truth()) == 2
    told(await ground.ask("get_order_state", **BTC, orderId=2), ok=True, state="NEW")
    told(await ground.ask("cancel_order", **BTC, orderId=2), ok=True, status="CANCELED")
    assert "TAIL_LOST" in [row["state"] for row in ground.journal()]


async def _head_lost(ground: Floor) -> None:
    journal, copy = await _with_copy(ground)
    shutil.rmtree(copy)
    journal.with_suffix(".head").unlink()
    await ground.start()
    told(await ground.ask("get_order_state", intent_id="lost"), ok=True, state="NEW")
    told(await ground.place("lost", price="50001"), ok=True, status="NEW")
    assert len(await ground.exchange.requests(PLACE)) == 2


async def _journal_lost(ground: Floor) -> None:
    """The whole journal is gone; its head file says that there was one."""
    journal, copy = await _with_copy(ground)
    shutil.rmtree(copy)
    for part in journal.parent.glob(f"{journal.stem}.sqlite*"):
        part.unlink()
    await ground.start()
    told(await ground.ask("reconcile_orders", **BTC), ok=True)
    for order_id in (1, 2):
        told(await ground.ask("get_order_state", **BTC, orderId=order_id), ok=True, state="NEW")


def _flip(path: Path) -> None:
    """Change one letter of a record that lies inside."""
    content = path.read_bytes()
    place = content.index(b'"tool":"place_order"')
    path.write_bytes(content[:place] + b'"tool":"place_orden"' + content[place + 20 :])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _blank(path: Path) -> None:
    path.write_bytes(b"no database at all\n" * 500)


async def _damaged(ground: Floor, damage: Callable[[Path], None]) -> None:
    journal, copy = await _with_copy(ground)
    shutil.rmtree(copy)
    whole = journal.read_bytes()
    damage(journal)
    agent = await ground.start()
    said = await ground.place("one", price="50002")
    told(said, **CLOSED)
    assert "archive" in said["message"] or "journal" in said["message"], said
    told(await ground.ask("get_open_orders", **BTC), ok=True)
    assert len(await ground.exchange.requests(PLACE)) == 2
    assert await agent.leave() == 0
    journal.write_bytes(whole)  # for the comparison at the end


# Who writes


async def _second_process(ground: Floor, *, killed: bool) -> None:
    first = await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.start()
    said = await ground.place("one", price="50001")
    told(said, ok=False, code="READ_ONLY", sent="no")
    assert str(first.process.pid) in said["message"] + str(said.get("details")), said
    told(await ground.ask("cancel_order", **BTC, orderId=1), ok=False, code="READ_ONLY", sent="no")
    told(await ground.ask("get_open_orders", **BTC), ok=True)
    assert len(await ground.exchange.requests()) == 1
    await (first.kill() if killed else first.leave())
    told(await ground.place("one", price="50001"), ok=True, status="NEW")
    told(await ground.place("first"), ok=True, status="NEW", orderId=1)
    assert len(await ground.exchange.requests()) == 2


# Hosts


async def _repeated(ground: Floor) -> None:
    """The same call five times at once, and again later; without a name; with another content."""
    await ground.start()
    answers = await asyncio.gather(*(ground.place() for _ in range(5)))
    assert {answer["orderId"] for answer in answers} == {1}, answers
    told(await ground.place(), ok=True, orderId=1)
    told(await ground.ask("place_order", **ORDER), ok=False, code="DUPLICATE_INTENT", sent="no", intent_id="one")
    told(await ground.place(price="50001"), ok=False, code="INTENT_CONFLICT", sent="no")
    assert len(await ground.exchange.requests()) == 1


async def _conflict_at_once(ground: Floor) -> None:
    """Two calls under one name at once, with different content: one order."""
    await ground.start()
    one, two = await asyncio.gather(ground.place(), ground.place(price="50001"))
    winners = [answer for answer in (one, two) if answer["ok"]]
    losers = [answer for answer in (one, two) if not answer["ok"]]
    assert len(winners) == 1, (one, two)
    told(losers[0], code="INTENT_CONFLICT", sent="no")
    assert len(await ground.exchange.requests()) == 1


async def _unnamed_at_once(ground: Floor) -> None:
    """The very same call without a name, three times at once: one order."""
    await ground.start()
    answers = await asyncio.gather(*(ground.ask("place_order", **ORDER) for _ in range(3)))
    assert sum(bool(answer["ok"]) for answer in answers) == 1, answers
    assert {answer.get("code") for answer in answers} == {None, "DUPLICATE_INTENT"}
    assert len(await ground.exchange.requests()) == 1


async def _repeated_after_restart(ground: Floor) -> None:
    agent = await ground.start()
    told(await ground.place(), ok=True)
    await ground.exchange.trade("SELL", "50000", "0.001")
    await agent.kill()
    await ground.start()
    told(await ground.place(), ok=True, status=("NEW", "FILLED"), orderId=1)
    told(await ground.ask("get_order_state", intent_id="one"), state="FILLED", settled=True)
    told(await ground.place(), ok=True, status="FILLED", orderId=1)
    told(await ground.place(price="50001"), ok=False, code="INTENT_CONFLICT")
    ours = [entry for entry in await ground.exchange.requests(PLACE) if "newClientOrderId" in entry["params"]]
    assert len(ours) == 1, "an order that had filled was placed again"


Leave = Callable[[Agent], Awaitable[object]]


async def _gives_up(agent: Agent) -> None:
    agent.give_up()


async def _terminated(agent: Agent) -> None:
    agent.process.send_signal(signal.SIGTERM)


async def _left(ground: Floor, leave: Leave) -> None:
    """The client leaves while the order is out; who comes back finds it by its name."""
    agent = await ground.start()
    told(await ground.place("first"), ok=True)
    await ground.exchange.faults(met(PLACE, ground.mode), {"kind": "delay", "ms": 1_500}, phase="reply")
    calling = asyncio.create_task(agent.ask("place_order", **ORDER | {"price": "50001"}, intent_id="one"))
    await ground.exchange.arrived(PLACE, 2)
    await leave(agent)
    if leave is not _gives_up:
        assert await asyncio.wait_for(agent.process.wait(), 30) == 0
        await ground.start()
    told(await ground.settled(), state="NEW", settled=True)
    calling.cancel()
    told(await ground.place("one", price="50001"), ok=True, status="NEW")
    assert len(await ground.exchange.requests(PLACE)) == 2


ROWS: Final = (
    *(Row("F38", "the disk is full", mode, _disk_full, orders=2) for mode in ("rest", "auto")),
    Row("F38", "the disk is full when the answer comes", "rest", _disk_full_behind_it, orders=2),
    Row("F39", "the journal lost its tail", "rest", _tail_lost, orders=2),
    Row("F39", "the head file is lost", "rest", _head_lost, orders=2),
    Row("F39", "the journal is lost, the head file is not", "rest", _journal_lost, orders=2),
    Row("F39", "a letter inside the journal is changed", "rest", partial(_damaged, damage=_flip), orders=2),
    Row("F39", "the journal's file is cut", "rest", partial(_damaged, damage=_cut), orders=2),
    Row("F39", "the journal's file is something else", "rest", partial(_damaged, damage=_blank), orders=2),
    Row("F40", "a second server; the first ends", "auto", partial(_second_process, killed=False), orders=2),
    Row("F40", "a second server; the first is killed", "rest", partial(_second_process, killed=True), orders=2),
    *(Row("F41", "the same call five times at once", mode, _repeated, orders=1) for mode in ("rest", "ws")),
    Row("F41", "one name, two contents at once", "rest", _conflict_at_once, orders=1),
    Row("F41", "the same unnamed call at once", "rest", _unnamed_at_once, orders=1),
    Row("F41", "the same call after it filled and a restart", "auto", _repeated_after_restart, orders=1),
    *(Row("F42", f"the client {title} in mid-call", mode, partial(_left, leave=leave), orders=2)
      for title, leave in (("gives up", _gives_up), ("closes", Agent.leave), ("terminates the server", _terminated))
      for mode in ("rest", "ws")),
)  # fmt: skip
