"""Which prices lie too far from the market."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.domain.exchange import limit, listed, market, order

from binance_spot_mcp.domain.expected_fill import expected_fill
from binance_spot_mcp.domain.liquidity import Taking
from binance_spot_mcp.domain.price_band import OutOfBand, Touch, out_of_band
from binance_spot_mcp.domain.requests import Request

BAND = Decimal(2)
TOUCH = Touch(Decimal(49_000), Decimal(50_000))
LOW, HIGH = "48020", "51000"
ASKS = ((Decimal(50_000), Decimal(1)), (Decimal(51_000), Decimal(1)), (Decimal(51_001), Decimal(1)))
BIDS = ((Decimal(49_000), Decimal(1)), (Decimal(48_020), Decimal(1)), (Decimal(48_000), Decimal(1)))


def judged(request: Request, touch: Touch = TOUCH, reference: str | None = None) -> OutOfBand | None:
    fill = expected_fill(request.orders[0], BIDS, ASKS)
    return out_of_band(request, BAND, touch, Decimal(reference) if reference else None, fill)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("kind", ["LIMIT", "LIMIT_MAKER"])
def test_a_price_is_judged_on_both_sides_of_the_book_to_the_last_digit(side: str, kind: str) -> None:
    for price in (LOW, "49500", HIGH):
        assert judged(order(**limit(price=price, side=side, type=kind))) is None
    for price in ("48019.99999999", "51000.00000001"):
        found = judged(order(**limit(price=price, side=side, type=kind)))
        assert found == OutOfBand("price", Decimal(price), Decimal(LOW), Decimal(HIGH), "the book")


def test_a_book_with_one_side_is_judged_by_that_side() -> None:
    bids_alone = Touch(Decimal(49_000), None)
    assert judged(order(**limit(price="49980")), bids_alone) is None
    assert judged(order(**limit(price="49981")), bids_alone) is not None
    with pytest.raises(ValueError, match="without any price"):
        judged(order(**limit()), Touch(None, None))


def test_the_reference_price_counts_where_there_is_one() -> None:
    assert judged(order(**limit(price="50000")), reference="49500") is None
    found = judged(order(**limit(price="50000")), reference="49000")
    assert found is not None
    assert (found.high, found.measure) == (Decimal(49_980), "the reference price")


@pytest.mark.parametrize(
    ("side", "size", "price"),
    [
        ("BUY", {"quantity": "2"}, None),
        ("BUY", {"quantity": "2.00001"}, "51001"),
        ("SELL", {"quantity": "2"}, None),
        ("SELL", {"quantity": "2.00001"}, "48000"),
        ("BUY", {"quoteOrderQty": "101000"}, None),
        ("BUY", {"quoteOrderQty": "101000.01"}, "51001"),
        ("SELL", {"quoteOrderQty": "97020"}, None),
        ("SELL", {"quoteOrderQty": "97020.01"}, "48000"),
    ],
)
def test_a_market_order_is_judged_by_the_worst_price_of_its_fill(
    side: str, size: dict[str, str], price: str | None
) -> None:
    found = judged(order(**market(side=side, **size)))
    assert (found.price if found else None) == (Decimal(price) if price else None)


@pytest.mark.parametrize("size", [{"quantity": "3.00001"}, {"quoteOrderQty": "152001.01"}])
def test_a_market_order_that_the_known_book_does_not_hold_is_out_of_band(size: dict[str, str]) -> None:
    found = judged(order(**market(**size)))
    assert found is not None
    assert (found.price, found.param) == (None, "")


@pytest.mark.parametrize(("price", "fine"), [("39200", True), ("39199", False), ("40801", False)])
def test_a_stop_order_is_judged_by_its_own_trigger(price: str, *, fine: bool) -> None:
    stop = limit(price=price, type="STOP_LOSS_LIMIT", side="SELL", stopPrice="40000")
    assert (judged(order(**stop)) is None) is fine


def oco(**changes: Any) -> Request:
    legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "60000", "belowType": "STOP_LOSS", "belowStopPrice": "40000"}
    return listed("oco", **{"side": "SELL", "quantity": "1", **legs, **changes})


def test_the_legs_of_a_pair_may_embrace_the_market_but_not_take_beyond_the_band() -> None:
    assert judged(oco()) is None
    assert judged(oco(belowType="STOP_LOSS_LIMIT", belowPrice="39500")) is None
    found = judged(oco(belowType="STOP_LOSS_LIMIT", belowPrice="30000"))
    assert found is not None
    assert (found.param, found.measure) == ("belowPrice", "its belowStopPrice")


@pytest.mark.parametrize(("price", "fine"), [("70000", True), ("48020", True), ("48019", False)])
def test_a_leg_that_waits_is_judged_where_it_would_take(price: str, *, fine: bool) -> None:
    working = {"workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "49000", "workingQuantity": "1"}
    pending = {"pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": price, "pendingQuantity": "1"}
    assert (judged(listed("oto", **working, **pending)) is None) is fine


def test_only_a_market_order_has_an_expected_fill() -> None:
    assert expected_fill(order(**limit()).orders[0], BIDS, ASKS) is None
    spent = expected_fill(order(**market(quoteOrderQty="75500")).orders[0], BIDS, ASKS)
    assert spent == Taking(Decimal("1.5"), Decimal(75_500), spent.average if spent else None, Decimal(51_000), True)
