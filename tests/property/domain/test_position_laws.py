"""Laws of positions, whatever was traded."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.domain.fills import DAY, Fill

from binance_spot_mcp.domain.exact import minus, times, total
from binance_spot_mcp.domain.positions import Positions, PriceOf, no_prices

AMOUNTS = st.integers(1, 10**12).map(lambda units: Decimal(units).scaleb(-8))
FEES = st.integers(0, 10**6).map(lambda units: Decimal(units).scaleb(-8))
PRICES: PriceOf = {"BTC": Decimal("61234.56"), "BNB": Decimal("612.3"), "USDT": Decimal(1)}.get


def fills(*fee_assets: str) -> st.SearchStrategy[list[Fill]]:
    """Some fills on BTCUSDT in the order of their time."""
    one = st.builds(
        Fill,
        side=st.sampled_from(["BUY", "SELL"]),
        price=AMOUNTS,
        quantity=AMOUNTS,
        commission=FEES,
        commission_asset=st.sampled_from(fee_assets),
        at_ms=st.integers(DAY, DAY + 3).map(lambda day: day * 86_400_000),
    )
    return st.lists(one, max_size=30).map(lambda made: sorted(made, key=lambda fill: fill.at_ms))


def traded(made: list[Fill], prices: PriceOf = PRICES) -> Positions:
    positions = Positions("USDT")
    for fill in made:
        positions.add(fill, "BTC", "USDT", prices)
    return positions


def summed(made: list[Fill], side: str) -> Decimal:
    return total(fill.quantity for fill in made if fill.side == side)


@given(fills("USDT", "BTC"))
def test_nothing_is_lost_between_what_came_in_and_what_went_out(made: list[Fill]) -> None:
    held = traded(made).held.get("BTC")
    if held is None:
        assert not made
        return
    fees = total(fill.commission for fill in made if fill.commission_asset == "BTC")
    went = total((summed(made, "SELL"), fees))
    assert minus(held.quantity, held.unknown_out) == minus(summed(made, "BUY"), went)
    assert min(held.quantity, held.cost, held.unknown_out) >= 0


@given(fills("USDT", "BTC"), AMOUNTS)
def test_profit_is_what_was_earned_and_is_held_less_what_was_spent(made: list[Fill], price: Decimal) -> None:
    """As long as nothing went out that had not come in, to the last digit and whatever was rounded inside."""
    owned: list[Fill] = []
    for fill in made:
        if all(held.unknown_out == 0 for held in traded([*owned, fill]).held.values()):
            owned.append(fill)
    positions = traded(owned)
    earned = total(times(fill.price, fill.quantity) for fill in owned if fill.side == "SELL")
    spent = total(times(fill.price, fill.quantity) for fill in owned if fill.side == "BUY")
    paid = total(fill.commission for fill in owned if fill.commission_asset == "USDT")
    held = positions.held["BTC"].quantity if owned else Decimal(0)
    equity = total((earned, -spent, -paid, times(held, price)))
    assert total((positions.realised, positions.unrealised({"BTC": price}.get))) == equity


@given(fills("USDT", "BTC", "BNB"))
def test_the_days_add_up_to_the_whole_and_a_day_is_what_was_new_on_it(made: list[Fill]) -> None:
    positions = traded(made)
    assert total(positions.realised_on(day) for day in range(DAY, DAY + 4)) == positions.realised
    before = traded([fill for fill in made if fill.at_ms < (DAY + 2) * 86_400_000])
    until = traded([fill for fill in made if fill.at_ms < (DAY + 3) * 86_400_000])
    assert minus(until.realised, before.realised) == positions.realised_on(DAY + 2)


@given(fills("USDT", "BTC", "BNB"), st.booleans())
def test_every_fee_is_counted_with_a_price_or_without_one(made: list[Fill], known: bool) -> None:
    fees = traded(made, PRICES if known else no_prices).fees
    for asset in ("USDT", "BTC", "BNB"):
        paid = total(fill.commission for fill in made if fill.commission_asset == asset)
        assert (fees[asset].amount if asset in fees else 0) == paid
    assert all(fee.unvalued == 0 for asset, fee in fees.items() if known or asset != "BNB")


@given(fills("USDT"))
def test_the_order_of_purchases_does_not_matter(made: list[Fill]) -> None:
    bought = [fill for fill in made if fill.side == "BUY"]
    shuffled = sorted(bought, key=lambda fill: (fill.price, fill.quantity))
    assert traded(shuffled).held == traded(bought).held
    assert traded(shuffled).realised == traded(bought).realised


@given(fills("USDT"))
def test_the_average_cost_lies_between_the_cheapest_and_the_dearest_purchase(made: list[Fill]) -> None:
    held = traded(made).held.get("BTC")
    if held is not None and held.average is not None:
        prices = [fill.price for fill in made if fill.side == "BUY"]
        hair = Decimal("1E-15") * max(prices) + Decimal("1E-16") / held.quantity
        assert min(prices) - hair <= held.average <= max(prices) + hair
