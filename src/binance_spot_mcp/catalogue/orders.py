"""What the endpoints of orders and of order lists share: parameters, the rules between them, and reports.

An order of its own and a leg of a list follow the same rules under other names: `price` is `abovePrice` in the upper
leg of an OCO. So the rules are functions of a leg's prefix, which is empty for an order of its own.
"""

from decimal import Decimal
from typing import Annotated

from msgspec.structs import force_setattr
from pydantic import Field

from binance_spot_mcp.catalogue.endpoint import SERVER_DECIDES, Params, Payload
from binance_spot_mcp.catalogue.fields import (
    Amount,
    BasisPoints,
    ClientOrderId,
    MaybeAmount,
    OneOf,
    PegLevels,
    StpMode,
    StrategyType,
    Symbol,
    Tag,
)
from binance_spot_mcp.catalogue.rules import ANY, Allowed, LessThan, Needs, OnlyWith, Rule, Together
from binance_spot_mcp.vocabulary import (
    OrderType,
    PegOffsetType,
    PegPriceType,
    ResponseType,
    Side,
    SorOrderType,
    TimeInForce,
)

NewClientOrderId = Annotated[ClientOrderId | None, SERVER_DECIDES]
"""The client id of something that does not exist yet, which is ours to choose."""
Response = Annotated[OneOf[ResponseType] | None, SERVER_DECIDES]

PRICED = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
"""Types that rest at a price."""
TIMED = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
"""Types that say how long they live."""
TRIGGERED = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
"""Types that wait for a price to be traded."""


def of_leg(prefix: str, name: str) -> str:
    """The wire name of a leg's parameter, e.g. `abovePrice`; with an empty prefix the order's own, `price`."""
    return prefix + name[0].upper() + name[1:] if prefix else name


def price_rules(prefix: str = "") -> tuple[Rule, ...]:
    """When a price, a peg in its place and a time in force are needed, and when they are refused.

    Source: rest-api.md#new-order-trade, faqs/pegged_orders.md
    """
    kind, price, time_in_force = (of_leg(prefix, name) for name in ("type", "price", "timeInForce"))
    peg, offset_type, offset = (of_leg(prefix, name) for name in ("pegPriceType", "pegOffsetType", "pegOffsetValue"))
    return (
        Needs({kind: TIMED}, all_of=(time_in_force,)),
        Needs({kind: PRICED}, any_of=(price, peg)),
        OnlyWith(({kind: PRICED},), (price, peg, offset_type, offset)),
        Together((offset_type, offset)),
        Allowed({kind: ("LIMIT_MAKER",)}, peg, ("PRIMARY_PEG",)),
        Allowed({kind: ("LIMIT",), peg: ("PRIMARY_PEG",)}, time_in_force, ("GTC",)),
    )


def trigger_rules(prefix: str = "") -> tuple[Rule, ...]:
    """When a stop price or a trailing distance is needed, and when it is refused. Both together are fine."""
    kind, stop, trailing = (of_leg(prefix, name) for name in ("type", "stopPrice", "trailingDelta"))
    return (
        Needs({kind: TRIGGERED}, any_of=(stop, trailing)),
        OnlyWith(({kind: TRIGGERED},), (stop, trailing)),
    )


ORDER_RULES: tuple[Rule, ...] = (
    Needs({"type": ("MARKET",)}, one_of=("quantity", "quoteOrderQty")),
    Needs({"type": (*PRICED, *TRIGGERED)}, all_of=("quantity",)),
    OnlyWith(({"type": ("MARKET",)},), ("quoteOrderQty",)),
    *price_rules(),
    OnlyWith(({"type": TIMED},), ("timeInForce",)),
    *trigger_rules(),
    OnlyWith(({"type": PRICED},), ("icebergQty",)),
    Allowed({"icebergQty": ANY}, "timeInForce", ("GTC",)),
    LessThan("icebergQty", "quantity"),
)

SOR_RULES: tuple[Rule, ...] = (
    Needs({"type": ("LIMIT",)}, all_of=("timeInForce", "price")),
    OnlyWith(({"type": ("LIMIT",)},), ("timeInForce", "price", "icebergQty")),
)


class OrderParams(Params):
    """An order of its own."""

    symbol: Symbol
    side: OneOf[Side]
    type: OneOf[OrderType]
    time_in_force: OneOf[TimeInForce] | None = None
    quantity: MaybeAmount = None
    quote_order_qty: MaybeAmount = None
    price: MaybeAmount = None
    stop_price: MaybeAmount = None
    trailing_delta: Annotated[BasisPoints | None, Field(description="bips")] = None
    iceberg_qty: MaybeAmount = None
    self_trade_prevention_mode: StpMode | None = None
    peg_price_type: OneOf[PegPriceType] | None = None
    peg_offset_type: OneOf[PegOffsetType] | None = None
    peg_offset_value: PegLevels | None = None
    strategy_id: Tag | None = None
    strategy_type: StrategyType | None = None
    new_client_order_id: NewClientOrderId = None
    new_order_resp_type: Response = None


class SorOrderParams(Params):
    """An order that smart order routing may fill from several books."""

    symbol: Symbol
    side: OneOf[Side]
    type: OneOf[SorOrderType]
    time_in_force: OneOf[TimeInForce] | None = None
    quantity: Amount
    price: MaybeAmount = None
    iceberg_qty: MaybeAmount = None
    self_trade_prevention_mode: StpMode | None = None
    strategy_id: Tag | None = None
    strategy_type: StrategyType | None = None
    new_client_order_id: NewClientOrderId = None
    new_order_resp_type: Response = None


class Fill(Payload, frozen=True):
    """A part of an order that traded. Through smart order routing it has an allocation id in place of a trade id."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int = -1
    alloc_id: int | None = None


class OrderState(Payload, frozen=True, kw_only=True):
    """What is known of an order. An amount that is not in use, which the wire shows as 0, is None.

    Attributes:
        order_list_id: The list it belongs to, -1 for none.
        cummulative_quote_qty: Quote units traded so far (sic); negative where Binance does not know.
        prevented_quantity: What self-trade prevention took away.
    """

    symbol: str
    order_id: int
    order_list_id: int = -1
    client_order_id: str
    status: str | None = None
    type: str | None = None
    side: str | None = None
    time_in_force: str | None = None
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    cummulative_quote_qty: Decimal | None = None
    orig_quote_order_qty: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_qty: Decimal | None = None
    pegged_price: Decimal | None = None
    prevented_quantity: Decimal | None = None
    expiry_reason: str | None = None

    def __post_init__(self) -> None:
        """Turn the zeros that mean "not in use" into None."""
        for name in ("price", "orig_quote_order_qty", "stop_price", "iceberg_qty"):
            if getattr(self, name) == 0:
                force_setattr(self, name, None)


class Order(OrderState, frozen=True, kw_only=True):
    """An order as a query shows it. Times are epoch milliseconds. A pending OPO leg has no quantity yet."""

    status: str
    type: str
    side: str
    time_in_force: str
    executed_qty: Decimal
    cummulative_quote_qty: Decimal
    time: int
    update_time: int


class OrderReport(OrderState, frozen=True, kw_only=True):
    """What placing or cancelling did to an order. The short form (ACK) ends after `transact_time`."""

    orig_client_order_id: str | None = None
    transact_time: int
    used_sor: bool = False
    fills: tuple[Fill, ...] = ()


class ListMember(Payload, frozen=True):
    """An order of a list, by its ids."""

    symbol: str
    order_id: int
    client_order_id: str


class OrderList(Payload, frozen=True):
    """An order list as a query shows it."""

    order_list_id: int
    contingency_type: str
    list_order_status: str
    list_client_order_id: str
    transaction_time: int
    symbol: str
    orders: tuple[ListMember, ...]


class OrderListReport(Payload, frozen=True):
    """What placing or cancelling did to an order list, and to each of its orders."""

    order_list_id: int
    contingency_type: str
    list_order_status: str
    list_client_order_id: str
    transaction_time: int
    symbol: str
    order_reports: tuple[OrderReport, ...]
