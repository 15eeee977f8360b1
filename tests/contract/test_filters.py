"""Every documented filter is implemented: its fields, the orders it applies to, and each of its conditions."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.unit.domain.exchange import BTCUSDT, exchange_info, limit, market, read

from binance_spot_mcp.domain.check import Check, check, check_amendment
from binance_spot_mcp.domain.facts import Account, Market, OpenCounts
from binance_spot_mcp.domain.filters import FILTERS, Case
from binance_spot_mcp.domain.findings import Limit
from binance_spot_mcp.domain.requests import Kind, Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.vocabulary import OrderType

SPEC: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "spec" / "filters.json").read_text("utf-8")
)["filters"]
BY_NAME = {entry["name"]: entry for entry in SPEC}
Ask = Callable[[SymbolRules], Check]

TYPES = {"decimal_string": Decimal, "int": int, "bool": bool, "string": str}

OPEN = Market(reference_price=Decimal(100), last_price=Decimal(100), bids=(Decimal(99),), asks=(Decimal(101),))
NOBODY = OpenCounts(orders=0, algo_orders=0, iceberg_orders=0, lists=0)
EMPTY = Account(here=NOBODY, everywhere=NOBODY, base_held=Decimal(0), buying=Decimal(0), amendments=0)


def wire(name: str, **fields: Any) -> dict[str, Any]:
    """A filter as the exchange sends it; it has every documented field and no other."""
    assert fields.keys() == BY_NAME[name]["fields"].keys()
    return {"filterType": name, **fields}


def test_every_documented_filter_is_known_and_no_other() -> None:
    assert list(FILTERS) == [entry["name"] for entry in SPEC]


@pytest.mark.parametrize("entry", SPEC, ids=lambda entry: str(entry["name"]))
def test_a_filter_has_the_documented_fields(entry: dict[str, Any]) -> None:
    kind = FILTERS[entry["name"]]
    hints = {name: kind.__annotations__[name] for name in kind.__struct_fields__}
    fields = dict(zip(kind.__struct_encode_fields__, hints.values(), strict=True))
    assert fields == {name: TYPES[form] for name, form in entry["fields"].items()}


# Which orders a filter looks at.

LOOSE: dict[str, dict[str, Any]] = {
    "PRICE_FILTER": wire("PRICE_FILTER", minPrice="0", maxPrice="1000000", tickSize="0.01"),
    "PERCENT_PRICE": wire("PERCENT_PRICE", multiplierUp="5", multiplierDown="0.2", avgPriceMins=5),
    "PERCENT_PRICE_BY_SIDE": wire(
        "PERCENT_PRICE_BY_SIDE",
        bidMultiplierUp="1.2",
        bidMultiplierDown="0.2",
        askMultiplierUp="5",
        askMultiplierDown="0.8",
        avgPriceMins=5,
    ),
    "LOT_SIZE": wire("LOT_SIZE", minQty="0.01", maxQty="100", stepSize="0.01"),
    "MIN_NOTIONAL": wire("MIN_NOTIONAL", minNotional="10", applyToMarket=True, avgPriceMins=5),
    "NOTIONAL": wire(
        "NOTIONAL",
        minNotional="10",
        applyMinToMarket=True,
        maxNotional="1000",
        applyMaxToMarket=True,
        avgPriceMins=5,
    ),
    "ICEBERG_PARTS": wire("ICEBERG_PARTS", limit=10),
    "MARKET_LOT_SIZE": wire("MARKET_LOT_SIZE", minQty="0.1", maxQty="50", stepSize="0.1"),
    "MAX_NUM_ORDERS": wire("MAX_NUM_ORDERS", maxNumOrders=5),
    "MAX_NUM_ALGO_ORDERS": wire("MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders=5),
    "MAX_NUM_ICEBERG_ORDERS": wire("MAX_NUM_ICEBERG_ORDERS", maxNumIcebergOrders=5),
    "MAX_POSITION": wire("MAX_POSITION", maxPosition="10"),
    "TRAILING_DELTA": wire(
        "TRAILING_DELTA",
        minTrailingAboveDelta=10,
        maxTrailingAboveDelta=2000,
        minTrailingBelowDelta=20,
        maxTrailingBelowDelta=1000,
    ),
    "MAX_NUM_ORDER_AMENDS": wire("MAX_NUM_ORDER_AMENDS", maxNumOrderAmends=10),
    "MAX_NUM_ORDER_LISTS": wire("MAX_NUM_ORDER_LISTS", maxNumOrderLists=20),
    "EXCHANGE_MAX_NUM_ORDERS": wire("EXCHANGE_MAX_NUM_ORDERS", maxNumOrders=5),
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": wire("EXCHANGE_MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders=5),
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": wire("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", maxNumIcebergOrders=5),
    "EXCHANGE_MAX_NUM_ORDER_LISTS": wire("EXCHANGE_MAX_NUM_ORDER_LISTS", maxNumOrderLists=20),
    "MAX_ASSET": wire("MAX_ASSET", asset="BTC", limit="10"),
}
ALL_TYPES = frozenset(get_args(OrderType))
STOPS = {"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}
PRICED = {"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"}
SUBJECTS = {"notional": "quantity", "placement": "quantity"}
"""What the documents call a subject, and the number of an order that it is; a count is about none."""


def symbol(name: str, **fields: Any) -> SymbolRules:
    """A symbol with one filter."""
    return read(exchange_info({**BTCUSDT, "filters": [LOOSE[name] | fields]}))


def full_order(order_type: str) -> dict[str, Any]:
    """An order of a type with every number that the type can have."""
    given: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": order_type, "quantity": "1"}
    if order_type in PRICED:
        given |= {"price": "100", "icebergQty": "0.5"}
    if order_type in STOPS:
        given |= {"stopPrice": "150" if order_type.startswith("STOP") else "50", "trailingDelta": "100"}
    return given


def documented_types(entry: dict[str, Any], subject: str) -> set[str]:
    """The order types to which a filter applies for one of its subjects."""
    types: set[str] = set()
    for name in entry["applies_to"][subject]:
        match name.split(" ")[0].rstrip(","):
            case "*" | "BUY":
                types |= ALL_TYPES
            case "orders":  # orders with icebergQty > 0
                types |= PRICED
            case word:
                types.add(word)
    return types & ALL_TYPES


@pytest.mark.parametrize("order_type", sorted(ALL_TYPES))
@pytest.mark.parametrize(
    ("name", "subject"),
    [
        (entry["name"], subject)
        for entry in SPEC
        for subject, orders in entry["applies_to"].items()
        if subject != "amend" and orders != ["order lists"]
    ],
)
def test_a_filter_looks_at_the_documented_order_types_and_no_others(name: str, subject: str, order_type: str) -> None:
    (loaded,) = symbol(name).filters
    limits = loaded.findings(Request.read("order", full_order(order_type)), Case(symbol(name).info, OPEN, EMPTY))
    numbers = {each.number for each in limits if isinstance(each, Limit)}
    expected = None if "NUM" in name else SUBJECTS.get(subject, subject)
    assert (expected in numbers) is (order_type in documented_types(BY_NAME[name], subject))


LIMIT = limit("1", "100")
STOP = full_order("STOP_LOSS")
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "110",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "90",
}


def open_here(**counts: int) -> Account:
    """An account with so much open on the symbol."""
    return replace(EMPTY, here=replace(NOBODY, **counts))


def open_everywhere(**counts: int) -> Account:
    """An account with so much open on all symbols."""
    return replace(EMPTY, everywhere=replace(NOBODY, **counts))


def placing(given: dict[str, Any], account: Account = EMPTY, kind: Kind = "order", prices: Market = OPEN) -> Ask:
    """Ask whether a request passes."""
    return lambda rules: check(Request.read(kind, given), rules, prices, account)


def amending(so_far: int) -> Ask:
    """Ask whether an order that was amended so often may be amended once more."""
    return lambda rules: check_amendment(Decimal("0.5"), rules, replace(EMPTY, amendments=so_far), Decimal(1))


CONDITIONS: dict[str, list[tuple[Ask, Ask]]] = {
    "PRICE_FILTER": [
        (placing(LIMIT | {"price": "0.05"}), placing(LIMIT | {"price": "0.04"})),
        (placing(LIMIT | {"price": "1000000"}), placing(LIMIT | {"price": "1000000.01"})),
        (placing(LIMIT | {"price": "0.06"}), placing(LIMIT | {"price": "0.065"})),
    ],
    "PERCENT_PRICE": [
        (placing(LIMIT | {"price": "500"}), placing(LIMIT | {"price": "500.01"})),
        (placing(LIMIT | {"price": "20"}), placing(LIMIT | {"price": "19.99"})),
    ],
    "PERCENT_PRICE_BY_SIDE": [
        (placing(LIMIT | {"price": "120"}), placing(LIMIT | {"price": "120.01"})),
        (placing(LIMIT | {"price": "80", "side": "SELL"}), placing(LIMIT | {"price": "79.99", "side": "SELL"})),
    ],
    "LOT_SIZE": [
        (placing(LIMIT | {"quantity": "0.02"}), placing(LIMIT | {"quantity": "0.01"})),
        (placing(LIMIT | {"quantity": "100"}), placing(LIMIT | {"quantity": "100.01"})),
        (placing(LIMIT | {"icebergQty": "0.03"}), placing(LIMIT | {"icebergQty": "0.035"})),
    ],
    "MIN_NOTIONAL": [(placing(LIMIT | {"quantity": "0.1"}), placing(LIMIT | {"quantity": "0.09999999"}))],
    "NOTIONAL": [
        (placing(market(quantity="0.1")), placing(market(quantity="0.09999999"))),
        (placing(LIMIT | {"quantity": "10"}), placing(LIMIT | {"quantity": "10.00000001"})),
    ],
    "ICEBERG_PARTS": [(placing(LIMIT | {"icebergQty": "0.1"}), placing(LIMIT | {"icebergQty": "0.09999999"}))],
    "MARKET_LOT_SIZE": [
        (placing(market(quantity="0.2")), placing(market(quantity="0.1"))),
        (placing(market(quantity="50")), placing(market(quantity="50.1"))),
        (placing(market(quantity="0.3")), placing(market(quantity="0.35"))),
    ],
    "MAX_NUM_ORDERS": [(placing(LIMIT, open_here(orders=4)), placing(LIMIT, open_here(orders=5)))],
    "MAX_NUM_ALGO_ORDERS": [(placing(STOP, open_here(algo_orders=4)), placing(STOP, open_here(algo_orders=5)))],
    "MAX_NUM_ICEBERG_ORDERS": [
        (
            placing(LIMIT | {"icebergQty": "0.5"}, open_here(iceberg_orders=4)),
            placing(LIMIT | {"icebergQty": "0.5"}, open_here(iceberg_orders=5)),
        )
    ],
    "MAX_POSITION": [
        (
            placing(LIMIT, replace(EMPTY, base_held=Decimal(6), buying=Decimal(3))),
            placing(LIMIT, replace(EMPTY, base_held=Decimal(6), buying=Decimal("3.00000001"))),
        ),
        (
            placing(LIMIT, replace(EMPTY, base_held=Decimal(9))),
            placing(LIMIT | {"quantity": "9" * 20}, replace(EMPTY, base_held=Decimal("9" * 20))),
        ),
    ],
    "TRAILING_DELTA": [
        (placing(STOP | {"trailingDelta": "10"}), placing(STOP | {"trailingDelta": "9"})),
        (
            placing(STOP | {"trailingDelta": "1000", "side": "SELL", "stopPrice": "50"}),
            placing(STOP | {"trailingDelta": "1001", "side": "SELL", "stopPrice": "50"}),
        ),
    ],
    "MAX_NUM_ORDER_AMENDS": [(amending(9), amending(10))],
    "MAX_NUM_ORDER_LISTS": [
        (placing(OCO, open_here(lists=19), "oco"), placing(OCO, open_here(lists=20), "oco")),
    ],
    "EXCHANGE_MAX_NUM_ORDERS": [(placing(LIMIT, open_everywhere(orders=4)), placing(LIMIT, open_everywhere(orders=5)))],
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": [
        (placing(STOP, open_everywhere(algo_orders=4)), placing(STOP, open_everywhere(algo_orders=5)))
    ],
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": [
        (
            placing(LIMIT | {"icebergQty": "0.5"}, open_everywhere(iceberg_orders=4)),
            placing(LIMIT | {"icebergQty": "0.5"}, open_everywhere(iceberg_orders=5)),
        )
    ],
    "EXCHANGE_MAX_NUM_ORDER_LISTS": [
        (placing(OCO, open_everywhere(lists=19), "oco"), placing(OCO, open_everywhere(lists=20), "oco")),
    ],
    "MAX_ASSET": [
        (placing(LIMIT | {"quantity": "10"}), placing(LIMIT | {"quantity": "10.00000001"})),
        (placing(LIMIT | {"quantity": "3"}), placing(LIMIT | {"quantity": "3.00000001"})),
    ],
}
"""Per filter and documented condition, in the order of `pass_if`: what passes, and what just does not."""

VARIANTS: dict[tuple[str, int], dict[str, Any]] = {
    ("PRICE_FILTER", 0): {"minPrice": "0.05"},
    ("LOT_SIZE", 0): {"minQty": "0.02"},
    ("MARKET_LOT_SIZE", 0): {"minQty": "0.2"},
    ("MAX_ASSET", 1): {"asset": "USDT", "limit": "300"},
}
"""Other values of a filter's fields, where a condition needs them."""


def test_every_documented_condition_has_its_cases() -> None:
    assert {name: len(cases) for name, cases in CONDITIONS.items()} == {
        entry["name"]: len(entry["pass_if"]) for entry in SPEC
    }


@pytest.mark.parametrize(
    ("name", "number"),
    [(entry["name"], number) for entry in SPEC for number in range(len(entry["pass_if"]))],
    ids=str,
)
def test_a_documented_condition_passes_at_its_edge_and_fails_beyond(name: str, number: int) -> None:
    passing, failing = CONDITIONS[name][number]
    rules = symbol(name, **VARIANTS.get((name, number), {}))
    passed, failed = passing(rules), failing(rules)
    assert passed.passed, passed.violations
    assert name not in {each.rule for each in passed.unchecked}
    assert name in {each.rule for each in failed.violations}
    refused = next(each for each in failed.violations if each.rule == name)
    assert refused.exchange is not None
    assert (refused.exchange.code, refused.exchange.msg) == (
        BY_NAME[name]["fail"]["code"],
        BY_NAME[name]["fail"]["msg"],
    )


@pytest.mark.parametrize(
    ("name", "off", "request_"),
    [
        ("PRICE_FILTER", {"minPrice": "0"}, LIMIT | {"price": "0.01"}),
        ("PRICE_FILTER", {"maxPrice": "0"}, LIMIT | {"price": "99999999"}),
        ("PRICE_FILTER", {"tickSize": "0"}, LIMIT | {"price": "1.23456789"}),
        ("MARKET_LOT_SIZE", {"stepSize": "0"}, market(quantity="1.23456789")),
    ],
)
def test_a_zero_switches_a_condition_off(name: str, off: dict[str, str], request_: dict[str, Any]) -> None:
    assert placing(request_)(symbol(name, **off)).passed


@pytest.mark.parametrize(
    ("name", "flag"),
    [("MIN_NOTIONAL", "applyToMarket"), ("NOTIONAL", "applyMinToMarket"), ("NOTIONAL", "applyMaxToMarket")],
)
def test_the_value_of_a_market_order_counts_only_with_its_flag(name: str, flag: str) -> None:
    order = market(quantity="10.1" if "Max" in flag else "0.09")
    assert not placing(order)(symbol(name)).passed
    assert placing(order)(symbol(name, **{flag: False})).passed


@pytest.mark.parametrize("name", ["PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE", "NOTIONAL", "MIN_NOTIONAL"])
def test_the_reference_price_comes_before_the_average_and_the_average_before_the_last_price(name: str) -> None:
    order = LIMIT | {"price": "1"} if name.startswith("PERCENT") else market(quantity="1")
    cheap, dear, elsewhere = Decimal(1), Decimal(100), Decimal(100)
    for minutes, prices in (
        (5, Market(reference_price=cheap, average_price=elsewhere, average_minutes=5, last_price=elsewhere)),
        (5, Market(reference_price="unset", average_price=cheap, average_minutes=5, last_price=elsewhere)),
        (0, Market(reference_price="unset", average_price=elsewhere, average_minutes=5, last_price=cheap)),
    ):
        cheap_passes = placing(order, prices=prices)(symbol(name, avgPriceMins=minutes)).passed
        assert cheap_passes is name.startswith("PERCENT")
    for minutes, prices in (
        (5, Market(average_price=dear, average_minutes=5, last_price=dear)),
        (5, Market(reference_price="unset", average_price=dear, average_minutes=1, last_price=dear)),
        (5, Market(reference_price="unset", last_price=dear)),
        (0, Market(reference_price="unset", average_price=dear, average_minutes=5)),
        (5, Market(reference_price=Decimal(0), average_price=dear, average_minutes=5)),
    ):
        found = placing(order, prices=prices)(symbol(name, avgPriceMins=minutes))
        assert name in {each.rule for each in found.unchecked}
