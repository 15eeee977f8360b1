"""The catalogue refuses exactly those parameter sets that the documents refuse.

A second reading of the rules, straight from the fact file, judges thousands of parameter sets beside the catalogue's.
They come from a walk that changes one parameter at a time and tends towards sets that break nothing, so each rule is
met both where it alone is broken and where it holds.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint

Given = dict[str, Any]
Rule = Mapping[str, Any]

SPEC: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "spec" / "rest_endpoints.json").read_text("utf-8")
)
BY_ROUTE: dict[str, Endpoint[Any, Any]] = {endpoint.route.rest: endpoint for endpoint in CATALOGUE.values()}
SIGNING = {row["name"] for row in SPEC["common"]["signed_params"]}
NOON = 1_700_000_000_000

MATTERS_OF_SYMBOL_AND_MARKET = {
    "price_relation",
    "symbol_flag",
    "unique",
    "default",
    "precedence",
    "constraint",
    "filter",
    "filter_check",
    "combine",
}
"""Kinds that parameters alone cannot break."""
FEWEST_STEPS, MOST_STEPS = 1_200, 8_000


class Documented:
    """One endpoint's rules as the fact file has them."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.params: dict[str, Mapping[str, Any]] = {
            param["name"]: param for param in row["params"] if param["name"] not in SIGNING
        }
        self.mandatory = [name for name, param in self.params.items() if param["mandatory"]]
        if "pendingBelowType" in self.params:
            self.mandatory.append("pendingBelowType")
        self.allowed_always = {
            rule["param"]: set(rule["allowed"])
            for rule in row["rules"]
            if rule["kind"] == "value" and "allowed" in rule and "if" not in rule
        }
        for rule in row["rules"]:
            if rule["kind"] == "leg_position" and all(
                self.allowed_always.get(name) == set(values) for name, values in rule["if"].items()
            ):
                above, below = self._leg_types()
                self.allowed_always |= {above: set(rule["above"]), below: set(rule["below"])}
        self.rules: list[Rule] = [rule for rule in row["rules"] if self.can_be_judged(rule)]
        self.relaxations = [rule for rule in row["rules"] if rule["kind"] == "relax"]

    def can_be_judged(self, rule: Rule) -> bool:
        """Whether parameters that have the right types can break the rule."""
        kind = rule["kind"]
        if kind in MATTERS_OF_SYMBOL_AND_MARKET | {"relax"} or self._never_applies(rule):
            return False
        if kind == "value":
            within_type = rule.get("allowed") == self.params[rule["param"]].get("enum")
            return ("allowed" in rule and not within_type) or rule.get("less_than") in self.params
        if kind == "allow_only":
            return not any(self._says_nothing(condition) for condition in rule.get("if_any") or [rule["if"]])
        return kind != "forbid" or "if" in rule or "if_any" in rule

    def _never_applies(self, rule: Rule) -> bool:
        """Whether another rule excludes the condition, e.g. the side of an OPO."""
        always = self.allowed_always
        return any(name in always and not always[name] & set(values) for name, values in rule.get("if", {}).items())

    def _says_nothing(self, condition: Mapping[str, Any]) -> bool:
        """Whether a condition lists every value that its parameters may have, so that it is always met."""
        return all(
            name in self.mandatory and self.allowed_always.get(name, set(self.params[name]["enum"])) <= set(values)
            for name, values in condition.items()
        )

    def breaks(self, rule: Rule, given: Given) -> bool:
        """Whether a set of parameters breaks the rule."""
        match rule["kind"]:
            case "require":
                return applies(rule, given) and self._requirement_fails(rule, given)
            case "allow_only":
                return any(name in given for name in rule["params"]) and not self._is_allowed(rule, given)
            case "forbid":
                return applies(rule, given) and any(name in given for name in rule["params"])
            case "together":
                return len({name in given for name in rule["params"]}) > 1
            case "value":
                return applies(rule, given) and rule["param"] in given and not self._value_fits(rule, given)
            case "pair":
                chosen = sorted(given[name] for name in rule["params"])
                return chosen not in [sorted(pair) for pair in rule["allowed_unordered"]]
            case "leg_position":
                above, below = self._leg_types()
                fits = given[above] in rule["above"] and given[below] in rule["below"]
                return applies(rule, given) and not fits
            case "combinations":
                free = {*rule["free"], *SIGNING}
                return all(set(given) - free != set(allowed) - free for allowed in rule["allowed"])
            case "max_span":
                times = [given[name] for name in rule["params"] if name in given]
                return len(times) == 2 and not 0 <= times[1] - times[0] <= rule["hours"] * 3_600_000
            case "max_items":
                return len(given.get(rule["param"], ())) > int(rule["max"])
            case kind:
                raise AssertionError(kind)

    def broken(self, given: Given) -> list[Rule]:
        """Every rule that the parameters break; a missing parameter is a rule of its own."""
        missing = [name for name in self.mandatory if name not in given and name not in self._relaxed(given)]
        return [{"kind": "mandatory", "param": name} for name in missing] + [
            rule for rule in self.rules if self.breaks(rule, given)
        ]

    def concerned(self, rule: Rule) -> list[str]:
        """The parameters that a rule is about."""
        legs = set(self._leg_types()) if rule["kind"] == "leg_position" else set()
        return sorted(legs | mentioned(rule) & set(self.params))

    def _requirement_fails(self, rule: Rule, given: Given) -> bool:
        def count(how: str) -> int:
            return sum(name in given for name in rule[how])

        needed = [name for name in rule.get("all", []) if name not in self._relaxed(given)]
        return (
            any(name not in given for name in needed)
            or ("any" in rule and count("any") == 0)
            or ("exactly_one" in rule and count("exactly_one") != 1)
            or ("at_most_one" in rule and count("at_most_one") > 1)
            or ("none" in rule and count("none") > 0)
        )

    def _is_allowed(self, rule: Rule, given: Given) -> bool:
        if applies(rule, given):
            return True
        # the exception of test_catalogue.py: a LIMIT_MAKER leg of an OCO has no timeInForce that could be GTC
        return rule["params"][0] in {"aboveIcebergQty", "belowIcebergQty"} and (
            given[rule["params"][0].replace("IcebergQty", "Type")] == "LIMIT_MAKER"
        )

    @staticmethod
    def _value_fits(rule: Rule, given: Given) -> bool:
        if "allowed" in rule:
            return given[rule["param"]] in rule["allowed"]
        return rule["less_than"] not in given or float(given[rule["param"]]) < float(given[rule["less_than"]])

    def _relaxed(self, given: Given) -> set[str]:
        return {name for rule in self.relaxations if applies(rule, given) for name in rule["optional"]}

    def _leg_types(self) -> tuple[str, str]:
        above, below = (
            next(name for name in self.params if name.lower().endswith(leg)) for leg in ("abovetype", "belowtype")
        )
        return above, below


def applies(rule: Rule, given: Given) -> bool:
    """Whether the rule's condition is met; a rule without one always applies."""
    conditions = rule.get("if_any") or [rule.get("if", {})]
    return any(
        all(name in given and (values == "*" or given[name] in values) for name, values in condition.items())
        for condition in conditions
    )


def value_of(param: Mapping[str, Any], random: Random) -> Any:
    """Some value of the parameter's type; times and lists may or may not be too far apart or too long."""
    name = param["name"]
    if "enum" in param:
        return random.choice(param["enum"]) if "wire" not in param else [random.choice(param["enum"])]
    if name.endswith("Time"):
        return NOON + random.choice([0, 1, 24]) * 3_600_000 + random.choice([0, 1])
    if "wire" in param:
        return [f"A{number}USDT" for number in range(random.choice([1, 100, 101]))]
    if param["type"] == "DECIMAL" and "TrailingDelta" not in name:
        return random.choice(["1", "2", "3"])
    if param["type"] == "BOOLEAN":
        return random.choice([True, False])
    if param["type"] == "STRING":
        return "BTCUSDT" if name == "symbol" else "0"
    return "1d" if name == "windowSize" else param.get("min", 5)


def walk(documented: Documented, goals: list[Rule], random: Random) -> Iterator[Given]:
    """Parameter sets, each one change away from the one before.

    A set that breaks rules is mostly changed in what they mention, any other in what one of the goals mentions.
    """
    params = documented.params
    given = {name: value_of(params[name], random) for name in documented.mandatory}
    while True:
        yield dict(given)
        rule = random.choice(documented.broken(given) or goals)
        name = random.choice(documented.concerned(rule) if random.random() < 0.9 else list(params))
        may_go = name in given and (name not in documented.mandatory or name == "workingPrice")
        if may_go and random.random() < 0.6:
            del given[name]
        else:
            given[name] = value_of(params[name], random)


def mentioned(value: object) -> set[str]:
    """Every text inside a rule."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        return mentioned(list(value.keys())) | mentioned(list(value.values()))
    return set().union(*map(mentioned, value)) if isinstance(value, list) else set()


ROUTES = [row["id"] for row in SPEC["endpoints"] if row["status"] != "removed" and Documented(row).rules]
ROWS = {row["id"]: row for row in SPEC["endpoints"]}


@pytest.mark.parametrize("route", ROUTES)
def test_the_catalogue_refuses_what_the_documents_refuse_and_nothing_else(route: str) -> None:
    endpoint, documented = BY_ROUTE[route], Documented(ROWS[route])
    to_be_broken = [rule for rule in documented.rules if rule["kind"] != "pair"]  # a leg is in the wrong position then
    to_be_met = [rule for rule in documented.rules if "none" not in rule and rule["kind"] != "forbid"]
    goals = list(documented.rules)
    for step, given in enumerate(walk(documented, goals, Random(route))):
        broken = documented.broken(given)
        faults = endpoint.faults(endpoint.params.model_validate(given))
        assert bool(faults) == bool(broken), (given, broken, faults)
        if len(broken) == 1:
            to_be_broken = [rule for rule in to_be_broken if rule is not broken[0]]
        if not broken:
            to_be_met = [rule for rule in to_be_met if not applies(rule, given)]
        goals[:] = to_be_broken + to_be_met or documented.rules
        if (step > FEWEST_STEPS and not to_be_broken and not to_be_met) or step > MOST_STEPS:
            break
    assert not to_be_broken
    assert not to_be_met
