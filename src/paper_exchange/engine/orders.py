"""What an order and an order list are: what was asked (`Terms`) and what became of it (`Order`, `OrderList`)."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from paper_exchange.engine.words import (
    ALGO,
    OPEN,
    ContingencyType,
    ExpiryReason,
    ListKind,
    ListOrderStatus,
    ListStatusType,
    OrderStatus,
    OrderType,
    PegOffsetType,
    PegPriceType,
    Side,
    StpMode,
    TimeInForce,
    WorkingFloor,
)

ZERO = Decimal(0)


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One order as its sender asked for it, after the gateway's parameter checks.

    Prices are in quote units, quantities in base units, `quote_order_qty` in quote units, `trailing_delta` in basis
    points. What was not sent is None. `quantity` is None for `quote_order_qty` orders and for pending OPO legs.
    """

    side: Side
    type: OrderType
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    quote_order_qty: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_qty: Decimal | None = None
    client_order_id: str | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    stp_mode: StpMode | None = None
    peg_price_type: PegPriceType | None = None
    peg_offset_type: PegOffsetType | None = None
    peg_offset_value: int | None = None


class Order(Struct, kw_only=True, omit_defaults=True, gc=False):
    """An order and its state. Times are microseconds since the epoch, -1 where Binance shows -1.

    The engine alone changes it; events, replies and the read side hand out copies, which never change.

    Attributes:
        order_id: Unique and ascending over the whole exchange.
        list_id: `orderListId`, -1 outside lists.
        terms: What was asked; `terms.price` is None for MARKET and may be None for pegged orders.
        client_order_id: The order's own id; an amendment may change it, a cancel does not.
        quantity: Base quantity now (amended, or sized from quoteOrderQty); zero for an unreleased OPO leg.
        price: The limit that matching obeys: `terms.price` or the pegged price; None for MARKET, or not pegged yet.
        executed / executed_quote: Filled so far, base and quote.
        prevented: Quantity expired by self-trade prevention.
        is_working: On the book, or was when it ended: Binance's `isWorking`.
        working_us: When it first worked on the book (or would have), -1 before.
        trailing_us: When trailing started, -1 before.
        pegged_price: The level once taken, else None.
        prevented_match_id: The last prevented match, -1 when none.
        expiry_reason: Set when the status is EXPIRED, else NONE.
        update_us: Last change of any kind.
        reserved: Locked for this order now: quote for BUY, base for SELL.
        visible: What the book shows of it now (icebergs show less than is left).
        priority: Place in the queue of its price level; ascending, never reused.
        extreme: Best price seen while trailing.
        amendments: How often it was amended.
    """

    order_id: int
    account: int
    symbol: str
    terms: Terms
    client_order_id: str
    time_in_force: TimeInForce
    stp_mode: StpMode
    quantity: Decimal
    created_us: int
    update_us: int
    list_id: int = -1
    price: Decimal | None = None
    status: OrderStatus = "NEW"
    executed: Decimal = ZERO
    executed_quote: Decimal = ZERO
    prevented: Decimal = ZERO
    is_working: bool = False
    working_us: int = -1
    trailing_us: int = -1
    pegged_price: Decimal | None = None
    used_sor: bool = False
    working_floor: WorkingFloor = "EXCHANGE"
    prevented_match_id: int = -1
    expiry_reason: ExpiryReason = "NONE"
    reserved: Decimal = ZERO
    visible: Decimal = ZERO
    priority: int = 0
    extreme: Decimal | None = None
    amendments: int = 0

    def snapshot(self) -> "Order":
        """A copy that stays as it is."""
        return replace(self)

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        return self.terms.side

    @property
    def type(self) -> OrderType:
        """Order type as asked; a triggered STOP_LOSS stays STOP_LOSS."""
        return self.terms.type

    @property
    def remaining(self) -> Decimal:
        """Quantity still open to execution. Source: faqs/stp_faq.md#what-is-prevented-quantity"""
        if self.executed or self.prevented:
            return self.quantity - self.executed - self.prevented
        return self.quantity  # the very same object, which most resting orders then share with `visible`

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return self.status in OPEN

    @property
    def is_algo(self) -> bool:
        """Whether it is contingent (counts for MAX_NUM_ALGO_ORDERS)."""
        return self.terms.type in ALGO


class OrderList(Struct, kw_only=True, omit_defaults=True, gc=False):
    """An order list and its state; copies are handed out, as with `Order`.

    Attributes:
        kind: What was placed; `contingency` is what the wire says (OTO for all but OCO).
        order_ids / client_order_ids: Members in the order of placement: (above/below legs as Binance lists them), or
            working order first, then the pending ones.
        proceeds: OPO only: base received from the working order and kept locked for the pending orders.
    """

    list_id: int
    account: int
    symbol: str
    kind: ListKind
    client_order_id: str
    order_ids: tuple[int, ...]
    client_order_ids: tuple[str, ...]
    created_us: int
    update_us: int
    status_type: ListStatusType = "EXEC_STARTED"
    order_status: ListOrderStatus = "EXECUTING"
    proceeds: Decimal = ZERO

    def snapshot(self) -> "OrderList":
        """A copy that stays as it is."""
        return replace(self)

    @property
    def contingency(self) -> ContingencyType:
        """Binance's contingencyType."""
        return "OCO" if self.kind == "OCO" else "OTO"

    @property
    def is_open(self) -> bool:
        """Whether a member can still change."""
        return self.order_status == "EXECUTING"
