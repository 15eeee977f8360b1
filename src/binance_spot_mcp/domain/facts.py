"""What is known of market and account when an order is checked. What is not known stays unknown: nothing is assumed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Input = Literal[
    "reference_price",
    "average_price",
    "last_price",
    "book",
    "touch",
    "open_orders",
    "all_open_orders",
    "open_order_lists",
    "balances",
    "account_filters",
    "amended_order",
    "amendments",
]
"""A fact that a check may need; a check that lacks one names it. `touch` is the best price of each side of the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Prices of one symbol. None means that nobody asked yet.

    Attributes:
        reference_price: The exchange's reference price; `unset` when the exchange says that there is none.
        average_price: Volume-weighted mean over `average_minutes`.
        average_minutes: The window of `average_price`.
        last_price: Price of the last trade.
        bids: Prices of the bid levels, best first.
        asks: Prices of the ask levels, best first.
    """

    reference_price: Decimal | Literal["unset"] | None = None
    average_price: Decimal | None = None
    average_minutes: int | None = None
    last_price: Decimal | None = None
    bids: tuple[Decimal, ...] | None = None
    asks: tuple[Decimal, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCounts:
    """How much an account has open, on one symbol or on all of them. The legs of a list count one by one.

    Attributes:
        orders: Orders of every kind.
        algo_orders: Orders that wait for a trigger price.
        iceberg_orders: Orders that show only a part of themselves.
        lists: Order lists.
    """

    orders: int | None = None
    algo_orders: int | None = None
    iceberg_orders: int | None = None
    lists: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an account has open and holds. None means that nobody asked yet.

    Attributes:
        here: What is open on the symbol.
        everywhere: What is open on all symbols.
        base_held: Free and locked amount of the symbol's base asset.
        base_free: Free amount of it.
        quote_free: Free amount of the symbol's quote asset.
        buying: Unfilled quantity of the open BUY orders on the symbol.
        amendments: How often the order that is to be amended was amended before.
    """

    here: OpenCounts = OpenCounts()
    everywhere: OpenCounts = OpenCounts()
    base_held: Decimal | None = None
    base_free: Decimal | None = None
    quote_free: Decimal | None = None
    buying: Decimal | None = None
    amendments: int | None = None


UNKNOWN_MARKET: Final = Market()
UNKNOWN_ACCOUNT: Final = Account()
