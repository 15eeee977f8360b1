"""Errors of the gateway: limits, keys, clocks, parameters, and which orders make a list."""

import json

import httpx
from tests.contract.paper_calls import (
    BTCUSDT,
    MARKET,
    OPO,
    OURS,
    RESTING,
    Case,
    call,
    get,
    oco,
    order,
    pair,
    raw,
    without,
)
from tests.e2e.rest_floor import RestFloor

HOUR_MS = 3_600_000


async def too_many_orders(floor: RestFloor) -> httpx.Response:
    while (answer := await floor.call("POST /api/v3/order", RESTING)).status_code == 200:
        pass
    return answer


async def too_much_weight(floor: RestFloor) -> httpx.Response:
    while (answer := await floor.call("GET /api/v3/ticker/24hr")).status_code == 200:
        pass
    return answer


async def banned(floor: RestFloor) -> httpx.Response:
    while (answer := await floor.call("GET /api/v3/ticker/24hr")).status_code != 418:
        pass
    return answer


_STREAMS = "Please use WebSocket Streams for live updates to avoid"
_MANDATORY = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
_INVALID = "Data sent for parameter '{}' is not valid."
_FIELDS = "Combination of optional fields invalid."
_COMBINATION = "Combination of optional parameters invalid."

CASES: list[Case] = [
    # Limits
    (
        -1003,
        f"Too much request weight used; current limit is 500 request weight per 1 MINUTE. {_STREAMS} polling the API.",
        too_much_weight,
    ),
    (
        -1003,
        f"Way too much request weight used; IP banned until 1767225720000. {_STREAMS} bans.",
        banned,
    ),
    (-1015, "Too many new orders; current limit is 8 orders per 10 SECOND.", too_many_orders),
    # Who is calling
    (-1102, _MANDATORY.format("signature"), raw("timestamp={now}")),
    (-1102, _MANDATORY.format("timestamp"), raw("signature=00")),
    (-2014, "API-key format invalid.", raw("timestamp={now}&signature=00", "short")),
    (-2015, "Invalid API-key, IP, or permissions for action.", raw("timestamp={now}&signature=00", "A" * 64)),
    (-1021, "Timestamp for this request is outside of the recvWindow.", get("account", timestamp=1_767_225_594_999)),
    (
        -1021,
        "Timestamp for this request was 1000ms ahead of the server's time.",
        get("account", timestamp=1_767_225_601_000),
    ),
    (-1022, "Signature for this request is not valid.", raw("timestamp={now}&signature=00")),
    (-1131, "recvWindow must be less than 60000", get("account", recvWindow=60_001)),
    # Headers
    (
        -1194,
        "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
        call("GET /api/v3/time", headers={"X-MBX-TIME-UNIT": "HOUR"}),
    ),
    (
        -1152,
        "Invalid X-MBX-SBE header; expected <SCHEMA_ID>:<VERSION>.",
        call("GET /api/v3/time", headers={"X-MBX-SBE": "new"}),
    ),
    (-1155, "SBE is not enabled.", call("GET /api/v3/time", headers={"X-MBX-SBE": "3:1"})),
    # Parameters by themselves
    (-1100, "Illegal characters found in a parameter.", raw("symbol=%FF")),
    (
        -1100,
        "Illegal characters found in parameter 'orderId'; legal range is '^[0-9]{1,20}$'.",
        get("order", **BTCUSDT, orderId="x"),
    ),
    (-1101, "Too many parameters; expected '0' and received '1'.", get("time", symbol="BTCUSDT")),
    (-1101, "Duplicate values for a parameter detected.", raw("timestamp=1&timestamp=2")),
    (
        -1101,
        "Too many values sent for parameter 'symbols', maximum allowed up to 100.",
        get("ticker", symbols=json.dumps([f"S{number}" for number in range(101)])),
    ),
    (-1102, _MANDATORY.format("symbol"), get("depth")),
    (-1102, _MANDATORY.format("timeInForce"), order(without(RESTING, "timeInForce"))),
    (
        -1102,
        "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        get("order", **BTCUSDT),
    ),
    (
        -1102,
        "'pegOffsetValue' contains unexpected value. Cannot be greater than 100.",
        order(pegPriceType="PRIMARY_PEG", pegOffsetType="PRICE_LEVEL", pegOffsetValue=101),
    ),
    (
        -1104,
        "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
        get("depth", **BTCUSDT, limt=5),
    ),
    (-1105, "Parameter 'fromId' was empty.", get("historicalTrades", **BTCUSDT, fromId="")),
    (-1108, "Parameter 'orderId' overflowed.", get("order", **BTCUSDT, orderId="9" * 20)),
    (-1111, "Parameter 'price' has too much precision.", order(price="90000.123456789")),
    (-1115, "Invalid timeInForce.", order(timeInForce="DAY")),
    (-1116, "Invalid orderType.", order(type="STOP")),
    (-1117, "Invalid side.", order(side="HOLD")),
    (-1118, "New client order ID was empty.", order(newClientOrderId="")),
    (-1119, "Original client order ID was empty.", get("order", **BTCUSDT, origClientOrderId="")),
    (-1120, "Invalid interval.", get("klines", **BTCUSDT, interval="1y")),
    (-1121, "Invalid symbol.", get("depth", symbol="NOPE")),
    (-1122, "Invalid symbolStatus.", get("depth", **BTCUSDT, symbolStatus="OPEN")),
    (-1130, _INVALID.format("limit"), get("depth", **BTCUSDT, limit=0)),
    (-1134, "strategyType was less than 1000000.", order(strategyType=999_999)),
    (-1135, "JSON sent for parameter 'symbols' is not valid", get("ticker/price", symbols="BTCUSDT")),
    (-1139, "Invalid ticker type.", get("ticker/24hr", **BTCUSDT, type="HUGE")),
    (-1145, "Invalid cancelRestrictions", call("DELETE /api/v3/order", OURS | {"cancelRestrictions": "ONLY_OLD"})),
    (-1151, "Symbol is present multiple times in the list.", get("ticker/price", symbols='["BTCUSDT","BTCUSDT"]')),
    (-1210, "Invalid pegPriceType.", order(pegPriceType="PRIMARY")),
    (-1211, "Invalid pegOffsetType.", order(pegPriceType="PRIMARY_PEG", pegOffsetType="TICKS", pegOffsetValue=1)),
    # Parameters together
    (-1106, "Parameter 'timeInForce' sent when not required.", order(MARKET, quantity="0.01", timeInForce="GTC")),
    (
        -1127,
        "More than 24 hours between startTime and endTime.",
        get("allOrders", **BTCUSDT, startTime=1_767_000_000_000, endTime=1_767_000_000_000 + 25 * HOUR_MS),
    ),
    (-1128, _COMBINATION, get("myTrades", **BTCUSDT, orderId=1, startTime=1)),
    (
        -1128,
        f"{_FIELDS} Recommendation: 'pegOffsetType' and 'pegOffsetValue' must both be sent.",
        order(pegPriceType="PRIMARY_PEG", pegOffsetValue=1),
    ),
    (
        -1128,
        "Combination of optional parameters invalid. Recommendation: 'stopLimitTimeInForce' should also be sent.",
        call(
            "POST /api/v3/order/oco",
            {
                **BTCUSDT,
                "side": "SELL",
                "quantity": "0.01",
                "price": "105000",
                "stopPrice": "95000",
                "stopLimitPrice": "94000",
            },
        ),
    ),
    (
        -1160,
        "Parameter 'aboveIcebergQty' is not supported if aboveTimeInForce/belowTimeInForce is not GTC.",
        oco(
            aboveType="TAKE_PROFIT_LIMIT",
            aboveStopPrice="104000.00",
            aboveTimeInForce="IOC",
            aboveIcebergQty="0.00500",
        ),
    ),
    (
        -1225,
        "Pending orders should not include the 'pendingQuantity' tag.",
        call("POST /api/v3/orderList/opo", OPO | {"pendingQuantity": "0.01"}),
    ),
    (
        -1220,
        "The symbol's status does not match the requested symbolStatus.",
        get("depth", **BTCUSDT, symbolStatus="HALT"),
    ),
    # Order lists
    (
        -1014,
        "Unsupported order combination.",
        call("POST /api/v3/orderList/opo", OPO | {"workingType": "STOP_LOSS"}),
    ),
    (-1158, "Order type not supported in OCO.", oco(aboveType="LIMIT")),
    (-1165, "A limit order in a buy OCO must be below.", pair("BUY", "LIMIT_MAKER", "TAKE_PROFIT")),
    (-1166, "A limit order in a sell OCO must be above.", pair("SELL", "TAKE_PROFIT", "LIMIT_MAKER")),
    (-1168, "At least one OCO order must be contingent.", pair("SELL", "LIMIT_MAKER", "LIMIT_MAKER")),
    (-1196, "A stop loss order in a buy OCO must be above.", pair("BUY", "STOP_LOSS", "STOP_LOSS")),
    (-1197, "A stop loss order in a sell OCO must be below.", pair("SELL", "STOP_LOSS", "STOP_LOSS")),
    (-1198, "A take profit order in a buy OCO must be below.", pair("BUY", "TAKE_PROFIT", "TAKE_PROFIT")),
    (-1199, "A take profit order in a sell OCO must be above.", pair("SELL", "TAKE_PROFIT", "TAKE_PROFIT")),
    (
        -1222,
        "Working order in an OPO list must be a bid.",
        call("POST /api/v3/orderList/opo", OPO | {"workingSide": "SELL"}),
    ),
    (
        -1223,
        "Pending orders in an OPO list must be asks.",
        call("POST /api/v3/orderList/opo", OPO | {"pendingSide": "BUY"}),
    ),
]
