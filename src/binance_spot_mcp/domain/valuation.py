"""What an asset is worth in a currency by the best prices of books: directly, inversely, or over a third asset.

It is what selling a little of it would fetch: the bid of the book it is the base of, one over the ask of the book that
is quoted in it.

Source: the definitions are this module's own; Binance documents none.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

OVER: Final = ("USDT", "BTC", "USDC", "FDUSD", "ETH", "BNB")
"""Assets that others are mostly quoted in; of several ways the first of these is taken."""

_SIXTEEN_DIGITS: Final = Context(prec=16)


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices of a symbol's book; 0 where a side is empty."""

    symbol: str
    bid: Decimal
    ask: Decimal


Quotes = Mapping[tuple[str, str], Quote]
"""Quotes by base and quote asset."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What one unit of an asset is worth.

    Attributes:
        price: In the currency; None where no way leads there. It has sixteen digits, unless it stands in one book.
        over: The symbols of the books that say so.
        why: Why there is no price.
    """

    price: Decimal | None
    over: tuple[str, ...] = ()
    why: str = ""


def names(assets: Collection[str], currency: str) -> Iterator[str]:
    """Every name that a symbol on the way from some assets to a currency may have."""
    for asset in {*assets, *OVER}:
        for other in {currency, *OVER}:
            yield asset + other
            yield other + asset


def worth(asset: str, currency: str, quotes: Quotes) -> Worth:
    """What one unit of an asset is worth in a currency."""
    if asset == currency:
        return Worth(Decimal(1))
    direct = _step(asset, currency, quotes)
    if direct is not None and direct.price is not None:
        return direct
    for third in OVER:
        first, second = _step(asset, third, quotes), _step(third, currency, quotes)
        if first and second and first.price is not None and second.price is not None:
            return Worth(_SIXTEEN_DIGITS.multiply(first.price, second.price), first.over + second.over)
    return direct or Worth(None, why=f"no symbol leads from {asset} to {currency}, nor two of them")


def _step(asset: str, currency: str, quotes: Quotes) -> Worth | None:
    """What a single book says; None where there is none between the two."""
    if quote := quotes.get((asset, currency)):
        price = quote.bid or None
        return Worth(price, (quote.symbol,), "" if price else f"nobody bids on {quote.symbol}")
    if quote := quotes.get((currency, asset)):
        price = _SIXTEEN_DIGITS.divide(Decimal(1), quote.ask) if quote.ask else None
        return Worth(price, (quote.symbol,), "" if price else f"nobody offers on {quote.symbol}")
    return None
