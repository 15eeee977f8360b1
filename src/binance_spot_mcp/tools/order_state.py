"""What became of calls and orders, and whether journal and exchange agree."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.catalogue.fields import ClientOrderId, OrderId, Symbol
from binance_spot_mcp.catalogue.rules import ANY, Needs
from binance_spot_mcp.tools.intent_ids import NAME, IntentId
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk

_CLIENT_ORDER_ID = "client_order_id"


class OrderStateParams(Params):
    """What became of a call or order of this server, by intent_id, client_order_id, or symbol and orderId: state,
    fills, average price, fees, whether it is settled, and how fresh that is. Use it after a lost answer. For
    orders of others: get_order."""

    intent_id: Annotated[IntentId | None, Field(alias=NAME)] = None
    client_order_id: Annotated[ClientOrderId | None, Field(alias=_CLIENT_ORDER_ID)] = None
    symbol: Symbol | None = None
    order_id: OrderId | None = None


@tool(
    title="State of an order",
    rules=(
        Needs({}, one_of=(NAME, _CLIENT_ORDER_ID, "orderId")),
        Needs({"orderId": ANY}, all_of=("symbol",)),
    ),
)
async def get_order_state(desk: "Desk", params: OrderStateParams) -> object:
    """The state by the journal, after a look at the exchange where it can still change."""
    return await desk.gate.order_state(params.intent_id, params.client_order_id, params.symbol, params.order_id)


class ReconcileParams(Params):
    """Compare all open orders known here with the exchange's and adopt what has changed meanwhile; orders not placed by
    this server are listed as external and left alone. Places and cancels nothing."""

    symbol: Symbol | None = None


@tool(title="Compare with the exchange")
async def reconcile_orders(desk: "Desk", params: ReconcileParams) -> object:
    """What was found."""
    return await desk.gate.reconcile(params.symbol)
