"""The rate ledger: what the exchange's limits still allow, and from when.

Each limit is a bucket whose windows are aligned to the server's clock and start empty. A call reserves its listed cost
before it is sent; the numbers in the answer say what was really used. 429, 418 and 403 hold calls back.

Pure: every method is told the time, and the state is plain values keyed by text, so that processes can share it
(`shared_ledger.py`).

Source: rest-api.md#limits, faqs/order_count_decrement.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypedDict

from binance_spot_mcp.transport.limits import DEFAULT_LIMITS, Limit, LimitType

CallClass = Literal["market", "account", "order", "urgent"]
"""Who asks. `urgent` is for cancels and for finding out what became of an order."""

SHARES: Mapping[CallClass, int] = {"market": 60, "account": 80, "order": 90, "urgent": 100}
"""Per cent of each limit that a class of calls may fill, so that reads never starve a cancel."""
CONNECTION_SHARE = 20
"""Per cent of the limit on attempts to connect that may be filled: an exchange that is down must not use it up."""

BAN_AT_LEAST_MS = 120_000
HOLD_AT_MOST_MS = 3 * 86_400_000
"""The longest ban that is documented; whatever asks for more is not Binance."""
BLOCK_FIRST_MS = 60_000
BLOCK_AT_MOST_MS = 900_000
GIVEN_UP_MS = 60_000
"""A request that is under way for longer belongs to a process that has died. No attempt lasts half as long."""
CLOCKS_DIFFER_MS = 1_000
"""A window that begins later than this from now was begun by a clock that has been set right since."""

EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Cost:
    """What an attempt is listed with.

    Attributes:
        weight: Request weight.
        orders: How many orders it may add to the unfilled ones.
        raw_requests: 1 over REST, which alone counts requests as such.
        connections: 1 for an attempt to open a socket.
        account: Whose orders: unfilled orders are counted for each account, everything else for the IP address.
    """

    weight: int
    orders: int = 0
    raw_requests: int = 1
    connections: int = 0
    account: str = ""

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
        account: Whose orders it counts; nobody's where it counts for the IP address.
    """

    limit: Limit
    window_ms: int = 0
    counted: int = 0
    unheard: int = 0
    in_flight: int = 0
    heard_at: int = 0
    account: str = ""

    def roll(self, now_ms: int) -> None:
        """Start the window in which `now_ms` lies if it is a new one, or go back to it if the clock went back."""
        window_ms = self.window_of(now_ms)
        if window_ms > self.window_ms:
            self.window_ms, self.counted, self.unheard, self.heard_at = window_ms, 0, 0, 0
        elif self.window_ms > now_ms + CLOCKS_DIFFER_MS:
            self.window_ms = window_ms

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

    def concerns(self, account: str) -> bool:
        """Whether calls for this account count here."""
        return self.limit.type != "ORDERS" or self.account == account

    def allowed(self, call_class: CallClass) -> int:
        """How far a class of calls may fill it."""
        share = CONNECTION_SHARE if self.limit.type == "CONNECTIONS" else SHARES[call_class]
        return self.limit.most * share // 100

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


class LedgerState(TypedDict):
    """What `get_rate_limits` shows.

    Attributes:
        limits: Every bucket of the current window.
        holds: What is silent, and until when.
        processes: How many processes share all this.
        trouble: Why they do not, although they should; None if all is well.
    """

    limits: list[dict[str, int | str]]
    holds: list[dict[str, int | str]]
    processes: int
    trouble: str | None


class Ledger(Protocol):
    """The rate ledger as its users see it: `RateLedger` for one process alone, `SharedLedger` for all of a machine.

    Every time is in epoch milliseconds by the exchange's clock.
    """

    def learn(self, limits: Iterable[Limit]) -> None:
        """Take the limits that exchangeInfo states; what was counted stays."""
        ...

    def reserve(self, cost: Cost, call_class: CallClass, route: str, now_ms: int) -> Reservation | Wait:
        """Take the listed cost out of every bucket it touches, or say from when that is possible."""
        ...

    def settle(self, reservation: Reservation, counts: Mapping[str, int], now_ms: int) -> None:
        """Close a reservation whose request left, with the numbers of the answer if one came."""
        ...

    def release(self, reservation: Reservation, now_ms: int) -> None:
        """Close a reservation whose request never left."""
        ...

    def throttled(
        self, limit_type: LimitType, retry_after_ms: int | None, jitter_ms: int, now_ms: int, account: str = ""
    ) -> int:
        """Hold every call that touches this kind of limit, after a 429; until when."""
        ...

    def banned(self, until_ms: int, now_ms: int) -> int:
        """Hold everything, after a 418; until when."""
        ...

    def blocked(self, route: str, now_ms: int) -> int:
        """Hold one route, after a 403 of the firewall; until when."""
        ...

    def held_until(self, cost: Cost, route: str, now_ms: int) -> int | None:
        """The end of the longest hold that concerns such a call, if any is in force."""
        ...

    def clock_moved(self, by_ms: int, now_ms: int) -> None:
        """The clock was set right by so much: what is held stays so for as long as it was to be, and counts stay."""
        ...

    def state(self, now_ms: int, account: str) -> LedgerState:
        """All of it, as far as it concerns an account."""
        ...

    def close(self) -> None:
        """Let go of whatever it is kept in."""
        ...


@dataclass(slots=True)
class RateLedger:
    """Every limit of one IP address and of the accounts behind it: the rules of a `Ledger`.

    Attributes:
        buckets: By the name of the limit, and for unfilled orders by account too. Those of nobody show which limits
            there are for orders.
        holds: By kind of limit (for orders with the account), by route, or `everything`.
        under_way: Reservations that are not closed, by serial.
        serial: The last that was given.
    """

    buckets: dict[str, Bucket] = field(default_factory=lambda: {limit.key: Bucket(limit) for limit in DEFAULT_LIMITS})
    holds: dict[str, Hold] = field(default_factory=dict)
    under_way: dict[int, Reservation] = field(default_factory=dict)
    serial: int = 0

    def learn(self, limits: Iterable[Limit]) -> None:
        """Take the limits that exchangeInfo states; what was counted stays."""
        for limit in limits:
            self.buckets.setdefault(limit.key, Bucket(limit))
            for bucket in self.buckets.values():
                if bucket.limit.key == limit.key:
                    bucket.limit = limit

    def reserve(self, cost: Cost, call_class: CallClass, route: str, now_ms: int) -> Reservation | Wait:
        """Take the listed cost out of every bucket it touches, or say from when that is possible."""
        self._give_up(now_ms)
        if hold := self._held(cost, route, now_ms):
            return Wait(hold.until_ms, hold.code, _HELD[hold.code])
        full: list[Wait] = []
        touched = self._touched(cost)
        for bucket, spent in touched:
            bucket.roll(now_ms)
            allowed = bucket.allowed(call_class)
            if bucket.used + spent > allowed:
                why = f"{bucket.limit} is at {bucket.used} of the {allowed} that {call_class} calls may use"
                full.append(Wait(bucket.ends_ms if spent <= allowed else None, "RATE_LIMITED", why))
        if full:
            return max(full, key=lambda wait: float("inf") if wait.until_ms is None else wait.until_ms)
        for bucket, spent in touched:
            bucket.in_flight += spent
        self.serial += 1
        reservation = self.under_way[self.serial] = Reservation(self.serial, cost, now_ms)
        return reservation

    def settle(self, reservation: Reservation, counts: Mapping[str, int], now_ms: int) -> None:
        """Close a reservation whose request left, with the numbers of the answer if one came.

        Of one that was given up the cost has been counted; its number can still raise a count.
        """
        there = self.under_way.pop(reservation.serial, None)
        open_still = there is not None and there.cost == reservation.cost
        taken = there if there is not None and open_still else replace(reservation, serial=0)
        for bucket in self.buckets.values():
            if not bucket.concerns(reservation.cost.account):
                continue
            spent = reservation.cost.of(bucket.limit.type) if open_still else 0
            number = counts.get(bucket.limit.key)
            if spent or number is not None:
                bucket.roll(now_ms)
                bucket.settle(spent, number, taken, self.serial)

    def release(self, reservation: Reservation, now_ms: int) -> None:
        """Close a reservation whose request never left."""
        if self.under_way.pop(reservation.serial, None) is not None:
            for bucket, spent in self._touched(reservation.cost):
                bucket.in_flight -= spent

    def throttled(
        self, limit_type: LimitType, retry_after_ms: int | None, jitter_ms: int, now_ms: int, account: str = ""
    ) -> int:
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
        scope = _scope(limit_type, account)
        strikes = self._strikes(scope, bucket.limit.interval_ms, now_ms)
        to_window_end = bucket.window_of(now_ms) + bucket.limit.interval_ms - now_ms
        length = to_window_end * 2 ** (strikes - 1) if retry_after_ms is None else retry_after_ms
        return self._hold(scope, now_ms + min(length + jitter_ms, HOLD_AT_MOST_MS), "RATE_LIMITED", strikes)

    def banned(self, until_ms: int, now_ms: int) -> int:
        """Hold everything, after a 418."""
        length = min(max(until_ms - now_ms, BAN_AT_LEAST_MS), HOLD_AT_MOST_MS)
        return self._hold(EVERYTHING, now_ms + length, "BANNED", 1)

    def blocked(self, route: str, now_ms: int) -> int:
        """Hold one route, after a 403 of the firewall; longer each time."""
        strikes = self._strikes(route, BLOCK_AT_MOST_MS, now_ms)
        length = min(BLOCK_FIRST_MS * 2 ** (strikes - 1), BLOCK_AT_MOST_MS)
        return self._hold(route, now_ms + length, "WAF_BLOCKED", strikes)

    def held_until(self, cost: Cost, route: str, now_ms: int) -> int | None:
        """The end of the longest hold that concerns such a call, if any is in force."""
        hold = self._held(cost, route, now_ms)
        return hold.until_ms if hold else None

    def clock_moved(self, by_ms: int, now_ms: int) -> None:
        """The clock was set right by so much: what is held stays so for as long as it was to be, and counts stay."""
        if abs(by_ms) > CLOCKS_DIFFER_MS:
            for bucket in self.buckets.values():
                if bucket.window_ms == bucket.window_of(now_ms - by_ms):
                    bucket.window_ms = bucket.window_of(now_ms)
        for hold in self.holds.values():
            hold.until_ms += by_ms
        self.under_way = {
            serial: replace(reservation, at_ms=reservation.at_ms + by_ms)
            for serial, reservation in self.under_way.items()
        }

    def state(self, now_ms: int, account: str) -> LedgerState:
        """All of it, as far as it concerns an account."""
        self._give_up(now_ms)
        buckets = [bucket for bucket, _ in self._touched(Cost(1, 1, 1, 1, account))]
        for bucket in buckets:
            bucket.roll(now_ms)
        return {
            "limits": [
                {
                    "type": bucket.limit.type,
                    "interval": bucket.limit.interval,
                    "limit": bucket.limit.most,
                    "used": bucket.counted + bucket.unheard,
                    "in_flight": bucket.in_flight,
                    "resets_at_ms": bucket.ends_ms,
                }
                for bucket in buckets
            ],
            "holds": [
                {"scope": shown, "code": hold.code, "until_ms": hold.until_ms}
                for scope, hold in self.holds.items()
                if hold.until_ms > now_ms and (shown := _shown(scope, account))
            ],
            "processes": 1,
            "trouble": None,
        }

    def tidy(self, now_ms: int) -> None:
        """Forget what no longer says anything: holds long over, and accounts that count nothing."""
        self._give_up(now_ms)
        self.holds = {scope: hold for scope, hold in self.holds.items() if hold.until_ms + BLOCK_AT_MOST_MS > now_ms}
        self.buckets = {
            key: bucket
            for key, bucket in self.buckets.items()
            if not bucket.account or bucket.in_flight or bucket.ends_ms > now_ms
        }

    def close(self) -> None:
        """Nothing holds it."""

    def _give_up(self, now_ms: int) -> None:
        """Take requests that can no longer arrive for sent: whoever was to close them has died."""
        for reservation in tuple(self.under_way.values()):
            if now_ms - reservation.at_ms <= GIVEN_UP_MS:
                return  # they stand in the order of their times
            self.settle(reservation, {}, now_ms)

    def _touched(self, cost: Cost) -> list[tuple[Bucket, int]]:
        if cost.orders and cost.account:
            for bucket in [each for each in self.buckets.values() if each.limit.type == "ORDERS" and not each.account]:
                self.buckets.setdefault(
                    f"{bucket.limit.key}/{cost.account}", Bucket(bucket.limit, account=cost.account)
                )
        return [
            (bucket, spent)
            for bucket in self.buckets.values()
            if (spent := cost.of(bucket.limit.type)) and bucket.concerns(cost.account)
        ]

    def _held(self, cost: Cost, route: str, now_ms: int) -> Hold | None:
        if not self.holds:
            return None
        scopes = {EVERYTHING, route, *(_scope(bucket.limit.type, cost.account) for bucket, _ in self._touched(cost))}
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


def _scope(limit_type: LimitType, account: str) -> str:
    """What a 429 about a kind of limit holds: unfilled orders of an account, or the whole IP address."""
    return f"ORDERS/{account}" if limit_type == "ORDERS" and account else limit_type


def _shown(scope: str, account: str) -> str | None:
    """How a hold is called where it is shown to an account; None if it is another one's."""
    if scope == _scope("ORDERS", account):
        return "ORDERS"
    return None if scope.startswith("ORDERS/") else scope
