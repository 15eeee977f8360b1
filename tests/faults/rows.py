"""Every row of the table."""

from typing import Final

from tests.faults import dying, existing, listening, pauses, people, placing, processes, venues, wire
from tests.faults.table import Row

ROWS: Final[tuple[Row, ...]] = (
    *placing.ROWS,
    *wire.ROWS,
    *existing.ROWS,
    *pauses.ROWS,
    *dying.ROWS,
    *processes.ROWS,
    *listening.ROWS,
    *people.ROWS,
    *venues.ROWS,
)
