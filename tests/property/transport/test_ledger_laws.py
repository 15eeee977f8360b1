"""Laws of the rate ledger, against an exchange that counts every request at the moment it arrives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from binance_spot_mcp.transport.ledger import SHARES, Bucket, CallClass, Cost, RateLedger, Reservation, Wait
from binance_spot_mcp.transport.limits import Limit

MINUTE = 60_000
LIMIT = 100
WEIGHT = Limit("REQUEST_WEIGHT", MINUTE, LIMIT)
CLASSES: list[CallClass] = ["market", "account", "order", "urgent"]


@dataclass(frozen=True)
class Wish:
    """A call that somebody would like to make: after a pause, over a network with these delays."""

    pause_ms: int
    weight: int
    call_class: CallClass
    there_ms: int
    back_ms: int
    answered: bool


WISHES = st.lists(
    st.builds(
        Wish,
        pause_ms=st.integers(0, 20_000),
        weight=st.integers(1, 40),
        call_class=st.sampled_from(CLASSES),
        there_ms=st.integers(0, 30_000),
        back_ms=st.integers(0, 30_000),
        answered=st.booleans(),
    ),
    max_size=60,
)


@dataclass(order=True)
class Event:
    """Something that happens at a time; of two at the same time the one that was foreseen first."""

    at_ms: int
    number: int
    happen: Callable[[int], None] = field(compare=False)


@dataclass
class Exchange:
    """Counts weight per minute of its own clock, and says what it has counted."""

    seen: dict[int, int] = field(default_factory=dict)

    def count(self, weight: int, now_ms: int) -> int:
        minute = now_ms // MINUTE
        self.seen[minute] = self.seen.get(minute, 0) + weight
        return self.seen[minute]


@given(WISHES)
def test_the_exchange_never_sees_more_than_its_limit_in_any_window(wishes: list[Wish]) -> None:
    ledger, exchange = RateLedger({WEIGHT.key: Bucket(WEIGHT)}), Exchange()
    bucket, order = ledger.buckets[WEIGHT.key], count()
    events: list[Event] = []

    def foresee(at_ms: int, happen: Callable[[int], None]) -> None:
        heappush(events, Event(at_ms, next(order), happen))

    def wished(wish: Wish, now_ms: int) -> None:
        turn = ledger.reserve(Cost(wish.weight), wish.call_class, "GET /", now_ms)
        if isinstance(turn, Wait):
            assert turn.until_ms is None or turn.until_ms > now_ms
            return
        assert bucket.used <= LIMIT * SHARES[wish.call_class] // 100
        foresee(now_ms + wish.there_ms, partial(arrived, wish, turn))

    def arrived(wish: Wish, turn: Reservation, now_ms: int) -> None:
        number = exchange.count(wish.weight, now_ms)
        foresee(now_ms + wish.back_ms, partial(answered, wish, turn, number))

    def answered(wish: Wish, turn: Reservation, number: int, now_ms: int) -> None:
        ledger.settle(turn, {WEIGHT.key: number} if wish.answered else {}, now_ms)

    start_ms = 0
    for wish in wishes:
        start_ms += wish.pause_ms
        foresee(start_ms, partial(wished, wish))
    while events:
        event = heappop(events)
        event.happen(event.at_ms)

    assert all(weight <= LIMIT for weight in exchange.seen.values())
    assert bucket.in_flight == 0


@given(st.lists(st.tuples(st.sampled_from(["429", "418", "403"]), st.integers(0, 100_000), st.integers(0, 200_000))))
def test_nothing_goes_before_the_end_of_a_hold_and_no_hold_is_ever_shortened(
    strikes: list[tuple[str, int, int]],
) -> None:
    ledger, now_ms, promised_ms = RateLedger({WEIGHT.key: Bucket(WEIGHT)}), 0, 0
    for kind, after_ms, pause_ms in strikes:
        now_ms += after_ms
        match kind:
            case "429":
                until_ms = ledger.throttled("REQUEST_WEIGHT", pause_ms, 0, now_ms)
            case "418":
                until_ms = ledger.banned(now_ms + pause_ms, now_ms)
            case _:
                until_ms = ledger.blocked("GET /", now_ms)
        promised_ms = max(promised_ms, until_ms)
        turn = ledger.reserve(Cost(1), "urgent", "GET /", now_ms)
        if promised_ms > now_ms:
            assert isinstance(turn, Wait)
            assert turn.until_ms == promised_ms
    assert not isinstance(ledger.reserve(Cost(1), "urgent", "GET /", promised_ms), Wait) or not strikes


@given(WISHES)
def test_reads_and_orders_always_leave_room_for_a_cancel(wishes: list[Wish]) -> None:
    ledger, now_ms = RateLedger({WEIGHT.key: Bucket(WEIGHT)}), 0
    for wish in wishes:
        now_ms += wish.pause_ms
        if wish.call_class != "urgent":
            ledger.reserve(Cost(wish.weight), wish.call_class, "GET /", now_ms)
        assert LIMIT - ledger.buckets[WEIGHT.key].used >= LIMIT // 10
