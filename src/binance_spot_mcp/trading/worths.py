"""Looking up what assets are worth: one call for the best prices of all books, and the assets of the symbols in use.

Which two assets a symbol joins is the exchange's to say, since its name alone can be read in two ways (BTCB and IDR, or
BTC and BIDR). It never changes, so each symbol is asked for once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from binance_spot_mcp.catalogue.market import (
    BOOK_TICKER,
    EXCHANGE_INFO,
    BookTicker,
    BookTickerParams,
    ExchangeInfoParams,
)
from binance_spot_mcp.domain.valuation import Quote, Worth, names, worth
from binance_spot_mcp.errors import InvalidInput, Rejected
from binance_spot_mcp.trading.rules_cache import Exchange

MOST_AT_ONCE: Final = 100
"""So many symbols are asked for in one call."""

Pair = tuple[str, str]
"""Base and quote asset."""


@dataclass(frozen=True, slots=True)
class Worths:
    """What some assets are worth in a currency, and when the books said so (epoch milliseconds)."""

    currency: str
    each: Mapping[str, Worth]
    at_ms: int

    def price(self, asset: str) -> Decimal | None:
        """What one unit of an asset is worth; None where that is not known."""
        known = self.each.get(asset)
        return None if known is None else known.price


class Books:
    """Finds out what assets are worth.

    Args:
        exchange: Makes the calls.
        now_ms: The exchange's time in epoch milliseconds.
    """

    def __init__(self, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._pairs: dict[str, Pair | None] = {}

    async def worths(self, assets: Collection[str], currency: str) -> Worths:
        """What assets are worth in a currency now.

        Raises:
            InvalidInput: Nothing is traded against the currency.
            SpotError: The exchange could not be asked.
        """
        tickers = (await self._exchange.fetch(BOOK_TICKER, BookTickerParams())).payload
        at_ms = self._now_ms()
        tickers = (tickers,) if isinstance(tickers, BookTicker) else tickers
        wanted = {*names(assets, currency)}
        used = {ticker.symbol: ticker for ticker in tickers if ticker.symbol in wanted}
        quotes = {
            pair: Quote(symbol, used[symbol].bid_price, used[symbol].ask_price)
            for symbol, pair in (await self.pairs(used)).items()
        }
        if not any(currency in pair for pair in quotes):
            raise InvalidInput(
                f"No symbol that leads to {currency} is listed; most are quoted in USDT.",
                fix={"currency": "USDT"},
                details={"param": "currency", "given": currency},
            )
        return Worths(currency, {asset: worth(asset, currency, quotes) for asset in assets}, at_ms)

    async def pairs(self, symbols: Collection[str]) -> Mapping[str, Pair]:
        """The assets that symbols join; symbols that are not listed any more are missing.

        Raises:
            SpotError: The exchange could not be asked.
        """
        unknown = sorted({*symbols} - self._pairs.keys())
        for start in range(0, len(unknown), MOST_AT_ONCE):
            self._pairs |= await self._asked(unknown[start : start + MOST_AT_ONCE])
        return {symbol: pair for symbol in symbols if (pair := self._pairs[symbol])}

    async def _asked(self, symbols: Sequence[str]) -> dict[str, Pair | None]:
        """What the exchange says of symbols; of several it says nothing if one of them is not listed."""
        try:
            info = (await self._exchange.fetch(EXCHANGE_INFO, ExchangeInfoParams(symbols=tuple(symbols)))).payload
        except Rejected as refusal:
            if refusal.code != "UNKNOWN_SYMBOL":
                raise
            if len(symbols) == 1:
                return {symbols[0]: None}
            half = len(symbols) // 2
            return await self._asked(symbols[:half]) | await self._asked(symbols[half:])
        listed = {each.symbol: (each.base_asset, each.quote_asset) for each in info.symbols}
        return {symbol: listed.get(symbol) for symbol in symbols}
