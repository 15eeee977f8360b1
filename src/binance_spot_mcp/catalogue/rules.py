"""Conditions between parameters, as values that a schema cannot express.

Each rule reads the parameters that were given, under their wire names, and yields what is wrong. The rules stand in the
catalogue beside the parameters; whoever takes parameters from outside runs `broken`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from binance_spot_mcp.vocabulary import plain

Given = Mapping[str, object]
"""Parameters that were sent, by wire name; one that is absent or None was not sent."""

Condition = Mapping[str, tuple[str, ...]]
"""Parameter name to the values that fulfil it, `ANY` if it need only be present. All entries must hold."""

ANY: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that does not hold: a sentence for the caller, and the parameters it is about."""

    message: str
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Rule(Protocol):
    """Anything that can say what is wrong with a set of parameters."""

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield each way in which the parameters break this rule."""
        ...


def holds(condition: Condition, given: Given) -> bool:
    """Whether every entry of the condition is met."""
    return all(name in given and (not values or str(given[name]) in values) for name, values in condition.items())


def sent(given: Given) -> dict[str, object]:
    """Only what was really sent."""
    return {name: value for name, value in given.items() if value is not None}


def broken(rules: Iterable[Rule], given: Given) -> list[Broken]:
    """Everything that is wrong with the parameters, in the order of the rules."""
    present = sent(given)
    return [fault for rule in rules for fault in rule.broken(present)]


def _because(condition: Condition, given: Given) -> str:
    """The condition that is met as the start of a sentence, e.g. `With type LIMIT: `."""
    parts = [f"{name} {given[name]}" if values else name for name, values in condition.items()]
    return f"With {' and '.join(parts)}: " if parts else ""


def _ask(condition: Condition, given: Given, what: str) -> str:
    """A sentence that says what to do, e.g. `Give price.`"""
    sentence = f"{_because(condition, given)}{what}"
    return sentence[0].upper() + sentence[1:]


def _wanted(condition: Condition) -> str:
    """The condition as what to send, e.g. `type LIMIT/LIMIT_MAKER`."""
    return " and ".join(f"{name} {'/'.join(values)}" if values else name for name, values in condition.items())


@dataclass(frozen=True, slots=True)
class Needs:
    """Under the condition all of `all_of` must be sent, one or more of `any_of`, and exactly one of `one_of`."""

    when: Condition
    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield what is missing, and what is there twice."""
        if not holds(self.when, given):
            return
        if missing := tuple(name for name in self.all_of if name not in given):
            yield Broken(f"{_because(self.when, given)}{', '.join(missing)} must be given.", missing=missing)
        if self.any_of and not any(name in given for name in self.any_of):
            yield Broken(_ask(self.when, given, f"give {' or '.join(self.any_of)}."), missing=self.any_of)
        if self.one_of:
            present = tuple(name for name in self.one_of if name in given)
            if not present:
                exactly = f"give exactly one of {', '.join(self.one_of)}."
                yield Broken(_ask(self.when, given, exactly), missing=self.one_of)
            elif len(present) > 1:
                yield Broken(_ask(self.when, given, f"give only one of {', '.join(self.one_of)}."), refused=present)


@dataclass(frozen=True, slots=True)
class Refuses:
    """Under the condition none of the names may be sent."""

    when: Condition
    names: tuple[str, ...]

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the names that must be left out."""
        if holds(self.when, given) and (extra := tuple(name for name in self.names if name in given)):
            yield Broken(_ask(self.when, given, f"leave out {', '.join(extra)}."), refused=extra)


@dataclass(frozen=True, slots=True)
class OnlyWith:
    """The names may be sent only if one of the conditions is met."""

    any_of: tuple[Condition, ...]
    names: tuple[str, ...]

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the names that have no place here."""
        extra = tuple(name for name in self.names if name in given)
        if extra and not any(holds(condition, given) for condition in self.any_of):
            where = " or ".join(_wanted(condition) for condition in self.any_of)
            yield Broken(f"{', '.join(extra)} can only be sent with {where}.", refused=extra)


@dataclass(frozen=True, slots=True)
class AtMostOne:
    """No two of the names together."""

    names: tuple[str, ...]

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the names of which all but one must go."""
        present = tuple(name for name in self.names if name in given)
        if len(present) > 1:
            yield Broken(f"Give at most one of {', '.join(self.names)}.", refused=present)


@dataclass(frozen=True, slots=True)
class Together:
    """All of the names, or none."""

    names: tuple[str, ...]

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the names that are still missing."""
        missing = tuple(name for name in self.names if name not in given)
        if missing and len(missing) < len(self.names):
            yield Broken(f"{' and '.join(self.names)} go together.", missing=missing)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Under the condition the parameter, if sent, must have one of the values."""

    when: Condition
    name: str
    values: tuple[str, ...]

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the value that is not allowed here."""
        if self.name in given and holds(self.when, given) and str(given[self.name]) not in self.values:
            yield Broken(
                f"{_because(self.when, given)}{self.name} must be {' or '.join(self.values)}.", refused=(self.name,)
            )


@dataclass(frozen=True, slots=True)
class LessThan:
    """If both amounts are sent, the first is less than the second."""

    name: str
    bound: str

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the amount that is too large."""
        amount, bound = given.get(self.name), given.get(self.bound)
        if isinstance(amount, Decimal) and isinstance(bound, Decimal) and amount >= bound:
            yield Broken(f"{self.name} must be less than {self.bound} ({plain(bound)}).", refused=(self.name,))


@dataclass(frozen=True, slots=True)
class Combinations:
    """Only these sets of parameters may be sent; the `free` ones may be added to any."""

    allowed: tuple[tuple[str, ...], ...]
    free: tuple[str, ...]

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield the set that Binance does not know."""
        names = tuple(name for name in given if name not in self.free)
        if not any(set(names) == set(choice) for choice in self.allowed):
            choices = "; ".join(" + ".join(choice) or "none of them" for choice in self.allowed)
            because = f"{' + '.join(names)} cannot be sent together" if names else "Something is missing"
            yield Broken(f"{because}. Allowed: {choices}.", refused=names)


@dataclass(frozen=True, slots=True)
class MaxSpan:
    """The time from `first` to `last` is at most so many hours. Both are epoch milliseconds."""

    hours: int
    first: str = "startTime"
    last: str = "endTime"

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield a range that is too long or runs backwards."""
        first, last = given.get(self.first), given.get(self.last)
        if not (isinstance(first, int) and isinstance(last, int)):
            return
        if last < first:
            yield Broken(f"{self.last} lies before {self.first}.", refused=(self.first, self.last))
        elif last - first > self.hours * 3_600_000:
            yield Broken(
                f"{self.first} and {self.last} may be at most {self.hours} hours apart.",
                refused=(self.first, self.last),
            )


@dataclass(frozen=True, slots=True)
class MaxItems:
    """A list has at most so many entries."""

    name: str
    most: int

    def broken(self, given: Given) -> Iterator[Broken]:
        """Yield a list that is too long."""
        items = given.get(self.name)
        if isinstance(items, list | tuple) and len(items) > self.most:
            yield Broken(f"{self.name} holds {len(items)} entries, at most {self.most} fit.", refused=(self.name,))
