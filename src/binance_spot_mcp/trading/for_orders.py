"""What is read for the sake of an order counts in the share of the limits that orders have."""

from typing import TypeVar

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer
from binance_spot_mcp.trading.key_watch import Client
from binance_spot_mcp.transport.call import Departing
from binance_spot_mcp.transport.ledger import LedgerState

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class ForOrders:
    """The same exchange for whoever places orders, so that an agent that reads as much as it may starves no order.

    Args:
        exchange: Makes the calls.
    """

    def __init__(self, exchange: Client) -> None:
        self._exchange = exchange

    async def fetch(
        self, endpoint: Endpoint[P, R], params: P, *, urgent: bool = False, departing: Departing | None = None
    ) -> Answer[R]:
        """Make a call and give its payload with the exchange's own JSON; errors as the exchange raises them."""
        return await self._exchange.fetch(endpoint, params, urgent=urgent, departing=departing, share="order")

    async def rate_limits(self) -> LedgerState:
        """Every limit and hold."""
        return await self._exchange.rate_limits()
