"""What answers of the exchange say of orders, whatever form they come in.

Source: rest-api.md#trading-endpoints
"""

from collections.abc import Iterator
from decimal import Decimal

from binance_spot_mcp.catalogue.orders import Order, OrderListReport, OrderReport
from binance_spot_mcp.catalogue.trading import Amendment, Cancelled, Replacement
from binance_spot_mcp.trading.states import Sighting, Source


def sightings(payload: object, source: Source) -> Iterator[Sighting]:
    """Every order that an answer tells the state of.

    Args:
        payload: The answer.
        source: Where it was said.
    """
    match payload:
        case Cancelled(order_id=0):
            for report in payload.order_reports:
                yield from sightings(report, source)
        case OrderReport(order_id=order_id) if order_id > 0:
            # A report of a cancel carries the cancel's own name, and that of the order as the original one.
            yield Sighting(
                source=source,
                symbol=payload.symbol,
                client_order_id=payload.orig_client_order_id or payload.client_order_id,
                order_id=order_id,
                state=payload.status or "NEW",
                executed=payload.executed_qty or Decimal(0),
                quote=payload.cummulative_quote_qty,
                quantity=payload.orig_qty,
                at_ms=payload.transact_time,
            )
        case Order():
            yield Sighting(
                source=source,
                symbol=payload.symbol,
                client_order_id=payload.client_order_id,
                order_id=payload.order_id,
                state=payload.status,
                executed=payload.executed_qty,
                quote=payload.cummulative_quote_qty,
                quantity=payload.orig_qty,
                at_ms=payload.update_time,
            )
        case OrderListReport():
            for report in payload.order_reports:
                yield from sightings(report, source)
        case Replacement():
            for half in (payload.cancel_response, payload.new_order_response):
                yield from sightings(half, source)
        case Amendment(amended_order=order):
            yield Sighting(
                source=source,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                order_id=order.order_id,
                state=order.status,
                executed=order.executed_qty,
                quote=order.cumulative_quote_qty,
                quantity=order.qty,
                at_ms=payload.transact_time,
            )
        case tuple():
            for each in payload:
                yield from sightings(each, source)
