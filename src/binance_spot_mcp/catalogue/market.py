"""Public market data: what trades, at which prices, by which rules. No key is needed."""

from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec
from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params, Payload, Route
from binance_spot_mcp.catalogue.fields import (
    Flag,
    Interval,
    Millis,
    Permissions,
    TimeZone,
    at_most,
)
from binance_spot_mcp.catalogue.rules import ANY, AtMostOne, Refuses
from binance_spot_mcp.catalogue.selection import ONE_OR_SEVERAL, StatusFilter, SymbolParams, SymbolsParams
from binance_spot_mcp.catalogue.statistics import DAY_TICKER, ROLLING_WINDOW_TICKER, TRADING_DAY_TICKER
from binance_spot_mcp.catalogue.trades import (
    AGGREGATE_TRADES,
    HISTORICAL_BLOCK_TRADES,
    HISTORICAL_TRADES,
    RECENT_TRADES,
)


class PingParams(Params):
    """Check that the exchange answers. Use get_server_time for its clock."""


class Nothing(Payload, frozen=True):
    """An empty object: the answer is that there is one."""


PING: Endpoint[PingParams, Nothing] = Endpoint(
    name="ping_binance",
    title="Ping the exchange",
    route=Route("GET /api/v3/ping", ws="ping"),
    params=PingParams,
    result=Nothing,
    toolset="market",
    source="rest-api.md#test-connectivity",
    data_only=True,
)


class ServerTimeParams(Params):
    """The exchange's clock, in epoch milliseconds UTC."""


class ServerTime(Payload, frozen=True):
    """The exchange's clock, epoch milliseconds."""

    server_time: int


SERVER_TIME: Endpoint[ServerTimeParams, ServerTime] = Endpoint(
    name="get_server_time",
    title="Server time",
    route=Route("GET /api/v3/time", ws="time"),
    params=ServerTimeParams,
    result=ServerTime,
    toolset="market",
    source="rest-api.md#check-server-time",
    data_only=True,
)


class ExchangeInfoParams(SymbolsParams):
    """Trading rules of symbols: status, assets, order types, filters (tick, step, minimum notional). Name symbols:
    without any, thousands come back in pages. To validate an order use check_order."""

    permissions: Annotated[Permissions | None, Field(description="SPOT, MARGIN, LEVERAGED, TRD_GRP_002 to _025")] = None
    show_permission_sets: Flag = False
    symbol_status: StatusFilter = None


class RateLimit(Payload, frozen=True):
    """A limit of the exchange: so many per interval; `count` is what the account used, where that is known."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int | None = None


class SymbolInfo(Payload, frozen=True, kw_only=True):
    """What a symbol is and allows. Its filters stay raw until someone needs them, since there are many."""

    symbol: str
    status: str
    base_asset: str
    base_asset_precision: int
    quote_asset: str
    quote_asset_precision: int
    order_types: tuple[str, ...]
    iceberg_allowed: bool
    oco_allowed: bool
    oto_allowed: bool
    opo_allowed: bool
    quote_order_qty_market_allowed: bool
    allow_trailing_stop: bool
    cancel_replace_allowed: bool
    amend_allowed: bool
    peg_instructions_allowed: bool
    is_spot_trading_allowed: bool
    filters: msgspec.Raw
    permission_sets: tuple[tuple[str, ...], ...] = ()
    default_self_trade_prevention_mode: str
    allowed_self_trade_prevention_modes: tuple[str, ...]


class SorGroup(Payload, frozen=True):
    """Symbols among which smart order routing may choose to trade a base asset."""

    base_asset: str
    symbols: tuple[str, ...]


class ExchangeInfo(Payload, frozen=True):
    """Limits and filters of the whole exchange, and its symbols."""

    server_time: int
    rate_limits: tuple[RateLimit, ...]
    exchange_filters: msgspec.Raw
    symbols: tuple[SymbolInfo, ...]
    sors: tuple[SorGroup, ...] = ()


EXCHANGE_INFO: Endpoint[ExchangeInfoParams, ExchangeInfo] = Endpoint(
    name="get_exchange_info",
    title="Symbols and trading rules",
    route=Route("GET /api/v3/exchangeInfo", ws="exchangeInfo"),
    params=ExchangeInfoParams,
    result=ExchangeInfo,
    toolset="market",
    source="rest-api.md#exchange-information",
    weight=20,
    rules=(
        AtMostOne(("symbol", "symbols", "permissions")),
        Refuses({"symbol": ANY}, ("symbolStatus",)),
        Refuses({"symbols": ANY}, ("symbolStatus",)),
    ),
    data_only=True,
    bulky=lambda params: params.count() == 0,
)


class ExecutionRulesParams(SymbolsParams):
    """Price-range rules: how far from the reference price an execution may happen. Most symbols have none."""

    symbol_status: StatusFilter = None


class ExecutionRule(Payload, frozen=True):
    """A band around the reference price, as multipliers per side; a missing one is not enforced."""

    rule_type: str
    bid_limit_mult_up: Decimal | None = None
    bid_limit_mult_down: Decimal | None = None
    ask_limit_mult_up: Decimal | None = None
    ask_limit_mult_down: Decimal | None = None


class SymbolRules(Payload, frozen=True):
    """The execution rules of one symbol."""

    symbol: str
    rules: tuple[ExecutionRule, ...]


class ExecutionRules(Payload, frozen=True):
    """The execution rules of those symbols that have any."""

    symbol_rules: tuple[SymbolRules, ...]


def _execution_rules_weight(params: ExecutionRulesParams) -> int:
    return min(2 * params.count(), 40) or 40


EXECUTION_RULES: Endpoint[ExecutionRulesParams, ExecutionRules] = Endpoint(
    name="get_execution_rules",
    title="Execution rules",
    route=Route("GET /api/v3/executionRules", ws="executionRules"),
    params=ExecutionRulesParams,
    result=ExecutionRules,
    toolset="market",
    source="rest-api.md#query-execution-rules",
    weight=_execution_rules_weight,
    rules=(AtMostOne(("symbol", "symbols", "symbolStatus")),),
)


class OrderBookParams(SymbolParams):
    """Price levels nearest the spread, best first. For the best bid and ask alone use get_book_ticker."""

    limit: Annotated[int, at_most(5000), Field(description="levels per side")] = 20
    symbol_status: StatusFilter = None


class OrderBook(Payload, frozen=True):
    """A depth snapshot; a level is (price in quote units, quantity in base units)."""

    last_update_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


def _order_book_weight(params: OrderBookParams) -> int:
    return next(weight for most, weight in ((100, 5), (500, 25), (1000, 50), (5000, 250)) if params.limit <= most)


ORDER_BOOK: Endpoint[OrderBookParams, OrderBook] = Endpoint(
    name="get_order_book",
    title="Order book",
    route=Route("GET /api/v3/depth", ws="depth"),
    params=OrderBookParams,
    result=OrderBook,
    toolset="market",
    source="rest-api.md#order-book",
    weight=_order_book_weight,
    data_only=True,
)


class KlineParams(SymbolParams):
    """Klines of a symbol, and which ones."""

    interval: Interval
    start_time: Millis | None = None
    end_time: Millis | None = None
    time_zone: Annotated[TimeZone | None, Field(description="day boundary, e.g. 8 or -3:30; times stay UTC")] = None
    limit: Annotated[int, at_most(1000)] = 100


class HistoricalPricesParams(KlineParams):
    """Klines (candles: open, high, low, close, volume), oldest first; without times the latest, of which the last is
    unfinished."""


class UiKlinesParams(KlineParams):
    """Klines smoothed for drawing. For analysis use get_historical_prices."""


class Kline(Payload, frozen=True, array_like=True):
    """One interval: when it opens, its prices in quote units, and the volume in base units.

    On the wire it is an array, and `BEHIND` names what comes after these.
    """

    BEHIND: ClassVar[tuple[str, ...]] = (
        "closeTime",
        "quoteVolume",
        "trades",
        "takerBuyVolume",
        "takerBuyQuoteVolume",
        "unused",
    )

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


HISTORICAL_PRICES: Endpoint[HistoricalPricesParams, tuple[Kline, ...]] = Endpoint(
    name="get_historical_prices",
    title="Klines",
    route=Route("GET /api/v3/klines", ws="klines"),
    params=HistoricalPricesParams,
    result=tuple[Kline, ...],
    toolset="market",
    source="rest-api.md#klinecandlestick-data",
    weight=2,
    data_only=True,
)

UI_KLINES: Endpoint[UiKlinesParams, tuple[Kline, ...]] = Endpoint(
    name="get_ui_klines",
    title="Klines for charts",
    route=Route("GET /api/v3/uiKlines", ws="uiKlines"),
    params=UiKlinesParams,
    result=tuple[Kline, ...],
    toolset="market",
    source="rest-api.md#uiklines",
    weight=2,
    data_only=True,
)


class AveragePriceParams(SymbolParams):
    """Volume-weighted average price of the last minutes (usually 5), which price filters compare with."""


class AveragePrice(Payload, frozen=True):
    """The average over `mins` minutes up to `close_time` (epoch milliseconds)."""

    mins: int
    price: Decimal
    close_time: int


AVERAGE_PRICE: Endpoint[AveragePriceParams, AveragePrice] = Endpoint(
    name="get_average_price",
    title="Average price",
    route=Route("GET /api/v3/avgPrice", ws="avgPrice"),
    params=AveragePriceParams,
    result=AveragePrice,
    toolset="market",
    source="rest-api.md#current-average-price",
    weight=2,
    data_only=True,
)


class QuotedSymbolsParams(SymbolsParams):
    """Whose quote."""

    symbol_status: StatusFilter = None


class PriceParams(QuotedSymbolsParams):
    """Last traded price of one symbol, several, or all. To trade look at get_book_ticker."""


class Price(Payload, frozen=True):
    """The last traded price, in quote units."""

    symbol: str
    price: Decimal


def _quote_weight(params: QuotedSymbolsParams) -> int:
    return 2 if params.symbol else 4


PRICE: Endpoint[PriceParams, Price | tuple[Price, ...]] = Endpoint(
    name="get_price",
    title="Price",
    route=Route("GET /api/v3/ticker/price", ws="ticker.price"),
    params=PriceParams,
    result=Price | tuple[Price, ...],
    toolset="market",
    source="rest-api.md#symbol-price-ticker",
    weight=_quote_weight,
    rules=(ONE_OR_SEVERAL,),
    data_only=True,
)


class BookTickerParams(QuotedSymbolsParams):
    """Best bid and ask with their quantities, of one symbol, several, or all. For more levels use get_order_book."""


class BookTicker(Payload, frozen=True):
    """Best bid and ask; prices in quote units, quantities in base units, 0 where a side is empty."""

    symbol: str
    bid_price: Decimal
    bid_qty: Decimal
    ask_price: Decimal
    ask_qty: Decimal


BOOK_TICKER: Endpoint[BookTickerParams, BookTicker | tuple[BookTicker, ...]] = Endpoint(
    name="get_book_ticker",
    title="Best bid and ask",
    route=Route("GET /api/v3/ticker/bookTicker", ws="ticker.book"),
    params=BookTickerParams,
    result=BookTicker | tuple[BookTicker, ...],
    toolset="market",
    source="rest-api.md#symbol-order-book-ticker",
    weight=_quote_weight,
    rules=(ONE_OR_SEVERAL,),
    data_only=True,
)


class ReferencePriceParams(SymbolParams):
    """The price that execution rules and price filters measure from. Null where none is set."""


class ReferencePrice(Payload, frozen=True):
    """A symbol's reference price in quote units, None where it is not set now, and since when."""

    symbol: str
    reference_price: Decimal | None
    timestamp: int


REFERENCE_PRICE: Endpoint[ReferencePriceParams, ReferencePrice] = Endpoint(
    name="get_reference_price",
    title="Reference price",
    route=Route("GET /api/v3/referencePrice", ws="referencePrice"),
    params=ReferencePriceParams,
    result=ReferencePrice,
    toolset="market",
    source="rest-api.md#query-reference-price",
    weight=2,
)


class ReferencePriceCalculationParams(SymbolParams):
    """How a symbol's reference price is computed. The price itself: get_reference_price."""

    symbol_status: StatusFilter = None


class ReferencePriceCalculation(Payload, frozen=True):
    """A mean over `bucket_count` buckets of `bucket_width_ms`, or a source outside."""

    symbol: str
    calculation_type: str
    bucket_count: int | None = None
    bucket_width_ms: int | None = None
    external_calculation_id: int | None = None


REFERENCE_PRICE_CALCULATION: Endpoint[ReferencePriceCalculationParams, ReferencePriceCalculation] = Endpoint(
    name="get_reference_price_calculation",
    title="Reference price calculation",
    route=Route("GET /api/v3/referencePrice/calculation", ws="referencePrice.calculation"),
    params=ReferencePriceCalculationParams,
    result=ReferencePriceCalculation,
    toolset="market",
    source="rest-api.md#query-reference-price-calculation",
    weight=2,
)

MARKET = (
    PING,
    SERVER_TIME,
    EXCHANGE_INFO,
    EXECUTION_RULES,
    ORDER_BOOK,
    RECENT_TRADES,
    HISTORICAL_TRADES,
    HISTORICAL_BLOCK_TRADES,
    AGGREGATE_TRADES,
    HISTORICAL_PRICES,
    UI_KLINES,
    AVERAGE_PRICE,
    DAY_TICKER,
    TRADING_DAY_TICKER,
    PRICE,
    BOOK_TICKER,
    ROLLING_WINDOW_TICKER,
    REFERENCE_PRICE,
    REFERENCE_PRICE_CALCULATION,
)
