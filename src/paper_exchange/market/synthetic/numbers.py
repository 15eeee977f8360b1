"""Ids of made-up trades: how many there were up to any minute, in closed form, so that nothing need be counted."""

from paper_exchange.market.synthetic.draws import mixed

CLUSTERS = 4
"""Every minute has this many clusters of trades, each with at least one aggregate trade."""
_LEAST_RATE = 2 * CLUSTERS

_GOLDEN, _SHIFT = 0x9E3779B97F4A7C15, 40
"""The upper bits of the multiples of this number jump about evenly and without a pattern."""


class Counter:
    """How many things happened up to any minute, without remembering any: on average `rate` a minute, never evenly."""

    def __init__(self, salt: int, rate: int) -> None:
        self._salt = salt
        self._rate = rate
        self._jitter = max(rate // 2, 1)

    def until(self, minute: int) -> int:
        """How many before a minute."""
        return self._rate * minute + (minute * _GOLDEN + self._salt >> _SHIFT) % self._jitter


class Numbers:
    """Ids of trades and aggregates by minute; both count from the minute `begin`.

    An aggregate has at least one trade: trades are aggregates and extras.
    """

    def __init__(self, salt: int, trades_per_minute: int, begin: int) -> None:
        rate = max(trades_per_minute * 2 // 3, _LEAST_RATE)
        extras = max(trades_per_minute - rate, 2)
        self._aggregates = Counter(salt, rate)
        self._extras = Counter(mixed(salt), extras)
        self._per_minute = rate + extras
        self._rate = rate
        self._begin = begin
        self._first_id = self._trades_until(begin)
        self._first_aggregate_id = self._aggregates.until(begin)

    def trade_id(self, minute: int) -> int:
        """The id of the first trade of a minute; the very first is 1."""
        return self._trades_until(minute) - self._first_id + 1

    def aggregate_id(self, minute: int) -> int:
        """The id of the first aggregate of a minute; the very first is 0."""
        return self._aggregates.until(minute) - self._first_aggregate_id

    def minute_of_trade(self, trade_id: int) -> int:
        """The minute that holds a trade."""
        minute = self._begin + trade_id // self._per_minute
        while self.trade_id(minute) > trade_id:
            minute -= 1
        while self.trade_id(minute + 1) <= trade_id:
            minute += 1
        return minute

    def minute_of_aggregate(self, aggregate_id: int) -> int:
        """The minute that holds an aggregate."""
        minute = self._begin + aggregate_id // self._rate
        while self.aggregate_id(minute) > aggregate_id:
            minute -= 1
        while self.aggregate_id(minute + 1) <= aggregate_id:
            minute += 1
        return minute

    def _trades_until(self, minute: int) -> int:
        return self._aggregates.until(minute) + self._extras.until(minute)
