"""The prices by which filters judge an order: its own, the one it is pegged to, and the market's reference.

Source: filters.md, faqs/pegged_orders.md
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from binance_spot_mcp.domain.facts import Input, Market
from binance_spot_mcp.domain.findings import Unchecked
from binance_spot_mcp.domain.orders import Number, Order


@dataclass(frozen=True, slots=True)
class OrderPrice:
    """A price that an order has, and the parameter that it came by; a pegged price comes by none."""

    number: Number | None
    name: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Reference:
    """The market price that a filter compares with, and what it is."""

    value: Decimal
    name: str


def order_prices(rule: str, order: Order, market: Market) -> Iterator[OrderPrice | Unchecked]:
    """The prices of an order that carries a price: the one that was sent, the one it is pegged to, or both."""
    if not order.is_priced:
        return
    if order.price is not None:
        yield OrderPrice("price", order.leg.wire("price"), order.price)
    if order.peg_price_type is not None:
        yield _pegged_price(rule, order, market)


def reference(rule: str, market: Market, average_minutes: int) -> Reference | Unchecked:
    """The market price for a filter with this `avgPriceMins`.

    It is the reference price where the exchange sets one, else the average over `average_minutes`, else (0 minutes) the
    last price.
    """
    fallback: Input = "average_price" if average_minutes else "last_price"
    if market.reference_price is None:
        return Unchecked(rule, "the reference price is not known", frozenset({"reference_price", fallback}))
    if market.reference_price != "unset":
        return _positive(rule, market.reference_price, "reference price")
    if not average_minutes:
        if market.last_price is None:
            return Unchecked(rule, "the last price is not known", frozenset({"last_price"}))
        return _positive(rule, market.last_price, "last price")
    if market.average_price is None:
        return Unchecked(rule, "the average price is not known", frozenset({"average_price"}))
    if market.average_minutes != average_minutes:
        published = f"the exchange publishes the average over {market.average_minutes} minutes, not {average_minutes}"
        return Unchecked(rule, published)
    return _positive(rule, market.average_price, "average price")


def _positive(rule: str, price: Decimal, name: str) -> Reference | Unchecked:
    """The reference, unless the symbol has not traded and so has no price."""
    return Reference(price, name) if price > 0 else Unchecked(rule, f"the {name} is 0")


def _pegged_price(rule: str, order: Order, market: Market) -> OrderPrice | Unchecked:
    """The level of the book that the order takes its price from: its own side's for PRIMARY_PEG, else the opposite."""
    if order.is_stop or order.leg.waits:
        return Unchecked(rule, "the order is pegged when it enters the book, and checked again then")
    bids = (order.side == "BUY") == (order.peg_price_type == "PRIMARY_PEG")
    levels = market.bids if bids else market.asks
    if levels is None:
        return Unchecked(rule, "the pegged price is not known", frozenset({"book"}))
    if order.peg_offset_value >= len(levels):
        return Unchecked(rule, "the book has no level to peg to")
    return OrderPrice(None, "peggedPrice", levels[order.peg_offset_value])
