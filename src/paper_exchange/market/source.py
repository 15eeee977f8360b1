"""What a source of prices is: something that founds a market and then, step by step, says what its house does."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from paper_exchange.engine.commands import Command
from paper_exchange.market.history import Past


class Due(NamedTuple):
    """A command and when it is to be executed."""

    at_us: int
    command: Command


class Source(Protocol):
    """Where prices come from."""

    def founding(self) -> Sequence[Command]:
        """Commands that list the symbols and fund the house, for an exchange that is new."""
        ...

    def resuming(self) -> Sequence[Command]:
        """Commands that clear the house's orders away, for an exchange that ran before."""
        ...

    def past(self, symbol: str) -> Past:
        """What happened on a symbol before the exchange was founded."""
        ...

    def advance(self, now_us: int) -> list[Due]:
        """What the house does from the last call up to now, in the order of time.

        The engine may refuse a command (the order to cancel may have been filled, say); the source does not mind.
        """
        ...
