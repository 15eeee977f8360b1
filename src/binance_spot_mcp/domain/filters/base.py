"""What every filter is: its fields as they come over the wire, and what it finds in a request."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from binance_spot_mcp.catalogue.market import SymbolInfo
from binance_spot_mcp.domain.facts import Account, Market
from binance_spot_mcp.domain.findings import Limit, Unchecked
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.domain.requests import Request


@dataclass(frozen=True, slots=True)
class Case:
    """What a filter may look at besides the request itself."""

    symbol: SymbolInfo
    market: Market
    account: Account


class Filter(msgspec.Struct, frozen=True, kw_only=True, tag_field="filterType", rename="camel"):
    """One filter of a symbol, of the exchange, or of an asset of the account.

    Source: filters.md
    """

    @property
    def name(self) -> str:
        """The filter's name on the wire."""
        return str(self.__struct_config__.tag)

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Every limit that this filter sets for the request, kept or not, and what cannot be checked."""
        raise NotImplementedError


class OrderFilter(Filter, frozen=True, kw_only=True):
    """A filter that looks at each order alone; the legs of a list are looked at one by one."""

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Every limit for every order of the request."""
        for order in request.orders:
            yield from self.of_order(order, case)

    def of_order(self, order: Order, case: Case) -> Iterator[Limit | Unchecked]:
        """Every limit that this filter sets for one order."""
        raise NotImplementedError
