"""What can be traded: symbols with their rules, and what a market needs to know to bring them to life."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from paper_exchange.engine.symbols import LotSize, MaxPosition, MinNotional, Notional, PriceFilter, Sor, SymbolSpec

NUMERAIRE = "USDT"
"""The asset that all others are priced in."""


class Asset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One asset as a market sees it.

    Attributes:
        price: What one unit costs in USDT when the market opens.
        volatility: Standard deviation of the daily change that is the asset's own, as a fraction.
        beta: How strongly it follows the market as a whole; 0 for stable coins.
    """

    name: str
    price: Decimal
    volatility: float = 0.02
    beta: float = 1.0


class Listing(Struct, frozen=True, kw_only=True):
    """One symbol, with how busy its book is.

    Attributes:
        trades_per_minute: About how many trades it sees.
        taker_notional: Size of a typical taker order, in USDT.
        spread: Distance of best bid and ask as a fraction of the price, in a calm market; at least one tick.
    """

    spec: SymbolSpec
    trades_per_minute: int = 12
    taker_notional: Decimal = Decimal(400)
    spread: float = 0.0002

    @property
    def tick(self) -> Decimal:
        """The step of prices."""
        return _the_only(self.spec, PriceFilter).tick_size

    @property
    def lot(self) -> Decimal:
        """The step of quantities."""
        return _the_only(self.spec, LotSize).step_size

    @property
    def least_quantity(self) -> Decimal:
        """What LOT_SIZE allows at least."""
        return _the_only(self.spec, LotSize).min_qty

    @property
    def largest_quantity(self) -> Decimal:
        """What LOT_SIZE allows at most."""
        return _the_only(self.spec, LotSize).max_qty

    @property
    def largest_position(self) -> Decimal | None:
        """What MAX_POSITION lets an account hold of the base asset, None where it does not care."""
        return next((each.max_position for each in self.spec.filters if isinstance(each, MaxPosition)), None)

    @property
    def least_notional(self) -> Decimal:
        """What an order must be worth at least, in the quote asset; zero where nothing says so."""
        rules = (each.min_notional for each in self.spec.filters if isinstance(each, Notional | MinNotional))
        return max(rules, default=Decimal(0))


class Catalog(Struct, frozen=True, kw_only=True):
    """Every asset and symbol of an exchange, by name."""

    assets: Mapping[str, Asset]
    listings: Mapping[str, Listing]
    sors: tuple[Sor, ...] = ()

    def opening_price(self, symbol: str) -> Decimal:
        """What the base asset costs in the quote asset when the market opens; not on a tick."""
        spec = self.listings[symbol].spec
        return self.assets[spec.base_asset].price / self.assets[spec.quote_asset].price


FilterT = TypeVar("FilterT")


def _the_only(spec: SymbolSpec, kind: type[FilterT]) -> FilterT:
    return next(each for each in spec.filters if isinstance(each, kind))
