"""Long random walks from a seed: a failure names the seed, which walks the same way again."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Walk = Callable[[int], None]


def walks(examples: int) -> Callable[[Walk], Walk]:
    """Run a test for many seeds. Nothing is shrunk: a smaller seed is no smaller walk."""

    def decorate(test: Walk) -> Walk:
        limits = settings(
            max_examples=examples,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        return limits(given(seed=st.integers(0, 2**32))(test))

    return decorate
