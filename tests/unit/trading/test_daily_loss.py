"""The loss of a day, counted on as fills are learned."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.domain.exchange import exchange_info
from tests.unit.trading.spot import FakeSpot

from binance_spot_mcp.trading.daily_loss import DailyLoss
from binance_spot_mcp.trading.fills import Fill
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.worths import Books

pytestmark = pytest.mark.anyio

BOUGHT = Fill(
    symbol="BTCUSDT",
    order_id=1,
    trade_id=1,
    allocation_id=None,
    side="BUY",
    price=Decimal(100),
    quantity=Decimal(1),
    quote=Decimal(100),
    commission=Decimal(0),
    commission_asset="",
    maker=False,
    at_ms=10,
    source="reply",
)
SOLD = replace(BOUGHT, trade_id=3, side="SELL", price=Decimal(70), quote=Decimal(70), at_ms=30)


@pytest.fixture
def spot() -> FakeSpot:
    """An exchange that knows the symbol."""
    spot = FakeSpot()
    spot.replies["get_exchange_info"] = lambda _: exchange_info(spot.symbol)
    return spot


@pytest.fixture
def loss(spot: FakeSpot) -> DailyLoss:
    """What is tested."""
    return DailyLoss(Books(spot, lambda: spot.now_ms))


async def test_a_fill_that_is_learned_later_is_counted_once(loss: DailyLoss) -> None:
    register = Register()
    register.fills.add(BOUGHT)
    assert await loss.of(register, "USDT", 0) == 0
    register.fills.add(SOLD)
    assert await loss.of(register, "USDT", 0) == 30
    assert await loss.of(register, "USDT", 0) == 30


async def test_a_fill_that_happened_earlier_than_what_was_counted_takes_its_place_in_time(loss: DailyLoss) -> None:
    register = Register()
    register.fills.add(BOUGHT)
    register.fills.add(SOLD)
    assert await loss.of(register, "USDT", 0) == 30
    register.fills.add(replace(BOUGHT, trade_id=2, price=Decimal(60), at_ms=20))
    assert await loss.of(register, "USDT", 0) == 10  # the average cost was 80


async def test_orders_that_are_judged_at_once_count_a_fill_once(loss: DailyLoss, spot: FakeSpot) -> None:
    register = Register()
    register.fills.add(replace(BOUGHT, quantity=Decimal(10)))
    await loss.of(register, "USDT", 0)
    register.fills.add(replace(SOLD, commission=Decimal(1), commission_asset="BNB"))
    tickers = {"bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1"}
    spot.replies["get_book_ticker"] = lambda _: [{"symbol": "BTCUSDT", **tickers}]
    hold = spot.hold("get_book_ticker")
    judged = asyncio.gather(*(loss.of(register, "USDT", 0) for _ in range(3)))
    await hold.arrived.wait()
    hold.released.set()
    assert await judged == [30, 30, 30]
    assert await loss.of(register, "USDT", 0) == 30


async def test_another_journal_begins_anew(loss: DailyLoss) -> None:
    register = Register()
    register.fills.add(BOUGHT)
    register.fills.add(SOLD)
    assert await loss.of(register, "USDT", 0) == 30
    assert await loss.of(Register(), "USDT", 0) == 0
