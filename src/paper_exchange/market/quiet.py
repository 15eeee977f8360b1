"""A market without a house: symbols are listed, and nothing ever happened. Books hold what accounts put there."""

from collections.abc import Sequence

from paper_exchange.engine.commands import Command
from paper_exchange.market import house
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.history import NoPast, Past
from paper_exchange.market.source import Due


class QuietMarket:
    """A source of no prices."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def founding(self) -> Sequence[Command]:
        """Commands that list the symbols, for an exchange that is new."""
        return house.founding(self._catalog, {})

    def resuming(self) -> Sequence[Command]:
        """Nothing: there is no house whose orders could be cleared away."""
        return ()

    def past(self, symbol: str) -> Past:
        """Nothing."""
        return NoPast()

    def advance(self, now_us: int) -> list[Due]:
        """Nothing."""
        return []
