"""Parameters that several chapters share.

Source: rest-api.md, enums.md
"""

from typing import get_args

from paper_exchange.engine.commissions import DISCOUNT_ASSET
from paper_exchange.engine.symbols import Commission
from paper_exchange.engine.words import Side, StpMode, SymbolStatus, TimeInForce
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.gateway.parameters import (
    Parameter,
    flag,
    moment,
    new_client_id,
    one_of,
    orig_client_id,
    row_limit,
    symbol,
    whole,
    words,
)
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import Json, ResponseType, decimal

SYMBOL = symbol().required
SYMBOL_IF_ANY = symbol()
SYMBOL_STATUS: Parameter[SymbolStatus] = one_of(
    "symbolStatus", words("TRADING", "HALT", "BREAK"), lambda _: Rejected(-1122, "Invalid symbolStatus.")
)
LIMIT = row_limit()
FROM_ID = whole("fromId")
START_TIME = moment("startTime")
END_TIME = moment("endTime", is_end=True)
ORDER_ID = whole("orderId")
ORIG_CLIENT_ORDER_ID = orig_client_id("origClientOrderId")
NEW_CLIENT_ORDER_ID = new_client_id("newClientOrderId")
COMPUTE_COMMISSION_RATES = flag("computeCommissionRates")
STP_MODE: Parameter[StpMode] = one_of("selfTradePreventionMode", words(*get_args(StpMode)))
RESPONSE_TYPE: Parameter[ResponseType] = one_of("newOrderRespType", words(*get_args(ResponseType)))


def side(name: str) -> Parameter[Side]:
    """A side of the book."""
    return one_of(name, words(*get_args(Side)), lambda _: Rejected(-1117, "Invalid side."))


def time_in_force(name: str) -> Parameter[TimeInForce]:
    """How long an order lives."""
    return one_of(name, words(*get_args(TimeInForce)), lambda _: Rejected(-1115, "Invalid timeInForce."))


def discount(venue: Venue, account: int, commission: Commission) -> Json:
    """What paying commissions in BNB saves. Source: faqs/commission_faq.md"""
    return {
        "enabledForAccount": venue.exchange.engine.account(account).pays_in_bnb,
        "enabledForSymbol": commission.discount_enabled,
        "discountAsset": DISCOUNT_ASSET,
        "discount": decimal(commission.discount),
    }
