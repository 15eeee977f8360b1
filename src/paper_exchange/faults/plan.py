"""The rules in force, and what they have met so far."""

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from msgspec import structs

from paper_exchange.faults.effects import Effect
from paper_exchange.faults.rules import BadRule, Occasion, Phase, Rule, Where, completed
from paper_exchange.market.synthetic.draws import stream


class Struck(NamedTuple):
    """A rule that befalls an occasion.

    Attributes:
        dice: The same for the same seed, rule and number of occasion, whatever else happened.
    """

    rule: Rule
    dice: Random

    @property
    def effect(self) -> Effect:
        """What happens."""
        return self.rule.effect

    @property
    def phase(self) -> Phase | None:
        """When in a request."""
        return self.rule.phase


class Standing(NamedTuple):
    """A rule in force, with how many occasions it met and how many of them it befell."""

    rule: Rule
    met: int
    struck: int


class _Entry:
    """A rule and its counts."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.met = 0
        self.struck = 0

    def is_spent(self) -> bool:
        """Whether it will befall no occasion any more."""
        return self.rule.acts_at_once or (self.rule.times is not None and self.struck >= self.rule.times)


class Plan:
    """Decides what happens to what.

    Rules are asked in the order in which they came, and the first that acts has the occasion: later rules never meet
    it. So two rules with the same match befall one occasion after the other.

    Args:
        seed: The same seed and occasions give the same faults.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._entries: dict[str, _Entry] = {}
        self._watched: frozenset[Where] = frozenset()

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; returns it with its id.

        Raises:
            BadRule: It could never act, or another rule has its id.
        """
        rule = completed(rule)
        if not rule.id:
            rule = structs.replace(rule, id=self._free_id())
        if rule.id in self._entries:
            raise BadRule(f"rule {rule.id}: there is one of this id")
        self._entries[rule.id] = _Entry(rule)
        self._watch()
        return rule

    def remove(self, rule_id: str) -> Rule | None:
        """Take a rule out of force; returns it, None when there is none of that id."""
        entry = self._entries.pop(rule_id, None)
        self._watch()
        return None if entry is None else entry.rule

    def standing(self) -> list[Standing]:
        """Every rule, in order, spent ones too."""
        return [Standing(entry.rule, entry.met, entry.struck) for entry in self._entries.values()]

    def watches(self, *places: Where) -> bool:
        """Whether anything may happen there."""
        return not self._watched.isdisjoint(places)

    def at_once(self, rule: Rule) -> Struck:
        """A rule in force that acts without an occasion."""
        self._entries[rule.id].struck += 1
        return Struck(rule, self._dice(rule, 0))

    def strike(self, occasion: Occasion) -> Struck | None:
        """What happens to an occasion, None for nothing."""
        for entry in self._entries.values():
            rule = entry.rule
            if entry.is_spent() or rule.where != occasion.where or not rule.match.fits(occasion):
                continue
            entry.met += 1
            if entry.met < rule.nth:
                continue
            dice = self._dice(rule, entry.met)
            if rule.chance < 1 and dice.random() >= rule.chance:
                continue
            entry.struck += 1
            if entry.is_spent():
                self._watch()
            return Struck(rule, dice)
        return None

    def _dice(self, rule: Rule, number: int) -> Random:
        return stream(self._seed, rule.id, number)

    def _free_id(self) -> str:
        number = len(self._entries) + 1
        while f"rule-{number}" in self._entries:
            number += 1
        return f"rule-{number}"

    def _watch(self) -> None:
        self._watched = frozenset(entry.rule.where for entry in self._entries.values() if not entry.is_spent())


def planned(seed: int, rules: Iterable[Rule]) -> Plan:
    """A plan with rules in force.

    Raises:
        BadRule: Two have the same id, or one could never act.
    """
    plan = Plan(seed)
    for rule in rules:
        plan.add(rule)
    return plan
