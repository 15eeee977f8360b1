"""Everything the engine says happened, in the order it happened, and its answers to commands.

Events are frozen; orders and lists inside them are copies of the state right after the event. Times are
microseconds. Prices and quantities are plain decimals: the gateway writes them with the symbol's precision.

How a stream or an answer comes from them:
    executionReport        one `OrderReport`
    outboundAccountPosition  the `BalanceChange`s of one account in one result (they come last)
    balanceUpdate          one `Transfer`
    externalLockUpdate     one `ExternalLock`
    listStatus             one `ListStatus`
    trade, aggTrade        `Trade`s (one taker order's trades follow each other)
    depth, bookTicker      `BookChange`s; update ids of a symbol have no gaps
"""

from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.orders import ZERO, Order, OrderList
from paper_exchange.engine.words import (
    CancelReplaceResult,
    ExecutionType,
    ListOrderStatus,
    ListStatusType,
    RejectReason,
    Side,
    StpMode,
)


class _Event(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that happened."""


class PreventedMatch(_Event, frozen=True, tag=True):
    """A self-trade that did not happen. Source: faqs/stp_faq.md#what-is-a-prevented-match

    `taker_prevented` and `maker_prevented` are None where Binance leaves the field out.
    """

    symbol: str
    prevented_match_id: int
    taker_account: int
    maker_account: int
    taker_order_id: int
    maker_order_id: int
    maker_symbol: str
    trade_group_id: int
    stp_mode: StpMode
    price: Decimal
    quantity: Decimal
    taker_prevented: Decimal | None
    maker_prevented: Decimal | None
    time_us: int


class OrderReport(_Event, frozen=True, tag=True):
    """One executionReport.

    Attributes:
        order: The order right after this event.
        client_order_id: `c`: of a cancel, the id of the cancel; otherwise the order's.
        orig_client_order_id: `C`: the order's id where `c` is another one, else "".
        execution_id: `I`, ascending over the exchange.
        last_quantity / last_price / last_quote: This fill (`l`, `L`, `Y`), zero otherwise.
        commission / commission_asset: Of this fill; asset None otherwise.
        trade_id: `t`, -1 when no trade.
        is_maker: `m`.
        on_book: `w`: the order is (still) on the book; true of the NEW of an order that only takes, too.
        prevented_match: Only with TRADE_PREVENTION: `v`, `U`, `Cs`, `u`, `pl`, `pL`.
        last_prevented: `B`, only with TRADE_PREVENTION.
        allocation_id: `a`, -1 unless SOR filled it; then `b` is ONE_PARTY_TRADE_REPORT.
    """

    order: Order
    execution_type: ExecutionType
    execution_id: int
    client_order_id: str
    time_us: int
    orig_client_order_id: str = ""
    last_quantity: Decimal = ZERO
    last_price: Decimal = ZERO
    last_quote: Decimal = ZERO
    commission: Decimal = ZERO
    commission_asset: str | None = None
    trade_id: int = -1
    is_maker: bool = False
    on_book: bool = False
    reject_reason: RejectReason = "NONE"
    prevented_match: PreventedMatch | None = None
    last_prevented: Decimal = ZERO
    allocation_id: int = -1


class Trade(_Event, frozen=True, tag=True):
    """A public trade. `trade_id` counts from the symbol's `first_trade_id` without gaps."""

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    buyer_order_id: int
    seller_order_id: int
    buyer_is_maker: bool
    time_us: int


class BookChange(_Event, frozen=True, tag=True):
    """One price level's visible quantity now, zero when the level is gone."""

    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    update_id: int
    time_us: int


class BalanceChange(_Event, frozen=True, tag=True):
    """One balance after a command that may have touched it."""

    account: int
    asset: str
    free: Decimal
    locked: Decimal
    time_us: int


class Transfer(_Event, frozen=True, tag=True):
    """A deposit (positive) or withdrawal (negative)."""

    account: int
    asset: str
    delta: Decimal
    time_us: int


class ExternalLock(_Event, frozen=True, tag=True):
    """Another product locked funds of an account (positive), or gave them back (negative)."""

    account: int
    asset: str
    delta: Decimal
    time_us: int


class ListStatus(_Event, frozen=True, tag=True):
    """One listStatus."""

    order_list: OrderList
    status_type: ListStatusType
    order_status: ListOrderStatus
    time_us: int


class SymbolChanged(_Event, frozen=True, tag=True):
    """A symbol was listed or its rules or status changed."""

    symbol: str
    time_us: int


Event = (
    OrderReport
    | Trade
    | BookChange
    | BalanceChange
    | Transfer
    | ExternalLock
    | ListStatus
    | PreventedMatch
    | SymbolChanged
)


class AccountTrade(Struct, frozen=True, kw_only=True, gc=False):
    """One fill as its owner reads it (myTrades). Two of them exist per trade."""

    symbol: str
    trade_id: int
    order_id: int
    list_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_us: int
    is_buyer: bool
    is_maker: bool


class Allocation(Struct, frozen=True, kw_only=True, gc=False):
    """One fill by smart order routing (myAllocations). Source: faqs/sor_faq.md#what-are-allocations"""

    symbol: str
    allocation_id: int
    order_id: int
    list_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_us: int
    is_buyer: bool


class Amendment(Struct, frozen=True, kw_only=True, gc=False):
    """One step of an order's amendment history (order/amendments)."""

    symbol: str
    order_id: int
    execution_id: int
    orig_client_order_id: str
    new_client_order_id: str
    orig_quantity: Decimal
    new_quantity: Decimal
    time_us: int


class Fill(Struct, frozen=True, kw_only=True, gc=False):
    """One element of `fills` in a placement answer; `allocation_id` is -1 unless SOR filled it."""

    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int
    allocation_id: int = -1


class Placed(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a placement: the order right after its own taker phase."""

    order: Order
    transact_us: int
    fills: tuple[Fill, ...] = ()
    prevented_matches: tuple[PreventedMatch, ...] = ()
    trade_group_id: int = -1


class PlacedList(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a list placement; pending orders show PENDING_NEW even if they were released at once."""

    order_list: OrderList
    reports: tuple[Placed, ...]
    transact_us: int


class Cancelled(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a cancel. `client_order_id` names the cancel, `order.client_order_id` the order."""

    order: Order
    client_order_id: str
    transact_us: int


class CancelledList(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to the cancel of a list or of a member of one.

    When one member was named, `named` is its place in `reports`, so that `DELETE order` can answer with it alone.
    """

    order_list: OrderList
    reports: tuple[Cancelled, ...]
    transact_us: int
    named: int = 0


class CancelledAll(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to cancel-all: orders outside lists one by one, lists whole."""

    items: tuple[Cancelled | CancelledList, ...]


class Refused(Struct, frozen=True, kw_only=True, gc=False):
    """One half of a cancelReplace that failed."""

    code: int
    msg: str


class Replaced(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to cancelReplace. `code` is None when both halves worked, else -2021 or -2022.

    Source: rest-api.md#cancel-an-existing-order-and-send-a-new-order-trade (table of outcomes)
    """

    cancel_result: CancelReplaceResult
    new_order_result: CancelReplaceResult
    cancel: Cancelled | CancelledList | Refused
    new_order: Placed | Refused | None

    @property
    def code(self) -> int | None:
        """Binance's error code for this outcome."""
        results = (self.cancel_result, self.new_order_result)
        if results == ("SUCCESS", "SUCCESS"):
            return None
        return -2021 if "SUCCESS" in results else -2022


class Amended(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to an amendment; `order_list` is None outside lists."""

    order: Order
    orig_client_order_id: str
    execution_id: int
    transact_us: int
    order_list: OrderList | None = None


class Done(Struct, frozen=True, gc=False):
    """The answer to an administrative command."""


Reply = Placed | PlacedList | Cancelled | CancelledList | CancelledAll | Replaced | Amended | Done


class Result(Struct, frozen=True, gc=False):
    """What a command did: the answer to its sender, and everything that happened, in order."""

    reply: Reply
    events: tuple[Event, ...]
