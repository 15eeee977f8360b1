"""What the market streams say, one type an event.

Fields have names where the wire has letters. Diff and partial depth keep prices and quantities as the text they came
as: the local book uses that text as its key, and converts what is read of it (`domain/local_book.py`).

Source: web-socket-streams.md
"""

from decimal import Decimal

import msgspec

from binance_spot_mcp.catalogue.endpoint import Payload

WireLevel = tuple[str, str]
"""Price and quantity, as the exchange wrote them."""


class TradeEvent(Payload, frozen=True):
    """One trade. `is_buyer_maker` is true where the seller took."""

    id: int = msgspec.field(name="t")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    time: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class AggregateTradeEvent(Payload, frozen=True):
    """Fills of one taker order at one price."""

    id: int = msgspec.field(name="a")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    first_trade_id: int = msgspec.field(name="f")
    last_trade_id: int = msgspec.field(name="l")
    time: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class KlineBar(Payload, frozen=True):
    """The kline itself; `closed` is true once nothing will be added to it."""

    open_time: int = msgspec.field(name="t")
    close_time: int = msgspec.field(name="T")
    interval: str = msgspec.field(name="i")
    open: Decimal = msgspec.field(name="o")
    high: Decimal = msgspec.field(name="h")
    low: Decimal = msgspec.field(name="l")
    close: Decimal = msgspec.field(name="c")
    volume: Decimal = msgspec.field(name="v")
    quote_volume: Decimal = msgspec.field(name="q")
    trades: int = msgspec.field(name="n")
    closed: bool = msgspec.field(name="x")


class KlineEvent(Payload, frozen=True):
    """The state of a kline at `event_time`."""

    event_time: int = msgspec.field(name="E")
    kline: KlineBar = msgspec.field(name="k")


class MiniTickerEvent(Payload, frozen=True):
    """Statistics of the last 24 hours, in short."""

    event_time: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    last_price: Decimal = msgspec.field(name="c")
    open_price: Decimal = msgspec.field(name="o")
    high_price: Decimal = msgspec.field(name="h")
    low_price: Decimal = msgspec.field(name="l")
    volume: Decimal = msgspec.field(name="v")
    quote_volume: Decimal = msgspec.field(name="q")


class WindowTickerEvent(MiniTickerEvent, frozen=True):
    """Statistics of the last hour, four hours or day."""

    price_change: Decimal = msgspec.field(name="p")
    price_change_percent: Decimal = msgspec.field(name="P")
    weighted_avg_price: Decimal = msgspec.field(name="w")
    open_time: int = msgspec.field(name="O")
    close_time: int = msgspec.field(name="C")
    count: int = msgspec.field(name="n")


class TickerEvent(WindowTickerEvent, frozen=True):
    """Statistics of the last 24 hours, with the best quotes."""

    bid_price: Decimal = msgspec.field(name="b")
    bid_qty: Decimal = msgspec.field(name="B")
    ask_price: Decimal = msgspec.field(name="a")
    ask_qty: Decimal = msgspec.field(name="A")


class BookTickerEvent(Payload, frozen=True):
    """The best bid and ask. It carries no time; `update_id` is the book's."""

    update_id: int = msgspec.field(name="u")
    bid_price: Decimal = msgspec.field(name="b")
    bid_qty: Decimal = msgspec.field(name="B")
    ask_price: Decimal = msgspec.field(name="a")
    ask_qty: Decimal = msgspec.field(name="A")


class AveragePriceEvent(Payload, frozen=True):
    """The average price over an interval such as 5m."""

    event_time: int = msgspec.field(name="E")
    interval: str = msgspec.field(name="i")
    price: Decimal = msgspec.field(name="w")
    last_trade_time: int = msgspec.field(name="T")


class ReferencePriceEvent(Payload, frozen=True):
    """The reference price at `time`; None where the symbol has none."""

    price: Decimal | None = msgspec.field(name="r")
    time: int = msgspec.field(name="t")


class DepthSnapshot(Payload, frozen=True):
    """The best levels of a book, best first: a partial depth event, or the answer to GET /api/v3/depth."""

    last_update_id: int
    bids: tuple[WireLevel, ...]
    asks: tuple[WireLevel, ...]


class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """The levels that changed between two update ids; quantity 0 means that the level is gone.

    A plain struct and not a `Payload`: it is the one event that comes by the thousand and that no model reads.
    """

    first_update_id: int = msgspec.field(name="U")
    last_update_id: int = msgspec.field(name="u")
    bids: list[WireLevel] = msgspec.field(name="b")
    asks: list[WireLevel] = msgspec.field(name="a")
    event_time: int = msgspec.field(name="E")
