"""What was traded of our orders, part by part: each part counts once, whoever tells of it and however often.

A part is known by its symbol, its order and its trade. One that came through smart order routing has no trade of its
own (-1) and is known by its allocation; where two orders of ours meet, both have a part of the same trade.

Source: rest-api.md#account-trade-list-user_data, rest-api.md#query-allocations-user_data, faqs/sor_faq.md
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from binance_spot_mcp.domain.exact import total
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.vocabulary import plain

FillSource = Literal["reply", "stream", "trades"]
"""Told in the answer to the order, told as it happened, or found by asking for trades."""
FillKey: TypeAlias = tuple[str, int, int, int]
"""Symbol, order id, trade id and allocation id, each of the latter -1 where there is none."""

NO_TRADE: Final = -1
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A part of an order of ours that traded.

    Attributes:
        symbol: The symbol.
        order_id: The exchange's number for the order.
        trade_id: The exchange's number for the trade; -1 for one that was routed.
        allocation_id: The number of a routed one; None for any other.
        side: BUY or SELL.
        price: Units of the quote asset for one of the base asset.
        quantity: How much of the base asset.
        quote: What that came to in the quote asset.
        commission: The fee.
        commission_asset: What it was paid in; empty where there was none.
        maker: Whether the order was resting in the book; None where that is not said.
        at_ms: When, in epoch milliseconds.
        source: How we know.
        client_order_id: The name that we gave the order.
        intent_id: The call that placed it.
    """

    symbol: str
    order_id: int
    trade_id: int
    allocation_id: int | None
    side: str
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool | None
    at_ms: int
    source: FillSource
    client_order_id: str = ""
    intent_id: str = ""

    @property
    def key(self) -> FillKey:
        """What tells it from every other."""
        return self.symbol, self.order_id, self.trade_id, NO_TRADE if self.allocation_id is None else self.allocation_id

    @property
    def recovered(self) -> bool:
        """Whether it was not told as it happened and had to be asked for."""
        return self.source == "trades"


class Fills:
    """Every fill of our orders, in the order in which we learned of them."""

    def __init__(self) -> None:
        self._all: list[Fill] = []
        self._keys: set[FillKey] = set()
        self._of: defaultdict[str, list[Fill]] = defaultdict(list)
        self._executed: dict[str, Decimal] = {}
        self._last_trade: dict[str, int] = {}

    def __iter__(self) -> Iterator[Fill]:
        """From the first one that we learned of to the last."""
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: FillKey) -> bool:
        return key in self._keys

    def add(self, fill: Fill) -> None:
        """Take in a fill; one that is known already changes nothing."""
        if fill.key in self._keys:
            return
        self._keys.add(fill.key)
        self._all.append(fill)
        self._of[fill.client_order_id].append(fill)
        self._executed[fill.client_order_id] = total((self.executed(fill.client_order_id), fill.quantity))
        self._last_trade[fill.symbol] = max(fill.trade_id, self._last_trade.get(fill.symbol, NO_TRADE))

    def of(self, client_order_id: str) -> tuple[Fill, ...]:
        """The fills of an order."""
        return tuple(self._of.get(client_order_id, ()))

    def executed(self, client_order_id: str) -> Decimal:
        """How much of an order they come to, in base units."""
        return self._executed.get(client_order_id, _NOTHING)

    def by_time(self) -> list[Fill]:
        """All of them as they happened, whenever we learned of them."""
        return sorted(self._all, key=lambda fill: (fill.at_ms, fill.trade_id))

    def last_trade(self, symbol: str) -> int | None:
        """The highest number among the trades of a symbol."""
        last = self._last_trade.get(symbol, NO_TRADE)
        return None if last == NO_TRADE else last


def fees(fills: Iterable[Fill]) -> dict[str, Decimal]:
    """What some fills cost, by asset."""
    paid: defaultdict[str, list[Decimal]] = defaultdict(list)
    for fill in fills:
        if fill.commission:
            paid[fill.commission_asset].append(fill.commission)
    return {asset: total(amounts) for asset, amounts in paid.items()}


def filled(fill: Fill) -> Entry:
    """The entry that a part of an order traded."""
    said = {
        "source": fill.source,
        "trade_id": fill.trade_id,
        "allocation_id": fill.allocation_id,
        "side": fill.side,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "quote": plain(fill.quote),
        "commission": plain(fill.commission),
        "commission_asset": fill.commission_asset,
        "maker": fill.maker,
        "at_ms": fill.at_ms,
        "recovered": fill.recovered,
    }
    return Entry(
        kind="fill",
        state="RECOVERED" if fill.recovered else "TRADED",
        intent_id=fill.intent_id,
        symbol=fill.symbol,
        client_order_id=fill.client_order_id,
        order_id=fill.order_id,
        evidence={name: value for name, value in said.items() if value is not None},
    )


def read_fill(entry: Entry) -> Fill:
    """The fill of which an entry tells."""
    said = entry.evidence
    return Fill(
        symbol=entry.symbol,
        order_id=entry.order_id or 0,
        trade_id=said["trade_id"],
        allocation_id=said.get("allocation_id"),
        side=said["side"],
        price=Decimal(said["price"]),
        quantity=Decimal(said["quantity"]),
        quote=Decimal(said["quote"]),
        commission=Decimal(said["commission"]),
        commission_asset=said["commission_asset"],
        maker=said.get("maker"),
        at_ms=said["at_ms"],
        source=said["source"],
        client_order_id=entry.client_order_id,
        intent_id=entry.intent_id,
    )
