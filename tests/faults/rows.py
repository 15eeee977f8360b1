"""Every row of the table."""

from typing import Final

from tests.faults import dying, existing, pauses, placing, processes, wire
from tests.faults.table import Row

ROWS: Final[tuple[Row, ...]] = (*placing.ROWS, *wire.ROWS, *existing.ROWS, *dying.ROWS, *processes.ROWS, *pauses.ROWS)
