"""An agent buys and sells on the paper exchange, and asks what it holds and what came of it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from mcp import Client
from mcp.types import TextContent

pytestmark = pytest.mark.anyio


async def ask(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and read the answer."""
    (block,) = (await agent.call_tool(tool, arguments)).content
    assert isinstance(block, TextContent)
    body: dict[str, Any] = msgspec.json.decode(block.text)
    return body


def holding(portfolio: dict[str, Any], asset: str) -> dict[str, Any]:
    """One row of a portfolio."""
    columns, rows = portfolio["holdings"]["columns"], portfolio["holdings"]["rows"]
    return next(row for row in (dict(zip(columns, row, strict=True)) for row in rows) if row["asset"] == asset)


async def test_a_portfolio_tells_value_cost_profit_and_fees_of_what_was_traded(agent_of_any_era: Client) -> None:
    agent = agent_of_any_era
    before = await ask(agent, "get_portfolio")
    assert before["traded"] == {"fills": 0, "realised": "0", "realised_today": "0", "unrealised": "0"}
    bought = await ask(agent, "place_order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    sold = await ask(agent, "place_order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.004")
    after = await ask(agent, "get_portfolio")
    paid, got = Decimal(bought["cummulativeQuoteQty"]), Decimal(sold["cummulativeQuoteQty"])
    btc = holding(after, "BTC")
    assert Decimal(btc["averageCost"]) == pytest.approx(paid / Decimal("0.01"))
    assert btc["unknownCost"] == holding(before, "BTC")["free"]
    fees = got / 1000 + paid / 1000
    realised = got - paid * Decimal("0.4") - fees
    # Where an order trades at several prices, each part's fee leaves at the average of the parts until then.
    assert Decimal(after["traded"]["realised_today"]) == pytest.approx(realised, abs=Decimal("1E-5"))
    assert after["traded"]["fees"].keys() == {"BTC", "USDT"}
    assert after["stale"] is False
    assert sum(
        Decimal(row[after["holdings"]["columns"].index("value")]) for row in after["holdings"]["rows"]
    ) == Decimal(after["total"])


async def test_a_currency_that_nothing_leads_to_is_refused_with_one_that_works(agent: Client) -> None:
    refused = await ask(agent, "get_portfolio", currency="usd")
    assert (refused["code"], refused["fix"]) == ("INVALID_ARGUMENT", {"currency": "USDT"})
    assert (await ask(agent, "get_portfolio", currency="btc"))["currency"] == "BTC"
    assert (await ask(agent, "get_portfolio", currency="B T C"))["code"] == "INVALID_ARGUMENT"
