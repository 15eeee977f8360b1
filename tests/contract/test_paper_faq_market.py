"""The MARKET orders FAQ, with its example. Source: faqs/market_orders_faq.md"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import OpenAccount, Withdraw
from paper_exchange.engine.symbols import (
    Commission,
    Rates,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


async def test_a_market_order_that_empties_the_book_is_told_step_by_step(front: Front) -> None:
    """The FAQ's LTCBNB example: 6 wanted, two makers with 2 each; commission 0.001 BNB a fill."""
    half_milli = Commission(standard=Rates(taker=D("0.0005")))
    floor = FaqFloor(front, bare("LTC", "BNB", commission=half_milli))
    async with floor.serving():
        api = await floor.open_api()
        await api.signed("userDataStream.subscribe.signature")
        floor.trade_at("1", "LTCBNB")
        for _ in range(2):
            floor.limit(OTHERS, "SELL", "2", "1", "LTCBNB")
        floor.do(OpenAccount(account=floor.account, pays_in_bnb=True))
        before = {asset: floor.balance(floor.account, asset)[0] for asset in ("LTC", "BNB")}
        order = await floor.order("BUY", "6", symbol="LTCBNB")
        await api.call("ping")
    assert part(order, "price origQty executedQty cummulativeQuoteQty status timeInForce") == {
        "price": "0.00000000",
        "origQty": "6.00000000",
        "executedQty": "4.00000000",
        "cummulativeQuoteQty": "4.00000000",
        "status": "EXPIRED",
        "timeInForce": "GTC",
    }
    fee = "0.00075000"
    """The example's rate is not given; ours is 0.05 % of 2 LTC at 75 %."""
    assert [part(fill, "price qty commission commissionAsset") for fill in order["fills"]] == [
        {"price": "1.00000000", "qty": "2.00000000", "commission": fee, "commissionAsset": "BNB"}
    ] * 2
    *reports, position = [message["event"] for message in api.events]
    told = [part(report, "x X l z L n N w m M Z Y Q q p eR") for report in reports]
    unfilled: dict[str, Any] = {
        "l": "0.00000000",
        "L": "0.00000000",
        "Y": "0.00000000",
        "n": "0",
        "N": None,
        "M": False,
        "m": False,
    }
    always: dict[str, Any] = {"q": "6.00000000", "p": "0.00000000", "Q": "0.00000000"}
    fill: dict[str, Any] = always | {
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "l": "2.00000000",
        "L": "1.00000000",
        "Y": "2.00000000",
    }
    fill |= {"n": fee, "N": "BNB", "w": False, "m": False, "M": True}
    nothing = {"z": "0.00000000", "Z": "0.00000000"}
    assert told == [
        always | unfilled | nothing | {"x": "NEW", "X": "NEW", "w": True},
        fill | {"z": "2.00000000", "Z": "2.00000000"},
        fill | {"z": "4.00000000", "Z": "4.00000000"},
        always
        | unfilled
        | {"x": "EXPIRED", "X": "EXPIRED", "w": False, "z": "4.00000000", "Z": "4.00000000"}
        | {"eR": "INSUFFICIENT_LIQUIDITY"},
    ]
    assert all(report["W"] == report["O"] == report["T"] == order["transactTime"] for report in reports)
    executions = [report["I"] for report in reports]
    assert [number - executions[0] for number in executions] == [0, 1, 3, 5]
    spent = {asset: floor.balance(floor.account, asset)[0] - was for asset, was in before.items()}
    assert spent == {"LTC": D(4), "BNB": D("-4.0015")}
    assert {row["a"]: (row["f"], row["l"]) for row in position["B"]} == {
        asset: (f"{before[asset] + spent[asset]:.8f}", "0.00000000") for asset in ("LTC", "BNB")
    }


async def test_a_market_order_that_cannot_be_paid_for_whole_is_rejected(front: Front) -> None:
    floor = FaqFloor(front)
    floor.limit(OTHERS, "SELL", "2", "100")
    free, _ = floor.balance(floor.account, "USDT")
    floor.do(Withdraw(account=floor.account, asset="USDT", amount=free - 150))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "2"}
    refused = await floor.call("POST /api/v3/order", order)
    assert (refused.status_code, refused.json()) == (
        400,
        {"code": -2010, "msg": "Account has insufficient balance for requested action."},
    )
