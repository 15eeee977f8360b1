"""A user data stream that says what a test lets it say, and breaks when the test wants it."""

from collections.abc import Callable
from typing import Any

import msgspec

from binance_spot_mcp.catalogue.user_events import ExecutionReport, ListStatus
from binance_spot_mcp.errors import SpotError

OrderEvent = ExecutionReport | ListStatus


class FakeEvents:
    """The stream; it carries from the moment it is opened, unless it is told to be off or silent.

    Attributes:
        off: Why it cannot be opened.
        spell: Which stretch without a break this is.
        pending: Whether it was not tried yet to carry anything.
        live: Whether events come as they happen.
        whole_until_ms: Until when nothing was missed.
        why: Why it is not live.
        opened: How often it was opened and not closed since.
    """

    def __init__(self, *, off: SpotError | None = None) -> None:
        self.off = off
        self.spell: int | None = 1
        self.pending = False
        self.live = True
        self.whole_until_ms = 0
        self.why = ""
        self.opened = 0
        self._hear: Callable[[OrderEvent], None] = lambda _: None
        self._tell: Callable[[], None] = lambda: None

    async def open(self, heard: Callable[[OrderEvent], None], changed: Callable[[], None]) -> None:
        """Somebody listens."""
        if self.off is not None:
            raise self.off
        self._hear, self._tell = heard, changed
        self.opened += 1
        changed()

    def close(self) -> None:
        """Nobody listens any more."""
        self.opened -= 1

    def break_off(self, whole_until_ms: int) -> None:
        """Nothing comes any more."""
        self.spell, self.live, self.why, self.whole_until_ms = None, False, "the connection broke", whole_until_ms
        self._tell()

    def go_on(self, spell: int) -> None:
        """It carries again."""
        self.spell, self.live, self.why = spell, True, ""
        self._tell()

    def say(self, *events: OrderEvent) -> None:
        """Events come."""
        for event in events:
            self._hear(event)


def report(name: str, status: str = "NEW", executed: str = "0", **changes: Any) -> ExecutionReport:
    """An execution report on order 7."""
    said = {
        "e": "executionReport", "E": 1, "s": "BTCUSDT", "i": 7, "x": "NEW", "X": status, "S": "BUY", "o": "LIMIT",
        "f": "GTC", "q": "1", "p": "50000", "z": executed, "Z": "0", "I": 1, "c": name, "T": 5, **changes,
    }  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(said), type=ExecutionReport)


def traded(name: str, trade: int, quantity: str, executed: str, **changes: Any) -> ExecutionReport:
    """A report that a part of it has traded."""
    part = {"x": "TRADE", "t": trade, "l": quantity, "L": "50000", "n": "0.001", "N": "BNB", "m": True}
    return report(name, "PARTIALLY_FILLED", executed, **part | changes)


def list_status(*names: str, status: str = "EXECUTING") -> ListStatus:
    """A report on a list with these legs."""
    said = {
        "e": "listStatus", "E": 1, "s": "BTCUSDT", "g": 3, "c": "OCO", "l": "EXEC_STARTED", "L": status, "r": "NONE",
        "C": "list", "T": 5, "O": [{"s": "BTCUSDT", "i": 7 + index, "c": name} for index, name in enumerate(names)],
    }  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(said), type=ListStatus)
