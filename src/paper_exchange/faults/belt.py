"""What faults do to the messages of streams, before anybody is sent them."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from paper_exchange.faults.effects import Burst, Close, Delay, Drop, Duplicate, Event, Reorder, Reset, Stall
from paper_exchange.faults.plan import Struck

MessageT = TypeVar("MessageT")


class Send(NamedTuple, Generic[MessageT]):
    """A message goes out, now or later."""

    message: MessageT
    after_ms: int = 0


class Invent(NamedTuple):
    """A message of the rule's own goes out in the place of the one that set it off, which follows."""

    event: Event


class Treat(NamedTuple):
    """Something happens to the connections that the message was for; they do not get it."""

    struck: Struck


Step = Send[MessageT] | Invent | Treat


@dataclass(slots=True)
class _Held(Generic[MessageT]):
    """A message that others overtake."""

    message: MessageT
    overtaken: int


class Belt(Generic[MessageT]):
    """Carries messages, and keeps those that others are to overtake."""

    def __init__(self) -> None:
        self._held: dict[Hashable, deque[_Held[MessageT]]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be overtaken."""
        return not self._held

    def carry(self, struck: Struck | None, line: Hashable, message: MessageT) -> list[Step[MessageT]]:
        """What becomes of a message.

        Args:
            struck: What befalls it.
            line: Messages of one line have an order, which only `reorder` changes.
        """
        if struck is not None and isinstance(struck.effect, Reorder):
            self._held.setdefault(line, deque()).append(_Held(message, struck.effect.by))
            return []
        steps = _befallen(struck, message)
        return [*steps, *self._overtaken(line)] if steps else []

    def _overtaken(self, line: Hashable) -> list[Step[MessageT]]:
        """The messages that enough others of the line have passed by now."""
        held = self._held.get(line)
        if held is None:
            return []
        for each in held:
            each.overtaken -= 1
        released = [each for each in held if each.overtaken <= 0]
        self._held[line] = deque(each for each in held if each.overtaken > 0)
        if not self._held[line]:
            del self._held[line]
        return [Send(each.message) for each in released]


def _befallen(struck: Struck | None, message: MessageT) -> list[Step[MessageT]]:
    if struck is None:
        return [Send(message)]
    match struck.effect:
        case Drop():
            return []
        case Duplicate():
            return [Send(message), Send(message)]
        case Burst(count=count):
            return [Send(message)] * count
        case Event() as event:
            return [Invent(event), Send(message)]
        case Delay() as delay:
            return [Send(message, drawn_ms(delay, struck))]
        case Close() | Stall() | Reset():
            return [Treat(struck)]
        case _:
            return [Treat(struck), Send(message)]


def drawn_ms(delay: Delay, struck: Struck) -> int:
    """How long a delay takes this time."""
    return delay.ms if delay.most_ms is None else struck.dice.randint(delay.ms, delay.most_ms)
