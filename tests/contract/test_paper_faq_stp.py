"""Every scenario of the self-trade prevention FAQ, with its numbers. Source: faqs/stp_faq.md"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare, changes, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import OpenAccount, Place
from paper_exchange.engine.orders import Terms

pytestmark = pytest.mark.anyio

AMOUNTS = "price executedQty cummulativeQuoteQty status preventedQuantity"
THREE_BIDS = (("1.2", "1.2", "NONE"), ("1.3", "1.1", "NONE"), ("8.1", "1", "NONE"))


def e8(number: str) -> str:
    return f"{D(number):.8f}"


@dataclass(frozen=True)
class Scenario:
    """Bids on the book, an ask that meets them, and what becomes of both.

    Attributes:
        bids: Quantity, price and mode of each.
        ask: Quantity, price (None for MARKET) and mode.
        bids_then: Status and prevented quantity of each bid.
        ask_then: Status and prevented quantity of the ask.
        matches: What the answer says was prevented: price, taker's quantity, maker's quantity.
    """

    bids: tuple[tuple[str, str, str], ...]
    ask: tuple[str, str | None, str]
    bids_then: tuple[tuple[str, str | None], ...]
    ask_then: tuple[str, str | None]
    matches: tuple[tuple[str, str | None, str | None], ...] = ()
    executed: str = "0"


SCENARIOS = {
    "A": Scenario((("1", "1", "NONE"),), ("1", "1", "NONE"), (("FILLED", None),), ("FILLED", None), executed="1"),
    "B": Scenario(
        THREE_BIDS,
        ("3", "1", "EXPIRE_MAKER"),
        (("EXPIRED_IN_MATCH", "1.2"), ("EXPIRED_IN_MATCH", "1.3"), ("EXPIRED_IN_MATCH", "8.1")),
        ("NEW", None),
        (("1.2", None, "1.2"), ("1.1", None, "1.3"), ("1", None, "8.1")),
    ),
    "C": Scenario(
        THREE_BIDS,
        ("3", "1", "EXPIRE_TAKER"),
        (("NEW", None), ("NEW", None), ("NEW", None)),
        ("EXPIRED_IN_MATCH", "3"),
        (("1.2", "3", None),),
    ),
    "D": Scenario(
        (("1", "1", "NONE"),),
        ("3", "1", "EXPIRE_BOTH"),
        (("EXPIRED_IN_MATCH", "1"),),
        ("EXPIRED_IN_MATCH", "3"),
        (("1", "3", "1"),),
    ),
    "E": Scenario(
        (("1", "1", "EXPIRE_MAKER"),),
        ("1", "1", "EXPIRE_TAKER"),
        (("NEW", None),),
        ("EXPIRED_IN_MATCH", "1"),
        (("1", "1", None),),
    ),
    "F": Scenario(
        (("1", "1", "NONE"),),
        ("1", None, "EXPIRE_MAKER"),
        (("EXPIRED_IN_MATCH", "1"),),
        ("EXPIRED", None),
        (("1", None, "1"),),
    ),
    "G": Scenario(
        (("6", "2", "NONE"),),
        ("2", "2", "DECREMENT"),
        (("NEW", "2"),),
        ("EXPIRED_IN_MATCH", "2"),
        (("2", "2", "2"),),
    ),
}


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
async def test_orders_of_one_account_meet_as_the_faq_says(front: Front, scenario: Scenario) -> None:
    floor = FaqFloor(front)
    bids = [
        await floor.order("BUY", quantity, price, selfTradePreventionMode=mode)
        for quantity, price, mode in scenario.bids
    ]
    quantity, price, mode = scenario.ask
    ask = await floor.order("SELL", quantity, price, selfTradePreventionMode=mode)
    for bid, (status, prevented) in zip(bids, scenario.bids_then, strict=True):
        _ended_as(await floor.now(bid["orderId"]), status, prevented, scenario.executed)
    _ended_as(ask, *scenario.ask_then, scenario.executed)
    _ended_as(await floor.now(ask["orderId"]), *scenario.ask_then, scenario.executed)
    expected = [
        {
            "preventedMatchId": number,
            "makerSymbol": "BTCUSDT",
            "makerOrderId": bids[number]["orderId"],
            "price": e8(at),
            **({} if taker is None else {"takerPreventedQuantity": e8(taker)}),
            **({} if maker is None else {"makerPreventedQuantity": e8(maker)}),
        }
        for number, (at, taker, maker) in enumerate(scenario.matches)
    ]
    assert ask.get("preventedMatches", []) == expected
    assert len(ask["fills"]) == D(scenario.executed)
    for match in expected:
        (row,) = await floor.ok(
            "GET /api/v3/myPreventedMatches", symbol="BTCUSDT", preventedMatchId=match["preventedMatchId"]
        )
        assert row == match | {
            "symbol": "BTCUSDT",
            "takerOrderId": ask["orderId"],
            "tradeGroupId": -1,
            "selfTradePreventionMode": mode,
            "transactTime": ask["transactTime"],
        }


def _ended_as(order: dict[str, Any], status: str, prevented: str | None, executed: str) -> None:
    assert part(order, "status executedQty preventedQuantity") == {
        "status": status,
        "executedQty": e8(executed),
        **({} if prevented is None else {"preventedQuantity": e8(prevented)}),
    }
    assert ("preventedMatchId" in order) == (prevented is not None)


async def test_a_market_order_without_a_counterparty_left_expires_for_want_of_liquidity(front: Front) -> None:
    floor = FaqFloor(front)
    await floor.order("BUY", "1", "1")
    ask = await floor.order("SELL", "1", selfTradePreventionMode="EXPIRE_MAKER")
    assert ask["expiryReason"] == "INSUFFICIENT_LIQUIDITY"


async def test_scenario_h_moves_what_was_prevented_between_the_accounts_of_a_group(front: Front) -> None:
    floor = FaqFloor(front)
    floor.do(OpenAccount(account=floor.account, trade_group_id=1))
    floor.join(3, trade_group_id=1)
    before = {(who, asset): floor.balance(who, asset) for who in (3, floor.account) for asset in ("BTC", "USDT")}
    bid = floor.limit(3, "BUY", "0.6", "0.2", stp_mode="TRANSFER")
    ask = await floor.order("SELL", "0.2", "0.2", selfTradePreventionMode="TRANSFER")
    assert part(ask, "executedQty status tradeGroupId preventedQuantity preventedMatches") == {
        "executedQty": "0.00000000",
        "status": "EXPIRED_IN_MATCH",
        "tradeGroupId": 1,
        "preventedQuantity": "0.20000000",
        "preventedMatches": [
            {
                "preventedMatchId": 0,
                "makerSymbol": "BTCUSDT",
                "makerOrderId": bid.order_id,
                "price": "0.20000000",
                "takerPreventedQuantity": "0.20000000",
                "makerPreventedQuantity": "0.20000000",
            }
        ],
    }
    maker = floor.exchange.engine.order(3, "BTCUSDT", order_id=bid.order_id, now_us=floor.clock.now_us())
    assert (maker.status, maker.prevented, maker.executed) == ("NEW", D("0.2"), D(0))
    gained = {key: changes(balances, floor.balance(*key)) for key, balances in before.items()}
    assert gained == {
        (3, "BTC"): (D("0.2"), D(0)),
        (3, "USDT"): (D("-0.12"), D("0.08")),
        (floor.account, "BTC"): (D("-0.2"), D(0)),
        (floor.account, "USDT"): (D("0.04"), D(0)),
    }
    assert (await floor.ok("GET /api/v3/account"))["tradeGroupId"] == 1


@pytest.mark.parametrize("maker_mode", ["EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "NONE", "DECREMENT"])
async def test_a_transfer_that_only_the_taker_wants_decrements(front: Front, maker_mode: str) -> None:
    floor = FaqFloor(front)
    floor.do(OpenAccount(account=floor.account, trade_group_id=1))
    floor.join(3, trade_group_id=1)
    before = floor.balance(3, "BTC")
    floor.limit(3, "BUY", "6", "2", stp_mode=maker_mode)
    ask = await floor.order("SELL", "2", "2", selfTradePreventionMode="TRANSFER")
    assert ask["preventedQuantity"] == "2.00000000"
    (row,) = await floor.ok("GET /api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=ask["orderId"])
    assert (row["selfTradePreventionMode"], row["tradeGroupId"]) == ("DECREMENT", 1)
    assert floor.balance(3, "BTC") == before


async def test_what_would_have_been_paid_is_truncated_as_it_would_have_been(front: Front) -> None:
    floor = FaqFloor(front)
    async with floor.serving():
        api = await floor.open_api()
        await api.signed("userDataStream.subscribe.signature")
        await floor.order("BUY", "0.33333333", "0.33333333")
        await floor.order("SELL", "0.33333333", "0.33333333", selfTradePreventionMode="EXPIRE_BOTH")
        await api.call("ping")
    prevented = [message["event"] for message in api.events if message["event"].get("x") == "TRADE_PREVENTION"]
    assert [part(event, "m pl pL pY") for event in prevented] == [
        {"m": is_maker, "pl": "0.33333333", "pL": "0.33333333", "pY": "0.11111110"} for is_maker in (False, True)
    ]


async def test_strangers_trade_whatever_their_modes(front: Front) -> None:
    floor = FaqFloor(front)
    floor.limit(OTHERS, "BUY", "1", "1", stp_mode="EXPIRE_BOTH")
    ask = await floor.order("SELL", "1", "1", selfTradePreventionMode="EXPIRE_BOTH")
    assert ask["status"] == "FILLED"


async def test_a_symbol_names_its_default_mode_and_refuses_others(front: Front) -> None:
    floor = FaqFloor(front, bare(default_stp_mode="NONE", allowed_stp_modes=("NONE", "EXPIRE_TAKER", "EXPIRE_BOTH")))
    assert (await floor.order("BUY", "1", "1"))["selfTradePreventionMode"] == "NONE"
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "1"}
    refused = await floor.call("POST /api/v3/order", order | {"selfTradePreventionMode": "EXPIRE_MAKER"})
    assert refused.json() == {
        "code": -1013,
        "msg": "This symbol does not allow the specified self-trade prevention mode.",
    }


async def test_prevented_quantity_counts_over_the_life_of_an_order(front: Front) -> None:
    """original - executed - prevented = available, while the order is open."""
    floor = FaqFloor(front)
    bid = await floor.order("BUY", "6", "2", selfTradePreventionMode="DECREMENT")
    await floor.order("SELL", "1", "2", selfTradePreventionMode="DECREMENT")
    floor.limit(OTHERS, "SELL", "1.5", "2")
    await floor.order("SELL", "2", "2", selfTradePreventionMode="DECREMENT")
    order = await floor.now(bid["orderId"])
    assert part(order, "origQty executedQty preventedQuantity status") == {
        "origQty": "6.00000000",
        "executedQty": "1.50000000",
        "preventedQuantity": "3.00000000",
        "status": "PARTIALLY_FILLED",
    }
    depth = await floor.ok("GET /api/v3/depth", symbol="BTCUSDT")
    assert depth["bids"] == [["2.00000000", "1.50000000"]]
    assert floor.balance(floor.account, "USDT")[1] == D(3)
    floor.do(Place(account=OTHERS, symbol="BTCUSDT", order=Terms(side="SELL", type="MARKET", quantity=D("1.5"))))
    assert (await floor.now(bid["orderId"]))["status"] == "FILLED"
    assert floor.balance(floor.account, "USDT")[1] == D(0)
