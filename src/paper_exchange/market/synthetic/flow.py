"""The house on one symbol: a maker that quotes around the fair price, and takers that arrive at random.

The maker never looks at the book. It knows where it put its quotes, moves those that are out of place, and now and
then renews the rest, so that what was taken comes back.
"""

from collections.abc import Iterator
from math import ceil, floor
from random import Random

from msgspec import Struct

from paper_exchange.engine.commands import CancelOrder, Command, Place
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.words import Side, TimeInForce
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.house import HOUSE_MAKER, HOUSE_TAKER

_SIDES: tuple[Side, Side] = ("BUY", "SELL")

_OUT_OF_PLACE = 0.35
"""A quote moves when it is further from its place than this share of its distance from the fair price."""
_JITTER = 0.15
"""How far quotes stray from their places, as a share of that distance."""
_NEAREST_SIZE, _DEEPEST_SIZE = 2.0, 180.0
"""Sizes of the first and the last quote, in typical takers."""

_ORDERS_PER_TRADE = 0.7
"""Taker orders per trade: some meet more than one quote."""
_MOST_TAKERS = 5
"""Takers on one symbol in one step, so that a long step does not become a flood."""
_TAKER_REACH = 0.004
"""How far from the fair price a taker goes at most, as a fraction of it."""
_LEAN, _MOST_LEAN = 500, 0.3
"""Takers follow the price: what a change of the fair price, as a fraction, adds to the chance that they buy."""


class FlowSettings(Struct, frozen=True, kw_only=True):
    """How busy the house is.

    Attributes:
        step_us: Time between two steps. A clock that runs n times as fast wants steps n times as long.
        levels: Quotes on each side of each book.
        deepest: Distance of the last quote, as a fraction of the price.
        updates_per_second: How often the maker looks after its quotes on one symbol.
        renewal: Share of quotes in place that are renewed all the same.
        activity: Multiplies how many takers come.
    """

    step_us: int = 250_000
    levels: int = 25
    deepest: float = 0.02
    updates_per_second: float = 0.5
    renewal: float = 0.1
    activity: float = 1.0


class SymbolFlow:
    """What the house does on one symbol."""

    def __init__(self, catalog: Catalog, symbol: str, settings: FlowSettings) -> None:
        listing = catalog.listings[symbol]
        self._symbol = symbol
        self._settings = settings
        self._tick = listing.tick
        self._lot = listing.lot
        self._ticks_per_unit = 1 / float(listing.tick)
        lot_value = float(listing.lot * catalog.assets[listing.spec.base_asset].price)
        self._typical_lots = float(listing.taker_notional) / lot_value
        self._least_lots = ceil(listing.least_quantity / listing.lot)
        self._most_lots = int(listing.largest_quantity / listing.lot)
        self._least_notional = float(listing.least_notional)
        self._takers_per_second = listing.trades_per_minute / 60 * _ORDERS_PER_TRADE * settings.activity
        nearest = listing.spread / 2
        self._distances = _geometric(nearest, settings.deepest, settings.levels)
        self._sizes = _geometric(_NEAREST_SIZE, _DEEPEST_SIZE, settings.levels)
        self._quotes: dict[tuple[Side, int], int] = {}
        self._fair = 0.0

    def step(self, rng: Random, fair: float, elapsed_s: float) -> Iterator[Command]:
        """What happens in one step, `elapsed_s` after the last one, when the fair price is now `fair`.

        The first step sets up the whole book and brings a first trade.
        """
        is_first = not self._fair
        change = 0.0 if is_first else fair / self._fair - 1
        self._fair = fair
        if is_first or rng.random() < self._settings.updates_per_second * elapsed_s:
            yield from self._look_after_quotes(rng)
        for _ in range(max(self._takers(rng, elapsed_s), is_first)):
            yield self._taker(rng, change)

    def _look_after_quotes(self, rng: Random) -> Iterator[Command]:
        moving = [
            (side, level)
            for side in _SIDES
            for level in range(len(self._distances))
            if self._is_out_of_place(side, level) or rng.random() < self._settings.renewal
        ]
        for side, level in moving:
            if (side, level) in self._quotes:
                yield CancelOrder(
                    account=HOUSE_MAKER, symbol=self._symbol, orig_client_order_id=_quote_name(side, level)
                )
        for side, level in moving:
            distance = self._distances[level] * (1 + _JITTER * (2 * rng.random() - 1))
            ticks = self._quotes[side, level] = self._beside(side, distance)
            lots = self._typical_lots * self._sizes[level] * (0.5 + rng.random())
            name = _quote_name(side, level)
            yield self._order(side, ticks, lots, account=HOUSE_MAKER, time_in_force="GTC", name=name)

    def _is_out_of_place(self, side: Side, level: int) -> bool:
        ticks = self._quotes.get((side, level))
        if ticks is None:
            return True
        fair = self._fair * self._ticks_per_unit
        distance = self._distances[level] * fair
        behind = fair - ticks if side == "BUY" else ticks - fair
        return behind <= 0 or abs(behind - distance) > max(_OUT_OF_PLACE * distance, 1)

    def _takers(self, rng: Random, elapsed_s: float) -> int:
        expected = min(self._takers_per_second * elapsed_s, _MOST_TAKERS)
        return int(expected) + (rng.random() < expected % 1)

    def _taker(self, rng: Random, change: float) -> Command:
        lean = max(-_MOST_LEAN, min(_MOST_LEAN, change * _LEAN))
        side: Side = "BUY" if rng.random() < 0.5 + lean else "SELL"
        ticks = self._beside("SELL" if side == "BUY" else "BUY", _TAKER_REACH)
        lots = self._typical_lots * rng.expovariate(1.0)
        return self._order(side, ticks, lots, account=HOUSE_TAKER, time_in_force="IOC", name="taker")

    def _beside(self, side: Side, distance: float) -> int:
        """The price at a distance from the fair one, on the side of the bids or of the asks; never the fair one."""
        fair = self._fair * self._ticks_per_unit
        ticks = max(fair * distance, 0.5)
        return max(floor(fair - ticks), 1) if side == "BUY" else ceil(fair + ticks)

    def _order(
        self, side: Side, ticks: int, lots: float, *, account: int, time_in_force: TimeInForce, name: str
    ) -> Command:
        """A limit order of a size that the filters allow."""
        price = ticks * self._tick
        worth_enough = ceil(1.2 * self._least_notional / float(price * self._lot))
        quantity = min(max(round(lots), worth_enough, self._least_lots, 1), self._most_lots) * self._lot
        terms = Terms(
            side=side,
            type="LIMIT",
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            client_order_id=name,
        )
        return Place(account=account, symbol=self._symbol, order=terms)


def _geometric(first: float, last: float, count: int) -> list[float]:
    """Numbers from `first` to `last`, each the same multiple of the one before."""
    growth = (last / first) ** (1 / max(count - 1, 1))
    return [first * growth**index for index in range(count)]


def _quote_name(side: Side, level: int) -> str:
    return f"quote-{side}-{level}"
