"""Long answers come in pages that together hold every row exactly once."""

from collections.abc import Mapping
from typing import Any

import anyio
import msgspec
import pytest
from mcp import Client
from tests.unit.surface.scripted_exchange import ScriptedExchange, body_of, text_of

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.surface.layout import fields_of
from binance_spot_mcp.surface.paging import (
    CHARACTERS_PER_TOKEN,
    CONCISE_TOKENS,
    HARD_TOKENS,
    PAGING,
    ByAnchor,
    ByRow,
    Unpaged,
    read_cursor,
)

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
FIRST = 1_700_000_000_000 // HOUR * HOUR
AMOUNT = "12345678.00000000"
TRADES = [
    {
        "id": n,
        "price": f"{n}.1",
        "qty": AMOUNT,
        "quoteQty": AMOUNT,
        "time": FIRST + n,
        "isBuyerMaker": True,
        "new": AMOUNT,
    }
    for n in range(5_000)
]
KLINES: list[list[Any]] = [
    [FIRST + n * HOUR, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, FIRST, AMOUNT, 1, AMOUNT, AMOUNT, "0"]
    for n in range(3_000)
]


async def historical_trades(wire: Mapping[str, str]) -> bytes:
    """As the exchange: from an id on, or the latest."""
    limit = int(wire["limit"])
    first = int(wire["fromId"]) if "fromId" in wire else len(TRADES) - limit
    return msgspec.json.encode(TRADES[first : first + limit])


async def klines(wire: Mapping[str, str]) -> bytes:
    """As the exchange: from a time on, or the latest."""
    limit = int(wire["limit"])
    if "startTime" in wire:
        return msgspec.json.encode([row for row in KLINES if row[0] >= int(wire["startTime"])][:limit])
    return msgspec.json.encode(KLINES[-limit:])


async def prices(wire: Mapping[str, str]) -> bytes:
    """Every symbol."""
    return msgspec.json.encode([{"symbol": f"COIN{n}USDT", "price": f"{n}.10000000"} for n in range(3_000)])


async def all_pages(agent: Client, tool: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Every page, following the cursors."""
    pages = [body_of(await agent.call_tool(tool, arguments))]
    while cursor := pages[-1].get("next_cursor"):
        pages.append(body_of(await agent.call_tool(tool, arguments | {"cursor": cursor})))
        assert len(pages) < 100, "the cursor leads in circles"
    return pages


@pytest.mark.parametrize("detail", ["concise", "full"])
@pytest.mark.parametrize("start", [{}, {"fromId": 1_000}, {"from_id": 1_000}])
async def test_trades_are_paged_by_id(
    agent: Client, exchange: ScriptedExchange, detail: str, start: dict[str, int]
) -> None:
    exchange.replies["get_historical_trades"] = historical_trades
    arguments = {"symbol": "BTCUSDT", "limit": 1_000, "detail": detail, **start}
    pages = await all_pages(agent, "get_historical_trades", arguments)
    ids = sorted(row[0] for page in pages for row in page["rows"])
    first = 1_000 if start else 4_000
    assert ids == list(range(first, first + 1_000))
    assert len(pages) > 1
    assert pages[0]["truncated"] is True
    assert pages[0]["total"] == 1_000


@pytest.mark.parametrize("start", [{}, {"startTime": FIRST + 500 * HOUR}, {"start_time": FIRST + 500 * HOUR}])
async def test_klines_are_paged_by_time(agent: Client, exchange: ScriptedExchange, start: dict[str, int]) -> None:
    exchange.replies["get_historical_prices"] = klines
    arguments = {"symbol": "BTCUSDT", "interval": "1h", "limit": 1_000, "detail": "full", **start}
    pages = await all_pages(agent, "get_historical_prices", arguments)
    times = sorted(row[0] for page in pages for row in page["rows"])
    first = 500 if start else 2_000
    assert times == [row[0] for row in KLINES[first : first + 1_000]]
    assert len(pages) > 1


async def test_who_asks_for_the_latest_gets_the_newest_rows_first(agent: Client, exchange: ScriptedExchange) -> None:
    exchange.replies["get_historical_prices"] = klines
    arguments = {"symbol": "BTCUSDT", "interval": "1h", "limit": 1_000}
    latest = body_of(await agent.call_tool("get_historical_prices", arguments))
    assert latest["rows"][-1][0] == KLINES[-1][0]
    oldest = body_of(await agent.call_tool("get_historical_prices", arguments | {"startTime": FIRST}))
    assert oldest["rows"][0][0] == FIRST


async def test_times_in_microseconds_page_as_well(agent: Client, exchange: ScriptedExchange) -> None:
    async def in_microseconds(wire: Mapping[str, str]) -> bytes:
        rows = msgspec.json.decode(await klines(wire))
        return msgspec.json.encode([[row[0] * 1_000, *row[1:]] for row in rows])

    exchange.replies["get_historical_prices"] = in_microseconds
    pages = await all_pages(agent, "get_historical_prices", {"symbol": "BTCUSDT", "interval": "1h", "limit": 1_000})
    assert sum(len(page["rows"]) for page in pages) == 1_000


async def test_lists_of_now_are_paged_by_row(agent: Client, exchange: ScriptedExchange) -> None:
    exchange.replies["get_price"] = prices
    pages = await all_pages(agent, "get_price", {})
    assert [row[0] for page in pages for row in page["rows"]] == [f"COIN{n}USDT" for n in range(3_000)]
    assert all(page["total"] == 3_000 for page in pages[:-1])
    assert "truncated" not in pages[-1]


async def test_an_answer_of_megabytes_does_not_hold_up_other_calls(agent: Client, exchange: ScriptedExchange) -> None:
    rules = [{"symbol": f"COIN{n}USDT", "rules": [{"ruleType": "PRICE_RANGE"}] * 20} for n in range(3_000)]
    exchange.replies["get_execution_rules"] = msgspec.json.encode({"symbolRules": rules})
    exchange.replies["ping_binance"] = b"{}"
    order: list[str] = []

    async def ask(tool: str) -> None:
        body_of(await agent.call_tool(tool, {}))
        order.append(tool)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, "get_execution_rules")
        await exchange.was_asked("get_execution_rules")
        group.start_soon(ask, "ping_binance")
    assert order == ["ping_binance", "get_execution_rules"]


@pytest.mark.parametrize(("detail", "tokens"), [("concise", CONCISE_TOKENS), ("full", HARD_TOKENS)])
async def test_no_answer_is_longer_than_its_limit_and_none_wastes_it(
    agent: Client, exchange: ScriptedExchange, detail: str, tokens: int
) -> None:
    exchange.replies["get_price"] = prices
    length = len(text_of(await agent.call_tool("get_price", {"detail": detail})))
    assert 0.98 * tokens < length / CHARACTERS_PER_TOKEN <= tokens


async def test_a_book_is_cut_to_the_levels_nearest_the_spread(agent: Client, exchange: ScriptedExchange) -> None:
    levels = [[f"{n}.10000000", "1.00000000"] for n in range(5_000)]
    exchange.replies["get_order_book"] = msgspec.json.encode({"lastUpdateId": 1, "bids": levels, "asks": levels})
    body = body_of(await agent.call_tool("get_order_book", {"symbol": "BTCUSDT", "limit": 5_000}))
    assert body["bids"][0] == body["asks"][0] == ["0.1", "1"]
    assert len(body["bids"]) == len(body["asks"]) < 5_000
    assert (body["truncated"], body["total"]) == (True, 5_000)
    assert "smaller limit" in body["hint"]


async def test_what_cannot_be_cut_is_refused_with_a_hint(agent: Client, exchange: ScriptedExchange) -> None:
    exchange.replies["get_execution_rules"] = msgspec.json.encode(
        {"symbolRules": [{"symbol": "BTCUSDT", "rules": [{"ruleType": "x" * 900}] * 300}]}
    )
    body = body_of(await agent.call_tool("get_execution_rules", {}))
    assert (body["ok"], body["code"]) == (False, "TOO_LARGE")


@pytest.mark.parametrize("cursor", ["", "row:5", "after:5", "after:-1:5", "after:1:99999", 7, "before:1:2:3"])
def test_a_cursor_that_no_answer_gave_is_refused(cursor: object) -> None:
    with pytest.raises(InvalidInput, match="next_cursor"):
        read_cursor(cursor, ByAnchor("fromId", "id"))


async def test_a_tool_without_pages_takes_no_cursor(agent: Client) -> None:
    body = body_of(await agent.call_tool("get_order_book", {"symbol": "BTCUSDT", "cursor": "row:5"}))
    assert body["code"] == "UNKNOWN_ARGUMENT"


@pytest.mark.parametrize("tool", sorted(PAGING))
def test_the_way_a_tool_pages_fits_its_endpoint(tool: str) -> None:
    endpoint = CATALOGUE[tool]
    match paging := PAGING[tool]:
        case ByAnchor():
            parameters = {info.alias for info in endpoint.params.model_fields.values()}
            assert {paging.param, "limit"} <= parameters
            (row, _) = endpoint.result.__args__
            names = {field.shown for field in fields_of(row)}
            assert paging.column in names
            wire = {field.encode_name for field in msgspec.structs.fields(row)}
            assert row.__struct_config__.array_like or wire & {paging.column, paging.wire}
        case ByRow() | Unpaged():
            assert endpoint.effect == "read" or isinstance(paging, Unpaged)


def test_every_endpoint_with_a_limit_says_how_it_pages() -> None:
    growing = {
        name
        for name, endpoint in CATALOGUE.items()
        if {"limit", "symbols"} & {info.alias for info in endpoint.params.model_fields.values()}
    }
    assert growing <= PAGING.keys()
