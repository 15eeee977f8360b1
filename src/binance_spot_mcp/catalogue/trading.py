"""Single orders: place, test, change, cancel, look up."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from binance_spot_mcp.catalogue.account import Discount
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params, Payload, Route
from binance_spot_mcp.catalogue.fields import Amount, ClientOrderId, Flag, Millis, OneOf, OrderId, Symbol, at_most
from binance_spot_mcp.catalogue.orders import (
    ORDER_RULES,
    SOR_RULES,
    ListMember,
    NewClientOrderId,
    Order,
    OrderParams,
    OrderReport,
    SorOrderParams,
)
from binance_spot_mcp.catalogue.rules import MaxSpan, Needs
from binance_spot_mcp.vocabulary import CancelReplaceMode, CancelRestriction, OrderRateLimitExceededMode

_BY_ID = Needs({}, any_of=("orderId", "origClientOrderId"))
"""An order is named by either id. With both, Binance looks up orderId and demands that the other fits."""


class PlaceOrderParams(OrderParams):
    """Place one order. LIMIT needs timeInForce, quantity, price; LIMIT_MAKER quantity, price; MARKET quantity or
    quoteOrderQty; STOP_LOSS and TAKE_PROFIT quantity and stopPrice or trailingDelta, their _LIMIT forms also price and
    timeInForce. First check_order."""


PLACE_ORDER: Endpoint[PlaceOrderParams, OrderReport] = Endpoint(
    name="place_order",
    title="Place an order",
    route=Route("POST /api/v3/order", ws="order.place"),
    params=PlaceOrderParams,
    result=OrderReport,
    toolset="trading",
    source="rest-api.md#new-order-trade",
    security="TRADE",
    effect="place",
    weight_on_success=0,
    order_count=1,
    rules=ORDER_RULES,
)


class MakerTaker(Payload, frozen=True):
    """A fee as a share of what is received, e.g. 0.001."""

    maker: Decimal
    taker: Decimal


class OrderTest(Payload, frozen=True):
    """An accepted test: empty, or the fee rates that the order would pay."""

    standard_commission_for_order: MakerTaker | None = None
    special_commission_for_order: MakerTaker | None = None
    tax_commission_for_order: MakerTaker | None = None
    discount: Discount | None = None


class AnyTestParams(Params):
    """What a test may be asked beside the order."""

    compute_commission_rates: Flag = False


class OrderTestParams(AnyTestParams, OrderParams):
    """Let the exchange validate an order without placing it; parameters as in place_order. Balance and open-order
    limits are not tested. check_order tests locally and suggests corrections."""


def _test_weight(params: AnyTestParams) -> int:
    return 20 if params.compute_commission_rates else 1


TEST_ORDER: Endpoint[OrderTestParams, OrderTest] = Endpoint(
    name="test_order",
    title="Test an order",
    route=Route("POST /api/v3/order/test", ws="order.test"),
    params=OrderTestParams,
    result=OrderTest,
    toolset="trading",
    source="rest-api.md#test-new-order-trade",
    security="TRADE",
    effect="test",
    weight=_test_weight,
    rules=ORDER_RULES,
)


class CancelOrderParams(Params):
    """Cancel one open order by orderId or origClientOrderId. Cancelling a leg cancels its whole list."""

    symbol: Symbol
    order_id: OrderId | None = None
    orig_client_order_id: ClientOrderId | None = None
    cancel_restrictions: Annotated[OneOf[CancelRestriction] | None, Field(description="only in this state")] = None
    new_client_order_id: NewClientOrderId = None


class Cancelled(OrderReport, frozen=True, kw_only=True):
    """What a cancel did: to an order, or to a whole list, which has `order_reports` and no order id.

    Over the WebSocket API the cancel of a leg shows its list; REST shows the leg.
    """

    order_id: int = 0
    client_order_id: str = ""
    transact_time: int = 0
    contingency_type: str | None = None
    list_order_status: str | None = None
    list_client_order_id: str | None = None
    order_reports: tuple[OrderReport, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is neither, e.g. an empty answer."""
        if not (self.order_id or self.order_reports):
            raise ValueError("neither an order nor a list was cancelled")


CANCEL_ORDER: Endpoint[CancelOrderParams, Cancelled] = Endpoint(
    name="cancel_order",
    title="Cancel an order",
    route=Route("DELETE /api/v3/order", ws="order.cancel"),
    params=CancelOrderParams,
    result=Cancelled,
    toolset="trading",
    source="rest-api.md#cancel-order-trade",
    security="TRADE",
    effect="cancel",
    weight_on_success=0,
    rules=(_BY_ID,),
)


class CancelAllOrdersParams(Params):
    """Cancel every open order of a symbol, order lists included."""

    symbol: Symbol


CANCEL_ALL_ORDERS: Endpoint[CancelAllOrdersParams, tuple[Cancelled, ...]] = Endpoint(
    name="cancel_all_orders",
    title="Cancel all orders of a symbol",
    route=Route("DELETE /api/v3/openOrders", ws="openOrders.cancelAll"),
    params=CancelAllOrdersParams,
    result=tuple[Cancelled, ...],
    toolset="trading",
    source="rest-api.md#cancel-all-open-orders-on-a-symbol-trade",
    security="TRADE",
    effect="cancel",
    weight_on_success=0,
)


class CancelReplaceOrderParams(OrderParams):
    """Cancel an order, then place another as in place_order; not atomic. To only reduce one: amend_order."""

    cancel_replace_mode: OneOf[CancelReplaceMode]
    cancel_order_id: OrderId | None = None
    cancel_orig_client_order_id: ClientOrderId | None = None
    cancel_restrictions: OneOf[CancelRestriction] | None = None
    order_rate_limit_exceeded_mode: OneOf[OrderRateLimitExceededMode] | None = None
    cancel_new_client_order_id: NewClientOrderId = None


class ReplaceHalf(OrderReport, frozen=True, kw_only=True):
    """One half of a replacement: a report, or why there is none (`code` and `msg`)."""

    symbol: str = ""
    order_id: int = 0
    client_order_id: str = ""
    transact_time: int = 0
    code: int | None = None
    msg: str | None = None


HalfResult = Literal["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]


class Replacement(Payload, frozen=True):
    """What became of both halves. Where one failed, the error's `data` has this form too."""

    cancel_result: HalfResult
    new_order_result: HalfResult
    cancel_response: ReplaceHalf | None = None
    new_order_response: ReplaceHalf | None = None


CANCEL_REPLACE_ORDER: Endpoint[CancelReplaceOrderParams, Replacement] = Endpoint(
    name="cancel_replace_order",
    title="Replace an order",
    route=Route("POST /api/v3/order/cancelReplace", ws="order.cancelReplace"),
    params=CancelReplaceOrderParams,
    result=Replacement,
    toolset="trading",
    source="rest-api.md#cancel-an-existing-order-and-send-a-new-order-trade",
    security="TRADE",
    effect="place",
    weight_on_success=0,
    order_count=1,
    rules=(Needs({}, any_of=("cancelOrderId", "cancelOrigClientOrderId")), *ORDER_RULES),
)


class AmendOrderParams(Params):
    """Reduce an open order's quantity in place, keeping its priority in the queue. newQty is the new total, below the
    current one. Anything else: cancel_replace_order."""

    symbol: Symbol
    order_id: OrderId | None = None
    orig_client_order_id: ClientOrderId | None = None
    new_qty: Amount
    new_client_order_id: NewClientOrderId = None


class AmendedOrder(Payload, frozen=True, kw_only=True):
    """An order after an amendment; its total is `qty` here."""

    symbol: str
    order_id: int
    order_list_id: int = -1
    orig_client_order_id: str
    client_order_id: str
    status: str
    type: str
    side: str
    time_in_force: str
    price: Decimal
    qty: Decimal
    executed_qty: Decimal
    prevented_qty: Decimal
    cumulative_quote_qty: Decimal


class AmendedList(Payload, frozen=True):
    """The list of an amended leg."""

    order_list_id: int
    contingency_type: str
    list_order_status: str
    list_client_order_id: str
    orders: tuple[ListMember, ...]


class Amendment(Payload, frozen=True):
    """What an amendment did."""

    transact_time: int
    execution_id: int
    amended_order: AmendedOrder
    list_status: AmendedList | None = None


AMEND_ORDER: Endpoint[AmendOrderParams, Amendment] = Endpoint(
    name="amend_order",
    title="Shrink an order",
    route=Route("PUT /api/v3/order/amend/keepPriority", ws="order.amend.keepPriority"),
    params=AmendOrderParams,
    result=Amendment,
    toolset="trading",
    source="rest-api.md#order-amend-keep-priority-trade",
    security="TRADE",
    effect="amend",
    weight=4,
    rules=(_BY_ID,),
)


class PlaceSorOrderParams(SorOrderParams):
    """Place an order that may fill from several books of the base asset (smart order routing). LIMIT needs timeInForce
    and price. Only symbols in `sors` of get_exchange_info."""


PLACE_SOR_ORDER: Endpoint[PlaceSorOrderParams, OrderReport] = Endpoint(
    name="place_sor_order",
    title="Place a routed order",
    route=Route("POST /api/v3/sor/order", ws="sor.order.place", ws_in_array=True),
    params=PlaceSorOrderParams,
    result=OrderReport,
    toolset="trading",
    source="rest-api.md#new-order-using-sor-trade",
    security="TRADE",
    effect="place",
    weight_on_success=0,
    order_count=1,
    rules=SOR_RULES,
)


class SorOrderTestParams(AnyTestParams, SorOrderParams):
    """Let the exchange validate a smart-order-routing order without placing it; parameters as in place_sor_order."""


TEST_SOR_ORDER: Endpoint[SorOrderTestParams, OrderTest] = Endpoint(
    name="test_sor_order",
    title="Test a routed order",
    route=Route("POST /api/v3/sor/order/test", ws="sor.order.test"),
    params=SorOrderTestParams,
    result=OrderTest,
    toolset="trading",
    source="rest-api.md#test-new-order-using-sor-trade",
    security="TRADE",
    effect="test",
    weight=_test_weight,
    rules=SOR_RULES,
)


class GetOrderParams(Params):
    """An order's status at the exchange, by orderId or origClientOrderId."""

    symbol: Symbol
    order_id: OrderId | None = None
    orig_client_order_id: ClientOrderId | None = None


GET_ORDER: Endpoint[GetOrderParams, Order] = Endpoint(
    name="get_order",
    title="One order",
    route=Route("GET /api/v3/order", ws="order.status"),
    params=GetOrderParams,
    result=Order,
    toolset="trading",
    source="rest-api.md#query-order-user_data",
    security="USER_DATA",
    weight=4,
    rules=(_BY_ID,),
)


class OpenOrdersParams(Params):
    """Open orders of a symbol, or (costly) of all."""

    symbol: Symbol | None = None


def _open_orders_weight(params: OpenOrdersParams) -> int:
    return 6 if params.symbol else 80


OPEN_ORDERS: Endpoint[OpenOrdersParams, tuple[Order, ...]] = Endpoint(
    name="get_open_orders",
    title="Open orders",
    route=Route("GET /api/v3/openOrders", ws="openOrders.status"),
    params=OpenOrdersParams,
    result=tuple[Order, ...],
    toolset="trading",
    source="rest-api.md#current-open-orders-user_data",
    security="USER_DATA",
    weight=_open_orders_weight,
)


class AllOrdersParams(Params):
    """Orders of a symbol in any state, from an orderId on or within 24 hours; else the latest. Open ones alone:
    get_open_orders."""

    symbol: Symbol
    order_id: OrderId | None = None
    start_time: Millis | None = None
    end_time: Millis | None = None
    limit: Annotated[int, at_most(1000)] = 50


ALL_ORDERS: Endpoint[AllOrdersParams, tuple[Order, ...]] = Endpoint(
    name="get_all_orders",
    title="Order history",
    route=Route("GET /api/v3/allOrders", ws="allOrders"),
    params=AllOrdersParams,
    result=tuple[Order, ...],
    toolset="trading",
    source="rest-api.md#all-orders-user_data",
    security="USER_DATA",
    weight=20,
    rules=(MaxSpan(24),),
)

TRADING = (
    PLACE_ORDER,
    TEST_ORDER,
    CANCEL_ORDER,
    CANCEL_ALL_ORDERS,
    CANCEL_REPLACE_ORDER,
    AMEND_ORDER,
    PLACE_SOR_ORDER,
    TEST_SOR_ORDER,
    GET_ORDER,
    OPEN_ORDERS,
    ALL_ORDERS,
)
