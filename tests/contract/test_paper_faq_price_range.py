"""The price range FAQ, and the reference price that it explains. Source: faqs/price_range_execution_rules.md"""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from tests.contract.faq_floor import OTHERS, D, FaqFloor, bare, part
from tests.e2e.rest_floor import Front

from paper_exchange.engine.commands import SetReferencePrice
from paper_exchange.engine.symbols import (
    PercentPrice,
    PriceRange,
    ReferencePriceRule,
)

pytestmark = pytest.mark.anyio

EXTERNAL = ReferencePriceRule(calculation_type="EXTERNAL", external_calculation_id=2)


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with Front().answering() as front:
        yield front


TEN = D("10.00")
TWICE_OR_HALF = PriceRange(
    bid_limit_mult_up=D("2.0000"),
    bid_limit_mult_down=D("0.5000"),
    ask_limit_mult_up=D("2.0000"),
    ask_limit_mult_down=D("0.5000"),
)


def baz(front: Front, rule: PriceRange = TWICE_OR_HALF, price: Decimal | None = TEN) -> FaqFloor:
    floor = FaqFloor(front, bare("BAZ", "USD", execution_rules=(rule,), reference_price=EXTERNAL))
    floor.do(SetReferencePrice(symbol="BAZUSD", price=price))
    return floor


@pytest.mark.parametrize(
    ("side", "price", "trades"),
    [
        ("BUY", "20", True),
        ("BUY", "20.01", False),
        ("BUY", "5", True),
        ("BUY", "4.99", False),
        ("SELL", "20", True),
        ("SELL", "20.01", False),
        ("SELL", "5", True),
        ("SELL", "4.99", False),
    ],
)
async def test_orders_trade_within_and_at_the_bounds_alone(front: Front, side: str, price: str, trades: bool) -> None:
    floor = baz(front)
    floor.limit(OTHERS, "SELL" if side == "BUY" else "BUY", "1", price, "BAZUSD")
    order = await floor.order(side, "1", symbol="BAZUSD")
    if trades:
        assert order["status"] == "FILLED"
    else:
        assert part(order, "status expiryReason executedQty") == {
            "status": "EXPIRED",
            "expiryReason": "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
            "executedQty": "0.00000000",
        }


async def test_a_bound_that_is_not_set_or_a_price_that_is_null_bounds_nothing(front: Front) -> None:
    floor = baz(front, PriceRange(bid_limit_mult_up=D(2)))
    floor.limit(OTHERS, "SELL", "1", "0.01", "BAZUSD")
    assert (await floor.order("BUY", "1", symbol="BAZUSD"))["status"] == "FILLED"
    rules = await floor.ok("GET /api/v3/executionRules", symbol="BAZUSD")
    assert rules == {
        "symbolRules": [{"symbol": "BAZUSD", "rules": [{"ruleType": "PRICE_RANGE", "bidLimitMultUp": "2"}]}]
    }
    floor = baz(front, price=None)
    floor.limit(OTHERS, "SELL", "1", "1000", "BAZUSD")
    assert (await floor.order("BUY", "1", symbol="BAZUSD"))["status"] == "FILLED"
    assert part(await floor.ok("GET /api/v3/referencePrice", symbol="BAZUSD"), "symbol referencePrice") == {
        "symbol": "BAZUSD",
        "referencePrice": None,
    }


async def test_what_matched_before_the_bound_stays_matched(front: Front) -> None:
    floor = baz(front)
    floor.limit(OTHERS, "SELL", "1", "19", "BAZUSD")
    floor.limit(OTHERS, "SELL", "1", "21", "BAZUSD")
    order = await floor.order("BUY", "2", "30", symbol="BAZUSD")
    assert part(order, "status expiryReason executedQty") == {
        "status": "EXPIRED",
        "expiryReason": "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
        "executedQty": "1.00000000",
    }
    assert (await floor.ok("GET /api/v3/depth", symbol="BAZUSD"))["bids"] == []


async def test_the_reference_price_is_the_mean_of_buckets_with_the_oldest_one_prorated(front: Front) -> None:
    """Two trades at 10 in the first second, one at 16 in the third; the window is three seconds wide.

    Half of the first bucket is outside at 3.5 s: (10 * 2 * 0.5 + 16) / (2 * 0.5 + 1) = 13.
    """
    rule = ReferencePriceRule(calculation_type="ARITHMETIC_MEAN", bucket_count=3, bucket_width_ms=1000)
    floor = FaqFloor(front, bare("BAZ", "USD", reference_price=rule))
    floor.trade_at("10", "BAZUSD")
    floor.trade_at("10", "BAZUSD")
    await floor.clock.advance(2_000_000)
    floor.trade_at("16", "BAZUSD")
    await floor.clock.advance(1_500_000)
    answer = await floor.ok("GET /api/v3/referencePrice", symbol="BAZUSD")
    assert answer == {"symbol": "BAZUSD", "referencePrice": "13.00000000", "timestamp": floor.now_ms}
    await floor.clock.advance(500_000)
    assert (await floor.ok("GET /api/v3/referencePrice", symbol="BAZUSD"))["referencePrice"] == "16.00000000"
    assert await floor.ok("GET /api/v3/referencePrice/calculation", symbol="BAZUSD") == {
        "symbol": "BAZUSD",
        "calculationType": "ARITHMETIC_MEAN",
        "bucketCount": 3,
        "bucketWidthMs": 1000,
    }


async def test_filters_measure_against_the_reference_price(front: Front) -> None:
    percent = PercentPrice(multiplier_up=D("1.5"), multiplier_down=D("0.5"), avg_price_mins=5)
    floor = FaqFloor(front, bare("BAZ", "USD", reference_price=EXTERNAL, filters=(percent,)))
    floor.do(SetReferencePrice(symbol="BAZUSD", price=D(10)))
    floor.trade_at("14", "BAZUSD")
    order = {"symbol": "BAZUSD", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    assert (await floor.call("POST /api/v3/order", order | {"price": "15"})).is_success
    refused = await floor.call("POST /api/v3/order", order | {"price": "16"})
    assert refused.json() == {"code": -1013, "msg": "Filter failure: PERCENT_PRICE"}
    floor.do(SetReferencePrice(symbol="BAZUSD", price=None))
    assert (await floor.call("POST /api/v3/order", order | {"price": "16"})).is_success
