"""Laws of the local check, whatever the filters and the order."""

from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.domain.exchange import rules

from binance_spot_mcp.domain.check import check
from binance_spot_mcp.domain.exact import common_step, is_multiple, steps_covering, steps_within, times
from binance_spot_mcp.domain.facts import Account, Market, OpenCounts
from binance_spot_mcp.domain.findings import Limit, nearest
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.errors import FilterFailure
from binance_spot_mcp.vocabulary import plain


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Amounts above 0 with at most so many decimals."""
    unit = Decimal(1).scaleb(-places)
    least, most = max(1, int(Decimal(low) / unit)), int(Decimal(high) / unit)
    return st.integers(least, most).map(lambda count: Decimal(count).scaleb(-places).normalize())


STEPS = st.sampled_from([Decimal(step) for step in ("0.01", "0.05", "0.1", "0.25", "0.3", "1", "2.5", "7")])
PRICES = decimals("0.01", "500", 3)
QUANTITIES = decimals("0.01", "200", 4)


@st.composite
def symbols(draw: st.DrawFn) -> SymbolRules:
    """A symbol with some of the filters on price, size and value."""

    def amount(low: str, high: str) -> str:
        return plain(draw(decimals(low, high, 2)))

    tick, step, market_step = (plain(draw(STEPS)) for _ in range(3))
    price = {"filterType": "PRICE_FILTER", "minPrice": amount("0.01", "20"), "maxPrice": amount("50", "900")}
    lot = {"filterType": "LOT_SIZE", "minQty": amount("0.01", "2"), "maxQty": amount("10", "150")}
    market_lot = {"filterType": "MARKET_LOT_SIZE", "minQty": amount("0.01", "2"), "maxQty": amount("10", "150")}
    value = {"minNotional": amount("1", "50"), "maxNotional": amount("100", "9000"), "avgPriceMins": 5}
    flags = {name: draw(st.booleans()) for name in ("applyMinToMarket", "applyMaxToMarket")}
    up, down = plain(draw(decimals("1.01", "5", 2))), plain(draw(decimals("0.1", "0.99", 2)))
    filters: list[dict[str, Any]] = [
        {**price, "tickSize": tick},
        {**lot, "stepSize": step},
        {**market_lot, "stepSize": draw(st.sampled_from([market_step, "0"]))},
        {"filterType": "NOTIONAL", **value, **flags},
        {"filterType": "PERCENT_PRICE", "multiplierUp": up, "multiplierDown": down, "avgPriceMins": 5},
        {"filterType": "ICEBERG_PARTS", "limit": draw(st.integers(1, 20))},
        {"filterType": "MAX_POSITION", "maxPosition": amount("20", "200")},
        {"filterType": "MAX_ASSET", "asset": draw(st.sampled_from(["BTC", "USDT"])), "limit": amount("50", "5000")},
    ]
    chosen = draw(st.lists(st.sampled_from(filters), min_size=1, unique_by=lambda each: str(each["filterType"])))
    return rules(*chosen)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A single order or an OCO."""
    side = draw(st.sampled_from(["BUY", "SELL"]))
    quantity = plain(draw(QUANTITIES))
    given_: dict[str, Any] = {"symbol": "BTCUSDT", "side": side, "quantity": quantity}
    if draw(st.booleans()):
        prices = [plain(draw(PRICES)) for _ in range(3)]
        legs = [("LIMIT_MAKER", "STOP_LOSS_LIMIT"), ("STOP_LOSS_LIMIT", "LIMIT_MAKER")][side == "BUY"]
        for prefix, kind in zip(("above", "below"), legs, strict=True):
            given_ |= {f"{prefix}Type": kind, f"{prefix}Price": prices.pop()}
            if kind == "STOP_LOSS_LIMIT":
                given_ |= {f"{prefix}StopPrice": prices.pop()}
        return Request.read("oco", given_)
    given_["type"] = draw(st.sampled_from(["LIMIT", "MARKET", "LIMIT_MAKER"]))
    if given_["type"] != "MARKET":
        given_["price"] = plain(draw(PRICES))
        if draw(st.booleans()):
            given_["icebergQty"] = plain(draw(QUANTITIES))
    elif draw(st.booleans()):
        given_["quoteOrderQty"] = given_.pop("quantity")
    return Request.read("order", given_)


ACCOUNTS = st.builds(Account, base_held=decimals("0.01", "30", 2), buying=decimals("0.01", "10", 2))
MARKETS = st.builds(Market, reference_price=decimals("1", "300", 2))


@given(requests(), symbols(), MARKETS, ACCOUNTS)
def test_the_proposed_values_pass_everything_that_the_order_broke(
    request: Request, symbol: SymbolRules, market: Market, account: Account
) -> None:
    found = check(request, symbol, market, account)
    assert found.fix == {} or not found.passed
    for param, value in found.fix.items():
        request = request.with_number(param, value)
    if found.fix:
        assert check(request, symbol, market, account).violations == ()


@given(requests(), symbols(), MARKETS, ACCOUNTS)
def test_the_nearest_values_of_a_violation_heal_their_parameter(
    request: Request, symbol: SymbolRules, market: Market, account: Account
) -> None:
    for violation in check(request, symbol, market, account).violations:
        for value in (violation.lower, violation.upper):
            if violation.param is not None and value is not None:
                healed = check(request.with_number(violation.param, value), symbol, market, account)
                assert violation.param not in {each.param for each in healed.violations if each.rule != "LEG_PRICES"}


@given(requests(), symbols(), MARKETS, ACCOUNTS)
def test_a_refusal_holds_text_only_and_no_float(
    request: Request, symbol: SymbolRules, market: Market, account: Account
) -> None:
    refusal = check(request, symbol, market, account).refusal()
    assume(refusal is not None)
    assert isinstance(refusal, FilterFailure)
    assert all(isinstance(value, str) for value in refusal.fix.values())
    for facts in (refusal.details, *refusal.details.get("also", ())):
        assert all(isinstance(value, str) for name, value in facts.items() if name != "also")


@given(requests(), symbols(), MARKETS, ACCOUNTS)
def test_knowing_less_refuses_less_and_says_more(
    request: Request, symbol: SymbolRules, market: Market, account: Account
) -> None:
    informed, blind = check(request, symbol, market, account), check(request, symbol)
    assert {each.rule for each in blind.violations} <= {each.rule for each in informed.violations}
    broken = {each.rule for each in informed.violations}
    assert broken <= {each.rule for each in blind.violations} | {each.rule for each in blind.unchecked}


LIMITS = st.builds(
    Limit,
    rule=st.just("R"),
    number=st.just("quantity"),
    param=st.just("quantity"),
    given=decimals("0.01", "12", 2),
    minimum=st.none() | decimals("0.01", "5", 2),
    maximum=st.none() | decimals("2", "12", 2),
    step=STEPS,
    factor=st.sampled_from([Decimal(1), Decimal("0.7"), Decimal(3)]),
)


@given(st.lists(LIMITS, min_size=1, max_size=3), decimals("0.01", "12", 2))
def test_no_valid_value_lies_nearer_than_the_nearest(limits: list[Limit], value: Decimal) -> None:
    def valid(candidate: Decimal) -> bool:
        return all(
            is_multiple(candidate, each.step or Decimal(1))
            and (each.minimum is None or each.minimum <= times(candidate, each.factor))
            and (each.maximum is None or times(candidate, each.factor) <= each.maximum)
            for each in limits
        )

    grid = [Decimal(count).scaleb(-2) for count in range(1, 2001)]
    allowed = [candidate for candidate in grid if valid(candidate)]
    lower, upper = nearest(value, limits)
    assert lower == max((each for each in allowed if each <= value), default=None)
    if upper is None or upper <= grid[-1]:
        assert upper == min((each for each in allowed if each >= value), default=None)


@given(st.decimals("0.00000001", "1E20", places=12), st.lists(STEPS, min_size=1, max_size=4))
def test_steps_are_counted_exactly(value: Decimal, steps: list[Decimal]) -> None:
    step = common_step(steps)
    assert all(is_multiple(step, each) for each in steps)
    assert times(Decimal(steps_within(value, step)), step) <= value <= times(Decimal(steps_covering(value, step)), step)
    assert steps_covering(value, step) - steps_within(value, step) == int(not is_multiple(value, step))


@given(st.floats())
def test_a_float_is_never_taken_for_an_amount(value: float) -> None:
    try:
        Request.read("order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": value})
    except TypeError:
        return
    raise AssertionError("a float became an amount")


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_count_is_refused_exactly_when_it_would_pass_the_maximum(now: int, most: int) -> None:
    symbol = rules({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": most})
    request = Request.read("order", {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1"})
    found = check(request, symbol, account=Account(here=OpenCounts(orders=now)))
    assert found.passed is (now + 1 <= most)
