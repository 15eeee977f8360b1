"""Filters on how much is bought or sold, held afterwards, and shown of an iceberg."""

from collections.abc import Iterator
from decimal import Decimal

from binance_spot_mcp.domain.exact import minus, total
from binance_spot_mcp.domain.filters.base import Case, OrderFilter
from binance_spot_mcp.domain.findings import Limit, Unchecked
from binance_spot_mcp.domain.orders import Number, Order
from binance_spot_mcp.vocabulary import plain


def unknown_size(rule: str, order: Order) -> Unchecked:
    """Why there is no quantity to check: it depends on fills that have not happened."""
    cause = "what the working order will have bought" if order.leg.sized_later else "what quoteOrderQty pays for"
    return Unchecked(rule, f"the quantity is {cause}")


class LotSize(OrderFilter, frozen=True, kw_only=True, tag="LOT_SIZE"):
    """Bounds and step of quantity and icebergQty. The exchange itself sizes a `quoteOrderQty` order to fit.

    The step is judged on the quantity itself, not on its distance from the minimum. The documents do not say that a
    step of 0 means any, as they do for a tick size; nothing is a multiple of 0, so it can mean nothing else.

    Source: filters.md#lot_size
    """

    min_qty: Decimal
    max_qty: Decimal
    step_size: Decimal

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit quantity and icebergQty."""
        del case
        if order.quantity is not None:
            yield self.limit("quantity", order.leg.wire("quantity"), order.quantity)
        elif order.leg.sized_later:
            yield unknown_size(self.name, order)
        if order.iceberg_qty is not None and order.is_priced:
            yield self.limit("icebergQty", order.leg.wire("icebergQty"), order.iceberg_qty)

    def limit(self, number: Number, param: str, given: Decimal) -> Limit:
        """Limit one quantity."""
        return Limit(
            rule=self.name,
            number=number,
            param=param,
            given=given,
            minimum=self.min_qty,
            maximum=self.max_qty,
            step=self.step_size or None,
        )


class MarketLotSize(OrderFilter, frozen=True, kw_only=True, tag="MARKET_LOT_SIZE"):
    """Bounds and step of the quantity of a MARKET order, beside LOT_SIZE. A step of 0 means any.

    Source: filters.md#market_lot_size
    """

    min_qty: Decimal
    max_qty: Decimal
    step_size: Decimal

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the quantity of a MARKET order."""
        del case
        if order.type != "MARKET":
            return
        if order.quantity is None:
            yield unknown_size(self.name, order)
            return
        yield Limit(
            rule=self.name,
            number="quantity",
            param=order.leg.wire("quantity"),
            given=order.quantity,
            minimum=self.min_qty,
            maximum=self.max_qty,
            step=self.step_size or None,
        )


class IcebergParts(OrderFilter, frozen=True, kw_only=True, tag="ICEBERG_PARTS"):
    """Into how many parts an iceberg may be cut: `ceil(quantity / icebergQty) <= limit`.

    The same condition is `icebergQty * limit >= quantity`, which needs no division.

    Source: filters.md#iceberg_parts
    """

    limit: int

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit icebergQty from below."""
        del case
        if order.iceberg_qty is None or not order.is_priced:
            return
        if order.quantity is None:
            yield unknown_size(self.name, order)
            return
        yield Limit(
            rule=self.name,
            number="icebergQty",
            param=order.leg.wire("icebergQty"),
            given=order.iceberg_qty,
            minimum=order.quantity,
            factor=Decimal(self.limit),
            factor_name="parts",
            reason="the whole quantity",
        )


class MaxPosition(OrderFilter, frozen=True, kw_only=True, tag="MAX_POSITION"):
    """How much of the base asset an account may hold and be buying, this order included.

    The documents add that the sum must not overflow. Exact arithmetic cannot, and a sum too great for the exchange's
    numbers is above any maximum that it can publish.

    Source: filters.md#max_position
    """

    max_position: Decimal

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the quantity of a BUY order to what is left."""
        if order.side != "BUY":
            return
        if order.quantity is None:
            yield unknown_size(self.name, order)
            return
        held, buying = case.account.base_held, case.account.buying
        if held is None or buying is None:
            reason = "balances and open orders are not known"
            yield Unchecked(self.name, reason, frozenset({"balances", "open_orders"}))
            return
        holding = total((held, buying))
        asset = case.symbol.base_asset
        yield Limit(
            rule=self.name,
            number="quantity",
            param=order.leg.wire("quantity"),
            given=order.quantity,
            maximum=minus(self.max_position, holding),
            reason=f"{plain(holding)} of at most {plain(self.max_position)} {asset} are held or being bought",
        )
