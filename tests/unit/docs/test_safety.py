"""The table of promises names guards and tests that exist, and the mutants that are recorded."""

import re
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.mutants import MUTANTS, SERVER, Mutant

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs" / "safety.md"
_QUOTED = re.compile(r"`([^`]+)`")


class Promise(NamedTuple):
    """A row of the table."""

    name: str
    guards: list[str]
    tests: list[str]
    mutated: bool


def promises() -> Iterator[Promise]:
    for line in PAGE.read_text("utf-8").splitlines():
        if re.match(r"\| I\d+ \|", line):
            name, _, guards, tests, mark = (cell.strip() for cell in line.strip("|").split("|"))
            yield Promise(name, _QUOTED.findall(guards), _QUOTED.findall(tests), mark == "●")


def exists(guard: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    words = (guard if guard.startswith("paper_exchange.") else f"binance_spot_mcp.{guard}").split(".")
    for end in range(len(words), 1, -1):
        try:
            module = import_module(".".join(words[:end]))
        except ModuleNotFoundError:
            continue
        reduce(getattr, words[end:], module)
        return True
    return False


def test_every_promise_stands_there_once() -> None:
    assert [promise.name for promise in promises()] == [f"I{number}" for number in range(1, 29)]


@pytest.mark.parametrize("promise", [*promises()], ids=lambda promise: promise.name)
def test_a_promise_has_a_guard_and_a_test_that_exist(promise: Promise) -> None:
    assert promise.guards
    assert promise.tests
    assert all(exists(guard) for guard in promise.guards)
    assert all((TESTS / test).is_file() for test in promise.tests)


def test_a_promise_is_marked_exactly_where_a_mutant_is_recorded() -> None:
    assert {promise.name for promise in promises() if promise.mutated} == {mutant.invariant for mutant in MUTANTS}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.invariant} {mutant.guard}")
def test_a_guard_that_is_to_be_taken_away_stands_where_it_is_said_to(mutant: Mutant) -> None:
    assert (TESTS.parent / SERVER / mutant.file).read_text("utf-8").count(mutant.old) == 1
