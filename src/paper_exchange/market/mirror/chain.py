"""Whether changes of a book follow each other and the snapshot they start from.

Source: web-socket-streams.md#how-to-manage-a-local-order-book-correctly
"""

from typing import NamedTuple


class Change(NamedTuple):
    """The update ids that one message covers."""

    first_id: int
    last_id: int


class Gap(Exception):
    """A message is missing; the book must be fetched anew."""


class Chain:
    """Where a book is: at the last update of its snapshot, and then of each change that fits."""

    def __init__(self, last_update_id: int) -> None:
        self._last_id = last_update_id

    def fits(self, change: Change) -> bool:
        """Whether a change takes the book further; one that the book has already seen does not.

        Raises:
            Gap: Updates between the book and the change are missing.
        """
        if change.last_id <= self._last_id:
            return False
        if change.first_id > self._last_id + 1:
            raise Gap(f"updates {self._last_id + 1} to {change.first_id - 1} are missing")
        self._last_id = change.last_id
        return True
