"""User data events: what the engine says happened to an account, as its owner hears it.

An event is a function of the time it is sent (`E`) and of the subscriber's time unit. All events of one command reach
every subscriber of the account in the engine's order, balances last.

Source: user-data-stream.md
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import ROUND_DOWN, Decimal
from functools import partial
from typing import NamedTuple

from paper_exchange.engine.events import BalanceChange, Event, ExternalLock, ListStatus, OrderReport, Transfer
from paper_exchange.engine.orders import Order
from paper_exchange.gateway.rendering import Json, decimal
from paper_exchange.market.wire import TimeUnit, stamp

_EIGHT_PLACES = Decimal("0.00000001")

NO_COMMISSION = "0"
"""How a report without a fill writes its commission."""


def by_account(events: Iterable[Event], accounts: Iterable[int]) -> dict[int, list[Event]]:
    """The events of one command that concern each of `accounts`; accounts without any are left out."""
    sorted_out: dict[int, list[Event]] = {account: [] for account in accounts}
    for event in events:
        own = sorted_out.get(_account(event))
        if own is not None:
            own.append(event)
    return {account: own for account, own in sorted_out.items() if own}


def _account(event: Event) -> int:
    if isinstance(event, OrderReport):
        return event.order.account
    if isinstance(event, ListStatus):
        return event.order_list.account
    if isinstance(event, BalanceChange | Transfer | ExternalLock):
        return event.account
    return -1


class UserEvent(NamedTuple):
    """One message, still without a time unit.

    Attributes:
        kind: Its type (`e`).
        symbol: Empty for events about funds.
    """

    kind: str
    symbol: str
    draw: Callable[[TimeUnit], Json]


def messages(events: Sequence[Event], now_us: int) -> Iterator[UserEvent]:
    """The messages for what one command did to one account."""
    balances: list[BalanceChange] = []
    for event in events:
        if isinstance(event, OrderReport):
            yield UserEvent("executionReport", event.order.symbol, partial(execution_report, event, now_us))
        elif isinstance(event, ListStatus):
            yield UserEvent("listStatus", event.order_list.symbol, partial(list_status, event, now_us))
        elif isinstance(event, Transfer):
            yield UserEvent("balanceUpdate", "", partial(balance_update, event, now_us))
        elif isinstance(event, ExternalLock):
            yield UserEvent("externalLockUpdate", "", partial(external_lock_update, event, now_us))
        elif isinstance(event, BalanceChange):
            balances.append(event)
    if balances:
        yield UserEvent("outboundAccountPosition", "", partial(account_position, balances, now_us))


def execution_report(report: OrderReport, now_us: int, unit: TimeUnit) -> Json:
    """One step of an order's life. Source: user-data-stream.md#order-update"""
    order = report.order
    terms = order.terms
    has_traded = report.execution_type == "TRADE"
    event: Json = {
        "e": "executionReport",
        "E": stamp(now_us, unit),
        "s": order.symbol,
        "c": report.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": decimal(order.quantity),
        "p": decimal(terms.price),
        "P": decimal(terms.stop_price),
        "F": decimal(terms.iceberg_qty),
        "g": order.list_id,
        "C": report.orig_client_order_id,
        "x": report.execution_type,
        "X": order.status,
        "r": report.reject_reason,
        "i": order.order_id,
        "l": decimal(report.last_quantity),
        "z": decimal(order.executed),
        "L": decimal(report.last_price),
        "n": decimal(report.commission) if has_traded else NO_COMMISSION,
        "N": report.commission_asset,
        "T": stamp(report.time_us, unit),
        "t": report.trade_id,
        "I": report.execution_id,
        "w": report.on_book,
        "m": report.is_maker,
        "M": has_traded,
        "O": stamp(order.created_us, unit),
        "Z": decimal(order.executed_quote),
        "Y": decimal(report.last_quote),
        "Q": decimal(terms.quote_order_qty),
    }
    if order.working_us != -1:
        event["W"] = stamp(order.working_us, unit)
    event["V"] = order.stp_mode
    event |= _of_kind(order, unit)
    event |= _of_prevention(report)
    if report.allocation_id != -1:
        event |= {"b": "ONE_PARTY_TRADE_REPORT", "a": report.allocation_id}
    if order.status == "EXPIRED" and order.expiry_reason != "NONE":
        event["eR"] = order.expiry_reason
    return event


def _of_kind(order: Order, unit: TimeUnit) -> Json:
    """What only some kinds of orders say. Source: user-data-stream.md#conditional-fields-in-execution-report"""
    terms = order.terms
    fields: Json = {}
    if terms.trailing_delta is not None:
        fields |= {"d": terms.trailing_delta, "D": stamp(order.trailing_us, unit)}
    if terms.strategy_id is not None:
        fields["j"] = terms.strategy_id
    if terms.strategy_type is not None:
        fields["J"] = terms.strategy_type
    if order.used_sor:
        fields |= {"k": order.working_floor, "uS": True}
    if terms.peg_price_type is not None:
        fields["gP"] = terms.peg_price_type
        if terms.peg_offset_type is not None:
            fields |= {"gOT": terms.peg_offset_type, "gOV": terms.peg_offset_value}
        if order.pegged_price is not None:
            fields["gp"] = decimal(order.pegged_price)
    return fields


def _of_prevention(report: OrderReport) -> Json:
    """What self-trade prevention has done to the order, so far and in this step."""
    order = report.order
    if order.prevented_match_id == -1:
        return {}
    fields: Json = {"v": order.prevented_match_id, "A": decimal(order.prevented)}
    match = report.prevented_match
    if match is not None:
        is_taker = match.taker_order_id == order.order_id
        fields |= {
            "B": decimal(report.last_prevented),
            "u": match.trade_group_id,
            "U": match.maker_order_id if is_taker else match.taker_order_id,
            "Cs": match.maker_symbol if is_taker else match.symbol,
            "pl": decimal(match.quantity),
            "pL": decimal(match.price),
            "pY": decimal((match.quantity * match.price).quantize(_EIGHT_PLACES, ROUND_DOWN)),
        }
    return fields


def list_status(status: ListStatus, now_us: int, unit: TimeUnit) -> Json:
    """One step of an order list's life. Source: user-data-stream.md#order-update"""
    order_list = status.order_list
    return {
        "e": "listStatus",
        "E": stamp(now_us, unit),
        "s": order_list.symbol,
        "g": order_list.list_id,
        "c": order_list.contingency,
        "l": status.status_type,
        "L": status.order_status,
        "r": "NONE",
        "C": order_list.client_order_id,
        "T": stamp(status.time_us, unit),
        "O": [
            {"s": order_list.symbol, "i": order_id, "c": client_order_id}
            for order_id, client_order_id in zip(order_list.order_ids, order_list.client_order_ids, strict=True)
        ],
    }


def account_position(changes: Sequence[BalanceChange], now_us: int, unit: TimeUnit) -> Json:
    """The balances that one command may have changed. Source: user-data-stream.md#account-update"""
    return {
        "e": "outboundAccountPosition",
        "E": stamp(now_us, unit),
        "u": stamp(changes[-1].time_us, unit),
        "B": [{"a": change.asset, "f": decimal(change.free), "l": decimal(change.locked)} for change in changes],
    }


def balance_update(transfer: Transfer, now_us: int, unit: TimeUnit) -> Json:
    """A deposit or withdrawal. Source: user-data-stream.md#balance-update"""
    return {
        "e": "balanceUpdate",
        "E": stamp(now_us, unit),
        "a": transfer.asset,
        "d": decimal(transfer.delta),
        "T": stamp(transfer.time_us, unit),
    }


def external_lock_update(lock: ExternalLock, now_us: int, unit: TimeUnit) -> Json:
    """Funds locked by another product, or released. Source: user-data-stream.md#external-lock-update"""
    return {
        "e": "externalLockUpdate",
        "E": stamp(now_us, unit),
        "a": lock.asset,
        "d": decimal(lock.delta),
        "T": stamp(lock.time_us, unit),
    }


def stream_terminated(now_us: int, unit: TimeUnit) -> Json:
    """The last event of a subscription. Source: user-data-stream.md#event-stream-terminated"""
    return {"e": "eventStreamTerminated", "E": stamp(now_us, unit)}
