"""What a fill costs.

The received amount times (maker or taker) + (buyer or seller), for the standard, special and tax rates. Paid from the
received asset, or in BNB: then the standard part is multiplied by the discount and all is converted at the last price.

Source: faqs/commission_faq.md
"""

from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.symbols import Commission, Rates
from paper_exchange.engine.words import Side

DISCOUNT_ASSET = "BNB"


class Rate(Struct, frozen=True):
    """Fractions of the received amount that one kind of fill costs; `full` is both parts together."""

    standard: Decimal
    undiscounted: Decimal
    full: Decimal


class Fees:
    """A commission, sorted by who receives: `of(side, is_maker)`."""

    __slots__ = ("_rates", "commission")

    def __init__(self, commission: Commission) -> None:
        self.commission = commission
        self._rates: dict[tuple[Side, bool], Rate] = {
            (side, is_maker): _rate(commission, side, is_maker=is_maker)
            for side in ("BUY", "SELL")
            for is_maker in (True, False)
        }

    def of(self, side: Side, is_maker: bool) -> Rate:
        """The rate of a fill."""
        return self._rates[side, is_maker]


def order_rate(rates: Rates, side: Side, *, is_maker: bool) -> Decimal:
    """What one set of rates takes from a fill of this side and role."""
    return (rates.maker if is_maker else rates.taker) + (rates.buyer if side == "BUY" else rates.seller)


def _rate(commission: Commission, side: Side, *, is_maker: bool) -> Rate:
    standard, special, tax = (
        order_rate(rates, side, is_maker=is_maker)
        for rates in (commission.standard, commission.special, commission.tax)
    )
    return Rate(standard, special + tax, standard + special + tax)
