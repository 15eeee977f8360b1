"""What is done to orders that exist: cancelling and shrinking them.

A cancel passes without a check, so that it works when limits are used up and while a symbol is halted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from binance_spot_mcp.catalogue.account import ORDER_AMENDMENTS, OrderAmendmentsParams
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.orders import Order
from binance_spot_mcp.catalogue.trading import (
    AMEND_ORDER,
    CANCEL_ALL_ORDERS,
    CANCEL_ORDER,
    CANCEL_REPLACE_ORDER,
    GET_ORDER,
    Amendment,
    AmendOrderParams,
    GetOrderParams,
)
from binance_spot_mcp.domain.check import check_amendment
from binance_spot_mcp.domain.facts import Account
from binance_spot_mcp.domain.filters import MaxNumOrderAmends
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.errors import Rejected, SpotError
from binance_spot_mcp.trading.dispatch import Dispatch, Sent, Slip
from binance_spot_mcp.trading.intents import Claim, Intents
from binance_spot_mcp.trading.rules_cache import Exchange, RulesCache
from binance_spot_mcp.vocabulary import plain

CANCEL_REJECTED: Final = -2011
OPEN: Final = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED"})
MOST_AMENDMENTS: Final = 1000
"""So many amendments of an order are counted, far above what MAX_NUM_ORDER_AMENDS allows."""

P = TypeVar("P", bound=Params)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Amending:
    """An amendment that was checked and is ready to be sent.

    Attributes:
        slip: The call.
        order: The order as it is.
        rules: The rules of its symbol.
    """

    slip: Slip[AmendOrderParams, Amendment]
    order: Order
    rules: SymbolRules


class ExistingOrders:
    """Cancels, and makes amendments ready.

    Args:
        exchange: Makes the calls that only read.
        rules: The symbols' rules.
        dispatch: Sends what changes orders.
    """

    def __init__(self, exchange: Exchange, rules: RulesCache, dispatch: Dispatch) -> None:
        self._exchange = exchange
        self._rules = rules
        self._dispatch = dispatch

    async def cancel(self, intents: Intents, endpoint: Endpoint[P, R], params: P) -> Sent[R]:
        """Cancel an order, a list, or everything on a symbol.

        Args:
            intents: Where it is written down.
            endpoint: What to do.
            params: What to cancel.

        Raises:
            Rejected: The exchange refused; where an order was meant, what that order has come to is said.
            SpotError: As the exchange's client raises it.
        """
        try:
            return await self._dispatch.send(intents, Slip(endpoint, self._dispatch.named(params), params.wire()))
        except Rejected as refusal:
            if refusal.exchange is None or refusal.exchange.code != CANCEL_REJECTED:
                raise
            raise await self._too_late(intents, refusal, endpoint, params) from refusal

    async def amendment(self, claim: Claim, params: AmendOrderParams) -> Amending:
        """Make ready to shrink an open order, which keeps its name.

        Args:
            claim: The call as it goes through the gate.
            params: Which order, and its new quantity.

        Raises:
            FilterFailure: The new quantity breaks a rule, or the order was amended too often.
            SpotError: The order cannot be looked up.
        """
        known = await self._rules.rules(params.symbol)
        order = (await self._exchange.fetch(GET_ORDER, _order_named(params.given()))).payload
        amended = Account(amendments=await self._amendments(order) if known.rules.filter(MaxNumOrderAmends) else None)
        refusal = check_amendment(params.new_qty, known.rules, amended, order.orig_qty).refusal()
        if refusal:
            raise refusal
        named = self._dispatch.named(params, new_client_order_id=order.client_order_id)
        return Amending(Slip(AMEND_ORDER, named, params.wire(), claim=claim), order, known.rules)

    async def to_be_replaced(self, endpoint: Endpoint[Any, Any], params: Params) -> Order | None:
        """The order that a call would cancel before it places another; None for a call that cancels nothing.

        Raises:
            SpotError: The order cannot be looked up.
        """
        if endpoint.name != CANCEL_REPLACE_ORDER.name:
            return None
        given = params.given()
        ids = {"orderId": given.get("cancelOrderId"), "origClientOrderId": given.get("cancelOrigClientOrderId")}
        asked = _order_named({"symbol": given["symbol"], **{name: value for name, value in ids.items() if value}})
        return (await self._exchange.fetch(GET_ORDER, asked)).payload

    async def _amendments(self, order: Order) -> int | None:
        """How often an order was amended; None where that cannot be had."""
        asked = OrderAmendmentsParams(symbol=order.symbol, order_id=order.order_id, limit=MOST_AMENDMENTS)
        try:
            return len((await self._exchange.fetch(ORDER_AMENDMENTS, asked)).payload)
        except SpotError:
            return None

    async def _too_late(
        self, intents: Intents, refusal: Rejected, endpoint: Endpoint[Any, Any], params: Params
    ) -> Rejected:
        """A refused cancel, explained by what is there now."""
        given = params.given()
        if endpoint.name == CANCEL_ALL_ORDERS.name:
            message = f"Nothing is open on {given['symbol']}, so there was nothing to cancel."
            return replace(refusal, message=message, retry="never", next=None)
        if endpoint.name != CANCEL_ORDER.name:
            message = "The list was not cancelled: it may have filled or ended before. Look at it."
            return replace(refusal, message=message, retry="after_reconcile", next="get_order_list")
        try:
            order = (await self._exchange.fetch(GET_ORDER, _order_named(given), urgent=True)).payload
        except SpotError as failure:
            if failure.code == "NOT_FOUND":
                message = f"No order is found under this id on {given['symbol']}; check id and symbol."
                return replace(refusal, message=message, retry="after_fix", next="get_open_orders")
            message = "The order was not cancelled: it may have filled. Look at it before doing anything else."
            return replace(refusal, message=message, retry="after_reconcile", next="get_order")
        await intents.heard(order, "query")
        executed, whole = plain(order.executed_qty), plain(order.orig_qty or order.executed_qty)
        state = {"status": order.status, "order_id": order.order_id, "executed": executed, "quantity": whole}
        details = {**refusal.details, "order": state}
        found = replace(refusal, code="EXCHANGE_REJECTED", next="get_order", details=details)
        if order.status not in OPEN:
            message = f"Too late to cancel: the order is {order.status}, {executed} of {whole} executed."
            return replace(found, message=message, retry="never")
        why = "" if refusal.code == "NOT_FOUND" else f" {refusal.message}"
        return replace(found, message=f"It was not cancelled: the order is {order.status}.{why}")


def _order_named(given: Mapping[str, object]) -> GetOrderParams:
    """The look-up of the order that a cancel or an amendment names."""
    ids = {name: given[name] for name in ("symbol", "orderId", "origClientOrderId") if name in given}
    return GetOrderParams.model_validate(ids)
