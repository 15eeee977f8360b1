"""What a client may say on a stream connection, and the answers it gets.

Source: web-socket-streams.md#live-subscribingunsubscribing-to-streams
"""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, Final, NoReturn, Protocol

import msgspec

MAX_STREAMS: Final = 1024
"""Streams of one connection. Source: web-socket-streams.md#websocket-limits"""
TOO_MANY_STREAMS: Final = (2, "Invalid request: too many streams")
"""Code and text of the refusal of one more. Not documented."""

_METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_INT64: Final = range(-(2**63), 2**63)
_TEXT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_STREAM_NAME = re.compile(r"[^\s/\ud800-\udfff]+")
"""Half a surrogate pair can be escaped in JSON, and written in no answer."""
_METHOD_MEMBER = re.compile(r'"method"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[^,}\s]+)')


class Subscriptions(Protocol):
    """What control messages read and change: the subscriptions of one connection."""

    combined: bool

    @property
    def names(self) -> Collection[str]:
        """The streams subscribed to, oldest first."""
        ...

    def subscribe(self, names: Iterable[str]) -> None:
        """Add streams; those that are there already stay."""
        ...

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Drop streams; those that are not there are passed over."""
        ...


class _Refused(Exception):
    """A control message that is answered with an error."""

    def __init__(self, code: int, msg: str, **more: object) -> None:
        super().__init__(code, msg)
        self.body = {"code": code, "msg": msg.encode(errors="replace").decode(), **more}


def answer(text: str, subscriptions: Subscriptions) -> bytes:
    """Do what a control message asks; returns the answer's JSON."""
    try:
        request = _read(text)
        message_id = _id(request)
        body = {"result": _run(request, message_id, subscriptions), "id": message_id}
    except _Refused as refused:
        body = refused.body
    return msgspec.json.encode(body)


def _read(text: str) -> dict[str, Any]:
    try:
        request = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _Refused(3, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise _Refused(3, f"Invalid JSON: expected value at {_position(text, len(text))}") from None
    if not isinstance(request, dict) or "method" not in request:
        raise _Refused(2, f"Invalid request: missing field `method` at {_position(text, len(text))}")
    method = request["method"]
    if method not in _METHODS:
        expected = ", ".join(f"`{known}`" for known in _METHODS)
        member = _METHOD_MEMBER.search(text)
        where = _position(text, member.end() if member else len(text))
        raise _Refused(2, f"Invalid request: unknown variant `{method}`, expected one of {expected} at {where}")
    return request


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity are JavaScript, not JSON."""
    raise json.JSONDecodeError(name, name, 0)


def _position(text: str, end: int) -> str:
    """Where reading stopped, as Binance's parser counts: both from 1, columns in characters."""
    line_start = text.rfind("\n", 0, end) + 1
    return f"line {text.count(chr(10), 0, end) + 1} column {end - line_start}"


def _id(request: dict[str, Any]) -> int | str | None:
    message_id = request.get("id", ...)
    if message_id is None or (type(message_id) is int and message_id in _INT64):
        return message_id
    if isinstance(message_id, str) and _TEXT_ID.fullmatch(message_id):
        return message_id
    raise _Refused(2, "Invalid request: request ID must be an unsigned integer")


def _run(request: dict[str, Any], message_id: int | str | None, subscriptions: Subscriptions) -> object:
    params = request.get("params")
    match request["method"]:
        case "SUBSCRIBE":
            names = _names(params)
            if len({*subscriptions.names, *names}) > MAX_STREAMS:
                raise _Refused(*TOO_MANY_STREAMS)
            subscriptions.subscribe(names)
            return None
        case "UNSUBSCRIBE":
            subscriptions.unsubscribe(_names(params))
            return None
        case "LIST_SUBSCRIPTIONS":
            if params:
                raise _Refused(2, "Invalid request: too many parameters")
            return list(subscriptions.names)
        case "SET_PROPERTY":
            value = _property(params, message_id, arguments=2)
            if not isinstance(value, bool):
                raise _Refused(1, "Invalid value type: expected Boolean")
            subscriptions.combined = value
            return None
        case _:
            _property(params, message_id, arguments=1)
            return subscriptions.combined


def _names(params: object) -> list[str]:
    if not isinstance(params, list) or not all(
        isinstance(name, str) and _STREAM_NAME.fullmatch(name) for name in params
    ):
        raise _Refused(2, "Invalid request: invalid stream")
    return params


def _property(params: object, message_id: int | str | None, *, arguments: int) -> object:
    """Check that `params` name the one property there is; returns what stands behind the name."""
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise _Refused(2, "Invalid request: property name must be a string")
    if len(params) > arguments:
        raise _Refused(2, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise _Refused(0, "Unknown property", id=message_id)
    return params[1] if len(params) > 1 else None
