"""Tools that subscribe to streams. What comes is kept, and read with `read_stream`."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.fields import Flag, Interval, Symbol
from binance_spot_mcp.catalogue.market import BOOK_TICKER, BookTickerParams
from binance_spot_mcp.catalogue.selection import SymbolParams
from binance_spot_mcp.catalogue.streams import (
    AGGREGATE_TRADE,
    ALL_MINI_TICKERS,
    ALL_WINDOW_TICKERS,
    AVERAGE_PRICE,
    BLOCK_TRADE,
    DIFF_DEPTH,
    EAST_EIGHT,
    FAST,
    KLINE,
    KLINE_EAST_EIGHT,
    MINI_TICKER,
    PARTIAL_DEPTH,
    REFERENCE_PRICE,
    TICKER,
    TRADE,
    WINDOW_TICKER,
    Stream,
    stream,
)
from binance_spot_mcp.catalogue.streams import BOOK_TICKER as BOOK_TICKER_STREAM
from binance_spot_mcp.errors import Rejected, SpotError
from binance_spot_mcp.tools.stream_fields import DepthLevels
from binance_spot_mcp.tools.stream_rows import Row, health
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.streams.hub import Subscription
    from binance_spot_mcp.tools.desk import Desk

CONFIRMED_S = 5.0
"""How long a subscription waits for the exchange's word."""


async def check_listed(desk: "Desk", symbol: str) -> None:
    """Refuse a symbol that does not exist: the exchange takes a stream of any name, and stays silent.

    Raises:
        InvalidInput: UNKNOWN_SYMBOL, with those that come near.
    """
    try:
        await desk.spot.fetch(BOOK_TICKER, BookTickerParams(symbol=symbol))
    except Rejected as refusal:
        if refusal.code == "UNKNOWN_SYMBOL":
            raise await desk.gate.unknown_symbol(symbol) from refusal
    except SpotError:
        return  # streams have a line of their own, and say themselves how they are


async def _subscribed(desk: "Desk", wanted: Stream) -> Row:
    if wanted.symbol is not None:
        await check_listed(desk, wanted.symbol)
    return await told(desk, await desk.streams.subscribe(wanted))


async def told(desk: "Desk", subscription: "Subscription") -> Row:
    """A subscription as its tool answers, once the exchange has confirmed it or some seconds have passed."""
    from binance_spot_mcp.streams.watching import until  # noqa: PLC0415  (not needed to list the tools)

    feed = subscription.feed
    await until(desk.streams.world, feed, lambda: feed.state != "PENDING", CONFIRMED_S)
    return {
        "subscription": subscription.name,
        **health(desk.streams, feed),
        "after": feed.seq,
        "next": "get_local_book" if subscription.book else "read_stream",
    }


class TradeStreamParams(SymbolParams):
    """Subscribe to a symbol's trades as they happen. kind: trade (each fill), aggTrade (merged per taker order) or
    blockTrade. Then call read_stream."""

    kind: Literal["trade", "aggTrade", "blockTrade"] = "trade"


@tool(title="Stream of trades", toolset="streams")
async def subscribe_to_trade_stream(desk: "Desk", params: TradeStreamParams) -> object:
    """Trades of a symbol."""
    kinds = {"trade": TRADE, "aggTrade": AGGREGATE_TRADE, "blockTrade": BLOCK_TRADE}
    return await _subscribed(desk, stream(kinds[params.kind], params.symbol))


class KlineStreamParams(SymbolParams):
    """Subscribe to a symbol's current kline (candle), updated every one or two seconds; closed is true on its last
    update."""

    interval: Interval
    time_zone: Literal["UTC", "+08:00"] = "UTC"


@tool(title="Stream of klines", toolset="streams")
async def subscribe_to_kline_stream(desk: "Desk", params: KlineStreamParams) -> object:
    """Klines of a symbol."""
    if params.time_zone == "UTC":
        return await _subscribed(desk, stream(KLINE, params.symbol, params.interval))
    return await _subscribed(desk, stream(KLINE_EAST_EIGHT, params.symbol, params.interval + EAST_EIGHT))


class TickerStreamParams(Params):
    """Subscribe to price statistics, updated each second: of one symbol, or without symbol of all that change (24h is
    then the mini ticker, as !ticker@arr is retired)."""

    symbol: Symbol | None = None
    window: Literal["24h", "1h", "4h", "1d"] = "24h"
    mini: Annotated[Flag, Field(description="24h only: prices and volumes alone")] = False


@tool(title="Stream of tickers", toolset="streams")
async def subscribe_to_ticker_stream(desk: "Desk", params: TickerStreamParams) -> object:
    """Tickers of a symbol, or of all."""
    match params.symbol, params.window:
        case None, "24h":
            wanted = stream(ALL_MINI_TICKERS)
        case None, window:
            wanted = stream(ALL_WINDOW_TICKERS, tail=window)
        case symbol, "24h":
            wanted = stream(MINI_TICKER if params.mini else TICKER, symbol)
        case symbol, window:
            wanted = stream(WINDOW_TICKER, symbol, window)
    return await _subscribed(desk, wanted)


class BookTickerStreamParams(SymbolParams):
    """Subscribe to a symbol's best bid and ask, at every change."""


@tool(title="Stream of best quotes", toolset="streams")
async def subscribe_to_book_ticker_stream(desk: "Desk", params: BookTickerStreamParams) -> object:
    """The best quotes of a symbol."""
    return await _subscribed(desk, stream(BOOK_TICKER_STREAM, params.symbol))


class DepthStreamParams(SymbolParams):
    """Subscribe to a symbol's order book: with levels (5, 10 or 20) the best levels each time, without them every
    change, kept as a local book that get_local_book queries."""

    levels: DepthLevels | None = None
    speed: Literal["100ms", "1000ms"] = "100ms"


@tool(title="Stream of the order book", toolset="streams")
async def subscribe_to_depth_stream(desk: "Desk", params: DepthStreamParams) -> object:
    """The order book of a symbol."""
    speed = FAST if params.speed == "100ms" else ""
    kind = PARTIAL_DEPTH if params.levels else DIFF_DEPTH
    return await _subscribed(desk, stream(kind, params.symbol, f"{params.levels or ''}{speed}"))


class AveragePriceStreamParams(SymbolParams):
    """Subscribe to a symbol's average price of the last minutes, each second."""


@tool(title="Stream of the average price", toolset="streams")
async def subscribe_to_average_price_stream(desk: "Desk", params: AveragePriceStreamParams) -> object:
    """The average price of a symbol."""
    return await _subscribed(desk, stream(AVERAGE_PRICE, params.symbol))


class ReferencePriceStreamParams(SymbolParams):
    """Subscribe to a symbol's reference price, each second."""


@tool(title="Stream of the reference price", toolset="streams")
async def subscribe_to_reference_price_stream(desk: "Desk", params: ReferencePriceStreamParams) -> object:
    """The reference price of a symbol."""
    return await _subscribed(desk, stream(REFERENCE_PRICE, params.symbol))


class UserStreamParams(Params):
    """Subscribe to your account: order reports and fills, balances, order lists. Read it with read_stream and
    subscription user. It takes the place of listenKeys, which Binance removed."""


@tool(title="Stream of the account", toolset="streams")
async def subscribe_to_user_stream(desk: "Desk", params: UserStreamParams) -> object:
    """Whatever happens on the account."""
    return await told(desk, await desk.streams.subscribe_user())
