"""Filters on an order's value: price times quantity, in units of the quote asset, and what it moves of an asset."""

from collections.abc import Iterator
from decimal import Decimal

from binance_spot_mcp.domain.filters.base import Case, OrderFilter
from binance_spot_mcp.domain.filters.prices import OrderPrice, Reference, order_prices, reference
from binance_spot_mcp.domain.filters.size import unknown_size
from binance_spot_mcp.domain.findings import Limit, Unchecked
from binance_spot_mcp.domain.orders import Order

Bounds = tuple[Decimal | None, Decimal | None]
"""The least and the greatest value; None for no bound."""


class MinNotional(OrderFilter, frozen=True, kw_only=True, tag="MIN_NOTIONAL"):
    """The least value of an order. A MARKET order is valued at the reference, and only with `applyToMarket`.

    Source: filters.md#min_notional
    """

    min_notional: Decimal
    apply_to_market: bool
    avg_price_mins: int

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the value from below."""
        least = self.min_notional if order.type != "MARKET" or self.apply_to_market else None
        yield from _value_limits(self.name, order, case, (least, None), self.avg_price_mins)


class Notional(OrderFilter, frozen=True, kw_only=True, tag="NOTIONAL"):
    """The least and the greatest value of an order. A flag for each says whether it holds for MARKET orders too.

    Source: filters.md#notional
    """

    min_notional: Decimal
    apply_min_to_market: bool
    max_notional: Decimal
    apply_max_to_market: bool
    avg_price_mins: int

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the value from both sides."""
        market = order.type == "MARKET"
        least = self.min_notional if not market or self.apply_min_to_market else None
        most = self.max_notional if not market or self.apply_max_to_market else None
        yield from _value_limits(self.name, order, case, (least, most), self.avg_price_mins)


class MaxAsset(OrderFilter, frozen=True, kw_only=True, tag="MAX_ASSET"):
    """The most of one asset that a single order may move: quantity of a base asset, value in a quote asset.

    Only myFilters lists it.

    Source: filters.md#max_asset
    """

    asset: str
    limit: Decimal

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit quantity, value, or neither where the asset is not the symbol's."""
        if self.asset == case.symbol.base_asset:
            yield from self._quantity(order)
        if self.asset == case.symbol.quote_asset:
            yield from self._value(order, case)

    def _quantity(self, order: Order) -> Iterator[Limit | Unchecked]:
        if order.quantity is None:
            yield unknown_size(self.name, order)
            return
        yield Limit(
            rule=self.name,
            number="quantity",
            param=order.leg.wire("quantity"),
            given=order.quantity,
            maximum=self.limit,
            reason=f"{self.asset} per order",
        )

    def _value(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        known = list(_limits_at_own_price(self.name, order, case, (None, self.limit)))
        yield from known
        if not known:
            yield Unchecked(self.name, "the price at which the order fills is not known")


def _value_limits(
    rule: str, order: Order, case: Case, bounds: Bounds, average_minutes: int
) -> Iterator[Limit | Unchecked]:
    """Bound the value at the order's own price, and that of a MARKET order at the reference price."""
    if bounds == (None, None):
        return
    yield from _limits_at_own_price(rule, order, case, bounds)
    if order.type == "MARKET" and order.quote_order_qty is None:
        market = reference(rule, case.market, average_minutes)
        yield market if isinstance(market, Unchecked) else _at_price(rule, order, case, bounds, market)


def _limits_at_own_price(rule: str, order: Order, case: Case, bounds: Bounds) -> Iterator[Limit | Unchecked]:
    """Bound the value that the parameters themselves name: price times quantity, or `quoteOrderQty`.

    The documents do not say how a value filter sees `quoteOrderQty`. It is taken as the value, which the exchange comes
    as close to as the step allows.
    """
    if order.quote_order_qty is not None:
        param = order.leg.wire("quoteOrderQty")
        least, most = bounds
        yield Limit(
            rule=rule, number="quoteOrderQty", param=param, given=order.quote_order_qty, minimum=least, maximum=most
        )
    for price in order_prices(rule, order, case.market):
        yield price if isinstance(price, Unchecked) else _at_price(rule, order, case, bounds, price)


def _at_price(rule: str, order: Order, case: Case, bounds: Bounds, price: OrderPrice | Reference) -> Limit | Unchecked:
    """Bound the quantity by the value that it has at a price."""
    if order.quantity is None:
        return unknown_size(rule, order)
    least, most = bounds
    return Limit(
        rule=rule,
        number="quantity",
        param=order.leg.wire("quantity"),
        given=order.quantity,
        minimum=least,
        maximum=most,
        factor=price.value,
        factor_name=price.name,
        unit=case.symbol.quote_asset,
    )
