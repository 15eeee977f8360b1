"""User data streams: which connections hear what happens to which accounts.

Source: web-socket-api.md#user-data-stream-subscription
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from paper_exchange.engine.events import Event
from paper_exchange.gateway.ws_api import user_events
from paper_exchange.gateway.ws_api.user_events import UserEvent
from paper_exchange.market.wire import TimeUnit

_encode = msgspec.json.Encoder().encode


class Subscriber(Protocol):
    """A connection that hears what happens to an account."""

    @property
    def unit(self) -> TimeUnit:
        """Of the times in its events."""
        ...

    def deliver(self, account: int, event: bytes) -> None:
        """Take the JSON of an event."""
        ...


class UserData:
    """All subscribers of one exchange. It is told what happens (`hear`) command by command.

    Attributes:
        alter: Decides what becomes of the messages to an account, where that is not simply to be sent.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.alter: Callable[[int, Iterable[UserEvent]], Iterable[UserEvent]] | None = None
        self._now_us = now_us
        self._subscribers: dict[int, dict[Subscriber, None]] = {}

    def subscribe(self, account: int, subscriber: Subscriber) -> None:
        """Let a subscriber hear of an account from now on."""
        self._subscribers.setdefault(account, {})[subscriber] = None

    def unsubscribe(self, account: int, subscriber: Subscriber) -> None:
        """Stop it; nothing happens when it did not hear of the account."""
        subscribers = self._subscribers.get(account, {})
        subscribers.pop(subscriber, None)
        if not subscribers:
            self._subscribers.pop(account, None)

    def hear(self, events: Iterable[Event]) -> None:
        """Tell every subscriber what one command did to its account, in the engine's order."""
        if not self._subscribers:
            return
        now_us = self._now_us()
        for account, own in user_events.by_account(events, self._subscribers).items():
            messages = user_events.messages(own, now_us)
            self.send(account, messages if self.alter is None else self.alter(account, messages))

    def send(self, account: int, messages: Iterable[UserEvent]) -> None:
        """Send messages to the subscribers of an account as they are."""
        for message in messages:
            by_unit: dict[TimeUnit, bytes] = {}
            for subscriber in self._subscribers.get(account, ()):
                unit = subscriber.unit
                if unit not in by_unit:
                    by_unit[unit] = _encode(message.draw(unit))
                subscriber.deliver(account, by_unit[unit])
