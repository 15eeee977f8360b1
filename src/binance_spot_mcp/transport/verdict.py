"""What an answer of the exchange means for the request: the rules for the outcome of one attempt, as one function."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from binance_spot_mcp.errors import (
    ExchangeError,
    OutcomeUnknown,
    PartlyDone,
    Rejected,
    Sent,
    SpotError,
    Unavailable,
)
from binance_spot_mcp.transport.limits import LimitType
from binance_spot_mcp.transport.meanings import CODES, TEXTS, UNKNOWN_OUTCOME, Meaning

TOO_MANY_REQUESTS = -1003
TOO_MANY_ORDERS = -1015
TOO_MANY_CONNECTIONS = -1034
CANCEL_REPLACE_HALF = -2021
CANCEL_REPLACE_FAILED = -2022
_ONE_HALF = {
    "cancelResult": "The old order was cancelled, but the new one was not placed; exchange.data says why.",
    "newOrderResult": "The new order was placed, but the old one was not cancelled: it may be open still, or filled.",
}
_FILTER_FAILURE = re.compile(r"Filter failure: ([A-Z][A-Z_]{2,39})")
_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")
_REGION = (
    "Binance does not serve this region (HTTP 451), and nothing here can change that. Use BINANCE_ENV=paper, or run "
    "where Binance offers its service. Binance.US is another exchange and not supported."
)


class _ErrorBody(msgspec.Struct):
    code: int
    msg: str = ""
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the exchange to one attempt.

    Attributes:
        status: The HTTP status, or the one of the WebSocket API, which means the same.
        body: The exchange's own JSON: what was asked for, or an error object.
        used: What it says was used, by rate-limit bucket.
        pause_ms: The pause that it asks for, if it says how long.
        pause_until_ms: The end of that pause, if it says until when, by the exchange's clock.
        told_at_ms: What that clock showed, if it says so.
        sent_ns: Monotonic time at which the request began to leave.
        received_ns: Monotonic time at which the answer, or its head, was there.
    """

    status: int
    body: bytes
    used: Mapping[str, int] = field(default_factory=dict)
    pause_ms: int | None = None
    pause_until_ms: int | None = None
    told_at_ms: int | None = None
    sent_ns: int = 0
    received_ns: int = 0

    def pause(self, now_ms: int) -> int | None:
        """How long a pause it asks for, in milliseconds; None if it asks for none.

        Args:
            now_ms: The exchange's time as well as we know it; the answer's own word counts for more.
        """
        if self.pause_until_ms is None:
            return self.pause_ms
        return self.until(self.pause_until_ms, now_ms)

    def until(self, epoch_ms: int, now_ms: int) -> int:
        """How long it is from the answer to a time by the exchange's clock, in milliseconds; 0 if that is over."""
        return max(0, epoch_ms - (now_ms if self.told_at_ms is None else self.told_at_ms))


def verdict(reply: Reply, *, changes: bool) -> SpotError | None:
    """What became of a request, or None where the exchange did as asked.

    Args:
        reply: The answer; of its body nothing but Binance's own error object is ever shown.
        changes: Whether the request may change orders.
    """
    if 200 <= reply.status < 300:
        return None
    sent: Sent = "yes" if changes else "no"
    said = exchange_error(reply)
    if said is not None and said.data and (halves := _halves(said, said.data)):
        return halves
    if reply.status >= 500 or (said is not None and said.code in (*UNKNOWN_OUTCOME, CANCEL_REPLACE_HALF)):
        return _no_verdict(reply.status, said, changes=changes)
    match reply.status:
        case status if status == 418 or banned_until_ms(said):
            return Rejected(
                "Binance has banned this IP address for a while; sending more makes it longer. Wait until retry_at_ms.",
                code="BANNED",
                sent=sent,
                retry="at",
                next="get_rate_limits",
                exchange=said,
            )
        case 429:
            known = (TOO_MANY_ORDERS, TOO_MANY_CONNECTIONS)
            meaning = CODES[said.code if said and said.code in known else TOO_MANY_REQUESTS]
            return _rejected(meaning, sent, said)
        case 451:
            return Rejected(_REGION, code="ENDPOINT_REFUSED", sent=sent, retry="never")
        case 403 if said is None:
            return Rejected(
                "Binance's firewall refused the request, so it was not carried out. A value in it may look like code.",
                code="WAF_BLOCKED",
                sent=sent,
                retry="at",
            )
        case status if 300 <= status < 400:
            return Rejected(
                "The exchange's host pointed to another place, which is never followed.",
                code="ENDPOINT_REFUSED",
                sent=sent,
                retry="never",
            )
    if said is None:
        return _no_verdict(reply.status, None, changes=changes)
    return _judged(said, sent)


def exchange_error(reply: Reply) -> ExchangeError | None:
    """Binance's error object, if the body is one."""
    try:
        body = msgspec.json.decode(reply.body, type=_ErrorBody)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return ExchangeError(body.code, body.msg, reply.status, body.data)


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """The pause that an HTTP answer asks for in seconds. Header names are in lower case."""
    value = headers.get("retry-after", "")
    return int(value) * 1000 if value.isascii() and value.isdigit() and len(value) < 10 else None


def date_ms(headers: Mapping[str, str], name: str) -> int | None:
    """A date in a header of an HTTP answer, in epoch milliseconds. Header names are in lower case."""
    try:
        return int(parsedate_to_datetime(headers.get(name, "")).timestamp()) * 1000
    except (ValueError, OverflowError):
        return None


def limited(reply: Reply) -> bool:
    """Whether an answer says that a limit is exceeded, be it under a status that does not."""
    return reply.status == 429 or (400 <= reply.status < 500 and _code(reply) == TOO_MANY_REQUESTS)


def ban_ms(reply: Reply, now_ms: int) -> int | None:
    """How long an answer bans us for, as far as it says; None if it does not ban us.

    The end that its text states is a time of day by the exchange's clock, which its own date tells best.

    Args:
        reply: The answer.
        now_ms: The exchange's time, as well as we know it.
    """
    if reply.status < 400:
        return None
    until_ms = banned_until_ms(exchange_error(reply))
    if reply.status != 418 and not until_ms:
        return None
    return max(reply.pause(now_ms) or 0, reply.until(until_ms, now_ms))


def _code(reply: Reply) -> int | None:
    said = exchange_error(reply)
    return said.code if said else None


def exceeded(reply: Reply) -> LimitType:
    """Which kind of limit a 429 is about, be it in one half of a cancel-replace; request weight if it does not say."""
    said = exchange_error(reply)
    half = (said.data or {}).get("newOrderResponse") if said else None
    codes = (said.code if said else None, half.get("code") if isinstance(half, dict) else None)
    if TOO_MANY_ORDERS in codes:
        return "ORDERS"
    return "CONNECTIONS" if TOO_MANY_CONNECTIONS in codes else "REQUEST_WEIGHT"


def banned_until_ms(said: ExchangeError | None) -> int:
    """The end of a ban as the error's text states it, in epoch milliseconds; 0 if it does not."""
    match = _BANNED_UNTIL.search(said.msg) if said else None
    return int(match[1]) if match else 0


def _no_verdict(status: int, said: ExchangeError | None, *, changes: bool) -> SpotError:
    """An answer that does not say whether the request was carried out."""
    if changes:
        trouble = UNKNOWN_OUTCOME.get(said.code or 0) if said else None
        return OutcomeUnknown(
            f"Binance {trouble or 'gave no verdict'} (status {status}), so it may have happened.", exchange=said
        )
    if status < 500 and said is None:
        return Rejected(
            f"The exchange's host answered with status {status} and no error of its own; it does not serve this call.",
            code="ENDPOINT_REFUSED",
            sent="no",
            retry="never",
        )
    known = CODES.get(said.code) if said and said.code is not None else None
    text = known.text if known else f"Binance had trouble and answered with status {status}; try again shortly."
    return Unavailable(text, sent="no", exchange=said)


def _judged(said: ExchangeError, sent: Sent) -> SpotError:
    meaning = TEXTS.get(said.msg.rstrip(".")) or CODES.get(said.code or 0)
    if broken := _FILTER_FAILURE.fullmatch(said.msg.rstrip(".")):
        return _filter_failure(broken[1], sent, said)
    if meaning is None:
        return Rejected(f"Binance refused with a code that is not documented, {said.code}.", sent=sent, exchange=said)
    if meaning.code == "ORDER_UNRESOLVED":
        return OutcomeUnknown(meaning.text, code=meaning.code, sent=sent, exchange=said)
    return _rejected(meaning, sent, said)


def _filter_failure(name: str, sent: Sent, said: ExchangeError) -> Rejected:
    """The refusal of an order by a filter; a filter on how many orders are open asks for another remedy."""
    counted = "MAX_NUM_" in name and not name.endswith("AMENDS")
    remedy = "too many are open; cancel some first" if counted else "check_order names the nearest valid values"
    return Rejected(
        f"The exchange refused the order by its filter {name}: {remedy}.",
        code="FILTER_VIOLATION",
        sent=sent,
        next="check_order",
        details={"filter": name},
        exchange=said,
    )


def _rejected(meaning: Meaning, sent: Sent, said: ExchangeError | None) -> Rejected:
    return Rejected(meaning.text, code=meaning.code, sent=sent, retry=meaning.retry, next=meaning.next, exchange=said)


def _halves(said: ExchangeError, data: Mapping[str, Any]) -> SpotError | None:
    """Judge a cancel-replace by its two halves, whatever status and code stand above them; None if these say it all."""
    results = {name: str(data.get(name)) for name in ("cancelResult", "newOrderResult")}
    answers = (data.get("cancelResponse"), data.get("newOrderResponse"))
    if any(isinstance(answer, dict) and answer.get("code") in UNKNOWN_OUTCOME for answer in answers):
        return OutcomeUnknown(
            "Binance gave no verdict on one half of the cancel-replace, so the old order may be cancelled or open.",
            details=results,
            exchange=said,
        )
    done = next((_ONE_HALF[name] for name, result in results.items() if result == "SUCCESS"), None)
    if done is None and said.code != CANCEL_REPLACE_FAILED:
        return None
    meaning = CODES[CANCEL_REPLACE_HALF if done else CANCEL_REPLACE_FAILED]
    kind, text = (PartlyDone, done) if done else (Rejected, meaning.text)
    return kind(text, code=meaning.code, retry=meaning.retry, next=meaning.next, details=results, exchange=said)
