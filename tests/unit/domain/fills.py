"""Fills for tests."""

from dataclasses import dataclass
from decimal import Decimal

DAY = 20_000
"""The UTC day on which everything here trades, unless a test says otherwise."""


@dataclass(frozen=True)
class Fill:
    """A fill as positions read it."""

    side: str
    price: Decimal
    quantity: Decimal
    commission: Decimal = Decimal(0)
    commission_asset: str = "USDT"
    at_ms: int = DAY * 86_400_000


def bought(quantity: str, price: str, fee: str = "0", fee_asset: str = "USDT", day: int = DAY) -> Fill:
    """A fill of a BUY order."""
    return Fill("BUY", Decimal(price), Decimal(quantity), Decimal(fee), fee_asset, day * 86_400_000)


def sold(quantity: str, price: str, fee: str = "0", fee_asset: str = "USDT", day: int = DAY) -> Fill:
    """A fill of a SELL order."""
    return Fill("SELL", Decimal(price), Decimal(quantity), Decimal(fee), fee_asset, day * 86_400_000)
