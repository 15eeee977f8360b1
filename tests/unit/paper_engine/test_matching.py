"""Price, time, quantity: what a plain order does to the book and the book to it."""

import pytest
from tests.unit.paper_engine.exchange_floor import ALICE, BOB, CAROL, SYMBOL, D, Floor, events, limit, spec, terms

from paper_exchange.engine.events import BookChange, OrderReport, Placed, Trade
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal


def test_an_order_that_meets_nothing_rests_and_is_seen(floor: Floor) -> None:
    result = floor.send(ALICE, limit("BUY", "2", "100"))
    reply = result.reply
    assert isinstance(reply, Placed)
    assert (reply.order.status, reply.order.working_us, reply.fills) == ("NEW", floor.now_us, ())
    assert floor.book() == ([("100", "2")], [])
    assert events(result, BookChange)[0].update_id == floor.engine.last_update_id(SYMBOL)


def test_better_prices_trade_first_and_at_the_resting_price(floor: Floor) -> None:
    dear, cheap = floor.limit(BOB, "SELL", "1", "102"), floor.limit(CAROL, "SELL", "1", "101")
    placed = floor.place(ALICE, limit("BUY", "1.5", "103"))
    assert [(fill.price, fill.quantity) for fill in placed.fills] == [(D(101), D(1)), (D(102), D("0.5"))]
    assert placed.order.status == "FILLED"
    assert placed.order.executed_quote == D("152")
    assert (floor.now(cheap).status, floor.now(dear).status) == ("FILLED", "PARTIALLY_FILLED")


def test_at_one_price_the_older_order_trades_first(floor: Floor) -> None:
    first, second = floor.limit(BOB, "SELL", "1", "100"), floor.limit(CAROL, "SELL", "1", "100")
    floor.limit(ALICE, "BUY", "1", "100")
    assert (floor.now(first).status, floor.now(second).status) == ("FILLED", "NEW")


def test_what_a_limit_order_does_not_fill_rests_at_its_price(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    order = floor.limit(ALICE, "BUY", "3", "101")
    assert (order.status, order.executed) == ("PARTIALLY_FILLED", D(1))
    assert floor.book() == ([("101", "2")], [])


def test_what_an_ioc_order_does_not_fill_expires(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    order = floor.limit(ALICE, "BUY", "3", "100", "IOC")
    assert (order.status, order.executed, order.expiry_reason) == ("EXPIRED", D(1), "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert floor.book() == ([], [])


@pytest.mark.parametrize(("quantity", "status"), [("2", "FILLED"), ("2.001", "EXPIRED")])
def test_a_fok_order_fills_whole_or_not_at_all(floor: Floor, quantity: str, status: str) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    floor.limit(BOB, "SELL", "1", "101")
    order = floor.limit(ALICE, "BUY", quantity, "101", "FOK")
    assert order.status == status
    assert order.executed == (D(2) if status == "FILLED" else 0)


def test_a_limit_maker_that_would_match_is_refused_and_changes_nothing(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    before = floor.engine.snapshot()
    with pytest.raises(Refusal) as refusal:
        floor.send(ALICE, terms("LIMIT_MAKER", "BUY", "1", price=D(100)))
    assert (refusal.value.code, refusal.value.msg) == (-2010, "Order would immediately match and take.")
    assert floor.engine.snapshot() == before


def test_a_limit_maker_that_would_not_match_rests(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    order = floor.place(ALICE, terms("LIMIT_MAKER", "BUY", "1", price=D("99.99"))).order
    assert order.status == "NEW"


def test_a_market_order_eats_the_book_and_its_leftover_expires(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    floor.limit(BOB, "SELL", "1", "200")
    result = floor.send(ALICE, Terms(side="BUY", type="MARKET", quantity=D(3)))
    mine = [report for report in events(result, OrderReport) if report.order.account == ALICE]
    assert [(each.execution_type, each.order.status) for each in mine] == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]
    assert mine[-1].order.expiry_reason == "INSUFFICIENT_LIQUIDITY"
    assert [each.execution_id for each in mine] == sorted({each.execution_id for each in mine})


@pytest.mark.parametrize(
    ("spend", "quantity"),
    [("100", "1"), ("150", "1.250"), ("149.99", "1.249"), ("300", "2")],
    ids=["one level", "into the second", "rounded down to the lot", "all there is"],
)
def test_a_market_order_in_quote_units_buys_what_its_amount_covers(floor: Floor, spend: str, quantity: str) -> None:
    floor.limit(BOB, "SELL", "1", "100")
    floor.limit(BOB, "SELL", "1", "200")
    order = floor.place(ALICE, Terms(side="BUY", type="MARKET", quote_order_qty=D(spend))).order
    assert (order.status, order.executed, order.quantity) == ("FILLED", D(quantity), D(quantity))
    assert order.executed_quote <= D(spend)


def test_a_market_order_in_quote_units_on_an_empty_book_is_refused(floor: Floor) -> None:
    with pytest.raises(Refusal, match=r"Order book liquidity is less than symbol minimum quantity."):
        floor.send(ALICE, Terms(side="BUY", type="MARKET", quote_order_qty=D(100)))


def test_a_trade_names_both_orders_and_who_made_it(floor: Floor) -> None:
    maker = floor.limit(BOB, "BUY", "1", "100")
    result = floor.send(ALICE, limit("SELL", "1", "99"))
    (trade,) = events(result, Trade)
    assert (trade.trade_id, trade.price, trade.quote_quantity) == (1, D(100), D(100))
    assert trade.buyer_order_id == maker.order_id
    assert trade.buyer_is_maker
    assert floor.engine.trades(ALICE, SYMBOL)[0].is_maker is False
    assert floor.engine.trades(BOB, SYMBOL)[0].is_maker is True


def test_the_quote_amount_of_a_trade_is_truncated_alike_for_both() -> None:
    floor = Floor(spec(filters=()))
    floor.limit(BOB, "SELL", "0.33333333", "0.00000099")
    placed = floor.place(ALICE, limit("BUY", "0.33333333", "0.00000099"))
    assert placed.order.executed_quote == D("0.00000032")
    assert floor.engine.balance(ALICE, "USDT").free + floor.engine.balance(BOB, "USDT").free == 2_000_000


def test_update_ids_have_no_gap_and_changes_rebuild_the_book(floor: Floor) -> None:
    seen: dict[tuple[str, str], str] = {}
    last = floor.engine.last_update_id(SYMBOL)
    for account, side, quantity, price in [
        (BOB, "SELL", "1", "101"),
        (BOB, "SELL", "2", "102"),
        (CAROL, "BUY", "1", "99"),
        (ALICE, "BUY", "2.5", "103"),
        (ALICE, "SELL", "0.5", "99"),
    ]:
        for change in events(floor.send(account, limit(side, quantity, price)), BookChange):  # type: ignore[arg-type]
            assert change.update_id == last + 1
            last = change.update_id
            seen[change.side, str(change.price)] = str(change.quantity)
    bids, asks = floor.book()
    assert {("BUY", p): q for p, q in bids} | {("SELL", p): q for p, q in asks} == {
        key: quantity for key, quantity in seen.items() if D(quantity)
    }
