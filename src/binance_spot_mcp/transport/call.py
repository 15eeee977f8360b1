"""A call made ready, and its answer: what passes between the client and the line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from binance_spot_mcp.catalogue.endpoint import Endpoint
from binance_spot_mcp.transport.ledger import CallClass, Cost

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Call:
    """A call made ready: everything about it that stays the same from try to try.

    Attributes:
        endpoint: What is called.
        wire: Its parameters as text, without what signing adds.
        cost: What it is listed with.
        call_class: Whose share of the limits it uses.
        origins: Hosts that may serve it, the preferred one first.
    """

    endpoint: Endpoint[Any, Any]
    wire: Mapping[str, str]
    cost: Cost
    call_class: CallClass
    origins: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether it may change orders."""
        return self.endpoint.effect in ("place", "cancel", "amend")

    @property
    def route(self) -> str:
        """Its method and path, the scope of a firewall's refusal."""
        return self.endpoint.route.rest


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """A successful answer.

    Attributes:
        payload: What we compute with.
        body: The exchange's own JSON, which `detail=full` shows.
        used: What the headers say was used, by rate-limit bucket.
        sent_ns: Monotonic time at which the request began to leave; 0 if nothing was really sent.
        received_ns: Monotonic time at which the head of the answer was there, likewise.
    """

    payload: R
    body: bytes
    used: Mapping[str, int]
    sent_ns: int = 0
    received_ns: int = 0
