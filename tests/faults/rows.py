"""Every row of the table."""

from typing import Final

from tests.faults import dying, existing, listening, pauses, placing, processes, wire
from tests.faults.table import Row

PARTS: Final = (placing.ROWS, wire.ROWS, existing.ROWS, pauses.ROWS, dying.ROWS, processes.ROWS, listening.ROWS)
ROWS: Final[tuple[Row, ...]] = tuple(row for part in PARTS for row in part)
