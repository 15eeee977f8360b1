"""The exchange as one object: engine, public record, clock and keys behind a single door for changes."""

from collections.abc import Callable, Iterable

from paper_exchange.clock import Clock
from paper_exchange.engine.commands import Command, Place
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Event, Result
from paper_exchange.keys import KeyRing
from paper_exchange.market.record import MarketRecord

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

    def submit(self, command: Command) -> Result:
        """Execute a command and tell everybody who listens.

        Raises:
            Refusal: Binance would refuse it; nothing has changed.
        """
        result = self.engine.execute(command, now_us=self.clock.now_us())
        for listener in self._listeners:
            listener(result.events)
        return result

    def check(self, command: Place) -> None:
        """Do what `order/test` does.

        Raises:
            Refusal: The order breaks a rule or a filter.
        """
        self.engine.check(command, now_us=self.clock.now_us())

    def listen(self, listener: Listener) -> None:
        """Tell a listener everything from now on."""
        self._listeners.append(listener)
