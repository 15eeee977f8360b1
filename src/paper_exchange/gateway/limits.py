"""Binance's rate limits: request weight and raw requests of an address, unfilled orders of an account.

Counts live in fixed calendar buckets of the exchange's clock: a minute starts at :00, a day at 00:00 UTC, and a
count is gone at the boundary.

Source: rest-api.md#limits, faqs/order_count_decrement.md
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from paper_exchange.engine.events import Event, OrderReport
from paper_exchange.gateway.refusals import Rejected

LimitType = Literal["REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS", "CONNECTIONS"]
Interval = Literal["SECOND", "MINUTE", "HOUR", "DAY"]

_SECOND_US = 1_000_000
_INTERVAL_US: dict[Interval, int] = {
    "SECOND": _SECOND_US,
    "MINUTE": 60 * _SECOND_US,
    "HOUR": 3600 * _SECOND_US,
    "DAY": 86_400 * _SECOND_US,
}

TAKER_FIRST_FILL = 1
MAKER_FIRST_FILL = 5
"""What the first fill of an order gives back: the FAQ's example figures, Binance publishes no others."""

_TOLERATED_429S = 10
"""How many requests may be answered with 429 in a row before the address is banned (not published)."""
_FIRST_BAN_US = 120 * _SECOND_US
_LONGEST_BAN_US = 3 * _INTERVAL_US["DAY"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of exchangeInfo's `rateLimits`."""

    kind: LimitType
    interval: Interval
    interval_num: int
    limit: int

    @property
    def width_us(self) -> int:
        """Length of a bucket."""
        return _INTERVAL_US[self.interval] * self.interval_num

    @property
    def suffix(self) -> str:
        """How the `X-MBX-` headers name the interval, e.g. `1M`."""
        return f"{self.interval_num}{self.interval[0]}"

    @property
    def row(self) -> dict[str, object]:
        """The wire's rate limit object."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_num,
            "limit": self.limit,
        }


WEIGHT = Limit("REQUEST_WEIGHT", "MINUTE", 1, 6000)
RAW_REQUESTS = Limit("RAW_REQUESTS", "MINUTE", 5, 300_000)
ORDERS_10S = Limit("ORDERS", "SECOND", 10, 100)
ORDERS_1D = Limit("ORDERS", "DAY", 1, 200_000)


@dataclass(frozen=True, slots=True)
class LimitTable:
    """The limits of an exchange."""

    weight: Limit = WEIGHT
    orders: tuple[Limit, ...] = (ORDERS_10S, ORDERS_1D)
    raw: Limit = RAW_REQUESTS

    def times(self, factor: int) -> "LimitTable":
        """The same limits, that many times as wide."""
        return LimitTable(
            _widened(self.weight, factor),
            tuple(_widened(limit, factor) for limit in self.orders),
            _widened(self.raw, factor),
        )

    @property
    def rows(self) -> list[dict[str, object]]:
        """exchangeInfo's `rateLimits`."""
        return [limit.row for limit in (self.weight, *self.orders, self.raw)]


def _widened(limit: Limit, factor: int) -> Limit:
    return replace(limit, limit=limit.limit * factor)


@dataclass(slots=True)
class Meter:
    """The running bucket of one limit for one caller."""

    limit: Limit
    _bucket: int = -1
    _count: int = 0

    def count(self, now_us: int) -> int:
        """What the current bucket holds."""
        bucket = now_us // self.limit.width_us
        if bucket != self._bucket:
            self._bucket, self._count = bucket, 0
        return self._count

    def add(self, amount: int, now_us: int) -> None:
        """Count; negative amounts give back, and never below zero."""
        self._count = max(0, self.count(now_us) + amount)

    def has_room(self, amount: int, now_us: int) -> bool:
        """Whether that much more stays within the limit."""
        return self.count(now_us) + amount <= self.limit.limit

    def ends_us(self, now_us: int) -> int:
        """When the current bucket ends."""
        return (now_us // self.limit.width_us + 1) * self.limit.width_us


@dataclass(slots=True)
class AddressLimits:
    """Weight, raw requests and bans of one IP address."""

    weight: Meter
    raw: Meter
    _refused: int = 0
    _bans: int = 0
    _banned_until_us: int = 0

    def charge(self, weight: int, now_us: int, *, raw_requests: int = 1) -> None:
        """Count a request before anything else looks at it.

        Raises:
            Rejected: -1003 with 429 over a limit, with 418 while banned for having ignored 429s.
        """
        if now_us < self._banned_until_us:
            raise _banned(self._banned_until_us)
        for meter, amount in ((self.raw, raw_requests), (self.weight, weight)):
            if not meter.has_room(amount, now_us):
                raise self._over(meter, now_us)
            meter.add(amount, now_us)
        self._refused = 0

    def give_back(self, weight: int, now_us: int) -> None:
        """Uncount the weight of a call that costs nothing when it succeeds."""
        self.weight.add(-weight, now_us)

    def _over(self, meter: Meter, now_us: int) -> Rejected:
        self._refused += 1
        if self._refused > _TOLERATED_429S:
            self._refused = 0
            self._banned_until_us = now_us + min(_FIRST_BAN_US << self._bans, _LONGEST_BAN_US)
            self._bans += 1
            return _banned(self._banned_until_us)
        limit = meter.limit
        return Rejected(
            -1003,
            f"Too much request weight used; current limit is {limit.limit} request weight per "
            f"{limit.interval_num} {limit.interval}. Please use WebSocket Streams for live updates "
            "to avoid polling the API."
            if limit.kind == "REQUEST_WEIGHT"
            else "Too many requests queued.",
            retry_at_us=meter.ends_us(now_us),
        )


def _banned(until_us: int) -> Rejected:
    return Rejected(
        -1003,
        f"Way too much request weight used; IP banned until {until_us // 1000}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        retry_at_us=until_us,
    )


@dataclass(slots=True)
class AccountLimits:
    """Unfilled orders of one account, over all its keys and addresses."""

    meters: tuple[Meter, ...]

    def over(self, orders: int, now_us: int) -> Rejected | None:
        """The refusal that so many new orders would meet: -1015 with 429."""
        for meter in self.meters:
            if not meter.has_room(orders, now_us):
                limit = meter.limit
                return Rejected(
                    -1015,
                    f"Too many new orders; current limit is {limit.limit} orders per "
                    f"{limit.interval_num} {limit.interval}.",
                    retry_at_us=meter.ends_us(now_us),
                )
        return None

    def add(self, orders: int, now_us: int) -> None:
        """Count new orders."""
        for meter in self.meters:
            meter.add(orders, now_us)

    def first_fill(self, *, is_maker: bool, now_us: int) -> None:
        """Give back for an order's first fill, whenever it was placed."""
        self.add(-(MAKER_FIRST_FILL if is_maker else TAKER_FIRST_FILL), now_us)

    def rows(self, now_us: int) -> list[dict[str, object]]:
        """The limits with their counts (rateLimit/order)."""
        return [{**meter.limit.row, "count": meter.count(now_us)} for meter in self.meters]


@dataclass(slots=True)
class Limits:
    """The counts of everybody."""

    table: LimitTable = field(default_factory=LimitTable)
    _addresses: dict[str, AddressLimits] = field(default_factory=dict)
    _accounts: dict[int, AccountLimits] = field(default_factory=dict)

    def address(self, address: str) -> AddressLimits:
        """The counts of an IP address."""
        found = self._addresses.get(address)
        if found is None:
            found = AddressLimits(Meter(self.table.weight), Meter(self.table.raw))
            self._addresses[address] = found
        return found

    def account(self, account: int) -> AccountLimits:
        """The counts of an account."""
        found = self._accounts.get(account)
        if found is None:
            found = AccountLimits(tuple(_meters(self.table.orders)))
            self._accounts[account] = found
        return found

    def apply(self, events: Iterable[Event]) -> None:
        """Give back for the first fills among what happened."""
        for event in events:
            if (
                isinstance(event, OrderReport)
                and event.execution_type == "TRADE"
                and event.order.executed == event.last_quantity
                and event.order.account in self._accounts
            ):
                self._accounts[event.order.account].first_fill(is_maker=event.is_maker, now_us=event.time_us)


def _meters(limits: Iterable[Limit]) -> Iterable[Meter]:
    return (Meter(limit) for limit in limits)
