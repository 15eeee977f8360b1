"""Fetching the facts that a check lacks, side by side. What cannot be had stays unknown, and the check says so."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Final, Literal, TypeVar

from binance_spot_mcp.catalogue.account import ACCOUNT, AccountParams, Balance
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.lists import OPEN_ORDER_LISTS, OpenOrderListsParams
from binance_spot_mcp.catalogue.market import (
    AVERAGE_PRICE,
    ORDER_BOOK,
    PRICE,
    REFERENCE_PRICE,
    AveragePrice,
    AveragePriceParams,
    OrderBookParams,
    Price,
    PriceParams,
    ReferencePriceParams,
    SymbolInfo,
)
from binance_spot_mcp.catalogue.orders import TRIGGERED
from binance_spot_mcp.catalogue.orders import Order as OpenOrder
from binance_spot_mcp.catalogue.trading import OPEN_ORDERS, OpenOrdersParams
from binance_spot_mcp.domain.exact import minus, total
from binance_spot_mcp.domain.facts import Account, Input, Market, OpenCounts
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.trading.rules_cache import MAX_AGE_MS, MOST_SYMBOLS, Exchange

NO_REFERENCE_PRICE: Final = -2043
AVERAGE_AGE_MS: Final = 1_000
"""A mean over minutes hardly moves within so long, and an order that follows a look at it need not ask again."""

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class Prices:
    """Looks up the prices of symbols. It remembers an average price for a second, and which symbols have no reference.

    Args:
        exchange: Makes the calls.
        now_ms: A clock in epoch milliseconds that does not step.
    """

    def __init__(self, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._unreferenced_ms: dict[str, int] = {}
        self._averages: OrderedDict[str, tuple[int, AveragePrice]] = OrderedDict()

    async def market(self, symbol: str, wanted: Collection[Input], levels: int) -> Market:
        """The prices of a symbol that a check asks for.

        Args:
            symbol: The symbol.
            wanted: Which facts; others stay unknown.
            levels: How many levels of the book are needed.
        """
        exchange = self._exchange
        reference = self._reference(symbol, wanted="reference_price" in wanted)
        average = self._average(symbol, wanted="average_price" in wanted)
        last = _ask(exchange, PRICE, PriceParams(symbol=symbol), wanted="last_price" in wanted)
        book = _ask(
            exchange,
            ORDER_BOOK,
            OrderBookParams(symbol=symbol, limit=levels),
            wanted="book" in wanted or "touch" in wanted,
        )
        found = await asyncio.gather(reference, average, last, book)
        return Market(
            reference_price=found[0],
            average_price=None if found[1] is None else found[1].price,
            average_minutes=None if found[1] is None else found[1].mins,
            last_price=found[2].price if isinstance(found[2], Price) else None,
            bids=None if found[3] is None else tuple(price for price, _ in found[3].bids),
            asks=None if found[3] is None else tuple(price for price, _ in found[3].asks),
        )

    async def _average(self, symbol: str, *, wanted: bool) -> AveragePrice | None:
        """The average price, at most a second old; None where it is not wanted, or cannot be had."""
        asked_ms = self._now_ms()
        known_ms, known = self._averages.get(symbol, (0, None))
        if wanted and known is not None and 0 <= asked_ms - known_ms <= AVERAGE_AGE_MS:
            return known
        found = await _ask(self._exchange, AVERAGE_PRICE, AveragePriceParams(symbol=symbol), wanted=wanted)
        if found is not None:
            self._averages[symbol] = asked_ms, found
            self._averages.move_to_end(symbol)
            if len(self._averages) > MOST_SYMBOLS:
                self._averages.popitem(last=False)
        return found

    async def _reference(self, symbol: str, *, wanted: bool) -> Decimal | Literal["unset"] | None:
        """The reference price; `unset` where the exchange says that there is none now, or none at all."""
        if not wanted:
            return None
        if (asked_ms := self._unreferenced_ms.get(symbol)) is not None and self._now_ms() - asked_ms <= MAX_AGE_MS:
            return "unset"
        try:
            answer = await self._exchange.fetch(REFERENCE_PRICE, ReferencePriceParams(symbol=symbol))
        except SpotError as error:
            if error.exchange is None or error.exchange.code != NO_REFERENCE_PRICE:
                return None
            self._unreferenced_ms[symbol] = self._now_ms()
            return "unset"
        price = answer.payload.reference_price
        return "unset" if price is None else price


async def account(exchange: Exchange, info: SymbolInfo, wanted: Collection[Input]) -> Account:
    """What the account has open and holds, as far as a check asks for it.

    Args:
        exchange: Makes the calls.
        info: The symbol.
        wanted: Which facts; others stay unknown. All open orders cost much more than those of one symbol.
    """
    symbol, every = info.symbol, "all_open_orders" in wanted
    asked = OpenOrdersParams(symbol=None if every else symbol)
    open_orders = _ask(exchange, OPEN_ORDERS, asked, wanted=every or "open_orders" in wanted)
    open_lists = _ask(exchange, OPEN_ORDER_LISTS, OpenOrderListsParams(), wanted="open_order_lists" in wanted)
    holding = _ask(exchange, ACCOUNT, AccountParams(), wanted="balances" in wanted)
    orders, lists, holdings = await asyncio.gather(open_orders, open_lists, holding)
    here = None if orders is None else [order for order in orders if order.symbol == symbol]
    balances = None if holdings is None else holdings.balances
    base, quote = (_balance(balances, asset) for asset in (info.base_asset, info.quote_asset))
    return Account(
        here=_counts(here, None if lists is None else sum(each.symbol == symbol for each in lists)),
        everywhere=_counts(orders if every else None, None if lists is None else len(lists)),
        base_held=None if base is None else total((base.free, base.locked)),
        base_free=None if base is None else base.free,
        quote_free=None if quote is None else quote.free,
        buying=None if here is None else _buying(here),
    )


async def _ask(exchange: Exchange, endpoint: Endpoint[P, R], params: P, *, wanted: bool) -> R | None:
    """What a read gives; None where it is not wanted, or fails."""
    if not wanted:
        return None
    try:
        return (await exchange.fetch(endpoint, params)).payload
    except SpotError:
        return None


def _counts(orders: Iterable[OpenOrder] | None, lists: int | None) -> OpenCounts:
    """How many there are of each kind."""
    if orders is None:
        return OpenCounts(lists=lists)
    orders = list(orders)
    return OpenCounts(
        orders=len(orders),
        algo_orders=sum(order.type in TRIGGERED for order in orders),
        iceberg_orders=sum(order.iceberg_qty is not None for order in orders),
        lists=lists,
    )


def _balance(balances: Iterable[Balance] | None, asset: str) -> Balance | None:
    """What there is of an asset, which is nothing where it is not listed; None where balances are not known."""
    if balances is None:
        return None
    return next((each for each in balances if each.asset == asset), Balance(asset, Decimal(0), Decimal(0)))


def _buying(orders: Iterable[OpenOrder]) -> Decimal:
    """What the open BUY orders among these may still buy; an order without a quantity waits to sell what was bought."""
    buys = (order for order in orders if order.side == "BUY")
    return total(minus(order.orig_qty, order.executed_qty) for order in buys if order.orig_qty is not None)
