"""Order lists: orders that cancel or release one another.

OCO: two legs, one above and one below the market, of which one cancels the other. OTO: a working order that, once
filled, releases a pending one. OTOCO: it releases an OCO. OPO and OPOCO: the same, but the pending orders sell what the
working order bought, so they carry no quantity.
"""

from typing import Annotated, Any

from pydantic import create_model

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params, Route
from binance_spot_mcp.catalogue.fields import (
    Amount,
    BasisPoints,
    ClientOrderId,
    MaybeAmount,
    Millis,
    OneOf,
    PegLevels,
    RowId,
    StpMode,
    StrategyType,
    Symbol,
    Tag,
    at_most,
)
from binance_spot_mcp.catalogue.orders import (
    NewClientOrderId,
    OrderList,
    OrderListReport,
    Response,
    of_leg,
    price_rules,
    trigger_rules,
)
from binance_spot_mcp.catalogue.rules import ANY, Allowed, MaxSpan, Needs, OnlyWith, Refuses, Rule
from binance_spot_mcp.vocabulary import (
    OcoLegType,
    OrderType,
    PegOffsetType,
    PegPriceType,
    Side,
    TimeInForce,
    WorkingOrderType,
)

AnySide = OneOf[Side]
AnyOrderType = OneOf[OrderType]
AnyWorkingType = OneOf[WorkingOrderType]
AnyOcoLegType = OneOf[OcoLegType]
MaybeTimeInForce = OneOf[TimeInForce] | None
MaybePeg = OneOf[PegPriceType] | None
MaybePegOffset = OneOf[PegOffsetType] | None
MaybePegLevels = PegLevels | None
MaybeBasisPoints = BasisPoints | None
MaybeTag = Tag | None
MaybeStrategyType = StrategyType | None
MaybeStpMode = StpMode | None
Fields = dict[str, Any]
"""What `create_model` takes: (type, default) by field name."""

_PROFIT_TYPES = ("LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_STOP_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT")


class PlaceListParams(Params):
    """An order list to be placed; the kinds add their legs."""

    symbol: Symbol


def _leg(prefix: str, kind: Any, *, triggered: bool = True) -> Fields:
    """The parameters of one leg, e.g. `above_price`; side and quantity may be shared between legs, so they stay apart.

    Args:
        prefix: The leg's name in snake_case.
        kind: Its order types.
        triggered: Whether it can wait for a price.
    """
    trigger: Fields = {"stop_price": (MaybeAmount, None), "trailing_delta": (MaybeBasisPoints, None)}
    fields: Fields = {
        "type": (kind, ...),
        "price": (MaybeAmount, None),
        **(trigger if triggered else {}),
        "time_in_force": (MaybeTimeInForce, None),
        "iceberg_qty": (MaybeAmount, None),
        "peg_price_type": (MaybePeg, None),
        "peg_offset_type": (MaybePegOffset, None),
        "peg_offset_value": (MaybePegLevels, None),
        "strategy_id": (MaybeTag, None),
        "strategy_type": (MaybeStrategyType, None),
        "client_order_id": (NewClientOrderId, None),
    }
    return {f"{prefix}_{name}": field for name, field in fields.items()}


def _leg_rules(prefix: str) -> tuple[Rule, ...]:
    """What holds within a leg."""
    kind, iceberg, time_in_force = (of_leg(prefix, name) for name in ("type", "icebergQty", "timeInForce"))
    return (
        *price_rules(prefix),
        OnlyWith(({time_in_force: ("GTC",)}, {kind: ("LIMIT_MAKER",)}), (iceberg,)),
    )


def _pair_rules(side: str, above: str, below: str) -> tuple[Rule, ...]:
    """What holds within an OCO: one leg takes the profit and the other stops the loss, where the side says."""
    above_type, below_type = of_leg(above, "type"), of_leg(below, "type")
    return (
        Allowed({side: ("SELL",)}, above_type, _PROFIT_TYPES),
        Allowed({side: ("SELL",)}, below_type, _STOP_TYPES),
        Allowed({side: ("BUY",)}, above_type, _STOP_TYPES),
        Allowed({side: ("BUY",)}, below_type, _PROFIT_TYPES),
        *(rule for leg in (above, below) for rule in (*_leg_rules(leg), *trigger_rules(leg))),
    )


_WORKING: Fields = {
    "working_side": (AnySide, ...),
    "working_quantity": (Amount, ...),
    **_leg("working", AnyWorkingType, triggered=False),
}
_PENDING_SIDE: Fields = {"pending_side": (AnySide, ...)}
_PENDING_QUANTITY: Fields = {"pending_quantity": (Amount, ...)}
_PENDING = _leg("pending", AnyOrderType)
_PENDING_PAIR = {**_leg("pending_above", AnyOcoLegType), **_leg("pending_below", AnyOcoLegType)}

_WHOLE_LIST: Fields = {
    "self_trade_prevention_mode": (MaybeStpMode, None),
    "list_client_order_id": (NewClientOrderId, None),
    "new_order_resp_type": (Response, None),
}

_OTO_RULES = (*_leg_rules("working"), *_leg_rules("pending"), *trigger_rules("pending"))
_OTOCO_RULES = (*_leg_rules("working"), *_pair_rules("pendingSide", "pendingAbove", "pendingBelow"))
_BUY_THEN_SELL = (Allowed({}, "workingSide", ("BUY",)), Allowed({}, "pendingSide", ("SELL",)))


def _place(
    kind: str, title: str, description: str, legs: Fields, *, orders: int, rules: tuple[Rule, ...]
) -> Endpoint[PlaceListParams, OrderListReport]:
    """The endpoint that places a list of this kind, which is of so many orders."""
    fields = {**legs, **_WHOLE_LIST}
    params = create_model(f"Place{kind.title()}Params", __base__=PlaceListParams, __doc__=description, **fields)
    return Endpoint(
        name=f"place_{kind}",
        title=title,
        route=Route(f"POST /api/v3/orderList/{kind}", ws=f"orderList.place.{kind}"),
        params=params,
        result=OrderListReport,
        toolset="lists",
        source=f"rest-api.md#new-order-list---{kind}-trade",
        security="TRADE",
        effect="place",
        weight_on_success=0,
        order_count=orders,
        rules=rules,
    )


PLACE_OCO = _place(
    "oco",
    "Place an OCO",
    "Place two orders of one side and quantity, of which one cancels the other. SELL: above LIMIT_MAKER or "
    "TAKE_PROFIT(_LIMIT), below STOP_LOSS(_LIMIT); BUY: the reverse. LIMIT_MAKER needs price; the others stopPrice or "
    "trailingDelta (bips), with _LIMIT also price and timeInForce.",
    {
        "side": (AnySide, ...),
        "quantity": (Amount, ...),
        **_leg("above", AnyOcoLegType),
        **_leg("below", AnyOcoLegType),
    },
    orders=2,
    rules=_pair_rules("side", "above", "below"),
)

PLACE_OTO = _place(
    "oto",
    "Place an OTO",
    "Place a working order that releases a pending one when it is completely filled. A working LIMIT needs "
    "timeInForce; the pending order needs what place_order says, but is never sized by quoteOrderQty.",
    {**_WORKING, **_PENDING_SIDE, **_PENDING_QUANTITY, **_PENDING},
    orders=2,
    rules=_OTO_RULES,
)

PLACE_OTOCO = _place(
    "otoco",
    "Place an OTOCO",
    "Place a working order that releases an OCO pair (take profit and stop loss) when it is completely filled. A "
    "working LIMIT needs timeInForce; pendingAbove and pendingBelow follow place_oco.",
    {**_WORKING, **_PENDING_SIDE, **_PENDING_QUANTITY, **_PENDING_PAIR},
    orders=3,
    rules=_OTOCO_RULES,
)

PLACE_OPO = _place(
    "opo",
    "Place an OPO",
    "As place_oto, but the pending order sells what the working order bought, less fees: workingSide BUY, pendingSide "
    "SELL, no pendingQuantity.",
    {**_WORKING, **_PENDING_SIDE, **_PENDING},
    orders=2,
    rules=(*_BUY_THEN_SELL, *_OTO_RULES),
)

PLACE_OPOCO = _place(
    "opoco",
    "Place an OPOCO",
    "As place_otoco, but the pending pair sells what the working order bought, less fees: workingSide BUY, "
    "pendingSide SELL, no pendingQuantity.",
    {**_WORKING, **_PENDING_SIDE, **_PENDING_PAIR},
    orders=3,
    rules=(*_BUY_THEN_SELL, *_OTOCO_RULES),
)


class PlaceLegacyOcoParams(PlaceListParams):
    """Deprecated and not on testnet: use place_oco. A LIMIT_MAKER at price, and a stop at stopPrice or after
    trailingDelta (bips), which stopLimitPrice with stopLimitTimeInForce turns into STOP_LOSS_LIMIT."""

    side: OneOf[Side]
    quantity: Amount
    price: Amount
    stop_price: MaybeAmount = None
    trailing_delta: BasisPoints | None = None
    stop_limit_price: MaybeAmount = None
    stop_limit_time_in_force: OneOf[TimeInForce] | None = None
    limit_iceberg_qty: MaybeAmount = None
    stop_iceberg_qty: MaybeAmount = None
    limit_strategy_id: Tag | None = None
    limit_strategy_type: StrategyType | None = None
    stop_strategy_id: Tag | None = None
    stop_strategy_type: StrategyType | None = None
    self_trade_prevention_mode: StpMode | None = None
    list_client_order_id: NewClientOrderId = None
    limit_client_order_id: NewClientOrderId = None
    stop_client_order_id: NewClientOrderId = None
    new_order_resp_type: Response = None


PLACE_LEGACY_OCO: Endpoint[PlaceLegacyOcoParams, OrderListReport] = Endpoint(
    name="place_legacy_oco",
    title="Place an OCO (deprecated form)",
    route=Route("POST /api/v3/order/oco", ws="orderList.place"),
    params=PlaceLegacyOcoParams,
    result=OrderListReport,
    toolset="lists",
    source="rest-api.md#new-oco---deprecated-trade",
    security="TRADE",
    effect="place",
    weight_on_success=0,
    order_count=2,
    rules=(
        Needs({}, any_of=("stopPrice", "trailingDelta")),
        Needs({"stopLimitPrice": ANY}, all_of=("stopLimitTimeInForce",)),
        Allowed({"stopIcebergQty": ANY}, "stopLimitTimeInForce", ("GTC",)),
    ),
)


class CancelOrderListParams(Params):
    """Cancel a whole order list, by orderListId or listClientOrderId."""

    symbol: Symbol
    order_list_id: RowId | None = None
    list_client_order_id: ClientOrderId | None = None
    new_client_order_id: NewClientOrderId = None


CANCEL_ORDER_LIST: Endpoint[CancelOrderListParams, OrderListReport] = Endpoint(
    name="cancel_order_list",
    title="Cancel an order list",
    route=Route("DELETE /api/v3/orderList", ws="orderList.cancel"),
    params=CancelOrderListParams,
    result=OrderListReport,
    toolset="lists",
    source="rest-api.md#cancel-order-list-trade",
    security="TRADE",
    effect="cancel",
    weight_on_success=0,
    rules=(Needs({}, any_of=("orderListId", "listClientOrderId")),),
)


class GetOrderListParams(Params):
    """An order list's status and the ids of its orders, by orderListId or origClientOrderId (the list's client id)."""

    order_list_id: RowId | None = None
    orig_client_order_id: ClientOrderId | None = None


GET_ORDER_LIST: Endpoint[GetOrderListParams, OrderList] = Endpoint(
    name="get_order_list",
    title="One order list",
    route=Route("GET /api/v3/orderList", ws="orderList.status"),
    params=GetOrderListParams,
    result=OrderList,
    toolset="lists",
    source="rest-api.md#query-order-list-user_data",
    security="USER_DATA",
    weight=4,
    rules=(Needs({}, any_of=("orderListId", "origClientOrderId")),),
)


class OpenOrderListsParams(Params):
    """Open order lists of every symbol."""


OPEN_ORDER_LISTS: Endpoint[OpenOrderListsParams, tuple[OrderList, ...]] = Endpoint(
    name="get_open_order_lists",
    title="Open order lists",
    route=Route("GET /api/v3/openOrderList", ws="openOrderLists.status"),
    params=OpenOrderListsParams,
    result=tuple[OrderList, ...],
    toolset="lists",
    source="rest-api.md#query-open-order-lists-user_data",
    security="USER_DATA",
    weight=6,
)


class AllOrderListsParams(Params):
    """Order lists of every symbol in any state, from an id on (fromId) or within 24 hours; else the latest."""

    from_id: RowId | None = None
    start_time: Millis | None = None
    end_time: Millis | None = None
    limit: Annotated[int, at_most(1000)] = 20


ALL_ORDER_LISTS: Endpoint[AllOrderListsParams, tuple[OrderList, ...]] = Endpoint(
    name="get_all_order_lists",
    title="Order list history",
    route=Route("GET /api/v3/allOrderList", ws="allOrderLists"),
    params=AllOrderListsParams,
    result=tuple[OrderList, ...],
    toolset="lists",
    source="rest-api.md#query-all-order-lists-user_data",
    security="USER_DATA",
    weight=20,
    rules=(Refuses({"fromId": ANY}, ("startTime", "endTime")), MaxSpan(24)),
)

LISTS = (
    PLACE_OCO,
    PLACE_OTO,
    PLACE_OTOCO,
    PLACE_OPO,
    PLACE_OPOCO,
    PLACE_LEGACY_OCO,
    CANCEL_ORDER_LIST,
    GET_ORDER_LIST,
    OPEN_ORDER_LISTS,
    ALL_ORDER_LISTS,
)
