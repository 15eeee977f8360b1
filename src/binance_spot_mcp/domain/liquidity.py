"""What a book offers: the cost of a quantity, the quantity up to a price, spread, imbalance, depth in a band.

Levels come best first. Sums are exact; averages and shares are rounded to ten decimals, and say so here only.

Source: the definitions are this module's own; Binance documents none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from binance_spot_mcp.domain.exact import minus, times, total
from binance_spot_mcp.vocabulary import Side

Level = tuple[Decimal, Decimal]
_TEN_DECIMALS = Decimal("1E-10")
_BASIS_POINTS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Spread:
    """How far apart the best quotes are."""

    bid: Decimal
    ask: Decimal
    mid: Decimal
    absolute: Decimal
    basis_points: Decimal


@dataclass(frozen=True, slots=True)
class Taking:
    """What taking a quantity out of a book would cost, were nobody else to move.

    Attributes:
        quantity: How much of what was asked for is there, in base units.
        notional: What it trades for, in quote units.
        average: The price paid on average; None if nothing is there.
        worst: The last price touched.
        complete: Whether all of it is there within the levels that are known.
    """

    quantity: Decimal
    notional: Decimal
    average: Decimal | None
    worst: Decimal | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """How much is offered up to a price.

    Attributes:
        quantity: In base units.
        notional: In quote units.
        complete: False where the price lies beyond the levels that are known, so that it is at least this much.
    """

    quantity: Decimal
    notional: Decimal
    complete: bool


def spread(bid: Decimal, ask: Decimal) -> Spread:
    """The distance of two quotes, absolute and in basis points of their middle."""
    apart = minus(ask, bid)
    mid = total((bid, ask)) / 2
    return Spread(bid, ask, mid, apart, _rounded(apart / mid * _BASIS_POINTS))


def take(levels: Iterable[Level], quantity: Decimal) -> Taking:
    """The price for a quantity: walk the levels until there is enough."""
    left, notional, worst = quantity, Decimal(0), None
    for price, offered in levels:
        if not left:
            break
        taken = min(left, offered)
        left, notional, worst = minus(left, taken), total((notional, times(taken, price))), price
    filled = minus(quantity, left)
    return Taking(filled, notional, _rounded(notional / filled) if filled else None, worst, complete=not left)


def offered_to(levels: Iterable[Level], price: Decimal, taker: Side, known_to: Decimal | None) -> Offered:
    """The quantity up to a price.

    Args:
        levels: Asks for a taker who buys, bids for one who sells.
        price: The limit: the highest for BUY, the lowest for SELL.
        taker: Who takes.
        known_to: The last price down to which every level is known; None where all of them are.
    """
    within = [level for level in levels if (level[0] <= price if taker == "BUY" else level[0] >= price)]
    beyond = known_to is not None and (price > known_to if taker == "BUY" else price < known_to)
    return Offered(
        total(quantity for _, quantity in within),
        total(times(*level) for level in within),
        complete=not beyond,
    )


def imbalance(bids: Sequence[Level], asks: Sequence[Level]) -> Decimal | None:
    """From -1 (all of it offered) to 1 (all of it wanted); None where there is nothing."""
    wanted, offered = total(quantity for _, quantity in bids), total(quantity for _, quantity in asks)
    both = total((wanted, offered))
    return _rounded(minus(wanted, offered) / both) if both else None


def band(mid: Decimal, basis_points: Decimal) -> tuple[Decimal, Decimal]:
    """The prices so many basis points below and above the middle, exactly."""
    width = times(mid, basis_points.scaleb(-4))
    return minus(mid, width), total((mid, width))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_TEN_DECIMALS)
