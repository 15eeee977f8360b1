"""The table of faults: each row a scenario that is driven and judged, all side by side, printed in their order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import httpx
from tests.faults.floor import Floor, Mode, floor

Scenario = Callable[[Floor], Awaitable[None]]
"""Drives a fault on a floor, and fails where the agent was told something wrong."""

AT_ONCE: Final = 8
"""Rows that run side by side: most of the time they wait."""
PATIENCE_S: Final = 300.0
SETTLING_S: Final = 5.0
"""What the journal still misses so long after the end, it misses."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, driven one way.

    Attributes:
        fault: Its number in the specification.
        title: What happens.
        mode: How the server's requests travel.
        scenario: Drives it.
        options: Of the exchange.
        orders: How many orders of ours the exchange must have in the end; None where the scenario counts.
    """

    fault: str
    title: str
    mode: Mode
    scenario: Scenario
    options: tuple[str, ...] = ()
    orders: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row.

    Attributes:
        row: Which.
        agrees: Whether journal and exchange tell the same; None where there is nothing to compare.
        most: The most orders for one leg of a call.
        wrong: What was told wrongly, or what else went wrong; empty where all was right.
        seconds: How long it took.
    """

    row: Row
    agrees: bool | None
    most: int
    wrong: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all three questions are answered as they should be."""
        return self.agrees is not False and self.most <= 1 and not self.wrong


async def drive(row: Row) -> Outcome:
    """Drive one row, and judge it."""
    began = time.monotonic()
    agrees: bool | None = None
    most, wrong = 0, ""
    try:
        async with asyncio.timeout(PATIENCE_S), floor(row.mode, *row.options) as ground:
            try:
                await row.scenario(ground)
            except (AssertionError, KeyError, ValueError, TypeError, OSError, httpx.HTTPError) as failure:
                wrong = f"{type(failure).__name__}: {failure}"
            if ground.home.exists():
                differences, most = await _settled(ground)
                agrees = not differences
                orders = len(await ground.truth())
                if row.orders is not None and orders != row.orders:
                    differences.append(f"{orders} orders at the exchange, not {row.orders}")
                wrong = "; ".join(filter(None, [wrong, *differences, *ground.leaks()]))
    except (AssertionError, OSError, TimeoutError, ValueError, httpx.HTTPError) as failure:
        wrong = wrong or f"{type(failure).__name__}: {failure}"
    return Outcome(row, agrees, most, wrong, time.monotonic() - began)


async def _settled(ground: Floor) -> tuple[list[str], int]:
    """What is found when it is over, after a moment for what is still being asked for."""
    deadline = time.monotonic() + SETTLING_S
    while (found := await ground.findings())[0] and time.monotonic() < deadline:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(1)
    return found


async def drive_all(rows: Sequence[Row], at_once: int, say: Callable[[str], object]) -> list[Outcome]:
    """Drive every row; each is said as soon as it is judged."""
    turns = asyncio.Semaphore(at_once)

    async def one(row: Row) -> Outcome:
        async with turns:
            outcome = await drive(row)
            say(line(outcome))
            return outcome

    return await asyncio.gather(*(one(row) for row in rows))


HEADER: Final = (
    f"{'fault':5} {'way':4} {'what happens':62} {'journal = oracle':16} {'orders/intent':13} {'told':5} {'s':>5}"
)


def line(outcome: Outcome) -> str:
    """A row of the table, and below it what was wrong."""
    row = outcome.row
    agrees = {True: "yes", False: "NO", None: "-"}[outcome.agrees]
    said = "right" if not outcome.wrong else "WRONG"
    text = (
        f"{row.fault:5} {row.mode:4} {row.title[:62]:62} {agrees:16} {outcome.most:<13} {said:5} {outcome.seconds:5.1f}"
    )
    return text if not outcome.wrong else f"{text}\n      {outcome.wrong[:1500]}"


def verdict(outcomes: Iterable[Outcome]) -> tuple[str, bool]:
    """The last line of the table, and whether every row passed."""
    judged = [*outcomes]
    failed = [outcome for outcome in judged if not outcome.passed]
    faults = {outcome.row.fault for outcome in judged}
    return f"{len(judged)} rows of {len(faults)} faults, {len(failed)} failed", not failed
