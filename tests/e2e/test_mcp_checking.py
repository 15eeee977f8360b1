"""An agent looks before it leaps: what `check_order` foretells is what happens, and its name holds the order it saw."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from mcp import Client
from mcp.types import TextContent

from binance_spot_mcp.allowance import Money
from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.trading.journal.file import fingerprint, journal_path, read_journal
from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.5"}
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "150000",
}


async def ask(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and read the answer."""
    (block,) = (await agent.call_tool(tool, arguments)).content
    assert isinstance(block, TextContent)
    body: dict[str, Any] = msgspec.json.decode(block.text)
    return body


async def test_the_fill_and_the_fee_that_are_foretold_are_those_that_come(agent_of_any_era: Client) -> None:
    foretold = await ask(agent_of_any_era, "check_order", **MARKET)
    placed = await ask(agent_of_any_era, "place_order", **MARKET, intent_id=foretold["intent_id"])
    columns, rows = placed["fills"]["columns"], placed["fills"]["rows"]
    fees = sum(Decimal(row[columns.index("commission")]) for row in rows)
    assert placed["status"] == "FILLED"
    assert Decimal(foretold["fee"]["expected"]) == fees
    assert {row[columns.index("commissionAsset")] for row in rows} == {foretold["fee"]["asset"]}
    average = Decimal(placed["cummulativeQuoteQty"]) / Decimal("0.5")
    assert Decimal(foretold["fill"]["average"]) == pytest.approx(average, rel=Decimal("0.001"))  # the market moves
    assert foretold["fill"]["levels"] >= 1


async def test_an_order_that_will_rest_pays_as_maker_and_trades_nothing_at_once(agent: Client) -> None:
    foretold = await ask(agent, "check_order", **LIMIT)
    assert foretold["fill"]["quantity"] == "0"
    assert (foretold["fill"]["left"], foretold["fill"]["left_then"]) == ("0.01", "rests")
    assert foretold["fee"] == {"asset": "USDT", "taker": "0.001", "maker": "0.001", "expected": "1.5", "at_most": "1.5"}


async def test_an_order_that_waits_for_a_price_has_no_fill_to_tell(agent: Client) -> None:
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "50000"}
    foretold = await ask(agent, "check_order", **stop)
    assert "triggered" in foretold["fill"]
    assert "expected" not in foretold["fee"]


async def test_it_says_whether_the_exchanges_own_test_comes_first(agent: Client) -> None:
    before = await ask(agent, "check_order", **LIMIT)
    await ask(agent, "place_order", **LIMIT)
    after = await ask(agent, "check_order", **LIMIT)
    assert before["placing"] == {"order_test": True, "approval": False, "weight": 2, "orders": 1}
    assert after["placing"] == {"order_test": False, "approval": False, "weight": 1, "orders": 1}


async def test_another_order_under_its_name_is_refused_and_nothing_is_sent(agent: Client, paper: Running) -> None:
    name = (await ask(agent, "check_order", **LIMIT))["intent_id"]
    refused = await ask(agent, "place_order", **LIMIT | {"quantity": "0.02", "price": "151000"}, intent_id=name)
    assert (refused["code"], refused["sent"]) == ("INTENT_CONFLICT", "no")
    assert refused["details"]["differs"] == ["quantity/quoteOrderQty", "price/stopPrice/trailingDelta"]
    assert not list(paper.exchange.engine.open_orders(paper.login.number))
    placed = await ask(agent, "place_order", **LIMIT, intent_id=name)
    assert (placed["status"], placed["intent_id"]) == ("NEW", name)


async def test_each_look_gives_a_name_of_its_own(agent: Client) -> None:
    names = {(await ask(agent, "check_order", **LIMIT))["intent_id"] for _ in range(2)}
    assert len(names) == 2
    orders = [await ask(agent, "place_order", **LIMIT, intent_id=name) for name in names]
    assert len({order["orderId"] for order in orders}) == 2


async def test_an_order_that_breaks_a_rule_gets_no_name(agent: Client) -> None:
    foretold = await ask(agent, "check_order", **LIMIT | {"price": "150000.001"})
    assert foretold["passed"] is False
    assert "intent_id" not in foretold


async def test_looking_opens_no_journal_so_that_another_server_can_trade(
    agent: Client, paper_settings: Settings
) -> None:
    for tool, arguments in (("check_order", LIMIT), ("get_portfolio", {})):
        assert (await ask(agent, tool, **arguments))["ok"] is True
    assert not list((paper_settings.home / "state").glob("paper-*.sqlite"))


async def test_where_another_server_trades_it_says_that_this_one_cannot_place_the_order(
    agent: Client, paper_settings: Settings
) -> None:
    await ask(agent, "place_order", **LIMIT)
    async with Client(build(paper_settings, opener(paper_settings))) as other:
        foretold = await ask(other, "check_order", **LIMIT)
    assert "this server only reads" in foretold["closed"]
    assert "order_test" not in foretold["placing"]


async def test_it_says_how_the_caps_would_stand_and_what_they_would_refuse(paper_settings: Settings) -> None:
    capped = paper_settings.model_copy(update={"max_order_notional": Money(Decimal(2000), "USDT")})
    async with Client(build(capped, opener(capped))) as agent:
        within = await ask(agent, "check_order", **LIMIT)
        beyond = await ask(agent, "check_order", **LIMIT | {"quantity": "0.02"})
    assert within["caps"]["rows"] == [["max_order_notional", "2000", "0", "1500", "2000", "USDT"]]
    assert "closed" not in within
    assert "3000" in beyond["closed"]


async def test_it_says_that_trading_is_stopped(agent: Client) -> None:
    await ask(agent, "stop_trading")
    assert "resume" in (await ask(agent, "check_order", **LIMIT))["closed"]


async def test_the_record_of_an_order_names_the_rules_that_it_was_checked_by(paper_settings: Settings) -> None:
    async with Client(build(paper_settings, opener(paper_settings))) as agent:
        await ask(agent, "place_order", **LIMIT)
        await ask(agent, "place_order", **LIMIT | {"quantity": "0.02"})
    assert paper_settings.api_key is not None
    key = fingerprint(paper_settings.api_key.get_secret_value())
    records = read_journal(journal_path(paper_settings.home / "state", "paper", key)).records
    named = {record.entry.payload["audit"]["rules"] for record in records if record.entry.state == "INTENDED"}
    assert [f"rules-BTCUSDT-{digest}.json" for digest in named] == [
        file.name for file in (paper_settings.home / "snapshots").iterdir()
    ]
