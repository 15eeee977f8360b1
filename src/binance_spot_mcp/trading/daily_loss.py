"""What a UTC day has lost, by the fills that the journal knows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from binance_spot_mcp.domain.positions import Positions, no_prices
from binance_spot_mcp.trading.fills import Fill, Fills
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.worths import Books


@dataclass(slots=True)
class _Counted:
    """What is known of some fills: of which journal, how many, the time of the latest, and what came of them."""

    fills: Fills
    positions: Positions
    count: int = 0
    last_ms: int = 0


class DailyLoss:
    """Works the realised loss out, going on from what it knew where nothing older was learned since.

    Args:
        books: Knows the assets of symbols, and converts.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._counted: _Counted | None = None
        self._counting = asyncio.Lock()

    async def of(self, register: Register, currency: str, day: int) -> Decimal:
        """What a day has realised below zero, fees included, in a currency; 0 where it has not lost.

        Args:
            register: What the journal says.
            currency: A quote asset.
            day: Days since 1970.

        Raises:
            SpotError: Prices or symbols are needed and cannot be asked for.
        """
        async with self._counting:
            fills, counted = register.fills, self._counted
            if counted is None or counted.fills is not fills or counted.positions.currency != currency:
                counted = _Counted(fills, Positions(currency))
            new = [*islice(fills, counted.count, None)]
            if any(fill.at_ms < counted.last_ms for fill in new):
                counted = _Counted(fills, Positions(currency))
                new = [*fills]
            await self._count(counted, sorted(new, key=lambda fill: (fill.at_ms, fill.trade_id)))
            self._counted = counted
        return max(Decimal(0), -counted.positions.realised_on(day))

    async def _count(self, counted: _Counted, fills: Sequence[Fill]) -> None:
        """Count some more fills; they are in the order of their time."""
        if not fills:
            return
        currency = counted.positions.currency
        pairs = await self._books.pairs({fill.symbol for fill in fills})
        paid = {fill.commission_asset for fill in fills if fill.commission_asset not in pairs.get(fill.symbol, ())}
        needed = ({quote for _, quote in pairs.values()} | paid) - {currency, ""}
        prices = (await self._books.worths(needed, currency)).price if needed else no_prices
        for fill in fills:
            if fill.symbol in pairs:
                counted.positions.add(fill, *pairs[fill.symbol], prices)
        counted.count += len(fills)
        counted.last_ms = fills[-1].at_ms
