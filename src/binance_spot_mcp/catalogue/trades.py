"""Public trades: the latest, older ones by id, block trades, and trades merged per taker order."""

from decimal import Decimal
from typing import Annotated

import msgspec

from binance_spot_mcp.catalogue.endpoint import Endpoint, Payload, Route
from binance_spot_mcp.catalogue.fields import Millis, RowId, at_most
from binance_spot_mcp.catalogue.rules import ANY, Refuses
from binance_spot_mcp.catalogue.selection import SymbolParams


class RecentTradesParams(SymbolParams):
    """The latest public trades, oldest first. For older ones use get_historical_trades or, by time,
    get_aggregate_trades; for your own use get_my_trades."""

    limit: Annotated[int, at_most(1000)] = 50


class Trade(Payload, frozen=True):
    """A public trade. `is_buyer_maker` is true where the seller took."""

    id: int
    price: Decimal
    qty: Decimal
    time: int
    is_buyer_maker: bool


RECENT_TRADES: Endpoint[RecentTradesParams, tuple[Trade, ...]] = Endpoint(
    name="get_recent_trades",
    title="Recent trades",
    route=Route("GET /api/v3/trades", ws="trades.recent"),
    params=RecentTradesParams,
    result=tuple[Trade, ...],
    toolset="market",
    source="rest-api.md#recent-trades-list",
    weight=25,
    data_only=True,
)


class HistoricalTradesParams(SymbolParams):
    """Public trades from an id on; without fromId the latest."""

    limit: Annotated[int, at_most(1000)] = 50
    from_id: RowId | None = None


HISTORICAL_TRADES: Endpoint[HistoricalTradesParams, tuple[Trade, ...]] = Endpoint(
    name="get_historical_trades",
    title="Older trades",
    route=Route("GET /api/v3/historicalTrades", ws="trades.historical"),
    params=HistoricalTradesParams,
    result=tuple[Trade, ...],
    toolset="market",
    source="rest-api.md#old-trade-lookup",
    weight=25,
)


class HistoricalBlockTradesParams(SymbolParams):
    """Block trades (privately negotiated) from an id on. Their ids are a sequence of their own; start with 0."""

    from_id: RowId
    limit: Annotated[int, at_most(1000)] = 50


HISTORICAL_BLOCK_TRADES: Endpoint[HistoricalBlockTradesParams, tuple[Trade, ...]] = Endpoint(
    name="get_historical_block_trades",
    title="Block trades",
    route=Route("GET /api/v3/historicalBlockTrades", ws="blockTrades.historical"),
    params=HistoricalBlockTradesParams,
    result=tuple[Trade, ...],
    toolset="market",
    source="rest-api.md#historical-block-trades",
    weight=25,
)


class AggregateTradesParams(SymbolParams):
    """Public trades merged where one order took one price, from an id or by time; without either the latest. Cheaper
    and shorter than get_historical_trades."""

    from_id: RowId | None = None
    start_time: Millis | None = None
    end_time: Millis | None = None
    limit: Annotated[int, at_most(1000)] = 50


class AggregateTrade(Payload, frozen=True):
    """Fills of one taker order at one price. `is_buyer_maker` is true where the seller took."""

    id: int = msgspec.field(name="a")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    first_trade_id: int = msgspec.field(name="f")
    last_trade_id: int = msgspec.field(name="l")
    time: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


AGGREGATE_TRADES: Endpoint[AggregateTradesParams, tuple[AggregateTrade, ...]] = Endpoint(
    name="get_aggregate_trades",
    title="Aggregate trades",
    route=Route("GET /api/v3/aggTrades", ws="trades.aggregate"),
    params=AggregateTradesParams,
    result=tuple[AggregateTrade, ...],
    toolset="market",
    source="rest-api.md#compressedaggregate-trades-list",
    weight=4,
    rules=(Refuses({"fromId": ANY}, ("startTime", "endTime")),),
    data_only=True,
)
