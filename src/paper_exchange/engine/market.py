"""One symbol at work: its rules, its book, what its trades say, and the orders that wait for a price."""

from decimal import Decimal

from paper_exchange.engine.book import Book
from paper_exchange.engine.commissions import Fees
from paper_exchange.engine.filters import Capacity, Filters
from paper_exchange.engine.prices import Average, MovingAverage, WeightedAverage
from paper_exchange.engine.symbols import MinNotional, Notional, PercentPrice, PercentPriceBySide, SymbolSpec
from paper_exchange.engine.triggers import Triggers

AVERAGE_PRICE_MINUTES = 5
"""The window of `avgPrice`. Source: rest-api.md#current-average-price"""

_ONE = Decimal(1)


class Market:
    """One listed symbol.

    Attributes:
        averages: Weighted averages by their window in minutes: `avgPrice`'s and those that filters name.
        moving: The engine's own reference price, None unless the rule is ARITHMETIC_MEAN.
        set_price / set_price_us: The EXTERNAL reference price and when it was set, -1 when never.
    """

    __slots__ = (
        "allocation_id",
        "averages",
        "base_quantum",
        "book",
        "capacity",
        "fees",
        "filters",
        "last_price",
        "moving",
        "prevented_match_id",
        "quote_quantum",
        "set_price",
        "set_price_us",
        "spec",
        "trade_id",
        "triggers",
    )

    def __init__(self, spec: SymbolSpec) -> None:
        self.book = Book()
        self.triggers = Triggers()
        self.last_price: Decimal | None = None
        self.trade_id = spec.first_trade_id - 1
        self.allocation_id = -1
        self.prevented_match_id = -1
        self.set_price: Decimal | None = None
        self.set_price_us = -1
        self.averages: dict[int, WeightedAverage] = {}
        self.moving: MovingAverage | None = None
        self.configure(spec)

    def configure(self, spec: SymbolSpec) -> None:
        """Take new rules; the book, its history and waiting orders stay."""
        old = getattr(self, "spec", None)
        self.spec = spec
        self.filters = Filters(spec)
        self.capacity = Capacity(spec)
        self.fees = Fees(spec.commission)
        self.base_quantum = _ONE.scaleb(-spec.base_precision)
        self.quote_quantum = _ONE.scaleb(-spec.quote_precision)
        windows = {
            each.avg_price_mins
            for each in spec.filters
            if isinstance(each, PercentPrice | PercentPriceBySide | MinNotional | Notional)
        }
        for minutes in windows - {0} | {AVERAGE_PRICE_MINUTES}:
            self.average_of(minutes)
        rule = spec.reference_price
        if old is None or old.reference_price != rule:
            engine_made = rule is not None and rule.calculation_type == "ARITHMETIC_MEAN"
            self.moving = MovingAverage(rule, spec.quote_precision) if rule is not None and engine_made else None

    def average_of(self, minutes: int) -> WeightedAverage:
        """The weighted average over a window, which starts empty when nobody asked for it before."""
        return self.averages.setdefault(minutes, WeightedAverage(minutes))

    def traded(self, price: Decimal, quantity: Decimal, quote: Decimal, now_us: int) -> int:
        """Take note of a trade; returns its id."""
        self.last_price = price
        for average in self.averages.values():
            average.add(quote, quantity, now_us)
        if self.moving is not None:
            self.moving.add(price, now_us)
        self.trade_id += 1
        return self.trade_id

    def reference_price(self, now_us: int) -> Decimal | None:
        """The reference price, None when the symbol has none or it is not set now."""
        if self.moving is not None:
            return self.moving.at(now_us)
        return self.set_price

    def reference(self, minutes: int, now_us: int) -> Average | None:
        """The price that filters measure against: reference price, else average, else last price.

        Source: filters.md#percent_price
        """
        price = self.reference_price(now_us)
        if price is not None:
            return Average(price, _ONE)
        average = self.averages[minutes].at(now_us) if minutes else None
        if average is None and self.last_price is not None:
            return Average(self.last_price, _ONE)
        return average
