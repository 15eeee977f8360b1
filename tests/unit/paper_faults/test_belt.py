"""What becomes of the messages of streams."""

import pytest

from paper_exchange.faults.belt import Belt, Invent, Send, Treat
from paper_exchange.faults.effects import Burst, Close, Delay, Drop, Duplicate, Effect, Event, Reorder, Stall
from paper_exchange.faults.plan import planned
from paper_exchange.faults.rules import Match, Occasion, Rule


def carried(effect: Effect, messages: str, *, nth: int = 2, times: int | None = 1) -> list[str]:
    """What comes out, in order, where a rule befalls the messages of stream `a`; capitals are of stream `b`."""
    plan = planned(1, [Rule(where="market", effect=effect, match=Match(stream="a"), nth=nth, times=times)])
    belt: Belt[str] = Belt()
    out = []
    for message in messages:
        line = "b" if message.isupper() else "a"
        for step in belt.carry(plan.strike(Occasion("market", stream=line)), line, message):
            match step:
                case Send(message=sent, after_ms=0):
                    out.append(sent)
                case Send(message=sent, after_ms=late):
                    out.append(f"{sent}+{late}")
                case Invent():
                    out.append("!")
                case Treat(struck=struck):
                    out.append(type(struck.effect).__name__)
    return out


@pytest.mark.parametrize(
    ("effect", "messages", "expected"),
    [
        (Drop(), "xyz", ["x", "z"]),
        (Duplicate(), "xyz", ["x", "y", "y", "z"]),
        (Burst(count=3), "xyz", ["x", "y", "y", "y", "z"]),
        (Reorder(), "xyz", ["x", "z", "y"]),
        (Reorder(by=2), "wxyz", ["w", "y", "z", "x"]),
        (Reorder(), "xyABz", ["x", "A", "B", "z", "y"]),
        (Event(payload={}), "xyz", ["x", "!", "y", "z"]),
        (Delay(ms=5), "xyz", ["x", "y+5", "z"]),
        (Close(), "xyz", ["x", "Close", "z"]),
        (Stall(), "xyz", ["x", "Stall", "z"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | list) else "",
)
def test_one_message_is_befallen_and_the_others_pass(effect: Effect, messages: str, expected: list[str]) -> None:
    assert carried(effect, messages) == expected


def test_messages_held_back_together_keep_their_order() -> None:
    assert carried(Reorder(), "uvwxyz", nth=1, times=2) == ["w", "u", "v", "x", "y", "z"]


def test_it_is_empty_once_everything_was_overtaken() -> None:
    belt: Belt[str] = Belt()
    struck = planned(1, [Rule(where="user", effect=Reorder())]).strike(Occasion("user"))
    belt.carry(struck, "line", "x")
    assert not belt.is_empty
    belt.carry(None, "line", "y")
    assert belt.is_empty


def test_a_lost_message_overtakes_nothing() -> None:
    belt: Belt[str] = Belt()
    rules = [Rule(where="user", effect=Reorder()), Rule(where="user", effect=Drop())]
    plan = planned(1, rules)
    out = [step for message in "xyz" for step in belt.carry(plan.strike(Occasion("user")), "line", message)]
    assert out == [Send("z"), Send("x")]
