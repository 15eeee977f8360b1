"""Funds: what is locked, what is paid, what a fill costs, who may trade."""

import pytest
from tests.unit.paper_engine.exchange_floor import (
    ALICE,
    BOB,
    CAROL,
    SYMBOL,
    TENTH_PERCENT,
    D,
    Floor,
    events,
    limit,
    spec,
    terms,
)

from paper_exchange.engine.accounts import FEE_ACCOUNT
from paper_exchange.engine.commands import Deposit, OpenAccount, SetCommission, Withdraw
from paper_exchange.engine.events import BalanceChange, Placed, Transfer
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.symbols import Commission, Rates

FAQ = Commission(
    standard=Rates(maker=D("0.00000010"), taker=D("0.00000020"), buyer=D("0.00000030"), seller=D("0.00000040")),
    special=Rates(maker=D("0.01"), taker=D("0.02"), buyer=D("0.03"), seller=D("0.04")),
    tax=Rates(maker=D("0.00000112"), taker=D("0.00000114"), buyer=D("0.00000118"), seller=D("0.00000116")),
    discount=D("0.25"),
)


def balance(floor: Floor, account: int, asset: str) -> tuple[object, object]:
    _, free, locked = floor.engine.balance(account, asset)
    return free, locked


def test_a_resting_order_locks_what_it_may_cost(floor: Floor) -> None:
    floor.limit(ALICE, "BUY", "2", "100")
    floor.limit(ALICE, "SELL", "3", "200")
    assert balance(floor, ALICE, "USDT") == (999_800, 200)
    assert balance(floor, ALICE, "BTC") == (999_997, 3)


def test_a_cancel_unlocks_it(floor: Floor) -> None:
    floor.cancel(floor.limit(ALICE, "BUY", "2", "100"))
    assert balance(floor, ALICE, "USDT") == (1_000_000, 0)


def test_a_better_price_than_asked_is_given_back_at_once(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "90")
    floor.limit(ALICE, "BUY", "2", "100")
    assert balance(floor, ALICE, "USDT") == (999_810, 100)
    assert balance(floor, ALICE, "BTC") == (1_000_001, 0)


def test_balances_are_reported_once_each_after_everything_else(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "90")
    result = floor.send(ALICE, limit("BUY", "2", "100"))
    changes = events(result, BalanceChange)
    assert list(result.events[-len(changes) :]) == changes
    assert sorted((each.account, each.asset) for each in changes) == [
        (ALICE, "BTC"),
        (ALICE, "USDT"),
        (BOB, "BTC"),
        (BOB, "USDT"),
    ]


@pytest.mark.parametrize(
    "order",
    [limit("BUY", "5000.001", "200"), limit("SELL", "8000", "1100"), terms("MARKET", "SELL", "500")],
    ids=["quote", "base", "market"],
)
def test_an_order_that_cannot_be_paid_for_is_refused(order: Terms) -> None:
    floor = Floor()
    floor.trade_at("100")
    floor.do(Withdraw(account=ALICE, asset="BTC", amount=D("999500.001")))
    with pytest.raises(Refusal) as refusal:
        floor.send(ALICE, order)
    assert refusal.value.msg == "Account has insufficient balance for requested action."
    assert refusal.value.code == -2010


def test_a_market_buy_needs_what_its_fills_come_to(floor: Floor) -> None:
    floor.limit(BOB, "SELL", "1", "600000")
    floor.limit(BOB, "SELL", "1", "700000")
    with pytest.raises(Refusal, match="insufficient balance"):
        floor.market(ALICE, "BUY", "2")
    assert floor.market(ALICE, "BUY", "1").order.status == "FILLED"


def test_commission_comes_off_what_is_received_and_goes_to_the_exchange() -> None:
    floor = Floor(spec(commission=TENTH_PERCENT))
    floor.limit(BOB, "SELL", "1", "100")
    (fill,) = floor.place(ALICE, limit("BUY", "1", "100")).fills
    assert (fill.commission, fill.commission_asset) == (D("0.001"), "BTC")
    assert balance(floor, ALICE, "BTC") == (D("1000000.999"), 0)
    assert balance(floor, BOB, "USDT") == (D("1000099.9"), 0)
    assert balance(floor, FEE_ACCOUNT, "BTC") == (D("0.001"), 0)
    assert balance(floor, FEE_ACCOUNT, "USDT") == (D("0.1"), 0)


def test_commission_of_the_documented_example_without_bnb() -> None:
    floor = Floor(spec(filters=(), commission=FAQ))
    floor.limit(BOB, "BUY", "0.49975", "35000")
    (fill,) = floor.market(ALICE, "SELL", "0.49975").fills
    assert fill.commission == D("0.01049475") + D("0.04022987") + D("1049.475")
    assert fill.commission_asset == "USDT"


def floor_with_bnb(bnb: str) -> Floor:
    """Alice pays in BNB, which trades at 260 USDT."""
    floor = Floor(
        spec(filters=(), commission=FAQ),
        spec(symbol="BNBUSDT", base="BNB", filters=()),
    )
    for account, amount in ((BOB, "1"), (ALICE, bnb)):
        floor.do(Deposit(account=account, asset="BNB", amount=D(amount)))
    floor.place(BOB, limit("SELL", "1", "260"), "BNBUSDT")
    floor.place(CAROL, limit("BUY", "1", "260"), "BNBUSDT")
    floor.do(OpenAccount(account=ALICE, pays_in_bnb=True))
    floor.limit(BOB, "BUY", "0.49975", "35000")
    return floor


def test_commission_of_the_documented_example_in_bnb() -> None:
    (fill,) = floor_with_bnb("5").market(ALICE, "SELL", "0.49975").fills
    assert (fill.commission, fill.commission_asset) == (D("4.03660712"), "BNB")


def test_too_little_bnb_means_the_full_commission_from_the_received_asset() -> None:
    (fill,) = floor_with_bnb("4").market(ALICE, "SELL", "0.49975").fills
    assert fill.commission_asset == "USDT"


def test_an_account_may_have_its_own_commission(floor: Floor) -> None:
    floor.do(SetCommission(account=ALICE, symbol=SYMBOL, commission=TENTH_PERCENT))
    floor.limit(BOB, "SELL", "1", "100")
    (fill,) = floor.place(ALICE, limit("BUY", "1", "100")).fills
    assert fill.commission == D("0.001")
    assert floor.engine.trades(BOB, SYMBOL)[0].commission == 0
    assert floor.engine.commission(ALICE, SYMBOL) == TENTH_PERCENT


def test_deposits_and_withdrawals_change_the_supply_and_say_so(floor: Floor) -> None:
    (transfer,) = events(floor.do(Withdraw(account=ALICE, asset="BTC", amount=D("0.5"))), Transfer)
    assert (transfer.asset, transfer.delta) == ("BTC", D("-0.5"))
    assert floor.engine.supply("BTC") == D("2999999.5")


def test_locked_funds_cannot_be_withdrawn(floor: Floor) -> None:
    floor.limit(ALICE, "SELL", "1", "100")
    with pytest.raises(Refusal):
        floor.do(Withdraw(account=ALICE, asset="BTC", amount=D(1_000_000)))


def test_an_account_without_trading_may_neither_place_nor_cancel(floor: Floor) -> None:
    order = floor.limit(ALICE, "BUY", "1", "100")
    floor.do(OpenAccount(account=ALICE, can_trade=False))
    for code, attempt in ((-2010, lambda: floor.limit(ALICE, "BUY", "1", "100")), (-2011, lambda: floor.cancel(order))):
        with pytest.raises(Refusal) as refusal:
            attempt()
        assert (refusal.value.code, refusal.value.msg) == (code, "This account may not place or cancel orders.")


def test_an_account_needs_a_permission_of_every_set() -> None:
    floor = Floor(spec(permission_sets=(("SPOT", "MARGIN"), ("TRD_GRP_004",))))
    with pytest.raises(Refusal) as refusal:
        floor.limit(ALICE, "BUY", "1", "100")
    assert refusal.value.msg == "This symbol is not permitted for this account."
    floor.do(OpenAccount(account=ALICE, permissions=("SPOT", "TRD_GRP_004")))
    assert isinstance(floor.send(ALICE, limit("BUY", "1", "100")).reply, Placed)
