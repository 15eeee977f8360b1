"""What a UTC day has lost, by the fills that the journal knows."""

from decimal import Decimal

from binance_spot_mcp.domain.positions import Positions, no_prices
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.worths import Books


class DailyLoss:
    """Works the realised loss out, anew only after something was traded.

    Args:
        books: Knows the assets of symbols, and converts.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: tuple[int, str, Positions] | None = None

    async def of(self, register: Register, currency: str, day: int) -> Decimal:
        """What a day has realised below zero, fees included, in a currency; 0 where it has not lost.

        Args:
            register: What the journal says.
            currency: A quote asset.
            day: Days since 1970.

        Raises:
            SpotError: Prices or symbols are needed and cannot be asked for.
        """
        count = len(register.fills)
        if self._known is None or self._known[:2] != (count, currency):
            self._known = (count, currency, await self._positions(register, currency))
        return max(Decimal(0), -self._known[2].realised_on(day))

    async def _positions(self, register: Register, currency: str) -> Positions:
        fills = register.fills.by_time()
        pairs = await self._books.pairs({fill.symbol for fill in fills})
        fills = [fill for fill in fills if fill.symbol in pairs]
        paid = {fill.commission_asset for fill in fills if fill.commission_asset not in pairs[fill.symbol]}
        needed = ({quote for _, quote in pairs.values()} | paid) - {currency, ""}
        prices = (await self._books.worths(needed, currency)).price if needed else no_prices
        positions = Positions(currency)
        for fill in fills:
            positions.add(fill, *pairs[fill.symbol], prices)
        return positions
