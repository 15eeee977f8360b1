"""Placing, cancelling, replacing and amending single orders.

Source: rest-api.md#trading-endpoints
"""

from typing import Any, cast, get_args

from paper_exchange.engine.commands import Amend, CancelAll, CancelOrder, CancelReplace, Place
from paper_exchange.engine.commissions import order_rate
from paper_exchange.engine.events import (
    Amended,
    Cancelled,
    CancelledAll,
    CancelledList,
    Placed,
    Refused,
    Replaced,
)
from paper_exchange.engine.orders import ZERO, Terms
from paper_exchange.engine.symbols import Rates
from paper_exchange.engine.words import CancelReplaceMode, CancelRestrictions, OrderType
from paper_exchange.gateway import rendering, weights
from paper_exchange.gateway.chapters.legs import leg, order_type
from paper_exchange.gateway.chapters.shared import (
    COMPUTE_COMMISSION_RATES,
    NEW_CLIENT_ORDER_ID,
    ORDER_ID,
    ORIG_CLIENT_ORDER_ID,
    RESPONSE_TYPE,
    STP_MODE,
    SYMBOL,
    discount,
    side,
)
from paper_exchange.gateway.endpoint import Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import (
    Arguments,
    Parameter,
    amount,
    new_client_id,
    one_of,
    orig_client_id,
    whole,
    words,
)
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import Json, ResponseType
from paper_exchange.gateway.rules import Rule, at_most_one, only, require, require_any, when
from paper_exchange.market.wire import TimeUnit

SIDE = side("side").required
QUANTITY = amount("quantity")
QUOTE_ORDER_QTY = amount("quoteOrderQty")
ORDER = leg("", order_type("type").required, "newClientOrderId")
CANCEL_RESTRICTIONS: Parameter[CancelRestrictions] = one_of(
    "cancelRestrictions",
    words(*get_args(CancelRestrictions)),
    lambda _: Rejected(-1145, "Invalid cancelRestrictions"),
)
REPLACE_MODE: Parameter[CancelReplaceMode] = one_of("cancelReplaceMode", words(*get_args(CancelReplaceMode))).required
REPLACED_ID = whole("cancelOrderId")
REPLACED_CLIENT_ID = orig_client_id("cancelOrigClientOrderId")
REPLACE_CANCEL_ID = new_client_id("cancelNewClientOrderId")
QUOTA_MODE: Parameter[str] = one_of(
    "orderRateLimitExceededMode", words("DO_NOTHING", "CANCEL_ONLY"), default="DO_NOTHING"
)
NEW_QTY = amount("newQty").required
_REPLACE_TEXTS = {-2021: "Order cancel-replace partially failed.", -2022: "Order cancel-replace failed."}

_ORDER_PARAMETERS: tuple[Parameter[Any], ...] = (
    SYMBOL,
    SIDE,
    ORDER.type,
    QUANTITY,
    QUOTE_ORDER_QTY,
    *ORDER.all,
    RESPONSE_TYPE,
    STP_MODE,
)
_ORDER_RULES: tuple[Rule, ...] = (
    *ORDER.rules,
    require("quantity", on=when(type=tuple(kind for kind in get_args(OrderType) if kind != "MARKET"))),
    require_any("quantity", "quoteOrderQty"),
    only("quoteOrderQty", on=when(type="MARKET")),
    at_most_one("quantity", "quoteOrderQty"),
)
_BY_EITHER_ID = require_any("origClientOrderId", "orderId")


def place_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """New order."""
    command = Place(account=caller.account, symbol=arguments[SYMBOL], order=_terms(venue, arguments))
    placement = cast("Placed", venue.exchange.submit(command).reply)
    return rendering.placed(placement, _response_type(arguments), caller.unit)


def test_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Everything that comes before the engine, and nothing more."""
    command = Place(account=caller.account, symbol=arguments[SYMBOL], order=_terms(venue, arguments))
    venue.exchange.check(command)
    return commission_preview(venue, arguments, caller) if arguments[COMPUTE_COMMISSION_RATES] else {}


def cancel_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Cancel an order; its list goes with it, and the answer is about the order that was named."""
    return rendering.cancelled(rendering.named_in(cancel(venue, arguments, caller)), caller.unit)


def cancel(venue: Venue, arguments: Arguments, caller: Caller) -> Cancelled | CancelledList:
    """Have the engine cancel an order, or the list that it is in."""
    command = CancelOrder(
        account=caller.account,
        symbol=arguments[SYMBOL],
        order_id=arguments.get(ORDER_ID),
        orig_client_order_id=arguments.get(ORIG_CLIENT_ORDER_ID),
        new_client_order_id=arguments.get(NEW_CLIENT_ORDER_ID),
        restrictions=arguments.get(CANCEL_RESTRICTIONS),
    )
    return cast("Cancelled | CancelledList", venue.exchange.submit(command).reply)


def cancel_open_orders(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Cancel everything open on a symbol."""
    command = CancelAll(account=caller.account, symbol=arguments[SYMBOL])
    reply = cast("CancelledAll", venue.exchange.submit(command).reply)
    return [rendering.cancelled_any(item, caller.unit) for item in reply.items]


def replace_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Cancel an order, then place another."""
    over_quota = caller.over_quota
    command = CancelReplace(
        account=caller.account,
        symbol=arguments[SYMBOL],
        mode=arguments[REPLACE_MODE],
        order=_terms(venue, arguments),
        order_id=arguments.get(REPLACED_ID),
        orig_client_order_id=arguments.get(REPLACED_CLIENT_ID),
        cancel_client_order_id=arguments.get(REPLACE_CANCEL_ID),
        restrictions=arguments.get(CANCEL_RESTRICTIONS),
        over_quota=None if over_quota is None else over_quota.msg,
    )
    reply = cast("Replaced", venue.exchange.submit(command).reply)
    body: Json = {
        "cancelResult": reply.cancel_result,
        "newOrderResult": reply.new_order_result,
        "cancelResponse": _cancel_half(reply.cancel, caller.unit),
        "newOrderResponse": _order_half(reply.new_order, _response_type(arguments), caller.unit),
    }
    if reply.code is None:
        return body
    raise Rejected(
        reply.code,
        _REPLACE_TEXTS[reply.code],
        data=body,
        # Over quota the table of outcomes says 429 for STOP_ON_FAILURE alone.
        status=429 if over_quota is not None and command.mode == "STOP_ON_FAILURE" else None,
        retry_at_us=None if over_quota is None else over_quota.retry_at_us,
        counts_as_orders=reply.new_order_result != "FAILURE",
    )


def amend_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Lower an order's quantity in its place in the queue."""
    spec = venue.exchange.engine.symbol(arguments[SYMBOL])
    command = Amend(
        account=caller.account,
        symbol=spec.symbol,
        quantity=arguments.precise(NEW_QTY, spec.base_precision) or ZERO,
        order_id=arguments.get(ORDER_ID),
        orig_client_order_id=arguments.get(ORIG_CLIENT_ORDER_ID),
        new_client_order_id=arguments.get(NEW_CLIENT_ORDER_ID),
    )
    return rendering.amended(cast("Amended", venue.exchange.submit(command).reply), caller.unit)


def commission_preview(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """The rates an order would pay: maker or taker, with what its side adds."""
    symbol, side = arguments[SYMBOL], arguments[SIDE]
    commission = venue.exchange.engine.commission(caller.account, symbol)

    def both(rates: Rates) -> Json:
        return {
            "maker": rendering.decimal(order_rate(rates, side, is_maker=True)),
            "taker": rendering.decimal(order_rate(rates, side, is_maker=False)),
        }

    return {
        "standardCommissionForOrder": both(commission.standard),
        "specialCommissionForOrder": both(commission.special),
        "taxCommissionForOrder": both(commission.tax),
        "discount": discount(venue, caller.account, commission),
    }


def _terms(venue: Venue, arguments: Arguments) -> Terms:
    spec = venue.exchange.engine.symbol(arguments[SYMBOL])
    return ORDER.terms(
        arguments,
        spec,
        side=arguments[SIDE],
        quantity=arguments.precise(QUANTITY, spec.base_precision),
        quote_order_qty=arguments.precise(QUOTE_ORDER_QTY, spec.quote_precision),
        stp_mode=arguments.get(STP_MODE),
    )


def _response_type(arguments: Arguments) -> ResponseType:
    chosen = arguments.get(RESPONSE_TYPE)
    if chosen is not None:
        return chosen
    return "FULL" if arguments[ORDER.type] in {"LIMIT", "MARKET"} else "ACK"


def _cancel_half(half: Cancelled | CancelledList | Refused, unit: TimeUnit) -> Json:
    if isinstance(half, Refused):
        return {"code": half.code, "msg": half.msg}
    return rendering.cancelled_any(half, unit)


def _order_half(half: Placed | Refused | None, response_type: ResponseType, unit: TimeUnit) -> Json | None:
    if isinstance(half, Refused):
        return {"code": half.code, "msg": half.msg}
    return None if half is None else rendering.placed(half, response_type, unit)


def _cancels_anyway(arguments: Arguments) -> bool:
    return arguments[QUOTA_MODE] == "CANCEL_ONLY"


_TEST_WEIGHTS = weights.of_flag("computeCommissionRates", 1, 20)

ENDPOINTS = (
    Endpoint(
        route="POST /api/v3/order",
        answer=place_order,
        security="TRADE",
        parameters=_ORDER_PARAMETERS,
        rules=_ORDER_RULES,
        free_on_success=True,
        orders=1,
    ),
    Endpoint(
        route="POST /api/v3/order/test",
        answer=test_order,
        security="TRADE",
        parameters=(*_ORDER_PARAMETERS, COMPUTE_COMMISSION_RATES),
        rules=_ORDER_RULES,
        weight=_TEST_WEIGHTS,
    ),
    Endpoint(
        route="DELETE /api/v3/order",
        answer=cancel_order,
        security="TRADE",
        parameters=(SYMBOL, ORDER_ID, ORIG_CLIENT_ORDER_ID, NEW_CLIENT_ORDER_ID, CANCEL_RESTRICTIONS),
        rules=(_BY_EITHER_ID,),
        free_on_success=True,
    ),
    Endpoint(
        route="DELETE /api/v3/openOrders",
        answer=cancel_open_orders,
        security="TRADE",
        parameters=(SYMBOL,),
        free_on_success=True,
    ),
    Endpoint(
        route="POST /api/v3/order/cancelReplace",
        answer=replace_order,
        security="TRADE",
        parameters=(
            *_ORDER_PARAMETERS,
            REPLACE_MODE,
            REPLACE_CANCEL_ID,
            REPLACED_CLIENT_ID,
            REPLACED_ID,
            CANCEL_RESTRICTIONS,
            QUOTA_MODE,
        ),
        rules=(*_ORDER_RULES, require_any("cancelOrigClientOrderId", "cancelOrderId")),
        free_on_success=True,
        orders=1,
        survives_quota=_cancels_anyway,
    ),
    Endpoint(
        route="PUT /api/v3/order/amend/keepPriority",
        answer=amend_order,
        security="TRADE",
        parameters=(SYMBOL, ORDER_ID, ORIG_CLIENT_ORDER_ID, NEW_CLIENT_ORDER_ID, NEW_QTY),
        rules=(_BY_EITHER_ID,),
        weight=4,
    ),
)
