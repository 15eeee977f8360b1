"""What tools work with: the exchange for whatever only reads, and the one door for orders."""

from __future__ import annotations  # nothing below is needed to list the tools, and importing it takes time

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from binance_spot_mcp.trading.approver import NOBODY

if TYPE_CHECKING:
    from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
    from binance_spot_mcp.client import Answer
    from binance_spot_mcp.domain.requests import Request
    from binance_spot_mcp.errors import InvalidInput, SpotError
    from binance_spot_mcp.streams.hub import Streams
    from binance_spot_mcp.streams.waits import Waits
    from binance_spot_mcp.trading.aftermath import Passed
    from binance_spot_mcp.trading.approver import Approver
    from binance_spot_mcp.trading.checks import Checked
    from binance_spot_mcp.trading.portfolio import Portfolios
    from binance_spot_mcp.trading.prospects import Foreseen
    from binance_spot_mcp.transport.ledger import LedgerState
    from binance_spot_mcp.vocabulary import Environment


class Exchange(Protocol):
    """Makes the calls that only read; `client.Spot` is one."""

    async def fetch(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer[Any]:
        """Make a call, and give its payload with the exchange's own JSON."""
        ...

    async def rate_limits(self) -> LedgerState:
        """Every limit and hold."""
        ...


class Door(Protocol):
    """Makes the calls that may change orders, after its checks; `trading.gate.Gate` is one."""

    async def call(
        self,
        endpoint: Endpoint[Any, Any],
        params: Params,
        intent_id: str | None = None,
        approver: Approver = NOBODY,
        wait_seconds: int = 0,
    ) -> Passed[Any]:
        """Check a call and make it once, under the agent's name for it, with a person's yes where one is needed; then
        wait for the end of what it places."""
        ...

    async def order_state(
        self, intent_id: str | None, client_order_id: str | None, symbol: str | None, order_id: int | None
    ) -> Mapping[str, object]:
        """What became of a call or an order, named by one of its ids."""
        ...

    async def reconcile(self, symbol: str | None) -> Mapping[str, object]:
        """Compare the orders that are known with those at the exchange."""
        ...

    async def stop(self, why: str) -> Mapping[str, object]:
        """Close the gate until the operator opens it, and cancel every open order of ours."""
        ...

    async def state(self) -> Mapping[str, object]:
        """How trading stands."""
        ...

    async def check(self, request: Request, *, account: bool = False) -> Checked:
        """Check orders against the rules of their symbol; nothing is sent that changes one."""
        ...

    async def foresee(self, endpoint: Endpoint[Any, Any], params: Params, checked: Checked) -> Foreseen:
        """What there is to know of a checked order before it is placed; nothing is written down."""
        ...

    async def keep(self, checked: Checked) -> Path:
        """Write down what orders were checked against, and return the file."""
        ...

    async def unknown_symbol(self, symbol: str) -> InvalidInput:
        """The error for a symbol that does not exist, with those that come near it."""
        ...


Progress = Callable[[float, float, str], Awaitable[None]]
"""Tells whoever called how far a call is: so much of so much, and in words."""


async def _nobody_listens(done: float, total: float, message: str) -> None:
    """The progress of a call whose caller does not want to know."""


class Memory(Protocol):
    """Remembers what a person should know of later; `trading.incidents.Incidents` does."""

    def refused(self, tool: str, error: SpotError) -> None:
        """A call has ended with an error."""
        ...

    def worked(self, tool: str) -> None:
        """A call has done what it was asked to do."""
        ...


class _Forgetful:
    """Remembers nothing."""

    def refused(self, tool: str, error: SpotError) -> None:
        """A call has ended with an error."""

    def worked(self, tool: str) -> None:
        """A call has done what it was asked to do."""


_NO_MEMORY: Memory = _Forgetful()


@dataclass(frozen=True, slots=True)
class Desk:
    """An open connection to one environment.

    Attributes:
        env: Which environment.
        spot: For whatever only reads.
        gate: For whatever may change an order.
        streams: For whatever comes by itself.
        waits: What is waited for, over several calls.
        portfolios: Looks the account over.
        progress: Tells the caller of this call how far it is.
        approver: Asks the person behind this call.
        incidents: Remembers what a person should know of later.
    """

    env: Environment
    spot: Exchange
    gate: Door
    streams: Streams
    waits: Waits
    portfolios: Portfolios
    progress: Progress = _nobody_listens
    approver: Approver = NOBODY
    incidents: Memory = _NO_MEMORY
