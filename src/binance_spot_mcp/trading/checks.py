"""What is checked before an order is sent: the rules of its symbol, by prices and facts that are looked up for it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.lists import (
    PLACE_LEGACY_OCO,
    PLACE_OCO,
    PLACE_OPO,
    PLACE_OPOCO,
    PLACE_OTO,
    PLACE_OTOCO,
)
from binance_spot_mcp.catalogue.trading import (
    CANCEL_REPLACE_ORDER,
    PLACE_ORDER,
    PLACE_SOR_ORDER,
    TEST_ORDER,
    TEST_SOR_ORDER,
)
from binance_spot_mcp.domain.check import Check, check
from binance_spot_mcp.domain.facts import Account, Market
from binance_spot_mcp.domain.requests import Kind, Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.trading import gathering
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.rules_cache import PASSING_AGE_MS, Exchange, RulesCache

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        PLACE_ORDER.name: "order",
        TEST_ORDER.name: "order",
        CANCEL_REPLACE_ORDER.name: "replace",
        PLACE_SOR_ORDER.name: "sor",
        TEST_SOR_ORDER.name: "sor",
        PLACE_OCO.name: "oco",
        PLACE_OTO.name: "oto",
        PLACE_OTOCO.name: "otoco",
        PLACE_OPO.name: "opo",
        PLACE_OPOCO.name: "opoco",
        PLACE_LEGACY_OCO.name: "legacy_oco",
    }
)
"""What each endpoint places or tests."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that was checked, and what it was checked against.

    Attributes:
        check: What was found.
        rules: The symbol's rules.
        rules_age_ms: How old they are.
        market: The prices that were looked up for it.
        account: What was looked up of the account.
    """

    check: Check
    rules: SymbolRules
    rules_age_ms: int
    market: Market
    account: Account

    def facts(self) -> dict[str, object]:
        """All of it, ready to be written as JSON."""
        return {
            "symbol": self.rules.info,
            "filters": self.rules.filters,
            "unknown": self.rules.unknown,
            "rules_age_ms": self.rules_age_ms,
            "market": self.market,
            "account": self.account,
            "violations": [{"message": each.message, **each.details} for each in self.check.violations],
            "unchecked": [str(each) for each in self.check.unchecked],
            "fix": self.check.fix,
            "notional": self.check.notional,
        }


class Checks:
    """Checks requests.

    Args:
        exchange: Makes the calls.
        now_ms: A clock in epoch milliseconds that does not step.

    Attributes:
        rules: The rules of symbols.
    """

    def __init__(self, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self.rules = RulesCache(exchange, now_ms)
        self._exchange = exchange
        self._prices = gathering.Prices(exchange, now_ms)
        self._now_ms = now_ms

    async def check(self, request: Request, *, account: bool = False) -> Checked:
        """Check a request against fresh rules and the prices that they ask for. Nothing is placed.

        Args:
            request: The order or order list.
            account: Whether to look up open orders and balances too, for the rules that ask for them.

        Raises:
            InvalidInput: There is no such symbol.
            SpotError: The rules cannot be fetched.
        """
        known = await self.rules.rules(request.symbol)
        rules = known.rules
        missing = check(request, rules).missing
        market, held = await asyncio.gather(
            self._prices.market(request.symbol, missing if account else missing - {"touch"}, request.book_levels),
            gathering.account(self._exchange, rules.info, missing if account else ()),
        )
        found = check(request, rules, market, held)
        return Checked(found, rules, self._now_ms() - known.fetched_ms, market, held)

    async def admitted(self, intents: Intents, request: Request) -> Checked:
        """Check what would be placed against everything that can change from one moment to the next.

        Raises:
            SpotError: It may not be placed now.
        """
        intents.refuse_unresolved(request.symbol, {order.side for order in request.orders})
        checked = await self.check(request)
        if refusal := checked.check.refusal():
            if refusal.code == "SYMBOL_NOT_TRADING":
                refusal.retry, refusal.retry_at_ms = "at", self._now_ms() + PASSING_AGE_MS
            raise refusal
        return checked


def request_of(endpoint: Endpoint[Any, Any], params: Params) -> Request:
    """The orders that a call would place or test."""
    return Request.read(KINDS[endpoint.name], params.given())
