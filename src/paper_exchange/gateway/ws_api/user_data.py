"""User data streams: which connections hear what happens to which accounts.

Source: web-socket-api.md#user-data-stream-subscription
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from paper_exchange.engine.events import Event
from paper_exchange.gateway.ws_api import user_events
from paper_exchange.market.wire import TimeUnit

_encode = msgspec.json.Encoder().encode


class Subscriber(Protocol):
    """A connection that hears what happens to an account."""

    @property
    def unit(self) -> TimeUnit:
        """Of the times in its events."""
        ...

    def deliver(self, account: int, events: Sequence[bytes]) -> None:
        """Take the JSON of the events of one command."""
        ...


class UserData:
    """All subscribers of one exchange. It is told what happens (`hear`) command by command."""

    def __init__(self, now_us: Callable[[], int]) -> None:
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
            by_unit: dict[TimeUnit, list[bytes]] = {}
            for subscriber in self._subscribers[account]:
                unit = subscriber.unit
                if unit not in by_unit:
                    by_unit[unit] = [_encode(event) for event in user_events.rendered(own, now_us, unit)]
                subscriber.deliver(account, by_unit[unit])
