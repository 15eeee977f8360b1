"""Local order books that clients keep, held against the exchange's own.

Source: web-socket-streams.md#how-to-manage-a-local-order-book-correctly
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

_ENOUGH = 5
"""The market moves while we look, so books are compared whenever both are at the same update, so often at least."""
_PATIENCE = 200


def levels(rows: Iterable[Sequence[Any]]) -> dict[Decimal, Decimal]:
    """Price to quantity; numbers as text or as the floats that a client made of it (whose text is the same number)."""
    return {Decimal(str(price)): Decimal(str(quantity)) for price, quantity, *_ in rows}


@dataclass(frozen=True, slots=True)
class Book:
    """A book after one update."""

    update_id: int
    bids: dict[Decimal, Decimal]
    asks: dict[Decimal, Decimal]


@dataclass(slots=True)
class LocalBook:
    """A book kept by the documented rules, for clients that leave it to their users.

    Attributes:
        events: How many updates came in.
    """

    update_id: int
    bids: dict[Decimal, Decimal]
    asks: dict[Decimal, Decimal]
    events: int = field(default=0)

    def apply(self, first_id: int, last_id: int, bids: Iterable[Sequence[str]], asks: Iterable[Sequence[str]]) -> None:
        """Take in one depthUpdate; an old one changes nothing."""
        if last_id <= self.update_id:
            return
        assert first_id <= self.update_id + 1, "a gap"
        assert self.events == 0 or first_id == self.update_id + 1, "an overlap"
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in levels(changes).items():
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self.update_id, self.events = last_id, self.events + 1

    def now(self) -> Book:
        """What it is at this moment."""
        return Book(self.update_id, dict(self.bids), dict(self.asks))


async def converges(
    local: Callable[[], Book],
    moved: Callable[[], Awaitable[object]],
    snapshot: Callable[[], Awaitable[Book]],
    *,
    updates: int,
) -> None:
    """The local book and the exchange's are the same, level for level, each time they are at the same update.

    Args:
        local: The local book as it is.
        moved: Waits for an update of the local book.
        snapshot: Asks the REST API for the whole book.
        updates: How many updates to look on for at least.
    """
    met = moves = 0
    while met < _ENOUGH or moves < updates:
        theirs = await snapshot()
        while local().update_id < theirs.update_id:
            await moved()
            moves += 1
        if local().update_id == theirs.update_id:
            assert local() == theirs
            met += 1
        assert moves < _PATIENCE + updates, f"the books met {met} times only"
        await moved()
        moves += 1
