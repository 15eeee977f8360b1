"""The one shape of every answer: `{"ok":true,"env":…}` or `{"ok":false,"env":…,"code":…}`, minified (design §5)."""

from typing import Any

from binance_spot_mcp.errors import ExchangeError, SpotError
from binance_spot_mcp.surface.layout import Json, concise, encode, is_table
from binance_spot_mcp.surface.text import clean, given
from binance_spot_mcp.vocabulary import Environment

_MESSAGE = 500
"""Characters of a message that is shown."""
_DETAIL = 8_000
"""Characters of one fact about a failure."""


def success(env: Environment, shown: Json, **about: Json) -> dict[str, Json]:
    """An answer: a table or an object is spread at the top, a bare list is `items`, anything else is `result`."""
    match shown:
        case dict() if is_table(shown):
            body = shown
        case dict():
            body = {name: value for name, value in shown.items() if name not in about}
        case list():
            body = {"items": shown} if shown else {"columns": [], "rows": []}
        case _:
            body = {"result": shown}
    return {"ok": True, "env": env, **about, **body}


def failure(env: Environment, error: SpotError) -> dict[str, Json]:
    """A refusal or a failure, with the fields that are not empty."""
    told: dict[str, Any] = {
        "code": error.code,
        "message": clean(error.message, _MESSAGE),
        "sent": error.sent,
        "retry": error.retry,
        "retry_at_ms": error.retry_at_ms,
        "intent_id": error.intent_id,
        "client_order_id": error.client_order_id,
        "fix": concise(error.fix),
        "next": error.next,
        "details": {clean(name): _detail(value) for name, value in error.details.items()},
        "exchange": error.exchange and _said(error.exchange),
    }
    return {"ok": False, "env": env, **{name: value for name, value in told.items() if value not in (None, {}, "")}}


def _detail(value: object) -> Json:
    """A fact about the case; what has no form in JSON, or too long a one, is told in words."""
    try:
        shown = concise(value)
    except TypeError:
        return given(value)
    return shown if len(encode(shown)) <= _DETAIL else given(shown)


def _said(exchange: ExchangeError) -> dict[str, Json]:
    """The exchange's own words, as data; where a request had two halves, its answer to each."""
    said = {"code": exchange.code, "msg": clean(exchange.msg), "data": exchange.data and _detail(exchange.data)}
    return {name: value for name, value in said.items() if value is not None}
