"""Rules as they are read from the exchange's JSON, including what nobody here knows."""

from typing import Any

import msgspec
import pytest
from tests.unit.domain.exchange import BTCUSDT, LOT_SIZE, exchange_info, read, rules

from binance_spot_mcp.catalogue.market import ExchangeInfo
from binance_spot_mcp.domain.filters import LotSize, MaxAsset, MaxNumOrderLists, MaxNumOrders
from binance_spot_mcp.domain.symbols import read_symbol

FEW_LISTS = {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20}
YEN = {"filterType": "MAX_ASSET", "asset": "JPY", "limit": "1000000.00000000"}


def test_filters_of_symbol_and_exchange_are_read_in_whatever_order_they_come() -> None:
    every = {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000}
    found = read(exchange_info({**BTCUSDT, "filters": BTCUSDT["filters"][::-1]}, exchangeFilters=[every]))
    assert [each.name for each in found.filters] == [
        "NOTIONAL",
        "LOT_SIZE",
        "PRICE_FILTER",
        "EXCHANGE_MAX_NUM_ORDERS",
    ]
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("added", "named"),
    [
        ({"filterType": "MAX_FEELINGS", "limit": 3}, "filter MAX_FEELINGS"),
        ({**LOT_SIZE, "newBound": "1"}, "field newBound of filter LOT_SIZE"),
        ({"filterType": "LOT_SIZE", "minQty": "1"}, "filter LOT_SIZE, which reads: "),
        ({"limit": 3}, "filter without a name"),
    ],
    ids=["filter", "field", "form", "nameless"],
)
def test_what_is_unknown_is_kept_by_name_and_never_fatal(added: dict[str, Any], named: str) -> None:
    found = rules(FEW_LISTS, added)
    assert found.filter(MaxNumOrderLists)
    assert len(found.unknown) == 1
    assert found.unknown[0].startswith(named)


def test_amounts_written_as_json_numbers_stay_exact() -> None:
    body = msgspec.json.encode(exchange_info({**BTCUSDT, "filters": []}))
    body = body.replace(
        b'"filters":[]',
        b'"filters":[{"filterType":"LOT_SIZE","minQty":0.10000000000000000001,"maxQty":9000,"stepSize":1e-20}]',
    )
    found = read_symbol(msgspec.json.decode(body, type=ExchangeInfo), "BTCUSDT")
    lot = found and found.filter(LotSize)
    assert lot
    assert str(lot.min_qty) == "0.10000000000000000001"


def test_the_accounts_own_filters_take_the_place_of_the_public_ones() -> None:
    public = rules({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200}, FEW_LISTS)
    more = msgspec.json.encode([{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 500}])
    dollars = YEN | {"asset": "USDT"}
    own = public.for_account((more, msgspec.json.encode([YEN, dollars])))
    assert own.filter(MaxNumOrders) == MaxNumOrders(max_num_orders=500)
    assert own.filter(MaxNumOrderLists) == MaxNumOrderLists(max_num_order_lists=20)
    assert [each.asset for each in own.filters if isinstance(each, MaxAsset)] == ["JPY", "USDT"]


def test_a_symbol_that_is_not_in_the_answer_has_no_rules() -> None:
    info = msgspec.json.decode(msgspec.json.encode(exchange_info(BTCUSDT)), type=ExchangeInfo)
    assert read_symbol(info, "BTCUSDC") is None


def test_a_symbol_in_a_routing_group_can_be_routed() -> None:
    group = {"baseAsset": "BTC", "symbols": ["BTCUSDT", "BTCUSDC"]}
    assert read(exchange_info(BTCUSDT, sors=[group])).sor
    assert not read(exchange_info(BTCUSDT, sors=[group | {"symbols": ["BTCUSDC"]}])).sor
