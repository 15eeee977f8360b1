"""What the user data stream says, one type an event; `e` on the wire says which.

Source: user-data-stream.md
"""

from decimal import Decimal

import msgspec

from binance_spot_mcp.catalogue.endpoint import Payload
from binance_spot_mcp.catalogue.streams import StreamKind


class ExecutionReport(Payload, frozen=True, kw_only=True, tag_field="e", tag="executionReport"):
    """Something happened to an order.

    `client_order_id` is that of the action; a cancel has its own, and `orig_client_order_id` is then the order's.
    """

    event_time: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    order_id: int = msgspec.field(name="i")
    execution_type: str = msgspec.field(name="x")
    status: str = msgspec.field(name="X")
    side: str = msgspec.field(name="S")
    type: str = msgspec.field(name="o")
    time_in_force: str = msgspec.field(name="f")
    orig_qty: Decimal | None = msgspec.field(name="q", default=None)
    price: Decimal = msgspec.field(name="p")
    stop_price: Decimal = msgspec.field(name="P", default=Decimal(0))
    executed_qty: Decimal = msgspec.field(name="z")
    cumulative_quote_qty: Decimal = msgspec.field(name="Z")
    last_qty: Decimal = msgspec.field(name="l", default=Decimal(0))
    last_price: Decimal = msgspec.field(name="L", default=Decimal(0))
    commission: Decimal | None = msgspec.field(name="n", default=None)
    commission_asset: str | None = msgspec.field(name="N", default=None)
    trade_id: int = msgspec.field(name="t", default=-1)
    allocation_id: int | None = msgspec.field(name="a", default=None)
    execution_id: int = msgspec.field(name="I")
    is_maker: bool = msgspec.field(name="m", default=False)
    client_order_id: str = msgspec.field(name="c")
    orig_client_order_id: str | None = msgspec.field(name="C", default="")
    order_list_id: int = msgspec.field(name="g", default=-1)
    reject_reason: str = msgspec.field(name="r", default="NONE")
    expiry_reason: str = msgspec.field(name="eR", default="NONE")
    transact_time: int = msgspec.field(name="T")


class Balance(Payload, frozen=True):
    """What an account has of an asset."""

    asset: str = msgspec.field(name="a")
    free: Decimal = msgspec.field(name="f")
    locked: Decimal = msgspec.field(name="l")


class AccountPosition(Payload, frozen=True, kw_only=True, tag_field="e", tag="outboundAccountPosition"):
    """The balances that may have changed."""

    event_time: int = msgspec.field(name="E")
    last_update: int = msgspec.field(name="u")
    balances: tuple[Balance, ...] = msgspec.field(name="B")


class BalanceUpdate(Payload, frozen=True, kw_only=True, tag_field="e", tag="balanceUpdate"):
    """A deposit, a withdrawal, or a transfer between wallets."""

    event_time: int = msgspec.field(name="E")
    asset: str = msgspec.field(name="a")
    delta: Decimal = msgspec.field(name="d")
    clear_time: int = msgspec.field(name="T")


class ListedOrder(Payload, frozen=True):
    """A member of an order list."""

    symbol: str = msgspec.field(name="s")
    order_id: int = msgspec.field(name="i")
    client_order_id: str = msgspec.field(name="c")


class ListStatus(Payload, frozen=True, kw_only=True, tag_field="e", tag="listStatus"):
    """Something happened to an order list."""

    event_time: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    order_list_id: int = msgspec.field(name="g")
    contingency_type: str = msgspec.field(name="c")
    list_status_type: str = msgspec.field(name="l")
    list_order_status: str = msgspec.field(name="L")
    list_reject_reason: str = msgspec.field(name="r")
    list_client_order_id: str = msgspec.field(name="C")
    transact_time: int = msgspec.field(name="T")
    orders: tuple[ListedOrder, ...] = msgspec.field(name="O")


class ExternalLockUpdate(Payload, frozen=True, kw_only=True, tag_field="e", tag="externalLockUpdate"):
    """Another product locked or unlocked a part of the balance."""

    event_time: int = msgspec.field(name="E")
    asset: str = msgspec.field(name="a")
    delta: Decimal = msgspec.field(name="d")
    transact_time: int = msgspec.field(name="T")


class StreamTerminated(Payload, frozen=True, kw_only=True, tag_field="e", tag="eventStreamTerminated"):
    """The subscription has ended."""

    event_time: int = msgspec.field(name="E")


UserEvent = ExecutionReport | AccountPosition | BalanceUpdate | ListStatus | ExternalLockUpdate
"""What a reader of the stream gets."""

USER_EVENTS = ("executionReport", "outboundAccountPosition", "balanceUpdate", "listStatus", "externalLockUpdate")

USER = "user"
"""The name of the user data stream among subscriptions."""

USER_DATA = StreamKind("userData", USER, UserEvent, "every", "", "user-data-stream.md")
"""The user data stream as a kind of stream. Its events have no mark in common; a copy is known by being the same."""
