"""What the account holds and is worth, and what came of the journal's fills."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import BTCUSDT, exchange_info
from tests.unit.trading.spot import UNKNOWN_SYMBOL, FakeSpot, Wire

from binance_spot_mcp.errors import InvalidInput
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.fills import Fill
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.portfolio import Portfolios

pytestmark = pytest.mark.anyio

LISTED = {"BTCUSDT": ("BTC", "USDT"), "NEOBTC": ("NEO", "BTC"), "BTCBIDR": ("BTC", "BIDR")}
DAY_MS = 86_400_000


def told(symbols: list[str]) -> object:
    """What the exchange says of symbols."""
    if not set(symbols) <= LISTED.keys():
        return UNKNOWN_SYMBOL
    named = ({"symbol": name, "baseAsset": LISTED[name][0], "quoteAsset": LISTED[name][1]} for name in symbols)
    return exchange_info(*(BTCUSDT | each for each in named))


def asked_for(wire: Wire) -> list[str]:
    return wire["symbols"].strip('[]"').split('","')


@pytest.fixture
def spot() -> FakeSpot:
    """An exchange with three books and an account of four assets."""
    spot = FakeSpot()
    books = {"BTCUSDT": ("60000", "60010"), "NEOBTC": ("0.0002", "0.0003"), "BTCBIDR": ("900", "901")}
    spot.replies["get_book_ticker"] = lambda _: [
        {"symbol": name, "bidPrice": bid, "bidQty": "1", "askPrice": ask, "askQty": "1"}
        for name, (bid, ask) in books.items()
    ]
    spot.replies["get_exchange_info"] = lambda wire: told(asked_for(wire))
    spot.replies["get_open_orders"] = lambda _: []
    hold(spot, BTC="2", NEO="10", USDT="100", XYZ="7", OLD="0")
    return spot


def hold(spot: FakeSpot, **balances: str) -> None:
    rates = {"maker": "0.001", "taker": "0.001", "buyer": "0", "seller": "0"}
    spot.replies["get_account"] = lambda _: {
        "accountType": "SPOT",
        "canTrade": True,
        "commissionRates": rates,
        "updateTime": 1,
        "balances": [{"asset": asset, "free": free, "locked": "0"} for asset, free in balances.items()],
    }


@pytest.fixture
async def keeper(spot: FakeSpot, tmp_path: Path) -> AsyncIterator[Keeper]:
    """Keeps the journal of the account."""
    keeper = keeper_of(spot, tmp_path)
    yield keeper
    await keeper.close()


def keeper_of(spot: FakeSpot, folder: Path) -> Keeper:
    return Keeper(
        folder,
        "testnet",
        "key",
        exchange=spot,
        ids=ClientOrderIds("tag123", bytes),
        recv_window_ms=5_000,
        know_the_time=spot.know_the_time,
        now_ms=lambda: spot.now_ms,
        sleep=spot.sleep,
    )


@pytest.fixture
def portfolios(spot: FakeSpot, keeper: Keeper) -> Portfolios:
    """What is tested."""
    return Portfolios(spot, keeper, lambda: spot.now_ms)


async def trade(keeper: Keeper, **changes: Any) -> None:
    """Let the journal have one more fill."""
    fills = (await keeper.account()).intents.register.fills
    one: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "order_id": 1,
        "trade_id": len(fills),
        "allocation_id": None,
        "side": "BUY",
        "price": Decimal(50000),
        "quantity": Decimal(1),
        "quote": Decimal(50000),
        "commission": Decimal(0),
        "commission_asset": "",
        "maker": False,
        "at_ms": 1,
        "source": "reply",
    }
    fills.add(Fill(**one | changes))


async def test_balances_are_valued_by_the_books_that_lead_to_the_currency(portfolios: Portfolios) -> None:
    found = await portfolios.portfolio("USDT")
    assert {each.balance.asset: each.value for each in found.holdings} == {
        "BTC": 120_000,
        "NEO": 120,  # 10 at 0.0002 BTC
        "USDT": 100,
        "XYZ": None,
    }
    assert found.total == 120_220


async def test_a_look_costs_one_call_for_the_account_and_one_for_all_prices(
    portfolios: Portfolios, spot: FakeSpot
) -> None:
    await portfolios.portfolio("USDT")
    spot.calls.clear()
    await portfolios.portfolio("USDT")
    assert sorted(name for name, _ in spot.calls) == ["get_account", "get_book_ticker"]


async def test_a_name_that_can_be_read_in_two_ways_is_read_as_the_exchange_does(
    portfolios: Portfolios, spot: FakeSpot
) -> None:
    hold(spot, BTCB="1")
    with pytest.raises(InvalidInput, match="No symbol that leads to IDR"):
        await portfolios.portfolio("IDR")  # BTCB and IDR make the name of BTC and BIDR


async def test_profit_is_that_of_the_part_which_was_bought_here(portfolios: Portfolios, keeper: Keeper) -> None:
    await trade(keeper, commission=Decimal("0.001"), commission_asset="BTC")
    found = await portfolios.portfolio("USDT")
    btc = found.holdings[0]
    assert btc.bought.quantity == Decimal("0.999")
    assert btc.unknown_cost == Decimal("1.001")
    assert btc.unrealised == 9_990
    assert found.positions is not None
    assert found.positions.realised == -50


async def test_what_was_bought_here_and_is_gone_is_not_counted_as_held(
    portfolios: Portfolios, keeper: Keeper, spot: FakeSpot
) -> None:
    hold(spot, BTC="0.25")
    await trade(keeper)
    btc = (await portfolios.portfolio("USDT")).holdings[0]
    assert (btc.gone, btc.bought.quantity, btc.unknown_cost) == (Decimal("0.75"), Decimal("0.25"), Decimal(0))
    assert btc.unrealised == 2_500


async def test_the_profit_of_today_is_that_of_the_utc_day(
    portfolios: Portfolios, keeper: Keeper, spot: FakeSpot
) -> None:
    spot.now_ms = DAY_MS + 5
    await trade(keeper)
    await trade(keeper, side="SELL", price=Decimal(51000), quantity=Decimal("0.5"), at_ms=DAY_MS - 1)
    await trade(keeper, side="SELL", price=Decimal(52000), quantity=Decimal("0.5"), at_ms=DAY_MS)
    found = await portfolios.portfolio("USDT")
    assert found.positions is not None
    assert found.positions.realised == 1_500
    assert found.positions.realised_on(found.today) == 1_000


async def test_fills_count_in_the_order_of_their_time_whenever_we_learned_of_them(
    portfolios: Portfolios, keeper: Keeper
) -> None:
    await trade(keeper, side="SELL", price=Decimal(51000), at_ms=2)
    await trade(keeper, at_ms=1)
    found = await portfolios.portfolio("USDT")
    assert found.positions is not None
    assert found.positions.realised == 1_000


async def test_fills_of_a_symbol_that_is_not_listed_any_more_are_named_and_left_out(
    portfolios: Portfolios, keeper: Keeper, spot: FakeSpot
) -> None:
    await trade(keeper)
    await trade(keeper, symbol="LUNAUSDT")
    found = await portfolios.portfolio("USDT")
    assert (found.unlisted, found.fills) == (("LUNAUSDT",), 1)
    asked = len(spot.asked("get_exchange_info"))
    await portfolios.portfolio("USDT")
    assert len(spot.asked("get_exchange_info")) == asked


async def test_a_process_that_may_not_trade_shows_balances_and_says_what_it_cannot_know(
    spot: FakeSpot, keeper: Keeper, tmp_path: Path
) -> None:
    await keeper.account()
    other = keeper_of(spot, tmp_path)
    found = await Portfolios(spot, other, lambda: spot.now_ms).portfolio("USDT")
    await other.close()
    assert found.positions is None
    assert "this server only reads" in found.closed
    assert found.total == 120_220
