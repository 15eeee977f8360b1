"""Errors of the matching engine: its texts, and the failure of each filter."""

from decimal import Decimal

import httpx
from tests.contract.paper_calls import (
    BTCUSDT,
    MARKET,
    OPO,
    OURS,
    RESTING,
    STOP,
    Case,
    Story,
    after,
    call,
    filtered,
    get,
    oco,
    order,
    replace,
    rules,
    then,
    without,
)
from tests.e2e.rest_floor import RestFloor

from paper_exchange.engine.commands import CancelAll, OpenAccount, SetExchange, SetSymbolStatus
from paper_exchange.engine.symbols import (
    ExchangeMaxNumAlgoOrders,
    ExchangeMaxNumIcebergOrders,
    ExchangeMaxNumOrderLists,
    ExchangeMaxNumOrders,
    LotSize,
    MarketLotSize,
    MaxAsset,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxNumOrders,
    MaxPosition,
    MinNotional,
    PercentPrice,
)

DAY_S = 86_400


async def archived(floor: RestFloor) -> httpx.Response:
    await floor.call("DELETE /api/v3/order", OURS)
    await floor.pass_time(91 * DAY_S)
    return await floor.call("GET /api/v3/order", OURS)


async def mismatched_ids(floor: RestFloor) -> httpx.Response:
    placed = await floor.call("POST /api/v3/order", RESTING)
    return await floor.call("GET /api/v3/order", OURS | {"orderId": placed.json()["orderId"]})


async def amended_once_more(floor: RestFloor) -> httpx.Response:
    floor.do(filtered(MaxNumOrderAmends(max_num_order_amends=1)))
    await floor.call("PUT /api/v3/order/amend/keepPriority", OURS | {"newQty": "0.00500"})
    orders = (await floor.call("GET /api/v3/openOrders")).json()
    return await floor.call(
        "PUT /api/v3/order/amend/keepPriority", {**BTCUSDT, "orderId": orders[0]["orderId"], "newQty": "0.00400"}
    )


async def account_closed(floor: RestFloor) -> httpx.Response:
    floor.do(OpenAccount(account=floor.account, can_trade=False))
    return await floor.call("POST /api/v3/order", RESTING)


async def account_without_permission(floor: RestFloor) -> httpx.Response:
    floor.do(OpenAccount(account=floor.account, permissions=("LEVERAGED",)))
    return await floor.call("POST /api/v3/order", RESTING)


async def asset_capped(floor: RestFloor) -> httpx.Response:
    floor.do(OpenAccount(account=floor.account, max_assets=(MaxAsset(asset="BTC", limit=Decimal("0.001")),)))
    return await floor.call("POST /api/v3/order", RESTING)


async def no_quotes(floor: RestFloor) -> httpx.Response:
    floor.do(CancelAll(account=7, symbol="BTCUSDT"))
    return await floor.call("POST /api/v3/order", MARKET | {"quoteOrderQty": "100"})


def amend(**changes: str) -> Story:
    """One amendment of the resting order."""
    return call("PUT /api/v3/order/amend/keepPriority", OURS | {"newQty": "0.00500"} | changes)


ICEBERG = {"icebergQty": "0.00500"}
PEGGED = {"pegPriceType": "PRIMARY_PEG"}
TRAILING = without(STOP, "stopPrice") | {"trailingDelta": 100}
CHEAP = {"price": "0.01", "quantity": "0.00001"}

CASES: list[Case] = [
    # What a symbol does not take
    (-1013, "Market is closed.", after(SetSymbolStatus(symbol="BTCUSDT", status="HALT"), order())),
    (
        -1013,
        "Market orders are not supported for this symbol.",
        after(rules(order_types=("LIMIT",)), order(MARKET, quantity="0.01")),
    ),
    (
        -1013,
        "Stop loss orders are not supported for this symbol.",
        after(rules(order_types=("LIMIT",)), order(STOP)),
    ),
    (
        -1013,
        "Stop loss limit orders are not supported for this symbol.",
        after(rules(order_types=("LIMIT",)), order(STOP, type="STOP_LOSS_LIMIT", price="94000.00", timeInForce="GTC")),
    ),
    (
        -1013,
        "Take profit orders are not supported for this symbol.",
        after(rules(order_types=("LIMIT",)), order(STOP, type="TAKE_PROFIT")),
    ),
    (
        -1013,
        "Take profit limit orders are not supported for this symbol.",
        after(
            rules(order_types=("LIMIT",)), order(STOP, type="TAKE_PROFIT_LIMIT", price="94000.00", timeInForce="GTC")
        ),
    ),
    (
        -1013,
        "Iceberg orders are not supported for this symbol.",
        after(rules(iceberg_allowed=False), order(**ICEBERG)),
    ),
    (-1013, "IcebergQty exceeds QTY.", order(icebergQty="0.02000")),
    (-1013, "Unsupported order combination", order(**ICEBERG, timeInForce="IOC")),
    (
        -1013,
        "Quote order qty market orders are not support for this symbol.",
        after(rules(quote_order_qty_market_allowed=False), order(MARKET, quoteOrderQty="100")),
    ),
    (
        -1013,
        "Trailing stop orders are not supported for this symbol.",
        after(rules(allow_trailing_stop=False), order(TRAILING)),
    ),
    (
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
        after(rules(allowed_stp_modes=("NONE",)), order(selfTradePreventionMode="EXPIRE_BOTH")),
    ),
    (
        -1013,
        "Pegged orders are not supported for this symbol.",
        after(rules(peg_instructions_allowed=False), order(**PEGGED)),
    ),
    (-1013, "This order type may not use pegged price.", order(STOP, **PEGGED)),
    (
        -1013,
        "This price peg cannot be used with this order type.",
        order(without(RESTING, "timeInForce"), type="LIMIT_MAKER", pegPriceType="MARKET_PEG"),
    ),
    (-1013, "OCO orders are not supported for this symbol", after(rules(oco_allowed=False), oco())),
    (
        -1013,
        "OPO orders are not supported for this symbol.",
        after(rules(opo_allowed=False), call("POST /api/v3/orderList/opo", OPO)),
    ),
    (
        -1013,
        "Order cancel-replace is not supported for this symbol.",
        after(rules(cancel_replace_allowed=False), replace()),
    ),
    (-1013, "Price * QTY is zero or less.", after(filtered(), order(price="0.001", quantity="0.00000001"))),
    # What the engine refuses
    (-2010, "Account has insufficient balance for requested action.", order(quantity="5")),
    (-2010, "Duplicate order sent.", order(newClientOrderId="resting")),
    (-2010, "Order would trigger immediately.", order(STOP, stopPrice="105000.00")),
    (
        -2010,
        "Order would immediately match and take.",
        order(without(RESTING, "timeInForce"), type="LIMIT_MAKER", price="101000.00"),
    ),
    (-2010, "The relationship of the prices for the orders is not correct.", oco(abovePrice="100000.00")),
    (-2010, "This account may not place or cancel orders.", account_closed),
    (-2010, "This symbol is not permitted for this account.", account_without_permission),
    (-2010, "Order book liquidity is less than symbol minimum quantity.", no_quotes),
    (
        -2010,
        "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
        after(
            filtered(LotSize(min_qty=Decimal(2), max_qty=Decimal(9), step_size=Decimal(1))),
            order(MARKET, side="SELL", quoteOrderQty="500000"),
        ),
    ),
    (
        -2010,
        "Order book liquidity is less than `MARKET_LOT_SIZE` filter minimum quantity.",
        after(
            filtered(MarketLotSize(min_qty=Decimal(2), max_qty=Decimal(9), step_size=Decimal(1))),
            order(MARKET, side="SELL", quoteOrderQty="500000"),
        ),
    ),
    (
        -2010,
        "Order book liquidity is too low for this pegged order.",
        order(without(RESTING, "price"), **PEGGED, pegOffsetType="PRICE_LEVEL", pegOffsetValue=50),
    ),
    (-2011, "Unknown order sent.", call("DELETE /api/v3/order", OURS | {"origClientOrderId": "nothing"})),
    (
        -2011,
        "Order was not canceled due to cancel restrictions.",
        call("DELETE /api/v3/order", OURS | {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}),
    ),
    (-2013, "Order does not exist.", get("order", **BTCUSDT, orderId=999)),
    (
        -2026,
        "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
        archived,
    ),
    (-2039, "Client order ID is not correct for this order ID.", mismatched_ids),
    (
        -2016,
        "No trading window could be found for the symbol. Try ticker/24hrs instead.",
        get("ticker", symbol="ADAUSDT"),
    ),
    (-2043, "This symbol doesn't have a reference price.", get("referencePrice", **BTCUSDT)),
    (
        -1020,
        "This operation is not supported.",
        call("POST /api/v3/sor/order", RESTING | {"symbol": "ADAUSDT", "price": "0.5", "quantity": "100"}),
    ),
    # Replacing and amending
    (-2021, "Order cancel-replace partially failed.", replace(quantity="5")),
    (-2022, "Order cancel-replace failed.", replace(cancelOrigClientOrderId="nothing")),
    (-2038, "Order amend is not supported for this symbol.", after(rules(amend_allowed=False), amend())),
    (-2038, "Order amend (quantity increase) is not supported.", amend(newQty="0.02000")),
    (-2038, "The requested action would change no state; rejecting", amend(newQty="0.01000")),
    (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS", amended_once_more),
    (
        -2038,
        "Order amend (pending OPO order) is not supported.",
        then(
            call("POST /api/v3/orderList/opo", OPO | {"pendingClientOrderId": "pending"}),
            amend(origClientOrderId="pending"),
        ),
    ),
]

FILTERS: dict[str, Story] = {
    "PRICE_FILTER": order(price="90000.001"),
    "PERCENT_PRICE": after(
        filtered(PercentPrice(multiplier_up=Decimal("1.1"), multiplier_down=Decimal("0.9"), avg_price_mins=5)),
        order(price="80000"),
    ),
    "PERCENT_PRICE_BY_SIDE": order(price="600000.00"),
    "LOT_SIZE": order(quantity="0.000001"),
    "MIN_NOTIONAL": after(
        filtered(MinNotional(min_notional=Decimal(100), apply_to_market=True, avg_price_mins=5)),
        order(quantity="0.001"),
    ),
    "NOTIONAL": order(quantity="0.00001"),
    "ICEBERG_PARTS": order(quantity="0.10000", icebergQty="0.00001"),
    "MARKET_LOT_SIZE": order(MARKET, quantity="200"),
    "MAX_POSITION": after(filtered(MaxPosition(max_position=Decimal("0.5"))), order()),
    "MAX_NUM_ORDERS": after(filtered(MaxNumOrders(max_num_orders=1)), order()),
    "MAX_NUM_ALGO_ORDERS": after(filtered(MaxNumAlgoOrders(max_num_algo_orders=0)), order(STOP)),
    "MAX_NUM_ICEBERG_ORDERS": after(filtered(MaxNumIcebergOrders(max_num_iceberg_orders=0)), order(**ICEBERG)),
    "MAX_NUM_ORDER_LISTS": after(filtered(MaxNumOrderLists(max_num_order_lists=0)), oco()),
    "TRAILING_DELTA": order(TRAILING, trailingDelta=1),
    "EXCHANGE_MAX_NUM_ORDERS": after(SetExchange(filters=(ExchangeMaxNumOrders(max_num_orders=1),)), order()),
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": after(
        SetExchange(filters=(ExchangeMaxNumAlgoOrders(max_num_algo_orders=0),)), order(STOP)
    ),
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": after(
        SetExchange(filters=(ExchangeMaxNumIcebergOrders(max_num_iceberg_orders=0),)), order(**ICEBERG)
    ),
    "EXCHANGE_MAX_NUM_ORDER_LISTS": after(
        SetExchange(filters=(ExchangeMaxNumOrderLists(max_num_order_lists=0),)), oco()
    ),
    "MAX_ASSET": asset_capped,
}
"""What each filter refuses with -1013; MAX_NUM_ORDER_AMENDS is among the cases, since its code is another."""

CASES += [(-1013, f"Filter failure: {name}", story) for name, story in FILTERS.items()]
