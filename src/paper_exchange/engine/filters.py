"""The filters of a symbol and of an account, as checks that raise `-1013 Filter failure: NAME`.

A symbol's filters are sorted by kind once, when it is listed; they are tried in the order of filters.md.

Source: filters.md
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TypeVar

from paper_exchange.engine.accounts import Account, Seat
from paper_exchange.engine.orders import ZERO, Terms
from paper_exchange.engine.prices import Average
from paper_exchange.engine.refusal import Refusal, filter_failure
from paper_exchange.engine.symbols import (
    ExchangeFilter,
    ExchangeMaxNumAlgoOrders,
    ExchangeMaxNumIcebergOrders,
    ExchangeMaxNumOrderLists,
    ExchangeMaxNumOrders,
    IcebergParts,
    LotSize,
    MarketLotSize,
    MaxNumAlgoOrders,
    MaxNumIcebergOrders,
    MaxNumOrderAmends,
    MaxNumOrderLists,
    MaxNumOrders,
    MaxPosition,
    MinNotional,
    Notional,
    PercentPrice,
    PercentPriceBySide,
    PriceFilter,
    SymbolSpec,
    TrailingDelta,
)
from paper_exchange.engine.words import ALGO, Side

ReferenceOf = Callable[[int, int], Average | None]
"""The price that stands for the market, given avgPriceMins and the time; None while there is none."""

_T = TypeVar("_T")


def _find(filters: Iterable[object], kind: type[_T]) -> _T | None:
    return next((each for each in filters if isinstance(each, kind)), None)


class Filters:
    """The filters of one symbol that look at the values of an order."""

    __slots__ = (
        "_base_quantum",
        "_iceberg_parts",
        "_min_notional",
        "_notional",
        "_percent",
        "_percent_by_side",
        "_price",
        "_quote_quantum",
        "_trailing",
        "lot",
        "market_lot",
        "max_amends",
    )

    def __init__(self, spec: SymbolSpec) -> None:
        self._price = _find(spec.filters, PriceFilter)
        self._percent = _find(spec.filters, PercentPrice)
        self._percent_by_side = _find(spec.filters, PercentPriceBySide)
        self._min_notional = _find(spec.filters, MinNotional)
        self._notional = _find(spec.filters, Notional)
        self._iceberg_parts = _find(spec.filters, IcebergParts)
        self._trailing = _find(spec.filters, TrailingDelta)
        self._base_quantum = Decimal(1).scaleb(-spec.base_precision)
        self._quote_quantum = Decimal(1).scaleb(-spec.quote_precision)
        self.lot = _find(spec.filters, LotSize)
        self.market_lot = _find(spec.filters, MarketLotSize)
        amends = _find(spec.filters, MaxNumOrderAmends)
        self.max_amends = None if amends is None else amends.max_num_order_amends

    def check(self, terms: Terms, reference: ReferenceOf, now_us: int) -> None:
        """Refuse an order whose own values break a filter.

        Raises:
            Refusal: -1013 for a filter, -1111 for a value with more decimals than its asset has.
        """
        price, quantity = terms.price, terms.quantity
        if price is not None:
            self.check_price(terms.side, price, reference, now_us)
        if terms.stop_price is not None:
            self._check_tick(terms.stop_price, "stopPrice")
        if quantity is not None:
            self.check_quantity(terms, quantity)
            if price is not None:
                self.check_notional(price, quantity)
        if terms.type == "MARKET":
            self._check_market_notional(terms, reference, now_us)
        if terms.trailing_delta is not None:
            self._check_trailing(terms, terms.trailing_delta)

    def check_price(self, side: Side, price: Decimal, reference: ReferenceOf, now_us: int) -> None:
        """Refuse a limit price: PRICE_FILTER, PERCENT_PRICE, PERCENT_PRICE_BY_SIDE."""
        self._check_tick(price, "price")
        if self._percent is not None:
            percent = self._percent
            average = reference(percent.avg_price_mins, now_us)
            if not _within(price, average, percent.multiplier_down, percent.multiplier_up):
                raise filter_failure("PERCENT_PRICE")
        if self._percent_by_side is not None:
            sided = self._percent_by_side
            down, up = (
                (sided.bid_multiplier_down, sided.bid_multiplier_up)
                if side == "BUY"
                else (sided.ask_multiplier_down, sided.ask_multiplier_up)
            )
            if not _within(price, reference(sided.avg_price_mins, now_us), down, up):
                raise filter_failure("PERCENT_PRICE_BY_SIDE")

    def check_quantity(self, terms: Terms, quantity: Decimal) -> None:
        """Refuse a quantity: LOT_SIZE, ICEBERG_PARTS, MARKET_LOT_SIZE."""
        self._check_lot(quantity, "quantity")
        iceberg = terms.iceberg_qty
        if iceberg is not None:
            self._check_lot(iceberg, "icebergQty")
            if self._iceberg_parts is not None and quantity > iceberg * self._iceberg_parts.limit:
                raise filter_failure("ICEBERG_PARTS")
        lot = self.market_lot
        if (
            terms.type == "MARKET"
            and lot is not None
            and not (lot.min_qty <= quantity <= lot.max_qty and (lot.step_size == 0 or quantity % lot.step_size == 0))
        ):
            raise filter_failure("MARKET_LOT_SIZE")

    def check_notional(self, price: Decimal, quantity: Decimal) -> None:
        """Refuse price * quantity: MIN_NOTIONAL, NOTIONAL, and a product that rounds to nothing."""
        notional = price * quantity
        if self._min_notional is not None and notional < self._min_notional.min_notional:
            raise filter_failure("MIN_NOTIONAL")
        bounds = self._notional
        if bounds is not None and not bounds.min_notional <= notional <= bounds.max_notional:
            raise filter_failure("NOTIONAL")
        if notional < self._quote_quantum:
            raise Refusal(-1013, "Price * QTY is zero or less.")

    def step(self, *, market: bool) -> Decimal:
        """The coarsest step that a quantity must keep."""
        step = self.lot.step_size if self.lot is not None and self.lot.step_size else self._base_quantum
        if market and self.market_lot is not None and self.market_lot.step_size:
            step = max(step, self.market_lot.step_size)
        return step

    def _check_tick(self, price: Decimal, name: str) -> None:
        filter_ = self._price
        if filter_ is None:
            if price % self._quote_quantum:
                raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
            return
        if (
            (filter_.min_price and price < filter_.min_price)
            or (filter_.max_price and price > filter_.max_price)
            or (filter_.tick_size and price % filter_.tick_size)
        ):
            raise filter_failure("PRICE_FILTER")

    def _check_lot(self, quantity: Decimal, name: str) -> None:
        lot = self.lot
        if lot is None or not lot.step_size:
            if quantity % self._base_quantum:
                raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
        elif quantity % lot.step_size:
            raise filter_failure("LOT_SIZE")
        if lot is not None and not lot.min_qty <= quantity <= lot.max_qty:
            raise filter_failure("LOT_SIZE")

    def _check_market_notional(self, terms: Terms, reference: ReferenceOf, now_us: int) -> None:
        small = self._min_notional
        if (
            small is not None
            and small.apply_to_market
            and _market_notional(terms, reference(small.avg_price_mins, now_us), small.min_notional)
            < small.min_notional
        ):
            raise filter_failure("MIN_NOTIONAL")
        bounds = self._notional
        if bounds is None:
            return
        notional = _market_notional(terms, reference(bounds.avg_price_mins, now_us), bounds.min_notional)
        if (bounds.apply_min_to_market and notional < bounds.min_notional) or (
            bounds.apply_max_to_market and notional > bounds.max_notional
        ):
            raise filter_failure("NOTIONAL")

    def _check_trailing(self, terms: Terms, delta: int) -> None:
        bounds = self._trailing
        if bounds is None:
            return
        low, high = (
            (bounds.min_trailing_above_delta, bounds.max_trailing_above_delta)
            if fires_upward(terms)
            else (bounds.min_trailing_below_delta, bounds.max_trailing_below_delta)
        )
        if not low <= delta <= high:
            raise filter_failure("TRAILING_DELTA")


def fires_upward(terms: Terms) -> bool:
    """Whether a contingent order's stopPrice lies above the market. Source: faqs/trailing-stop-faq.md"""
    return (terms.side == "BUY") == terms.type.startswith("STOP_LOSS")


def _within(price: Decimal, average: Average | None, down: Decimal, up: Decimal) -> bool:
    if average is None:
        return True
    scaled = price * average.weight
    return average.sum * down <= scaled <= average.sum * up


def _market_notional(terms: Terms, average: Average | None, unknown: Decimal) -> Decimal:
    """What a MARKET order is worth: what it asks to spend, or its quantity at the market's price."""
    if terms.quote_order_qty is not None:
        return terms.quote_order_qty
    if terms.quantity is None or average is None:
        return unknown
    return terms.quantity * average.sum / average.weight


class Capacity:
    """The filters that count what an account has open: on one symbol, and on the exchange."""

    __slots__ = ("_algo", "_all", "_base_asset", "_iceberg", "_lists", "_position", "_symbol")

    def __init__(self, spec: SymbolSpec) -> None:
        self._symbol = spec.symbol
        self._base_asset = spec.base_asset
        self._all = _find(spec.filters, MaxNumOrders)
        self._algo = _find(spec.filters, MaxNumAlgoOrders)
        self._iceberg = _find(spec.filters, MaxNumIcebergOrders)
        self._lists = _find(spec.filters, MaxNumOrderLists)
        self._position = _find(spec.filters, MaxPosition)

    def check(self, account: Account, seat: Seat, added: Sequence[Terms]) -> None:
        """Refuse what would leave an account with too much open on the symbol; several `added` make a list.

        Source: filters.md#max_num_orders and the following
        """
        if self._all is not None and len(seat.open) + len(added) > self._all.max_num_orders:
            raise filter_failure("MAX_NUM_ORDERS")
        if self._algo is not None and (algos := _algos(added)):
            algos += _algos(order.terms for order in seat.open.values())
            if algos > self._algo.max_num_algo_orders:
                raise filter_failure("MAX_NUM_ALGO_ORDERS")
        if self._iceberg is not None and (icebergs := _icebergs(added)):
            icebergs += _icebergs(order.terms for order in seat.open.values())
            if icebergs > self._iceberg.max_num_iceberg_orders:
                raise filter_failure("MAX_NUM_ICEBERG_ORDERS")
        if self._position is not None and any(terms.side == "BUY" for terms in added):
            bought = sum((order.remaining for order in seat.open.values() if order.side == "BUY"), ZERO)
            wanted = max(terms.quantity or ZERO for terms in added if terms.side == "BUY")
            if account.balance(self._base_asset).total + bought + wanted > self._position.max_position:
                raise filter_failure("MAX_POSITION")
        if len(added) > 1 and self._lists is not None:
            lists = sum(each.symbol == self._symbol for each in account.open_lists.values())
            if lists + 1 > self._lists.max_num_order_lists:
                raise filter_failure("MAX_NUM_ORDER_LISTS")


def _algos(orders: Iterable[Terms]) -> int:
    return len([terms for terms in orders if terms.type in ALGO])


def _icebergs(orders: Iterable[Terms]) -> int:
    return len([terms for terms in orders if terms.iceberg_qty is not None])


class ExchangeCapacity:
    """The filters that count what an account has open on all symbols."""

    __slots__ = ("_algo", "_all", "_iceberg", "_lists")

    def __init__(self, filters: Sequence[ExchangeFilter]) -> None:
        self._all = _find(filters, ExchangeMaxNumOrders)
        self._algo = _find(filters, ExchangeMaxNumAlgoOrders)
        self._iceberg = _find(filters, ExchangeMaxNumIcebergOrders)
        self._lists = _find(filters, ExchangeMaxNumOrderLists)

    def check(self, account: Account, added: Sequence[Terms]) -> None:
        """Refuse what would leave an account with too much open. Source: filters.md#exchange-filters"""
        if self._all is not None and account.open_count + len(added) > self._all.max_num_orders:
            raise filter_failure("EXCHANGE_MAX_NUM_ORDERS")
        if self._algo is not None and (algos := _algos(added)):
            algos += _algos(order.terms for order in account.open_orders())
            if algos > self._algo.max_num_algo_orders:
                raise filter_failure("EXCHANGE_MAX_NUM_ALGO_ORDERS")
        if self._iceberg is not None and (icebergs := _icebergs(added)):
            icebergs += _icebergs(order.terms for order in account.open_orders())
            if icebergs > self._iceberg.max_num_iceberg_orders:
                raise filter_failure("EXCHANGE_MAX_NUM_ICEBERG_ORDERS")
        if len(added) > 1 and self._lists is not None and len(account.open_lists) + 1 > self._lists.max_num_order_lists:
            raise filter_failure("EXCHANGE_MAX_NUM_ORDER_LISTS")


def check_max_asset(account: Account, spec: SymbolSpec, quantity: Decimal, notional: Decimal) -> None:
    """Refuse an order that moves more of an asset than the account may. Source: filters.md#max_asset"""
    for filter_ in account.settings.max_assets:
        moved = {spec.base_asset: quantity, spec.quote_asset: notional}.get(filter_.asset, ZERO)
        if moved > filter_.limit:
            raise filter_failure("MAX_ASSET")
