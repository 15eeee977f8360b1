"""A source of prices that plays a recorded tape.

A tape is a file of JSON objects, one a line, in the order of time:

    {"kind": "book", "at_us": 1767225600000000, "symbol": "BTCUSDT", "whole": true,
     "bids": [["96500.00", "1.2"]], "asks": [["96500.01", "0.8"]]}          (on one line)
    {"kind": "trade", "at_us": 1767225600250000, "symbol": "BTCUSDT",
     "price": "96500.01", "quantity": "0.3", "taker": "BUY"}
    {"kind": "book", "at_us": 1767225600250001, "symbol": "BTCUSDT", "asks": [["96500.01", "0.5"]]}

`at_us` is in microseconds; only differences count, since the first line plays when the exchange is founded. A level is
the quantity that a price has now, "0" when it is gone; `whole` says that there are no other levels.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from paper_exchange.engine.commands import Command
from paper_exchange.market import house
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.feed import Seen, TapeError, read_tape
from paper_exchange.market.follower import BookFollower
from paper_exchange.market.history import NoPast, Past
from paper_exchange.market.source import Due


class TapeMarket:
    """Plays a tape once. Symbols that are not on it are listed, and their books stay empty.

    Args:
        catalog: What is traded.
        path: The tape.
        genesis_us: When the exchange was founded.

    Raises:
        TapeError: The first line is none of a tape, or there is none.
        OSError: The file cannot be read.
    """

    def __init__(self, catalog: Catalog, path: Path, *, genesis_us: int) -> None:
        self._catalog = catalog
        self._path = path
        self._lines: Iterator[Seen] = read_tape(path)
        self._next: Seen | None = next(self._lines, None)
        if self._next is None:
            raise TapeError(f"{path}: is empty")
        self._delay_us = genesis_us - self._next.at_us
        self._followers: dict[str, BookFollower] = {}

    def founding(self) -> Sequence[Command]:
        """Commands that list the symbols and fund the house, for an exchange that is new."""
        return house.founding(self._catalog, {})

    def resuming(self) -> Sequence[Command]:
        """Commands that clear the house's orders away, for an exchange that ran before."""
        return house.resuming(self._catalog)

    def past(self, symbol: str) -> Past:
        """Nothing: the record begins with the tape."""
        return NoPast()

    def advance(self, now_us: int) -> list[Due]:
        """What the house does from the last call up to now.

        Raises:
            TapeError: The tape says something that cannot be played.
        """
        due: list[Due] = []
        while self._next is not None and self._next.at_us + self._delay_us <= now_us:
            at_us = self._next.at_us + self._delay_us
            due.extend(Due(at_us, command) for command in self._follower(self._next.symbol).follow(self._next))
            self._next = next(self._lines, None)
        return due

    def _follower(self, symbol: str) -> BookFollower:
        follower = self._followers.get(symbol)
        if follower is None:
            listing = self._catalog.listings.get(symbol)
            if listing is None:
                raise TapeError(f"{self._path}: {symbol} is not listed; name its rules in a symbol file")
            follower = self._followers[symbol] = BookFollower(listing)
        return follower
