"""Price statistics of a window: the last 24 hours, the trading day, or a window of one's choice."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import Endpoint, Payload, Route
from binance_spot_mcp.catalogue.fields import OneOf, TimeZone, WindowSize
from binance_spot_mcp.catalogue.selection import ONE_OR_LIST, ONE_OR_SEVERAL, StatusFilter, SymbolsParams
from binance_spot_mcp.vocabulary import TickerType


class Ticker(Payload, frozen=True, kw_only=True):
    """Price statistics of a window. The changes and the bid are not part of the MINI form, nor of every endpoint."""

    symbol: str
    price_change: Decimal | None = None
    price_change_percent: Decimal | None = None
    weighted_avg_price: Decimal | None = None
    last_price: Decimal
    bid_price: Decimal | None = None
    ask_price: Decimal | None = None
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    open_time: int
    close_time: int
    count: int


class StatisticsParams(SymbolsParams):
    """Whose statistics, and how many fields of them."""

    type: OneOf[TickerType] | None = None
    symbol_status: StatusFilter = None


class DayTickerParams(StatisticsParams):
    """Price change, high, low and volume of the last 24 hours. All symbols at once are costly and come in pages; for
    prices alone use get_price."""


def _day_ticker_weight(params: DayTickerParams) -> int:
    if params.symbol:
        return 2
    return next(weight for least, weight in ((101, 80), (21, 40), (1, 2), (0, 80)) if params.count() >= least)


DAY_TICKER: Endpoint[DayTickerParams, Ticker | tuple[Ticker, ...]] = Endpoint(
    name="get_24hr_ticker",
    title="24 h statistics",
    route=Route("GET /api/v3/ticker/24hr", ws="ticker.24hr"),
    params=DayTickerParams,
    result=Ticker | tuple[Ticker, ...],
    toolset="market",
    source="rest-api.md#24hr-ticker-price-change-statistics",
    weight=_day_ticker_weight,
    rules=(ONE_OR_SEVERAL,),
    data_only=True,
)


def _weight_per_symbol(params: SymbolsParams) -> int:
    return min(4 * params.count(), 200)


class TradingDayTickerParams(StatisticsParams):
    """Price statistics since the trading day began (at 00:00 of timeZone). symbol or symbols (up to 100)."""

    time_zone: TimeZone | None = None


TRADING_DAY_TICKER: Endpoint[TradingDayTickerParams, Ticker | tuple[Ticker, ...]] = Endpoint(
    name="get_trading_day_ticker",
    title="Trading day statistics",
    route=Route("GET /api/v3/ticker/tradingDay", ws="ticker.tradingDay"),
    params=TradingDayTickerParams,
    result=Ticker | tuple[Ticker, ...],
    toolset="market",
    source="rest-api.md#trading-day-ticker",
    weight=_weight_per_symbol,
    rules=ONE_OR_LIST,
)


class RollingWindowTickerParams(StatisticsParams):
    """Price statistics of a window of your choice. symbol or symbols (up to 100). For 24 hours get_24hr_ticker is
    cheaper."""

    window_size: Annotated[WindowSize, Field(description="1m-59m, 1h-23h or 1d-7d")] = "1d"


ROLLING_WINDOW_TICKER: Endpoint[RollingWindowTickerParams, Ticker | tuple[Ticker, ...]] = Endpoint(
    name="get_rolling_window_ticker",
    title="Rolling window statistics",
    route=Route("GET /api/v3/ticker", ws="ticker"),
    params=RollingWindowTickerParams,
    result=Ticker | tuple[Ticker, ...],
    toolset="market",
    source="rest-api.md#rolling-window-price-change-statistics",
    weight=_weight_per_symbol,
    rules=ONE_OR_LIST,
    data_only=True,
)
