"""Orders through smart order routing.

Source: rest-api.md#sor, faqs/sor_faq.md
"""

from typing import Any, cast

from paper_exchange.engine.commands import PlaceSor
from paper_exchange.engine.events import Placed
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.words import OrderType
from paper_exchange.gateway import rendering, weights
from paper_exchange.gateway.chapters.orders import ORDER, QUANTITY, SIDE, commission_preview
from paper_exchange.gateway.chapters.shared import COMPUTE_COMMISSION_RATES, RESPONSE_TYPE, STP_MODE, SYMBOL
from paper_exchange.gateway.endpoint import Caller, Endpoint, Venue
from paper_exchange.gateway.parameters import Arguments, Parameter, one_of
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import Json
from paper_exchange.gateway.rules import only, require, when

_TYPES: dict[str, OrderType] = {"LIMIT": "LIMIT", "MARKET": "MARKET"}

SOR_TYPE = one_of("type", _TYPES, lambda _: Rejected(-1116, "Invalid orderType.")).required

_PARAMETERS: tuple[Parameter[Any], ...] = (
    SYMBOL,
    SIDE,
    SOR_TYPE,
    QUANTITY.required,
    ORDER.time_in_force,
    ORDER.price,
    ORDER.client_order_id,
    ORDER.strategy_id,
    ORDER.strategy_type,
    ORDER.iceberg_qty,
    RESPONSE_TYPE,
    STP_MODE,
)
_IS_LIMIT = when(type="LIMIT")
_RULES = (
    require("timeInForce", "price", on=_IS_LIMIT),
    only("timeInForce", "price", "icebergQty", on=_IS_LIMIT),
)


def place_sor_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """New order through smart order routing."""
    command = PlaceSor(account=caller.account, symbol=arguments[SYMBOL], order=_terms(venue, arguments))
    placement = cast("Placed", venue.exchange.submit(command).reply)
    return rendering.placed(placement, arguments.get(RESPONSE_TYPE) or "FULL", caller.unit)


def test_sor_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Everything that comes before the engine, and nothing more."""
    command = PlaceSor(account=caller.account, symbol=arguments[SYMBOL], order=_terms(venue, arguments))
    venue.exchange.check(command)
    if not arguments[COMPUTE_COMMISSION_RATES]:
        return {}
    preview = commission_preview(venue, arguments, caller)
    del preview["specialCommissionForOrder"]  # the page of this endpoint has none
    return preview


def _terms(venue: Venue, arguments: Arguments) -> Terms:
    spec = venue.exchange.engine.symbol(arguments[SYMBOL])
    return ORDER.terms(
        arguments,
        spec,
        side=arguments[SIDE],
        quantity=arguments.precise(QUANTITY, spec.base_precision),
        stp_mode=arguments.get(STP_MODE),
    )


ENDPOINTS = (
    Endpoint(
        route="POST /api/v3/sor/order",
        answer=place_sor_order,
        security="TRADE",
        parameters=_PARAMETERS,
        rules=_RULES,
        free_on_success=True,
        orders=1,
    ),
    Endpoint(
        route="POST /api/v3/sor/order/test",
        answer=test_sor_order,
        security="TRADE",
        parameters=(*_PARAMETERS, COMPUTE_COMMISSION_RATES),
        rules=_RULES,
        weight=weights.of_flag("computeCommissionRates", 1, 20),
    ),
)
