"""What a check finds: limits that an order keeps or breaks, refusals, and what could not be checked here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from binance_spot_mcp.domain.exact import common_step, is_multiple, steps_covering, steps_within, times
from binance_spot_mcp.domain.facts import Input
from binance_spot_mcp.domain.orders import Number
from binance_spot_mcp.errors import Code, ExchangeError
from binance_spot_mcp.vocabulary import plain

ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A condition on one number of a request: `minimum <= given * factor <= maximum`, and a whole number of steps.

    Attributes:
        rule: The filter's name.
        number: Which number of an order it is about; None for one that no parameter carries, such as a count.
        param: The parameter that carries the number, or what the number is.
        given: The number as it was sent.
        minimum: Lower bound of the product, itself allowed; None for none.
        maximum: Upper bound of the product, itself allowed; None for none.
        step: The number must be a multiple of it; None for any.
        factor: What the number is multiplied with before the bounds apply; above 0.
        factor_name: What the factor is, e.g. `price`.
        unit: Unit of the product, where there is a factor.
        reason: Where the bounds come from, if not from the filter alone.
        exchange: What the exchange would answer; a filter failure unless said otherwise.
    """

    rule: str
    number: Number | None
    param: str
    given: Decimal
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    factor: Decimal = ONE
    factor_name: str = ""
    unit: str = ""
    reason: str = ""
    exchange: ExchangeError | None = None

    @property
    def measured(self) -> Decimal:
        """What the bounds apply to."""
        return times(self.given, self.factor)

    @property
    def too_small(self) -> bool:
        """Whether it lies under the lower bound."""
        return self.minimum is not None and self.measured < self.minimum

    @property
    def too_big(self) -> bool:
        """Whether it lies over the upper bound."""
        return self.maximum is not None and self.measured > self.maximum

    @property
    def off_step(self) -> bool:
        """Whether it is no whole number of steps."""
        return self.step is not None and not is_multiple(self.given, self.step)

    @property
    def broken(self) -> bool:
        """Whether the number is not allowed."""
        return self.too_small or self.too_big or self.off_step


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule that could not be checked here.

    Attributes:
        rule: The filter or rule.
        reason: Why not.
        missing: Facts with which it could be checked; empty if only the exchange can know.
    """

    rule: str
    reason: str
    missing: frozenset[Input] = frozenset()

    def __str__(self) -> str:
        return f"{self.rule}: not checked here: {self.reason}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule of the symbol that the request breaks.

    Attributes:
        rule: The filter, or the rule of the symbol.
        message: What is wrong, in one sentence.
        param: The parameter it is about.
        given: Its value.
        lower: The nearest value below that every rule on this parameter allows, with the other parameters as given.
        upper: The nearest such value above.
        bounds: `min`, `max` and `step` of the filter, as text.
        exchange: What the exchange would answer, where that is documented.
        code: The kind of refusal.
    """

    rule: str
    message: str
    param: str | None = None
    given: str | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    bounds: Mapping[str, str] = field(default_factory=dict, hash=False)
    exchange: ExchangeError | None
    code: Code = "FILTER_VIOLATION"

    @property
    def details(self) -> dict[str, str]:
        """The facts of the case, as data."""
        known = {
            "filter": self.rule,
            "param": self.param,
            "given": self.given,
            **self.bounds,
            "lower": None if self.lower is None else plain(self.lower),
            "upper": None if self.upper is None else plain(self.upper),
        }
        return {name: value for name, value in known.items() if value is not None}


Finding = Limit | Unchecked | Violation


def nearest(given: Decimal, limits: Iterable[Limit]) -> tuple[Decimal | None, Decimal | None]:
    """The nearest values above 0, one at most and one at least as great as `given`, that keep every limit.

    The given value itself, where it is allowed, is both. There are no such values where no limit has a step.
    """
    limits = list(limits)
    if not any(limit.step for limit in limits):
        return None, None
    step = common_step(limit.step for limit in limits if limit.step is not None)
    least, most = 1, None
    for limit in limits:
        stride = times(step, limit.factor)
        if limit.minimum is not None:
            least = max(least, steps_covering(limit.minimum, stride))
        if limit.maximum is not None:
            fits = steps_within(limit.maximum, stride)
            most = fits if most is None else min(most, fits)
    below, above = steps_within(given, step), max(least, steps_covering(given, step))
    if most is not None:
        below = min(below, most)
    lower = times(step, Decimal(below)) if below >= least else None
    upper = times(step, Decimal(above)) if most is None or above <= most else None
    return lower, upper


def violation(limit: Limit, alternatives: tuple[Decimal | None, Decimal | None], symbol: str) -> Violation:
    """A broken limit in words."""
    subject = f"{limit.param} {plain(limit.given)}"
    if limit.factor_name:
        subject += f" x {limit.factor_name} {plain(limit.factor)} = {plain(limit.measured)} {limit.unit}".rstrip()
    if limit.too_small:
        fault = f"is below the minimum of {_text(limit.minimum)}"
    elif limit.too_big:
        fault = f"is above the maximum of {_text(limit.maximum)}"
    else:
        fault = f"is not a multiple of {_text(limit.step)}"
    reason = f" ({limit.reason})" if limit.reason else ""
    bounds = {"min": limit.minimum, "max": limit.maximum, "step": limit.step}
    return Violation(
        rule=limit.rule,
        message=f"{limit.rule}: {subject} {fault}{reason} on {symbol}.",
        param=limit.param if limit.number else None,
        given=plain(limit.given),
        lower=alternatives[0],
        upper=alternatives[1],
        bounds={name: plain(bound) for name, bound in bounds.items() if bound is not None},
        exchange=limit.exchange or ExchangeError(-1013, f"Filter failure: {limit.rule}"),
    )


def _text(bound: Decimal | None) -> str:
    return "" if bound is None else plain(bound)
