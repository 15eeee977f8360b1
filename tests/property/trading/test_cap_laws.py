"""What holds of caps whatever is asked for: nothing that is let through adds up to more than is allowed."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.domain.exchange import limit, market, order

from binance_spot_mcp.allowance import Caps, Money
from binance_spot_mcp.domain.exact import total
from binance_spot_mcp.domain.expected_fill import expected_fill
from binance_spot_mcp.domain.price_band import Touch, out_of_band
from binance_spot_mcp.trading.caps import Ask, Share, Use, shares, shrunk

AMOUNTS = st.decimals(min_value="0.00000001", max_value="100000000", places=8, allow_nan=False, allow_infinity=False)
ASSETS = st.sampled_from(["USDT", "BTC", "EUR"])
COUNTS = st.integers(1, 5)
ASKS = st.builds(Ask, st.just("ANY"), ASSETS, AMOUNTS, COUNTS, COUNTS)
RATES = st.fixed_dictionaries({"BTC": AMOUNTS, "EUR": AMOUNTS})
CAPS = st.builds(
    Caps,
    max_order_notional=st.none() | st.builds(Money, AMOUNTS, st.just("USDT")),
    max_daily_notional=st.none() | st.builds(Money, AMOUNTS, st.just("USDT")),
    max_open_orders=st.none() | st.integers(1, 20),
    max_orders_per_minute=st.none() | st.integers(1, 20),
)


def in_usdt(rates: dict[str, Decimal]) -> dict[tuple[str, str], Decimal]:
    return {("USDT", "USDT"): Decimal(1), **{(asset, "USDT"): rate for asset, rate in rates.items()}}


@given(CAPS, st.lists(ASKS), RATES)
def test_whatever_is_let_through_keeps_every_cap_to_the_last_digit(
    caps: Caps, asks: list[Ask], rates: dict[str, Decimal]
) -> None:
    worth = in_usdt(rates)
    traded: defaultdict[str, Decimal] = defaultdict(Decimal)
    spent, sent, rests = Fraction(0), 0, 0
    for ask in asks:
        use = Use(dict(traded), open_orders=rests, last_minute=sent)
        if any(share.broken for share in shares(caps, use, ask, worth)):
            continue
        assert ask.notional is not None
        value = Fraction(ask.notional) * Fraction(worth[ask.asset, "USDT"])
        assert caps.max_order_notional is None or value <= Fraction(caps.max_order_notional.amount)
        traded[ask.asset] = total((traded[ask.asset], ask.notional))
        spent, sent, rests = spent + value, sent + ask.orders, rests + ask.resting
    assert caps.max_daily_notional is None or spent <= Fraction(caps.max_daily_notional.amount)
    assert caps.max_orders_per_minute is None or sent <= caps.max_orders_per_minute
    assert caps.max_open_orders is None or rests <= caps.max_open_orders


@given(CAPS, ASKS, RATES)
def test_nothing_is_refused_that_would_fit(caps: Caps, ask: Ask, rates: dict[str, Decimal]) -> None:
    for share in shares(caps, Use(), ask, in_usdt(rates)):
        assert share.broken is (share.asked > share.limit)
        assert share.left == share.limit


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_a_smaller_size_comes_to_what_is_left_and_hardly_less(size: Decimal, limit_: Decimal, price: Decimal) -> None:
    asked = Fraction(size) * Fraction(price)
    share = Share("max_order_notional", limit_, Decimal(0), size * price, "USDT")
    if not share.broken:
        return
    found = shrunk(order(**limit(str(size), str(price))), share)
    assert found is not None
    name, smaller = found
    assert name == "quantity"
    assert abs(Fraction(smaller) / Fraction(size) - Fraction(limit_) / asked) < Fraction(1, 10**20)


@given(
    st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=10, unique_by=lambda level: level[0]),
    AMOUNTS,
    st.decimals(min_value="0.01", max_value="100", places=2),
)
def test_a_fill_within_the_band_pays_no_price_outside_it(
    levels: list[tuple[Decimal, Decimal]], quantity: Decimal, band: Decimal
) -> None:
    asks = sorted(levels)
    best = asks[0][0]
    request = order(**market(quantity=str(quantity)))
    fill = expected_fill(request.orders[0], (), asks)
    assert fill is not None
    if out_of_band(request, band, Touch(None, best), None, fill) is None:
        assert fill.complete
        assert fill.worst is not None
        assert Fraction(fill.worst) <= Fraction(best) * (1 + Fraction(band) / 100)
        assert Fraction(fill.notional) <= Fraction(quantity) * Fraction(best) * (1 + Fraction(band) / 100)
