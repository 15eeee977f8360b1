"""One request from end to end, whichever protocol brought it.

Weight, key, clock, signature, parameters, quota, clock again, engine: the order in which Binance refuses
(the head of it was observed, the rest is not published).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paper_exchange.engine.refusal import Refusal
from paper_exchange.gateway import refusals
from paper_exchange.gateway.auth import Credentials, Window, authenticate
from paper_exchange.gateway.endpoint import Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import Arguments, read_all
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.market.wire import TimeUnit

_log = logging.getLogger(__name__)

_SIGNED = frozenset({"timestamp", "recvWindow"})
_UNSIGNED: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """A request, stripped of its protocol.

    Attributes:
        sent: Parameters by name, as text, without signature (and without apiKey on the WebSocket API).
        address: The IP address it came from.
        raw_requests: How much it counts against the limit on requests, which REST alone has.
        unit: Of the times in answers,  in the unit the caller asked for.
    """

    sent: Mapping[str, str]
    credentials: Credentials
    address: str
    unit: TimeUnit = "MILLISECOND"
    raw_requests: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, still without its protocol.

    Attributes:
        account: Whose unfilled orders the call was about, None when it was to place none.
        retry_at_us: When a limit lets the caller in again.
    """

    status: int
    payload: Any
    account: int | None = None
    retry_at_us: int | None = None


class Api:
    """Answers requests to endpoints."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    def handle(self, endpoint: Endpoint, request: Request) -> Reply:
        """Answer one request; what is refused is an answer too."""
        now_us = self.venue.exchange.now_us()
        address = self.venue.limits.address(request.address)
        weight = endpoint.cost(request.sent)
        try:
            address.charge(weight, now_us, raw_requests=request.raw_requests)
            reply = self._answer(endpoint, request, now_us)
        except Rejected as error:
            return _refused(error)
        except Refusal as refusal:
            return _refused(refusals.rejected(refusal))
        except Exception:  # noqa: BLE001 - the boundary: a defect here must not end the connection
            _log.exception("%s failed", endpoint.route)
            return _refused(refusals.unknown_error())
        if endpoint.free_on_success and reply.status == 200:
            address.give_back(weight, now_us)
        return reply

    def turn_down(self, endpoint: Endpoint, error: Rejected, address: str, *, raw_requests: int = 1) -> Reply:
        """Answer a request whose protocol part was refused already; it costs weight all the same."""
        limits, now_us = self.venue.limits.address(address), self.venue.exchange.now_us()
        try:
            limits.charge(endpoint.cost({}), now_us, raw_requests=raw_requests)
        except Rejected as limit:
            error = limit
        return _refused(error)

    def _answer(self, endpoint: Endpoint, request: Request, now_us: int) -> Reply:
        if endpoint.security == "NONE":
            arguments = _read(endpoint, request.sent, _UNSIGNED)
            return Reply(200, endpoint.answer(self.venue, arguments, Caller(unit=request.unit)))
        key, window = authenticate(
            request.credentials,
            request.sent,
            keys=self.venue.exchange.keys,
            permission=endpoint.security,
            address=request.address,
            now_us=now_us,
        )
        arguments = _read(endpoint, request.sent, _SIGNED)
        if not endpoint.orders:
            return Reply(200, endpoint.answer(self.venue, arguments, Caller(key.account, request.unit)))
        return self._place(endpoint, arguments, key.account, request.unit, window)

    def _place(self, endpoint: Endpoint, arguments: Arguments, account: int, unit: TimeUnit, window: Window) -> Reply:
        now_us = self.venue.exchange.now_us()
        quota = self.venue.limits.account(account)
        over_quota = quota.over(endpoint.orders, now_us)
        if over_quota is not None and not endpoint.survives_quota(arguments):
            return _refused(over_quota, account)
        quota.add(endpoint.orders, now_us)
        if window.too_old(now_us):
            return _refused(refusals.timestamp_too_old(), account)
        try:
            payload = endpoint.answer(self.venue, arguments, Caller(account, unit, over_quota))
        except (Refusal, Rejected) as error:
            refused = error if isinstance(error, Rejected) else refusals.rejected(error)
            if not refused.counts_as_orders:
                quota.add(-endpoint.orders, now_us)
            return _refused(refused, account)
        return Reply(200, payload, account=account)


def _refused(error: Rejected, account: int | None = None) -> Reply:
    return Reply(error.status, error.body, account=account, retry_at_us=error.retry_at_us)


def _read(endpoint: Endpoint, sent: Mapping[str, str], read_already: frozenset[str]) -> Arguments:
    arguments = read_all(endpoint.parameters, sent, read_already)
    for rule in endpoint.rules:
        rule(arguments)
    return arguments
