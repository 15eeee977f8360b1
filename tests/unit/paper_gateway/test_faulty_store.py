"""A disk that fails and a process that dies lose nothing that was acknowledged, and nothing else either."""

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from tests.unit.paper_gateway.test_store import START_US

from paper_exchange.accounts import Accounts
from paper_exchange.clock import VirtualClock
from paper_exchange.engine.commands import Deposit
from paper_exchange.engine.refusal import Refusal
from paper_exchange.exchange import PaperExchange
from paper_exchange.faults.effects import Effect, Eio, Enospc, Kill, TornWrite
from paper_exchange.faults.plan import Plan
from paper_exchange.faults.rules import Match, Rule
from paper_exchange.faulty_store import FaultyStore
from paper_exchange.keys import seeded
from paper_exchange.market import house
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.source import Due


class Killed(BaseException):
    """Stands for the end of the process."""


class Kept:
    """An exchange on a directory, whose store a plan decides about."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = FaultyStore(directory)
        self.exchange = PaperExchange(clock=VirtualClock(START_US), record=MarketRecord(), store=self.store)
        if not self.exchange.resume():
            with self.exchange.together():
                for command in house.founding(BUILT_IN, {}):
                    self.exchange.submit(command)
        self.login = Accounts(self.exchange, randomness=seeded(1, "keys"), store=self.store).login("default")
        self.plan = Plan(1)
        self.faults: list[str] = []
        self.store.watch(self.plan, lambda struck, _: self.faults.append(struck.rule.id), self.die)

    def die(self) -> None:
        raise Killed

    def deposit(self, times: int = 1) -> None:
        """Credit the account with one more USDT."""
        for _ in range(times):
            self.exchange.submit(Deposit(account=self.login.number, asset="USDT", amount=Decimal(1)))

    def usdt(self) -> int:
        """What it has."""
        return int(self.exchange.engine.balance(self.login.number, "USDT").free)


Opening = Callable[..., Kept]


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[Opening]:
    """Opens an exchange: a new one, or what another one would leave behind if it were killed now."""
    numbers = count()
    with ExitStack() as stack:

        def open_(killed: Kept | None = None) -> Kept:
            directory = tmp_path / str(next(numbers))
            directory.mkdir()
            for file in () if killed is None else killed.directory.iterdir():
                (directory / file.name).write_bytes(file.read_bytes())
            kept = Kept(directory)
            stack.callback(kept.store.close)
            return kept

        yield open_


@pytest.mark.parametrize(("effect", "number"), [(Enospc(), errno.ENOSPC), (Eio(), errno.EIO)])
def test_what_cannot_be_logged_is_not_acknowledged_and_caught_up_with_later(
    opening: Opening, effect: Effect, number: int
) -> None:
    kept = opening()
    rule = kept.plan.add(Rule(id="full", where="disk", match=Match(method="Deposit"), effect=effect))
    with pytest.raises(OSError, match=r"\[Errno") as failed:
        kept.deposit()
    assert failed.value.errno == number
    assert kept.faults == [rule.id]
    kept.deposit()
    assert opening(kept).usdt() == kept.usdt() == 100_002


def test_nothing_more_is_executed_while_the_disk_is_full(opening: Opening) -> None:
    kept = opening()
    rule = kept.plan.add(Rule(where="disk", times=None, effect=Enospc()))
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            kept.deposit()
    assert kept.usdt() == 100_001
    assert opening(kept).usdt() == 100_000
    kept.plan.remove(rule.id)
    kept.deposit()
    assert kept.usdt() == opening(kept).usdt() == 100_002


def test_the_house_stands_still_while_the_disk_is_full(opening: Opening) -> None:
    kept = opening()
    rule = kept.plan.add(Rule(where="disk", times=None, effect=Enospc()))
    with pytest.raises(OSError, match="No space"):
        kept.deposit()
    due = [Due(START_US, Deposit(account=house.HOUSE_MAKER, asset="USDT", amount=kept.exchange.engine.supply("USDT")))]
    supply = kept.exchange.engine.supply("USDT")
    kept.exchange.execute_due(due)
    assert kept.exchange.engine.supply("USDT") == supply
    kept.plan.remove(rule.id)
    kept.exchange.execute_due(due)
    assert kept.exchange.engine.supply("USDT") == opening(kept).exchange.engine.supply("USDT") == 2 * supply


@pytest.mark.parametrize(("phase", "survives"), [("before", False), ("after", True)])
def test_a_process_dies_before_or_after_a_command_is_logged(opening: Opening, phase: str, survives: bool) -> None:
    kept = opening()
    kept.plan.add(Rule(where="process", phase=phase, effect=Kill()))  # type: ignore[arg-type]  # one of the phases
    with pytest.raises(Killed):
        kept.deposit()
    assert opening(kept).usdt() == 100_000 + survives


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_process_dies_before_or_after_a_snapshot_and_nothing_is_lost(opening: Opening, phase: str) -> None:
    kept = opening()
    kept.plan.add(Rule(where="process", phase=phase, effect=Kill(point="snapshot")))  # type: ignore[arg-type]
    kept.deposit()
    with pytest.raises(Killed):
        kept.exchange.save()
    again = opening(kept)
    assert again.usdt() == 100_001
    assert again.exchange.engine.snapshot() == kept.exchange.engine.snapshot()


@pytest.mark.parametrize("size", [1, 100, 4000])
def test_a_torn_write_loses_the_command_it_was_about_and_no_other(opening: Opening, size: int) -> None:
    kept = opening()
    kept.deposit()
    kept.plan.add(Rule(where="disk", effect=TornWrite(size=size)))
    with pytest.raises(Killed):
        kept.deposit()
    assert opening(kept).usdt() == 100_001


def test_what_the_house_does_is_left_alone(opening: Opening) -> None:
    kept = opening()
    kept.plan.add(Rule(where="disk", times=None, effect=Enospc()))
    with kept.exchange.together():
        kept.deposit()
    assert kept.faults == []


def test_sqlites_own_complaint_about_the_disk_is_told_like_any_other(opening: Opening) -> None:
    kept = opening()
    kept.store._db.execute("PRAGMA max_page_count=1")
    with pytest.raises(OSError, match="full"):
        kept.deposit(times=1000)
    kept.store._db.execute("PRAGMA max_page_count=1000000")
    kept.deposit()
    assert opening(kept).usdt() == kept.usdt()


def test_a_refused_command_is_not_written(opening: Opening) -> None:
    kept = opening()
    logged = kept.store.logged
    with pytest.raises(Refusal):
        kept.exchange.submit(Deposit(account=kept.login.number, asset="USDT", amount=Decimal(-1)))
    assert kept.store.logged == logged
