"""Every row of the table."""

from types import ModuleType
from typing import Final

from tests.faults import dying, existing, listening, pauses, people, placing, processes, venues, wire
from tests.faults.table import Row


def _rows(part: ModuleType) -> tuple[Row, ...]:
    rows: tuple[Row, ...] = part.ROWS
    return rows


PARTS: Final = (placing, wire, existing, pauses, dying, processes, listening, people, venues)
ROWS: Final[tuple[Row, ...]] = tuple(row for part in PARTS for row in _rows(part))
