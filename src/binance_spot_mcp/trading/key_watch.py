"""Watches whether the exchange accepts the key: where it does not, no order is sent until something signed has worked.

Source: errors.md#-2014-bad_api_key_fmt, errors.md#-2015-rejected_mbx_key
"""

from typing import Final, Protocol, TypeVar

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.client import Answer
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.transport.call import Departing
from binance_spot_mcp.transport.ledger import CallClass, LedgerState

REFUSED: Final = frozenset({-2014, -2015})

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class Client(Protocol):
    """Whatever makes calls and knows the limits; `client.Spot` does."""

    async def fetch(
        self,
        endpoint: Endpoint[P, R],
        params: P,
        *,
        urgent: bool = False,
        departing: Departing | None = None,
        share: CallClass = "market",
    ) -> Answer[R]:
        """Make a call, for somebody with such a share of the limits, and give its payload with the exchange's JSON."""
        ...

    async def rate_limits(self) -> LedgerState:
        """Every limit and hold."""
        ...


class KeyWatch:
    """Makes calls, and remembers how the key fared in the last signed one.

    Args:
        exchange: Makes them.

    Attributes:
        refusal: The answer that refused the key; None while it is accepted.
    """

    def __init__(self, exchange: Client) -> None:
        self._exchange = exchange
        self.refusal: SpotError | None = None

    async def fetch(
        self,
        endpoint: Endpoint[P, R],
        params: P,
        *,
        urgent: bool = False,
        departing: Departing | None = None,
        share: CallClass = "market",
    ) -> Answer[R]:
        """Make a call and give its payload with the exchange's own JSON; errors as the exchange raises them."""
        try:
            answer = await self._exchange.fetch(endpoint, params, urgent=urgent, departing=departing, share=share)
        except SpotError as error:
            if endpoint.signed and error.exchange is not None and error.exchange.code in REFUSED:
                self.refusal = error
            raise
        if endpoint.signed:
            self.refusal = None
        return answer

    async def rate_limits(self) -> LedgerState:
        """Every limit and hold."""
        return await self._exchange.rate_limits()
