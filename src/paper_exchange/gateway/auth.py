"""Who is calling: key, clock and signature, in the order in which Binance looks at them.

Signature present, timestamp present, key present and well formed, key known and allowed, clock, signature fits.

Source: rest-api.md#request-security, rest-api.md#timing-security, CHANGELOG.md (2024-12-09, 2025-08-12)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from paper_exchange.gateway import refusals
from paper_exchange.keys import ApiKey, KeyRing, Permission

RECV_WINDOW_MS = 5000
MAX_RECV_WINDOW_MS = 60_000

_KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
_TIMESTAMP = r"^[0-9]{1,20}$"
_RECV_WINDOW = r"^[0-9]{1,20}(\.[0-9]{1,3})?$"
_FIRST_US = 1_483_228_800_000_000
"""2017-01-01: no request is older."""
_MICROSECONDS_FROM = 10**14
"""Time values from here on are microseconds (as milliseconds they would lie in the year 5138)."""
_TOLERATED_AHEAD_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings along to prove who sent it.

    Attributes:
        api_key: As sent; None when it was not.
        payload: The bytes that were signed.
        signature: As sent; None when it was not.
        session: The key of a session that logged on before (WebSocket API); such a request needs no signature.
        percent_encoded: Whether what was signed must have been (REST, since 2026-01-15); it is ASCII then.
    """

    api_key: str | None = None
    payload: bytes = b""
    signature: str | None = None
    session: ApiKey | None = None
    percent_encoded: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """When a request is still good. `too_old` is asked again just before the engine."""

    timestamp_us: int
    recv_window_us: int

    def too_old(self, now_us: int) -> bool:
        """Whether the request took too long to get here."""
        return now_us - self.timestamp_us > self.recv_window_us

    def check(self, now_us: int) -> None:
        """Refuse a request from another time.

        Raises:
            Rejected: -1021.
        """
        if self.timestamp_us >= now_us + _TOLERATED_AHEAD_US:
            raise refusals.timestamp_ahead()
        if self.too_old(now_us) or self.timestamp_us < _FIRST_US:
            raise refusals.timestamp_too_old()


def in_microseconds(time: int) -> int:
    """A time value as sent: milliseconds, or microseconds when it is that large."""
    return time if time >= _MICROSECONDS_FROM else time * 1000


def authenticate(
    credentials: Credentials,
    sent: Mapping[str, str],
    *,
    keys: KeyRing,
    permission: Permission,
    address: str,
    now_us: int,
) -> tuple[ApiKey, Window]:
    """The key behind a signed request, and how long the request stays good.

    Raises:
        Rejected: -1102, -2014, -2015, -1100 or -1131 for unreadable times, -1021, -1022.
    """
    if credentials.session is not None:
        if not credentials.session.allows(permission, address):
            raise refusals.key_rejected()
        window = _window(sent)
        window.check(now_us)
        return credentials.session, window
    if not credentials.signature:
        raise refusals.missing("signature")
    if not sent.get("timestamp"):
        raise refusals.missing("timestamp")
    if credentials.api_key is None or not _KEY_FORMAT.fullmatch(credentials.api_key):
        raise refusals.bad_key_format()
    key = keys.find(credentials.api_key)
    if key is None or not key.allows(permission, address):
        raise refusals.key_rejected()
    window = _window(sent)
    window.check(now_us)
    is_encoded = not credentials.percent_encoded or credentials.payload.isascii()
    if not is_encoded or not key.verify(credentials.payload, credentials.signature):
        raise refusals.bad_signature()
    return key, window


def _window(sent: Mapping[str, str]) -> Window:
    timestamp = sent.get("timestamp", "")
    if not timestamp:
        raise refusals.missing("timestamp")
    if not re.fullmatch(_TIMESTAMP, timestamp):
        raise refusals.illegal_characters("timestamp", _TIMESTAMP)
    recv_window_us = RECV_WINDOW_MS * 1000
    if "recvWindow" in sent:
        recv_window_us = _recv_window_us(sent["recvWindow"])
    return Window(in_microseconds(int(timestamp)), recv_window_us)


def _recv_window_us(text: str) -> int:
    if not text:
        raise refusals.empty("recvWindow")
    if not re.fullmatch(_RECV_WINDOW, text):
        raise refusals.illegal_characters("recvWindow", _RECV_WINDOW)
    whole, _, part = text.partition(".")
    recv_window_us = int(whole) * 1000 + int(part.ljust(3, "0"))
    if recv_window_us > MAX_RECV_WINDOW_MS * 1000:
        raise refusals.recv_window_too_long(MAX_RECV_WINDOW_MS)
    return recv_window_us
