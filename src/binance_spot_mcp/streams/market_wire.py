"""A connection for market streams: SUBSCRIBE, UNSUBSCRIBE, and the streams that come.

Source: web-socket-streams.md#live-subscribingunsubscribing-to-streams
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, islice
from typing import Literal

import msgspec

from binance_spot_mcp.streams.timing import Timing
from binance_spot_mcp.streams.wire import Owner, Wire

Method = Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"]


class _Message(msgspec.Struct, frozen=True, gc=False):
    """Whatever comes in: an event of a stream, or an answer."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    id: int | None = None
    result: list[str] | None = None
    code: int | None = None
    msg: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    method: Method
    names: tuple[str, ...]
    at_ns: int


_decode = msgspec.json.Decoder(_Message).decode


class MarketWire(Wire):
    """One connection to the combined streams."""

    def __init__(self, owner: Owner, timing: Timing, now_ns: Callable[[], int], *, waiting: bool) -> None:
        super().__init__(owner, timing, now_ns, waiting=waiting)
        self._asked: dict[int, _Asked] = {}
        self._alone: set[str] = set()
        self._ids = count(1)

    def audit(self, now_ns: int) -> None:
        """Ask which streams there are."""
        if not any(asked.method == "LIST_SUBSCRIPTIONS" for asked in self._asked.values()):
            self._ask("LIST_SUBSCRIPTIONS", (), now_ns)

    def _reconcile(self, wanted: set[str], now_ns: int) -> None:
        under_way = {name for asked in self._asked.values() for name in asked.names}
        surplus = self.carried - wanted - under_way
        missing = wanted - self.carried - under_way - self._refused
        while surplus and (batch := self._batch(surplus)) and self._ask("UNSUBSCRIBE", batch, now_ns):
            surplus.difference_update(batch)
        while missing and (batch := self._batch(missing)) and self._ask("SUBSCRIBE", batch, now_ns):
            missing.difference_update(batch)

    def _batch(self, names: set[str]) -> tuple[str, ...]:
        together = sorted(names - self._alone)
        return tuple(islice(together, self._timing.batch)) if together else (min(names),)

    def _ask(self, method: Method, names: tuple[str, ...], now_ns: int) -> bool:
        number = next(self._ids)
        params = {"params": names} if names else {}
        if not self._send({"method": method, **params, "id": number}, now_ns):
            return False
        self._asked[number] = _Asked(method, names, now_ns)
        return True

    def _unanswered(self, before_ns: int) -> str | None:
        # Whoever speaks all the time is there, and may be late to say what it carries.
        speaks = self.heard_ns >= before_ns
        overdue = (asked.method for asked in self._asked.values() if asked.at_ns < before_ns)
        return next((method for method in overdue if not (speaks and method == "LIST_SUBSCRIPTIONS")), None)

    def _read(self, message: bytes, now_ns: int) -> None:
        decoded = _decode(message)
        if decoded.stream is None:
            self._answered(decoded, now_ns)
        else:
            self._pass_on(decoded.stream, decoded.data, now_ns)

    def _answered(self, answer: _Message, now_ns: int) -> None:
        number = answer.id if answer.id is not None else next(iter(self._asked), None)
        asked = self._asked.pop(number, None) if number is not None else None
        if asked is None:
            return
        if answer.code is not None:
            self._not_taken(asked, answer.msg)
        elif asked.method == "LIST_SUBSCRIPTIONS":
            self._carries_only(set(answer.result or ()), now_ns)
        elif asked.method == "UNSUBSCRIBE":
            self.carried.difference_update(asked.names)
        else:
            self._carries_also(asked.names)

    def _not_taken(self, asked: _Asked, why: str) -> None:
        """A refusal does not say which of several names it is about, so each is then asked for alone."""
        if asked.method != "SUBSCRIBE":
            self.carried.difference_update(asked.names)
        elif len(asked.names) > 1:
            self._alone.update(asked.names)
        else:
            self._refused.update(asked.names)
            self._owner.refused(self, asked.names[0], why)
