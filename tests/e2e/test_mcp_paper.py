"""An agent trades on the paper exchange through the server: every tool answers, and an order lives its whole life."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from mcp import Client
from mcp.types import TextContent
from tests.e2e.paper_client import PaperClient

from binance_spot_mcp.surface.paging import CHARACTERS_PER_TOKEN, CONCISE_TOKENS
from binance_spot_mcp.surface.toolbox import TOOLBOX, options
from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

BTC = {"symbol": "BTCUSDT"}
FAR_BELOW, FAR_ABOVE = "50000", "150000"
ORDER = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": FAR_BELOW}
SOLD_ABOVE = {"AboveType": "LIMIT_MAKER", "AbovePrice": FAR_ABOVE, "BelowType": "STOP_LOSS", "BelowStopPrice": "40000"}
WORKING = {
    **BTC,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": FAR_BELOW,
    "workingQuantity": "0.001",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
}
PAIR = {f"pending{name}": value for name, value in SOLD_ABOVE.items()}

CALLS: dict[str, dict[str, Any]] = {
    "ping_binance": {},
    "get_server_time": {},
    "get_exchange_info": BTC,
    "get_execution_rules": BTC,
    "get_order_book": BTC,
    "get_recent_trades": BTC,
    "get_historical_trades": BTC,
    "get_historical_block_trades": {**BTC, "fromId": 0},
    "get_aggregate_trades": BTC,
    "get_historical_prices": {**BTC, "interval": "1h"},
    "get_ui_klines": {**BTC, "interval": "1h"},
    "get_average_price": BTC,
    "get_24hr_ticker": BTC,
    "get_trading_day_ticker": BTC,
    "get_price": BTC,
    "get_book_ticker": BTC,
    "get_rolling_window_ticker": BTC,
    "get_reference_price": BTC,
    "get_reference_price_calculation": BTC,
    "check_order": ORDER,
    "test_order": ORDER,
    "test_sor_order": ORDER,
    "place_order": ORDER,
    "place_sor_order": ORDER,
    "cancel_replace_order": {**ORDER, "cancelOrderId": 1, "cancelReplaceMode": "STOP_ON_FAILURE"},
    "amend_order": {**BTC, "orderId": 1, "newQty": "0.0005"},
    "get_order": {**BTC, "orderId": 1},
    "get_open_orders": {},
    "get_all_orders": BTC,
    "cancel_order": {**BTC, "orderId": 1},
    "place_oco": {
        **BTC,
        "side": "SELL",
        "quantity": "0.001",
        **{name[0].lower() + name[1:]: value for name, value in SOLD_ABOVE.items()},
    },
    "place_oto": {**WORKING, "pendingType": "MARKET", "pendingQuantity": "0.001"},
    "place_otoco": {**WORKING, **PAIR, "pendingQuantity": "0.001"},
    "place_opo": {**WORKING, "pendingType": "LIMIT_MAKER", "pendingPrice": FAR_ABOVE},
    "place_opoco": {**WORKING, **PAIR},
    "place_legacy_oco": {**BTC, "side": "SELL", "quantity": "0.001", "price": FAR_ABOVE, "stopPrice": FAR_BELOW},
    "get_order_list": {"orderListId": 0},
    "get_open_order_lists": {},
    "get_all_order_lists": {},
    "cancel_order_list": {**BTC, "orderListId": 0},
    "cancel_all_orders": BTC,
    "get_account": {},
    "get_my_trades": BTC,
    "get_order_rate_limits": {},
    "get_prevented_matches": {**BTC, "orderId": 1},
    "get_allocations": BTC,
    "get_commission_rates": BTC,
    "get_order_amendments": {**BTC, "orderId": 1},
    "get_my_filters": BTC,
    "get_order_state": {"intent_id": "nobody-made-this"},
    "reconcile_orders": BTC,
    "get_rate_limits": {},
    "get_portfolio": {},
    "get_trading_state": {},
    "subscribe_to_trade_stream": BTC,
    "subscribe_to_kline_stream": {**BTC, "interval": "1m"},
    "subscribe_to_ticker_stream": BTC,
    "subscribe_to_book_ticker_stream": BTC,
    "subscribe_to_depth_stream": {**BTC, "levels": 5},
    "subscribe_to_average_price_stream": BTC,
    "subscribe_to_reference_price_stream": BTC,
    "subscribe_to_user_stream": {},
    "read_stream": {"subscription": "btcusdt@trade"},
    "list_streams": {},
    "unsubscribe": {"subscription": "btcusdt@trade"},
    "get_stream_snapshot": {"streams": ["btcusdt@bookTicker"], "seconds": 1},
    "get_local_book": BTC,
    "wait_for": {"conditions": ["BTCUSDT price >= 1"]},
    "stop_trading": {},
}
NOTHING_THERE = {
    "get_reference_price",
    "get_reference_price_calculation",
    "cancel_replace_order",
    "amend_order",
    "get_order",
    "get_order_state",
    "cancel_order",
}
"""Tools that are asked for something that does not exist."""


def read(text: str) -> dict[str, Any]:
    """An answer."""
    body: dict[str, Any] = msgspec.json.decode(text)
    return body


async def ask(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and read an answer that says the same twice."""
    result = await agent.call_tool(tool, arguments)
    (block,) = result.content
    assert isinstance(block, TextContent)
    body = read(block.text)
    assert body["env"] == "paper"
    assert body["ok"] is not result.is_error
    assert result.structured_content == (None if result.is_error else body)
    assert len(block.text) / CHARACTERS_PER_TOKEN <= CONCISE_TOKENS
    return body


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A table as one mapping a row."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


async def test_every_tool_answers(agent_of_any_era: Client) -> None:
    assert CALLS.keys() == TOOLBOX.keys()
    for tool, arguments in CALLS.items():
        body = await ask(agent_of_any_era, tool, **arguments)
        assert body["ok"] is (tool not in NOTHING_THERE), (tool, body)
        assert body.get("code", "NOT_FOUND") in {"NOT_FOUND", "EXCHANGE_REJECTED"}, (tool, body)
        if "symbol" in arguments and body["ok"]:
            assert "BTCUSDT" in str(body), (tool, body)


async def test_every_read_answers_in_full_too(agent: Client) -> None:
    for tool, arguments in CALLS.items():
        if TOOLBOX[tool].reads and "detail" in options(TOOLBOX[tool]):
            concise = await ask(agent, tool, **arguments)
            full = await ask(agent, tool, **arguments, detail="full")
            assert full["ok"] is concise["ok"]


async def test_an_order_lives_its_whole_life(agent_of_any_era: Client) -> None:
    price = Decimal((await ask(agent_of_any_era, "get_price", **BTC))["price"])
    resting = await ask(agent_of_any_era, "place_order", **(ORDER | {"price": str(price // 2), "side": "buy"}))
    assert (resting["status"], resting["executedQty"]) == ("NEW", "0")
    opened = rows(await ask(agent_of_any_era, "get_open_orders", symbol="btc-usdt"))
    assert resting["orderId"] in [order["orderId"] for order in opened]
    found = await ask(agent_of_any_era, "get_order", **BTC, origClientOrderId=resting["clientOrderId"])
    assert found["orderId"] == resting["orderId"]
    cancelled = await ask(agent_of_any_era, "cancel_order", **BTC, orderId=resting["orderId"])
    assert cancelled["status"] == "CANCELED"
    late = await ask(agent_of_any_era, "cancel_order", **BTC, orderId=resting["orderId"])
    assert late["ok"] is False
    filled = await ask(agent_of_any_era, "place_order", **BTC, side="BUY", type="MARKET", quantity="0.001")
    assert filled["status"] == "FILLED"
    trades = rows(await ask(agent_of_any_era, "get_my_trades", **BTC, orderId=filled["orderId"]))
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal("0.001")


async def test_a_filter_refuses_before_anything_is_sent_and_its_correction_is_accepted(agent: Client) -> None:
    before = await ask(agent, "get_order_rate_limits")
    wrong = ORDER | {"quantity": "0.0010056"}
    refused = await ask(agent, "place_order", **wrong)
    assert (refused["code"], refused["sent"]) == ("FILTER_VIOLATION", "no")
    assert await ask(agent, "get_order_rate_limits") == before
    placed = await ask(agent, "place_order", **(wrong | refused["fix"]))
    assert placed["ok"]
    assert placed["origQty"] == refused["fix"]["quantity"]


async def test_an_unknown_symbol_is_refused_with_those_that_come_near_on_every_tool(agent: Client) -> None:
    for tool, arguments in CALLS.items():
        if "symbol" in arguments and tool != "cancel_order_list":
            body = await ask(agent, tool, **(arguments | {"symbol": "BTCUSD"}))
            assert body["code"] == "UNKNOWN_SYMBOL", (tool, body)
            assert "BTCUSDT" in body["details"]["near"]


async def test_a_thousand_klines_come_in_pages_without_a_gap(agent: Client) -> None:
    arguments = {**BTC, "interval": "5m", "limit": 1_000}
    page = await ask(agent, "get_historical_prices", **arguments)
    times = [row[0] for row in page["rows"]]
    while cursor := page.get("next_cursor"):
        page = await ask(agent, "get_historical_prices", **arguments, cursor=cursor)
        times += [row[0] for row in page["rows"]]
    times.sort()
    assert len(times) == 1_000
    assert {later - earlier for earlier, later in pairwise(times)} == {300_000}


async def test_full_shows_every_field_of_the_exchange(agent: Client, paper: Running) -> None:
    client = PaperClient(paper)
    async with client.http:
        account = (await client.signed("GET", "account")).json()
        info = (await client.public("exchangeInfo", symbol="BTCUSDT", showPermissionSets="false")).json()
        ticker = (await client.public("ticker/24hr", symbol="BTCUSDT")).json()
    assert account.keys() <= (await ask(agent, "get_account", detail="full")).keys()
    assert ticker.keys() <= (await ask(agent, "get_24hr_ticker", **BTC, detail="full")).keys()
    (shown,) = rows((await ask(agent, "get_exchange_info", **BTC, detail="full"))["symbols"])
    assert shown == info["symbols"][0]


async def test_a_symbol_in_other_letters_works(agent: Client) -> None:
    body = await ask(agent, "get_price", symbol="币安人生usdt")
    assert body["symbol"] == "币安人生USDT"


async def test_the_rate_limits_count_what_was_used(agent: Client) -> None:
    await ask(agent, "get_price", **BTC)
    buckets = {row["limit"]: row for row in rows((await ask(agent, "get_rate_limits"))["buckets"])}
    weight = next(row for name, row in buckets.items() if name.startswith("REQUEST_WEIGHT"))
    assert 0 < weight["used"] < weight["max"]
