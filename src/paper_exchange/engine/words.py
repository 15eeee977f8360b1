"""Binance's own words as types: every value here is spelt exactly as on the wire.

Source: enums.md
"""

from typing import Literal

Side = Literal["BUY", "SELL"]
OrderType = Literal[
    "LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER"
]
TimeInForce = Literal["GTC", "IOC", "FOK"]
OrderStatus = Literal[
    "NEW",
    "PENDING_NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELED",
    "REJECTED",
    "EXPIRED",
    "EXPIRED_IN_MATCH",
]
ExecutionType = Literal["NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"]
ExpiryReason = Literal[
    "NONE",
    "REJECTED",
    "EXCHANGE_CANCELED",
    "OCO_TRIGGER",
    "OTO_PHASE_ONE_EXPIRED",
    "UNFILLED_IOC_QUANTITY_EXPIRED",
    "UNFILLED_FOK_ORDER_EXPIRED",
    "INSUFFICIENT_LIQUIDITY",
    "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
]
StpMode = Literal["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]
PegPriceType = Literal["PRIMARY_PEG", "MARKET_PEG"]
PegOffsetType = Literal["PRICE_LEVEL"]
WorkingFloor = Literal["EXCHANGE", "SOR"]
ListKind = Literal["OCO", "OTO", "OTOCO", "OPO", "OPOCO"]
ContingencyType = Literal["OCO", "OTO"]
ListStatusType = Literal["RESPONSE", "EXEC_STARTED", "UPDATED", "ALL_DONE"]
ListOrderStatus = Literal["EXECUTING", "ALL_DONE", "REJECT"]
SymbolStatus = Literal["TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"]
CancelRestrictions = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]
CancelReplaceMode = Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]
CancelReplaceResult = Literal["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]
RejectReason = Literal[
    "NONE",
    "INSUFFICIENT_BALANCES",
    "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    "WOULD_MATCH_IMMEDIATELY",
    "OCO_BAD_PRICES",
]
CalculationType = Literal["ARITHMETIC_MEAN", "EXTERNAL"]

OPEN: frozenset[OrderStatus] = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED"})
"""Statuses of an order that can still change."""

ALGO: frozenset[OrderType] = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
"""Contingent types: they rest off the book until a trade triggers them. Source: filters.md#max_num_algo_orders"""

PRICED: frozenset[OrderType] = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
"""Types that carry a limit price."""
