"""Filters on how many orders and order lists may be open, and on how often an order may be amended.

A request counts as a whole: an OCO adds two orders, an OTOCO three, and either is one list. Legs that wait count too.

Source: filters.md#symbol-filters, filters.md#exchange-filters
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from binance_spot_mcp.domain.facts import Account, Input
from binance_spot_mcp.domain.filters.base import Case, Filter
from binance_spot_mcp.domain.findings import Limit, Unchecked
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import ExchangeError


class MaxNumOrders(Filter, frozen=True, kw_only=True, tag="MAX_NUM_ORDERS"):
    """How many orders may be open on the symbol. Source: filters.md#max_num_orders"""

    max_num_orders: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open orders of the symbol."""
        added = len(request.orders)
        yield from _count(
            self.name, "open orders", case.account.here.orders, added, self.max_num_orders, source="open_orders"
        )


class MaxNumAlgoOrders(Filter, frozen=True, kw_only=True, tag="MAX_NUM_ALGO_ORDERS"):
    """How many orders on the symbol may wait for a trigger price. Source: filters.md#max_num_algo_orders"""

    max_num_algo_orders: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open stop orders of the symbol."""
        now, added = case.account.here.algo_orders, _algo_orders(request)
        yield from _count(self.name, "open stop orders", now, added, self.max_num_algo_orders, source="open_orders")


class MaxNumIcebergOrders(Filter, frozen=True, kw_only=True, tag="MAX_NUM_ICEBERG_ORDERS"):
    """How many iceberg orders may be open on the symbol. Source: filters.md#max_num_iceberg_orders"""

    max_num_iceberg_orders: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open iceberg orders of the symbol."""
        now, added = case.account.here.iceberg_orders, _iceberg_orders(request)
        yield from _count(
            self.name, "open iceberg orders", now, added, self.max_num_iceberg_orders, source="open_orders"
        )


class MaxNumOrderLists(Filter, frozen=True, kw_only=True, tag="MAX_NUM_ORDER_LISTS"):
    """How many order lists may be open on the symbol. Source: filters.md#max_num_order_lists"""

    max_num_order_lists: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open order lists of the symbol."""
        now, added = case.account.here.lists, int(request.is_list)
        yield from _count(
            self.name, "open order lists", now, added, self.max_num_order_lists, source="open_order_lists"
        )


class ExchangeMaxNumOrders(Filter, frozen=True, kw_only=True, tag="EXCHANGE_MAX_NUM_ORDERS"):
    """How many orders may be open in all. Source: filters.md#exchange_max_num_orders"""

    max_num_orders: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open orders of all symbols."""
        now, added = case.account.everywhere.orders, len(request.orders)
        yield from _count(
            self.name, "open orders on all symbols", now, added, self.max_num_orders, source="all_open_orders"
        )


class ExchangeMaxNumAlgoOrders(Filter, frozen=True, kw_only=True, tag="EXCHANGE_MAX_NUM_ALGO_ORDERS"):
    """How many orders may wait for a trigger price in all. Source: filters.md#exchange_max_num_algo_orders"""

    max_num_algo_orders: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open stop orders of all symbols."""
        now, added, most = case.account.everywhere.algo_orders, _algo_orders(request), self.max_num_algo_orders
        yield from _count(self.name, "open stop orders on all symbols", now, added, most, source="all_open_orders")


class ExchangeMaxNumIcebergOrders(Filter, frozen=True, kw_only=True, tag="EXCHANGE_MAX_NUM_ICEBERG_ORDERS"):
    """How many iceberg orders may be open in all. Source: filters.md#exchange_max_num_iceberg_orders"""

    max_num_iceberg_orders: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open iceberg orders of all symbols."""
        now, added, most = case.account.everywhere.iceberg_orders, _iceberg_orders(request), self.max_num_iceberg_orders
        yield from _count(self.name, "open iceberg orders on all symbols", now, added, most, source="all_open_orders")


class ExchangeMaxNumOrderLists(Filter, frozen=True, kw_only=True, tag="EXCHANGE_MAX_NUM_ORDER_LISTS"):
    """How many order lists may be open in all. Source: filters.md#exchange_max_num_order_lists"""

    max_num_order_lists: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit the open order lists of all symbols."""
        now, added, most = case.account.everywhere.lists, int(request.is_list), self.max_num_order_lists
        yield from _count(self.name, "open order lists on all symbols", now, added, most, source="open_order_lists")


class MaxNumOrderAmends(Filter, frozen=True, kw_only=True, tag="MAX_NUM_ORDER_AMENDS"):
    """How often one order may be amended. It says nothing of new orders.

    Source: filters.md#max_num_order_amends
    """

    max_num_order_amends: int

    def findings(self, request: Request, case: Case) -> Iterator[Limit | Unchecked]:
        """Limit nothing: a request that places orders amends none."""
        del request, case
        yield from ()

    def of_amendment(self, account: Account) -> Iterator[Limit | Unchecked]:
        """Limit the amendments of the order that is to be amended once more."""
        for found in _count(
            self.name, "amendments of this order", account.amendments, 1, self.max_num_order_amends, source="amendments"
        ):
            text = f"Filter failure: {self.name}"
            yield replace(found, exchange=ExchangeError(-2038, text)) if isinstance(found, Limit) else found


def _algo_orders(request: Request) -> int:
    return sum(order.is_stop for order in request.orders)


def _iceberg_orders(request: Request) -> int:
    return sum(order.iceberg_qty is not None for order in request.orders)


def _count(
    rule: str, what: str, now: int | None, added: int, most: int, *, source: Input
) -> Iterator[Limit | Unchecked]:
    """Limit what there will be: what there is now and what is added, if anything is."""
    if not added:
        return
    if now is None:
        yield Unchecked(rule, f"the number of {what} is not known", frozenset({source}))
        return
    yield Limit(
        rule=rule,
        number=None,
        param=what,
        given=Decimal(now + added),
        maximum=Decimal(most),
        reason=f"{now} now",
    )
