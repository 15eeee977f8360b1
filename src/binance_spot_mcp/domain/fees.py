"""What an order will cost in fees.

A trade pays the maker or taker rate and the buyer or seller rate of three kinds of commission, out of what it receives:
the base asset where it buys, the quote asset where it sells. Paid in the discount asset instead, the standard kind is
multiplied by the discount.

Source: faqs/commission_faq.md, rest-api.md#query-commission-rates-user_data
"""

from dataclasses import dataclass
from decimal import Decimal

from binance_spot_mcp.catalogue.account import CommissionRates
from binance_spot_mcp.domain.exact import times, total
from binance_spot_mcp.vocabulary import Side


@dataclass(frozen=True, slots=True)
class FeeRates:
    """The fee of one side of a symbol as a share of what is received.

    Attributes:
        maker: For what rested in the book.
        taker: For what traded at once.
    """

    maker: Decimal
    taker: Decimal

    @property
    def highest(self) -> Decimal:
        """The greater of the two."""
        return max(self.maker, self.taker)

    def of(self, taken: Decimal, rested: Decimal) -> Decimal:
        """The fee for amounts that were received as taker and as maker."""
        return total((times(taken, self.taker), times(rested, self.maker)))


def fee_rates(rates: CommissionRates, side: Side, *, discounted: bool = False) -> FeeRates:
    """The fee rates of a BUY or a SELL.

    Args:
        rates: The account's rates on the symbol.
        side: The side of the order.
        discounted: Whether it is paid in the discount asset.
    """
    standard = rates.discount.discount if discounted else Decimal(1)
    kinds = ((rates.standard_commission, standard), (rates.special_commission, 1), (rates.tax_commission, 1))
    maker, taker = [], []
    for kind, factor in kinds:
        own = kind.buyer if side == "BUY" else kind.seller
        maker.append(times(total((kind.maker, own)), Decimal(factor)))
        taker.append(times(total((kind.taker, own)), Decimal(factor)))
    return FeeRates(total(maker), total(taker))


def pays_discounted(rates: CommissionRates) -> bool:
    """Whether fees of the symbol are taken from the discount asset as long as there is enough of it."""
    return rates.discount.enabled_for_account and rates.discount.enabled_for_symbol
