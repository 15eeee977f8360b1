"""The exchange as one object: engine, public record, clock and keys behind a single door for changes."""

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress

from paper_exchange.clock import Clock
from paper_exchange.engine.commands import Command, Place, PlaceSor
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import Event, Result
from paper_exchange.engine.refusal import Refusal
from paper_exchange.keys import KeyRing
from paper_exchange.market.record import MarketRecord
from paper_exchange.market.source import Due
from paper_exchange.store import Snapshot, Store

_log = logging.getLogger(__name__)

Listener = Callable[[Iterable[Event]], None]
"""Hears everything that happened, command by command, in order."""


class PaperExchange:
    """A Binance Spot exchange without its protocols.

    There is one writer: whatever changes the exchange is a command that goes through `submit`, on one event loop.
    Reading goes to `engine` (accounts, orders, books) and `record` (trades, candles, tickers).

    Args:
        clock: What time it is here; whoever acts by the clock waits on this one.
        record: The public record, where there was a past.
        store: Where everything is kept; None keeps it in memory alone.
    """

    def __init__(self, *, clock: Clock, record: MarketRecord | None = None, store: Store | None = None) -> None:
        self.engine = Engine()
        self.record = MarketRecord() if record is None else record
        self.keys = KeyRing()
        self.clock = clock
        self._store = store
        self._is_behind = False
        self._listeners: list[Listener] = []

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
            OSError: It may have been executed, but cannot be kept. Nothing more is executed until everything can be.
        """
        at_us = self.clock.now_us() if at_us is None else at_us
        if self._is_behind:
            self._catch_up()
        result = self.engine.execute(command, now_us=at_us)
        failure = self._keep(at_us, command)
        self.record.apply(result.events)
        for listener in self._listeners:
            try:
                listener(result.events)
            except Exception:  # noqa: BLE001 - the command has been executed, whatever came of telling it
                _log.exception("a listener failed")
        if failure is not None:
            raise failure
        return result

    def together(self) -> AbstractContextManager[None]:
        """Keep what the block submits as one: after a crash all of it happened, or nothing."""
        return nullcontext() if self._store is None else self._store.together()

    def execute_due(self, due: Iterable[Due]) -> None:
        """Execute what a market's house does; what is refused is left out, as the house expects.

        While nothing can be kept, the house stands still.
        """
        try:
            if self._is_behind:
                self._catch_up()
            with self.together():
                for at_us, command in due:
                    with suppress(Refusal):
                        self.submit(command, at_us=at_us)
        except OSError:
            self._is_behind = True
            _log.exception("what the market does cannot be kept")

    def resume(self) -> bool:
        """Take up what the store kept; False when there is nothing to take up. Nobody may listen yet."""
        if self._store is None:
            return False
        snapshot = self._store.snapshot()
        if snapshot is not None:
            self.engine = Engine.restore(snapshot.engine)
            self.record.restore(snapshot.record)
        for at_us, command in self._store.log():
            self.record.apply(self.engine.execute(command, now_us=at_us).events)
        return bool(self.engine.symbols)

    def save(self) -> None:
        """Put a snapshot into the store, in the place of the log."""
        if self._store is not None:
            self._store.save(Snapshot(self.engine.snapshot(), self.record.snapshot()))

    def _keep(self, at_us: int, command: Command) -> OSError | None:
        """Log a command that was executed; returns why that failed."""
        if self._store is not None:
            try:
                self._store.append(at_us, command)
            except OSError as error:
                self._is_behind = True
                return error
        return None

    def _catch_up(self) -> None:
        """Keep as a whole what could not be logged."""
        self.save()
        self._is_behind = False

    def check(self, command: Place | PlaceSor) -> None:
        """Do what `order/test` does.

        Raises:
            Refusal: The order breaks a rule or a filter.
        """
        self.engine.check(command, now_us=self.clock.now_us())

    def listen(self, listener: Listener) -> None:
        """Tell a listener everything from now on."""
        self._listeners.append(listener)
