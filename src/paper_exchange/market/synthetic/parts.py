"""The days of a synthetic past, in parts: a minute, an hour, or the whole day.

A part is four clusters of trades: at its open, at one extreme, at the other, and at its close. All that can be asked
of a part is computed from these, so that trades, candles and tickers agree to the last digit.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, gcd
from typing import NamedTuple

from paper_exchange.market.amounts import ONE_E8, to_e8
from paper_exchange.market.bars import Bar
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.synthetic.draws import mixed, stream
from paper_exchange.market.synthetic.numbers import CLUSTERS, Numbers
from paper_exchange.market.synthetic.walks import DAY_MINUTES, Prices

_LEAST_SIZE = 8
"""Grains in the average trade, at least, so that trades differ in size."""


class Units(NamedTuple):
    """The tick, and the grain: the least multiple of the lot that keeps every quote amount whole at eight decimals."""

    tick_e8: int
    grain_e8: int

    @classmethod
    def of(cls, tick_e8: int, lot_e8: int) -> "Units":
        """The units of a symbol."""
        return cls(tick_e8, lot_e8 * (ONE_E8 // gcd(tick_e8 * lot_e8, ONE_E8)))


class Part(NamedTuple):
    """One part of a day. Prices are in ticks, the volume in grains.

    Attributes:
        start: Its first minute.
        minutes: How long it is.
        end_id: The id of the first trade after it.
    """

    start: int
    minutes: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    first_id: int
    end_id: int


class Cluster(NamedTuple):
    """Trades at one price, in ticks; their quantity in grains."""

    price: int
    quantity: int
    buyer_is_maker: bool
    trades: int
    aggregates: int


class Parts:
    """What a symbol did, part by part."""

    def __init__(self, catalog: Catalog, symbol: str, seed: int, prices: Prices, numbers: Numbers) -> None:
        listing = catalog.listings[symbol]
        self.units = Units.of(to_e8(listing.tick), to_e8(listing.lot))
        self._symbol = symbol
        self._seed = seed
        self._prices = prices
        self._numbers = numbers
        self._salt = stream(seed, symbol, "clusters").getrandbits(64)
        base_price = catalog.assets[listing.spec.base_asset].price
        size = to_e8((listing.taker_notional / base_price).quantize(listing.lot)) // self.units.grain_e8
        self._size = max(size, _LEAST_SIZE)

    def of_day(self, day: int, parts: int) -> list[Part]:
        """A day in equal parts."""
        tick = self.units.tick_e8 / ONE_E8
        closes = [max(round(price / tick), 2) for price in self._prices.day(self._symbol, day, parts)]
        reach = 1 + 2 * sum(abs(after - before) for before, after in pairwise(closes)) / parts
        minutes = DAY_MINUTES // parts
        starts = range(day * DAY_MINUTES, (day + 1) * DAY_MINUTES + 1, minutes)
        ids = [self._numbers.trade_id(start) for start in starts]
        rng = stream(self._seed, self._symbol, "parts", day, parts)
        random, gauss = rng.random, rng.gauss
        made = []
        for start, (opened, closed), (first_id, end_id) in zip(starts, pairwise(closes), pairwise(ids), strict=False):
            bottom, top = (opened, closed) if opened < closed else (closed, opened)
            trades = end_id - first_id
            high = top + int(reach * random() * random())
            low = max(bottom - int(reach * random() * random()), 1)
            volume = trades * max(int(self._size * exp(gauss(-0.1, 0.45))), _LEAST_SIZE)
            made.append(Part(start, minutes, opened, high, low, closed, volume, first_id, end_id))
        return made

    def clusters(self, part: Part) -> list[Cluster]:
        """The trades of a part, by price, in the order of their times."""
        aggregate_id = self._numbers.aggregate_id
        aggregates = aggregate_id(part.start + part.minutes) - aggregate_id(part.start)
        trades = part.end_id - part.first_id
        rows = zip(*self._outline(part), _evenly(trades), _evenly(aggregates), strict=True)
        return [Cluster(*row) for row in rows]

    def bar(self, part: Part) -> Bar:
        """The trades of a part, summed up."""
        tick_e8, grain_e8 = self.units
        per_tick_e8 = tick_e8 * grain_e8 // ONE_E8
        quote = taken = taken_quote = 0
        for price, quantity, buyer_is_maker in zip(*self._outline(part), strict=True):
            cost = price * quantity
            quote += cost
            if not buyer_is_maker:
                taken += quantity
                taken_quote += cost
        return Bar(
            part.open * tick_e8,
            part.high * tick_e8,
            part.low * tick_e8,
            part.close * tick_e8,
            part.volume * grain_e8,
            quote * per_tick_e8,
            taken * grain_e8,
            taken_quote * per_tick_e8,
            part.first_id,
            part.end_id - 1,
        )

    def _outline(self, part: Part) -> tuple[Sequence[int], Sequence[int], Sequence[bool]]:
        """Price, quantity and whether the buyer made, of each cluster."""
        dice = mixed(self._salt ^ part.start)
        low_first = bool(dice & 1) if part.open == part.close else part.open < part.close
        extremes = (part.low, part.high) if low_first else (part.high, part.low)
        weights = (4 + (dice >> 8 & 7), 4 + (dice >> 16 & 7), 4 + (dice >> 24 & 7), 4 + (dice >> 32 & 7))
        whole, volume = sum(weights), part.volume
        first, second, third = (volume * weight // whole for weight in weights[:3])
        return (
            (part.open, *extremes, part.close),
            (first, second, third, volume - first - second - third),
            (bool(dice & 2), low_first, not low_first, part.close < part.open),
        )


def _evenly(total: int) -> list[int]:
    """A number in as many equal shares as there are clusters, the first ones one larger."""
    share, rest = divmod(total, CLUSTERS)
    return [share + (index < rest) for index in range(CLUSTERS)]
