"""Decimal arithmetic that never rounds.

Binance accepts twenty digits on each side of the point, which is more than the default decimal context keeps. Comparing
decimals is always exact; multiplying, adding and dividing is done here, where rounding would be an error.
"""

from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from math import lcm

_EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])


def times(left: Decimal, right: Decimal) -> Decimal:
    """The product, exactly."""
    return _EXACT.multiply(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, exactly; 0 of nothing."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def minus(left: Decimal, right: Decimal) -> Decimal:
    """The difference, exactly."""
    return _EXACT.subtract(left, right)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether the value is a whole number of steps; `step` is above 0."""
    return _EXACT.remainder(value, step) == 0


def steps_within(value: Decimal, step: Decimal) -> int:
    """How many whole steps fit into the value: its quotient rounded down."""
    return _quotient(value, step) - int(_EXACT.remainder(value, step) < 0)


def steps_covering(value: Decimal, step: Decimal) -> int:
    """How many whole steps it takes to reach the value: its quotient rounded up."""
    return _quotient(value, step) + int(_EXACT.remainder(value, step) > 0)


def common_step(steps: Iterable[Decimal]) -> Decimal:
    """The smallest step that is a multiple of every one given; each is above 0."""
    ratios = [step.as_integer_ratio() for step in steps]
    scale = lcm(*(denominator for _, denominator in ratios))
    units = lcm(*(numerator * (scale // denominator) for numerator, denominator in ratios))
    return _EXACT.divide(Decimal(units), Decimal(scale))


def _quotient(value: Decimal, step: Decimal) -> int:
    """The quotient without its fraction."""
    return int(_EXACT.divide_int(value, step))
