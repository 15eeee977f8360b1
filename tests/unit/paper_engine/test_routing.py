"""Smart order routing, as the documented examples go. Source: faqs/sor_faq.md"""

from typing import Any

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, SYMBOL, D, Floor, events, limit, spec, terms

from paper_exchange.engine.accounts import ROUTING_ACCOUNT
from paper_exchange.engine.commands import Deposit, OpenAccount, Place, PlaceSor, SetExchange
from paper_exchange.engine.engine import Engine
from paper_exchange.engine.events import OrderReport, Placed, Result
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import Sor

QUOTES = ("USDT", "USDC", "USDP")


def floor_with(side: Any, *levels: tuple[str, str, str]) -> Floor:
    """Books that may be walked together: (quote asset, quantity, price), all of Bob's."""
    floor = Floor(*(spec(symbol=f"BTC{quote}", quote=quote, filters=()) for quote in QUOTES))
    floor.do(SetExchange(sors=(Sor(base_asset="BTC", symbols=tuple(f"BTC{quote}" for quote in QUOTES)),)))
    for quote in QUOTES[1:]:
        floor.do(Deposit(account=BOB, asset=quote, amount=D(1_000_000)))
    for quote, quantity, price in levels:
        floor.do(Place(account=BOB, symbol=f"BTC{quote}", order=limit(side, quantity, price)))
    return floor


def asks() -> Floor:
    return floor_with(
        "SELL",
        ("USDT", "3", "30800"),
        ("USDT", "3", "30500"),
        ("USDC", "1", "30000"),
        ("USDC", "1", "28000"),
        ("USDP", "1", "35000"),
        ("USDP", "1", "29000"),
    )


def route(floor: Floor, order: Terms) -> tuple[Placed, Result]:
    result = floor.do(PlaceSor(account=ALICE, symbol=SYMBOL, order=order))
    assert isinstance(result.reply, Placed)
    return result.reply, result


def fills(placed: Placed) -> list[tuple[int, int, int]]:
    return [(int(fill.price), int(fill.quantity), fill.allocation_id) for fill in placed.fills]


def test_example_1_takes_the_best_price_of_all_books_and_pays_in_its_own_quote_asset() -> None:
    floor = asks()
    placed, _ = route(floor, limit("BUY", "0.5", "31000"))
    assert (placed.order.status, placed.order.executed_quote) == ("FILLED", D(14000))
    assert (placed.order.used_sor, placed.order.working_floor) == (True, "SOR")
    assert {fill.trade_id for fill in placed.fills} == {-1}
    assert floor.engine.balance(ALICE, "USDT").free == D(1_000_000) - 14_000
    assert floor.engine.balance(BOB, "USDC").free == D(1_000_000) + 14_000


def test_example_2_walks_the_books_by_price() -> None:
    placed, _ = route(asks(), limit("BUY", "5", "31000"))
    assert fills(placed) == [(28000, 1, 0), (29000, 1, 1), (30000, 1, 2), (30500, 2, 3)]
    assert placed.order.executed_quote == 148_000


def test_example_3_a_market_order_exhausts_all_books_and_expires() -> None:
    placed, _ = route(asks(), terms("MARKET", "BUY", "11"))
    assert (placed.order.status, placed.order.executed) == ("EXPIRED", D(10))
    assert placed.order.executed_quote == 305_900
    assert len(placed.fills) == 6


def test_example_4_sells_to_the_best_bids() -> None:
    floor = floor_with(
        "BUY", ("USDT", "5", "29500"), ("USDC", "5", "35000"), ("USDC", "5", "30000"), ("USDP", "5", "28000")
    )
    placed, _ = route(floor, limit("SELL", "10", "29000"))
    assert fills(placed) == [(35000, 5, 0), (30000, 5, 1)]
    assert placed.order.executed_quote == 325_000


def test_what_is_left_of_a_limit_order_rests_on_its_own_book() -> None:
    floor = asks()
    placed, _ = route(floor, limit("BUY", "5", "29000"))
    assert (placed.order.status, placed.order.working_floor) == ("PARTIALLY_FILLED", "EXCHANGE")
    assert floor.engine.best(SYMBOL, "BUY") == (D(29000), D(3))


def test_allocations_can_be_read_and_the_makers_have_ordinary_trades() -> None:
    floor = asks()
    placed, result = route(floor, limit("BUY", "1", "31000"))
    (allocation,) = floor.engine.allocations(ALICE, SYMBOL)
    assert (allocation.order_id, allocation.price, allocation.quote_quantity) == (
        placed.order.order_id,
        D(28000),
        D(28000),
    )
    assert floor.engine.trades(ALICE, SYMBOL) == ()
    assert [trade.is_maker for trade in floor.engine.trades(BOB, "BTCUSDC")] == [True]
    mine = [each for each in events(result, OrderReport) if each.allocation_id >= 0]
    assert [(each.order.account, each.trade_id) for each in mine] == [(ALICE, -1)]


def test_the_routing_account_squares_what_it_swaps() -> None:
    floor = asks()
    route(floor, limit("BUY", "5", "31000"))
    held = {asset: floor.engine.balance(ROUTING_ACCOUNT, asset).free for asset in QUOTES}
    assert held == {"USDT": 87_000, "USDC": -58_000, "USDP": -29_000}


def test_only_routed_symbols_and_plain_orders_are_routed() -> None:
    floor = asks()
    for order in (terms("LIMIT_MAKER", "BUY", "1", price=D(1)), Terms(side="BUY", type="MARKET", quote_order_qty=D(9))):
        with pytest.raises(Refusal) as refusal:
            route(floor, order)
        assert refusal.value.code == -1013
    floor.do(SetExchange())
    with pytest.raises(Refusal) as refusal:
        floor.engine.check(PlaceSor(account=ALICE, symbol=SYMBOL, order=limit("BUY", "1", "1")), now_us=floor.now_us)
    assert (refusal.value.code, refusal.value.msg) == (-1020, "This operation is not supported.")


def test_a_prevented_match_across_books_is_kept_under_the_symbol_of_the_taker() -> None:
    floor = asks()
    for account in (ALICE, BOB):
        floor.do(OpenAccount(account=account, trade_group_id=1))
    placed, _ = route(floor, limit("BUY", "1", "28000", stp_mode="EXPIRE_MAKER"))
    (match,) = placed.prevented_matches
    assert (match.symbol, match.maker_symbol) == (SYMBOL, "BTCUSDC")
    restored = Engine.restore(floor.engine.snapshot())
    for engine in (floor.engine, restored):
        for account in (ALICE, BOB):
            assert engine.prevented_matches(account, SYMBOL) == (match,)
