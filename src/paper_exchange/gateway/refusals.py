"""The gateway's own ways to say no: Binance's codes and texts for requests that never reach the engine.

The engine raises `Refusal` (code and text); what the gateway refuses is a `Rejected`, which also carries the HTTP
status and, for limits, when to come back. `rejected` makes the one out of the other.

The functions below it are named for what is wrong with a request and take what their text mentions.

Source: errors.md
"""

from typing import Any

from paper_exchange.engine.refusal import Refusal

_STATUS_OF_CODE = {-1002: 401, -1003: 429, -1015: 429, -1016: 503, -2014: 401, -2015: 401, -2021: 409}


class Rejected(Exception):
    """A request that is answered with an error.

    Attributes:
        code, msg, data: The error body.
        status: HTTP status, also the WebSocket API's `status`.
        retry_at_us: When a limit lets the caller in again; None where waiting does not help.
        counts_as_orders: Whether the refused request counts as unfilled orders nevertheless.
    """

    def __init__(
        self,
        code: int,
        msg: str,
        *,
        data: Any = None,
        status: int | None = None,
        retry_at_us: int | None = None,
        counts_as_orders: bool = False,
    ) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg
        self.data = data
        self.status = _STATUS_OF_CODE.get(code, 400) if status is None else status
        self.retry_at_us = retry_at_us
        self.counts_as_orders = counts_as_orders

    @property
    def body(self) -> dict[str, Any]:
        """The JSON error object."""
        body: dict[str, Any] = {"code": self.code, "msg": self.msg}
        if self.data is not None:
            body["data"] = self.data
        return body


def rejected(refusal: Refusal) -> Rejected:
    """What the engine refused, as an answer."""
    return Rejected(refusal.code, refusal.msg, data=refusal.data)


def unknown_error() -> Rejected:
    return Rejected(-1000, "An unknown error occurred while processing the request.", status=500)


def illegal_characters(name: str, legal: str) -> Rejected:
    return Rejected(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def undecodable() -> Rejected:
    return Rejected(-1100, "Illegal characters found in a parameter.")


def too_many_parameters(expected: int, received: int) -> Rejected:
    return Rejected(-1101, f"Too many parameters; expected '{expected}' and received '{received}'.")


def duplicated() -> Rejected:
    return Rejected(-1101, "Duplicate values for a parameter detected.")


def too_many_values(name: str, maximum: int) -> Rejected:
    return Rejected(-1101, f"Too many values sent for parameter '{name}', maximum allowed up to {maximum}.")


def missing(name: str) -> Rejected:
    return Rejected(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_both(one: str, other: str) -> Rejected:
    return Rejected(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def too_great(name: str, maximum: object) -> Rejected:
    return Rejected(-1102, f"'{name}' contains unexpected value. Cannot be greater than {maximum}.")


def unread(read: int, sent: int) -> Rejected:
    return Rejected(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def empty(name: str) -> Rejected:
    return Rejected(-1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> Rejected:
    return Rejected(-1106, f"Parameter '{name}' sent when not required.")


def overflowed(name: str) -> Rejected:
    return Rejected(-1108, f"Parameter '{name}' overflowed.")


def too_precise(name: str) -> Rejected:
    return Rejected(-1111, f"Parameter '{name}' has too much precision.")


def span_too_long(hours: int) -> Rejected:
    return Rejected(-1127, f"More than {hours} hours between startTime and endTime.")


def bad_combination() -> Rejected:
    return Rejected(-1128, "Combination of optional parameters invalid.")


def both_needed(one: str, other: str) -> Rejected:
    return Rejected(
        -1128, f"Combination of optional fields invalid. Recommendation: '{one}' and '{other}' must both be sent."
    )


def invalid(name: str) -> Rejected:
    return Rejected(-1130, f"Data sent for parameter '{name}' is not valid.")


def recv_window_too_long(maximum: int) -> Rejected:
    return Rejected(-1131, f"recvWindow must be less than {maximum}")


def invalid_json(name: str) -> Rejected:
    return Rejected(-1135, f"JSON sent for parameter '{name}' is not valid")


def duplicate_symbols() -> Rejected:
    return Rejected(-1151, "Symbol is present multiple times in the list.")


def invalid_time_unit() -> Rejected:
    return Rejected(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")


def status_mismatch() -> Rejected:
    return Rejected(-1220, "The symbol's status does not match the requested symbolStatus.")


def timestamp_too_old() -> Rejected:
    return Rejected(-1021, "Timestamp for this request is outside of the recvWindow.")


def timestamp_ahead() -> Rejected:
    return Rejected(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def bad_signature() -> Rejected:
    return Rejected(-1022, "Signature for this request is not valid.")


def bad_key_format() -> Rejected:
    return Rejected(-2014, "API-key format invalid.")


def key_rejected() -> Rejected:
    return Rejected(-2015, "Invalid API-key, IP, or permissions for action.")
