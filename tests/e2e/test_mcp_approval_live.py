"""The live door over MCP: production's rules and defaults, with a paper exchange in production's place."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr
from tests.e2e.approving import Body, Era, Person, accepts, agent_of, ask, declines, sent_to
from tests.e2e.faulty_line import FaultyLine, with_body

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.client import Spot
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from paper_exchange.running import Running

pytestmark = pytest.mark.anyio

ACCOUNT = "GET /api/v3/account"


@pytest.fixture
async def line(paper: Running) -> AsyncIterator[FaultyLine]:
    """The line to the exchange."""
    async with FaultyLine(paper.rest).open() as opened:
        yield opened


@pytest.fixture
def to_paper(line: FaultyLine, paper: Running, tmp_path: Path) -> Settings:
    """What leads to the paper exchange."""
    return Settings(
        env="paper",
        transport="rest",
        base_url=line.origin,
        api_key=SecretStr(paper.login.api_key),
        api_secret=SecretStr(paper.login.api_secret),
        home=tmp_path,
    )


@asynccontextmanager
async def live_agent(
    to_paper: Settings, person: Person | None, era: Era = "legacy", **operator: Any
) -> AsyncIterator[Client]:
    """An agent at a server in live, whose exchange is the paper one."""
    chosen = {"env": "live", "base_url": None, "live_trading": True, "symbols": ("BTCUSDT",), **operator}
    live = to_paper.model_copy(update=chosen)
    async with (
        aclosing(Spot(to_paper)) as spot,
        agent_of(build(live, opener(live, spot=spot)), era, person) as agent,
    ):
        yield agent


async def small_order(agent: Client) -> Body:
    """An order within the limits that live has by default: near the market, and worth less than 100 USDT."""
    bid = (await ask(agent, "get_book_ticker", {"symbol": "BTCUSDT"}))["bidPrice"]
    return {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.0005",
        "price": bid.partition(".")[0],
    }


@pytest.mark.parametrize("era", ["legacy", "auto"])
async def test_an_order_in_live_is_sent_once_after_a_yes_to_all_that_matters(
    to_paper: Settings, paper: Running, era: Era
) -> None:
    person = Person(accepts)
    async with live_agent(to_paper, person, era) as agent:
        order = await small_order(agent)
        placed = await ask(agent, "place_order", order)
        again = await ask(agent, "place_order", order | {"intent_id": placed["intent_id"]})
        state = await ask(agent, "get_trading_state", {})
    assert (placed["ok"], placed["env"], again["orderId"]) == (True, "live", placed["orderId"]), placed
    (text,) = person.asked
    assert text.startswith("[LIVE] Place this order?\nEnvironment: live, real money\nAccount: uid …")
    assert f"BUY LIMIT BTCUSDT\nQuantity: 0.0005 BTC\nPrice: {order['price']} USDT\nTime in force: GTC\n" in text
    assert "% of 500 USDT" in text
    assert placed["client_order_id"] in text
    assert (state["gate"], state["spot_says"]["can_trade"], state["waiting_for_a_yes"]) == ("open", True, [])
    assert "restrict it by IP and never allow withdrawals" in state["spot_says"]["not_visible"]
    assert sent_to(paper) == 1


async def test_no_setting_takes_the_question_away(to_paper: Settings, paper: Running) -> None:
    person = Person(declines)
    async with live_agent(to_paper, person, approval="live") as agent:
        refused = await ask(agent, "place_order", await small_order(agent))
    assert (refused["code"], refused["sent"], len(person.asked)) == ("CONFIRMATION_INVALID", "no", 1)
    assert sent_to(paper) == 0


async def test_no_argument_stands_in_for_a_yes(to_paper: Settings, paper: Running) -> None:
    async with live_agent(to_paper, None) as agent:
        order = await small_order(agent)
        for name in ("confirm", "force", "place", "approval", "code", "yes"):
            refused = await ask(agent, "place_order", {**order, name: True})
            assert refused["code"] == "UNKNOWN_ARGUMENT", name
    assert sent_to(paper) == 0


async def test_without_the_operators_switch_nothing_is_asked(to_paper: Settings, paper: Running) -> None:
    person = Person(accepts)
    async with live_agent(to_paper, person, live_trading=False) as agent:
        order = await small_order(agent)
        for tool, arguments in {
            "place_order": order,
            "cancel_replace_order": {**order, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 1},
            "amend_order": {"symbol": "BTCUSDT", "orderId": 1, "newQty": "0.1"},
        }.items():
            refused = await ask(agent, tool, arguments)
            assert (refused["code"], refused["sent"]) == ("LIVE_DISABLED", "no")
            assert "BINANCE_LIVE_TRADING=1" in refused["message"]
    assert (person.asked, sent_to(paper)) == ([], 0)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"canTrade": False}, "may not trade"),
        ({"permissions": ["MARGIN"]}, "neither the SPOT permission"),
        ({"permissions": []}, "neither the SPOT permission"),
        ({"accountType": "MARGIN"}, "no Spot account but MARGIN"),
    ],
    ids=["canTrade", "permissions", "no permissions", "account type"],
)
async def test_an_account_that_spot_keeps_from_trading_closes_the_door(
    to_paper: Settings, line: FaultyLine, paper: Running, told: Body, said: str
) -> None:
    person = Person(accepts)
    line.always(ACCOUNT, with_body(lambda body: body | told))
    async with live_agent(to_paper, person) as agent:
        refused = await ask(agent, "place_order", await small_order(agent))
        cancelled = await ask(agent, "cancel_order", {"symbol": "BTCUSDT", "orderId": 1})
    assert (refused["code"], refused["sent"]) == ("LIVE_DISABLED", "no")
    assert said in refused["message"]
    assert cancelled["code"] != "LIVE_DISABLED"
    assert (person.asked, sent_to(paper)) == ([], 0)


async def test_an_account_of_a_trade_group_alone_may_trade(to_paper: Settings, line: FaultyLine) -> None:
    person = Person(declines)
    line.always(ACCOUNT, with_body(lambda body: body | {"permissions": ["TRD_GRP_004"]}))
    async with live_agent(to_paper, person) as agent:
        await ask(agent, "place_order", await small_order(agent))
    assert len(person.asked) == 1


async def test_an_account_without_a_number_is_named_by_its_key(to_paper: Settings, line: FaultyLine) -> None:
    person = Person(declines)
    line.always(ACCOUNT, with_body(lambda body: {name: value for name, value in body.items() if name != "uid"}))
    async with live_agent(to_paper, person) as agent:
        await ask(agent, "place_order", await small_order(agent))
    assert "\nAccount: key …" in person.asked[0]
