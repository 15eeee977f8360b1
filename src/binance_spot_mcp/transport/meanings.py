"""What Binance's error codes and texts mean, and what to do next: data, written for a model that reads it.

FIX has codes of its own; they cannot reach us and are not listed.

Source: errors.md
"""

from collections.abc import Mapping
from dataclasses import dataclass

from binance_spot_mcp.errors import Code, Retry


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error says.

    Attributes:
        text: One or two sentences: what is the matter, and the next step.
        code: Our kind of failure.
        retry: When trying again makes sense.
        next: The tool to call next.
    """

    text: str
    code: Code = "EXCHANGE_REJECTED"
    retry: Retry = "after_fix"
    next: str | None = None


def _argument(text: str) -> Meaning:
    return Meaning(text, "INVALID_ARGUMENT")


def _rule(text: str) -> Meaning:
    return Meaning(text, "FILTER_VIOLATION", next="check_order")


def _unsupported(what: str) -> Meaning:
    return Meaning(
        f"This symbol does not allow {what}; get_exchange_info shows what it allows.", next="get_exchange_info"
    )


def _never(text: str) -> Meaning:
    return Meaning(text, "INTERNAL", "never")


_SBE = _never("Binance complained about SBE, a format that this server does not ask for; please report it.")
_ACCOUNT_CLOSED = Meaning(
    "Binance does not let this account place or cancel orders; the reason is in the Binance account itself.",
    "AUTH_FAILED",
    "never",
)
_CHANNEL_CLOSED = Meaning("Binance has switched trading off on this channel; try again later.", retry="at")
_THIN_BOOK = Meaning(
    "The order book holds too little for this order; use a smaller amount or a LIMIT order.", next="get_order_book"
)

UNKNOWN_OUTCOME: Mapping[int, str] = {
    -1000: "failed without saying why",
    -1001: "lost its inner connection",
    -1006: "got an odd answer inside",
    -1007: "timed out inside",
    -1008: "is overloaded",
    -1016: "is shutting this service down",
}
"""Codes under which an order may have been executed, whatever the status, and what they say of Binance."""

CODES: Mapping[int, Meaning] = {
    # 10xx: the server and the network
    -1000: Meaning("Binance failed without saying why; try again shortly.", "EXCHANGE_UNAVAILABLE", "at"),
    -1001: Meaning("Binance lost its inner connection; try again shortly.", "EXCHANGE_UNAVAILABLE", "at"),
    -1002: Meaning("The key may not do this; check its permissions at Binance.", "AUTH_FAILED", "never"),
    -1003: Meaning("Too many requests; wait until retry_at_ms.", "RATE_LIMITED", "at", "get_rate_limits"),
    -1006: Meaning("Binance got an odd answer inside; try again shortly.", "EXCHANGE_UNAVAILABLE", "at"),
    -1007: Meaning("Binance timed out inside; try again shortly.", "EXCHANGE_UNAVAILABLE", "at"),
    -1008: Meaning("Binance is overloaded; try again in a few minutes.", "EXCHANGE_UNAVAILABLE", "at"),
    -1010: Meaning("The matching engine refused the message; its own words say why."),
    -1013: _rule("The order breaks a rule of its symbol; check_order names the nearest valid values."),
    -1014: _argument("Binance does not know this mix of order parameters; check_order shows what a type needs."),
    -1015: Meaning("Too many unfilled orders; wait until retry_at_ms.", "RATE_LIMITED", "at", "get_order_rate_limits"),
    -1016: Meaning("This service of Binance is shutting down; try again shortly.", "EXCHANGE_UNAVAILABLE", "at"),
    -1020: Meaning("Binance does not support this operation here.", "ENDPOINT_REFUSED", "never"),
    -1021: Meaning(
        "The timestamp was outside Binance's window, even after the clocks were compared; the network may be too slow.",
        "CLOCK_SKEW",
        "at",
        "get_server_time",
    ),
    -1022: Meaning(
        "Binance does not accept the signature: the secret or private key does not belong to this API key.",
        "AUTH_FAILED",
        "never",
    ),
    -1034: Meaning("Too many connections were opened; wait until retry_at_ms.", "RATE_LIMITED", "at"),
    -1099: Meaning("Binance did not find this, or the key may not see it.", "AUTH_FAILED", "never"),
    # 11xx: the request
    -1100: _argument("A value holds characters that this parameter does not allow; correct it."),
    -1101: _argument("Too many parameters or list entries, or one of them twice; send fewer."),
    -1102: Meaning("A required parameter is missing, empty or malformed; add it.", "MISSING_ARGUMENT"),
    -1103: Meaning("Binance does not know a parameter that was sent; leave it out.", "UNKNOWN_ARGUMENT"),
    -1104: Meaning("Binance did not use every parameter that was sent; leave out the surplus.", "UNKNOWN_ARGUMENT"),
    -1105: Meaning("A parameter is empty; give it a value or leave it out.", "MISSING_ARGUMENT"),
    -1106: _argument("A parameter has no place in this combination, such as a price on a MARKET order; leave it out."),
    -1108: _argument("A number is too large; use a smaller one."),
    -1111: Meaning(
        "A price or quantity has more decimals than the symbol allows; check_order names the nearest valid one.",
        "FILTER_VIOLATION",
        next="check_order",
    ),
    -1112: Meaning("The order book has no orders on that side; use a LIMIT order.", next="get_order_book"),
    -1114: _argument("This order type takes no timeInForce; leave it out."),
    -1115: _argument("timeInForce must be GTC, IOC or FOK."),
    -1116: _argument("The order type is not one that Binance knows; see the tool's list."),
    -1117: _argument("side must be BUY or SELL."),
    -1118: _never("The client order id was empty, which this server should never send; please report it."),
    -1119: _argument("The original client order id was empty; give orderId or origClientOrderId."),
    -1120: _argument("The interval is not one that Binance knows; see the tool's list."),
    -1121: Meaning("No symbol has this name; check the spelling.", "UNKNOWN_SYMBOL", next="get_exchange_info"),
    -1122: _argument("symbolStatus must be TRADING, HALT or BREAK."),
    -1125: _never("Listen keys were abolished in 2026; this server does not use them, so please report it."),
    -1127: _argument("The time range is too long; ask for at most 24 hours at once."),
    -1128: _argument("These optional parameters cannot be combined; send all of a group or none."),
    -1130: _argument("A value is not valid for its parameter; correct it."),
    -1131: _argument("recvWindow must be below 60000; correct BINANCE_RECV_WINDOW."),
    -1134: _argument("strategyType must be 1000000 or more."),
    -1135: _argument("A list or object is no valid JSON; correct it."),
    -1139: _argument("The ticker type must be FULL or MINI."),
    -1145: _argument("cancelRestrictions must be ONLY_NEW or ONLY_PARTIALLY_FILLED."),
    -1151: _argument("A symbol stands twice in the list; name each once."),
    -1152: _SBE,
    -1153: _SBE,
    -1155: _SBE,
    -1158: _argument("A leg of this OCO has a type that an OCO does not take."),
    -1160: _argument("An iceberg leg needs timeInForce GTC."),
    -1161: _SBE,
    -1165: _argument("In a BUY OCO the limit order is the leg below the price; swap the legs."),
    -1166: _argument("In a SELL OCO the limit order is the leg above the price; swap the legs."),
    -1167: _argument("Both legs of this OCO wait for a trigger; make one a limit order."),
    -1168: _argument("Both legs of this OCO are limit orders; one must wait for a trigger."),
    -1182: _argument("Some of these parameters contradict each other; leave one out."),
    -1193: _never("The WebSocket session was not logged on, which this server should see to; please report it."),
    -1194: _never("Binance does not know the time unit; set BINANCE_TIME_UNIT to MILLISECOND."),
    -1196: _argument("In a BUY OCO the stop-loss is the leg above the price; swap the legs."),
    -1197: _argument("In a SELL OCO the stop-loss is the leg below the price; swap the legs."),
    -1198: _argument("In a BUY OCO the take-profit is the leg below the price; swap the legs."),
    -1199: _argument("In a SELL OCO the take-profit is the leg above the price; swap the legs."),
    -1210: _argument("pegPriceType must be PRIMARY_PEG or MARKET_PEG."),
    -1211: _argument("pegOffsetType must be PRICE_LEVEL."),
    -1220: Meaning(
        "The symbol exists but is not in the state that was asked for; leave out symbolStatus.", "INVALID_ARGUMENT"
    ),
    -1221: _SBE,
    -1222: _argument("The working order of an OPO list must be a BUY."),
    -1223: _argument("The pending orders of an OPO list must be SELL."),
    -1224: Meaning("The working order of this OPO list lacks a parameter; add it.", "MISSING_ARGUMENT"),
    -1225: _argument("The pending orders of an OPO list take no quantity; it follows from what was bought."),
    # 20xx: the matching engine and the account
    -2008: Meaning("Binance does not know this API key; it may belong to another environment.", "AUTH_FAILED", "never"),
    -2010: Meaning("The matching engine refused the order; its own words say why.", next="check_order"),
    -2011: Meaning(
        "The cancel was refused, most often because the order is already filled or gone; look at the order.",
        retry="after_reconcile",
        next="get_order",
    ),
    -2013: Meaning(
        "No such order is found (yet) under this id and symbol; check both.", "NOT_FOUND", next="get_open_orders"
    ),
    -2014: Meaning("The API key is malformed; copy BINANCE_API_KEY again.", "AUTH_FAILED", "never"),
    -2015: Meaning(
        "Binance refuses the key: it is unknown here, bound to another IP address, lacks the permission, or belongs to "
        "another environment.",
        "AUTH_FAILED",
        "never",
    ),
    -2016: Meaning(
        "There is no trading window for this symbol; use get_24hr_ticker.", "NOT_FOUND", next="get_24hr_ticker"
    ),
    -2021: Meaning(
        "One half of the cancel-replace happened and the other did not; details say which.",
        retry="after_reconcile",
        next="get_open_orders",
    ),
    -2022: Meaning(
        "Both halves of the cancel-replace failed: no new order exists. Look at the old one, it may have filled.",
        retry="after_reconcile",
        next="get_order",
    ),
    -2026: Meaning(
        "The order closed unfilled more than 90 days ago; Binance keeps no details of it.", "NOT_FOUND", "never"
    ),
    -2035: _never("The user stream is already open on this connection; please report it."),
    -2036: _never("The user stream is not open on this connection; please report it."),
    -2038: Meaning(
        "The amendment was refused; the new quantity must be above zero and below the present one.", next="get_order"
    ),
    -2039: _argument("orderId and client order id belong to different orders; give one of them."),
    -2042: _never("This connection has used up its subscriptions; please report it."),
    -2043: Meaning(
        "This symbol has no reference price; use get_average_price.", "NOT_FOUND", "never", "get_average_price"
    ),
}

TEXTS: Mapping[str, Meaning] = {
    "Unknown order sent": Meaning(
        "No such open order: it may have filled, expired or been cancelled before; look at it.",
        "NOT_FOUND",
        "after_reconcile",
        "get_order",
    ),
    "Duplicate order sent": Meaning(
        "An order with this client order id is open already.",
        "ORDER_UNRESOLVED",
        "after_reconcile",
        "get_order",
    ),
    "Market is closed": Meaning(
        "The symbol is not trading now; cancels still work.", "SYMBOL_NOT_TRADING", "at", "get_exchange_info"
    ),
    "This order type is not possible in this trading phase": Meaning(
        "The symbol does not take this order type in its present state.",
        "SYMBOL_NOT_TRADING",
        "at",
        "get_exchange_info",
    ),
    "Limit orders require GTC for this phase": Meaning(
        "In its present state the symbol takes limit orders with timeInForce GTC only.", "SYMBOL_NOT_TRADING"
    ),
    "Account has insufficient balance for requested action": Meaning(
        "The free balance is too small for this order; use a smaller amount or free some by cancelling.",
        next="get_account",
    ),
    "Market orders are not supported for this symbol": _unsupported("MARKET orders"),
    "Iceberg orders are not supported for this symbol": _unsupported("iceberg orders"),
    "Stop loss orders are not supported for this symbol": _unsupported("STOP_LOSS orders"),
    "Stop loss limit orders are not supported for this symbol": _unsupported("STOP_LOSS_LIMIT orders"),
    "Take profit orders are not supported for this symbol": _unsupported("TAKE_PROFIT orders"),
    "Take profit limit orders are not supported for this symbol": _unsupported("TAKE_PROFIT_LIMIT orders"),
    "OCO orders are not supported for this symbol": _unsupported("OCO lists"),
    "OPO orders are not supported for this symbol": _unsupported("OPO lists"),
    "Quote order qty market orders are not support for this symbol": _unsupported("quoteOrderQty; give quantity"),
    "Trailing stop orders are not supported for this symbol": _unsupported("trailingDelta"),
    "Order cancel-replace is not supported for this symbol": _unsupported("cancel-replace"),
    "Order amend is not supported for this symbol": _unsupported("amendments"),
    "Pegged orders are not supported for this symbol": _unsupported("pegged orders"),
    "This symbol does not allow the specified self-trade prevention mode": _unsupported("that selfTradePreventionMode"),
    "This order type may not use pegged price": _argument(
        "This order type takes no pegged price; leave out pegPriceType."
    ),
    "This price peg cannot be used with this order type": _argument("A LIMIT_MAKER takes PRIMARY_PEG only."),
    "Price * QTY is zero or less": _rule("Price times quantity is zero; raise one of them."),
    "IcebergQty exceeds QTY": _argument("icebergQty is larger than quantity; lower it."),
    "Unsupported order combination": _argument(
        "Binance does not take this mix of type, timeInForce, stopPrice and icebergQty; change one of them."
    ),
    "This action is disabled on this account": _ACCOUNT_CLOSED,
    "This account may not place or cancel orders": _ACCOUNT_CLOSED,
    "This symbol is not permitted for this account": Meaning("This account may not trade this symbol; choose another."),
    "This symbol is restricted for this account": Meaning("This account may not trade this symbol; choose another."),
    "Order would trigger immediately": Meaning(
        "stopPrice is already on the triggering side of the last price; move it to the other side.", next="get_price"
    ),
    "Order would immediately match and take": Meaning(
        "A LIMIT_MAKER at this price would trade at once; move the price away from the book.", next="get_book_ticker"
    ),
    "The relationship of the prices for the orders is not correct": Meaning(
        "The prices of the legs do not lie on either side of the last price as an OCO needs.", next="get_price"
    ),
    "Cancel order is invalid. Check origClOrdId and orderId": Meaning(
        "The cancel names no order; give orderId or origClientOrderId.", "MISSING_ARGUMENT"
    ),
    "Order was not canceled due to cancel restrictions": Meaning(
        "The order is no longer in the state that cancelRestrictions asks for; look at it.",
        retry="after_reconcile",
        next="get_order",
    ),
    "Rest API trading is not enabled": _CHANNEL_CLOSED,
    "WebSocket API trading is not enabled": _CHANNEL_CLOSED,
    "Order book liquidity is less than `LOT_SIZE` filter minimum quantity": _THIN_BOOK,
    "Order book liquidity is less than `MARKET_LOT_SIZE` filter minimum quantity": _THIN_BOOK,
    "Order book liquidity is less than symbol minimum quantity": _THIN_BOOK,
    "Order book liquidity is too low for this pegged order": _THIN_BOOK,
    "Order amend (quantity increase) is not supported": _argument("An amendment can only lower the quantity."),
    "Order amend (pending OPO order) is not supported": Meaning(
        "A pending order of an OPO list cannot be amended before it is released.", retry="after_reconcile"
    ),
    "The requested action would change no state; rejecting": _argument("The order already has this quantity."),
}
"""Texts of the matching engine, without the full stop: they say more than the code that carries them."""
