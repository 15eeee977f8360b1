"""What an account has, had and did.

Source: rest-api.md#account-endpoints
"""

from typing import Any

from paper_exchange.engine.events import AccountTrade, Allocation, Amendment, PreventedMatch
from paper_exchange.engine.orders import Order
from paper_exchange.engine.symbols import (
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxNumOrders,
    MaxPosition,
    Rates,
)
from paper_exchange.gateway import paging, rendering, weights
from paper_exchange.gateway.chapters.shared import (
    END_TIME,
    FROM_ID,
    LIMIT,
    ORDER_ID,
    ORIG_CLIENT_ORDER_ID,
    START_TIME,
    SYMBOL,
    SYMBOL_IF_ANY,
    discount,
)
from paper_exchange.gateway.endpoint import Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import INT_MAX, Arguments, flag, whole
from paper_exchange.gateway.rendering import Json, decimal, filters
from paper_exchange.gateway.rules import at_most_hours, combinations, require_any
from paper_exchange.market.wire import stamp

OMIT_ZERO_BALANCES = flag("omitZeroBalances")
PREVENTED_MATCH_ID = whole("preventedMatchId")
FROM_PREVENTED_MATCH_ID = whole("fromPreventedMatchId")
FROM_ALLOCATION_ID = whole("fromAllocationId", largest=INT_MAX)
FROM_EXECUTION_ID = whole("fromExecutionId")
AMENDED_ORDER_ID = ORDER_ID.required

_BASIS_POINTS = 10_000
_OF_ACCOUNTS = (
    MaxNumOrders,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxPosition,
)
"""The symbol filters that look at an account rather than at an order's values."""


def account(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Balances, permissions, commission rates."""
    engine = venue.exchange.engine
    settings = engine.account(caller.account)
    # The page shows one set of rates for the account; symbols may differ, and account/commission tells.
    symbol = next(iter(engine.symbols), None)
    rates = Rates() if symbol is None else engine.commission(caller.account, symbol).standard
    answer: Json = {
        "makerCommission": int(rates.maker * _BASIS_POINTS),
        "takerCommission": int(rates.taker * _BASIS_POINTS),
        "buyerCommission": int(rates.buyer * _BASIS_POINTS),
        "sellerCommission": int(rates.seller * _BASIS_POINTS),
        "commissionRates": _rates(rates),
        "canTrade": settings.can_trade,
        "canWithdraw": settings.can_withdraw,
        "canDeposit": settings.can_deposit,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": stamp(engine.updated_us(caller.account), caller.unit),
        "accountType": "SPOT",
        "balances": _balances(venue, caller.account, omit_zero=arguments[OMIT_ZERO_BALANCES]),
        "permissions": settings.permissions,
        "uid": settings.account,
    }
    if settings.trade_group_id != -1:
        answer["tradeGroupId"] = settings.trade_group_id
    return answer


def order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """One order."""
    found = venue.exchange.engine.order(
        caller.account,
        arguments[SYMBOL],
        now_us=venue.exchange.now_us(),
        order_id=arguments.get(ORDER_ID),
        client_order_id=arguments.get(ORIG_CLIENT_ORDER_ID),
    )
    venue.curtain.check(found, venue.exchange.now_us())
    return rendering.queried(found, caller.unit)


def open_orders(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Everything open, on one symbol or all."""
    engine, symbol = venue.exchange.engine, arguments.get(SYMBOL_IF_ANY)
    if symbol is not None:
        engine.symbol(symbol)
    orders = venue.shown(engine.open_orders(caller.account, symbol))
    return [rendering.queried(each, caller.unit) for each in orders]


def all_orders(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Orders by id, or by the time of their last change; with a time bound the id does not count.

    Source: rest-api.md#all-orders-user_data, web-socket-api.md#account-order-history-user_data
    """
    start_us, end_us, limit = arguments.get(START_TIME), arguments.get(END_TIME), arguments[LIMIT]
    known = venue.exchange.engine.orders(caller.account, arguments[SYMBOL], now_us=venue.exchange.now_us())
    orders = venue.shown(known)

    def updated_us(row: Order) -> int:
        return row.update_us

    if start_us is None and end_us is None:
        rows = paging.from_id(orders, arguments.get(ORDER_ID), limit, lambda row: row.order_id)
    else:
        rows = paging.between(orders, start_us, end_us, limit, updated_us)
    return [rendering.queried(row, caller.unit) for row in rows]


def my_trades(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Fills by order, id or time."""
    trades: list[AccountTrade] = [
        trade
        for trade in venue.exchange.engine.trades(caller.account, arguments[SYMBOL])
        if arguments.get(ORDER_ID) in {None, trade.order_id}
    ]
    start_us, end_us, limit = arguments.get(START_TIME), arguments.get(END_TIME), arguments[LIMIT]
    if start_us is None and end_us is None:
        rows = paging.from_id(trades, arguments.get(FROM_ID), limit, lambda row: row.trade_id)
    else:
        rows = paging.between(trades, start_us, end_us, limit, lambda row: row.time_us)
    return [rendering.account_trade(row, caller.unit) for row in rows]


def order_rate_limits(venue: Venue, _: Arguments, caller: Caller) -> list[dict[str, object]]:
    """The unfilled order count of the account."""
    return venue.limits.account(caller.account).rows(venue.exchange.now_us())


def prevented_matches(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Self-trades that did not happen: one by its id, or those of an order."""
    one, order_id = arguments.get(PREVENTED_MATCH_ID), arguments.get(ORDER_ID)
    matches: list[PreventedMatch] = [
        match
        for match in venue.exchange.engine.prevented_matches(caller.account, arguments[SYMBOL])
        if one in {None, match.prevented_match_id} and order_id in {None, match.taker_order_id, match.maker_order_id}
    ]
    first_id = arguments.get(FROM_PREVENTED_MATCH_ID) or 0
    rows = paging.from_id(matches, first_id, arguments[LIMIT], lambda row: row.prevented_match_id)
    return [rendering.prevented_match(row, caller.unit) for row in rows]


def allocations(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Fills by smart order routing, by time or from the oldest on."""
    found: list[Allocation] = [
        row
        for row in venue.exchange.engine.allocations(caller.account, arguments[SYMBOL])
        if arguments.get(ORDER_ID) in {None, row.order_id}
    ]
    start_us, end_us, limit = arguments.get(START_TIME), arguments.get(END_TIME), arguments[LIMIT]
    if start_us is None and end_us is None:
        first_id = arguments.get(FROM_ALLOCATION_ID) or 0
        rows = paging.from_id(found, first_id, limit, lambda row: row.allocation_id)
    else:
        rows = paging.between(found, start_us, end_us, limit, lambda row: row.time_us)
    return [rendering.allocation(row, caller.unit) for row in rows]


def commission(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """What an account pays on a symbol."""
    symbol = arguments[SYMBOL]
    rates = venue.exchange.engine.commission(caller.account, symbol)
    return {
        "symbol": symbol,
        "standardCommission": _rates(rates.standard),
        "specialCommission": _rates(rates.special),
        "taxCommission": _rates(rates.tax),
        "discount": discount(venue, caller.account, rates),
    }


def amendments(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Every amendment of an order."""
    history: tuple[Amendment, ...] = venue.exchange.engine.amendments(
        caller.account, arguments[SYMBOL], arguments[AMENDED_ORDER_ID]
    )
    first_id = arguments.get(FROM_EXECUTION_ID) or 0
    rows = paging.from_id(history, first_id, arguments[LIMIT], lambda row: row.execution_id)
    return [rendering.amendment(row, caller.unit) for row in rows]


def my_filters(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """The filters that look at what the account has open or moves."""
    engine = venue.exchange.engine
    spec = engine.symbol(arguments[SYMBOL])
    of_symbol = [each for each in spec.filters if isinstance(each, _OF_ACCOUNTS)]
    of_assets = [
        each for each in engine.account(caller.account).max_assets if each.asset in {spec.base_asset, spec.quote_asset}
    ]
    return {
        "exchangeFilters": filters(engine.exchange_filters),
        "symbolFilters": filters(of_symbol),
        "assetFilters": filters(of_assets),
    }


def _rates(rates: Rates) -> Json:
    return {
        "maker": decimal(rates.maker),
        "taker": decimal(rates.taker),
        "buyer": decimal(rates.buyer),
        "seller": decimal(rates.seller),
    }


def _balances(venue: Venue, number: int, *, omit_zero: bool) -> list[Any]:
    """Every asset that is traded here or that the account ever had."""
    engine = venue.exchange.engine
    assets = {asset for spec in engine.symbols.values() for asset in (spec.base_asset, spec.quote_asset)}
    assets.update(balance.asset for balance in engine.balances(number))
    rows = [engine.balance(number, asset) for asset in sorted(assets)]
    return [
        {"asset": row.asset, "free": decimal(row.free), "locked": decimal(row.locked)}
        for row in rows
        if row.free or row.locked or not omit_zero
    ]


_WITHIN_A_DAY = at_most_hours(24)

ENDPOINTS = (
    Endpoint(
        route="GET /api/v3/account", answer=account, security="USER_DATA", parameters=(OMIT_ZERO_BALANCES,), weight=20
    ),
    Endpoint(
        route="GET /api/v3/order",
        answer=order,
        security="USER_DATA",
        parameters=(SYMBOL, ORDER_ID, ORIG_CLIENT_ORDER_ID),
        rules=(require_any("origClientOrderId", "orderId"),),
        weight=4,
    ),
    Endpoint(
        route="GET /api/v3/openOrders",
        answer=open_orders,
        security="USER_DATA",
        parameters=(SYMBOL_IF_ANY,),
        weight=weights.if_sent("symbol", 80, 6),
    ),
    Endpoint(
        route="GET /api/v3/allOrders",
        answer=all_orders,
        security="USER_DATA",
        parameters=(SYMBOL, ORDER_ID, START_TIME, END_TIME, LIMIT),
        rules=(_WITHIN_A_DAY,),
        weight=20,
    ),
    Endpoint(
        route="GET /api/v3/myTrades",
        answer=my_trades,
        security="USER_DATA",
        parameters=(SYMBOL, ORDER_ID, START_TIME, END_TIME, FROM_ID, LIMIT),
        rules=(
            combinations(
                "symbol",
                "symbol orderId",
                "symbol startTime",
                "symbol endTime",
                "symbol fromId",
                "symbol startTime endTime",
                "symbol orderId fromId",
                free="limit",
            ),
            _WITHIN_A_DAY,
        ),
        weight=weights.if_sent("orderId", 20, 5),
    ),
    Endpoint(route="GET /api/v3/rateLimit/order", answer=order_rate_limits, security="USER_DATA", weight=40),
    Endpoint(
        route="GET /api/v3/myPreventedMatches",
        answer=prevented_matches,
        security="USER_DATA",
        parameters=(SYMBOL, PREVENTED_MATCH_ID, ORDER_ID, FROM_PREVENTED_MATCH_ID, LIMIT),
        rules=(
            combinations(
                "symbol preventedMatchId",
                "symbol orderId",
                "symbol orderId fromPreventedMatchId",
                "symbol orderId fromPreventedMatchId limit",
            ),
        ),
        weight=weights.if_sent("orderId", 2, 20),
    ),
    Endpoint(
        route="GET /api/v3/myAllocations",
        answer=allocations,
        security="USER_DATA",
        parameters=(SYMBOL, START_TIME, END_TIME, FROM_ALLOCATION_ID, LIMIT, ORDER_ID),
        rules=(
            combinations(
                "symbol",
                "symbol startTime",
                "symbol endTime",
                "symbol startTime endTime",
                "symbol fromAllocationId",
                "symbol orderId",
                "symbol orderId fromAllocationId",
                free="limit",
            ),
            _WITHIN_A_DAY,
        ),
        weight=20,
    ),
    Endpoint(
        route="GET /api/v3/account/commission",
        answer=commission,
        security="USER_DATA",
        parameters=(SYMBOL,),
        weight=20,
    ),
    Endpoint(
        route="GET /api/v3/order/amendments",
        answer=amendments,
        security="USER_DATA",
        parameters=(SYMBOL, AMENDED_ORDER_ID, FROM_EXECUTION_ID, LIMIT),
        weight=4,
    ),
    Endpoint(route="GET /api/v3/myFilters", answer=my_filters, security="USER_DATA", parameters=(SYMBOL,), weight=40),
)
