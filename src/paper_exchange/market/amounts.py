"""Amounts as whole hundred-millionths, the smallest unit that Binance quotes prices, quantities and volumes in.

The public record adds up millions of trades. In whole numbers of 10^-8 these sums are exact, as they are in
`Decimal`, at a fraction of the cost. A name that ends in `_e8` holds such a number.
"""

from decimal import Decimal

DECIMALS = 8
ONE_E8 = 100_000_000


class TooPrecise(ValueError):
    """An amount has more than eight decimals."""


def to_e8(amount: Decimal) -> int:
    """The amount in hundred-millionths.

    Raises:
        TooPrecise: It is no whole number of them.
    """
    scaled = amount * ONE_E8
    whole = int(scaled)
    if whole != scaled:
        raise TooPrecise(f"{amount} has more than {DECIMALS} decimals")
    return whole


def to_decimal(amount_e8: int) -> Decimal:
    """The amount as a decimal with eight places."""
    return Decimal(amount_e8).scaleb(-DECIMALS)


def text(amount_e8: int) -> str:
    """The amount as the wire writes it: eight decimals, no exponent."""
    sign = "-" if amount_e8 < 0 else ""
    whole, fraction = divmod(abs(amount_e8), ONE_E8)
    return f"{sign}{whole}.{fraction:08d}"
