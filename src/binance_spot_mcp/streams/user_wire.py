"""A connection to the WebSocket API for the user data stream alone.

An Ed25519 key logs the session on and subscribes with it; any other key signs the subscription itself.

Source: web-socket-api.md#user-data-stream-subscription, user-data-stream.md
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import msgspec

from binance_spot_mcp.catalogue.user_events import USER
from binance_spot_mcp.streams.timing import Timing
from binance_spot_mcp.streams.wire import Owner, Wire
from binance_spot_mcp.transport.ledger import Reservation

SHUTDOWN = "!serverShutdown"
_LOG_ON, _SUBSCRIBE = "session.logon", "userDataStream.subscribe"
_SUBSCRIBE_SIGNED, _LIST = "userDataStream.subscribe.signature", "session.subscriptions"

Params = Mapping[str, str | int]
_NOTHING = msgspec.Raw()


class Turns(Protocol):
    """What the exchange's limits allow to be sent."""

    def take(self) -> Reservation | None:
        """Leave to send one request; None if that is not possible now."""
        ...

    def answered(self, turn: Reservation, answer: bytes) -> None:
        """The request was answered."""
        ...

    def lost(self, turn: Reservation) -> None:
        """It was sent and will not be answered any more."""
        ...

    def unused(self, turn: Reservation) -> None:
        """It was not sent."""
        ...


class Login(Protocol):
    """The key of an account."""

    @property
    def turns(self) -> Turns:
        """Leave to send."""
        ...

    @property
    def logs_on(self) -> bool:
        """Whether the key can log a session on."""
        ...

    def signed(self) -> Params:
        """Parameters that show the key and are signed with it, stamped now."""
        ...

    def rejected(self, code: int | None, why: str) -> None:
        """The exchange did not take them."""
        ...


class _Subscribed(msgspec.Struct, frozen=True, rename="camel"):
    subscription_id: int | None = None


class _Error(msgspec.Struct, frozen=True):
    code: int | None = None
    msg: str = ""


class _Message(msgspec.Struct, frozen=True, gc=False):
    """Whatever comes in: an event of an account, one of the connection, or an answer."""

    subscriptionId: int | None = None  # noqa: N815  # the wire's name
    event: msgspec.Raw = _NOTHING
    id: str | None = None
    status: int = 200
    result: msgspec.Raw = _NOTHING
    error: _Error | None = None


class _Head(msgspec.Struct, frozen=True, gc=False):
    e: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    id: str
    method: str
    at_ns: int
    turn: Reservation


_decode = msgspec.json.Decoder(_Message).decode
_decode_head = msgspec.json.Decoder(_Head).decode


class UserWire(Wire):
    """One connection that carries the user data stream of one account."""

    def __init__(self, login: Login, owner: Owner, timing: Timing, now_ns: Callable[[], int], *, waiting: bool) -> None:
        super().__init__(owner, timing, now_ns, waiting=waiting)
        self._login = login
        self._asked: _Asked | None = None
        self._ids = count(1)
        self._logged_on = False
        self._subscription: int | None = None

    def audit(self, now_ns: int) -> None:
        """Ask which subscriptions there are."""
        self._ask(_LIST, {}, now_ns)

    def _reconcile(self, wanted: set[str], now_ns: int) -> None:
        if self._asked is not None or not wanted - self.carried - self._refused:
            return
        if not self._login.logs_on:
            self._ask(_SUBSCRIBE_SIGNED, self._login.signed(), now_ns)
        elif self._logged_on:
            self._ask(_SUBSCRIBE, {}, now_ns)
        else:
            self._ask(_LOG_ON, self._login.signed(), now_ns)

    def _ask(self, method: str, params: Params, now_ns: int) -> None:
        turns = self._login.turns
        if self._asked is not None or (turn := turns.take()) is None:
            return
        asked = _Asked(f"user-{next(self._ids)}", method, now_ns, turn)
        if self._send({"id": asked.id, "method": method, **({"params": params} if params else {})}, now_ns):
            self._asked = asked
        else:
            turns.unused(turn)

    def _unanswered(self, before_ns: int) -> str | None:
        return self._asked.method if self._asked is not None and self._asked.at_ns < before_ns else None

    def _read(self, message: bytes, now_ns: int) -> None:
        decoded = _decode(message)
        if len(decoded.event):
            self._event(decoded.event, decoded.subscriptionId, now_ns)
        elif self._asked is not None and decoded.id == self._asked.id:
            asked, self._asked = self._asked, None
            self._login.turns.answered(asked.turn, message)
            self._answered(asked.method, decoded, now_ns)
        elif decoded.error is not None:
            self._turned_away(decoded.error)

    def ended(self, why: str) -> None:
        """The connection is over, and with it what was asked for."""
        if self._asked is not None:
            self._login.turns.lost(self._asked.turn)
            self._asked = None
        super().ended(why)

    def _event(self, event: msgspec.Raw, subscription: int | None, now_ns: int) -> None:
        kind = _decode_head(event).e
        if kind == "serverShutdown":
            self._pass_on(SHUTDOWN, event, now_ns)
        elif kind == "eventStreamTerminated":
            if subscription == self._subscription:
                self._carries_only(set(), now_ns)
        elif subscription is None or subscription == self._subscription:
            self._pass_on(USER, event, now_ns)

    def _answered(self, method: str, answer: _Message, now_ns: int) -> None:
        if answer.error is not None:
            self._turned_away(answer.error)
            return
        if method == _LOG_ON:
            self._logged_on = True
            self._reconcile({USER}, now_ns)
        elif method == _LIST:
            listed = msgspec.json.decode(answer.result, type=list[_Subscribed])
            there = {each.subscription_id for each in listed}
            self._carries_only({USER} & self.carried if self._subscription in there else set(), now_ns)
        else:
            self._subscription = msgspec.json.decode(answer.result, type=_Subscribed).subscription_id
            self._carries_also((USER,))

    def _turned_away(self, error: _Error) -> None:
        """The key was refused, at once or after a while; the connection is of no use."""
        why = f"Binance refused the user data stream: {error.msg} ({error.code})"
        self._login.rejected(error.code, why)
        self._owner.refused(self, USER, why)
        self.close(why)
