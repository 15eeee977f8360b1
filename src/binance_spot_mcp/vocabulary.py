"""The words that every room uses: environments, Binance's enumerations, and how an amount is written.

Source: enums.md of the Spot API documentation.
"""

from decimal import Decimal
from typing import Literal

Environment = Literal["testnet", "paper", "demo", "live"]

Side = Literal["BUY", "SELL"]
OrderType = Literal[
    "LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER"
]
WorkingOrderType = Literal["LIMIT", "LIMIT_MAKER"]
"""What the order that releases the others of a list may be."""
OcoLegType = Literal["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER"]
SorOrderType = Literal["LIMIT", "MARKET"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
SelfTradePrevention = Literal["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]
PegPriceType = Literal["PRIMARY_PEG", "MARKET_PEG"]
PegOffsetType = Literal["PRICE_LEVEL"]
ResponseType = Literal["ACK", "RESULT", "FULL"]
CancelRestriction = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]
CancelReplaceMode = Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]
OrderRateLimitExceededMode = Literal["DO_NOTHING", "CANCEL_ONLY"]
TickerType = Literal["FULL", "MINI"]
SymbolStatusFilter = Literal["TRADING", "HALT", "BREAK"]
SymbolPermission = Literal[
    "SPOT", "MARGIN", "LEVERAGED",
    "TRD_GRP_002", "TRD_GRP_003", "TRD_GRP_004", "TRD_GRP_005", "TRD_GRP_006", "TRD_GRP_007",
    "TRD_GRP_008", "TRD_GRP_009", "TRD_GRP_010", "TRD_GRP_011", "TRD_GRP_012", "TRD_GRP_013",
    "TRD_GRP_014", "TRD_GRP_015", "TRD_GRP_016", "TRD_GRP_017", "TRD_GRP_018", "TRD_GRP_019",
    "TRD_GRP_020", "TRD_GRP_021", "TRD_GRP_022", "TRD_GRP_023", "TRD_GRP_024", "TRD_GRP_025",
]  # fmt: skip
KlineInterval = Literal[
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]


def plain(amount: Decimal) -> str:
    """Write an amount as Binance reads it: digits and at most one point, never an exponent, no idle zeros.

    >>> plain(Decimal("1E-5")), plain(Decimal("100")), plain(Decimal("0.50000000"))
    ('0.00001', '100', '0.5')
    """
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
