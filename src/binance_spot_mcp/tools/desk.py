"""What tools work with: the exchange for whatever only reads, and the one door for orders."""

from dataclasses import dataclass
from typing import Any, Protocol

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer
from binance_spot_mcp.vocabulary import Environment


class Exchange(Protocol):
    """Makes the calls that only read; `client.Spot` is one."""

    async def fetch(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer[Any]:
        """Make a call, and give its payload with the exchange's own JSON."""
        ...

    def rate_limits(self) -> dict[str, list[dict[str, int | str]]]:
        """Every limit and hold, as far as this process knows."""
        ...


class Door(Protocol):
    """Makes the calls that may change orders, after its checks; `trading.Gate` is one."""

    async def submit(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer[Any]:
        """Check a call and make it once."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """An open connection to one environment.

    Attributes:
        env: Which environment.
        spot: For whatever only reads.
        gate: For whatever may change an order.
    """

    env: Environment
    spot: Exchange
    gate: Door
