"""The methods that are REST's endpoints under another name.

Where an answer differs between the two protocols, it differs here.

Source: web-socket-api.md
"""

from dataclasses import replace

from paper_exchange.gateway import rendering
from paper_exchange.gateway.chapters.general import exchange_info
from paper_exchange.gateway.chapters.lists import placing_legacy_oco
from paper_exchange.gateway.chapters.orders import cancel
from paper_exchange.gateway.chapters.sor import place_sor_order
from paper_exchange.gateway.endpoint import Answer, Caller, Endpoint, Venue
from paper_exchange.gateway.endpoints import ENDPOINTS
from paper_exchange.gateway.parameters import Arguments
from paper_exchange.gateway.rendering import Json
from paper_exchange.gateway.rules import Rule, at_most_hours
from paper_exchange.gateway.sockets.doors import CONNECTIONS

_ROUTES = {
    "ping": "GET /api/v3/ping",
    "time": "GET /api/v3/time",
    "exchangeInfo": "GET /api/v3/exchangeInfo",
    "executionRules": "GET /api/v3/executionRules",
    "depth": "GET /api/v3/depth",
    "trades.recent": "GET /api/v3/trades",
    "trades.historical": "GET /api/v3/historicalTrades",
    "blockTrades.historical": "GET /api/v3/historicalBlockTrades",
    "trades.aggregate": "GET /api/v3/aggTrades",
    "klines": "GET /api/v3/klines",
    "uiKlines": "GET /api/v3/uiKlines",
    "avgPrice": "GET /api/v3/avgPrice",
    "ticker.24hr": "GET /api/v3/ticker/24hr",
    "ticker.tradingDay": "GET /api/v3/ticker/tradingDay",
    "ticker": "GET /api/v3/ticker",
    "ticker.price": "GET /api/v3/ticker/price",
    "ticker.book": "GET /api/v3/ticker/bookTicker",
    "referencePrice": "GET /api/v3/referencePrice",
    "referencePrice.calculation": "GET /api/v3/referencePrice/calculation",
    "order.place": "POST /api/v3/order",
    "order.test": "POST /api/v3/order/test",
    "order.cancel": "DELETE /api/v3/order",
    "order.cancelReplace": "POST /api/v3/order/cancelReplace",
    "order.amend.keepPriority": "PUT /api/v3/order/amend/keepPriority",
    "openOrders.cancelAll": "DELETE /api/v3/openOrders",
    "orderList.place": "POST /api/v3/order/oco",
    "orderList.place.oco": "POST /api/v3/orderList/oco",
    "orderList.place.oto": "POST /api/v3/orderList/oto",
    "orderList.place.otoco": "POST /api/v3/orderList/otoco",
    "orderList.place.opo": "POST /api/v3/orderList/opo",
    "orderList.place.opoco": "POST /api/v3/orderList/opoco",
    "orderList.cancel": "DELETE /api/v3/orderList",
    "sor.order.place": "POST /api/v3/sor/order",
    "sor.order.test": "POST /api/v3/sor/order/test",
    "account.status": "GET /api/v3/account",
    "order.status": "GET /api/v3/order",
    "openOrders.status": "GET /api/v3/openOrders",
    "allOrders": "GET /api/v3/allOrders",
    "orderList.status": "GET /api/v3/orderList",
    "openOrderLists.status": "GET /api/v3/openOrderList",
    "allOrderLists": "GET /api/v3/allOrderList",
    "myTrades": "GET /api/v3/myTrades",
    "account.rateLimits.orders": "GET /api/v3/rateLimit/order",
    "myPreventedMatches": "GET /api/v3/myPreventedMatches",
    "myAllocations": "GET /api/v3/myAllocations",
    "account.commission": "GET /api/v3/account/commission",
    "order.amendments": "GET /api/v3/order/amendments",
    "myFilters": "GET /api/v3/myFilters",
}


def _exchange_info(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """This API has no limit on raw requests, but one on connections. Source: web-socket-api.md#exchange-information"""
    info = exchange_info(venue, arguments, caller)
    limits = [row for row in info["rateLimits"] if row["rateLimitType"] != "RAW_REQUESTS"]
    return {**info, "rateLimits": [*limits, CONNECTIONS.row]}


def _cancel_order(venue: Venue, arguments: Arguments, caller: Caller) -> Json:
    """Of an order in a list, this API shows the whole list. Source: web-socket-api.md#cancel-order-trade"""
    return rendering.cancelled_any(cancel(venue, arguments, caller), caller.unit)


def _place_sor_order(venue: Venue, arguments: Arguments, caller: Caller) -> list[Json]:
    """Here the answer is an array. Source: web-socket-api.md#place-new-order-using-sor-trade"""
    return [place_sor_order(venue, arguments, caller)]


_DIFFERENT: dict[str, Answer] = {
    "exchangeInfo": _exchange_info,
    "order.cancel": _cancel_order,
    "orderList.place": placing_legacy_oco("FULL"),
    "sor.order.place": _place_sor_order,
}


_OTHER_RULES: dict[str, tuple[Rule, ...]] = {"allOrderLists": (at_most_hours(24),)}
"""Here a time bound makes `fromId` count for nothing. Source: web-socket-api.md#account-order-list-history-user_data"""


def _method(name: str, route: str) -> Endpoint:
    endpoint = ENDPOINTS[route]
    return replace(
        endpoint,
        answer=_DIFFERENT.get(name, endpoint.answer),
        rules=_OTHER_RULES.get(name, endpoint.rules),
    )


METHODS: dict[str, Endpoint] = {name: _method(name, route) for name, route in _ROUTES.items()}
