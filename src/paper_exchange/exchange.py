"""The exchange as one object: engine, public record, clock and keys behind a single door for changes."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from paper_exchange.clock import Clock
from paper_exchange.engine.commands import Command, Place, PlaceSor
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Event, Result
from paper_exchange.engine.refusal import Refusal
from paper_exchange.keys import KeyRing
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.source import Due

Listener = Callable[[Iterable[Event]], None]
"""Hears everything that happened, command by command, in order."""


class PaperExchange:
    """A Binance Spot exchange without its protocols.

    There is one writer: whatever changes the exchange is a command that goes through `submit`, on one event loop.
    Reading goes to `engine` (accounts, orders, books) and `record` (trades, candles, tickers).

    Attributes:
        clock: What time it is here; whoever acts by the clock waits on this one.
    """

    def __init__(self, *, clock: Clock, record: MarketRecord | None = None) -> None:
        self.engine = Engine()
        self.record = MarketRecord() if record is None else record
        self.keys = KeyRing()
        self.clock = clock
        self._listeners: list[Listener] = [self.record.apply]

    def now_us(self) -> int:
        """The exchange's time."""
        return self.clock.now_us()

    def submit(self, command: Command, *, at_us: int | None = None) -> Result:
        """Execute a command and tell everybody who listens.

        Args:
            command: What is asked.
            at_us: When it was due, where that is not now.

        Raises:
            Refusal: Binance would refuse it; nothing has changed.
        """
        result = self.engine.execute(command, now_us=self.clock.now_us() if at_us is None else at_us)
        for listener in self._listeners:
            listener(result.events)
        return result

    def execute_due(self, due: Iterable[Due]) -> None:
        """Execute what a market's house does; what is refused is left out, as the house expects."""
        for at_us, command in due:
            with suppress(Refusal):
                self.submit(command, at_us=at_us)

    def check(self, command: Place | PlaceSor) -> None:
        """Do what `order/test` does.

        Raises:
            Refusal: The order breaks a rule or a filter.
        """
        self.engine.check(command, now_us=self.clock.now_us())

    def listen(self, listener: Listener) -> None:
        """Tell a listener everything from now on."""
        self._listeners.append(listener)
