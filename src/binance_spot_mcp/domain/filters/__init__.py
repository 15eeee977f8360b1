"""The filters of Binance Spot, one class each: its fields on the wire, and the limits that it sets for a request.

Source: filters.md
"""

from types import MappingProxyType
from typing import Final

from binance_spot_mcp.domain.filters.base import Case, Filter
from binance_spot_mcp.domain.filters.counts import (
    ExchangeMaxNumAlgoOrders,
    ExchangeMaxNumIcebergOrders,
    ExchangeMaxNumOrderLists,
    ExchangeMaxNumOrders,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxNumOrders,
)
from binance_spot_mcp.domain.filters.notional import MaxAsset, MinNotional, Notional
from binance_spot_mcp.domain.filters.price import PercentPrice, PercentPriceBySide, PriceFilter, TrailingDelta
from binance_spot_mcp.domain.filters.size import IcebergParts, LotSize, MarketLotSize, MaxPosition

FILTERS: Final = MappingProxyType(
    {
        str(kind.__struct_config__.tag): kind
        for kind in (
            PriceFilter,
            PercentPrice,
            PercentPriceBySide,
            LotSize,
            MinNotional,
            Notional,
            IcebergParts,
            MarketLotSize,
            MaxNumOrders,
            MaxNumAlgoOrders,
            MaxNumIcebergOrders,
            MaxPosition,
            TrailingDelta,
            MaxNumOrderAmends,
            MaxNumOrderLists,
            ExchangeMaxNumOrders,
            ExchangeMaxNumAlgoOrders,
            ExchangeMaxNumIcebergOrders,
            ExchangeMaxNumOrderLists,
            MaxAsset,
        )
    }
)
"""Every filter by its name on the wire."""

__all__ = [
    "FILTERS",
    "Case",
    "ExchangeMaxNumAlgoOrders",
    "ExchangeMaxNumIcebergOrders",
    "ExchangeMaxNumOrderLists",
    "ExchangeMaxNumOrders",
    "Filter",
    "IcebergParts",
    "LotSize",
    "MarketLotSize",
    "MaxAsset",
    "MaxNumAlgoOrders",
    "MaxNumIcebergOrders",
    "MaxNumOrderAmends",
    "MaxNumOrderLists",
    "MaxNumOrders",
    "MaxPosition",
    "MinNotional",
    "Notional",
    "PercentPrice",
    "PercentPriceBySide",
    "PriceFilter",
    "TrailingDelta",
]
