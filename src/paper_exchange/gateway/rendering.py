"""How the engine's values look on the wire, the same for REST and WebSocket API.

Amounts are strings with eight decimals, ids and times are numbers; a time is written in the caller's unit.

Source: rest-api.md (the examples under each endpoint; conditional fields in order responses)
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from paper_exchange.engine.events import (
    AccountTrade,
    Allocation,
    Amended,
    Amendment,
    Cancelled,
    CancelledList,
    Fill,
    Placed,
    PlacedList,
    PreventedMatch,
)
from paper_exchange.engine.orders import ZERO, Order, OrderList
from paper_exchange.gateway import refusals
from paper_exchange.market.wire import TimeUnit, stamp

ResponseType = Literal["ACK", "RESULT", "FULL"]
Json = dict[str, Any]

_TIME_UNITS: dict[str, TimeUnit] = {
    "": "MILLISECOND",
    "MILLISECOND": "MILLISECOND",
    "millisecond": "MILLISECOND",
    "MICROSECOND": "MICROSECOND",
    "microsecond": "MICROSECOND",
}


def time_unit(said: str) -> TimeUnit:
    """The unit that a caller asks for in a header or a URL.

    Raises:
        Rejected: -1194, there is no such unit.
    """
    unit = _TIME_UNITS.get(said)
    if unit is None:
        raise refusals.invalid_time_unit()
    return unit


def decimal(amount: Decimal | None) -> str:
    """An amount, or what stands for none."""
    return f"{amount or ZERO:.8f}"


def filters(rules: Iterable[Struct]) -> list[Json]:
    """Filter objects, with decimals as they were written but without exponents."""
    return [
        {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in fields.items()}
        for fields in msgspec.to_builtins(tuple(rules), builtin_types=(Decimal,))
    ]


def placed(placement: Placed, response_type: ResponseType, unit: TimeUnit) -> Json:
    """The answer to a placement. Source: rest-api.md#new-order-trade"""
    order = placement.order
    report: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": stamp(placement.transact_us, unit),
    }
    if response_type == "ACK":
        return report
    report |= _result(order)
    report["workingTime"] = stamp(order.working_us, unit)
    if response_type == "FULL":
        report["fills"] = [_fill(fill) for fill in placement.fills]
    report["selfTradePreventionMode"] = order.stp_mode
    report |= _conditional(order, unit)
    if placement.prevented_matches:
        report["preventedMatches"] = [_prevented_in_placement(match) for match in placement.prevented_matches]
        if placement.trade_group_id != -1:
            report["tradeGroupId"] = placement.trade_group_id
    return report


def cancelled(cancel: Cancelled, unit: TimeUnit) -> Json:
    """One cancelled order. Source: rest-api.md#cancel-order-trade"""
    order = cancel.order
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel.client_order_id,
        "transactTime": stamp(cancel.transact_us, unit),
        **_result(order),
        "selfTradePreventionMode": order.stp_mode,
        **_conditional(order, unit),
    }


def cancelled_any(cancel: Cancelled | CancelledList, unit: TimeUnit) -> Json:
    """One element of a cancel-all: an order, or a list with its orders."""
    return cancelled(cancel, unit) if isinstance(cancel, Cancelled) else cancelled_list(cancel, unit)


def named_in(cancel: Cancelled | CancelledList) -> Cancelled:
    """The order that a cancel named, also where its whole list went with it."""
    return cancel if isinstance(cancel, Cancelled) else cancel.reports[cancel.named]


def queried(order: Order, unit: TimeUnit) -> Json:
    """An order as it is read. Source: rest-api.md#query-order-user_data"""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        **_result(order),
        "stopPrice": decimal(order.terms.stop_price),
        "icebergQty": decimal(order.terms.iceberg_qty),
        "time": stamp(order.created_us, unit),
        "updateTime": stamp(order.update_us, unit),
        "isWorking": order.is_working,
        "workingTime": stamp(order.working_us, unit),
        "selfTradePreventionMode": order.stp_mode,
        **{name: value for name, value in _conditional(order, unit).items() if name not in _ALWAYS_QUERIED},
    }


_ALWAYS_QUERIED = frozenset({"stopPrice", "icebergQty"})


def amended(amendment: Amended, unit: TimeUnit) -> Json:
    """The answer to an amendment; an order that is still pending has no workingTime.

    Source: rest-api.md#order-amend-keep-priority-trade, web-socket-api.md#order-amend-keep-priority-trade
    """
    order = amendment.order
    shown: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "origClientOrderId": amendment.orig_client_order_id,
        "clientOrderId": order.client_order_id,
        "price": decimal(order.terms.price),
        "qty": decimal(order.quantity),
        "executedQty": decimal(order.executed),
        "preventedQty": decimal(order.prevented),
        "quoteOrderQty": decimal(order.terms.quote_order_qty),
        "cumulativeQuoteQty": decimal(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }
    if order.status != "PENDING_NEW":
        shown["workingTime"] = stamp(order.working_us, unit)
    shown["selfTradePreventionMode"] = order.stp_mode
    shown |= _conditional(order, unit)
    report: Json = {
        "transactTime": stamp(amendment.transact_us, unit),
        "executionId": amendment.execution_id,
        "amendedOrder": shown,
    }
    order_list = amendment.order_list
    if order_list is not None:
        report["listStatus"] = {
            "orderListId": order_list.list_id,
            "contingencyType": order_list.contingency,
            "listOrderStatus": order_list.order_status,
            "listClientOrderId": order_list.client_order_id,
            "symbol": order_list.symbol,
            "orders": _members(order_list),
        }
    return report


def listed(order_list: OrderList, unit: TimeUnit, at_us: int | None = None) -> Json:
    """An order list. Source: rest-api.md#query-order-list-user_data"""
    return {
        "orderListId": order_list.list_id,
        "contingencyType": order_list.contingency,
        "listStatusType": order_list.status_type,
        "listOrderStatus": order_list.order_status,
        "listClientOrderId": order_list.client_order_id,
        "transactionTime": stamp(order_list.update_us if at_us is None else at_us, unit),
        "symbol": order_list.symbol,
        "orders": _members(order_list),
    }


def placed_list(placement: PlacedList, response_type: ResponseType, unit: TimeUnit) -> Json:
    """The answer to a list placement. Source: rest-api.md#new-order-list---oco-trade"""
    return {
        **listed(placement.order_list, unit, placement.transact_us),
        "orderReports": [placed(report, response_type, unit) for report in placement.reports],
    }


def cancelled_list(cancel: CancelledList, unit: TimeUnit) -> Json:
    """The answer to the cancel of a list. Source: rest-api.md#cancel-order-list-trade"""
    return {
        **listed(cancel.order_list, unit, cancel.transact_us),
        "orderReports": [cancelled(report, unit) for report in cancel.reports],
    }


def account_trade(trade: AccountTrade, unit: TimeUnit) -> Json:
    """One row of myTrades. Source: rest-api.md#account-trade-list-user_data"""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.list_id,
        "price": decimal(trade.price),
        "qty": decimal(trade.quantity),
        "quoteQty": decimal(trade.quote_quantity),
        "commission": decimal(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": stamp(trade.time_us, unit),
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def allocation(row: Allocation, unit: TimeUnit) -> Json:
    """One row of myAllocations. Source: rest-api.md#query-allocations-user_data"""
    return {
        "symbol": row.symbol,
        "allocationId": row.allocation_id,
        "allocationType": "SOR",
        "orderId": row.order_id,
        "orderListId": row.list_id,
        "price": decimal(row.price),
        "qty": decimal(row.quantity),
        "quoteQty": decimal(row.quote_quantity),
        "commission": decimal(row.commission),
        "commissionAsset": row.commission_asset,
        "time": stamp(row.time_us, unit),
        "isBuyer": row.is_buyer,
        "isMaker": False,
        "isAllocator": False,
    }


def amendment(row: Amendment, unit: TimeUnit) -> Json:
    """One row of order/amendments. Source: rest-api.md#query-order-amendments-user_data"""
    return {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "executionId": row.execution_id,
        "origClientOrderId": row.orig_client_order_id,
        "newClientOrderId": row.new_client_order_id,
        "origQty": decimal(row.orig_quantity),
        "newQty": decimal(row.new_quantity),
        "time": stamp(row.time_us, unit),
    }


def prevented_match(match: PreventedMatch, unit: TimeUnit) -> Json:
    """One row of myPreventedMatches. Source: rest-api.md#query-prevented-matches-user_data"""
    return {
        "symbol": match.symbol,
        "preventedMatchId": match.prevented_match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.maker_symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": match.trade_group_id,
        "selfTradePreventionMode": match.stp_mode,
        "price": decimal(match.price),
        **_prevented_quantities(match),
        "transactTime": stamp(match.time_us, unit),
    }


def _result(order: Order) -> Json:
    """What every report of an order beyond ACK says.

    The price is the one that was sent, also of pegged orders. An OPO leg that waits for its quantity has no origQty.
    """
    shown: Json = {"price": decimal(order.terms.price)}
    if order.quantity or order.terms.quote_order_qty is not None:
        shown["origQty"] = decimal(order.quantity)
    return shown | {
        "executedQty": decimal(order.executed),
        "origQuoteOrderQty": decimal(order.terms.quote_order_qty),
        "cummulativeQuoteQty": decimal(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def _conditional(order: Order, unit: TimeUnit) -> Json:
    """The keys that appear only where they mean something. Source: rest-api.md#conditional-fields-in-order-responses"""
    terms = order.terms
    shown: Json = {}
    if terms.iceberg_qty is not None:
        shown["icebergQty"] = decimal(terms.iceberg_qty)
    if order.prevented_match_id != -1:
        shown["preventedMatchId"] = order.prevented_match_id
        shown["preventedQuantity"] = decimal(order.prevented)
    if order.is_algo:
        shown["stopPrice"] = decimal(terms.stop_price)
    if terms.strategy_id is not None:
        shown["strategyId"] = terms.strategy_id
    if terms.strategy_type is not None:
        shown["strategyType"] = terms.strategy_type
    if terms.trailing_delta is not None:
        shown["trailingDelta"] = terms.trailing_delta
        shown["trailingTime"] = stamp(order.trailing_us, unit)
    if order.used_sor:
        shown["usedSor"] = True
        shown["workingFloor"] = order.working_floor
    if terms.peg_price_type is not None:
        shown["pegPriceType"] = terms.peg_price_type
        if terms.peg_offset_type is not None:
            shown["pegOffsetType"] = terms.peg_offset_type
            shown["pegOffsetValue"] = terms.peg_offset_value
        if order.pegged_price is not None:
            shown["peggedPrice"] = decimal(order.pegged_price)
    if order.expiry_reason != "NONE":
        shown["expiryReason"] = order.expiry_reason
    return shown


def _fill(fill: Fill) -> Json:
    shown: Json = {
        "price": decimal(fill.price),
        "qty": decimal(fill.quantity),
        "commission": decimal(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }
    if fill.allocation_id != -1:
        shown["matchType"] = "ONE_PARTY_TRADE_REPORT"
        shown["allocId"] = fill.allocation_id
    return shown


def _prevented_in_placement(match: PreventedMatch) -> Json:
    return {
        "preventedMatchId": match.prevented_match_id,
        "makerSymbol": match.maker_symbol,
        "makerOrderId": match.maker_order_id,
        "price": decimal(match.price),
        **_prevented_quantities(match),
    }


def _prevented_quantities(match: PreventedMatch) -> Json:
    shown: Json = {}
    if match.taker_prevented is not None:
        shown["takerPreventedQuantity"] = decimal(match.taker_prevented)
    if match.maker_prevented is not None:
        shown["makerPreventedQuantity"] = decimal(match.maker_prevented)
    return shown


def _members(order_list: OrderList) -> list[Json]:
    return [
        {"symbol": order_list.symbol, "orderId": order_id, "clientOrderId": client_id}
        for order_id, client_id in zip(order_list.order_ids, order_list.client_order_ids, strict=True)
    ]
