"""Self-trade prevention, as the documented scenarios go. Source: faqs/stp_faq.md"""

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, CAROL, SYMBOL, D, Floor, events, limit, spec, terms

from paper_exchange.engine.commands import OpenAccount
from paper_exchange.engine.events import OrderReport, PreventedMatch
from paper_exchange.engine.orders import Order
from paper_exchange.engine.words import StpMode


@pytest.fixture
def floor() -> Floor:
    return Floor(spec(filters=()))


def bids(floor: Floor) -> list[Order]:
    return [
        floor.limit(ALICE, "BUY", quantity, price, stp_mode="NONE")
        for quantity, price in (("1.2", "1.2"), ("1.3", "1.1"), ("8.1", "1"))
    ]


def test_a_with_none_the_orders_of_one_account_trade(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "1", "1", stp_mode="NONE")
    taker = floor.limit(ALICE, "SELL", "1", "1", stp_mode="NONE")
    assert (taker.status, floor.now(maker).status) == ("FILLED", "FILLED")
    assert floor.engine.supply("BTC") == 3_000_000


def test_b_expire_maker_clears_the_way(floor: Floor) -> None:
    makers = bids(floor)
    placed = floor.place(ALICE, limit("SELL", "3", "1", stp_mode="EXPIRE_MAKER"))
    assert (placed.order.status, placed.order.remaining) == ("NEW", D(3))
    assert [floor.now(maker).status for maker in makers] == ["EXPIRED_IN_MATCH"] * 3
    assert [floor.now(maker).prevented for maker in makers] == [D("1.2"), D("1.3"), D("8.1")]
    assert [match.maker_prevented for match in placed.prevented_matches] == [D("1.2"), D("1.3"), D("8.1")]
    assert {match.taker_prevented for match in placed.prevented_matches} == {None}
    assert [match.prevented_match_id for match in placed.prevented_matches] == [0, 1, 2]
    assert floor.book() == ([], [("1", "3")])


def test_c_expire_taker_leaves_the_book_alone(floor: Floor) -> None:
    makers = bids(floor)
    taker = floor.limit(ALICE, "SELL", "3", "1", stp_mode="EXPIRE_TAKER")
    assert (taker.status, taker.prevented) == ("EXPIRED_IN_MATCH", D(3))
    assert {floor.now(maker).status for maker in makers} == {"NEW"}
    assert floor.engine.balance(ALICE, "BTC").locked == 0


def test_d_expire_both_ends_both(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "1", "1", stp_mode="NONE")
    placed = floor.place(ALICE, limit("SELL", "3", "1", stp_mode="EXPIRE_BOTH"))
    assert (placed.order.status, placed.order.prevented) == ("EXPIRED_IN_MATCH", D(3))
    assert (floor.now(maker).status, floor.now(maker).prevented) == ("EXPIRED_IN_MATCH", D(1))
    (match,) = placed.prevented_matches
    assert (match.taker_prevented, match.maker_prevented) == (D(3), D(1))


def test_e_the_mode_of_the_taker_decides(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "1", "1", stp_mode="EXPIRE_MAKER")
    taker = floor.limit(ALICE, "SELL", "1", "1", stp_mode="EXPIRE_TAKER")
    assert (taker.status, floor.now(maker).status) == ("EXPIRED_IN_MATCH", "NEW")


def test_f_a_market_order_finds_the_book_dry_after_expire_maker(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "1", "1", stp_mode="NONE")
    taker = floor.place(ALICE, terms("MARKET", "SELL", "1", stp_mode="EXPIRE_MAKER")).order
    assert (taker.status, taker.expiry_reason) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert floor.now(maker).status == "EXPIRED_IN_MATCH"


def test_g_decrement_lowers_both_by_the_overlap(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "6", "2", stp_mode="NONE")
    taker = floor.limit(ALICE, "SELL", "2", "2", stp_mode="DECREMENT")
    assert (taker.status, taker.prevented) == ("EXPIRED_IN_MATCH", D(2))
    assert (floor.now(maker).status, floor.now(maker).prevented) == ("NEW", D(2))
    assert floor.book() == ([("2", "4")], [])
    assert floor.engine.balance(ALICE, "USDT").locked == 8


def grouped(floor: Floor) -> None:
    for account in (ALICE, BOB):
        floor.do(OpenAccount(account=account, trade_group_id=1))


@pytest.mark.parametrize(
    ("maker_mode", "moved"), [("TRANSFER", "0.2"), ("DECREMENT", "0"), ("NONE", "0")], ids=["both", "taker", "taker*"]
)
def test_h_transfer_moves_the_funds_only_when_both_ask_for_it(floor: Floor, maker_mode: StpMode, moved: str) -> None:
    grouped(floor)
    maker = floor.limit(ALICE, "BUY", "0.6", "0.2", stp_mode=maker_mode)
    taker = floor.place(BOB, limit("SELL", "0.2", "0.2", stp_mode="TRANSFER"))
    assert (taker.order.status, taker.order.prevented, taker.trade_group_id) == ("EXPIRED_IN_MATCH", D("0.2"), 1)
    assert floor.now(maker).prevented == D("0.2")
    assert floor.engine.balance(ALICE, "BTC").free == 1_000_000 + D(moved)
    assert floor.engine.balance(BOB, "USDT").free == 1_000_000 + D(moved) * D("0.2")
    assert floor.engine.balance(ALICE, "USDT").locked == D("0.08")
    assert floor.engine.last_trade_id(SYMBOL) == 0


def test_accounts_of_one_group_do_not_trade_and_others_do(floor: Floor) -> None:
    grouped(floor)
    floor.limit(ALICE, "SELL", "1", "1")
    floor.limit(CAROL, "SELL", "1", "1.1")
    buyer = floor.limit(BOB, "BUY", "1", "2", stp_mode="EXPIRE_MAKER")
    assert (buyer.status, buyer.executed_quote) == ("FILLED", D("1.1"))


def test_a_prevention_is_reported_with_the_trade_it_prevented(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "6", "2", stp_mode="NONE")
    result = floor.send(ALICE, limit("SELL", "2", "2", stp_mode="DECREMENT"))
    (match,) = events(result, PreventedMatch)
    assert (match.quantity, match.price, match.maker_order_id) == (D(2), D(2), maker.order_id)
    reports = [each for each in events(result, OrderReport) if each.execution_type == "TRADE_PREVENTION"]
    assert [(each.order.status, each.last_prevented) for each in reports] == [("EXPIRED_IN_MATCH", D(2)), ("NEW", D(2))]
    assert floor.engine.prevented_matches(ALICE, SYMBOL) == (match,)


def test_a_fok_that_only_its_own_orders_could_fill_expires_untouched(floor: Floor) -> None:
    maker = floor.limit(ALICE, "BUY", "1", "1")
    taker = floor.limit(ALICE, "SELL", "1", "1", "FOK", stp_mode="EXPIRE_MAKER")
    assert (taker.status, taker.expiry_reason) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    assert floor.now(maker).status == "NEW"


def test_a_fok_that_a_self_trade_would_lower_is_not_filled_whole_and_expires(floor: Floor) -> None:
    floor.limit(ALICE, "BUY", "1", "2")
    floor.limit(BOB, "BUY", "1", "1")
    taker = floor.limit(ALICE, "SELL", "2", "1", "FOK", stp_mode="DECREMENT")
    assert (taker.status, taker.executed, taker.prevented) == ("EXPIRED", D(0), D(0))
