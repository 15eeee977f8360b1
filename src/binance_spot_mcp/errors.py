"""What can go wrong, named for what became of the request.

    SpotError
    ├── NotSent          nothing left this machine (or no byte of it did)
    │   ├── InvalidInput     the arguments are wrong; `fix` may hold the right ones
    │   │   └── FilterFailure    an order breaks a rule of its symbol
    │   ├── Refused          our own gate, settings or state forbid it
    │   ├── RateLimited      a bucket or a ban says not now
    │   └── Unreachable      no connection, or the exchange's host is not what it should be
    ├── Rejected         the exchange answered no: it did not happen
    │   └── Unavailable      a read that the exchange could not serve
    ├── PartlyDone       a request of two halves of which only one happened
    └── OutcomeUnknown   the request left and no verdict came back, so it may have happened

A trader's first question is whether it happened: `sent` says so for requests that may change an order.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Code = Literal[
    "INVALID_ARGUMENT",
    "MISSING_ARGUMENT",
    "UNKNOWN_ARGUMENT",
    "UNKNOWN_SYMBOL",
    "SYMBOL_NOT_TRADING",
    "FILTER_VIOLATION",
    "LIMIT_EXCEEDED",
    "BREAKER_OPEN",
    "LIVE_DISABLED",
    "CONFIRMATION_REQUIRED",
    "CONFIRMATION_INVALID",
    "DUPLICATE_INTENT",
    "INTENT_CONFLICT",
    "ORDER_UNRESOLVED",
    "NOT_READY",
    "NETWORK_NOT_SENT",
    "OUTCOME_UNKNOWN",
    "EXCHANGE_REJECTED",
    "EXCHANGE_UNAVAILABLE",
    "RATE_LIMITED",
    "BANNED",
    "WAF_BLOCKED",
    "AUTH_FAILED",
    "CLOCK_SKEW",
    "STALE_DATA",
    "ENDPOINT_REFUSED",
    "JOURNAL_UNAVAILABLE",
    "READ_ONLY",
    "TOO_LARGE",
    "NOT_FOUND",
    "INTERNAL",
]
Sent = Literal["no", "yes", "unknown"]
Retry = Literal["never", "after_fix", "at", "after_reconcile"]


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str, *, most: int = 200) -> str:
    """Text from outside as it may be shown: bounded, without control, bidirectional and zero-width characters.

    Args:
        text: Anything at all, e.g. what the exchange said or an argument that was refused.
        most: Characters to keep; what is cut is marked with an ellipsis.
    """
    head = text[: 4 * most]
    visible = head
    if not (head.isascii() and head.isprintable()):  # nearly everything is plain, and needs no look at each character
        visible = "".join(" " if character.isspace() else character for character in head if _shows(character))
    single = " ".join(visible.split())
    return single if len(single) <= most and len(head) == len(text) else single[: most - 1] + "…"


def _shows(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in _INVISIBLE


@dataclass(frozen=True, slots=True)
class ExchangeError:
    """What the exchange said, as data and never as advice. The text is cleaned here, so none is shown as it came.

    Attributes:
        code: Binance's error code; None if the answer had none.
        msg: Its text.
        status: The HTTP status, or the status of the WebSocket API.
        data: What stood beside code and text, e.g. the two halves of a cancel-replace. Not cleaned.
    """

    code: int | None
    msg: str
    status: int | None = None
    data: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "msg", clean(self.msg))


@dataclass(eq=False)
class SpotError(Exception):
    """A failure that a caller can act on.

    Attributes:
        message: What happened and the one next step, in plain words.
        code: The kind of failure; callers branch on it.
        sent: Whether a request that changes orders reached the exchange; `no` for whatever only reads.
        retry: When trying again makes sense.
        retry_at_ms: Epoch milliseconds, with `retry="at"`.
        intent_id: The name of the call, the agent's own or ours.
        client_order_id: The name under which the order, or the list, is known to the exchange if it exists.
        fix: Arguments that would be right, by wire name.
        next: The tool to call next.
        details: `param`, `given`, `rule`, `allowed` and other facts about the case.
        exchange: The exchange's own words, if it answered.
    """

    message: str
    code: Code = "INTERNAL"
    sent: Sent = "no"
    retry: Retry = "never"
    retry_at_ms: int | None = None
    client_order_id: str | None = None
    intent_id: str | None = None
    fix: Mapping[str, str] = field(default_factory=dict)
    next: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    exchange: ExchangeError | None = None

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class NotSent(SpotError):
    """Nothing reached the exchange, so nothing happened."""


@dataclass(eq=False)
class InvalidInput(NotSent):
    """The arguments are wrong. Correct them and call again."""

    code: Code = "INVALID_ARGUMENT"
    retry: Retry = "after_fix"


@dataclass(eq=False)
class FilterFailure(InvalidInput):
    """An order breaks a filter of its symbol; `fix` holds the nearest valid values."""

    code: Code = "FILTER_VIOLATION"


@dataclass(eq=False)
class Refused(NotSent):
    """Our own settings, limits or state forbid it."""

    code: Code = "READ_ONLY"


@dataclass(eq=False)
class RateLimited(NotSent):
    """A limit is used up, or a ban is in force, until `retry_at_ms`."""

    code: Code = "RATE_LIMITED"
    retry: Retry = "at"


@dataclass(eq=False)
class Unreachable(NotSent):
    """No connection to the exchange came about, so no byte of the request left."""

    code: Code = "NETWORK_NOT_SENT"
    retry: Retry = "at"


@dataclass(eq=False)
class Rejected(SpotError):
    """The exchange received the request and refused it: it did not happen."""

    code: Code = "EXCHANGE_REJECTED"
    sent: Sent = "yes"
    retry: Retry = "after_fix"


@dataclass(eq=False)
class Unavailable(Rejected):
    """The exchange could not serve a read; nothing was changed by it."""

    code: Code = "EXCHANGE_UNAVAILABLE"
    retry: Retry = "at"


@dataclass(eq=False)
class PartlyDone(SpotError):
    """The request had two halves and one of them happened; `details` says which, `exchange.data` has both answers."""

    code: Code = "EXCHANGE_REJECTED"
    sent: Sent = "yes"
    retry: Retry = "after_reconcile"


@dataclass(eq=False)
class OutcomeUnknown(SpotError):
    """The request left and no verdict came back, so an order may exist. Look before trying again."""

    code: Code = "OUTCOME_UNKNOWN"
    sent: Sent = "unknown"
    retry: Retry = "after_reconcile"
