"""What was traded here: quantities, average cost, profit and loss, fees; and what nobody can know of it."""

from decimal import Decimal

import pytest
from tests.unit.domain.fills import DAY, Fill, bought, sold

from binance_spot_mcp.domain.positions import Fees, Position, Positions, PriceOf, no_prices, utc_day


def traded(*fills: Fill, base: str = "BTC", quote: str = "USDT", prices: PriceOf = no_prices) -> Positions:
    positions = Positions("USDT")
    for fill in fills:
        positions.add(fill, base, quote, prices)
    return positions


def test_two_purchases_have_one_average_cost() -> None:
    held = traded(bought("1", "100"), bought("3", "200")).held["BTC"]
    assert held == Position(Decimal(4), Decimal(700))
    assert held.average == 175
    assert held.unrealised(Decimal(180)) == 20


def test_a_sale_makes_the_profit_above_the_average_cost_and_leaves_that_cost_as_it_is() -> None:
    positions = traded(bought("1", "100"), bought("3", "200"), sold("2", "200"))
    assert positions.realised == 50
    assert positions.held["BTC"] == Position(quantity=Decimal(2), cost=Decimal(350), realised=Decimal(50))


def test_what_is_sold_beyond_what_was_bought_here_has_an_unknown_cost_and_makes_no_profit() -> None:
    positions = traded(bought("1", "100"), sold("3", "110"))
    assert positions.held["BTC"].unknown_out == 2
    assert positions.held["BTC"].quantity == 0
    assert positions.held["BTC"].average is None
    assert positions.realised == 10


@pytest.mark.parametrize(
    ("fill", "realised", "fees"),
    [
        (bought("1", "100", "0.1", "USDT"), "-0.1", {"USDT": Fees(Decimal("0.1"), Decimal("0.1"))}),
        (bought("1", "100", "0.001", "BTC"), "-0.1", {"BTC": Fees(Decimal("0.001"), Decimal("0.1"))}),
        (bought("1", "100", "0.0002", "BNB"), "-0.12", {"BNB": Fees(Decimal("0.0002"), Decimal("0.12"))}),
    ],
    ids=["in the quote asset", "in the base asset", "in a third asset"],
)
def test_a_fee_is_a_loss_of_its_day_whatever_it_was_paid_in(fill: Fill, realised: str, fees: dict[str, Fees]) -> None:
    positions = traded(fill, prices={"BNB": Decimal(600)}.get)
    assert positions.realised == Decimal(realised)
    assert positions.fees == fees


def test_a_fee_in_the_base_asset_leaves_less_of_it_at_the_same_average_cost() -> None:
    held = traded(bought("1", "100", "0.001", "BTC")).held["BTC"]
    assert held.quantity == Decimal("0.999")
    assert held.average == 100


def test_a_fee_without_a_price_is_shown_apart_and_never_dropped() -> None:
    positions = traded(bought("1", "100", "0.0002", "BNB"))
    assert positions.fees == {"BNB": Fees(Decimal("0.0002"), unvalued=Decimal("0.0002"))}
    assert positions.held["BNB"].unknown_out == Decimal("0.0002")
    assert positions.realised == 0


def test_a_fee_out_of_what_was_bought_here_realises_what_that_has_gained() -> None:
    positions = traded(bought("1", "500"), base="BNB")
    positions.add(bought("1", "100", "0.1", "BNB"), "BTC", "USDT", {"BNB": Decimal(600)}.get)
    assert positions.held["BNB"].quantity == Decimal("0.9")
    assert positions.held["BNB"].realised == 10  # 0.1 of it was worth 60 and had cost 50
    assert positions.realised == -50


def test_a_trade_against_another_asset_parts_with_that_asset_at_its_price_of_the_moment() -> None:
    positions = traded(bought("1", "40000"))
    positions.add(bought("10", "0.05"), "ETH", "BTC", {"BTC": Decimal(50000)}.get)
    assert positions.held["BTC"] == Position(Decimal("0.5"), Decimal(20000), realised=Decimal(5000))
    assert positions.held["ETH"].average == 2500


def test_a_trade_of_which_nobody_knows_the_value_moves_quantities_and_makes_no_profit() -> None:
    positions = traded(bought("1", "40000"))
    positions.add(bought("10", "0.05", "0.01", "ETH"), "ETH", "BTC")
    assert positions.unvalued == 1
    assert positions.realised == 0
    assert positions.held["BTC"] == Position(Decimal("0.5"), Decimal(20000))
    assert positions.held["ETH"] == Position(unknown_in=Decimal(10), unknown_out=Decimal("0.01"))
    assert positions.fees["ETH"].unvalued == Decimal("0.01")


def test_the_currency_can_be_the_base_asset_of_a_symbol() -> None:
    positions = traded(sold("100", "30"), base="USDT", quote="TRY")
    assert positions.held == {"TRY": Position(Decimal(3000), Decimal(100))}


def test_each_utc_day_has_its_own_profit() -> None:
    positions = traded(bought("2", "100"), sold("1", "90"), sold("1", "130", day=DAY + 1))
    assert positions.realised_on(DAY) == -10
    assert positions.realised_on(DAY + 1) == 30
    assert positions.realised_on(DAY + 2) == 0
    assert positions.realised == 20


def test_a_day_begins_at_midnight_utc() -> None:
    assert utc_day(1_700_006_399_999) == 19_675
    assert utc_day(1_700_006_400_000) == 19_676


def test_what_is_held_without_a_price_is_left_out_of_the_unrealised_profit() -> None:
    positions = traded(bought("1", "100"))
    assert positions.unrealised(no_prices) == 0
    assert positions.unrealised({"BTC": Decimal(90)}.get) == -10
