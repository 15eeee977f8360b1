"""A local order book, kept by Binance's rules from a snapshot and the differences after it.

Prices stay the text that came, which is the key of a level; a price is converted once, when it is first looked at, and
what is read is exact. Applying an event only fills two dictionaries; what it means for the order of levels is worked
out when somebody reads.

A snapshot holds so many levels a side. Deeper ones are unknown until they change, so a book says down to which price it
knows every level, and shows none beyond.

Source: web-socket-streams.md#how-to-manage-a-local-order-book-correctly
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Literal

from binance_spot_mcp.catalogue.market_events import DepthSnapshot, DepthUpdate, WireLevel

BookState = Literal["SYNCING", "LIVE", "STALE"]
"""Never complete yet; known to follow the exchange; known or feared not to."""
Level = tuple[Decimal, Decimal]
"""Price in quote units, quantity in base units."""

MOST_BUFFERED = 1_000
"""Events kept while a snapshot is on its way: more than a minute of them. Of more, the oldest are dropped."""
MOST_LEVELS = 10_000
"""Levels kept a side; the deepest go first, and the bound of what is known with them."""
_SLACK = 1_000
"""So many keys of removed levels may lie about before they are swept out."""


class LocalBook:
    """One symbol's book. It is told events in the order in which they arrive, from the moment of the subscription.

    Attributes:
        update_id: Up to which update of the exchange's the levels are known; 0 before the first snapshot.
        event_time: The exchange's time of the last event that was applied; 0 if none was.
        reason: Why the book is not live; empty when it is.
        applied: How many events were applied in all.
        losses: How often a live book was lost.
    """

    def __init__(self) -> None:
        self.update_id = 0
        self.event_time = 0
        self.reason = "no snapshot yet"
        self.applied = 0
        self.losses = 0
        self._live = False
        self._ever_live = False
        self._checked = False
        self._loaded = False
        self._buffered: list[DepthUpdate] = []
        self._bids = _Side(best_is_highest=True)
        self._asks = _Side(best_is_highest=False)

    @property
    def state(self) -> BookState:
        """Whether the levels may be relied on. A crossed book is found out here at the latest."""
        self._check()
        if self._live:
            return "LIVE"
        return "STALE" if self._ever_live else "SYNCING"

    @property
    def needs_snapshot(self) -> bool:
        """Whether only a new snapshot can make it live."""
        self._check()
        return not self._live and not self._loaded

    @property
    def bids(self) -> "_Side":
        """The buying side, best first."""
        return self._bids

    @property
    def asks(self) -> "_Side":
        """The selling side, best first."""
        return self._asks

    def apply(self, event: DepthUpdate) -> None:
        """Take one event: apply it, ignore what is known already, or find out that one was missed."""
        if not self._live:
            self._buffer(event)
        elif event.first_update_id > self.update_id + 1:
            self.lose(f"updates {self.update_id + 1} to {event.first_update_id - 1} were missed")
            self._buffer(event)
        elif event.last_update_id > self.update_id:
            self._take(event)

    def load(self, snapshot: DepthSnapshot, limit: int) -> bool:
        """Start from a snapshot that was asked for with `limit` levels a side.

        The book is live once an event links up with it, be it one that waited for the snapshot or the next to come.

        Returns:
            Whether it is of use. False where it is older than the first event that was kept: ask for another.
        """
        kept = [event for event in self._buffered if event.last_update_id > snapshot.last_update_id]
        if kept and kept[0].first_update_id > snapshot.last_update_id + 1:
            self.reason = "the snapshot was older than the first event"
            return False
        self._bids.fill(snapshot.bids, limit)
        self._asks.fill(snapshot.asks, limit)
        self.update_id, self._loaded, self._checked = snapshot.last_update_id, True, False
        linked = bool(self._buffered)
        self._buffered.clear()
        if linked:
            self._go_live()
        else:
            self.reason = "no event since the snapshot yet"
        for event in kept:
            self.apply(event)
        return True

    def confirm(self) -> None:
        """Trust the snapshot without an event, where it is known from elsewhere that none is outstanding."""
        if self._loaded:
            self._go_live()

    def lose(self, reason: str) -> None:
        """Stop relying on the levels: an event may have been missed. They stay to be looked at, as stale."""
        self.losses += self._live
        self._live = self._loaded = False
        self._buffered.clear()
        self.reason = reason

    def _buffer(self, event: DepthUpdate) -> None:
        if self._loaded and event.first_update_id <= self.update_id + 1:
            self._go_live()
            self.apply(event)
            return
        if self._loaded:
            self.lose(f"updates {self.update_id + 1} to {event.first_update_id - 1} were missed")
        elif self._buffered and event.first_update_id > self._buffered[-1].last_update_id + 1:
            self._buffered.clear()  # a snapshot must be newer than the gap, so what lies before it is of no use
        self._buffered.append(event)
        if len(self._buffered) > MOST_BUFFERED:
            del self._buffered[0]

    def _go_live(self) -> None:
        self._live = self._ever_live = True
        self.reason = ""

    def _take(self, event: DepthUpdate) -> None:
        self._bids.update(event.bids)
        self._asks.update(event.asks)
        self.update_id, self.event_time = event.last_update_id, event.event_time
        self.applied += 1
        self._checked = False

    def _check(self) -> None:
        """Look at what the last events did to the order of levels."""
        if self._checked or not self._live:
            return
        self._checked = True
        bid, ask = self._bids.best, self._asks.best
        if bid and ask and bid[0] >= ask[0]:
            self.lose(f"the book is crossed: bid {bid[0]:f}, ask {ask[0]:f}")
        elif self._bids.ambiguous or self._asks.ambiguous:
            self.lose("one price is spelt in two ways")
        elif self._bids.exhausted or self._asks.exhausted:
            self.lose("the price has left the range of levels that the snapshot knew")


class _Side:
    """The levels of one side, best first. `known_to` is the last price down to which every level is known.

    Attributes:
        known_to: None where the whole side is known.
        ambiguous: Whether one price came in two spellings, so that neither quantity can be trusted.
    """

    def __init__(self, *, best_is_highest: bool) -> None:
        self.known_to: Decimal | None = None
        self.ambiguous = False
        self._descending = best_is_highest
        self._quantities: dict[str, str] = {}
        self._order: list[tuple[Decimal, str]] = []
        """Sort key (the price, negated for bids) and text of every key of `_quantities` that was looked at."""
        self._sweep_at = 0

    def fill(self, levels: Iterable[WireLevel], limit: int) -> None:
        """Start over from a snapshot's levels, of which there are `limit` at most."""
        self._quantities = dict(levels)
        self._order, self.ambiguous = [], False
        self._look_at_new()
        whole = len(self._quantities) < limit
        self.known_to = None if whole or not self._order else self._key(self._order[-1][0])
        self._sweep_at = len(self._quantities) + _SLACK

    def update(self, levels: list[WireLevel]) -> None:
        """Set levels to their new quantities."""
        self._quantities.update(levels)
        if len(self._quantities) > self._sweep_at:
            self._sweep()

    @property
    def best(self) -> Level | None:
        """The best level; None where the side is known to be empty, or its levels are out of sight."""
        return next(iter(self), None)

    @property
    def exhausted(self) -> bool:
        """Whether no level is left of those that are known, while others may lie beyond."""
        return self.known_to is not None and self.best is None

    def __iter__(self) -> Iterator[Level]:
        """Every level that is known, best first."""
        self._look_at_new()
        end = None if self.known_to is None else self._key(self.known_to)
        for key, text in self._order:
            if end is not None and key > end:
                return
            quantity = self._quantities[text]
            if not _is_zero(quantity):
                yield self._key(key), Decimal(quantity)

    def top(self, count: int) -> list[Level]:
        """The best levels."""
        return list(islice(self, count))

    def _key(self, price: Decimal) -> Decimal:
        """The sort key of a price, and the price of a sort key; nothing is rounded."""
        return price.copy_negate() if self._descending else price

    def _look_at_new(self) -> None:
        """Sort in the keys that came since the last look; a dictionary holds them at its end."""
        missing = len(self._quantities) - len(self._order)
        if not missing:
            return
        new = [(self._key(Decimal(text)), text) for text in islice(reversed(self._quantities), missing)]
        if missing > len(self._order):
            self._order = sorted([*self._order, *new])
            pairs = zip(self._order, self._order[1:], strict=False)
            self.ambiguous = self.ambiguous or any(one[0] == other[0] for one, other in pairs)
            return
        for entry in new:
            place = bisect_left(self._order, entry[0], key=_first)
            self.ambiguous = self.ambiguous or (place < len(self._order) and self._order[place][0] == entry[0])
            self._order.insert(place, entry)

    def _sweep(self) -> None:
        """Forget removed levels, those out of sight, and the deepest where there are too many."""
        self._look_at_new()
        end = (
            len(self._order)
            if self.known_to is None
            else bisect_right(self._order, self._key(self.known_to), key=_first)
        )
        live = [entry for entry in self._order[:end] if not _is_zero(self._quantities[entry[1]])]
        if len(live) > MOST_LEVELS:
            del live[MOST_LEVELS:]
            self.known_to = self._key(live[-1][0])
        self._order = live
        self._quantities = {text: self._quantities[text] for _, text in live}
        self._sweep_at = len(live) + _SLACK


def _is_zero(quantity: str) -> bool:
    return quantity[0] == "0" and not quantity.strip("0.")


def _first(entry: tuple[Decimal, str]) -> Decimal:
    return entry[0]
