"""An agent watches the paper exchange live: every kind of stream, a local book, the account, and waiting."""

import asyncio
from decimal import Decimal
from typing import Any

import anyio
import pytest
from mcp import Client
from tests.e2e.test_mcp_paper import ask, rows

pytestmark = pytest.mark.anyio

D = Decimal
BTC = {"symbol": "BTCUSDT"}


async def read_until(agent: Client, subscription: str, wanted: int = 1, after: int = 0) -> list[dict[str, Any]]:
    """Events of a subscription, read over as many calls as they take; their numbers never repeat."""
    found: list[dict[str, Any]] = []
    while len(found) < wanted:
        answer = await ask(agent, "read_stream", subscription=subscription, after=after, waitSeconds=5)
        assert (answer["state"], answer["gaps"]) == ("LIVE", []), answer
        assert answer["next_after"] > after, answer
        new = rows(answer["events"])
        assert all(after < event["seq"] <= answer["next_after"] for event in new)
        found += new
        after = answer["next_after"]
    return found


async def subscribe(agent: Client, tool: str, **arguments: Any) -> str:
    """Subscribe, and see that the exchange has confirmed it."""
    answer = await ask(agent, tool, **arguments)
    assert answer["state"] == "LIVE", answer
    name: str = answer["subscription"]
    return name


@pytest.mark.parametrize("kind", ["trade", "aggTrade"])
async def test_trades_come_one_after_the_other_and_are_those_of_the_exchange(agent: Client, kind: str) -> None:
    name = await subscribe(agent, "subscribe_to_trade_stream", **BTC, kind=kind)
    assert name == f"btcusdt@{kind}"
    for quantity in ("0.001", "0.002", "0.003"):
        assert (await ask(agent, "place_order", **BTC, side="BUY", type="MARKET", quantity=quantity))["ok"]
    heard = await read_until(agent, name, 3)
    ids = [event["id"] for event in heard]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    tool = "get_historical_trades" if kind == "trade" else "get_aggregate_trades"
    asked = rows(await ask(agent, tool, **BTC, fromId=ids[0], limit=len(ids)))
    fields = ("id", "price", "qty", "time", "isBuyerMaker")
    assert [[event[name] for name in fields] for event in heard] == [[row[name] for name in fields] for row in asked]


async def test_block_trades_are_waited_for(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_trade_stream", **BTC, kind="blockTrade")
    assert name == "btcusdt@blockTrade"
    answer = await ask(agent, "read_stream", subscription=name)
    assert (answer["state"], answer["events"]) == ("LIVE", [])


@pytest.mark.parametrize(("zone", "name"), [("UTC", "btcusdt@kline_1s"), ("+08:00", "btcusdt@kline_1s@+08:00")])
async def test_klines_come_and_their_last_word_is_the_exchanges(agent: Client, zone: str, name: str) -> None:
    assert await subscribe(agent, "subscribe_to_kline_stream", **BTC, interval="1s", timeZone=zone) == name
    closed, after = None, 0
    while closed is None:
        event = (await read_until(agent, name, 1, after))[-1]
        closed, after = (event if event["closed"] else None), event["seq"]
    (asked, *_) = rows(
        await ask(agent, "get_historical_prices", **BTC, interval="1s", startTime=closed["openTime"], limit=1)
    )
    fields = ("openTime", "open", "high", "low", "close", "volume")
    assert [closed[name] for name in fields] == [asked[name] for name in fields]


@pytest.mark.parametrize(
    ("arguments", "name", "columns"),
    [
        (BTC, "btcusdt@ticker", {"priceChangePercent", "bidPrice", "askQty"}),
        ({**BTC, "mini": True}, "btcusdt@miniTicker", {"lastPrice", "volume"}),
        ({**BTC, "window": "4h"}, "btcusdt@ticker_4h", {"weightedAvgPrice"}),
        ({}, "!miniTicker@arr", {"symbol", "lastPrice"}),
        ({"window": "1h"}, "!ticker_1h@arr", {"symbol", "priceChange"}),
    ],
)
async def test_tickers_come_each_second(agent: Client, arguments: dict[str, Any], name: str, columns: set[str]) -> None:
    assert await subscribe(agent, "subscribe_to_ticker_stream", **arguments) == name
    (event, *_) = await read_until(agent, name)
    assert columns <= event.keys()
    low, high = D(event["lowPrice"]), D(event["highPrice"])
    assert low <= D(event["lastPrice"]) <= high


async def test_best_quotes_come_with_their_update(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_book_ticker_stream", **BTC)
    (event, *_) = await read_until(agent, name)
    assert D(event["bidPrice"]) < D(event["askPrice"])


@pytest.mark.parametrize("speed", ["100ms", "1000ms"])
async def test_the_best_levels_come_as_a_book(agent: Client, speed: str) -> None:
    name = await subscribe(agent, "subscribe_to_depth_stream", **BTC, levels=10, speed=speed)
    assert name == ("btcusdt@depth10@100ms" if speed == "100ms" else "btcusdt@depth10")
    (event, *_) = await read_until(agent, name)
    bids, asks = ([D(price) for price, _ in event[side]] for side in ("bids", "asks"))
    assert len(bids) == len(asks) == 10
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


async def test_the_average_price_comes(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_average_price_stream", **BTC)
    (event, *_) = await read_until(agent, name)
    assert (event["interval"], D(event["price"]) > 0) == ("5m", True)


async def test_the_reference_price_comes(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_reference_price_stream", symbol="ETHUSDT")
    (event, *_) = await read_until(agent, name)
    assert event["time"] > 0


async def test_a_symbol_that_does_not_exist_is_refused_with_those_that_come_near(agent: Client) -> None:
    answer = await ask(agent, "subscribe_to_trade_stream", symbol="BTCUSD")
    assert (answer["code"], answer["sent"]) == ("UNKNOWN_SYMBOL", "no")
    assert "BTCUSDT" in answer["message"]


async def test_a_local_book_is_the_exchanges(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_depth_stream", symbol="SOLBTC")
    book = await ask(agent, "get_local_book", symbol="SOLBTC", limit=100, quantity="1")
    assert book["state"] == "LIVE", book
    for _ in range(50):
        asked = await ask(agent, "get_order_book", symbol="SOLBTC", limit=100)
        book = await ask(agent, "get_local_book", symbol="SOLBTC", limit=100, quantity="1", bandBps="50")
        if book["last_update_id"] == asked["lastUpdateId"]:
            break
        await asyncio.sleep(0.1)
    assert book["last_update_id"] == asked["lastUpdateId"]
    assert (book["bids"], book["asks"]) == (asked["bids"], asked["asks"])
    assert D(book["spread"]["absolute"]) == D(asked["asks"][0][0]) - D(asked["bids"][0][0])
    assert D(book["buy"]["worst"]) >= D(asked["asks"][0][0])
    assert D(book["band"]["bids"]["quantity"]) > 0
    read = await ask(agent, "read_stream", subscription=name)
    assert read["book"]["state"] == "LIVE"


async def test_the_account_is_heard_and_every_fill_once(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_user_stream")
    placed = await ask(agent, "place_order", **BTC, side="BUY", type="MARKET", quantity="0.01")
    heard = await read_until(agent, name, 3)
    reports = [event for event in heard if event["event"] == "executionReport"]
    assert [report["executionType"] for report in reports][:2] == ["NEW", "TRADE"]
    fills = [report for report in reports if report["executionType"] == "TRADE"]
    assert [fill["tradeId"] for fill in fills] == [fill["tradeId"] for fill in rows(placed["fills"])]
    assert sum(D(fill["lastQty"]) for fill in fills) == D("0.01")
    assert fills[-1]["status"] == "FILLED"
    assert {fill["clientOrderId"] for fill in fills} == {placed["clientOrderId"]}
    positions = [event for event in heard if event["event"] == "outboundAccountPosition"]
    balances = {row["asset"]: row["free"] for row in rows(positions[-1]["balances"])}
    account = rows((await ask(agent, "get_account"))["balances"])
    assert balances["BTC"] == next(row["free"] for row in account if row["asset"] == "BTC")


async def test_subscriptions_are_listed_and_ended(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_trade_stream", **BTC)
    listed = await ask(agent, "list_streams")
    assert [row["subscription"] for row in rows(listed["subscriptions"])] == [name]
    assert [(row["connected"], row["wanted"], row["carried"]) for row in rows(listed["connections"])] == [(True, 1, 1)]
    assert (await ask(agent, "unsubscribe", subscription="BTCUSDT@trade"))["ended"] is True
    again = await ask(agent, "unsubscribe", subscription=name)
    assert (again["ok"], again["ended"]) == (True, False)
    assert "nothing was changed" in again["note"]
    assert (await ask(agent, "read_stream", subscription=name))["code"] == "NOT_FOUND"
    assert (await ask(agent, "list_streams"))["connections"] == []


async def test_a_number_from_the_future_is_refused(agent: Client) -> None:
    name = await subscribe(agent, "subscribe_to_trade_stream", **BTC)
    answer = await ask(agent, "read_stream", subscription=name, after=10_000)
    assert (answer["code"], answer["details"]["param"]) == ("INVALID_ARGUMENT", "after")


async def test_a_look_at_streams_takes_names_of_old_and_says_so(agent: Client) -> None:
    names = ["!ticker@arr", "ETHUSDT@windowTicker_1h", "btcusdt@bookTicker"]
    looked = (await ask(agent, "get_stream_snapshot", streams=names, seconds=3))["streams"]
    assert looked.keys() == {"!miniTicker@arr", "ethusdt@ticker_1h", "btcusdt@bookTicker"}
    assert "retired" in looked["!miniTicker@arr"]["note"]
    assert "never existed" in looked["ethusdt@ticker_1h"]["note"]
    assert all(look["events"]["rows"] for look in looked.values())
    assert (await ask(agent, "list_streams"))["connections"] == []


async def test_a_wait_ends_at_once_where_it_is_so_already(agent_of_any_era: Client) -> None:
    answer = await ask(agent_of_any_era, "wait_for", conditions=["BTCUSDT price >= 1", "BTCUSDT price < 1"])
    assert answer["status"] == "met"
    assert [row["condition"] for row in rows(answer["met"])] == ["BTCUSDT price >= 1"]


async def test_a_wait_ends_when_an_order_is_done_and_says_when(agent: Client) -> None:
    price = D((await ask(agent, "get_price", **BTC))["price"])
    resting = await ask(
        agent, "place_order", **BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001",
        price=str(int(price) // 2),
    )  # fmt: skip
    condition = f"BTCUSDT order {resting['orderId']} DONE"

    async def cancel_later() -> None:
        await anyio.sleep(0.5)
        await ask(agent, "cancel_order", **BTC, orderId=resting["orderId"])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel_later)
        answer = await ask(agent, "wait_for", conditions=[condition, "balance USDT >= 999999999"], timeoutSeconds=20)
    (met,) = rows(answer["met"])
    assert (met["condition"], met["status"]) == (condition, "CANCELED")
    assert 0 <= answer["at"] - met["event_time"] < 2_000


async def test_a_wait_that_comes_to_nothing_is_no_error(agent: Client) -> None:
    answer = await ask(agent, "wait_for", conditions=["BTCUSDT price >= 99999999"], timeoutSeconds=1)
    assert (answer["status"], answer["waited_ms"] >= 1_000) == ("timed_out", True)
    (standing,) = rows(answer["conditions"])
    assert standing["holds"] is False
    assert D(standing["price"]) > 0


async def test_progress_is_told_while_a_call_waits(agent_of_any_era: Client) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    await agent_of_any_era.call_tool(
        "wait_for",
        {"conditions": ["BTCUSDT price >= 99999999"], "timeoutSeconds": 2},
        progress_callback=hear,
    )
    assert len(told) >= 2
    assert told[0][2] == "0 of 1 conditions hold"
    assert [progress for progress, _, _ in told] == sorted(progress for progress, _, _ in told)


async def test_a_cancelled_wait_ends_at_once_and_lets_go(agent: Client) -> None:
    with anyio.move_on_after(0.5):
        await agent.call_tool("wait_for", {"conditions": ["BTCUSDT price >= 99999999"], "timeoutSeconds": 600})
    for _ in range(100):
        if not (listed := await ask(agent, "list_streams"))["connections"]:
            break
        await anyio.sleep(0.02)
    assert listed["connections"] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "conditions"),
        ({"conditions": ["BTC to the moon"]}, "none of these forms"),
        ({"conditions": ["BTCUSDT price >= 0,5"]}, "none of these forms"),
        ({"conditions": ["BTCUSDT kline 60m closes"]}, "1h"),
        ({"conditions": ["BTCUSDT order 1 SOLD"]}, "FILLED"),
        ({"cursor": "w99"}, "no wait"),
        ({"conditions": ["BTCUSDT order 99999999 FILLED"]}, "No such order"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(agent: Client, arguments: dict[str, Any], told: str) -> None:
    answer = await ask(agent, "wait_for", **arguments)
    assert answer["ok"] is False
    assert told in answer["message"], answer
