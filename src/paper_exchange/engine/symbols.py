"""What a symbol is: its filters, permissions, commissions and rules, in Binance's wire names.

`exchangeInfo` is an encoding of these structs: `msgspec.to_builtins(spec.filters)` gives the wire's filter objects
(decimals as they were written), since every filter renames its fields to camelCase and is tagged by `filterType`.

Source: rest-api.md#exchange-information, filters.md
"""

from decimal import Decimal

from msgspec import Struct

from paper_exchange.engine.words import CalculationType, OrderType, StpMode, SymbolStatus


class _Filter(Struct, frozen=True, kw_only=True, tag_field="filterType", rename="camel", forbid_unknown_fields=True):
    """One trading rule; the tag is Binance's `filterType`."""


class PriceFilter(_Filter, frozen=True, tag="PRICE_FILTER"):
    """Bounds and step of price and stopPrice; a zero switches that check off."""

    min_price: Decimal
    max_price: Decimal
    tick_size: Decimal


class PercentPrice(_Filter, frozen=True, tag="PERCENT_PRICE"):
    """Price within multiples of the recent price, the same for both sides."""

    multiplier_up: Decimal
    multiplier_down: Decimal
    avg_price_mins: int


class PercentPriceBySide(_Filter, frozen=True, tag="PERCENT_PRICE_BY_SIDE"):
    """Price within multiples of the recent price, per side."""

    bid_multiplier_up: Decimal
    bid_multiplier_down: Decimal
    ask_multiplier_up: Decimal
    ask_multiplier_down: Decimal
    avg_price_mins: int


class LotSize(_Filter, frozen=True, tag="LOT_SIZE"):
    """Bounds and step of quantity and icebergQty."""

    min_qty: Decimal
    max_qty: Decimal
    step_size: Decimal


class MarketLotSize(_Filter, frozen=True, tag="MARKET_LOT_SIZE"):
    """Bounds and step of the quantity of MARKET orders; a zero step means any step."""

    min_qty: Decimal
    max_qty: Decimal
    step_size: Decimal


class MinNotional(_Filter, frozen=True, tag="MIN_NOTIONAL"):
    """Least price * quantity."""

    min_notional: Decimal
    apply_to_market: bool
    avg_price_mins: int


class Notional(_Filter, frozen=True, tag="NOTIONAL"):
    """Range of price * quantity."""

    min_notional: Decimal
    apply_min_to_market: bool
    max_notional: Decimal
    apply_max_to_market: bool
    avg_price_mins: int


class IcebergParts(_Filter, frozen=True, tag="ICEBERG_PARTS"):
    """Most slices of an iceberg: ceil(quantity / icebergQty)."""

    limit: int


class MaxNumOrders(_Filter, frozen=True, tag="MAX_NUM_ORDERS"):
    """Open orders of an account on the symbol."""

    max_num_orders: int


class MaxNumAlgoOrders(_Filter, frozen=True, tag="MAX_NUM_ALGO_ORDERS"):
    """Open contingent orders of an account on the symbol."""

    max_num_algo_orders: int


class MaxNumIcebergOrders(_Filter, frozen=True, tag="MAX_NUM_ICEBERG_ORDERS"):
    """Open icebergs of an account on the symbol."""

    max_num_iceberg_orders: int


class MaxPosition(_Filter, frozen=True, tag="MAX_POSITION"):
    """Base asset held plus open BUY quantity."""

    max_position: Decimal


class TrailingDelta(_Filter, frozen=True, tag="TRAILING_DELTA"):
    """Bounds of trailingDelta in basis points."""

    min_trailing_above_delta: int
    max_trailing_above_delta: int
    min_trailing_below_delta: int
    max_trailing_below_delta: int


class MaxNumOrderAmends(_Filter, frozen=True, tag="MAX_NUM_ORDER_AMENDS"):
    """Amendments of one order."""

    max_num_order_amends: int


class MaxNumOrderLists(_Filter, frozen=True, tag="MAX_NUM_ORDER_LISTS"):
    """Open order lists of an account on the symbol."""

    max_num_order_lists: int


class ExchangeMaxNumOrders(_Filter, frozen=True, tag="EXCHANGE_MAX_NUM_ORDERS"):
    """Open orders of an account on all symbols."""

    max_num_orders: int


class ExchangeMaxNumAlgoOrders(_Filter, frozen=True, tag="EXCHANGE_MAX_NUM_ALGO_ORDERS"):
    """Open contingent orders of an account on all symbols."""

    max_num_algo_orders: int


class ExchangeMaxNumIcebergOrders(_Filter, frozen=True, tag="EXCHANGE_MAX_NUM_ICEBERG_ORDERS"):
    """Open icebergs of an account on all symbols."""

    max_num_iceberg_orders: int


class ExchangeMaxNumOrderLists(_Filter, frozen=True, tag="EXCHANGE_MAX_NUM_ORDER_LISTS"):
    """Open order lists of an account on all symbols."""

    max_num_order_lists: int


class MaxAsset(_Filter, frozen=True, tag="MAX_ASSET"):
    """Most of one asset that an account may transact in a single order; listed by myFilters only."""

    asset: str
    limit: Decimal


SymbolFilter = (
    PriceFilter
    | PercentPrice
    | PercentPriceBySide
    | LotSize
    | MarketLotSize
    | MinNotional
    | Notional
    | IcebergParts
    | MaxNumOrders
    | MaxNumAlgoOrders
    | MaxNumIcebergOrders
    | MaxPosition
    | TrailingDelta
    | MaxNumOrderAmends
    | MaxNumOrderLists
)
ExchangeFilter = (
    ExchangeMaxNumOrders | ExchangeMaxNumAlgoOrders | ExchangeMaxNumIcebergOrders | ExchangeMaxNumOrderLists
)

_ZERO = Decimal(0)


class Rates(Struct, frozen=True, kw_only=True, rename="camel"):
    """One set of commission rates, as fractions of the received amount."""

    maker: Decimal = _ZERO
    taker: Decimal = _ZERO
    buyer: Decimal = _ZERO
    seller: Decimal = _ZERO


class Commission(Struct, frozen=True, kw_only=True):
    """What a fill costs. Source: faqs/commission_faq.md

    Attributes:
        standard: Rates that the discount lowers.
        special: Extra rates, never discounted.
        tax: Tax rates, never discounted.
        discount_enabled: Whether the symbol takes commission in the discount asset (BNB).
        discount: What the standard part is multiplied by when paid in BNB (0.75: pay 75 %).
    """

    standard: Rates = Rates()
    special: Rates = Rates()
    tax: Rates = Rates()
    discount_enabled: bool = True
    discount: Decimal = Decimal("0.75")


class PriceRange(Struct, frozen=True, kw_only=True, rename="camel", tag_field="ruleType", tag="PRICE_RANGE"):
    """Execution rule: no trade outside multiples of the reference price; a multiplier of None is not enforced.

    Source: faqs/price_range_execution_rules.md
    """

    bid_limit_mult_up: Decimal | None = None
    bid_limit_mult_down: Decimal | None = None
    ask_limit_mult_up: Decimal | None = None
    ask_limit_mult_down: Decimal | None = None


class ReferencePriceRule(Struct, frozen=True, kw_only=True):
    """How the reference price comes about.

    `ARITHMETIC_MEAN` is the engine's own moving average over buckets; `EXTERNAL` takes whatever the last
    `SetReferencePrice` said. Source: faqs/price_range_execution_rules.md
    """

    calculation_type: CalculationType
    bucket_count: int = 0
    bucket_width_ms: int = 0
    external_calculation_id: int = 0


_ALL_TYPES: tuple[OrderType, ...] = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
_ALL_STP_MODES: tuple[StpMode, ...] = (
    "NONE",
    "EXPIRE_TAKER",
    "EXPIRE_MAKER",
    "EXPIRE_BOTH",
    "DECREMENT",
    "TRANSFER",
)


class SymbolSpec(Struct, frozen=True, kw_only=True):
    """One trading pair, as `AddSymbol` and `SetSymbol` take it.

    Attributes:
        filters: The symbol's filters, at most one of each kind.
        permission_sets: An account trades the symbol when it has one permission of every set.
        base_precision / quote_precision: Decimals of either asset; fills' quote amounts are truncated to the latter.
        execution_rules: Price ranges that executions must keep; empty when none.
        reference_price: How the reference price is made; None when the symbol has none (-2043).
        first_trade_id: The id of the first trade the engine makes; older ids belong to trades before its time.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    status: SymbolStatus = "TRADING"
    base_precision: int = 8
    quote_precision: int = 8
    order_types: tuple[OrderType, ...] = _ALL_TYPES
    iceberg_allowed: bool = True
    oco_allowed: bool = True
    oto_allowed: bool = True
    opo_allowed: bool = True
    quote_order_qty_market_allowed: bool = True
    allow_trailing_stop: bool = True
    cancel_replace_allowed: bool = True
    amend_allowed: bool = True
    peg_instructions_allowed: bool = True
    filters: tuple[SymbolFilter, ...] = ()
    permission_sets: tuple[tuple[str, ...], ...] = (("SPOT",),)
    default_stp_mode: StpMode = "EXPIRE_MAKER"
    allowed_stp_modes: tuple[StpMode, ...] = _ALL_STP_MODES
    commission: Commission = Commission()
    execution_rules: tuple[PriceRange, ...] = ()
    reference_price: ReferencePriceRule | None = None
    first_trade_id: int = 1


class Sor(Struct, frozen=True, kw_only=True, rename="camel"):
    """Books that smart order routing may walk together. Source: faqs/sor_faq.md"""

    base_asset: str
    symbols: tuple[str, ...]
