"""What a fault does, as values. In JSON, `kind` says which: `{"kind": "delay", "ms": 500}`.

Times are milliseconds of the exchange's clock, so that a virtual clock decides when a delay is over.
"""

from typing import Any, Literal

from msgspec import Struct

from paper_exchange.engine.symbols import SymbolFilter
from paper_exchange.engine.words import SymbolStatus as Status


class _Effect(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, forbid_unknown_fields=True, omit_defaults=True
):
    """One way to misbehave."""


class Refuse(_Effect, frozen=True):
    """The port closes: connections are reset, new ones refused, for `ms` or until the rule is removed."""

    ms: int | None = None


class Reset(_Effect, frozen=True):
    """The connection is reset (RST)."""


class NoReply(_Effect, frozen=True, tag="no_reply"):
    """The connection stays open and nothing comes."""


class Delay(_Effect, frozen=True):
    """`ms` pass; with `most_ms`, a seeded choice between the two."""

    ms: int
    most_ms: int | None = None


class Reply(_Effect, frozen=True):
    """Another answer. In phase `reply`, what is not said here stays as the exchange answered.

    Attributes:
        status: HTTP status, also the WebSocket API's `status`.
        headers: Only over HTTP, such as `Retry-After`.
        body: JSON as it is; a string is sent as text, as a proxy in front would send HTML.
    """

    status: int | None = None
    headers: dict[str, str] = {}
    body: Any = None


class Cut(_Effect, frozen=True):
    """The answer's body ends after `keep` bytes.

    Attributes:
        whole_length: Whether Content-Length still promises all of it, and the connection ends; otherwise the answer is
            whole as HTTP and broken as JSON.
    """

    keep: int = 0
    whole_length: bool = True


class Drip(_Effect, frozen=True):
    """The answer comes `size` bytes at a time, `every_ms`."""

    size: int = 1
    every_ms: int = 100


class Redirect(_Effect, frozen=True):
    """The answer sends the client elsewhere."""

    to: str
    status: int = 302


class Close(_Effect, frozen=True):
    """The WebSocket is closed."""

    code: int = 1001
    reason: str = ""


class Stall(_Effect, frozen=True):
    """The WebSocket stays open and says nothing, not even to pings, for `ms` or for ever. What waits comes then."""

    ms: int | None = None


class Drop(_Effect, frozen=True):
    """The message is lost."""


class Duplicate(_Effect, frozen=True):
    """The message comes once more."""


class Reorder(_Effect, frozen=True):
    """The message comes after the `by` next ones of its stream."""

    by: int = 1


class Event(_Effect, frozen=True):
    """A message that nothing has caused comes first.

    Attributes:
        stream: The market stream it comes on, where no message of one has set the rule off.
    """

    payload: dict[str, Any]
    stream: str = ""


class Burst(_Effect, frozen=True):
    """The message comes `count` times."""

    count: int


class ClockStep(_Effect, frozen=True, tag="clock_step"):
    """The exchange's clock jumps ahead, for good."""

    ms: int


class Skew(_Effect, frozen=True):
    """The exchange's clock is `ms` ahead (behind, when negative) for one request, or until the rule is removed."""

    ms: int


class QueryLag(_Effect, frozen=True, tag="query_lag"):
    """The orders of a request cannot be queried for `ms`; they exist all the same."""

    ms: int


class Enospc(_Effect, frozen=True):
    """The disk is full."""


class Eio(_Effect, frozen=True):
    """The disk fails."""


class TornWrite(_Effect, frozen=True, tag="torn_write"):
    """The last `size` bytes of a write never reach the disk, and the process is killed with it."""

    size: int = 1


class Kill(_Effect, frozen=True):
    """The process is killed (SIGKILL).

    Attributes:
        point: Under `process`: at the log's write of a command, or at a snapshot.
    """

    point: Literal["log", "snapshot"] = "log"


class Filters(_Effect, frozen=True):
    """A symbol gets other filters."""

    symbol: str
    filters: tuple[SymbolFilter, ...]


class SymbolStatus(_Effect, frozen=True, tag="symbol_status"):
    """A symbol opens, halts or closes."""

    symbol: str
    status: Status


class ResetVenue(_Effect, frozen=True, tag="reset_venue"):
    """Every account is as new: no orders, no history, the funds to start with. Keys stay."""


Effect = (
    Refuse
    | Reset
    | NoReply
    | Delay
    | Reply
    | Cut
    | Drip
    | Redirect
    | Close
    | Stall
    | Drop
    | Duplicate
    | Reorder
    | Event
    | Burst
    | ClockStep
    | Skew
    | QueryLag
    | Enospc
    | Eio
    | TornWrite
    | Kill
    | Filters
    | SymbolStatus
    | ResetVenue
)
