"""Order lists: OCO (today's endpoint and the older one), OTO, OTOCO, OPO, OPOCO.

Which types stand above and below, and how their prices lie, is the engine's to say.

Source: rest-api.md#order-lists, faqs/opo.md
"""

from decimal import Decimal
from typing import Any, cast

from paper_exchange.engine.commands import CancelList, PlaceList
from paper_exchange.engine.events import CancelledList, PlacedList
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.symbols import SymbolSpec
from paper_exchange.engine.words import ListKind, Side
from paper_exchange.gateway import paging, rendering
from paper_exchange.gateway.chapters.legs import Leg, leg, oco_type, order_type, strategy_type, working_type
from paper_exchange.gateway.chapters.shared import (
    END_TIME,
    FROM_ID,
    LIMIT,
    NEW_CLIENT_ORDER_ID,
    ORIG_CLIENT_ORDER_ID,
    RESPONSE_TYPE,
    START_TIME,
    STP_MODE,
    SYMBOL,
    side,
    time_in_force,
)
from paper_exchange.gateway.endpoint import Answer, Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import Arguments, Parameter, amount, client_id, new_client_id, whole
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import Json, ResponseType
from paper_exchange.gateway.rules import (
    Rule,
    at_most_hours,
    beside,
    never,
    none_beside,
    only_if_any,
    require_any,
    require_together,
    when,
)

LIST_ID = whole("orderListId")
LIST_CLIENT_ID = client_id("listClientOrderId")
SIDE = side("side").required
QUANTITY = amount("quantity").required
WORKING_SIDE = side("workingSide").required
WORKING_QUANTITY = amount("workingQuantity").required
PENDING_SIDE = side("pendingSide").required
PENDING_QUANTITY = amount("pendingQuantity")

ABOVE = leg("above", oco_type("aboveType").required, "aboveClientOrderId")
BELOW = leg("below", oco_type("belowType").required, "belowClientOrderId")
WORKING = leg("working", working_type("workingType").required, "workingClientOrderId")
PENDING = leg("pending", order_type("pendingType").required, "pendingClientOrderId")
PENDING_ABOVE = leg("pendingAbove", oco_type("pendingAboveType").required, "pendingAboveClientOrderId")
PENDING_BELOW = leg("pendingBelow", oco_type("pendingBelowType").required, "pendingBelowClientOrderId")

LEGACY_PRICE = amount("price").required
LEGACY_LIMIT_ID = new_client_id("limitClientOrderId")
LEGACY_LIMIT_STRATEGY = whole("limitStrategyId")
LEGACY_LIMIT_STRATEGY_TYPE = strategy_type("limitStrategyType")
LEGACY_LIMIT_ICEBERG = amount("limitIcebergQty")
LEGACY_TRAILING_DELTA = whole("trailingDelta")
LEGACY_STOP_ID = new_client_id("stopClientOrderId")
LEGACY_STOP_PRICE = amount("stopPrice")
LEGACY_STOP_STRATEGY = whole("stopStrategyId")
LEGACY_STOP_STRATEGY_TYPE = strategy_type("stopStrategyType")
LEGACY_STOP_LIMIT_PRICE = amount("stopLimitPrice")
LEGACY_STOP_ICEBERG = amount("stopIcebergQty")
LEGACY_STOP_TIME_IN_FORCE = time_in_force("stopLimitTimeInForce")


def place_oco(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Two orders of which one cancels the other."""
    spec = venue.exchange.engine.symbol(arguments[SYMBOL])
    return _place(venue, arguments, caller, "OCO", _pair(arguments, spec, (ABOVE, BELOW), SIDE, QUANTITY))


def placing_legacy_oco(default: ResponseType) -> Answer:
    """A LIMIT_MAKER and a stop, named by what they are and not by where they lie."""

    def answer(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
        spec = venue.exchange.engine.symbol(arguments[SYMBOL])
        profit, stop = _legacy_legs(arguments, spec)
        above, below = (profit, stop) if profit.side == "SELL" else (stop, profit)
        return _place(venue, arguments, caller, "OCO", (above, below), default=default)

    return answer


def _placing_after_one(kind: ListKind) -> Answer:
    """OTO and OPO: one order follows another."""

    def answer(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
        spec = venue.exchange.engine.symbol(arguments[SYMBOL])
        pending = PENDING.terms(
            arguments,
            spec,
            side=arguments[PENDING_SIDE],
            quantity=arguments.precise(PENDING_QUANTITY, spec.base_precision),
            stp_mode=arguments.get(STP_MODE),
        )
        return _place(venue, arguments, caller, kind, (_working(arguments, spec), pending))

    return answer


def _placing_after_pair(kind: ListKind) -> Answer:
    """OTOCO and OPOCO: two orders of which one cancels the other follow a third."""

    def answer(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
        spec = venue.exchange.engine.symbol(arguments[SYMBOL])
        pair = _pair(arguments, spec, (PENDING_ABOVE, PENDING_BELOW), PENDING_SIDE, PENDING_QUANTITY)
        return _place(venue, arguments, caller, kind, (_working(arguments, spec), *pair))

    return answer


def cancel_list(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Cancel a list with all its orders."""
    command = CancelList(
        account=caller.account,
        symbol=arguments[SYMBOL],
        list_id=arguments.get(LIST_ID),
        list_client_order_id=arguments.get(LIST_CLIENT_ID),
        new_client_order_id=arguments.get(NEW_CLIENT_ORDER_ID),
    )
    return rendering.cancelled_list(cast("CancelledList", venue.exchange.submit(command).reply), caller.unit)


def order_list(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """One list."""
    found = venue.exchange.engine.order_list(
        caller.account, list_id=arguments.get(LIST_ID), client_order_id=arguments.get(ORIG_CLIENT_ORDER_ID)
    )
    venue.curtain.check(found, venue.exchange.now_us())
    return rendering.listed(found, caller.unit)


def open_order_lists(venue: Venue, _: Arguments, caller: Caller) -> list[Json]:
    """Every open list."""
    lists = venue.shown(venue.exchange.engine.open_order_lists(caller.account))
    return [rendering.listed(each, caller.unit) for each in lists]


def all_order_lists(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Lists by id, or by the time of their last change; with a time bound the id does not count.

    Source: rest-api.md#query-all-order-lists-user_data, web-socket-api.md#account-order-list-history-user_data
    """
    lists = venue.shown(venue.exchange.engine.order_lists(caller.account))
    start_us, end_us, limit = arguments.get(START_TIME), arguments.get(END_TIME), arguments[LIMIT]
    if start_us is None and end_us is None:
        rows = paging.from_id(lists, arguments.get(FROM_ID), limit, lambda row: row.list_id)
    else:
        rows = paging.between(lists, start_us, end_us, limit, lambda row: row.update_us)
    return [rendering.listed(row, caller.unit) for row in rows]


def _place(
    venue: Venue,
    arguments: Arguments,
    caller: Caller,
    kind: ListKind,
    orders: tuple[Terms, ...],
    *,
    default: ResponseType = "RESULT",
) -> Json:
    command = PlaceList(
        account=caller.account,
        symbol=arguments[SYMBOL],
        kind=kind,
        orders=orders,
        list_client_order_id=arguments.get(LIST_CLIENT_ID),
    )
    placement = cast("PlacedList", venue.exchange.submit(command).reply)
    return rendering.placed_list(placement, arguments.get(RESPONSE_TYPE) or default, caller.unit)


def _working(arguments: Arguments, spec: SymbolSpec) -> Terms:
    return WORKING.terms(
        arguments,
        spec,
        side=arguments[WORKING_SIDE],
        quantity=arguments.precise(WORKING_QUANTITY, spec.base_precision),
        stp_mode=arguments.get(STP_MODE),
    )


def _pair(
    arguments: Arguments,
    spec: SymbolSpec,
    legs: tuple[Leg, Leg],
    of_side: Parameter[Side],
    of_quantity: Parameter[Decimal],
) -> tuple[Terms, ...]:
    return tuple(
        each.terms(
            arguments,
            spec,
            side=arguments[of_side],
            quantity=arguments.precise(of_quantity, spec.base_precision),
            stp_mode=arguments.get(STP_MODE),
        )
        for each in legs
    )


def _legacy_legs(arguments: Arguments, spec: SymbolSpec) -> tuple[Terms, Terms]:
    quantity = arguments.precise(QUANTITY, spec.base_precision)
    limited = LEGACY_STOP_LIMIT_PRICE.name in arguments
    profit = Terms(
        side=arguments[SIDE],
        type="LIMIT_MAKER",
        quantity=quantity,
        price=arguments.precise(LEGACY_PRICE, spec.quote_precision),
        iceberg_qty=arguments.precise(LEGACY_LIMIT_ICEBERG, spec.base_precision),
        client_order_id=arguments.get(LEGACY_LIMIT_ID),
        strategy_id=arguments.get(LEGACY_LIMIT_STRATEGY),
        strategy_type=arguments.get(LEGACY_LIMIT_STRATEGY_TYPE),
        stp_mode=arguments.get(STP_MODE),
    )
    stop = Terms(
        side=arguments[SIDE],
        type="STOP_LOSS_LIMIT" if limited else "STOP_LOSS",
        quantity=quantity,
        price=arguments.precise(LEGACY_STOP_LIMIT_PRICE, spec.quote_precision),
        time_in_force=arguments.get(LEGACY_STOP_TIME_IN_FORCE),
        stop_price=arguments.precise(LEGACY_STOP_PRICE, spec.quote_precision),
        trailing_delta=arguments.get(LEGACY_TRAILING_DELTA),
        iceberg_qty=arguments.precise(LEGACY_STOP_ICEBERG, spec.base_precision),
        client_order_id=arguments.get(LEGACY_STOP_ID),
        strategy_id=arguments.get(LEGACY_STOP_STRATEGY),
        strategy_type=arguments.get(LEGACY_STOP_STRATEGY_TYPE),
        stp_mode=arguments.get(STP_MODE),
    )
    return profit, stop


def _sized(_: str) -> Rejected:
    return Rejected(-1225, "Pending orders should not include the 'pendingQuantity' tag.")


def _iceberg_in_oco(name: str) -> Rejected:
    return Rejected(-1160, f"Parameter '{name}' is not supported if aboveTimeInForce/belowTimeInForce is not GTC.")


def _rests(each: Leg) -> Rule:
    """A leg of an OCO may be an iceberg where it rests until cancelled."""
    return only_if_any(
        each.iceberg_qty.name,
        when(**{each.time_in_force.name: "GTC"}),
        when(**{each.type.name: "LIMIT_MAKER"}),
        refuse=_iceberg_in_oco,
    )


_COMMON = (SYMBOL, LIST_CLIENT_ID, RESPONSE_TYPE, STP_MODE)
_WORKING_PARAMETERS: tuple[Parameter[Any], ...] = (
    *_COMMON,
    WORKING.type,
    WORKING_SIDE,
    WORKING_QUANTITY,
    *WORKING.untriggered,
    PENDING_SIDE,
)
_PENDING_PARAMETERS: tuple[Parameter[Any], ...] = (PENDING.type, *PENDING.all)
_PENDING_RULES: tuple[Rule, ...] = (*WORKING.rules, *PENDING.rules)
_PAIR_PARAMETERS: tuple[Parameter[Any], ...] = (
    PENDING_ABOVE.type,
    *PENDING_ABOVE.all,
    PENDING_BELOW.type,
    *PENDING_BELOW.all,
)
_PAIR_RULES: tuple[Rule, ...] = (*WORKING.rules, *PENDING_ABOVE.rules, *PENDING_BELOW.rules)
_UNSIZED = never(PENDING_QUANTITY.name, _sized)
_BY_EITHER_ID = require_any("origClientOrderId", "orderListId")


def _placement(route: str, answer: Answer, orders: int, parameters: Any, rules: Any) -> Endpoint:
    return Endpoint(
        route=route,
        answer=answer,
        security="TRADE",
        parameters=parameters,
        rules=rules,
        free_on_success=True,
        orders=orders,
    )


ENDPOINTS = (
    _placement(
        "POST /api/v3/orderList/oco",
        place_oco,
        2,
        (*_COMMON, SIDE, QUANTITY, ABOVE.type, *ABOVE.all, BELOW.type, *BELOW.all),
        (*ABOVE.rules, *BELOW.rules, _rests(ABOVE), _rests(BELOW)),
    ),
    _placement(
        "POST /api/v3/order/oco",
        placing_legacy_oco("RESULT"),
        2,
        (
            *_COMMON,
            SIDE,
            QUANTITY,
            LEGACY_LIMIT_ID,
            LEGACY_PRICE,
            LEGACY_LIMIT_STRATEGY,
            LEGACY_LIMIT_STRATEGY_TYPE,
            LEGACY_LIMIT_ICEBERG,
            LEGACY_TRAILING_DELTA,
            LEGACY_STOP_ID,
            LEGACY_STOP_PRICE,
            LEGACY_STOP_STRATEGY,
            LEGACY_STOP_STRATEGY_TYPE,
            LEGACY_STOP_LIMIT_PRICE,
            LEGACY_STOP_ICEBERG,
            LEGACY_STOP_TIME_IN_FORCE,
        ),
        (
            require_any("stopPrice", "trailingDelta"),
            require_together("stopLimitPrice", "stopLimitTimeInForce"),
            beside("stopLimitTimeInForce", "stopLimitPrice"),
            beside("stopIcebergQty", "stopLimitPrice"),
        ),
    ),
    _placement(
        "POST /api/v3/orderList/oto",
        _placing_after_one("OTO"),
        2,
        (*_WORKING_PARAMETERS, PENDING_QUANTITY.required, *_PENDING_PARAMETERS),
        _PENDING_RULES,
    ),
    _placement(
        "POST /api/v3/orderList/otoco",
        _placing_after_pair("OTOCO"),
        3,
        (*_WORKING_PARAMETERS, PENDING_QUANTITY.required, *_PAIR_PARAMETERS),
        _PAIR_RULES,
    ),
    _placement(
        "POST /api/v3/orderList/opo",
        _placing_after_one("OPO"),
        2,
        (*_WORKING_PARAMETERS, PENDING_QUANTITY, *_PENDING_PARAMETERS),
        (_UNSIZED, *_PENDING_RULES),
    ),
    _placement(
        "POST /api/v3/orderList/opoco",
        _placing_after_pair("OPOCO"),
        3,
        (*_WORKING_PARAMETERS, PENDING_QUANTITY, *_PAIR_PARAMETERS),
        (_UNSIZED, *_PAIR_RULES),
    ),
    Endpoint(
        route="DELETE /api/v3/orderList",
        answer=cancel_list,
        security="TRADE",
        parameters=(SYMBOL, LIST_ID, LIST_CLIENT_ID, NEW_CLIENT_ORDER_ID),
        rules=(require_any("listClientOrderId", "orderListId"),),
        free_on_success=True,
    ),
    Endpoint(
        route="GET /api/v3/orderList",
        answer=order_list,
        security="USER_DATA",
        parameters=(LIST_ID, ORIG_CLIENT_ORDER_ID),
        rules=(_BY_EITHER_ID,),
        weight=4,
    ),
    Endpoint(
        route="GET /api/v3/allOrderList",
        answer=all_order_lists,
        security="USER_DATA",
        parameters=(FROM_ID, START_TIME, END_TIME, LIMIT),
        rules=(none_beside("fromId", "startTime", "endTime"), at_most_hours(24)),
        weight=20,
    ),
    Endpoint(route="GET /api/v3/openOrderList", answer=open_order_lists, security="USER_DATA", weight=6),
)
