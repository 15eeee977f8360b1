"""The clocks of the paper exchange."""

import asyncio
from collections.abc import Iterator

import pytest

from paper_exchange.clock import AcceleratedClock, RealClock, ShiftedClock, VirtualClock, chosen

SECOND_US = 1_000_000


def ticking(*readings: int) -> Iterator[int]:
    yield from readings


def test_a_real_clock_reads_the_wall_once_and_then_only_counts_on() -> None:
    wall, monotonic = ticking(1_700_000_000_000_000_000, 5), ticking(1_000, 501_000, 1_001_000)
    clock = RealClock(wall_ns=lambda: next(wall), monotonic_ns=lambda: next(monotonic))
    assert clock.now_us() == 1_700_000_000_000_500
    assert clock.now_us() == 1_700_000_000_001_000


def test_an_accelerated_clock_runs_its_factor_times_as_fast() -> None:
    base = VirtualClock(100 * SECOND_US)
    clock = AcceleratedClock(60, base=base, start_us=0)
    asyncio.run(base.advance(2 * SECOND_US))
    assert clock.now_us() == 120 * SECOND_US


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_a_clock_that_would_not_run_forward_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="forward"):
        AcceleratedClock(factor)


def test_a_waiter_of_an_accelerated_clock_waits_its_share_of_the_base_clock() -> None:
    async def wait() -> int:
        base = VirtualClock(0)
        clock = AcceleratedClock(10, base=base, start_us=0)
        waiting = asyncio.create_task(clock.sleep_until(50 * SECOND_US))
        await asyncio.sleep(0)
        await base.advance(4 * SECOND_US)
        assert not waiting.done()
        await base.advance(2 * SECOND_US)
        await waiting
        return clock.now_us()

    assert asyncio.run(wait()) == 60 * SECOND_US


def test_a_real_clock_returns_at_once_from_a_time_that_is_past() -> None:
    clock = RealClock()
    asyncio.run(asyncio.wait_for(clock.sleep_until(clock.now_us() - 1), timeout=1))


def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(7)
    assert [clock.now_us(), clock.now_us()] == [7, 7]
    assert asyncio.run(clock.advance(5)) == 12


def test_waiters_of_a_virtual_clock_wake_in_the_order_of_their_times_and_see_them() -> None:
    async def wake() -> list[tuple[str, int]]:
        clock = VirtualClock(0)
        woken: list[tuple[str, int]] = []

        async def wait(name: str, at_us: int) -> None:
            await clock.sleep_until(at_us)
            woken.append((name, clock.now_us()))

        waiters = [asyncio.create_task(wait(name, at)) for name, at in (("c", 30), ("a", 10), ("b", 20), ("d", 99))]
        await asyncio.sleep(0)
        await clock.advance(50)
        waiters[-1].cancel()
        assert clock.now_us() == 50
        return woken

    assert asyncio.run(wake()) == [("a", 10), ("b", 20), ("c", 30)]


def test_a_waiter_that_waits_again_is_woken_again_in_the_same_advance() -> None:
    async def tick() -> list[int]:
        clock = VirtualClock(0)
        ticks: list[int] = []

        async def every_ten() -> None:
            while True:
                await clock.sleep_until(clock.now_us() + 10)
                ticks.append(clock.now_us())

        ticker = asyncio.create_task(every_ten())
        await asyncio.sleep(0)
        await clock.advance(35)
        ticker.cancel()
        return ticks

    assert asyncio.run(tick()) == [10, 20, 30]


def test_a_cancelled_waiter_does_not_stop_the_clock() -> None:
    async def cancel() -> int:
        clock = VirtualClock(0)
        waiter = asyncio.create_task(clock.sleep_until(10))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0)
        return await clock.advance(20)

    assert asyncio.run(cancel()) == 20


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="back"):
        asyncio.run(VirtualClock(0).advance(-1))


def test_a_shifted_clock_tells_and_keeps_its_own_time() -> None:
    async def wait() -> list[int]:
        base, woken = VirtualClock(0), []
        clock = ShiftedClock(base)

        async def sleep(at_us: int) -> None:
            await clock.sleep_until(at_us)
            woken.append(clock.now_us())

        clock.shift_us = SECOND_US
        tasks = [asyncio.create_task(sleep(at * SECOND_US)) for at in (1, 3)]
        await asyncio.sleep(0)
        await base.advance(5 * SECOND_US)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(wait()) == [SECOND_US, 3 * SECOND_US]


def test_who_sleeps_while_time_is_moved_back_is_not_woken_early() -> None:
    async def wait() -> tuple[bool, int]:
        base = VirtualClock(0)
        clock = ShiftedClock(base)
        task = asyncio.create_task(clock.sleep_until(3 * SECOND_US))
        await asyncio.sleep(0)
        clock.shift_us = -SECOND_US
        await base.advance(3 * SECOND_US)
        await asyncio.sleep(0)
        was_awake = task.done()
        await base.advance(SECOND_US)
        await task
        return was_awake, clock.now_us()

    assert asyncio.run(wait()) == (False, 3 * SECOND_US)


def test_a_clock_is_chosen_by_its_name() -> None:
    assert isinstance(chosen("real"), RealClock)
    assert isinstance(chosen("x60"), AcceleratedClock)
    assert chosen("virtual@1767225600000").now_us() == 1_767_225_600_000_000
    assert abs(chosen("virtual").now_us() - RealClock().now_us()) < 60 * SECOND_US


@pytest.mark.parametrize("text", ["", "x", "x0", "real@1", "virtual@soon", "x2@5", "atomic"])
def test_what_is_no_clock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no clock"):
        chosen(text)
