"""Filters on prices and on the distance of a trailing stop."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from binance_spot_mcp.domain.exact import times
from binance_spot_mcp.domain.filters.base import Case, OrderFilter
from binance_spot_mcp.domain.filters.prices import order_prices, reference
from binance_spot_mcp.domain.findings import Limit, Unchecked
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.vocabulary import plain

WHOLE: Final = Decimal(1)


class PriceFilter(OrderFilter, frozen=True, kw_only=True, tag="PRICE_FILTER"):
    """Bounds and tick size of price and stop price. A 0 switches that one condition off.

    Whether a price is on the tick is judged on the price itself, not on its distance from the minimum.

    Source: filters.md#price_filter
    """

    min_price: Decimal
    max_price: Decimal
    tick_size: Decimal

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the price, the pegged price and the stop price."""
        for price in order_prices(self.name, order, case.market):
            if isinstance(price, Unchecked):
                yield price
            else:
                yield Limit(
                    rule=self.name,
                    number=price.number,
                    param=price.name,
                    given=price.value,
                    minimum=self.min_price or None,
                    maximum=self.max_price or None,
                    step=self.tick_size or None,
                )
        if order.is_stop and order.stop_price is not None:
            yield Limit(
                rule=self.name,
                number="stopPrice",
                param=order.leg.wire("stopPrice"),
                given=order.stop_price,
                minimum=self.min_price or None,
                maximum=self.max_price or None,
                step=self.tick_size or None,
            )


class PercentPrice(OrderFilter, frozen=True, kw_only=True, tag="PERCENT_PRICE"):
    """How far a price may be from the market, as factors of the reference.

    Source: filters.md#percent_price
    """

    multiplier_up: Decimal
    multiplier_down: Decimal
    avg_price_mins: int

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the price on either side of the market."""
        yield from _band(self.name, order, case, (self.multiplier_down, self.multiplier_up), self.avg_price_mins)


class PercentPriceBySide(OrderFilter, frozen=True, kw_only=True, tag="PERCENT_PRICE_BY_SIDE"):
    """How far a price may be from the market, with own factors for bids and asks.

    Source: filters.md#percent_price_by_side
    """

    bid_multiplier_up: Decimal
    bid_multiplier_down: Decimal
    ask_multiplier_up: Decimal
    ask_multiplier_down: Decimal
    avg_price_mins: int

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the price by the factors of the order's side."""
        bid = (self.bid_multiplier_down, self.bid_multiplier_up)
        ask = (self.ask_multiplier_down, self.ask_multiplier_up)
        yield from _band(self.name, order, case, bid if order.side == "BUY" else ask, self.avg_price_mins)


def _band(
    rule: str, order: Order, case: Case, multipliers: tuple[Decimal, Decimal], minutes: int
) -> Iterator[Limit | Unchecked]:
    """Limit the prices of an order to the reference times the lower and the upper multiplier."""
    down, up = multipliers
    for price in order_prices(rule, order, case.market):
        market = reference(rule, case.market, minutes)
        if isinstance(price, Unchecked):
            yield price
        elif isinstance(market, Unchecked):
            yield market
        else:
            yield Limit(
                rule=rule,
                number=price.number,
                param=price.name,
                given=price.value,
                minimum=times(market.value, down),
                maximum=times(market.value, up),
                reason=f"{plain(down)} to {plain(up)} x {market.name} {plain(market.value)}",
            )


class TrailingDelta(OrderFilter, frozen=True, kw_only=True, tag="TRAILING_DELTA"):
    """Bounds of a trailing stop's distance, in basis points: "above" where a rise triggers the stop, else "below".

    Source: filters.md#trailing_delta
    """

    min_trailing_above_delta: int
    max_trailing_above_delta: int
    min_trailing_below_delta: int
    max_trailing_below_delta: int

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the distance by the direction that triggers the order."""
        del case
        if not order.is_stop or order.trailing_delta is None:
            return
        least, most = (
            (self.min_trailing_above_delta, self.max_trailing_above_delta)
            if order.triggers_upward
            else (self.min_trailing_below_delta, self.max_trailing_below_delta)
        )
        yield Limit(
            rule=self.name,
            number="trailingDelta",
            param=order.leg.wire("trailingDelta"),
            given=order.trailing_delta,
            minimum=Decimal(least),
            maximum=Decimal(most),
            step=WHOLE,
        )
