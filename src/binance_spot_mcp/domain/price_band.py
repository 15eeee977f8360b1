"""How far from the market the prices of a request may lie.

Which price is judged by what:

- an order that enters the book now: its price, on either side, by the best bid and ask and by the reference price;
- a MARKET order: the worst price of its expected fill, likewise;
- an order that waits for a trigger price: its own price by that trigger, which is where the market will be then;
- a leg that waits for another order, and a leg of a pair that can only take profit: nothing, as it lies away from the
  market by its nature; but where it would trade at once, at a price worse than the band allows, it is judged too.

A pegged price follows the book. Bounds are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from binance_spot_mcp.domain.exact import minus, times, total
from binance_spot_mcp.domain.liquidity import Taking
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.domain.requests import Request

_WHOLE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Touch:
    """The best price of each side of a book; None where there is none."""

    bid: Decimal | None
    ask: Decimal | None


@dataclass(frozen=True, slots=True)
class OutOfBand:
    """A price that lies too far away.

    Attributes:
        param: The parameter that carries it; empty for the price of an expected fill.
        price: The price; None where the book that is known does not hold the whole order.
        low: The lowest price that is allowed.
        high: The highest one.
        measure: What it was measured by.
    """

    param: str
    price: Decimal | None
    low: Decimal
    high: Decimal
    measure: str


def out_of_band(
    request: Request, band: Decimal, touch: Touch, reference: Decimal | None, fill: Taking | None
) -> OutOfBand | None:
    """The first price of a request that lies outside the band, if there is one.

    Args:
        request: The order or list.
        band: How far it may be, in per cent.
        touch: The best prices of the book; at least one of them.
        reference: The exchange's reference price, where it sets one.
        fill: The expected fill, for a MARKET order of known size.
    """
    measures = [_around("the book", touch.bid or touch.ask, touch.ask or touch.bid, band)]
    if reference is not None:
        measures.append(_around("the reference price", reference, reference, band))
    for order in request.orders:
        for judged in _judged(request, order, fill):
            own = (_around(f"its {judged.by[0]}", judged.by[1], judged.by[1], band),) if judged.by else measures
            for measure in own:
                if judged.breaks(measure):
                    return OutOfBand(judged.param, judged.price, measure.low, measure.high, measure.name)
    return None


@dataclass(frozen=True, slots=True)
class _Measure:
    name: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class _Judged:
    """A price, and how it is judged: by a price of its own or by the market, on both sides or where it would take."""

    param: str
    price: Decimal | None
    side: str
    both_sides: bool
    by: tuple[str, Decimal] | None = None

    def breaks(self, measure: _Measure) -> bool:
        if self.price is None:
            return True
        too_high, too_low = self.price > measure.high, self.price < measure.low
        if self.both_sides:
            return too_high or too_low
        return too_high if self.side == "BUY" else too_low


def _judged(request: Request, order: Order, fill: Taking | None) -> Iterator[_Judged]:
    if order.type == "MARKET" and not order.leg.waits and fill is not None:
        yield _Judged("", fill.worst if fill.complete else None, order.side, both_sides=True)
    if order.price is None or not order.is_priced:
        return
    param = order.leg.wire("price")
    if order.is_stop and order.stop_price is not None:
        by = (order.leg.wire("stopPrice"), order.stop_price)
        yield _Judged(param, order.price, order.side, both_sides=True, by=by)
    elif order.leg.waits or order in (request.pair or ()):
        if order.type != "LIMIT_MAKER":
            yield _Judged(param, order.price, order.side, both_sides=False)
    else:
        yield _Judged(param, order.price, order.side, both_sides=True)


def _around(name: str, low: Decimal | None, high: Decimal | None, band: Decimal) -> _Measure:
    if low is None or high is None:
        raise ValueError("a book without any price measures nothing")
    share = band.scaleb(-2)
    return _Measure(name, times(low, minus(_WHOLE, share)), times(high, total((_WHOLE, share))))
