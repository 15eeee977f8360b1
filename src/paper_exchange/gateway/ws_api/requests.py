"""What a frame on the WebSocket API says, before anybody looks at its meaning.

Source: web-socket-api.md#request-format, #signed-request-security
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from paper_exchange.gateway.refusals import Rejected

NO_ID: Final = b"null"

_TEXT_ID = re.compile(r"[a-zA-Z0-9-_]{1,36}")
_VERSION: Final = "v3/"
_OWN: Final = frozenset({"apiKey", "signature", "returnRateLimits"})
"""Parameters that are no business of the method."""

_members = msgspec.json.Decoder(dict[str, Raw])
_value: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class WsRequest(Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        id: JSON, as sent.
        method: Without its version.
        sent: The method's parameters as text; what is null was not sent.
        payload: What a signature covers: every parameter but the signature itself, by name, unencoded.
        returns_rate_limits: None when the request does not say.
    """

    id: bytes
    method: str
    sent: dict[str, str]
    payload: bytes
    api_key: str | None
    signature: str | None
    returns_rate_limits: bool | None


class Unreadable(Exception):
    """A frame that is no request; `rejected` says why, `id` is the JSON of its id if that could be read."""

    def __init__(self, rejected: Rejected, request_id: bytes = NO_ID) -> None:
        super().__init__(rejected)
        self.rejected = rejected
        self.id = request_id


def read(frame: bytes) -> WsRequest:
    """Take a frame apart.

    Raises:
        Unreadable: -1135.
    """
    try:
        return _read(_members.decode(frame))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable(Rejected(-1135, "Invalid JSON Request")) from None


def _read(members: dict[str, Raw]) -> WsRequest:
    request_id = _id(members)
    method = _value.decode(members["method"]) if "method" in members else None
    if not isinstance(method, str):
        raise Unreadable(_invalid("method", "a string"), request_id)
    texts = _params(members, request_id)
    sent = {name: text for name, text in texts.items() if text is not None}
    signature = sent.get("signature")
    returns = sent.get("returnRateLimits")
    return WsRequest(
        id=request_id,
        method=method.removeprefix(_VERSION),
        sent={name: text for name, text in sent.items() if name not in _OWN},
        payload=_payload(texts),
        api_key=sent.get("apiKey"),
        signature=signature,
        returns_rate_limits=None if returns is None else returns == "true",
    )


def _id(members: dict[str, Raw]) -> bytes:
    raw = members.get("id")
    value = ... if raw is None else _value.decode(raw)
    if raw is None or not (
        value is None or type(value) is int or (isinstance(value, str) and _TEXT_ID.fullmatch(value))
    ):
        raise Unreadable(_invalid("id", "an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null"))
    return bytes(raw)


def _params(members: dict[str, Raw], request_id: bytes) -> dict[str, str | None]:
    raw = members.get("params")
    if raw is None:
        return {}
    try:
        params = _members.decode(raw)
    except msgspec.DecodeError:
        raise Unreadable(_invalid("params", "an object"), request_id) from None
    return {name: _text(value) for name, value in params.items()}


def _text(raw: Raw) -> str | None:
    """A value as a REST client would have sent it: strings without quotes, everything else as serialised."""
    text = bytes(raw).decode()
    if text.startswith('"'):
        return str(_value.decode(raw))
    return None if text == "null" else text


def _payload(texts: dict[str, str | None]) -> bytes:
    named = (f"{name}={texts[name]}" for name in sorted(texts) if name != "signature" and texts[name] is not None)
    return "&".join(named).encode()


def _invalid(member: str, expected: str) -> Rejected:
    return Rejected(-1135, f"Invalid '{member}' in JSON request; expected {expected}.")
