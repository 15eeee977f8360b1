"""What tools work with: the exchange for whatever only reads, and the one door for orders."""

from dataclasses import dataclass
from typing import Any, Protocol

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.tools.tool import Answer
from binance_spot_mcp.vocabulary import Environment


class Exchange(Protocol):
    """Anything that can make a call of the catalogue."""

    async def call(self, endpoint: Endpoint[Any, Any], params: Params) -> Answer:
        """Make the call and return its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """An open connection to one environment.

    Attributes:
        env: Which environment.
        spot: Makes the calls that only read.
        gate: Makes the calls that may change orders, after its checks.
    """

    env: Environment
    spot: Exchange
    gate: Exchange
