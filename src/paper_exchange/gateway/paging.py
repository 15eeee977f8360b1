"""Which rows of an ascending list an answer holds.

Source: rest-api.md#general-information-on-endpoints (time ranges), and the id parameters of each endpoint
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def from_id(rows: Sequence[T], first_id: int | None, limit: int, id_of: Callable[[T], int]) -> Sequence[T]:
    """The oldest rows from an id on; without an id the newest."""
    if first_id is None:
        return rows[-limit:]
    return [row for row in rows if id_of(row) >= first_id][:limit]


def between(
    rows: Sequence[T], start_us: int | None, end_us: int | None, limit: int, time_of: Callable[[T], int]
) -> Sequence[T]:
    """The oldest rows of a time range, by that time; the newest ones where it has no start."""
    chosen = sorted(
        (
            row
            for row in rows
            if (start_us is None or time_of(row) >= start_us) and (end_us is None or time_of(row) <= end_us)
        ),
        key=time_of,
    )
    return chosen[-limit:] if start_us is None else chosen[:limit]
