"""What the exchange says of orders and of what was traded of them, whatever form it comes in.

Source: rest-api.md#trading-endpoints, rest-api.md#account-endpoints, user-data-stream.md#order-update
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from binance_spot_mcp.catalogue.account import Allocation, MyTrade
from binance_spot_mcp.catalogue.orders import Order, OrderListReport, OrderReport
from binance_spot_mcp.catalogue.trading import Amendment, Cancelled, Replacement
from binance_spot_mcp.catalogue.user_events import ExecutionReport
from binance_spot_mcp.domain.exact import times
from binance_spot_mcp.trading.fills import NO_TRADE, Fill
from binance_spot_mcp.trading.states import Sighting, Source

_MICROSECONDS: Final = 10**14
"""A time from here on is in microseconds: as milliseconds it would be in the year 5138."""


def sightings(payload: object, source: Source) -> Iterator[Sighting]:
    """Every order that an answer or an event tells the state of.

    Args:
        payload: What was said.
        source: Where it was said.
    """
    match payload:
        case ExecutionReport():
            # As in an answer, a cancel or an amendment comes under a name of its own.
            yield Sighting(
                source=source,
                symbol=payload.symbol,
                client_order_id=payload.orig_client_order_id or payload.client_order_id,
                order_id=payload.order_id,
                state=payload.status,
                executed=payload.executed_qty,
                quote=payload.cumulative_quote_qty,
                quantity=payload.orig_qty,
                at_ms=_ms(payload.transact_time),
            )
        case OrderReport() | OrderListReport() | Replacement():
            for report in _reports(payload):
                # A report of a cancel carries the cancel's own name, and that of the order as the original one.
                yield Sighting(
                    source=source,
                    symbol=report.symbol,
                    client_order_id=report.orig_client_order_id or report.client_order_id,
                    order_id=report.order_id,
                    state=report.status or "NEW",
                    executed=report.executed_qty or Decimal(0),
                    quote=report.cummulative_quote_qty,
                    quantity=report.orig_qty,
                    at_ms=_ms(report.transact_time),
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
                at_ms=_ms(payload.update_time),
            )
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
                at_ms=_ms(payload.transact_time),
            )
        case tuple():
            for each in payload:
                yield from sightings(each, source)


def fills(payload: object) -> Iterator[Fill]:
    """Everything that traded, of what an answer to an order or an event tells of."""
    match payload:
        case ExecutionReport(execution_type="TRADE"):
            yield Fill(
                symbol=payload.symbol,
                order_id=payload.order_id,
                trade_id=payload.trade_id,
                allocation_id=_allocation(payload.trade_id, payload.allocation_id),
                side=payload.side,
                price=payload.last_price,
                quantity=payload.last_qty,
                quote=times(payload.last_price, payload.last_qty),
                commission=payload.commission or Decimal(0),
                commission_asset=payload.commission_asset or "",
                maker=payload.is_maker,
                at_ms=_ms(payload.transact_time),
                source="stream",
                client_order_id=payload.orig_client_order_id or payload.client_order_id,
            )
        case OrderReport() | OrderListReport() | Replacement():
            for report in _reports(payload):
                yield from _fills_of_report(report)
        case tuple():
            for each in payload:
                yield from fills(each)


def fills_of_trades(symbol: str, trades: Iterable[MyTrade | Allocation]) -> Iterator[Fill]:
    """The fills that trades or allocations of a symbol are, which had to be asked for."""
    for trade in trades:
        trade_id, allocation_id = (NO_TRADE, trade.allocation_id) if isinstance(trade, Allocation) else (trade.id, None)
        yield Fill(
            symbol=symbol,
            order_id=trade.order_id,
            trade_id=trade_id,
            allocation_id=allocation_id,
            side="BUY" if trade.is_buyer else "SELL",
            price=trade.price,
            quantity=trade.qty,
            quote=trade.quote_qty,
            commission=trade.commission,
            commission_asset=trade.commission_asset,
            maker=trade.is_maker,
            at_ms=_ms(trade.time),
            source="trades",
        )


def _reports(payload: OrderReport | OrderListReport | Replacement) -> Iterator[OrderReport]:
    """The reports of single orders in an answer, each with the exchange's number for its order."""
    match payload:
        case OrderListReport() | Cancelled(order_id=0):
            yield from payload.order_reports
        case Replacement():
            for half in (payload.cancel_response, payload.new_order_response):
                if half is not None and half.order_id > 0:
                    yield half
        case OrderReport() if payload.order_id > 0:
            yield payload


def _fills_of_report(report: OrderReport) -> Iterator[Fill]:
    for part in report.fills:
        yield Fill(
            symbol=report.symbol,
            order_id=report.order_id,
            trade_id=part.trade_id,
            allocation_id=_allocation(part.trade_id, part.alloc_id),
            side=report.side or "",
            price=part.price,
            quantity=part.qty,
            quote=times(part.price, part.qty),
            commission=part.commission,
            commission_asset=part.commission_asset,
            maker=False,  # what trades while it is placed takes
            at_ms=_ms(report.transact_time),
            source="reply",
            client_order_id=report.client_order_id,
        )


def _allocation(trade_id: int, allocation_id: int | None) -> int | None:
    """What a routed part is known by; a part with a trade of its own is known by that."""
    return allocation_id if trade_id == NO_TRADE else None


def _ms(time: int) -> int:
    """An exchange's time in milliseconds, also where the operator had it speak in microseconds."""
    return time // 1_000 if time >= _MICROSECONDS else time
