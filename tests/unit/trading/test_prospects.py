"""What an order would do and cost, looked up; what cannot be had stays unknown."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.domain.exchange import limit, market, order
from tests.unit.trading.spot import FakeSpot

from binance_spot_mcp.errors import Rejected
from binance_spot_mcp.trading.prospects import Outlook, Prospects
from binance_spot_mcp.trading.rules_cache import MAX_AGE_MS

pytestmark = pytest.mark.anyio

REFUSED = Rejected("No.", code="EXCHANGE_REJECTED", sent="no")


def rates(*, discounted: bool = False) -> dict[str, Any]:
    """An answer to account/commission: 0.2 % for takers, 0.1 % for makers, and 0.05 % tax."""
    nothing = {"maker": "0", "taker": "0", "buyer": "0", "seller": "0"}
    return {
        "symbol": "BTCUSDT",
        "standardCommission": nothing | {"maker": "0.001", "taker": "0.002"},
        "specialCommission": nothing,
        "taxCommission": nothing | {"buyer": "0.0005", "seller": "0.0005"},
        "discount": {
            "enabledForAccount": discounted,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75",
        },
    }


@pytest.fixture
def spot() -> FakeSpot:
    """An exchange with one level on each side of its book, at 49999 and 50001."""
    spot = FakeSpot()
    spot.replies["get_commission_rates"] = lambda _: rates()
    return spot


@pytest.fixture
def prospects(spot: FakeSpot) -> Prospects:
    """What is tested."""
    return Prospects(spot, lambda: spot.now_ms)


async def look(prospects: Prospects, given: dict[str, Any], notional: str | None = None) -> Outlook:
    (single,) = order(**given).orders
    return await prospects.outlook(single, "BTC", "USDT", None if notional is None else Decimal(notional))


async def test_what_is_taken_pays_as_taker_and_what_rests_as_maker(prospects: Prospects) -> None:
    fee = (await look(prospects, limit("3", "50010", side="BUY"))).fee
    assert fee is not None
    assert (fee.asset, fee.rates.taker, fee.rates.maker) == ("BTC", Decimal("0.0025"), Decimal("0.0015"))
    assert fee.expected == Decimal("0.0055")  # 1 at once and 2 later
    assert fee.at_most == Decimal("0.0075")


async def test_a_sale_pays_out_of_what_it_receives(prospects: Prospects) -> None:
    fee = (await look(prospects, limit("2", "49000", side="SELL"), notional="99998")).fee
    assert fee is not None
    assert fee.asset == "USDT"
    assert fee.expected == Decimal(49999) * Decimal("0.0025") + Decimal(49000) * Decimal("0.0015")
    assert fee.at_most == Decimal(99998) * Decimal("0.0025")


async def test_fees_in_the_discount_asset_are_told_beside_the_others(prospects: Prospects, spot: FakeSpot) -> None:
    spot.replies["get_commission_rates"] = lambda _: rates(discounted=True)
    fee = (await look(prospects, market(quantity=Decimal(1)))).fee
    assert fee is not None
    assert fee.discount_asset == "BNB"
    assert fee.discounted is not None
    assert (fee.discounted.taker, fee.discounted.maker) == (Decimal("0.002"), Decimal("0.00125"))


async def test_the_fee_of_more_than_the_book_holds_is_not_foretold(prospects: Prospects) -> None:
    found = await look(prospects, market(quantity=Decimal(2)))
    assert found.fee is not None
    assert (found.fee.expected, found.fee.at_most) == (None, Decimal("0.005"))


async def test_rates_are_remembered_for_an_hour_and_the_book_is_not(prospects: Prospects, spot: FakeSpot) -> None:
    for pause_ms in (0, MAX_AGE_MS, 1):
        spot.now_ms += pause_ms
        await look(prospects, limit())
    assert len(spot.asked("get_commission_rates")) == 2
    assert len(spot.asked("get_order_book")) == 3


async def test_what_cannot_be_had_stays_unknown(prospects: Prospects, spot: FakeSpot) -> None:
    spot.replies["get_order_book"] = lambda _: REFUSED
    spot.replies["get_commission_rates"] = lambda _: REFUSED
    found = await look(prospects, limit())
    assert (found.book, found.prospect, found.fee) == (None, None, None)
