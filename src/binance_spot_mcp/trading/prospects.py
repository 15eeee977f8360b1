"""Looking up what becomes of an order if it is placed now: what it trades at once, and what it costs in fees."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from binance_spot_mcp.catalogue.account import COMMISSION_RATES, CommissionRates, CommissionRatesParams
from binance_spot_mcp.catalogue.market import ORDER_BOOK, OrderBook, OrderBookParams
from binance_spot_mcp.domain.exact import times
from binance_spot_mcp.domain.fees import FeeRates, fee_rates, pays_discounted
from binance_spot_mcp.domain.orders import Order
from binance_spot_mcp.domain.prospect import Prospect, prospect
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.trading.caps import Share
from binance_spot_mcp.trading.rules_cache import MAX_AGE_MS, MOST_SYMBOLS, Exchange

LEVELS: Final = 100
"""So many levels of each side of the book are looked at; more would cost five times as much."""


@dataclass(frozen=True, slots=True)
class Fee:
    """What an order costs in fees.

    Attributes:
        asset: What it receives, out of which the fee is paid.
        rates: The rates.
        expected: The fee if it trades at once what it can and the rest later; None where that is not known.
        at_most: The fee if all of it trades at the higher rate and the price that is known to be the highest.
        discount_asset: What pays instead, as long as there is enough of it; empty where nothing does.
        discounted: The rates in that case.
    """

    asset: str
    rates: FeeRates
    expected: Decimal | None
    at_most: Decimal | None
    discount_asset: str
    discounted: FeeRates | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of an order if it is placed now.

    Attributes:
        book: The book; None where it could not be had.
        prospect: What the order would do at once; None where nobody knows.
        fee: What it costs; None where the rates could not be had.
        at_ms: When the book was asked for, in epoch milliseconds.
    """

    book: OrderBook | None
    prospect: Prospect | None
    fee: Fee | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What there is to know of a checked order before it is placed.

    Attributes:
        intent_id: A name for the call that places it, and for no other call.
        outlook: What becomes of it.
        test: Whether the exchange's own test comes first; None where this process cannot know.
        approval: Whether a person has to say yes.
        weight: Request weight of placing it, test included.
        caps: How the operator's caps would stand.
        closed: Why this process cannot place it now; empty if it can.
    """

    intent_id: str
    outlook: Outlook
    test: bool | None
    approval: bool
    weight: int
    caps: tuple[Share, ...]
    closed: str


class Prospects:
    """Finds out what becomes of orders. Fee rates are remembered for an hour.

    Args:
        exchange: Makes the calls.
        now_ms: The exchange's time in epoch milliseconds.
    """

    def __init__(self, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._rates: OrderedDict[str, tuple[int, CommissionRates]] = OrderedDict()

    async def outlook(self, order: Order, base: str, quote: str, notional: Decimal | None) -> Outlook:
        """What becomes of an order if it is placed now. What cannot be had stays unknown.

        Args:
            order: A single order.
            base: The base asset of its symbol.
            quote: The quote asset.
            notional: The most that it is expected to trade, in the quote asset.
        """
        at_ms = self._now_ms()
        book, rates = await asyncio.gather(self._book(order.symbol), self._commission(order.symbol))
        found = None if book is None else prospect(order, book.bids, book.asks)
        asset = base if order.side == "BUY" else quote
        return Outlook(book, found, None if rates is None else _fee(order, asset, rates, found, notional), at_ms)

    async def _book(self, symbol: str) -> OrderBook | None:
        try:
            return (await self._exchange.fetch(ORDER_BOOK, OrderBookParams(symbol=symbol, limit=LEVELS))).payload
        except SpotError:
            return None

    async def _commission(self, symbol: str) -> CommissionRates | None:
        known = self._rates.get(symbol)
        if known is not None and 0 <= self._now_ms() - known[0] <= MAX_AGE_MS:
            return known[1]
        try:
            asked_ms = self._now_ms()
            rates = (await self._exchange.fetch(COMMISSION_RATES, CommissionRatesParams(symbol=symbol))).payload
        except SpotError:
            return None
        self._rates[symbol] = asked_ms, rates
        if len(self._rates) > MOST_SYMBOLS:
            self._rates.popitem(last=False)
        return rates


def _fee(order: Order, asset: str, rates: CommissionRates, found: Prospect | None, notional: Decimal | None) -> Fee:
    own, discounted = fee_rates(rates, order.side), pays_discounted(rates)
    return Fee(
        asset=asset,
        rates=own,
        expected=_expected(order, own, found),
        at_most=_at_most(order, own, found, notional),
        discount_asset=rates.discount.discount_asset if discounted else "",
        discounted=fee_rates(rates, order.side, discounted=True) if discounted else None,
    )


def _expected(order: Order, rates: FeeRates, found: Prospect | None) -> Decimal | None:
    """The fee of what is taken now and, if it rests, of what is left at the order's own price."""
    if found is None or found.then.startswith("is beyond"):
        return None
    left = (found.left or Decimal(0)) if found.then == "rests" else Decimal(0)
    if order.side == "BUY":
        return rates.of(found.now.quantity, left)
    return rates.of(found.now.notional, times(left, order.price or Decimal(0)))


def _at_most(order: Order, rates: FeeRates, found: Prospect | None, notional: Decimal | None) -> Decimal | None:
    """The fee of all of it; of a purchase by its quote amount that is known only where the whole of it trades now."""
    if order.side == "SELL":
        received = notional
    else:
        received = order.quantity or (found.now.quantity if found and found.now.complete else None)
    return None if received is None else times(received, rates.highest)
