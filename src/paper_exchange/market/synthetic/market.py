"""The synthetic market as a whole: a source of prices for every symbol of a catalog."""

from collections.abc import Sequence

from paper_exchange.engine.commands import Command
from paper_exchange.market import house
from paper_exchange.market.catalog import Catalog
from paper_exchange.market.history import NoPast, Past
from paper_exchange.market.source import Due
from paper_exchange.market.synthetic.draws import stream
from paper_exchange.market.synthetic.flow import FlowSettings, SymbolFlow
from paper_exchange.market.synthetic.past import SyntheticPast
from paper_exchange.market.synthetic.walks import Prices

_MOST_STEPS = 60
"""Steps in one call. When time has leapt further, they become longer, and candles in between keep their trades."""
_US_PER_S = 1_000_000


class SyntheticMarket:
    """A source of prices that are made up.

    Args:
        catalog: What is traded.
        seed: The same seed and genesis give the same market.
        genesis_us: When the exchange was founded; the past lies before it.
        settings: How busy the house is.
    """

    def __init__(self, catalog: Catalog, *, seed: int, genesis_us: int, settings: FlowSettings | None = None) -> None:
        self._catalog = catalog
        self._seed = seed
        self._settings = FlowSettings() if settings is None else settings
        self._prices = Prices(catalog, seed, genesis_us)
        self._pasts = {
            symbol: SyntheticPast(catalog, symbol, seed, self._prices, genesis_us) for symbol in catalog.listings
        }
        self._flows = {symbol: SymbolFlow(catalog, symbol, self._settings) for symbol in catalog.listings}
        self._last_us: int | None = None

    def founding(self) -> Sequence[Command]:
        """Commands that list the symbols and fund the house, for an exchange that is new."""
        first_ids = {symbol: past.trades.next_id for symbol, past in self._pasts.items()}
        return house.founding(self._catalog, first_ids)

    def resuming(self) -> Sequence[Command]:
        """Commands that clear the house's orders away, for an exchange that ran before."""
        return house.resuming(self._catalog)

    def past(self, symbol: str) -> Past:
        """What happened on a symbol before the exchange was founded."""
        return self._pasts[symbol] if symbol in self._pasts else NoPast()

    def fair_price(self, symbol: str, time_us: int) -> float:
        """What the house holds a symbol to be worth at a moment."""
        return self._prices.at(symbol, time_us)

    def advance(self, now_us: int) -> list[Due]:
        """What the house does from the last call up to now: at the first call one step, which sets up every book."""
        due: list[Due] = []
        for at_us in self._steps(now_us):
            elapsed_s = 0.0 if self._last_us is None else (at_us - self._last_us) / _US_PER_S
            self._last_us = at_us
            for symbol, flow in self._flows.items():
                rng = stream(self._seed, symbol, "step", at_us)
                fair = self._prices.at(symbol, at_us)
                due.extend(Due(at_us, command) for command in flow.step(rng, fair, elapsed_s))
        return due

    def _steps(self, now_us: int) -> Sequence[int]:
        """The times of the steps that have come due, on a grid of `step_us` since the first."""
        if self._last_us is None:
            return [now_us]
        step_us = self._settings.step_us
        missed = (now_us - self._last_us) // step_us
        stride_us = -(-missed // _MOST_STEPS) * step_us
        return range(self._last_us + stride_us, now_us + 1, stride_us) if missed > 0 else []
