"""The account: balances, own trades, fees, counters, and what self-trade prevention did."""

from decimal import Decimal
from typing import Annotated

import msgspec

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params, Payload, Route
from binance_spot_mcp.catalogue.fields import Flag, Millis, OrderId, RowId, Symbol, at_most
from binance_spot_mcp.catalogue.market import RateLimit
from binance_spot_mcp.catalogue.rules import Combinations, MaxSpan

_TIMES = (("startTime",), ("endTime",), ("startTime", "endTime"))


class AccountParams(Params):
    """Balances (free and locked), whether trading is allowed, and fee rates."""

    omit_zero_balances: Flag = True


class Commission(Payload, frozen=True):
    """Fee rates as shares of what is received, e.g. 0.001; a trade pays maker or taker plus buyer or seller."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal
    seller: Decimal


class Balance(Payload, frozen=True):
    """What an asset's balance is: `locked` is reserved by open orders."""

    asset: str
    free: Decimal
    locked: Decimal


class Account(Payload, frozen=True):
    """The account as it was at `update_time` (epoch milliseconds)."""

    account_type: str
    can_trade: bool
    commission_rates: Commission
    balances: tuple[Balance, ...]
    update_time: int


ACCOUNT: Endpoint[AccountParams, Account] = Endpoint(
    name="get_account",
    title="Account and balances",
    route=Route("GET /api/v3/account", ws="account.status"),
    params=AccountParams,
    result=Account,
    toolset="account",
    source="rest-api.md#account-information-user_data",
    security="USER_DATA",
    weight=20,
)


class MyTradesParams(Params):
    """Your own trades of a symbol with fees: of one orderId, from an id on (fromId), or within 24 hours; else the
    latest. fromId combines with orderId but not with times."""

    symbol: Symbol
    order_id: OrderId | None = None
    start_time: Millis | None = None
    end_time: Millis | None = None
    from_id: RowId | None = None
    limit: Annotated[int, at_most(1000)] = 50


class MyTrade(Payload, frozen=True):
    """One of the account's own trades; the commission is in `commission_asset`."""

    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


def _my_trades_weight(params: MyTradesParams) -> int:
    return 20 if params.order_id is None else 5


MY_TRADES: Endpoint[MyTradesParams, tuple[MyTrade, ...]] = Endpoint(
    name="get_my_trades",
    title="Own trades",
    route=Route("GET /api/v3/myTrades", ws="myTrades"),
    params=MyTradesParams,
    result=tuple[MyTrade, ...],
    toolset="account",
    source="rest-api.md#account-trade-list-user_data",
    security="USER_DATA",
    weight=_my_trades_weight,
    rules=(
        Combinations(
            ((), ("orderId",), *_TIMES, ("fromId",), ("orderId", "fromId")),
            free=("symbol", "limit"),
        ),
        MaxSpan(24),
    ),
)


class OrderRateLimitsParams(Params):
    """How many unfilled orders count against the account's limits now. All limits: get_rate_limits."""


ORDER_RATE_LIMITS: Endpoint[OrderRateLimitsParams, tuple[RateLimit, ...]] = Endpoint(
    name="get_order_rate_limits",
    title="Unfilled-order counters",
    route=Route("GET /api/v3/rateLimit/order", ws="account.rateLimits.orders"),
    params=OrderRateLimitsParams,
    result=tuple[RateLimit, ...],
    toolset="account",
    source="rest-api.md#query-unfilled-order-count-user_data",
    security="USER_DATA",
    weight=40,
)


class PreventedMatchesParams(Params):
    """Matches that self-trade prevention stopped: one by preventedMatchId, or those of an orderId; only the latter can
    start at fromPreventedMatchId, and only then take limit."""

    symbol: Symbol
    prevented_match_id: RowId | None = None
    order_id: OrderId | None = None
    from_prevented_match_id: RowId | None = None
    limit: Annotated[int, at_most(1000)] | None = None


class PreventedMatch(Payload, frozen=True):
    """A match that did not happen, since both orders were of one account or trade group."""

    prevented_match_id: int
    taker_order_id: int
    maker_symbol: str
    maker_order_id: int
    self_trade_prevention_mode: str
    price: Decimal
    transact_time: int
    taker_prevented_quantity: Decimal | None = None
    maker_prevented_quantity: Decimal | None = None


def _prevented_matches_weight(params: PreventedMatchesParams) -> int:
    return 20 if params.prevented_match_id is None else 2


PREVENTED_MATCHES: Endpoint[PreventedMatchesParams, tuple[PreventedMatch, ...]] = Endpoint(
    name="get_prevented_matches",
    title="Prevented self-trades",
    route=Route("GET /api/v3/myPreventedMatches", ws="myPreventedMatches"),
    params=PreventedMatchesParams,
    result=tuple[PreventedMatch, ...],
    toolset="account",
    source="rest-api.md#query-prevented-matches-user_data",
    security="USER_DATA",
    weight=_prevented_matches_weight,
    rules=(
        Combinations(
            (
                ("preventedMatchId",),
                ("orderId",),
                ("orderId", "fromPreventedMatchId"),
                ("orderId", "fromPreventedMatchId", "limit"),
            ),
            free=("symbol",),
        ),
    ),
)


class AllocationsParams(Params):
    """Fills that your orders got through smart order routing: of one orderId, from an id on, or within 24 hours; else
    the latest. fromAllocationId combines with orderId but not with times."""

    symbol: Symbol
    start_time: Millis | None = None
    end_time: Millis | None = None
    from_allocation_id: RowId | None = None
    limit: Annotated[int, at_most(1000)] = 50
    order_id: OrderId | None = None


class Allocation(Payload, frozen=True):
    """A fill through smart order routing; the commission is in `commission_asset`."""

    allocation_id: int
    order_id: int
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


ALLOCATIONS: Endpoint[AllocationsParams, tuple[Allocation, ...]] = Endpoint(
    name="get_allocations",
    title="Routed fills",
    route=Route("GET /api/v3/myAllocations", ws="myAllocations"),
    params=AllocationsParams,
    result=tuple[Allocation, ...],
    toolset="account",
    source="rest-api.md#query-allocations-user_data",
    security="USER_DATA",
    weight=20,
    rules=(
        Combinations(
            ((), *_TIMES, ("fromAllocationId",), ("orderId",), ("orderId", "fromAllocationId")),
            free=("symbol", "limit"),
        ),
        MaxSpan(24),
    ),
)


class CommissionRatesParams(Params):
    """The fee rates you pay on a symbol, and the discount for paying in the discount asset."""

    symbol: Symbol


class Discount(Payload, frozen=True):
    """What paying fees in `discount_asset` changes: the standard rate is multiplied by `discount`."""

    enabled_for_account: bool
    enabled_for_symbol: bool
    discount_asset: str
    discount: Decimal


class CommissionRates(Payload, frozen=True):
    """Fee rates of the account on a symbol; the three kinds add up."""

    symbol: str
    standard_commission: Commission
    special_commission: Commission
    tax_commission: Commission
    discount: Discount


COMMISSION_RATES: Endpoint[CommissionRatesParams, CommissionRates] = Endpoint(
    name="get_commission_rates",
    title="Fee rates",
    route=Route("GET /api/v3/account/commission", ws="account.commission"),
    params=CommissionRatesParams,
    result=CommissionRates,
    toolset="account",
    source="rest-api.md#query-commission-rates-user_data",
    security="USER_DATA",
    weight=20,
)


class OrderAmendmentsParams(Params):
    """How an order's quantity was amended, oldest first."""

    symbol: Symbol
    order_id: OrderId
    from_execution_id: RowId | None = None
    limit: Annotated[int, at_most(1000)] = 50


class OrderAmendment(Payload, frozen=True):
    """One amendment of an order's quantity, and the client ids before and after it."""

    execution_id: int
    orig_qty: Decimal
    new_qty: Decimal
    time: int
    orig_client_order_id: str
    new_client_order_id: str


ORDER_AMENDMENTS: Endpoint[OrderAmendmentsParams, tuple[OrderAmendment, ...]] = Endpoint(
    name="get_order_amendments",
    title="Amendments of an order",
    route=Route("GET /api/v3/order/amendments", ws="order.amendments"),
    params=OrderAmendmentsParams,
    result=tuple[OrderAmendment, ...],
    toolset="account",
    source="rest-api.md#query-order-amendments-user_data",
    security="USER_DATA",
    weight=4,
)


class MyFiltersParams(Params):
    """Limits that apply to your account on a symbol, such as the most open orders or the most of an asset. A symbol's
    trading rules: get_exchange_info."""

    symbol: Symbol


class MyFilters(Payload, frozen=True):
    """Filters of the account, raw, since each kind has fields of its own."""

    exchange_filters: msgspec.Raw
    symbol_filters: msgspec.Raw
    asset_filters: msgspec.Raw


MY_FILTERS: Endpoint[MyFiltersParams, MyFilters] = Endpoint(
    name="get_my_filters",
    title="Account limits of a symbol",
    route=Route("GET /api/v3/myFilters", ws="myFilters"),
    params=MyFiltersParams,
    result=MyFilters,
    toolset="account",
    source="rest-api.md#query-relevant-filters-user_data",
    security="USER_DATA",
    weight=40,
)

ACCOUNT_ENDPOINTS = (
    ACCOUNT,
    MY_TRADES,
    ORDER_RATE_LIMITS,
    PREVENTED_MATCHES,
    ALLOCATIONS,
    COMMISSION_RATES,
    ORDER_AMENDMENTS,
    MY_FILTERS,
)
