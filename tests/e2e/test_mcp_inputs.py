"""What an agent may send wrongly, over stdio to a server of its own: each is refused, or read exactly and echoed.

The exchange stands behind a line that counts, so that "nothing was sent" is what the exchange saw.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import TextContent
from tests.e2e.faulty_line import FaultyLine
from tests.e2e.stdio_host import Host
from tests.e2e.test_mcp_paper import CALLS

from binance_spot_mcp.surface.toolbox import TOOLBOX, options, schema
from paper_exchange.options import Options
from paper_exchange.running import Running, running

pytestmark = pytest.mark.anyio

Arguments = Mapping[str, Any]
Answer = dict[str, Any]

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.001"}
BTC = {"symbol": "BTCUSDT"}
KLINES = {**BTC, "interval": "1d", "limit": 2}
AT_ONCE_S = 5
"""A fraction of a second, where a test has the machine to itself."""
PRICES = count(40_000)
"""No two orders here are equal, as an equal one would be taken for the same."""
LEFT_OUT = ...
"""Takes an argument away."""

COMPARING = "GET /api/v3/openOrders"
"""Without a user data stream the server compares its orders with the exchange's now and then, whatever is called."""
CHANGING = (
    "POST /api/v3/order",
    "DELETE /api/v3/order",
    "PUT /api/v3/order",
    "POST /api/v3/sor",
    "DELETE /api/v3/open",
)


@dataclass(frozen=True)
class Floor:
    """An agent, the line between server and exchange, and the exchange."""

    agent: Client
    line: FaultyLine
    paper: Running

    async def ask(self, tool: str, arguments: Arguments) -> Answer:
        """Call a tool and read its answer, which must say the same in both channels."""
        result = await self.agent.call_tool(tool, dict(arguments))
        (block,) = result.content
        assert isinstance(block, TextContent)
        answer: Answer = json.loads(block.text)
        assert answer["ok"] is not result.is_error
        assert result.structured_content == (None if result.is_error else answer)
        return answer

    async def refused(self, tool: str, arguments: Arguments) -> Answer:
        """A refusal that comes at once, and for which nothing at all was asked of the exchange."""
        before, started = len(self.line.seen), time.monotonic()
        answer = await self.ask(tool, arguments)
        assert time.monotonic() - started < AT_ONCE_S
        assert not answer["ok"], answer
        assert (answer["sent"], answer["retry"], "exchange" in answer) == ("no", "after_fix", False), answer
        assert [passing.route for passing in self.line.seen[before:] if passing.route != COMPARING] == []
        assert len(answer["message"]) < 500
        assert "Traceback" not in answer["message"]
        return answer

    async def stopped(self, tool: str, arguments: Arguments) -> Answer:
        """A refusal for which the exchange was at most asked to look something up."""
        before, orders = len(self.line.seen), self.paper.open_orders()
        answer = await self.ask(tool, arguments)
        assert (answer["ok"], answer["sent"]) == (False, "no"), answer
        routes = [passing.route for passing in self.line.seen[before:]]
        assert [route for route in routes if route.startswith(CHANGING)] == []
        assert self.paper.open_orders() == orders
        return answer


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Ours around a process, with these settings alone."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
    source = str(Path(__file__).parents[2] / "src")
    return around | {"PYTHONPATH": source, "BINANCE_HOME": str(home)} | settings


@pytest.fixture(scope="module")
async def floor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    """One server process for all cases; its log must stay clean."""
    home = tmp_path_factory.mktemp("home")
    log = home / "log"
    async with (
        running(Options(seed=7, market=False, limit_factor=1_000)) as paper,
        FaultyLine(paper.rest).open() as line,
    ):
        secret = paper.login.api_secret
        settings = environment(
            home,
            BINANCE_BASE_URL=line.origin,
            BINANCE_API_KEY=paper.login.api_key,
            BINANCE_API_SECRET=secret,
            BINANCE_LOG_FILE=str(log),
        )
        words = ["-m", "binance_spot_mcp", "serve", "--env", "paper"]
        async with Client(StdioServerParameters(command=sys.executable, args=words, env=settings)) as agent:
            floor = Floor(agent, line, paper)
            assert (await floor.ask("place_order", LIMIT))["ok"]
            yield floor
    written = log.read_text("utf-8")
    assert "Traceback" not in written
    assert secret not in written
    assert paper.login.api_key not in written


def changed(arguments: Arguments, changes: Arguments) -> dict[str, Any]:
    """The arguments with some changed, added or left out."""
    return {name: value for name, value in {**arguments, **changes}.items() if value is not LEFT_OUT}


AMOUNTS: list[tuple[Any, str | None]] = [
    (0.30000000000000004, "0.3"),
    (1 / 3, None),
    ("1e-5", "0.00001"),
    ("1E5", "100000"),
    ("1e400", None),
    ("1e-400", None),
    (1e300, None),
    (10**40, None),
    ("NaN", None),
    ("Infinity", None),
    ("-inf", None),
    ("-1", None),
    (-0.5, None),
    ("0", None),
    (0, None),
    (0.0, None),
    ("-0", None),
    ("0.00000000", None),
    (True, None),
    (False, None),
    (None, None),
    ("null", None),
    ("None", None),
    ("undefined", None),
    ("", None),
    (" ", None),
    (" 1 ", "1"),
    ("1\n", "1"),
    ("\t0.5", "0.5"),
    ("0\u200b.5", None),
    ("+1", "1"),
    (".5", "0.5"),
    ("5.", "5"),
    ("00.5", "0.5"),
    ("0x10", None),
    ("1_000", "1000"),
    ("1,000.5", "1000.5"),
    ("1.000,5", None),
    ("1,000", None),
    ("0,5", "0.5"),
    ("1 000", None),
    ("1'000", None),
    ("１２", "12"),
    ("٠٫٥", None),
    ("٣", "3"),
    ("5²", None),
    ("½", None),
    ("50%", None),
    ("all", None),
    ("MAX", None),
    ("1/2", None),
    ("1.2.3", None),
    ("$5", None),
    ("5 BTC", None),
    ("9" * 21, None),
    ("9" * 60_000, None),
    (f"0.{'1' * 21}", None),
    ('"1"', None),
    ('["1"]', None),
    ([], None),
    (["1"], None),
    ({"value": "1"}, None),
]


@pytest.mark.parametrize(("sent", "fix"), AMOUNTS, ids=lambda value: repr(value)[:30])
async def test_no_amount_is_guessed_or_rounded(floor: Floor, sent: Any, fix: str | None) -> None:
    for name in ("quantity", "price"):
        answer = await floor.refused("place_order", {**LIMIT, name: sent})
        assert (answer["code"], answer["details"]["param"]) == ("INVALID_ARGUMENT", name)
        assert answer.get("fix") == (None if fix is None else {name: fix})
        assert len(answer["details"].get("given", "")) <= 80


EXACTLY: list[tuple[Arguments, Arguments]] = [
    ({"quantity": "0.0010"}, {"quantity": "0.001"}),
    ({"quantity": 0.001}, {"quantity": "0.001"}),
    ({"quantity": 1, "price": 20_000.5}, {"quantity": "1", "price": "20000.5"}),
    ({"quantity": 1e-3}, {"quantity": "0.001"}),
    ({"symbol": "btc/usdt"}, {"symbol": "BTCUSDT"}),
    ({"symbol": "btc-usdt"}, {"symbol": "BTCUSDT"}),
    ({"side": "buy", "type": "limit", "timeInForce": "Gtc"}, {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}),
    ({"timeInForce": LEFT_OUT, "time_in_force": "GTC"}, {"timeInForce": "GTC"}),
    (
        {"type": "STOP_LOSS_LIMIT", "price": "130000", "stop_price": "125000.10"},
        {"stopPrice": "125000.1", "price": "130000"},
    ),
    ({"strategyId": "7", "stopPrice": None} | {"stopPrice": LEFT_OUT}, {"strategyId": "7"}),
    ({"selfTradePreventionMode": "expire_maker"}, {"selfTradePreventionMode": "EXPIRE_MAKER"}),
    ({"timeInForce": "GTC", "pegPriceType": None, "strategyId": None}, {"timeInForce": "GTC"}),
]


@pytest.mark.parametrize(("sent", "meant"), EXACTLY, ids=str)
async def test_what_is_unmistakable_reaches_the_exchange_as_it_was_meant_and_is_echoed(
    floor: Floor, sent: Arguments, meant: Arguments
) -> None:
    answer = await floor.ask("place_order", changed({**LIMIT, "price": str(next(PRICES))}, sent))
    assert answer["ok"], answer
    wire = floor.line.asked("POST /api/v3/order")[-1].sent
    assert {name: wire[name] for name in meant} == meant
    assert {"pegPriceType"} & wire.keys() == set()
    said = {"quantity": answer["origQty"], **answer, **answer.get("read_as", {})}
    assert {name: said[name] for name in meant if name in said} == {n: v for n, v in meant.items() if n in said}


BETWEEN: list[tuple[Arguments, Arguments, str, tuple[str, ...]]] = [
    (MARKET, {}, "MISSING_ARGUMENT", ("quantity", "quoteOrderQty")),
    (MARKET, {"quantity": "1", "quoteOrderQty": "5"}, "INVALID_ARGUMENT", ("quantity", "quoteOrderQty")),
    (MARKET, {"quantity": "1", "price": "5"}, "INVALID_ARGUMENT", ("price",)),
    (MARKET, {"quantity": "1", "timeInForce": "GTC"}, "INVALID_ARGUMENT", ("timeInForce",)),
    (MARKET, {"quantity": "1", "stopPrice": "5"}, "INVALID_ARGUMENT", ("stopPrice",)),
    (LIMIT, {"price": LEFT_OUT}, "MISSING_ARGUMENT", ("price",)),
    (LIMIT, {"timeInForce": LEFT_OUT}, "MISSING_ARGUMENT", ("timeInForce",)),
    (LIMIT, {"timeInForce": None}, "MISSING_ARGUMENT", ("timeInForce",)),
    (LIMIT, {"price": LEFT_OUT, "timeInForce": LEFT_OUT}, "MISSING_ARGUMENT", ("price", "timeInForce")),
    (LIMIT, {"quantity": LEFT_OUT}, "MISSING_ARGUMENT", ("quantity",)),
    (LIMIT, {"quantity": LEFT_OUT, "quoteOrderQty": "5"}, "INVALID_ARGUMENT", ("quantity", "quoteOrderQty")),
    (LIMIT, {"stopPrice": "40000"}, "INVALID_ARGUMENT", ("stopPrice",)),
    (LIMIT, {"icebergQty": "0.001"}, "INVALID_ARGUMENT", ("icebergQty", "quantity")),
    (LIMIT, {"icebergQty": "0.0005", "timeInForce": "IOC"}, "INVALID_ARGUMENT", ("icebergQty", "timeInForce")),
    (LIMIT, {"pegOffsetValue": 1}, "MISSING_ARGUMENT", ("pegOffsetType",)),
    (LIMIT, {"type": "LIMIT_MAKER"}, "INVALID_ARGUMENT", ("timeInForce",)),
    (LIMIT, {"type": "STOP_LOSS_LIMIT"}, "MISSING_ARGUMENT", ("stopPrice", "trailingDelta")),
    (STOP, {}, "MISSING_ARGUMENT", ("stopPrice", "trailingDelta")),
    (STOP, {"stopPrice": "40000", "price": "39000"}, "INVALID_ARGUMENT", ("price",)),
]


@pytest.mark.parametrize(("order", "changes", "code", "named"), BETWEEN, ids=str)
async def test_parameters_that_do_not_go_together_are_named(
    floor: Floor, order: Arguments, changes: Arguments, code: str, named: tuple[str, ...]
) -> None:
    for tool in ("place_order", "test_order", "check_order"):
        answer = await floor.refused(tool, changed(order, changes))
        assert answer["code"] == code
        assert all(name in answer["message"] for name in named), answer["message"]


VALUES: list[tuple[str, Arguments, str, str | None, str]] = [
    ("place_order", {"side": "LONG"}, "side", None, "BUY or SELL"),
    ("place_order", {"side": ""}, "side", None, "BUY or SELL"),
    ("place_order", {"side": "Buy "}, "side", "BUY", "BUY"),
    ("place_order", {"side": ["BUY"]}, "side", None, "BUY or SELL"),
    ("place_order", {"side": 1}, "side", None, "BUY or SELL"),
    ("place_order", {"type": "STOP_LIMIT"}, "type", None, "STOP_LOSS_LIMIT"),
    ("place_order", {"type": "OCO"}, "type", None, "LIMIT_MAKER"),
    ("place_order", {"type": "limit-maker"}, "type", "LIMIT_MAKER", "LIMIT_MAKER"),
    ("place_order", {"timeInForce": "GTX"}, "timeInForce", None, "GTC, IOC, FOK"),
    ("place_order", {"selfTradePreventionMode": "maker"}, "selfTradePreventionMode", None, "EXPIRE_MAKER"),
    ("place_order", {"trailingDelta": 0}, "trailingDelta", None, "from 1"),
    ("place_order", {"trailingDelta": 1.5}, "trailingDelta", None, "whole number"),
    ("place_order", {"trailingDelta": "1%"}, "trailingDelta", None, "whole number"),
    ("place_order", {"strategyType": 999_999}, "strategyType", None, "1000000"),
    ("place_order", {"strategyId": 2**63}, "strategyId", None, "9223372036854775807"),
    ("place_order", {"pegOffsetValue": 101}, "pegOffsetValue", None, "100"),
    ("place_order", {"intent_id": "x" * 65}, "intent_id", None, "1 to 64"),
    ("place_order", {"intent_id": "a b"}, "intent_id", None, "1 to 64"),
    ("place_order", {"intent_id": "😀"}, "intent_id", None, "1 to 64"),
    ("place_order", {"intent_id": "<b>"}, "intent_id", None, "1 to 64"),
    ("place_order", {"intent_id": ""}, "intent_id", None, "1 to 64"),
    ("place_order", {"intent_id": 5}, "intent_id", None, "1 to 64"),
    ("test_order", {"computeCommissionRates": "yes"}, "computeCommissionRates", None, "true or false"),
    ("test_order", {"computeCommissionRates": 1}, "computeCommissionRates", None, "true or false"),
    ("get_order_book", {"limit": 0}, "limit", None, "1 to 5000"),
    ("get_order_book", {"limit": -1}, "limit", None, "1 to 5000"),
    ("get_order_book", {"limit": 5_001}, "limit", None, "1 to 5000"),
    ("get_order_book", {"limit": 1e9}, "limit", None, "whole number"),
    ("get_order_book", {"limit": 5.0}, "limit", "5", "whole number"),
    ("get_order_book", {"limit": "٥"}, "limit", None, "whole number"),
    ("get_order_book", {"limit": "+5"}, "limit", None, "whole number"),
    ("get_order_book", {"limit": True}, "limit", None, "whole number"),
    ("get_order_book", {"limit": [5]}, "limit", None, "whole number"),
    ("get_my_trades", {"limit": 1_001}, "limit", None, "1 to 1000"),
    ("get_historical_prices", {"interval": "1 hour"}, "interval", None, "1m minute, 1M month"),
    ("get_historical_prices", {"interval": "60m"}, "interval", None, "1h"),
    ("get_historical_prices", {"interval": "1H"}, "interval", "1h", "1h"),
    ("get_historical_prices", {"interval": "1D"}, "interval", "1d", "1d"),
    ("get_historical_prices", {"interval": "3M"}, "interval", None, "3m"),
    ("get_historical_prices", {"interval": 60}, "interval", None, "1m"),
    ("get_historical_prices", {**KLINES, "startTime": 1_700_000_000}, "startTime", "1700000000000", "seconds"),
    ("get_historical_prices", {**KLINES, "startTime": 1_700_000_000_000_000}, "startTime", "1700000000000", "micro"),
    ("get_historical_prices", {**KLINES, "startTime": "yesterday"}, "startTime", None, "2024-01-31"),
    ("get_historical_prices", {**KLINES, "startTime": "-24h"}, "startTime", None, "2024-01-31"),
    ("get_historical_prices", {**KLINES, "startTime": "2024-13-01"}, "startTime", None, "2024-01-31"),
    ("get_historical_prices", {**KLINES, "startTime": "20240101"}, "startTime", None, "epoch milliseconds"),
    ("get_historical_prices", {**KLINES, "endTime": 0}, "endTime", "1483228800000", "2017"),
    ("get_historical_prices", {**KLINES, "timeZone": "UTC+8"}, "timeZone", None, "-12:00 and +14:00"),
    ("get_historical_prices", {**KLINES, "timeZone": "15"}, "timeZone", None, "-12:00 and +14:00"),
    ("get_rolling_window_ticker", {"windowSize": "8d"}, "windowSize", None, "1d to 7d"),
    ("get_rolling_window_ticker", {"windowSize": "90m"}, "windowSize", None, "1m to 59m"),
    ("get_price", {"symbols": []}, "symbols", None, '["BTCUSDT","ETHUSDT"]'),
    ("get_price", {"symbols": ""}, "symbols", None, "BTCUSDT"),
    ("get_price", {"symbols": ["BTCUSDT", "btc/usdt"]}, "symbols", '["BTCUSDT"]', "more than once"),
    ("get_price", {"symbols": ["BTCUSDT", None]}, "symbols", None, "BTCUSDT"),
    ("get_price", {"symbols": '["BTCUSDT"'}, "symbols", None, "list"),
    ("get_price", {"symbols": {"a": 1}}, "symbols", None, "list"),
    ("get_price", {"cursor": "row:-1"}, "cursor", None, "next_cursor"),
    ("get_historical_prices", {**KLINES, "cursor": "row:1"}, "cursor", None, "next_cursor"),
    ("get_price", {"detail": "verbose"}, "detail", None, "concise or full"),
    ("cancel_order", {"orderId": "12abc"}, "orderId", None, "whole number"),
    ("cancel_order", {"orderId": -5}, "orderId", None, "from 1"),
    ("cancel_order", {"orderId": 2**63}, "orderId", None, "from 1"),
    ("cancel_order", {"orderId": 1.5}, "orderId", None, "whole number"),
    ("cancel_order", {"orderId": "1e3"}, "orderId", None, "whole number"),
    ("cancel_order", {"origClientOrderId": "a b"}, "origClientOrderId", None, "36"),
    ("cancel_order", {"origClientOrderId": "x" * 37}, "origClientOrderId", None, "36"),
    ("cancel_order", {"origClientOrderId": "<b>"}, "origClientOrderId", None, "36"),
    ("cancel_order", {"orderId": 1, "cancelRestrictions": "NEW"}, "cancelRestrictions", None, "ONLY_NEW"),
    ("amend_order", {"orderId": 1, "newQty": "0"}, "newQty", None, "above zero"),
    ("amend_order", {"orderId": 1, "newQty": None}, "newQty", None, "null"),
]


@pytest.mark.parametrize("case", VALUES, ids=str)
async def test_a_value_that_is_none_is_refused_with_those_that_are(
    floor: Floor, case: tuple[str, Arguments, str, str | None, str]
) -> None:
    tool, sent, param, fix, said = case
    base = LIMIT if tool in {"place_order", "test_order"} else {} if "symbols" in sent or tool == "get_price" else BTC
    answer = await floor.refused(tool, {**base, **sent})
    assert (answer["code"], answer["details"]["param"]) == ("INVALID_ARGUMENT", param)
    assert answer.get("fix") == (None if fix is None else {param: fix})
    assert said in answer["message"]


UNKNOWN: list[tuple[str, Any, str, str | None]] = [
    ("timestamp", 1, "leave it out", None),
    ("signature", "x", "leave it out", None),
    ("recvWindow", 60_001, "leave it out", None),
    ("recvWindow", "5s", "leave it out", None),
    ("apiKey", "x", "settings alone", None),
    ("api_secret", "x", "settings alone", None),
    ("confirm", True, "confirm or force", None),
    ("force", True, "confirm or force", None),
    ("dryRun", True, "no argument", None),
    ("env", "live", "no argument", None),
    ("newClientOrderId", "mine", "give intent_id", None),
    ("new_client_order_id", "mine", "server chooses", None),
    ("listClientOrderId", "mine", "server chooses", None),
    ("newOrderRespType", "ACK", "full answer", None),
    ("stopprise", "1", "did you mean stopPrice?", "stopPrice"),
    ("StopPrice", "1", "did you mean stopPrice?", "stopPrice"),
    ("stop-price", "1", "did you mean stopPrice?", "stopPrice"),
    ("trigger", "1", "did you mean stopPrice?", "stopPrice"),
    ("icebergqty", "1", "did you mean icebergQty?", "icebergQty"),
    ("qty", "5", "did you mean quantity?", None),
    ("Symbol", "ETHUSDT", "did you mean symbol?", None),
    (" price", "5", "did you mean price?", None),
    ("", "5", "no argument", None),
    ("x" * 5_000, "5", "no argument", None),
    ("a\u202eb\u200b\n<script>", "5", '"ab <script>"', None),
    ("__class__", {"a": 1}, "no argument", None),
]


@pytest.mark.parametrize(("name", "value", "said", "fixed"), UNKNOWN, ids=lambda value: repr(value)[:30])
async def test_an_argument_that_nobody_knows_has_no_effect_but_a_refusal(
    floor: Floor, name: str, value: Any, said: str, fixed: str | None
) -> None:
    answer = await floor.refused("place_order", {**LIMIT, name: value})
    assert answer["code"] == "UNKNOWN_ARGUMENT"
    assert said in answer["message"]
    assert answer.get("fix") == (None if fixed is None else {fixed: value})
    assert set(LIMIT) < {*answer["details"]["allowed"]}


@pytest.mark.parametrize("values", [("40000", "40000"), ("40000", "39000"), ("40000", None)])
async def test_a_parameter_under_both_its_names_is_refused(floor: Floor, values: tuple[Any, Any]) -> None:
    answer = await floor.refused("place_order", STOP | dict(zip(("stopPrice", "stop_price"), values, strict=True)))
    assert (answer["code"], answer["details"]["param"]) == ("INVALID_ARGUMENT", "stopPrice")
    assert "sent twice" in answer["message"]


SYMBOLS: list[tuple[Any, str | None]] = [
    ("", None),
    (" BTCUSDT", "BTCUSDT"),
    ("BTCUSDT\n", "BTCUSDT"),
    ("BTC USDT", None),
    ("BTC:USDT", None),
    ("BTC/USDT:USDT", None),
    ("BTC/USDT/ETH", None),
    ("BTC//USDT", None),
    ("/BTCUSDT", None),
    ("BTCUSDT&side=SELL", None),
    ("BTCUSDT'; DROP TABLE orders;--", None),
    ("BTCUSDT?x=1", None),
    ("BTCUSDT#", None),
    ("BTCUSDT%00", None),
    ("BTCUSDT\u0000", None),
    ("BTC\u200bUSDT", None),
    ("../../x", None),
    ("BTCUSDT,ETHUSDT", None),
    ('["BTCUSDT"]', None),
    (["BTCUSDT"], None),
    ({"symbol": "BTCUSDT"}, None),
    (5, None),
    (True, None),
    (None, None),
    ("B" * 51, None),
    ("B" * 60_000, None),
]


@pytest.mark.parametrize(("symbol", "fix"), SYMBOLS, ids=lambda value: repr(value)[:30])
async def test_what_can_be_no_symbol_goes_nowhere(floor: Floor, symbol: Any, fix: str | None) -> None:
    for tool in ("place_order", "get_order_book", "cancel_all_orders"):
        answer = await floor.refused(tool, {**CALLS[tool], "symbol": symbol})
        assert answer["code"] == "INVALID_ARGUMENT"
        assert answer.get("fix") == (None if fix is None else {"symbol": fix})


@pytest.mark.parametrize(
    ("symbol", "near"),
    [
        ("BTCUSD", "BTCUSDT"),
        ("USDTBTC", "BTCUSDT"),
        ("BTC_USDT", "BTCUSDT"),
        ("BTCUSDT_PERP", "BTCUSDT"),
        ("BTCUSDTUSDT", "BTCUSDT"),
        ("ＢＴＣＵＳＤＴ", None),
        ("bitcoin", None),
        ("ß", None),
        ("null", None),
    ],
)
async def test_a_symbol_that_is_not_listed_is_never_replaced(floor: Floor, symbol: str, near: str | None) -> None:
    for tool in ("place_order", "check_order"):
        answer = await floor.stopped(tool, {**LIMIT, "symbol": symbol})
        assert answer["code"] == "UNKNOWN_SYMBOL"
        assert answer["details"]["near"][:1] == ([near] if near else [])
        assert "fix" not in answer


FILTERS: list[tuple[Arguments, Arguments, str, Arguments]] = [
    (LIMIT, {"quantity": "0.0123456"}, "LOT_SIZE", {"quantity": "0.01234"}),
    (LIMIT, {"quantity": 1e-5}, "NOTIONAL", {"quantity": "0.0001"}),
    (LIMIT, {"price": "50000.001"}, "PRICE_FILTER", {"price": "50000"}),
    (LIMIT, {"quantity": "0.00009"}, "NOTIONAL", {"quantity": "0.0001"}),
    (LIMIT, {"quantity": "9000.1"}, "LOT_SIZE", {"quantity": "180"}),
    (MARKET, {"quoteOrderQty": "4.99"}, "NOTIONAL", {"quoteOrderQty": "5"}),
    (MARKET, {"quoteOrderQty": "10.123456789"}, "PRECISION", {"quoteOrderQty": "10.12345678"}),
    (
        LIMIT,
        {"quantity": "0.00100000000001", "price": "50000.009"},
        "PRICE_FILTER",
        {"price": "50000", "quantity": "0.001"},
    ),
]


@pytest.mark.parametrize(("order", "changes", "rule", "fix"), FILTERS, ids=str)
async def test_a_rule_of_the_symbol_refuses_with_a_correction_that_passes(
    floor: Floor, order: Arguments, changes: Arguments, rule: str, fix: Arguments
) -> None:
    wrong = {**order, **changes}
    answer = await floor.stopped("place_order", wrong)
    assert (answer["code"], answer["details"]["filter"]) == ("FILTER_VIOLATION", rule)
    assert answer["fix"] == fix
    assert {"lower", "upper"} & answer["details"].keys()
    right = {**wrong, **fix}
    assert "test_order" not in answer
    assert (await floor.ask("test_order", right))["ok"]


async def test_a_stop_that_has_triggered_already_is_refused_with_the_last_price(floor: Floor) -> None:
    answer = await floor.stopped("place_order", {**STOP, "stopPrice": "500000"})
    assert (answer["code"], answer["details"]["filter"]) == ("FILTER_VIOLATION", "TRIGGER_PRICE")
    assert answer["details"]["last"] in answer["message"]


@pytest.mark.parametrize(("base", "changes", "rule", "fix"), FILTERS, ids=str)
async def test_a_check_finds_what_the_gate_refuses(
    floor: Floor, base: Arguments, changes: Arguments, rule: str, fix: Arguments
) -> None:
    order = {**base, **changes}
    refusal = await floor.stopped("place_order", order)
    found = await floor.ask("check_order", order)
    broken = [row[found["violations"]["columns"].index("filter")] for row in found["violations"]["rows"]]
    assert (found["passed"], broken[0], found["next"]) == (False, rule, "check_order")
    assert refusal["fix"] == fix
    if "BALANCE" not in broken:
        assert found["fix"] == fix


@pytest.mark.parametrize(
    ("changes", "rule", "refusal"),
    [
        ({"quantity": "9"}, "BALANCE", "Account has insufficient balance for requested action."),
        ({"side": "SELL", "quantity": "9"}, "BALANCE", "Account has insufficient balance for requested action."),
    ],
)
async def test_a_check_sees_what_the_account_cannot_pay(
    floor: Floor, changes: Arguments, rule: str, refusal: str
) -> None:
    found = await floor.ask("check_order", {**LIMIT, **changes})
    violation = dict(zip(found["violations"]["columns"], found["violations"]["rows"][0], strict=True))
    assert (found["passed"], violation["filter"]) == (False, rule)
    answer = await floor.ask("place_order", {**LIMIT, **changes})
    assert (answer["ok"], answer["exchange"]["msg"]) == (False, refusal)
    assert (await floor.ask("check_order", {**LIMIT, **changes, **found["fix"]}))["passed"]


READS: list[tuple[str, Arguments, Arguments]] = [
    ("get_price", {"symbol": "btcusdt"}, {"symbol": "BTCUSDT"}),
    ("get_price", {"symbols": "btcusdt, ETH/USDT"}, {"symbols": '["BTCUSDT","ETHUSDT"]'}),
    ("get_price", {"symbols": '["BTCUSDT"]'}, {}),
    ("get_order_book", {**BTC, "limit": "5"}, {}),
    ("get_order_book", {**BTC, "limit": None}, {}),
    ("get_historical_prices", {**KLINES, "startTime": "2024-01-01"}, {"startTime": "1704067200000"}),
    ("get_historical_prices", {**KLINES, "startTime": "2024-01-01T02:00+02:00"}, {"startTime": "1704067200000"}),
    ("get_historical_prices", {**KLINES, "start_time": "1704067200000"}, {}),
    ("get_24hr_ticker", {**BTC, "type": "mini"}, {"type": "MINI"}),
    ("get_account", {"omitZeroBalances": "TRUE"}, {"omitZeroBalances": "true"}),
    ("get_price", {**BTC, "detail": "FULL"}, {}),
    ("get_price", {**BTC, "cursor": None, "symbols": None, "symbolStatus": None}, {}),
]


@pytest.mark.parametrize(("tool", "sent", "read_as"), READS, ids=str)
async def test_a_read_forgives_and_says_how_it_was_read(
    floor: Floor, tool: str, sent: Arguments, read_as: Arguments
) -> None:
    answer = await floor.ask(tool, sent)
    assert answer["ok"], answer
    told = {**answer, **answer.get("read_as", {})}
    assert {name: told[name] for name in read_as} == read_as
    assert answer.get("read_as", {}).keys() <= read_as.keys()


NO_AMOUNTS = ("NaN", "-1", "0", "0.00000000", "1e400", "0,5", "１２", "all", "50%", "9" * 40, None, True)
OFF_ANY_STEP = "0.30000000000000004"
AMOUNTS_OF = {
    tool: [name for name in schema(TOOLBOX[tool])["properties"] if name.endswith(("rice", "uantity", "Qty"))]
    for tool in CALLS
    if not TOOLBOX[tool].reads
}


@pytest.mark.parametrize("tool", [tool for tool, names in AMOUNTS_OF.items() if names])
async def test_no_tool_takes_what_is_no_amount(floor: Floor, tool: str) -> None:
    for name in AMOUNTS_OF[tool]:
        for value in NO_AMOUNTS:
            answer = await floor.refused(tool, {**CALLS[tool], name: value})
            assert answer["code"] in {"INVALID_ARGUMENT", "MISSING_ARGUMENT"}, answer
            assert len(answer["details"].get("given", "")) <= 80


@pytest.mark.parametrize("tool", [tool for tool, names in AMOUNTS_OF.items() if names])
async def test_no_tool_rounds_an_amount(floor: Floor, tool: str) -> None:
    for name in set(AMOUNTS_OF[tool]) & set(CALLS[tool]):
        answer = await floor.stopped(tool, {**CALLS[tool], name: OFF_ANY_STEP})
        assert answer["code"] in {"FILTER_VIOLATION", "INVALID_ARGUMENT", "NOT_FOUND", "EXCHANGE_REJECTED"}, answer


INCOMPLETE: list[tuple[str, Arguments, tuple[str, ...]]] = [
    ("cancel_order", BTC, ("orderId", "origClientOrderId")),
    ("cancel_order", {"orderId": 1}, ("symbol",)),
    ("cancel_all_orders", {}, ("symbol",)),
    ("cancel_order_list", BTC, ("orderListId", "listClientOrderId")),
    ("amend_order", {**BTC, "orderId": 1}, ("newQty",)),
    ("amend_order", {**BTC, "newQty": "1"}, ("orderId", "origClientOrderId")),
    ("cancel_replace_order", {**LIMIT, "cancelOrderId": 1}, ("cancelReplaceMode",)),
    ("cancel_replace_order", {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE"}, ("cancelOrderId",)),
    ("get_order", BTC, ("orderId", "origClientOrderId")),
    ("place_order", {}, ("symbol", "side", "type")),
]


@pytest.mark.parametrize(("tool", "sent", "named"), INCOMPLETE, ids=str)
async def test_what_is_missing_is_named(floor: Floor, tool: str, sent: Arguments, named: tuple[str, ...]) -> None:
    answer = await floor.refused(tool, sent)
    assert answer["code"] == "MISSING_ARGUMENT"
    assert all(name in answer["message"] for name in named), answer["message"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com.evil.example",
        "http://api.binance.com",
        "https://api.binance.com:8443",
        "https://user@api.binance.com",
        "https://127.0.0.1.nip.io",
        "http://169.254.169.254",
        "file:///etc/passwd",
    ],
)
def test_a_foreign_base_url_stops_the_start(tmp_path: Path, url: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "binance_spot_mcp", "serve"],
        env=environment(tmp_path, BINANCE_ENV="paper", BINANCE_BASE_URL=url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (3, "")
    assert "BINANCE_BASE_URL" in finished.stderr


NONSENSE: list[Any] = [{"a": 1}, [[]], "\u0000", "x" * 70, "a&b=c"]


@pytest.mark.parametrize("tool", [*CALLS])
async def test_nonsense_in_any_argument_of_any_tool_goes_nowhere(floor: Floor, tool: str) -> None:
    for name in schema(TOOLBOX[tool])["properties"]:
        for value in NONSENSE:
            answer = await floor.refused(tool, {**CALLS[tool], name: value})
            assert answer["code"] == "INVALID_ARGUMENT", answer
    answer = await floor.refused(tool, {**CALLS[tool], "nonsense": 1})
    assert answer["code"] == "UNKNOWN_ARGUMENT"
    assert answer["details"]["allowed"] == [*schema(TOOLBOX[tool])["properties"]]
    assert {*options(TOOLBOX[tool])} <= {*answer["details"]["allowed"]}


@pytest.mark.parametrize(
    "large", [{"symbol": "B" * 10_000_000}, {"symbols": ["BTCUSDT"] * 200_000}], ids=["text", "list"]
)
async def test_megabytes_are_refused_at_once(floor: Floor, large: Arguments) -> None:
    answer = await floor.refused("get_price", large)
    assert answer["code"] == "TOO_LARGE"


def test_a_number_that_is_no_amount_is_refused_however_it_is_written() -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"place_order","arguments":%s}}'
    with Host() as host:
        host.initialize()
        for number in (
            b"NaN",
            b"Infinity",
            b"-Infinity",
            b"1e400",
            b"1e-400",
            b"-0",
            b"9" * 60,
            b"0.30000000000000004",
        ):
            host.send(call % json.dumps(LIMIT).encode().replace(b'"0.001"', number))
            answer = json.loads(host.receive()["result"]["content"][0]["text"])
            assert (answer["code"], answer["details"]["param"]) == ("INVALID_ARGUMENT", "quantity")


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_both_eras_refuse_alike(mode: Any, tmp_path: Path) -> None:
    words = ["-m", "binance_spot_mcp", "serve", "--env", "paper", "--log-level", "ERROR"]
    server = StdioServerParameters(command=sys.executable, args=words, env=environment(tmp_path))
    async with Client(server, mode=mode) as agent:
        result = await agent.call_tool("place_order", {**LIMIT, "quantity": "1e-5", "stopprise": "1"})
        assert result.is_error
        (block,) = result.content
        assert isinstance(block, TextContent)
        assert json.loads(block.text)["fix"] == {"stopPrice": "1"}
    assert not (tmp_path / "state").exists()


def typed(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The order that somebody types, with further words."""
    order = [f"{name}={value}" for name, value in LIMIT.items() if name != "quantity"]
    return subprocess.run(
        [sys.executable, "-m", "binance_spot_mcp", "call", "place_order", *order, *words, "--env", "paper"],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_takes_no_argument_twice(tmp_path: Path) -> None:
    finished = typed(tmp_path, "quantity=1", "quantity=2")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "twice" in finished.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["quantity=1e-5"], "INVALID_ARGUMENT", '"fix":{"quantity":"0.00001"}'),
        (["quantity=1", "qty=2"], "UNKNOWN_ARGUMENT", "did you mean quantity?"),
    ],
)
def test_the_command_refuses_alike(tmp_path: Path, words: list[str], code: str, said: str) -> None:
    finished = typed(tmp_path, *words)
    assert finished.returncode == 1
    assert json.loads(finished.stdout)["code"] == code
    assert said in finished.stdout
    assert not (tmp_path / "state").exists()
