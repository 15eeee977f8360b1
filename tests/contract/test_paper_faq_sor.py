"""Every example of the smart order routing FAQ, with its numbers. Source: faqs/sor_faq.md"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, Pair, bare, changes, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import SetExchange
from paper_exchange.engine.symbols import Sor

pytestmark = pytest.mark.anyio

SOR = Sor(base_asset="BTC", symbols=("BTCUSDT", "BTCUSDC", "BTCUSDP"))
ASKS = (
    ("BTCUSDT", "3", "30800"),
    ("BTCUSDT", "3", "30500"),
    ("BTCUSDC", "1", "30000"),
    ("BTCUSDC", "1", "28000"),
    ("BTCUSDP", "1", "35000"),
    ("BTCUSDP", "1", "29000"),
)
BIDS = (("BTCUSDT", "5", "29500"), ("BTCUSDC", "5", "35000"), ("BTCUSDC", "5", "30000"), ("BTCUSDP", "5", "28000"))
ANSWER = "executedQty cummulativeQuoteQty status workingFloor usedSor"


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


@pytest.fixture
async def floor(front: Front) -> FaqFloor:
    floor = FaqFloor(front, bare(), bare(quote="USDC"), bare(quote="USDP"))
    floor.do(SetExchange(sors=(SOR,)))
    return floor


def asks(floor: FaqFloor) -> None:
    for symbol, quantity, price in ASKS:
        floor.limit(OTHERS, "SELL", quantity, price, symbol)


async def routed(floor: FaqFloor, side: str, quantity: str, price: str | None) -> dict[str, Any]:
    kind = {"type": "MARKET"} if price is None else {"type": "LIMIT", "timeInForce": "GTC", "price": price}
    answer: dict[str, Any] = await floor.ok(
        "POST /api/v3/sor/order", symbol="BTCUSDT", side=side, quantity=quantity, **kind
    )
    return answer


def fills(answer: dict[str, Any], asset: str) -> list[dict[str, Any]]:
    """What the FAQ's fills say, given their price and quantity."""
    return [
        {
            "matchType": "ONE_PARTY_TRADE_REPORT",
            "price": fill["price"],
            "qty": fill["qty"],
            "commission": "0.00000000",
            "commissionAsset": asset,
            "tradeId": -1,
            "allocId": number,
        }
        for number, fill in enumerate(answer["fills"])
    ]


def taken(answer: dict[str, Any]) -> list[Pair]:
    """Price and quantity of each fill."""
    return [(D(fill["price"]), D(fill["qty"])) for fill in answer["fills"]]


async def spent(floor: FaqFloor, before: dict[str, Pair]) -> dict[str, Any]:
    """What changed in our balances since."""
    gains = {asset: changes(was, floor.balance(floor.account, asset)) for asset, was in before.items()}
    assert all(not locked for _, locked in gains.values())
    return {asset: free for asset, (free, _) in gains.items() if free}


def balances(floor: FaqFloor) -> dict[str, Pair]:
    return {asset: floor.balance(floor.account, asset) for asset in ("BTC", "USDT", "USDC", "USDP")}


async def test_example_1_takes_the_best_price_of_all_books_and_pays_in_its_own_quote_asset(floor: FaqFloor) -> None:
    asks(floor)
    before = balances(floor)
    answer = await routed(floor, "BUY", "0.5", "31000")
    assert part(answer, ANSWER) == {
        "executedQty": "0.50000000",
        "cummulativeQuoteQty": "14000.00000000",
        "status": "FILLED",
        "workingFloor": "SOR",
        "usedSor": True,
    }
    assert answer["fills"] == fills(answer, "BTC")
    assert [(fill["price"], fill["qty"]) for fill in answer["fills"]] == [("28000.00000000", "0.50000000")]
    assert await spent(floor, before) == {"BTC": D("0.5"), "USDT": D(-14000)}


async def test_example_1_without_routing_takes_its_own_book(floor: FaqFloor) -> None:
    asks(floor)
    answer = await floor.order("BUY", "0.5", "31000")
    assert answer["cummulativeQuoteQty"] == "15250.00000000"
    assert "usedSor" not in answer


async def test_example_2_walks_the_books_by_price(floor: FaqFloor) -> None:
    asks(floor)
    before = balances(floor)
    answer = await routed(floor, "BUY", "5", "31000")
    assert answer["fills"] == fills(answer, "BTC")
    assert taken(answer) == [
        (28000, 1),
        (29000, 1),
        (30000, 1),
        (30500, 2),
    ]
    assert (answer["cummulativeQuoteQty"], answer["status"]) == ("148000.00000000", "FILLED")
    assert await spent(floor, before) == {"BTC": D(5), "USDT": D(-148_000)}


async def test_example_2_without_routing_costs_more(floor: FaqFloor) -> None:
    asks(floor)
    answer = await floor.order("BUY", "5", "31000")
    assert answer["cummulativeQuoteQty"] == "153100.00000000"


async def test_example_3_expires_with_what_no_book_has(floor: FaqFloor) -> None:
    asks(floor)
    answer = await routed(floor, "BUY", "11", None)
    assert part(answer, f"{ANSWER} price origQty timeInForce expiryReason") == {
        "executedQty": "10.00000000",
        "cummulativeQuoteQty": "305900.00000000",
        "status": "EXPIRED",
        "workingFloor": "SOR",
        "usedSor": True,
        "price": "0.00000000",
        "origQty": "11.00000000",
        "timeInForce": "GTC",
        "expiryReason": "INSUFFICIENT_LIQUIDITY",
    }
    assert taken(answer) == [
        (28000, 1),
        (29000, 1),
        (30000, 1),
        (30500, 3),
        (30800, 3),
        (35000, 1),
    ]


async def test_example_4_sells_to_the_best_bids_for_its_own_quote_asset(floor: FaqFloor) -> None:
    for symbol, quantity, price in BIDS:
        floor.limit(OTHERS, "BUY", quantity, price, symbol)
    before = balances(floor)
    answer = await routed(floor, "SELL", "10", "29000")
    assert answer["fills"] == fills(answer, "USDT")
    assert taken(answer) == [(35000, 5), (30000, 5)]
    assert (answer["cummulativeQuoteQty"], answer["status"]) == ("325000.00000000", "FILLED")
    assert await spent(floor, before) == {"BTC": D(-10), "USDT": D(325_000)}


async def test_example_4_without_routing_rests_with_what_is_left(floor: FaqFloor) -> None:
    for symbol, quantity, price in BIDS:
        floor.limit(OTHERS, "BUY", quantity, price, symbol)
    answer = await floor.order("SELL", "10", "29000")
    assert part(answer, "executedQty cummulativeQuoteQty status") == {
        "executedQty": "5.00000000",
        "cummulativeQuoteQty": "147500.00000000",
        "status": "PARTIALLY_FILLED",
    }


async def test_what_is_left_of_a_limit_order_rests_on_the_book_it_was_sent_to(floor: FaqFloor) -> None:
    asks(floor)
    answer = await routed(floor, "BUY", "5", "29500")
    order = await floor.now(answer["orderId"])
    assert part(order, "executedQty status workingFloor usedSor") == {
        "executedQty": "2.00000000",
        "status": "PARTIALLY_FILLED",
        "workingFloor": "EXCHANGE",
        "usedSor": True,
    }
    depth = await floor.ok("GET /api/v3/depth", symbol="BTCUSDT")
    assert depth["bids"] == [["29500.00000000", "3.00000000"]]
    floor.limit(OTHERS, "SELL", "3", "29500")
    (trade,) = await floor.ok("GET /api/v3/myTrades", symbol="BTCUSDT")
    assert part(trade, "orderId qty isMaker") == {"orderId": answer["orderId"], "qty": "3.00000000", "isMaker": True}
    allocations = await floor.ok("GET /api/v3/myAllocations", symbol="BTCUSDT")
    names = "allocationId allocationType price qty quoteQty isBuyer isMaker isAllocator"
    assert [part(row, names) for row in allocations] == [
        {
            "allocationId": number,
            "allocationType": "SOR",
            "price": f"{price}.00000000",
            "qty": "1.00000000",
            "quoteQty": f"{price}.00000000",
            "isBuyer": True,
            "isMaker": False,
            "isAllocator": False,
        }
        for number, price in enumerate((28000, 29000))
    ]


async def test_the_configuration_is_in_the_exchange_information(floor: FaqFloor) -> None:
    info = await floor.ok("GET /api/v3/exchangeInfo")
    assert info["sors"] == [{"baseAsset": "BTC", "symbols": ["BTCUSDT", "BTCUSDC", "BTCUSDP"]}]
    floor.do(SetExchange())
    assert "sors" not in await floor.ok("GET /api/v3/exchangeInfo")
