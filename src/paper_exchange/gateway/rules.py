"""Conditions between the parameters of one endpoint, as values that an endpoint's table lists.

Each runs after every parameter has been read by itself, in the table's order, and refuses as Binance does.

Source: rest-api.md (the notes under the parameter tables)
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from paper_exchange.gateway import refusals
from paper_exchange.gateway.parameters import Arguments
from paper_exchange.gateway.refusals import Rejected

Rule = Callable[[Arguments], None]
Condition = Mapping[str, frozenset[str]]
"""Parameter names with the values under which a rule counts; all of them must hold."""

_HOUR_MS = int(timedelta(hours=1).total_seconds()) * 1000


def when(**values: str | tuple[str, ...]) -> Condition:
    """A condition: `when(type=("LIMIT", "LIMIT_MAKER"))`."""
    return {name: frozenset((value,) if isinstance(value, str) else value) for name, value in values.items()}


def _holds(condition: Condition, arguments: Arguments) -> bool:
    return all(arguments.sent(name) in allowed for name, allowed in condition.items())


def require(*names: str, on: Condition | None = None, unless: str | None = None) -> Rule:
    """Each of the names must be sent (-1102), unless another parameter stands in for them."""

    def check(arguments: Arguments) -> None:
        if not _holds(on or {}, arguments) or (unless is not None and unless in arguments):
            return
        for name in names:
            if name not in arguments:
                raise refusals.missing(name)

    return check


def require_any(one: str, other: str, on: Condition | None = None) -> Rule:
    """At least one of two must be sent (-1102)."""

    def check(arguments: Arguments) -> None:
        if _holds(on or {}, arguments) and one not in arguments and other not in arguments:
            raise refusals.missing_both(one, other)

    return check


def require_together(needing: str, needed: str) -> Rule:
    """The second must be sent where the first is (-1128)."""

    def check(arguments: Arguments) -> None:
        if needing in arguments and needed not in arguments:
            raise Rejected(
                -1128, f"Combination of optional parameters invalid. Recommendation: '{needed}' should also be sent."
            )

    return check


def at_most_one(*names: str) -> Rule:
    """No two of the names may be sent (-1128)."""

    def check(arguments: Arguments) -> None:
        if sum(name in arguments for name in names) > 1:
            raise refusals.bad_combination()

    return check


def none_beside(name: str, *others: str) -> Rule:
    """Where the name is sent, none of the others may be (-1128)."""

    def check(arguments: Arguments) -> None:
        if name in arguments and any(other in arguments for other in others):
            raise refusals.bad_combination()

    return check


def together(one: str, other: str) -> Rule:
    """Both or neither (-1128)."""

    def check(arguments: Arguments) -> None:
        if (one in arguments) != (other in arguments):
            raise refusals.both_needed(one, other)

    return check


def beside(name: str, needed: str) -> Rule:
    """The name may be sent beside another alone (-1106)."""

    def check(arguments: Arguments) -> None:
        if name in arguments and needed not in arguments:
            raise refusals.not_required(name)

    return check


def only(*names: str, on: Condition, refuse: Callable[[str], Rejected] = refusals.not_required) -> Rule:
    """The names may be sent under the condition alone (-1106)."""

    def check(arguments: Arguments) -> None:
        if _holds(on, arguments):
            return
        for name in names:
            if name in arguments:
                raise refuse(name)

    return check


def only_if_any(name: str, *conditions: Condition, refuse: Callable[[str], Rejected] = refusals.not_required) -> Rule:
    """The name may be sent where one of the conditions holds (-1106)."""

    def check(arguments: Arguments) -> None:
        if name in arguments and not any(_holds(condition, arguments) for condition in conditions):
            raise refuse(name)

    return check


def never(name: str, refuse: Callable[[str], Rejected]) -> Rule:
    """The name is known, and always refused with a text of its own."""

    def check(arguments: Arguments) -> None:
        if name in arguments:
            raise refuse(name)

    return check


def combinations(*allowed: str, free: str = "") -> Rule:
    """Beside the free names, exactly one of these sets of names (space separated) must have been sent (-1128)."""
    sets = [frozenset(each.split()) for each in allowed]
    uncounted = frozenset(free.split())

    def check(arguments: Arguments) -> None:
        if frozenset(arguments) - uncounted not in sets:
            raise refusals.bad_combination()

    return check


def at_most_hours(hours: int) -> Rule:
    """startTime and endTime, microseconds by now, lie that far apart at most, in whole milliseconds (-1127)."""

    def check(arguments: Arguments) -> None:
        start: Any = arguments.sent("startTime")
        end: Any = arguments.sent("endTime")
        if start is not None and end is not None and end // 1000 - start // 1000 > hours * _HOUR_MS:
            raise refusals.span_too_long(hours)

    return check
