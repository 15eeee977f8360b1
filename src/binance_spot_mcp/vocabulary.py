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
