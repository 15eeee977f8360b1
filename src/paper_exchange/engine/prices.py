"""What the trades of a symbol say about its price: last, weighted average, reference.

An average is kept as a pair (sum, weight) so that comparing against it needs no division and stays exact.
"""

from collections import deque
from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.orders import ZERO
from paper_exchange.engine.symbols import ReferencePriceRule

_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_ONE_TRADE = 10_000


class Average(Struct, frozen=True, gc=False):
    """A price as sum / weight; the weight is positive."""

    sum: Decimal
    weight: Decimal

    def price(self, quantum: Decimal) -> Decimal:
        """The price itself, truncated to `quantum`."""
        return (self.sum / self.weight).quantize(quantum)


class WeightedAverage:
    """The volume-weighted average price over the last minutes, in buckets of one second.

    Source: filters.md#percent_price, rest-api.md#current-average-price
    """

    __slots__ = ("_buckets", "_quantity", "_quote", "minutes")

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes
        self._buckets: deque[tuple[int, Decimal, Decimal]] = deque()
        self._quote = ZERO
        self._quantity = ZERO

    def add(self, quote: Decimal, quantity: Decimal, now_us: int) -> None:
        """Count a trade in."""
        self._drop_before(now_us - self.minutes * _MINUTE_US)
        second = now_us // _SECOND_US
        buckets = self._buckets
        if buckets and buckets[-1][0] == second:
            _, bucket_quote, bucket_quantity = buckets.pop()
            buckets.append((second, bucket_quote + quote, bucket_quantity + quantity))
        else:
            buckets.append((second, quote, quantity))
        self._quote += quote
        self._quantity += quantity

    def at(self, now_us: int) -> Average | None:
        """The average as of `now_us`, None when nothing traded in the window."""
        start = (now_us - self.minutes * _MINUTE_US) // _SECOND_US
        quote, quantity = self._quote, self._quantity
        for second, bucket_quote, bucket_quantity in self._buckets:
            if second >= start:
                break
            quote -= bucket_quote
            quantity -= bucket_quantity
        return Average(quote, quantity) if quantity > 0 else None

    def buckets(self) -> list[tuple[int, Decimal, Decimal]]:
        """The seconds in the window: (second, quote amount, quantity)."""
        return list(self._buckets)

    def refill(self, buckets: list[tuple[int, Decimal, Decimal]]) -> None:
        """Start over from what `buckets` said."""
        self._buckets = deque(buckets)
        self._quote = sum((quote for _, quote, _ in buckets), ZERO)
        self._quantity = sum((quantity for _, _, quantity in buckets), ZERO)

    def _drop_before(self, time_us: int) -> None:
        start = time_us // _SECOND_US
        while self._buckets and self._buckets[0][0] < start:
            _, quote, quantity = self._buckets.popleft()
            self._quote -= quote
            self._quantity -= quantity


class MovingAverage:
    """The engine's own reference price: a simple moving average of trade prices over buckets of time.

    Counts have four decimals and sums four more than the quote asset, both as integers; the bucket that straddles the
    start of the window is prorated; division truncates.

    Source: faqs/price_range_execution_rules.md#matching-engine-calculation
    """

    __slots__ = ("_buckets", "_precision", "_width_us", "_window_us")

    def __init__(self, rule: ReferencePriceRule, quote_precision: int) -> None:
        self._width_us = rule.bucket_width_ms * 1000
        self._window_us = self._width_us * rule.bucket_count
        self._precision = quote_precision
        self._buckets: deque[tuple[int, int, int]] = deque()

    def add(self, price: Decimal, now_us: int) -> None:
        """Count a trade in."""
        cutoff = now_us - self._window_us
        while self._buckets and self._buckets[0][0] + self._width_us <= cutoff:
            self._buckets.popleft()
        opened = now_us - now_us % self._width_us
        count, total = _ONE_TRADE, int(price.scaleb(self._precision)) * _ONE_TRADE
        if self._buckets and self._buckets[-1][0] == opened:
            _, old_count, old_total = self._buckets.pop()
            count, total = count + old_count, total + old_total
        self._buckets.append((opened, count, total))

    def at(self, now_us: int) -> Decimal | None:
        """The reference price as of `now_us`, None when no trade is in the window."""
        cutoff = now_us - self._window_us
        count = total = 0
        for opened, bucket_count, bucket_total in self._buckets:
            if opened + self._width_us <= cutoff:
                continue
            expired_us = max(cutoff - opened, 0)
            count += bucket_count - bucket_count * expired_us // self._width_us
            total += bucket_total - bucket_total * expired_us // self._width_us
        return Decimal(total // count).scaleb(-self._precision) if count > 0 else None

    def buckets(self) -> list[tuple[int, int, int]]:
        """The buckets in the window: (open time, count, sum)."""
        return list(self._buckets)

    def refill(self, buckets: list[tuple[int, int, int]]) -> None:
        """Start over from what `buckets` said."""
        self._buckets = deque(buckets)
