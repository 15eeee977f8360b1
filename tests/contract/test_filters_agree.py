"""Two readings of the documents: our check and the paper exchange's own test judge the same orders alike."""

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from tests.e2e.paper_client import PaperClient

from binance_spot_mcp.catalogue.market import ExchangeInfo
from binance_spot_mcp.catalogue.orders import ORDER_RULES, PRICED, TIMED, TRIGGERED
from binance_spot_mcp.catalogue.rules import broken
from binance_spot_mcp.catalogue.trading import OrderTestParams
from binance_spot_mcp.domain.check import PRECISION, check
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.filters import LotSize, Notional, PriceFilter
from binance_spot_mcp.domain.relations import TRIGGER
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.domain.symbols import SymbolRules, read_symbol
from binance_spot_mcp.vocabulary import OrderType, plain
from paper_exchange.options import Options
from paper_exchange.running import running

pytestmark = pytest.mark.anyio

ENGINE_ONLY = {TRIGGER}
"""What the exchange judges only when an order is really placed."""
ORDERS = 200


@pytest.fixture
async def paper() -> AsyncIterator[PaperClient]:
    async with running(Options(seed=5, limit_factor=1000)) as exchange:
        client = PaperClient(exchange)
        async with client.http:
            yield client


def some_order(dice: random.Random, rules: SymbolRules, last: Decimal) -> dict[str, Any]:
    """An order that often breaks something, in the magnitudes of its symbol.

    The market moves between a look at it and the test, so nothing that is measured by it lies near an edge.
    """
    price, lot, value = rules.filter(PriceFilter), rules.filter(LotSize), rules.filter(Notional)
    assert price
    assert lot
    assert value

    def amount(around: Decimal, step: Decimal, *factors: str) -> str:
        exact = around * Decimal(dice.choice(factors)) * Decimal(dice.randrange(900_000, 1_100_000)).scaleb(-6)
        kept = dice.choice([step, step, step, step / 10])
        return plain(max(exact // kept, Decimal(1)) * kept)

    size = value.min_notional / last
    kind = dice.choice(get_args(OrderType))
    order: dict[str, Any] = {"symbol": rules.info.symbol, "side": dice.choice(["BUY", "SELL"]), "type": kind}
    if kind == "MARKET" and dice.random() < 0.5:
        order["quoteOrderQty"] = amount(value.min_notional, Decimal("0.0000001"), "0.1", "1", "2", "100000000")
    else:
        edge = ("1", "1.05") if kind in PRICED else ("2",)
        order["quantity"] = amount(size, lot.step_size, "0.1", "500", "10000000", *edge)
    if kind in PRICED:
        order["price"] = amount(last, price.tick_size, "0.0000001", "0.1", "0.5", "1", "1", "3", "8", "100000")
    if kind in PRICED and dice.random() < 0.3:
        order["icebergQty"] = amount(size, lot.step_size, "0.1", "0.5", "1", "4")
    if kind in TIMED:
        order["timeInForce"] = "GTC"
    if kind in TRIGGERED and dice.random() < 0.7:
        order["stopPrice"] = amount(last, price.tick_size, "0.5", "1", "1.5", "100000")
    if kind in TRIGGERED and ("stopPrice" not in order or dice.random() < 0.5):
        order["trailingDelta"] = dice.choice(["1", "9", "10", "100", "2000", "2001", "5000"])
    return order


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHBTC"])
async def test_what_we_refuse_the_exchange_refuses_for_the_same_filter_and_nothing_else(
    paper: PaperClient, symbol: str
) -> None:
    info = msgspec.json.decode((await paper.public("exchangeInfo", symbol=symbol)).content, type=ExchangeInfo)
    rules = read_symbol(info, symbol)
    assert rules is not None
    dice, refused, passed = random.Random(symbol), set[str](), 0
    for _ in range(ORDERS):
        average: dict[str, Any] = (await paper.public("avgPrice", symbol=symbol)).json()
        market = Market(
            reference_price="unset",
            average_price=Decimal(average["price"]),
            average_minutes=average["mins"],
        )
        given = some_order(dice, rules, Decimal(average["price"]))
        params = OrderTestParams.model_validate(given)
        if broken(ORDER_RULES, params.given()):
            continue
        found = check(Request.read("order", params.given()), rules, market)
        answer = await paper.signed("POST", "order/test", None, **given)
        ours = {each.rule for each in found.violations} - ENGINE_ONLY
        theirs = answer.json().get("msg", "")
        if answer.status_code == 200:
            assert not ours, (given, [each.message for each in found.violations])
            passed += 1
        elif theirs.startswith("Filter failure: "):
            name = theirs.removeprefix("Filter failure: ")
            assert name in ours, (given, theirs, ours)
            refused.add(name)
        else:
            assert PRECISION in ours, (given, theirs, ours)
    assert passed > 20
    assert refused >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL", "PERCENT_PRICE_BY_SIDE", "TRAILING_DELTA"}
