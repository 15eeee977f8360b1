"""The law of the rate ledger where several processes share it, whichever of them dies, and whenever."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.ledger import SHARES, CallClass, Cost, Reservation, Wait
from binance_spot_mcp.transport.limits import Limit
from binance_spot_mcp.transport.shared_ledger import SharedLedger
from binance_spot_mcp.transport.shared_text import SharedText

MS = 1_000_000
MINUTE = 60_000
START = 1_700_000_040_000
LIMITS = [Limit("REQUEST_WEIGHT", MINUTE, 100), Limit("ORDERS", 10_000, 10)]
CLASSES: list[CallClass] = ["market", "account", "order", "urgent"]
PROCESSES = 3
ACCOUNTS = ("a", "a", "b")


@dataclass(frozen=True)
class Wish:
    """A call that one of the processes would like to make: after a pause, over a network with these delays.

    Attributes:
        fate: Whether it is answered, its answer is lost, or its process is killed as soon as it has left.
    """

    process: int
    pause_ms: int
    weight: int
    orders: int
    call_class: CallClass
    there_ms: int
    back_ms: int
    fate: str


WISHES = st.lists(
    st.builds(
        Wish,
        process=st.integers(0, PROCESSES - 1),
        pause_ms=st.integers(0, 20_000),
        weight=st.integers(1, 40),
        orders=st.integers(0, 3),
        call_class=st.sampled_from(CLASSES),
        there_ms=st.integers(0, 30_000),
        back_ms=st.integers(0, 30_000),
        fate=st.sampled_from(["answered", "answered", "lost", "killed"]),
    ),
    max_size=50,
)


@dataclass
class Exchange:
    """Counts weight per minute, and orders per account and ten seconds, by its own clock; some orders fill at once."""

    seen: dict[tuple[str, int], int] = field(default_factory=dict)

    def count(self, what: str, length_ms: int, spent: int, now_ms: int) -> int:
        window = (what, now_ms // length_ms)
        self.seen[window] = self.seen.get(window, 0) + spent
        return self.seen[window]


@dataclass(order=True)
class Event:
    """Something that happens at a time; of two at the same time the one that was foreseen first."""

    at_ms: int
    number: int
    happen: Callable[[], None] = field(compare=False)


class Machine:
    """Some processes, and the time that passes for all of them."""

    def __init__(self, home: Path) -> None:
        self.now_ms = START
        self.exchange = Exchange()
        self._path = home / "ledger"
        self._names = count()
        self._order = count()
        self._events: list[Event] = []
        self.ledgers = [self.start() for _ in range(PROCESSES)]
        self.ledgers[0].learn(LIMITS)

    def start(self) -> SharedLedger:
        def monotonic_ns() -> int:
            return (self.now_ms - START + 5_000) * MS

        clock = ServerClock(monotonic_ns, lambda: self.now_ms * MS)
        text = SharedText(self._path, "testnet")
        return SharedLedger(text, clock, monotonic_ns, f"process {next(self._names)}", "boot")

    def foresee(self, at_ms: int, happen: Callable[[], None]) -> None:
        heappush(self._events, Event(at_ms, next(self._order), happen))

    def run(self) -> None:
        while self._events:
            event = heappop(self._events)
            self.now_ms = event.at_ms
            event.happen()

    def wished(self, wish: Wish) -> None:
        account = ACCOUNTS[wish.process]
        cost = Cost(wish.weight, wish.orders, account=account)
        ledger = self.ledgers[wish.process]
        turn = ledger.reserve(cost, wish.call_class, "GET /", self.now_ms)
        if isinstance(turn, Wait):
            return
        weight = ledger.state(self.now_ms, account)["limits"][0]
        assert int(weight["used"]) + int(weight["in_flight"]) <= SHARES[wish.call_class]
        self.foresee(self.now_ms + wish.there_ms, partial(self.arrived, wish, ledger, turn))
        if wish.fate == "killed":
            self.ledgers[wish.process] = self.start()

    def arrived(self, wish: Wish, ledger: SharedLedger, turn: Reservation) -> None:
        account = ACCOUNTS[wish.process]
        counts = {
            "REQUEST_WEIGHT/60000": self.exchange.count("weight", MINUTE, wish.weight, self.now_ms),
            "ORDERS/10000": self.exchange.count(account, 10_000, wish.orders, self.now_ms),
        }
        if ledger in self.ledgers:
            heard = counts if wish.fate == "answered" else {}
            self.foresee(self.now_ms + wish.back_ms, partial(self.answered, ledger, turn, heard))

    def answered(self, ledger: SharedLedger, turn: Reservation, counts: dict[str, int]) -> None:
        if ledger in self.ledgers:
            ledger.settle(turn, counts, self.now_ms)


@given(WISHES)
@settings(deadline=None)
def test_the_exchange_never_sees_more_than_its_limits_whoever_sends_and_whoever_dies(wishes: list[Wish]) -> None:
    with TemporaryDirectory() as home:
        machine = Machine(Path(home))
        at_ms = START
        for wish in wishes:
            at_ms += wish.pause_ms
            machine.foresee(at_ms, partial(machine.wished, wish))
        machine.run()
        seen = machine.exchange.seen
        assert all(spent <= 100 for (what, _), spent in seen.items() if what == "weight")
        assert all(spent <= 10 for (what, _), spent in seen.items() if what != "weight")
        machine.now_ms += 2 * MINUTE
        for account in {*ACCOUNTS}:
            rows = machine.ledgers[0].state(machine.now_ms, account)["limits"]
            assert [row["in_flight"] for row in rows] == [0] * len(rows), "nothing that died is under way for ever"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["429", "418", "403"]),
            st.integers(0, PROCESSES - 1),
            st.integers(0, 100_000),
            st.integers(0, 200_000),
            st.booleans(),
        ),
        max_size=20,
    )
)
@settings(deadline=None)
def test_no_process_goes_before_the_end_of_a_hold_that_any_of_them_was_told_of(
    strikes: list[tuple[str, int, int, int, bool]],
) -> None:
    with TemporaryDirectory() as home:
        machine, promised_ms = Machine(Path(home)), 0
        for kind, told, after_ms, pause_ms, killed in strikes:
            machine.now_ms += after_ms
            ledger, now_ms = machine.ledgers[told], machine.now_ms
            match kind:
                case "429":
                    until_ms = ledger.throttled("REQUEST_WEIGHT", pause_ms, 0, now_ms)
                case "418":
                    until_ms = ledger.banned(now_ms + pause_ms, now_ms)
                case _:
                    until_ms = ledger.blocked("GET /", now_ms)
            promised_ms = max(promised_ms, until_ms)
            if killed:
                machine.ledgers[told] = machine.start()
            for each in machine.ledgers:
                turn = each.reserve(Cost(1), "urgent", "GET /", now_ms)
                if promised_ms > now_ms:
                    assert isinstance(turn, Wait)
                    assert turn.until_ms == promised_ms
                elif isinstance(turn, Reservation):
                    each.release(turn, now_ms)
