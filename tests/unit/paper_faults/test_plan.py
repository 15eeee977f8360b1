"""Which occasions rules befall."""

import pytest

from paper_exchange.faults.effects import ClockStep, Delay, Drop, Effect, NoReply, Reset
from paper_exchange.faults.plan import Plan, Struck, planned
from paper_exchange.faults.rules import BadRule, Match, Occasion, Rule

ORDER = Occasion("rest", "POST", "/api/v3/order", "BTCUSDT")
PING = Occasion("rest", "GET", "/api/v3/ping")


def rule(rule_id: str = "one", *, effect: Effect | None = None, **more: object) -> Rule:
    return Rule(id=rule_id, where="rest", effect=effect or NoReply(), **more)  # type: ignore[arg-type]  # any field


def names(plan: Plan, *occasions: Occasion) -> list[str]:
    struck = [plan.strike(occasion) for occasion in occasions]
    return ["" if each is None else each.rule.id for each in struck]


def test_a_rule_befalls_the_first_match_and_no_other() -> None:
    plan = planned(1, [rule(match=Match(method="POST"))])
    assert names(plan, PING, ORDER, ORDER) == ["", "one", ""]


def test_nth_and_times_count_matching_occasions() -> None:
    plan = planned(1, [rule(nth=2, times=2, match=Match(method="POST"))])
    assert names(plan, ORDER, PING, ORDER, ORDER, ORDER) == ["", "", "one", "one", ""]


def test_without_an_end_it_befalls_all_that_follow() -> None:
    plan = planned(1, [rule(nth=3, times=None)])
    assert names(plan, *[PING] * 6) == ["", "", "one", "one", "one", "one"]


def test_the_first_rule_that_acts_has_the_occasion_and_later_ones_never_meet_it() -> None:
    plan = planned(1, [rule("first"), rule("second", effect=Reset())])
    assert names(plan, ORDER, ORDER, ORDER) == ["first", "second", ""]
    assert [(each.rule.id, each.met, each.struck) for each in plan.standing()] == [("first", 1, 1), ("second", 1, 1)]


def test_the_same_seed_chooses_the_same_occasions_whatever_else_happens() -> None:
    chosen = []
    for noise in (0, 3):
        plan = planned(7, [rule("some", times=None, chance=0.4, match=Match(method="POST"))])
        chosen.append([names(plan, *[PING] * noise, ORDER)[-1] for _ in range(200)])
    assert chosen[0] == chosen[1]
    assert 50 < chosen[0].count("some") < 110


def test_another_seed_chooses_others() -> None:
    def chosen(seed: int) -> list[str]:
        return names(planned(seed, [rule(times=None, chance=0.5)]), *[ORDER] * 50)

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


def test_a_drawn_delay_is_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[int]:
        plan = planned(seed, [rule(effect=Delay(ms=0, most_ms=10_000), times=None)])
        struck = [plan.strike(ORDER) for _ in range(5)]
        return [each.dice.randint(0, 10_000) for each in struck if isinstance(each, Struck)]

    assert drawn(3) == drawn(3) != drawn(4)


def test_only_places_with_something_left_to_happen_are_watched() -> None:
    plan = planned(1, [rule(), Rule(id="two", where="market", effect=Drop())])
    assert plan.watches("rest")
    assert plan.watches("disk", "market")
    assert not plan.watches("user", "disk")
    plan.strike(ORDER)
    assert not plan.watches("rest")
    plan.remove("two")
    assert not plan.watches("market")


def test_a_rule_that_acts_at_once_meets_no_occasion() -> None:
    plan = Plan(1)
    step = plan.add(Rule(where="clock", effect=ClockStep(ms=5)))
    assert step.acts_at_once
    assert plan.strike(Occasion("clock")) is None
    assert plan.at_once(step).effect == ClockStep(ms=5)
    assert [each.struck for each in plan.standing()] == [1]


def test_rules_without_a_name_are_given_one_and_names_are_taken_once() -> None:
    plan = planned(1, [rule("rule-2")])
    assert [plan.add(rule("")).id for _ in range(2)] == ["rule-3", "rule-4"]
    with pytest.raises(BadRule, match="rule-2: there is one"):
        plan.add(rule("rule-2"))


def test_a_removed_rule_does_nothing_any_more() -> None:
    plan = planned(1, [rule(times=None)])
    removed = plan.remove("one")
    assert removed is not None
    assert names(plan, ORDER) == [""]
    assert plan.remove("one") is None
