"""The rate ledger: what the exchange's limits still allow, and from when.

Each limit is a bucket whose windows are aligned to the server's clock and start empty. A call reserves its listed cost
before it is sent; the numbers in the answer say what was really used. 429, 418 and 403 hold calls back.

Pure: every method is told the time, and the state is plain values keyed by text, so that processes could share it.

Source: rest-api.md#limits, faqs/order_count_decrement.md
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

LimitType = Literal["REQUEST_WEIGHT", "RAW_REQUESTS", "ORDERS", "CONNECTIONS"]
CallClass = Literal["market", "account", "order", "urgent"]
"""Who asks. `urgent` is for cancels and for finding out what became of an order."""

SHARES: Mapping[CallClass, int] = {"market": 60, "account": 80, "order": 90, "urgent": 100}
"""Per cent of each limit that a class of calls may fill, so that reads never starve a cancel."""

BAN_AT_LEAST_MS = 120_000
BLOCK_FIRST_MS = 60_000
BLOCK_AT_MOST_MS = 900_000

EVERYTHING = "everything"

_INTERVALS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_LETTERS = {name[0].lower(): length for name, length in _INTERVALS_MS.items()}
_COUNT_HEADER = re.compile(r"x-mbx-(used-weight|order-count)-(\d+)([smhd])")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many of something per interval."""

    type: LimitType
    interval_ms: int
    most: int

    @property
    def key(self) -> str:
        """The name of its bucket, e.g. `REQUEST_WEIGHT/60000`."""
        return bucket_key(self.type, self.interval_ms)


DEFAULT_LIMITS = (
    Limit("REQUEST_WEIGHT", 60_000, 6_000),
    Limit("RAW_REQUESTS", 300_000, 61_000),
    Limit("ORDERS", 10_000, 50),
    Limit("ORDERS", 86_400_000, 160_000),
    Limit("CONNECTIONS", 300_000, 300),
)
"""The lowest figures that the documents print; exchangeInfo's own replace them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an attempt is listed with.

    Attributes:
        weight: Request weight.
        orders: How many orders it may add to the unfilled ones.
        raw_requests: 1 over REST, which alone counts requests as such.
        connections: 1 for an attempt to connect to the WebSocket API.
    """

    weight: int
    orders: int = 0
    raw_requests: int = 1
    connections: int = 0

    def of(self, limit_type: LimitType) -> int:
        """The cost in the unit of one kind of limit."""
        match limit_type:
            case "REQUEST_WEIGHT":
                return self.weight
            case "RAW_REQUESTS":
                return self.raw_requests
            case "ORDERS":
                return self.orders
            case "CONNECTIONS":
                return self.connections


@dataclass(frozen=True, slots=True)
class Reservation:
    """Leave to send one request."""

    serial: int
    cost: Cost
    at_ms: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: why, and from when it may be asked again. `until_ms` is None for a call that can never fit."""

    until_ms: int | None
    code: Literal["RATE_LIMITED", "BANNED", "WAF_BLOCKED"]
    why: str


@dataclass(slots=True)
class Hold:
    """A scope that stays silent: a kind of limit, a route, or everything."""

    until_ms: int
    code: Literal["RATE_LIMITED", "BANNED", "WAF_BLOCKED"]
    strikes: int = 1


@dataclass(slots=True)
class Bucket:
    """One limit and how full its current window is.

    Attributes:
        limit: What the exchange allows.
        window_ms: Start of the window that the figures belong to.
        counted: What the exchange has counted, by its own numbers.
        unheard: Cost of requests that are over without a number for this window; they may have counted.
        in_flight: Cost of requests whose answer is still out. It stays when the window ends, for they may arrive in the
            next one.
        heard_at: Serial of the newest reservation when a request was last settled here.
    """

    limit: Limit
    window_ms: int = 0
    counted: int = 0
    unheard: int = 0
    in_flight: int = 0
    heard_at: int = 0

    def roll(self, now_ms: int) -> None:
        """Start the window in which `now_ms` lies, if it is a new one."""
        window_ms = self.window_of(now_ms)
        if window_ms > self.window_ms:
            self.window_ms, self.counted, self.unheard, self.heard_at = window_ms, 0, 0, 0

    def window_of(self, now_ms: int) -> int:
        """Start of the window in which a time lies."""
        return now_ms - now_ms % self.limit.interval_ms

    @property
    def ends_ms(self) -> int:
        """When the current window ends."""
        return self.window_ms + self.limit.interval_ms

    @property
    def used(self) -> int:
        """How full the window is at most, if everything in doubt counts."""
        return self.counted + self.unheard + self.in_flight

    def settle(self, cost: int, number: int | None, reservation: Reservation, newest: int) -> None:
        """Replace a reservation by what the exchange says of it.

        A request that was sent after all others had been settled knows of all of them, so its number stands, even where
        it is lower: fills give order counts back. Of requests that overlap, the larger number counts. A request that
        was sent in one window and answered in the next may count in either, and so may its number; it is not heard.
        """
        self.in_flight -= cost
        if number is None or self.window_of(reservation.at_ms) != self.window_ms:
            self.unheard += cost
        elif reservation.serial > self.heard_at:
            self.counted, self.unheard = number, 0
        else:
            self.counted = max(self.counted, number)
        self.heard_at = newest


@dataclass(slots=True)
class RateLedger:
    """Every limit of one IP address and account, for one process."""

    buckets: dict[str, Bucket] = field(default_factory=lambda: {limit.key: Bucket(limit) for limit in DEFAULT_LIMITS})
    holds: dict[str, Hold] = field(default_factory=dict)
    serial: int = 0

    def learn(self, limits: Iterable[Limit]) -> None:
        """Take the limits that exchangeInfo states; what was counted stays."""
        for limit in limits:
            self.buckets.setdefault(limit.key, Bucket(limit)).limit = limit

    def reserve(self, cost: Cost, call_class: CallClass, route: str, now_ms: int) -> Reservation | Wait:
        """Take the listed cost out of every bucket it touches, or say from when that is possible."""
        if hold := self._held(cost, route, now_ms):
            return Wait(hold.until_ms, hold.code, _HELD[hold.code])
        full: list[Wait] = []
        touched = self._touched(cost)
        for bucket, spent in touched:
            bucket.roll(now_ms)
            allowed = bucket.limit.most * SHARES[call_class] // 100
            if bucket.used + spent > allowed:
                why = f"{_named(bucket.limit)} is at {bucket.used} of the {allowed} that {call_class} calls may use"
                full.append(Wait(bucket.ends_ms if spent <= allowed else None, "RATE_LIMITED", why))
        if full:
            return max(full, key=lambda wait: float("inf") if wait.until_ms is None else wait.until_ms)
        for bucket, spent in touched:
            bucket.in_flight += spent
        self.serial += 1
        return Reservation(self.serial, cost, now_ms)

    def settle(self, reservation: Reservation, counts: Mapping[str, int], now_ms: int) -> None:
        """Close a reservation whose request left, with the numbers of the answer if one came."""
        for key, bucket in self.buckets.items():
            spent = reservation.cost.of(bucket.limit.type)
            if spent or key in counts:
                bucket.roll(now_ms)
                bucket.settle(spent, counts.get(key), reservation, self.serial)

    def release(self, reservation: Reservation) -> None:
        """Close a reservation whose request never left."""
        for bucket in self.buckets.values():
            bucket.in_flight -= reservation.cost.of(bucket.limit.type)

    def throttled(self, limit_type: LimitType, retry_after_ms: int | None, jitter_ms: int, now_ms: int) -> int:
        """Hold every call that touches this kind of limit, after a 429.

        Without a time from the exchange the hold lasts to the end of the shortest window, and twice as long each time
        that this was too early.

        Returns:
            Until when, in epoch milliseconds.
        """
        bucket = min(
            (bucket for bucket in self.buckets.values() if bucket.limit.type == limit_type),
            key=lambda bucket: bucket.limit.interval_ms,
        )
        strikes = self._strikes(limit_type, bucket.limit.interval_ms, now_ms)
        to_window_end = bucket.window_of(now_ms) + bucket.limit.interval_ms - now_ms
        length = to_window_end * 2 ** (strikes - 1) if retry_after_ms is None else retry_after_ms
        return self._hold(limit_type, now_ms + length + jitter_ms, "RATE_LIMITED", strikes)

    def banned(self, until_ms: int, now_ms: int) -> int:
        """Hold everything, after a 418."""
        return self._hold(EVERYTHING, max(until_ms, now_ms + BAN_AT_LEAST_MS), "BANNED", 1)

    def blocked(self, route: str, now_ms: int) -> int:
        """Hold one route, after a 403 of the firewall; longer each time."""
        strikes = self._strikes(route, BLOCK_AT_MOST_MS, now_ms)
        length = min(BLOCK_FIRST_MS * 2 ** (strikes - 1), BLOCK_AT_MOST_MS)
        return self._hold(route, now_ms + length, "WAF_BLOCKED", strikes)

    def state(self, now_ms: int) -> dict[str, list[dict[str, int | str]]]:
        """What `get_rate_limits` shows: every bucket of the current window, and every hold in force."""
        for bucket in self.buckets.values():
            bucket.roll(now_ms)
        return {
            "limits": [
                {
                    "type": bucket.limit.type,
                    "interval": _interval(bucket.limit.interval_ms),
                    "limit": bucket.limit.most,
                    "used": bucket.counted + bucket.unheard,
                    "in_flight": bucket.in_flight,
                    "resets_at_ms": bucket.ends_ms,
                }
                for bucket in self.buckets.values()
            ],
            "holds": [
                {"scope": scope, "code": hold.code, "until_ms": hold.until_ms}
                for scope, hold in self.holds.items()
                if hold.until_ms > now_ms
            ],
        }

    def held_until(self, cost: Cost, route: str, now_ms: int) -> int | None:
        """The end of the longest hold that concerns such a call, if any is in force."""
        hold = self._held(cost, route, now_ms)
        return hold.until_ms if hold else None

    def _touched(self, cost: Cost) -> list[tuple[Bucket, int]]:
        return [(bucket, spent) for bucket in self.buckets.values() if (spent := cost.of(bucket.limit.type))]

    def _held(self, cost: Cost, route: str, now_ms: int) -> Hold | None:
        scopes = {EVERYTHING, route, *(bucket.limit.type for bucket, _ in self._touched(cost))}
        held = [hold for scope, hold in self.holds.items() if scope in scopes and hold.until_ms > now_ms]
        return max(held, key=lambda hold: hold.until_ms, default=None)

    def _strikes(self, scope: str, memory_ms: int, now_ms: int) -> int:
        """How often in a row a scope was held: again within `memory_ms` of the last hold's end counts on."""
        last = self.holds.get(scope)
        if last is None or now_ms > last.until_ms + memory_ms:
            return 1
        # While the hold lasts, what comes in are the answers to requests that were already under way.
        return last.strikes + (now_ms >= last.until_ms)

    def _hold(
        self, scope: str, until_ms: int, code: Literal["RATE_LIMITED", "BANNED", "WAF_BLOCKED"], strikes: int
    ) -> int:
        last = self.holds.get(scope)
        until_ms = max(until_ms, last.until_ms) if last else until_ms
        self.holds[scope] = Hold(until_ms, code, strikes)
        return until_ms


_HELD = {
    "RATE_LIMITED": "Binance asked for a pause",
    "BANNED": "Binance has banned this IP address for a while",
    "WAF_BLOCKED": "Binance's firewall refused this kind of call just now",
}


def bucket_key(limit_type: LimitType, interval_ms: int) -> str:
    """The name of a bucket."""
    return f"{limit_type}/{interval_ms}"


WEIGHT_PER_MINUTE = bucket_key("REQUEST_WEIGHT", 60_000)


def stated_limits(rows: Iterable[tuple[str, str, int, int]]) -> list[Limit]:
    """The limits that exchangeInfo states; each protocol leaves out the ones that are the other's alone.

    Args:
        rows: `rateLimitType`, `interval`, `intervalNum` and `limit` of each.
    """
    return [Limit(kind, length_ms, most) for kind, length_ms, most in _understood(rows)]


def stated_counts(rows: Iterable[tuple[str, str, int, int]]) -> dict[str, int]:
    """What an answer of the WebSocket API says was used, by bucket.

    Args:
        rows: `rateLimitType`, `interval`, `intervalNum` and `count` of each limit that the request touched.
    """
    return {bucket_key(kind, length_ms): count for kind, length_ms, count in _understood(rows)}


def _understood(rows: Iterable[tuple[str, str, int, int]]) -> Iterator[tuple[LimitType, int, int]]:
    """The rows of the kinds that we know, with the length of their interval."""
    for stated, interval, number, figure in rows:
        for kind in get_args(LimitType):
            if kind == stated and interval in _INTERVALS_MS:
                yield kind, _INTERVALS_MS[interval] * number, figure


def counts(headers: Mapping[str, str]) -> dict[str, int]:
    """What an answer's headers say was used, by bucket. Header names are in lower case."""
    found: dict[str, int] = {}
    for name, value in headers.items():
        if (match := _COUNT_HEADER.fullmatch(name)) and value.isascii() and value.isdigit():
            kind: LimitType = "REQUEST_WEIGHT" if match[1] == "used-weight" else "ORDERS"
            found[bucket_key(kind, int(match[2]) * _LETTERS[match[3]])] = int(value)
    return found


def _named(limit: Limit) -> str:
    return f"{limit.type} per {_interval(limit.interval_ms)}"


def _interval(length_ms: int) -> str:
    """An interval as Binance's headers write it, e.g. `1M`."""
    letter, unit = next((name[0], unit) for name, unit in reversed(_INTERVALS_MS.items()) if length_ms % unit == 0)
    return f"{length_ms // unit}{letter}"
