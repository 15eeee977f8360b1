"""A source of prices that mirrors another exchange."""

from collections import deque
from collections.abc import AsyncIterable, Sequence

from paper_exchange.engine.commands import Command
from paper_exchange.market import house
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.feed import Seen
from paper_exchange.market.follower import BookFollower
from paper_exchange.market.history import NoPast, Past
from paper_exchange.market.source import Due


class MirrorMarket:
    """Shows the books of another exchange, with its trades, to our users.

    What is heard is kept until the next `advance`, and happens then: the other exchange's time is not ours. Books and
    record start empty.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._followers = {symbol: BookFollower(listing) for symbol, listing in catalog.listings.items()}
        self._heard: deque[Seen] = deque()

    def founding(self) -> Sequence[Command]:
        """Commands that list the symbols and fund the house, for an exchange that is new."""
        return house.founding(self._catalog, {})

    def resuming(self) -> Sequence[Command]:
        """Commands that clear the house's orders away, for an exchange that ran before."""
        return house.resuming(self._catalog)

    def past(self, symbol: str) -> Past:
        """Nothing: the record begins with the mirror."""
        return NoPast()

    async def follow(self, feed: AsyncIterable[Seen]) -> None:
        """Hear everything that a feed says, until it ends."""
        async for seen in feed:
            self.hear(seen)

    def hear(self, seen: Seen) -> None:
        """Take note of something that was seen on the other exchange."""
        self._heard.append(seen)

    def advance(self, now_us: int) -> list[Due]:
        """What the house does about all that was heard since the last call."""
        due: list[Due] = []
        while self._heard:
            seen = self._heard.popleft()
            due.extend(Due(now_us, command) for command in self._followers[seen.symbol].follow(seen))
        return due
