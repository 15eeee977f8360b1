"""One rate ledger for several processes: what they see of each other, what survives them, and what stops nobody."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from binance_spot_mcp.client import Venue
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.transport.clock import Sample, ServerClock
from binance_spot_mcp.transport.ledger import GIVEN_UP_MS, CallClass, Cost, Reservation, Wait
from binance_spot_mcp.transport.limits import Limit
from binance_spot_mcp.transport.rest import ANSWER_SECONDS, CONNECT_SECONDS
from binance_spot_mcp.transport.shared_ledger import BUSY_AT_MOST, FILE, LOOK_AGAIN_NS, SharedLedger, shared_ledger
from binance_spot_mcp.transport.shared_text import SharedText
from binance_spot_mcp.transport.socket import CLOSE_S, OPEN_S
from binance_spot_mcp.transport.world import World

MS = 1_000_000
MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_700_000_040_000
"""The start of a minute, by the exchange's clock."""
WEIGHT, ORDERS = "REQUEST_WEIGHT/60000", "ORDERS/10000"
ROUTE = "GET /api/v3/depth"
LIMITS = [Limit("REQUEST_WEIGHT", MINUTE, 100), Limit("ORDERS", 10_000, 10)]


class Machine:
    """A machine on which several servers run.

    Attributes:
        wall_ms: Its time of day, which may be wrong.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "state" / FILE
        self.wall_ms = T0
        self._monotonic_ms = 5_000
        self._boots = 1

    @property
    def monotonic_ns(self) -> int:
        return self._monotonic_ms * MS

    def pass_ms(self, milliseconds: int) -> None:
        self._monotonic_ms += milliseconds
        self.wall_ms += milliseconds

    def restart(self) -> None:
        self._monotonic_ms, self._boots = 1_000, self._boots + 1

    def process(self, name: str = "one") -> "Process":
        clock = ServerClock(lambda: self.monotonic_ns, lambda: self.wall_ms * MS)
        text = SharedText(self.path, "testnet")
        ledger = SharedLedger(text, clock, lambda: self.monotonic_ns, name, f"boot {self._boots}")
        ledger.join()
        return Process(ledger, clock)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody is in the middle of a change."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


class Process:
    """A server: its ledger, and its idea of the time."""

    def __init__(self, ledger: SharedLedger, clock: ServerClock) -> None:
        self.ledger = ledger
        self.clock = clock

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def measure(self, server_ms: int) -> None:
        """Read the exchange's clock."""
        was_us = self.clock.zero_us
        now_ns = self.clock._monotonic_ns()
        self.clock.measured([Sample(now_ns, now_ns, server_ms * 1000)])
        self.ledger.clock_moved((self.clock.zero_us - was_us) // 1000, self.now_ms)

    def ask(self, cost: Cost, call_class: CallClass = "urgent") -> Reservation | Wait:
        return self.ledger.reserve(cost, call_class, ROUTE, self.now_ms)

    def taken(self, cost: Cost) -> Reservation:
        turn = self.ask(cost)
        assert isinstance(turn, Reservation), turn
        return turn

    def answered(self, turn: Reservation, **counts: int) -> None:
        named = {"weight": WEIGHT, "orders": ORDERS}
        self.ledger.settle(turn, {named[name]: count for name, count in counts.items()}, self.now_ms)

    def used(self, key: str = "REQUEST_WEIGHT", account: str = "") -> tuple[int, int]:
        rows = self.ledger.state(self.now_ms, account)["limits"]
        row = next(row for row in rows if row["type"] == key)
        return int(row["used"]), int(row["in_flight"])

    def holds(self, account: str = "") -> list[str]:
        return [str(hold["scope"]) for hold in self.ledger.state(self.now_ms, account)["holds"]]

    def trouble(self) -> str | None:
        return self.ledger.state(self.now_ms, "")["trouble"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# What they see of each other


def test_what_one_has_under_way_and_what_the_exchange_told_it_counts_for_all(machine: Machine) -> None:
    one, other = machine.process("one"), machine.process("other")
    one.ledger.learn(LIMITS)
    turn = one.taken(Cost(70))
    assert other.used() == (0, 70)
    assert isinstance(other.ask(Cost(31)), Wait)
    one.answered(turn, weight=95)
    assert other.used() == (95, 0)
    full = other.ask(Cost(6))
    assert isinstance(full, Wait)
    assert full.until_ms == T0 + MINUTE
    other.taken(Cost(5))


def test_what_never_left_is_given_back_to_all(machine: Machine) -> None:
    one, other = machine.process("one"), machine.process("other")
    one.ledger.release(one.taken(Cost(70)), one.now_ms)
    assert other.used() == (0, 0)


def test_orders_are_counted_for_each_account_and_weight_for_all(machine: Machine) -> None:
    one, other, third = (machine.process(name) for name in ("one", "other", "third"))
    one.ledger.learn(LIMITS)
    for _ in range(10):
        one.taken(Cost(1, orders=1, account="a"))
    assert isinstance(other.ask(Cost(1, orders=1, account="a")), Wait)
    third.taken(Cost(1, orders=1, account="b"))
    assert [third.used("ORDERS", account) for account in ("a", "b")] == [(0, 10), (0, 1)]
    assert third.used() == (0, 11)


def test_a_pause_for_the_orders_of_one_account_is_none_for_another(machine: Machine) -> None:
    one, other = machine.process("one"), machine.process("other")
    one.ledger.throttled("ORDERS", 7_000, 0, one.now_ms, "a")
    assert isinstance(other.ask(Cost(1, orders=1, account="a")), Wait)
    other.taken(Cost(1, orders=1, account="b"))
    assert (other.holds("a"), other.holds("b")) == (["ORDERS"], [])


def test_it_is_told_how_many_share_it(machine: Machine) -> None:
    processes = [machine.process(name) for name in ("one", "other", "third")]
    assert processes[0].ledger.state(T0, "")["processes"] == 3
    processes[1].ledger.close()
    assert processes[0].ledger.state(T0, "")["processes"] == 2
    machine.pass_ms(400_000)
    assert processes[0].ledger.state(processes[0].now_ms, "")["processes"] == 1, "the third has died"


def test_it_is_for_the_eyes_of_its_user_alone(machine: Machine) -> None:
    machine.process()
    files = [machine.path.parent, *machine.path.parent.iterdir()]
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {0}


# What survives them


@pytest.mark.parametrize("kind", ["429", "418", "403"])
def test_holds_survive_whoever_was_told_of_them(machine: Machine, kind: str) -> None:
    told = machine.process("told")
    match kind:
        case "429":
            until_ms = told.ledger.throttled("REQUEST_WEIGHT", 7_000, 0, told.now_ms)
        case "418":
            until_ms = told.ledger.banned(told.now_ms + 600_000, told.now_ms)
        case _:
            until_ms = told.ledger.blocked(ROUTE, told.now_ms)
    machine.pass_ms(1_000)
    heir = machine.process("heir")
    wait = heir.ask(Cost(1))
    assert isinstance(wait, Wait)
    assert wait.until_ms == until_ms
    machine.pass_ms(until_ms - heir.now_ms)
    heir.taken(Cost(1))


def test_a_ban_survives_a_new_start_of_the_machine(machine: Machine) -> None:
    machine.process().ledger.banned(T0 + HOUR, T0)
    machine.pass_ms(60_000)
    machine.restart()
    heir = machine.process("heir")
    assert heir.now_ms == T0 + 60_000
    wait = heir.ask(Cost(1))
    assert isinstance(wait, Wait)
    assert (wait.code, wait.until_ms) == ("BANNED", T0 + HOUR)


def test_after_a_new_start_with_a_clock_that_goes_wrong_the_other_way_nothing_counts_for_longer(
    machine: Machine,
) -> None:
    machine.wall_ms += HOUR
    before = machine.process()
    before.answered(before.taken(Cost(70)), weight=70)
    machine.restart()
    machine.wall_ms -= HOUR
    heir = machine.process("heir")
    assert heir.used() == (70, 0)
    machine.pass_ms(MINUTE)
    assert heir.used() == (0, 0)


def test_no_attempt_lasts_so_long_that_its_reservation_is_given_up() -> None:
    assert GIVEN_UP_MS >= 2_000 * (CONNECT_SECONDS + ANSWER_SECONDS)
    assert GIVEN_UP_MS >= 2_000 * (OPEN_S + CLOSE_S)


_DIES_WITH_A_REQUEST_OUT = """
import os, signal, sys, time
from pathlib import Path
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.ledger import Cost
from binance_spot_mcp.transport.shared_ledger import SharedLedger
from binance_spot_mcp.transport.shared_text import SharedText
monotonic_ns = int(sys.argv[2])
clock = ServerClock(lambda: monotonic_ns, time.time_ns)
ledger = SharedLedger(SharedText(Path(sys.argv[1]), "testnet"), clock, lambda: monotonic_ns, "dying", "boot 1")
ledger.join()
ledger.reserve(Cost(70), "urgent", "GET /", clock.now_ms())
os.kill(os.getpid(), signal.SIGKILL)
"""

_DIES_IN_A_CHANGE = """
import os, signal, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("BEGIN IMMEDIATE")
file.execute("UPDATE texts SET text = 'half'")
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(code: str, *arguments: str) -> None:
    assert subprocess.run([sys.executable, "-c", code, *arguments], check=False).returncode == -signal.SIGKILL


def test_a_request_of_a_process_that_was_killed_counts_as_sent_and_no_longer_than_its_window(machine: Machine) -> None:
    other = machine.process("other")
    other.ledger.learn(LIMITS)
    machine.pass_ms(30_000)
    killed(_DIES_WITH_A_REQUEST_OUT, str(machine.path), str(machine.monotonic_ns))
    assert other.used() == (0, 70)
    machine.pass_ms(GIVEN_UP_MS)
    assert other.used() == (0, 70), "it may still arrive"
    machine.pass_ms(1)
    assert other.used() == (70, 0), "it may have arrived in this window"
    machine.pass_ms(MINUTE)
    assert other.used() == (0, 0)


def test_a_process_that_is_killed_in_a_change_leaves_what_was_and_keeps_nobody_waiting(machine: Machine) -> None:
    other = machine.process("other")
    turn = other.taken(Cost(70))
    killed(_DIES_IN_A_CHANGE, str(machine.path))
    other.answered(turn, weight=70)
    assert (other.used(), other.trouble()) == ((70, 0), None)


# What time it is


@pytest.mark.parametrize("step_ms", [HOUR, -HOUR], ids=["forwards", "backwards"])
def test_a_step_of_the_wall_clock_neither_opens_nor_closes_a_hold(machine: Machine, step_ms: int) -> None:
    one = machine.process("one")
    one.measure(T0 + 3_000)
    until_ms = one.ledger.banned(one.now_ms + 600_000, one.now_ms)
    machine.wall_ms += step_ms
    heir = machine.process("heir")
    assert heir.now_ms == T0 + 3_000
    wait = heir.ask(Cost(1))
    assert isinstance(wait, Wait)
    assert wait.until_ms == until_ms
    machine.pass_ms(600_000)
    heir.taken(Cost(1))


@pytest.mark.parametrize("wrong_ms", [HOUR, -HOUR])
def test_a_hold_lasts_as_long_as_it_was_to_when_a_wrong_clock_is_set_right(machine: Machine, wrong_ms: int) -> None:
    machine.wall_ms += wrong_ms
    one, other = machine.process("one"), machine.process("other")
    one.ledger.learn(LIMITS)
    one.answered(one.taken(Cost(10)), weight=10)
    one.ledger.throttled("REQUEST_WEIGHT", 7_000, 0, one.now_ms)
    other.measure(T0)
    wait = one.ask(Cost(1))
    assert isinstance(wait, Wait)
    assert (wait.until_ms, one.now_ms) == (T0 + 7_000, T0)
    machine.pass_ms(7_000)
    for _ in range(3):
        one.answered(one.taken(Cost(20)))
    assert other.used() == (70, 0), "counted in the window of now, and in no later one"
    assert isinstance(other.ask(Cost(31)), Wait)
    machine.pass_ms(MINUTE)
    assert other.used() == (0, 0)


def test_processes_whose_measurements_differ_count_in_the_windows_of_the_last_one(machine: Machine) -> None:
    one, other = machine.process("one"), machine.process("other")
    one.ledger.learn(LIMITS)
    one.measure(T0 + 58_000)
    machine.pass_ms(1)
    other.measure(T0 + 60_500)
    for process in (one, other) * 3:
        process.answered(process.taken(Cost(10)))
    assert one.used() == other.used() == (60, 0)
    assert (one.now_ms, other.now_ms) == (T0 + 58_001, T0 + 60_500)
    machine.pass_ms(59_500)
    assert one.used() == other.used() == (0, 0)


# What stops nobody


def test_while_another_writes_a_turn_is_asked_for_again_and_an_answer_is_counted_a_little_later(
    machine: Machine,
) -> None:
    one, other = machine.process("one"), machine.process("other")
    turn = one.taken(Cost(10))
    with machine.locked():
        wait = one.ask(Cost(1))
        assert isinstance(wait, Wait)
        assert wait.until_ms is not None
        assert 0 < wait.until_ms - one.now_ms < 10
        one.answered(turn, weight=42)
        one.ledger.banned(one.now_ms + HOUR, one.now_ms)
        assert isinstance(one.ask(Cost(1)), Wait)
    assert other.used() == (0, 10), "nobody has told it yet"
    one.ledger.held_until(Cost(1), ROUTE, one.now_ms)
    assert other.used() == (42, 0)
    assert other.holds() == ["everything"]


def test_a_process_that_stands_still_in_a_change_does_not_keep_the_others_waiting_for_ever(machine: Machine) -> None:
    one = machine.process()
    with machine.locked():
        turns = [one.ask(Cost(1)) for _ in range(BUSY_AT_MOST)]
        assert isinstance(turns[-1], Reservation)
        assert not any(isinstance(turn, Reservation) for turn in turns[:-1])
        assert "stands still" in str(one.trouble())


def damage(path: Path) -> None:
    for file in path.parent.glob(f"{FILE}*"):
        file.unlink()
    path.write_bytes(b"This is no database at all, although it is long enough to be one." * 100)


def make_unreadable(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE texts SET text = ?", (b'{"clock": 7}',))


def put_a_folder_in_its_place(path: Path) -> None:
    for file in path.parent.glob(f"{FILE}*"):
        file.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [damage, make_unreadable, put_a_folder_in_its_place])
def test_without_a_file_that_can_be_used_a_process_counts_alone_from_what_it_knew_and_says_so(
    machine: Machine, harm: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(harm)
    one = machine.process()
    one.ledger.learn(LIMITS)
    one.answered(one.taken(Cost(60)), weight=60)
    one.ledger.throttled("ORDERS", 60_000, 0, one.now_ms)
    harm(machine.path)
    turn = one.taken(Cost(30))
    assert isinstance(one.ask(Cost(11)), Wait)
    assert isinstance(one.ask(Cost(1, orders=1)), Wait)
    one.answered(turn, weight=61)
    state = one.ledger.state(one.now_ms, "")
    assert state["processes"] == 1
    assert str(machine.path) in str(state["trouble"])
    assert one.used() == (61, 0)
    assert [line for line in caplog.messages if "is not shared" in line] != []
    assert len([line for line in caplog.messages if "is not shared" in line]) == 1


def test_a_file_that_was_put_right_is_shared_again_a_little_later(machine: Machine) -> None:
    one = machine.process("one")
    make_unreadable(machine.path)
    one.answered(one.taken(Cost(5)), weight=33)
    assert one.trouble() is not None
    for file in machine.path.parent.iterdir():
        file.unlink()
    other = machine.process("other")
    machine.pass_ms(LOOK_AGAIN_NS // MS)
    under_way = other.taken(Cost(7))
    assert one.trouble() is None
    assert other.used() == (33, 7), "what one was told counts, and none of its turns is taken for another's"
    other.answered(under_way, weight=40)
    assert one.used() == (40, 0)


def test_a_file_that_was_taken_away_is_made_anew_by_whoever_comes_next(machine: Machine) -> None:
    one, other = machine.process("one"), machine.process("other")
    one.taken(Cost(7))
    for file in machine.path.parent.iterdir():
        file.unlink()
    one.taken(Cost(5))
    assert other.used() == one.used() == (0, 5)


# Whose it is


def at_work(home: Path, env: str = "testnet", rest: str = "https://testnet.binance.vision", proxy: str = "") -> object:
    """A server begins something that costs 7; what is under way by then."""
    settings = Settings.model_validate({"env": env, "home": home, "proxy": SecretStr(proxy) if proxy else None})
    world = World()
    ledger = shared_ledger(settings, world, Venue((rest,)), ServerClock(world.monotonic_ns, world.wall_ns))
    with closing(ledger):
        now_ms = ledger._clock.now_ms()
        ledger.reserve(Cost(7), "urgent", ROUTE, now_ms)
        return ledger.state(now_ms, "")["limits"][0]["in_flight"]


def test_environments_paper_exchanges_and_ways_to_them_are_counted_apart(tmp_path: Path) -> None:
    for under_way in (7, 14):
        assert at_work(tmp_path) == under_way
        assert at_work(tmp_path, "demo") == under_way
        assert at_work(tmp_path, "paper", "http://127.0.0.1:1") == under_way
        assert at_work(tmp_path, "paper", "http://127.0.0.1:2") == under_way
        assert at_work(tmp_path, proxy="http://user:canary-password@proxy:1") == under_way
    stored = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert b"canary" not in stored


def test_what_is_stored_is_small(machine: Machine) -> None:
    one = machine.process()
    for number in range(100):
        one.answered(one.taken(Cost(1, orders=1, account=f"{number:016x}")))
        machine.pass_ms(86_400_000)
    machine.process("heir")
    with closing(sqlite3.connect(machine.path)) as file:
        ((text,),) = file.execute("SELECT text FROM texts").fetchall()
    assert len(text) < 2_000, os.fsdecode(text)
