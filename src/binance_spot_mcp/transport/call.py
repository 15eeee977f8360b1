"""A call made ready, one attempt at it, and its answer: what passes between the client, the line and its carriers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import SecretStr

from binance_spot_mcp.catalogue.endpoint import Endpoint
from binance_spot_mcp.signing import Signer
from binance_spot_mcp.transport.ledger import CallClass, Cost
from binance_spot_mcp.transport.verdict import Reply

R = TypeVar("R")

Departing = Callable[[int], Awaitable[None]]
"""Awaited with the timestamp (epoch ms) before the first byte of each attempt; if it raises, none leaves."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call made ready: everything about it that stays the same from try to try.

    Attributes:
        endpoint: What is called.
        wire: Its parameters as text, without what signing adds.
        members: The same as JSON, for the WebSocket API.
        cost: What it is listed with.
        call_class: Whose share of the limits it uses.
        origins: Hosts that may serve it over REST, the preferred one first.
        method: The WebSocket API's name for it; None where REST alone can carry it.
        departing: What must have happened before it leaves.
    """

    endpoint: Endpoint[Any, Any]
    wire: Mapping[str, str]
    members: Mapping[str, object]
    cost: Cost
    call_class: CallClass
    origins: tuple[str, ...]
    method: str | None
    departing: Departing | None = None

    @property
    def changes(self) -> bool:
        """Whether it may change orders."""
        return self.endpoint.effect in ("place", "cancel", "amend")

    @property
    def route(self) -> str:
        """Its method and path, the scope of a firewall's refusal."""
        return self.endpoint.route.rest

    def origin(self, tries: int) -> str:
        """The host for REST after so many tries; none where only the WebSocket API serves it."""
        return self.origins[tries % len(self.origins)] if self.origins else ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key, and what signs with it. Its repr shows neither."""

    api_key: SecretStr
    signer: Signer


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call as it leaves, once.

    Attributes:
        call: Which.
        origin: The host that it goes to where REST carries it.
        stamp: What signing adds to its parameters, but for key and signature; nothing where it is not signed.
        credentials: What it is signed with, if it is.
    """

    call: Call
    origin: str
    stamp: Mapping[str, int]
    credentials: Credentials | None

    @property
    def wire(self) -> dict[str, str]:
        """Its parameters as text, stamped."""
        return {**self.call.wire, **{name: str(value) for name, value in self.stamp.items()}}


class Carrier(Protocol):
    """One way for attempts to travel."""

    raw_requests: int
    """What an attempt counts against the limit on requests as such."""

    async def carry(self, attempt: Attempt) -> Reply:
        """Sign an attempt, send it once and give the exchange's answer, whatever its status.

        Raises:
            Unreachable: No byte left.
            OutcomeUnknown: It may change orders, left, and no complete answer came back.
            Unavailable: It only reads, left, and no complete answer came back.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """A successful answer.

    Attributes:
        payload: What we compute with.
        body: The exchange's own JSON, which `detail=full` shows.
        used: What it says was used, by rate-limit bucket.
        sent_ns: Monotonic time at which the request began to leave; 0 if nothing was really sent.
        received_ns: Monotonic time at which the answer, or its head, was there, likewise.
    """

    payload: R
    body: bytes
    used: Mapping[str, int]
    sent_ns: int = 0
    received_ns: int = 0
