"""The worked example of the commission FAQ, and its two ways to ask for rates. Source: faqs/commission_faq.md"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare, changes
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import Deposit, OpenAccount, Withdraw
from paper_exchange.engine.symbols import Commission, Rates

pytestmark = pytest.mark.anyio

CALCULATED = Commission(
    standard=Rates(maker=D("0.0000001"), taker=D("0.0000002"), buyer=D("0.0000003"), seller=D("0.0000004")),
    special=Rates(maker=D("0.01"), taker=D("0.02"), buyer=D("0.03"), seller=D("0.04")),
    tax=Rates(maker=D("0.00000112"), taker=D("0.00000114"), buyer=D("0.00000118"), seller=D("0.00000116")),
    discount=D("0.25"),
)
QUERIED = Commission(
    standard=Rates(maker=D("0.0000004"), taker=D("0.0000005"), buyer=D("0.0000001"), seller=D("0.0000001")),
    special=Rates(maker=D("0.04"), taker=D("0.05"), buyer=D("0.01"), seller=D("0.01")),
    tax=Rates(maker=D("0.00000128"), taker=D("0.00000130"), buyer=D("0.00000100"), seller=D("0.00000100")),
    discount=D("0.25"),
)
NOTIONAL = D("17491.25")
STANDARD, TAX, SPECIAL = D("0.01049475"), D("0.04022988"), D("1049.47500000")
IN_BNB = D("4.036607129")
"""The FAQ's results, which it rounds to a digit more or less than an asset has."""
LAST_DIGIT = D("0.00000002")


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


def floor_with(front: Front, commission: Commission) -> FaqFloor:
    floor = FaqFloor(front, bare(commission=commission), bare("BNB"))
    floor.trade_at("260", "BNBUSDT")
    floor.limit(OTHERS, "BUY", "1", "35000")
    return floor


async def test_a_commission_from_the_received_asset_is_the_sum_of_all_three_rates(front: Front) -> None:
    floor = floor_with(front, CALCULATED)
    before = floor.balance(floor.account, "USDT")
    (fill,) = (await floor.order("SELL", "0.49975"))["fills"]
    assert fill["commissionAsset"] == "USDT"
    assert abs(D(fill["commission"]) - (STANDARD + TAX + SPECIAL)) < LAST_DIGIT
    assert changes(before, floor.balance(floor.account, "USDT")) == (NOTIONAL - D(fill["commission"]), 0)


async def test_a_commission_in_bnb_discounts_the_standard_part_alone(front: Front) -> None:
    floor = floor_with(front, CALCULATED)
    floor.do(OpenAccount(account=floor.account, pays_in_bnb=True))
    before = {asset: floor.balance(floor.account, asset) for asset in ("BNB", "USDT")}
    (fill,) = (await floor.order("SELL", "0.49975"))["fills"]
    assert fill["commissionAsset"] == "BNB"
    assert abs(D(fill["commission"]) - IN_BNB) < LAST_DIGIT
    assert changes(before["USDT"], floor.balance(floor.account, "USDT")) == (NOTIONAL, 0)
    assert changes(before["BNB"], floor.balance(floor.account, "BNB")) == (-D(fill["commission"]), 0)


async def test_without_enough_bnb_the_full_commission_comes_from_the_received_asset(front: Front) -> None:
    floor = floor_with(front, CALCULATED)
    floor.do(OpenAccount(account=floor.account, pays_in_bnb=True))
    free, _ = floor.balance(floor.account, "BNB")
    floor.do(Withdraw(account=floor.account, asset="BNB", amount=free))
    floor.do(Deposit(account=floor.account, asset="BNB", amount=D("4.03")))
    (fill,) = (await floor.order("SELL", "0.49975"))["fills"]
    assert fill["commissionAsset"] == "USDT"
    assert abs(D(fill["commission"]) - (STANDARD + TAX + SPECIAL)) < LAST_DIGIT
    assert floor.balance(floor.account, "BNB") == (D("4.03"), 0)


async def test_a_buyer_pays_from_the_quantity_received(front: Front) -> None:
    floor = floor_with(front, CALCULATED)
    floor.limit(OTHERS, "SELL", "1", "36000")
    (fill,) = (await floor.order("BUY", "1"))["fills"]
    assert (fill["commissionAsset"], D(fill["commission"])) == ("BTC", D("0.05000282"))


async def test_a_test_order_shows_what_its_side_pays_and_a_query_shows_both_sides(front: Front) -> None:
    floor = floor_with(front, QUERIED)
    floor.do(OpenAccount(account=floor.account, pays_in_bnb=True))
    discount = {
        "enabledForAccount": True,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": "0.25000000",
    }
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1"}
    assert await floor.ok("POST /api/v3/order/test", **order, computeCommissionRates="true") == {
        "standardCommissionForOrder": {"maker": "0.00000050", "taker": "0.00000060"},
        "specialCommissionForOrder": {"maker": "0.05000000", "taker": "0.06000000"},
        "taxCommissionForOrder": {"maker": "0.00000228", "taker": "0.00000230"},
        "discount": discount,
    }
    assert await floor.ok("GET /api/v3/account/commission", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "standardCommission": {
            "maker": "0.00000040",
            "taker": "0.00000050",
            "buyer": "0.00000010",
            "seller": "0.00000010",
        },
        "specialCommission": {
            "maker": "0.04000000",
            "taker": "0.05000000",
            "buyer": "0.01000000",
            "seller": "0.01000000",
        },
        "taxCommission": {
            "maker": "0.00000128",
            "taker": "0.00000130",
            "buyer": "0.00000100",
            "seller": "0.00000100",
        },
        "discount": discount,
    }
