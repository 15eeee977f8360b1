"""The exchange's clock as it is kept here."""

from binance_spot_mcp.transport.clock import STALE_AFTER_MS, Sample, ServerClock

MS = 1_000_000
NOW_MS = 1_700_000_000_000


class Machine:
    """A machine whose clocks a test turns; the monotonic one counts from an odd start."""

    def __init__(self) -> None:
        self.monotonic_ms = 12_345
        self.wall_ms = NOW_MS

    def pass_ms(self, milliseconds: int) -> None:
        self.monotonic_ms += milliseconds
        self.wall_ms += milliseconds

    def clock(self) -> ServerClock:
        return ServerClock(lambda: self.monotonic_ms * MS, lambda: self.wall_ms * MS)

    def sample(self, *, trip_ms: int, ahead_ms: int) -> Sample:
        """A look at a clock that is so far ahead, over a network as fast in both directions."""
        middle_ms = self.wall_ms + trip_ms // 2
        started_ms = self.monotonic_ms
        self.pass_ms(trip_ms)
        return Sample(started_ms * MS, self.monotonic_ms * MS, (middle_ms + ahead_ms) * 1000)


def test_before_a_measurement_the_local_clock_is_believed_and_one_is_due() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.pass_ms(50)
    assert (clock.now_ms(), clock.known, clock.due) == (NOW_MS + 50, False, True)


def test_what_another_process_has_measured_is_believed_and_a_measurement_of_our_own_stays_due() -> None:
    machine = Machine()
    measured = machine.clock()
    measured.measured([machine.sample(trip_ms=0, ahead_ms=3_000)])
    machine.wall_ms += 3_600_000
    clock = machine.clock()
    assert clock.believe(measured.zero_us) == 3_000 - 3_600_000
    assert (clock.now_ms(), clock.known, clock.due) == (measured.now_ms(), False, True)
    assert clock.believe(measured.zero_us) == 0


def test_the_exchange_s_time_belongs_to_the_midpoint_of_the_round_trip() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured([machine.sample(trip_ms=200, ahead_ms=3_000)])
    assert (clock.offset_ms, clock.round_trip_ms, clock.known, clock.due) == (3_000, 200, True, False)
    assert clock.now_ms() == machine.wall_ms + 3_000


def test_of_several_samples_the_median_counts() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured([machine.sample(trip_ms=trip, ahead_ms=ahead) for trip, ahead in ((10, 5), (900, 400), (12, 6))])
    assert (clock.offset_ms, clock.round_trip_ms) == (6, 12)


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured([machine.sample(trip_ms=10, ahead_ms=-6_000)])
    before = clock.now_ms()
    machine.wall_ms += 3_600_000
    assert clock.now_ms() == before
    machine.pass_ms(7)
    assert clock.now_ms() == before + 7


def test_a_measurement_grows_old() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured([machine.sample(trip_ms=10, ahead_ms=0)])
    machine.pass_ms(STALE_AFTER_MS)
    assert not clock.due
    machine.pass_ms(1)
    assert clock.due


def test_microseconds_are_kept() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.measured([Sample(machine.monotonic_ms * MS, machine.monotonic_ms * MS, NOW_MS * 1000 + 123)])
    assert clock.now_us() == NOW_MS * 1000 + 123
