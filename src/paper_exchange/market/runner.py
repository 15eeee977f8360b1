"""Lets a source of prices run on a clock."""

from collections.abc import Callable, Sequence

from paper_exchange.clock import Clock
from paper_exchange.market.source import Due, Source

Execute = Callable[[Sequence[Due]], None]
"""Executes the house's commands, in order; what the engine refuses is left out."""


async def run_market(source: Source, clock: Clock, execute: Execute, *, step_us: int) -> None:
    """Advance a source every `step_us` of the clock until cancelled. The exchange must be founded already."""
    while True:
        now_us = clock.now_us()
        execute(source.advance(now_us))
        await clock.sleep_until(now_us - now_us % step_us + step_us)
