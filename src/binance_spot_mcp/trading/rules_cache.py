"""The rules of symbols, fetched one symbol at a time and kept for at most an hour.

The names of all symbols are fetched once, and only when a name is not known, to say which ones are meant perhaps.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from binance_spot_mcp.catalogue.account import MY_FILTERS, MyFiltersParams
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.market import EXCHANGE_INFO, PRICE, ExchangeInfoParams, Price, PriceParams
from binance_spot_mcp.client import Answer
from binance_spot_mcp.domain.near_names import near_names
from binance_spot_mcp.domain.symbols import SymbolRules, read_symbol
from binance_spot_mcp.errors import InvalidInput, Rejected, SpotError
from binance_spot_mcp.transport.call import Departing

MAX_AGE_MS: Final = 3_600_000
"""Rules older than this are fetched again before an order is checked against them."""
PASSING_AGE_MS: Final = 60_000
"""Rules that will hardly last, of a symbol that does not trade or without the account's own filters, age faster."""
MOST_SYMBOLS: Final = 512
"""So many symbols are kept; the one that was not used for longest gives way."""
SUGGESTIONS: Final = 5

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class Exchange(Protocol):
    """Whatever can make a call of the catalogue; `client.Spot` does."""

    async def fetch(
        self, endpoint: Endpoint[P, R], params: P, *, urgent: bool = False, departing: Departing | None = None
    ) -> Answer[R]:
        """Make a call and give its payload with the exchange's own JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """The rules of a symbol, and when they were fetched (epoch milliseconds)."""

    rules: SymbolRules
    fetched_ms: int

    def fresh(self, now_ms: int) -> bool:
        """Whether an order may still be checked against them."""
        lasting = self.rules.of_account and self.rules.info.status == "TRADING"
        return 0 <= now_ms - self.fetched_ms <= (MAX_AGE_MS if lasting else PASSING_AGE_MS)


class RulesCache:
    """The rules of the symbols that were asked for.

    Args:
        exchange: Makes the calls.
        now_ms: A clock in epoch milliseconds that does not step.
    """

    def __init__(self, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[Known]] = {}
        self._names: tuple[str, ...] = ()

    async def rules(self, symbol: str) -> Known:
        """The rules of a symbol, at most an hour old.

        Raises:
            InvalidInput: There is no such symbol; the message names similar ones.
            SpotError: They cannot be fetched now.
        """
        known = self._known.get(symbol)
        if known is not None and known.fresh(self._now_ms()):
            self._known.move_to_end(symbol)
            return known
        if symbol not in self._fetching:
            self._fetching[symbol] = asyncio.create_task(self._fetch(symbol))
            self._fetching[symbol].add_done_callback(lambda task: self._fetched(symbol, task))
        return await asyncio.shield(self._fetching[symbol])

    def forget(self, symbol: str) -> None:
        """Fetch the rules of a symbol anew when they are next needed."""
        self._known.pop(symbol, None)

    async def unknown_symbol(self, symbol: str) -> InvalidInput:
        """The error for a symbol that does not exist, with the names that come near it. None of them is chosen."""
        near = near_names(symbol, await self._all_names(), SUGGESTIONS)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return InvalidInput(
            f"There is no symbol {symbol} on this exchange.{hint}",
            code="UNKNOWN_SYMBOL",
            next="get_exchange_info",
            details={"param": "symbol", "given": symbol, "near": near},
        )

    async def _fetch(self, symbol: str) -> Known:
        asked_ms = self._now_ms()
        try:
            public = await self._exchange.fetch(EXCHANGE_INFO, ExchangeInfoParams(symbol=symbol))
        except Rejected as refusal:
            if refusal.code != "UNKNOWN_SYMBOL":
                raise
            raise await self.unknown_symbol(symbol) from refusal
        rules = read_symbol(public.payload, symbol)
        if rules is None:
            raise await self.unknown_symbol(symbol)
        try:
            own = (await self._exchange.fetch(MY_FILTERS, MyFiltersParams(symbol=symbol))).payload
        except SpotError:
            return Known(rules, asked_ms)  # a check says that the account's filters are not known
        lists = (own.exchange_filters, own.symbol_filters, own.asset_filters)
        return Known(rules.for_account(lists), asked_ms)

    def _fetched(self, symbol: str, task: "asyncio.Task[Known]") -> None:
        del self._fetching[symbol]
        if not task.cancelled() and task.exception() is None:
            self._known[symbol] = task.result()
            if len(self._known) > MOST_SYMBOLS:
                self._known.popitem(last=False)

    async def _all_names(self) -> tuple[str, ...]:
        """The names of all symbols; none where they cannot be had."""
        if not self._names:
            try:
                prices = (await self._exchange.fetch(PRICE, PriceParams())).payload
            except SpotError:
                return ()
            self._names = tuple(price.symbol for price in ((prices,) if isinstance(prices, Price) else prices))
        return self._names
