"""One WebSocket API session: who is logged on, which accounts it hears of, and its answers.

Source: web-socket-api.md#session-authentication, #user-data-stream-subscription, #response-format
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

from paper_exchange.gateway import refusals
from paper_exchange.gateway.api import Api, Reply, Request
from paper_exchange.gateway.auth import Credentials
from paper_exchange.gateway.endpoint import Answer, Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import Arguments, whole
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import Json
from paper_exchange.gateway.ws_api import user_events
from paper_exchange.gateway.ws_api.methods import METHODS
from paper_exchange.gateway.ws_api.requests import NO_ID, Unreadable, WsRequest, read
from paper_exchange.gateway.ws_api.user_data import UserData
from paper_exchange.keys import ApiKey
from paper_exchange.market.wire import TimeUnit, stamp

MAX_ACTIVE: Final = 1000
MAX_EVER: Final = 65_535
"""User data streams of one session, at a time and in all."""

_SUBSCRIPTION_ID = whole("subscriptionId")
_WEIGHT: Final = 2

_ALWAYS_SIGNED: Final = frozenset({"session.logon", "userDataStream.subscribe.signature"})
"""Methods that a logon does not spare the signature."""

_NO_ENDPOINT: Final = Endpoint(route="", answer=lambda *_: None)
"""Stands for what is not there: asking for it has its price, too."""

_encode = msgspec.json.Encoder().encode


class Subscription(Struct, frozen=True):
    """A user data stream of a session; `of_logon` ends with the logon."""

    account: int
    of_logon: bool


class Answered(NamedTuple):
    """The answer to a request, to be sent after whatever the request has caused."""

    status: int
    message: bytes


class Session:
    """What one connection knows of its client.

    Args:
        post: Sends one event.
        returns_rate_limits: Whether answers carry `rateLimits` unless a request says otherwise.
    """

    def __init__(
        self,
        api: Api,
        user_data: UserData,
        post: Callable[[bytes], None],
        *,
        address: str,
        unit: TimeUnit = "MILLISECOND",
        returns_rate_limits: bool = True,
    ) -> None:
        self.unit = unit
        self._api = api
        self._user_data = user_data
        self._post = post
        self._address = address
        self._returns_rate_limits = returns_rate_limits
        self._connected_us = api.venue.exchange.now_us()
        self._key: ApiKey | None = None
        self._authorized_us: int | None = None
        self._subscriptions: dict[int, Subscription] = {}
        self._next_id = 0

    def close(self) -> None:
        """Hear of nothing any more."""
        for subscription in self._subscriptions.values():
            self._user_data.unsubscribe(subscription.account, self)
        self._subscriptions.clear()

    @property
    def account(self) -> int | None:
        """Whose key is logged on."""
        return None if self._key is None else self._key.account

    @property
    def accounts(self) -> set[int]:
        """Whose events it hears."""
        return {subscription.account for subscription in self._subscriptions.values()}

    # Requests

    def answer(self, frame: bytes) -> Answered:
        """Do what a frame asks."""
        try:
            request = read(frame)
        except Unreadable as unreadable:
            return self.turn_down(unreadable)
        return self.carry_out(request)

    def turn_down(self, unreadable: Unreadable) -> Answered:
        """Answer a frame that is no request."""
        error = unreadable.rejected
        return self._answered(unreadable.id, Reply(error.status, error.body), returns_rate_limits=False)

    def carry_out(self, request: WsRequest) -> Answered:
        """Do what a request asks."""
        if self._key is not None and self._api.venue.exchange.keys.find(self._key.api_key) is not self._key:
            self._log_out()
            error = refusals.key_rejected()
            return self._answered(NO_ID, Reply(error.status, error.body), returns_rate_limits=False)
        reply = self._handle(request)
        returns = request.returns_rate_limits
        return self._answered(
            request.id, reply, returns_rate_limits=self._returns_rate_limits if returns is None else returns
        )

    def _handle(self, request: WsRequest) -> Reply:
        endpoint = self._endpoint(request)
        if endpoint is None:
            unknown = Rejected(-1020, "This operation is not supported.")
            return self._api.turn_down(_NO_ENDPOINT, unknown, self._address, raw_requests=0)
        if request.api_key is None and request.signature is None and request.method not in _ALWAYS_SIGNED:
            credentials = Credentials(session=self._key)
        else:
            credentials = Credentials(request.api_key, request.payload, request.signature, percent_encoded=False)
        return self._api.handle(endpoint, Request(request.sent, credentials, self._address, self.unit, raw_requests=0))

    def _endpoint(self, request: WsRequest) -> Endpoint | None:
        """The method as an endpoint, None when there is no such method.

        The endpoints of the session itself exist for one request only.
        """
        method = request.method
        if method in METHODS:
            return METHODS[method]
        answer: Answer
        match method:
            case "session.logon":
                answer = partial(self._logon, request.api_key or "")
            case "session.status":
                answer = self._status
            case "session.logout":
                answer = self._logout
            case "session.subscriptions":
                answer = self._list_subscriptions
            case "userDataStream.subscribe":
                answer = self._subscribe_session
            case "userDataStream.subscribe.signature":
                answer = self._subscribe_signature
            case "userDataStream.unsubscribe":
                answer = self._unsubscribe
            case _:
                return None
        return Endpoint(
            route=method,
            answer=answer,
            parameters=(_SUBSCRIPTION_ID,) if method == "userDataStream.unsubscribe" else (),
            security="USER_DATA" if method in _ALWAYS_SIGNED else "NONE",
            weight=_WEIGHT,
        )

    def _answered(self, request_id: bytes, reply: Reply, *, returns_rate_limits: bool) -> Answered:
        envelope: Json = {"id": Raw(request_id), "status": reply.status}
        if reply.status == 200:
            envelope["result"] = reply.payload
        else:
            envelope["error"] = reply.payload
            if reply.retry_at_us is not None:
                now_us = self._api.venue.exchange.now_us()
                when = {"serverTime": stamp(now_us, self.unit), "retryAfter": stamp(reply.retry_at_us, self.unit)}
                envelope["error"] = {**reply.payload, "data": reply.payload.get("data", when)}
        if returns_rate_limits:
            envelope["rateLimits"] = self._rate_limits(reply)
        return Answered(reply.status, _encode(envelope))

    def _rate_limits(self, reply: Reply) -> list[dict[str, object]]:
        """The limits that a request touched. Source: web-socket-api.md#general-information-on-rate-limits"""
        limits, now_us = self._api.venue.limits, self._api.venue.exchange.now_us()
        weight = limits.address(self._address).weight
        orders = [] if reply.account is None else limits.account(reply.account).rows(now_us)
        return [*orders, {**weight.limit.row, "count": weight.count(now_us)}]

    # Logon

    def _logon(self, api_key: str, venue: Venue, _: Arguments, __: Caller) -> Json:
        key = venue.exchange.keys.find(api_key)
        if key is None:
            raise refusals.key_rejected()
        if key.kind != "Ed25519":
            kind = "HMAC_SHA256" if key.kind == "HMAC" else key.kind
            raise Rejected(-4056, f"{kind} API key is not supported.")
        self._key, self._authorized_us = key, venue.exchange.now_us()
        return self._shown()

    def _status(self, _: Venue, __: Arguments, ___: Caller) -> Json:
        return self._shown()

    def _logout(self, _: Venue, __: Arguments, ___: Caller) -> Json:
        self._log_out()
        return self._shown()

    def _log_out(self) -> None:
        self._key = self._authorized_us = None
        for subscription_id in [number for number, each in self._subscriptions.items() if each.of_logon]:
            self._end(subscription_id)

    def _shown(self) -> Json:
        return {
            "apiKey": None if self._key is None else self._key.api_key,
            "authorizedSince": None if self._authorized_us is None else stamp(self._authorized_us, self.unit),
            "connectedSince": stamp(self._connected_us, self.unit),
            "returnRateLimits": self._returns_rate_limits,
            "serverTime": stamp(self._api.venue.exchange.now_us(), self.unit),
            "userDataStream": bool(self._subscriptions),
        }

    # User data streams

    def _subscribe_session(self, _: Venue, __: Arguments, ___: Caller) -> Json:
        if self._key is None:
            raise Rejected(-1193, "WebSocket session not authenticated. Recommendation: use 'session.logon'")
        if not self._key.allows("USER_DATA", self._address):
            raise refusals.key_rejected()
        return self._start(self._key.account, of_logon=True)

    def _subscribe_signature(self, _: Venue, __: Arguments, caller: Caller) -> Json:
        return self._start(caller.account, of_logon=False)

    def _start(self, account: int, *, of_logon: bool) -> Json:
        if any(each.account == account for each in self._subscriptions.values()):
            raise Rejected(-2035, "User Data Stream subscription already active.")
        if len(self._subscriptions) >= MAX_ACTIVE or self._next_id >= MAX_EVER:
            raise Rejected(-2042, "Maximum subscription ID reached for this connection.")
        subscription_id = self._next_id
        self._next_id += 1
        self._subscriptions[subscription_id] = Subscription(account, of_logon)
        self._user_data.subscribe(account, self)
        return {"subscriptionId": subscription_id}

    def _unsubscribe(self, _: Venue, arguments: Arguments, __: Caller) -> Json:
        one = arguments.get(_SUBSCRIPTION_ID)
        ended = list(self._subscriptions) if one is None else [one]
        if not self._subscriptions.keys() >= set(ended) or not ended:
            raise Rejected(-2036, "User Data Stream subscription not active.")
        for subscription_id in ended:
            self._end(subscription_id)
        return {}

    def _list_subscriptions(self, _: Venue, __: Arguments, ___: Caller) -> list[Json]:
        return [{"subscriptionId": subscription_id} for subscription_id in self._subscriptions]

    def _end(self, subscription_id: int) -> None:
        subscription = self._subscriptions.pop(subscription_id)
        self._user_data.unsubscribe(subscription.account, self)
        now_us = self._api.venue.exchange.now_us()
        self._post_event(subscription_id, _encode(user_events.stream_terminated(now_us, self.unit)))

    def deliver(self, account: int, event: bytes) -> None:
        """Pass on the JSON of an event of an account."""
        for subscription_id, subscription in self._subscriptions.items():
            if subscription.account == account:
                self._post_event(subscription_id, event)

    def _post_event(self, subscription_id: int, event: bytes) -> None:
        self._post(b'{"subscriptionId":%d,"event":%b}' % (subscription_id, event))
