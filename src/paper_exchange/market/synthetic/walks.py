"""Random walks through time that can be looked up at any moment, in any order.

A walk is drawn from coarse to fine: first where every day starts, then the minutes of a day and the seconds of a
minute as bridges between ends that are already fixed. Volatility comes in clusters, by the day and by the minute.
"""

from itertools import accumulate
from math import exp, log, sqrt
from random import Random

from paper_exchange.market.catalog import NUMERAIRE, Catalog
from paper_exchange.market.intervals import DAY_US, MINUTE_US, SECOND_US
from paper_exchange.market.synthetic.draws import stream

DAY_MINUTES = DAY_US // MINUTE_US
_MINUTE_SECONDS = MINUTE_US // SECOND_US

_MARKET_VOLATILITY = 0.02
"""Standard deviation of the daily change that all assets share."""
_PULL = 0.005
"""Share of the way back to the opening price that a walk makes every day, so that it does not run off for good."""
_DAY_MEMORY, _DAY_SURPRISE = 0.9, 0.15
_MINUTE_MEMORY, _MINUTE_SURPRISE = 0.97, 0.12
"""How much of the excitement of a day or minute stays for the next, and how much is new."""
_KEPT_DAYS = 4


class Walk:
    """One random walk; its value is 0 when the day of `first_day` starts, and days before it are walked backwards."""

    def __init__(self, seed: int, name: str, *, volatility: float, first_day: int) -> None:
        self._seed = seed
        self._name = name
        self._volatility = volatility
        self._first_day = first_day
        self._ahead = _Days(stream(seed, name, "ahead"), volatility)
        self._behind = _Days(stream(seed, name, "behind"), volatility)
        self._known: dict[tuple[int, int], list[float]] = {}
        self._minute = -1
        self._seconds: list[float] = []

    def day(self, day: int, parts: int) -> list[float]:
        """The values at the `parts` + 1 ends of equal parts of a day."""
        values = self._known.get((day, parts))
        if values is None:
            values = self._known[day, parts] = self._walked(day, parts)
            if len(self._known) > _KEPT_DAYS:
                del self._known[next(iter(self._known))]
        return values

    def at(self, time_us: int) -> float:
        """The value at a moment."""
        minute, within_us = divmod(time_us, MINUTE_US)
        if minute != self._minute:
            self._minute, self._seconds = minute, self._seconds_of(minute)
        second, within_us = divmod(within_us, SECOND_US)
        before, after = self._seconds[second], self._seconds[second + 1]
        return before + (after - before) * within_us / SECOND_US

    def _walked(self, day: int, parts: int) -> list[float]:
        rng = stream(self._seed, self._name, day, parts)
        excitement, excitements = 0.0, []
        for _ in range(parts):
            excitement = _MINUTE_MEMORY * excitement + _MINUTE_SURPRISE * rng.gauss(0.0, 1.0)
            excitements.append(exp(excitement))
        return _bridge(rng, self._start_of(day), self._start_of(day + 1), excitements, self._scale(day, parts))

    def _seconds_of(self, minute: int) -> list[float]:
        day, index = divmod(minute, DAY_MINUTES)
        minutes = self.day(day, DAY_MINUTES)
        rng = stream(self._seed, self._name, "seconds", minute)
        scale = self._scale(day, DAY_MINUTES * _MINUTE_SECONDS)
        return _bridge(rng, minutes[index], minutes[index + 1], [1.0] * _MINUTE_SECONDS, scale)

    def _start_of(self, day: int) -> float:
        ahead = day - self._first_day
        return self._ahead.value(ahead) if ahead >= 0 else self._behind.value(-ahead)

    def _scale(self, day: int, parts: int) -> float:
        ahead = day - self._first_day
        excitement = self._ahead.excitement(ahead) if ahead >= 0 else self._behind.excitement(-ahead)
        return self._volatility * excitement / sqrt(parts)


class _Days:
    """Where days start, counted away from the first one."""

    def __init__(self, rng: Random, volatility: float) -> None:
        self._rng = rng
        self._volatility = volatility
        self._values = [0.0]
        self._excitements = [0.0]

    def value(self, index: int) -> float:
        self._reach(index)
        return self._values[index]

    def excitement(self, index: int) -> float:
        """How far from its usual size the change of that day is, as a factor."""
        self._reach(index)
        return exp(self._excitements[index])

    def _reach(self, index: int) -> None:
        while len(self._values) <= index:
            excitement = _DAY_MEMORY * self._excitements[-1] + _DAY_SURPRISE * self._rng.gauss(0.0, 1.0)
            change = self._volatility * exp(excitement) * self._rng.gauss(0.0, 1.0)
            self._excitements.append(excitement)
            self._values.append(self._values[-1] * (1 - _PULL) + change)


def _bridge(rng: Random, start: float, end: float, weights: list[float], scale: float) -> list[float]:
    """A walk from `start` to `end` whose steps are as large as their weights, in units of `scale`."""
    walked = list(accumulate((rng.gauss(0.0, scale * weight) for weight in weights), initial=0.0))
    shares = list(accumulate((weight * weight for weight in weights), initial=0.0))
    missing = (end - start - walked[-1]) / shares[-1]
    return [start + value + share * missing for value, share in zip(walked, shares, strict=True)]


class Prices:
    """What every symbol would trade at: each asset walks by itself and with the market, and symbols follow from assets.

    So ETHBTC is always ETHUSDT over BTCUSDT.
    """

    def __init__(self, catalog: Catalog, seed: int, genesis_us: int) -> None:
        first_day = genesis_us // DAY_US
        self._catalog = catalog
        self._market = Walk(seed, "market", volatility=_MARKET_VOLATILITY, first_day=first_day)
        self._own = {
            asset.name: Walk(seed, asset.name, volatility=asset.volatility, first_day=first_day)
            for asset in catalog.assets.values()
        }

    def at(self, symbol: str, time_us: int) -> float:
        """The fair price at a moment."""
        spec = self._catalog.listings[symbol].spec
        return exp(self._level(spec.base_asset, time_us) - self._level(spec.quote_asset, time_us))

    def day(self, symbol: str, day: int, parts: int) -> list[float]:
        """The fair prices at the ends of equal parts of a day."""
        spec = self._catalog.listings[symbol].spec
        levels = zip(
            self._day_levels(spec.base_asset, day, parts), self._day_levels(spec.quote_asset, day, parts), strict=True
        )
        return [exp(base - quote) for base, quote in levels]

    def _level(self, name: str, time_us: int) -> float:
        """The logarithm of an asset's price."""
        if name == NUMERAIRE:
            return 0.0
        asset = self._catalog.assets[name]
        shared = asset.beta * self._market.at(time_us) if asset.beta else 0.0
        return log(asset.price) + shared + self._own[name].at(time_us)

    def _day_levels(self, name: str, day: int, parts: int) -> list[float]:
        if name == NUMERAIRE:
            return [0.0] * (parts + 1)
        asset = self._catalog.assets[name]
        opening = log(asset.price)
        shared, own = self._market.day(day, parts), self._own[name].day(day, parts)
        return [opening + asset.beta * market + value for market, value in zip(shared, own, strict=True)]
