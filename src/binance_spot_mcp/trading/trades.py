"""Asking for trades, where what we heard of an order does not come to what the exchange says was executed of it.

Source: rest-api.md#account-trade-list-user_data, rest-api.md#query-allocations-user_data
"""

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Final

from binance_spot_mcp.catalogue.account import ALLOCATIONS, MY_TRADES, AllocationsParams, MyTradesParams
from binance_spot_mcp.trading.evidence import fills_of_trades
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.states import OwnOrder

PAGE: Final = 1_000
"""The most rows of an answer; a full page has another one behind it."""

_FIRST_PAUSES_S: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 60.0)
_LATER_PAUSE_S: Final = 300.0


def pauses_s() -> Iterator[float]:
    """How long to wait before each time that trades of an order are asked for; the first is for what is on its way."""
    return chain(_FIRST_PAUSES_S, repeat(_LATER_PAUSE_S))


class Trades:
    """Asks for trades and takes in those of our orders.

    Args:
        exchange: Makes the calls, with the part of the limits that is kept for this.
        intents: What is known, and where it is written down.
    """

    def __init__(self, exchange: Exchange, intents: Intents) -> None:
        self._exchange = exchange
        self._intents = intents

    async def of_order(self, order: OwnOrder) -> None:
        """All trades of an order that the exchange has a number for; of a routed one, its allocations.

        Raises:
            SpotError: They could not be asked for.
        """
        if order.seen is None:
            return
        number = order.seen.order_id
        await self._from(MyTradesParams(symbol=order.symbol, order_id=number, limit=PAGE))
        if self._intents.register.short_of_fills(order.client_order_id):
            asked = AllocationsParams(symbol=order.symbol, order_id=number, limit=PAGE)
            allocations = (await self._exchange.fetch(ALLOCATIONS, asked, urgent=True)).payload
            await self._intents.traded(fills_of_trades(order.symbol, allocations))

    async def since_the_last(self, symbol: str) -> None:
        """All trades of a symbol after the last one that is known; none where none is known.

        Raises:
            SpotError: They could not be asked for.
        """
        last = self._intents.register.fills.last_trade(symbol)
        if last is not None:
            await self._from(MyTradesParams(symbol=symbol, from_id=last + 1, limit=PAGE))

    async def _from(self, asked: MyTradesParams) -> None:
        """Take in page after page, from what was asked on."""
        while True:
            trades = (await self._exchange.fetch(MY_TRADES, asked, urgent=True)).payload
            await self._intents.traded(fills_of_trades(asked.symbol, trades))
            behind = max((trade.id for trade in trades), default=0) + 1
            if len(trades) < PAGE or behind <= (asked.from_id or 0):
                return
            asked = asked.model_copy(update={"from_id": behind})
