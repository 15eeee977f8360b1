"""An agent, a server and an exchange in one simulated machine where things go wrong; `make test-sim` runs many more."""

import sys

import pytest
from tests.simulation.run import simulate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process that dies lets go of its locks by /proc")
SEEDS = range(1, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_law_holds_whatever_goes_wrong(seed: int) -> None:
    run = simulate(seed)
    assert not run.failure, f"{run.failure}\nagain: make test-sim SEED={seed}"


def test_the_same_seed_gives_the_same_journal_and_the_same_answers() -> None:
    once, again = simulate(11), simulate(11)
    assert once.calls
    assert once.journal
    assert (once.journal, once.calls, once.story) == (again.journal, again.calls, again.story)


def test_another_seed_is_another_story() -> None:
    assert simulate(12, steps=3).story != simulate(13, steps=3).story
