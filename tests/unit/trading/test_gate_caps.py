"""What the operator allows: no order leaves that asks for more, and no two share the last of it."""

import asyncio
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from tests.unit.domain.exchange import limit, market
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot, Wire, order_report
from tests.unit.trading.test_gate import OCO, pass_through

from binance_spot_mcp.allowance import NO_CAPS, Caps, Money
from binance_spot_mcp.domain.positions import DAY_MS
from binance_spot_mcp.errors import OutcomeUnknown, Refused, Rejected, SpotError, Unreachable
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.snapshots import DIGEST

pytestmark = pytest.mark.anyio

BTC = limit("0.001", "50000")
"""Trades up to 50 USDT."""


def usdt(amount: str) -> Money:
    return Money(Decimal(amount), "USDT")


def book(bid: str = "49999", ask: str = "50001", quantity: str = "9") -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "bidPrice": bid, "bidQty": quantity, "askPrice": ask, "askQty": quantity}


@pytest.fixture(autouse=True)
def _book(spot: FakeSpot) -> None:
    spot.replies["get_book_ticker"] = lambda _: book()


async def refused(gate: Gate, tool: str, given: dict[str, Any], cap: str) -> Refused:
    """A call that a cap refuses."""
    with pytest.raises(Refused) as refusal:
        await pass_through(gate, tool, given)
    assert (refusal.value.code, refusal.value.sent) == ("LIMIT_EXCEEDED", "no")
    assert refusal.value.details["cap"] == cap
    return refusal.value


def placed(spot: FakeSpot) -> int:
    return sum(len(spot.asked(name)) for name in ("place_order", "place_oco", "place_sor_order"))


async def test_no_price_is_asked_for_where_nothing_is_capped(gate: Gate, spot: FakeSpot) -> None:
    await pass_through(gate, "place_order", limit("100"))
    assert {name for name, _ in spot.calls}.isdisjoint({"get_book_ticker", "get_order_book", "get_reference_price"})


async def test_one_order_may_come_to_the_cap_and_no_further(make_gate: MakeGate, spot: FakeSpot) -> None:
    gate = make_gate(caps=Caps(max_order_notional=usdt("50")))
    await pass_through(gate, "place_order", BTC)
    refusal = await refused(gate, "place_order", limit("0.00101", "50000"), "max_order_notional")
    assert refusal.details == {
        "cap": "max_order_notional",
        "limit": "50",
        "used": "0",
        "asked": "50.5",
        "left": "50",
        "unit": "USDT",
    }
    assert (refusal.fix, refusal.retry) == ({"quantity": "0.001"}, "after_fix")
    assert "With quantity 0.001 it would fit." in refusal.message
    assert placed(spot) == 1
    assert len(spot.asked("test_order")) == 1


async def test_a_fix_keeps_the_filters_too(make_gate: MakeGate) -> None:
    gate = make_gate(caps=Caps(max_order_notional=usdt("4.99")))
    refusal = await refused(gate, "place_order", BTC, "max_order_notional")
    assert refusal.fix == {}  # the symbol takes no order below 5 USDT
    gate = make_gate(caps=Caps(max_order_notional=usdt("33.333333")))
    refusal = await refused(gate, "place_order", BTC, "max_order_notional")
    assert refusal.fix == {"quantity": "0.00066"}


async def test_a_fix_keeps_every_cap(make_gate: MakeGate) -> None:
    gate = make_gate(caps=Caps(max_order_notional=usdt("40"), max_daily_notional=usdt("20")))
    refusal = await refused(gate, "place_order", BTC, "max_order_notional")
    assert refusal.fix == {"quantity": "0.0004"}
    await pass_through(gate, "place_order", limit("0.0004", "50000"))


async def test_a_market_order_counts_with_its_expected_fill(make_gate: MakeGate, spot: FakeSpot) -> None:
    levels = [["50000", "0.001"], ["50100", "0.001"]]
    spot.replies["get_order_book"] = lambda _: {"lastUpdateId": 1, "bids": [["49999", "1"]], "asks": levels}
    gate = make_gate(caps=Caps(max_order_notional=usdt("100")))
    refusal = await refused(gate, "place_order", market(quantity="0.002"), "max_order_notional")
    assert refusal.details["asked"] == "100.1"
    refusal = await refused(gate, "place_order", market(quantity="0.003"), "max_order_notional")
    assert refusal.details["asked"] == "150.2"
    refusal = await refused(gate, "place_order", market(quoteOrderQty="100.01"), "max_order_notional")
    assert refusal.fix == {"quoteOrderQty": "100"}
    await pass_through(gate, "place_order", market(quoteOrderQty="100"))


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("place_order", BTC),
        ("place_oco", OCO | {"quantity": "0.001"}),
        ("cancel_replace_order", BTC | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 7}),
    ],
)
async def test_every_tool_that_places_passes_the_caps(
    make_gate: MakeGate, spot: FakeSpot, tool: str, given: dict[str, Any]
) -> None:
    gate = make_gate(caps=Caps(max_order_notional=usdt("6")))
    await refused(gate, tool, given, "max_order_notional")
    gate = make_gate(caps=Caps(symbols=("ETHUSDT",)))
    refusal = await refused(gate, tool, given, "symbols")
    assert refusal.details["allowed"] == ["ETHUSDT"]
    assert spot.asked("test_order") == []
    assert placed(spot) == 0


async def test_cancels_and_amendments_ask_for_nothing(make_gate: MakeGate, spot: FakeSpot) -> None:
    gate = make_gate(caps=Caps(symbols=(), max_order_notional=usdt("1"), max_open_orders=1, max_orders_per_minute=1))
    await pass_through(gate, "cancel_order", {"symbol": "BTCUSDT", "orderId": 7})
    await pass_through(gate, "amend_order", {"symbol": "BTCUSDT", "orderId": 7, "newQty": "0.5"})
    assert len(spot.asked("amend_order")) == 1


async def test_a_day_counts_what_is_open_and_what_was_traded(make_gate: MakeGate, spot: FakeSpot) -> None:
    caps = Caps(max_daily_notional=usdt("120"))
    gate = make_gate(caps=caps, state="one")
    await pass_through(gate, "place_order", BTC)  # stays open: 50
    spot.replies["place_order"] = lambda wire: (
        order_report(wire)
        | {
            "orderId": 8,
            "status": "CANCELED",
            "executedQty": "0.0004",
            "cummulativeQuoteQty": "20",
            "origQty": "0.001",
        }
    )
    await pass_through(gate, "place_order", BTC)  # 20 of 50 traded
    refusal = await refused(gate, "place_order", limit("0.0012", "50000"), "max_daily_notional")
    assert (refusal.details["used"], refusal.details["left"], refusal.fix) == ("70", "50", {"quantity": "0.001"})
    await gate.settled()
    await gate._keeper.close()  # a restart counts the same
    gate = make_gate(caps=caps, state="one")
    refusal = await refused(gate, "place_order", limit("0.0012", "50000"), "max_daily_notional")
    assert refusal.details["used"] == "70"
    spot.now_ms += DAY_MS  # and the next day begins anew
    await pass_through(gate, "place_order", limit("0.0012", "50000"))


@pytest.mark.parametrize(
    ("error", "used"),
    [
        (Rejected("No."), "0"),
        (Unreachable("No line."), "0"),
        (OutcomeUnknown("Lost."), "50"),
    ],
)
async def test_what_never_came_to_be_uses_nothing_and_what_is_unknown_uses_all(
    make_gate: MakeGate, spot: FakeSpot, error: SpotError, used: str
) -> None:
    gate = make_gate(caps=Caps(max_daily_notional=usdt("60")))
    spot.replies["place_order"] = lambda _: error
    with pytest.raises(type(error)):
        await pass_through(gate, "place_order", BTC)
    refusal = await refused(gate, "place_order", limit("0.002", "40000", side="SELL"), "max_daily_notional")
    assert refusal.details["used"] == used


async def test_orders_are_counted_while_they_are_open(make_gate: MakeGate, spot: FakeSpot) -> None:
    gate = make_gate(caps=Caps(max_open_orders=2))
    await pass_through(gate, "place_order", BTC)
    refusal = await refused(gate, "place_oco", OCO, "max_open_orders")
    assert (refusal.details["used"], refusal.details["asked"], refusal.next) == ("1", "2", "get_open_orders")
    numbers = count(10)
    spot.replies["place_order"] = lambda wire: order_report(wire) | {"orderId": next(numbers), "status": "FILLED"}
    await pass_through(gate, "place_order", limit("0.002", "50000"))
    await pass_through(gate, "place_order", market(quoteOrderQty="10"))
    spot.replies["place_order"] = lambda wire: order_report(wire) | {"orderId": next(numbers)}
    await pass_through(gate, "place_order", limit("0.003", "50000"))
    await refused(gate, "place_order", limit("0.002", "50000"), "max_open_orders")
    await pass_through(gate, "place_order", market(quoteOrderQty="11"))  # cannot rest


async def test_orders_of_a_minute_are_counted_leg_by_leg(make_gate: MakeGate, spot: FakeSpot) -> None:
    gate = make_gate(caps=Caps(max_orders_per_minute=3))
    await pass_through(gate, "place_order", BTC)
    spot.now_ms += 10_000
    await pass_through(gate, "place_oco", OCO)
    refusal = await refused(gate, "place_order", limit("0.002"), "max_orders_per_minute")
    assert (refusal.retry, refusal.retry_at_ms) == ("at", 65_000)
    spot.now_ms = 64_999
    await refused(gate, "place_order", limit("0.002"), "max_orders_per_minute")
    spot.now_ms = 65_000
    await pass_through(gate, "place_order", limit("0.002"))


async def test_an_order_that_never_left_does_not_count_for_the_minute_and_one_that_was_refused_does(
    make_gate: MakeGate, spot: FakeSpot
) -> None:
    gate = make_gate(caps=Caps(max_orders_per_minute=1))
    for error in (Unreachable("No line."), Rejected("No.")):
        spot.replies["place_order"] = lambda _, error=error: error  # type: ignore[misc]  # bound as it is now
        with pytest.raises(type(error)):
            await pass_through(gate, "place_order", BTC)
    await refused(gate, "place_order", limit("0.002"), "max_orders_per_minute")


async def test_a_price_outside_the_band_is_refused_with_the_bounds(make_gate: MakeGate, spot: FakeSpot) -> None:
    gate = make_gate(caps=Caps(price_band=Decimal(2)))
    refusal = await refused(gate, "place_order", limit(price="51001.03"), "price_band")
    assert (refusal.details["min"], refusal.details["max"]) == ("48999.02", "51001.02")
    assert (refusal.details["param"], refusal.details["given"]) == ("price", "51001.03")
    await refused(gate, "place_order", limit(price="48999.01"), "price_band")
    await pass_through(gate, "place_order", limit(price="51001.02"))
    spot.replies["get_reference_price"] = lambda _: {"symbol": "BTCUSDT", "referencePrice": "49000", "timestamp": 1}
    gate = make_gate(caps=Caps(price_band=Decimal(2)))
    refusal = await refused(gate, "place_order", limit(price="50000"), "price_band")
    assert "the reference price" in refusal.message


@pytest.mark.parametrize(
    "answer",
    [Unreachable("No line."), Rejected("No."), book("0", "0"), book("50002", "50001")],
    ids=["no line", "refused", "empty", "crossed"],
)
async def test_without_a_present_price_nothing_is_judged_and_nothing_sent(
    make_gate: MakeGate, spot: FakeSpot, answer: object
) -> None:
    spot.replies["get_book_ticker"] = lambda _: answer
    for caps in (Caps(price_band=Decimal(2)), Caps(max_order_notional=usdt("1000"))):
        with pytest.raises(Refused) as stale:
            await pass_through(make_gate(caps=caps), "place_order", BTC)
        assert (stale.value.code, stale.value.retry) == ("STALE_DATA", "at")
    assert placed(spot) == 0


async def test_a_cap_in_another_currency_is_judged_through_the_book(make_gate: MakeGate, spot: FakeSpot) -> None:
    eur = {"symbol": "EURUSDT", "baseAsset": "EUR", "quoteAsset": "USDT"}

    def tickers(wire: Wire) -> object:
        every = [book(), {**book("1.24", "1.25"), "symbol": "EURUSDT"}]
        return every[0] if "symbol" in wire else every

    spot.replies["get_book_ticker"] = tickers
    info = spot.replies["get_exchange_info"]
    symbols = {"timezone": "UTC", "serverTime": 1, "rateLimits": [], "exchangeFilters": []}
    spot.replies["get_exchange_info"] = lambda wire: (
        info(wire) if "symbol" in wire else symbols | {"symbols": [spot.symbol | eur]}
    )
    gate = make_gate(caps=Caps(max_order_notional=Money(Decimal(40), "EUR")))
    await pass_through(gate, "place_order", BTC)  # 50 USDT / 1.25
    refusal = await refused(gate, "place_order", limit("0.00101", "50000"), "max_order_notional")
    assert (refusal.details["asked"], refusal.details["unit"]) == ("40.4", "EUR")
    gate = make_gate(caps=Caps(max_order_notional=Money(Decimal(40), "XYZ")))
    refusal = await refused(gate, "place_order", BTC, "conversion")
    assert "No symbol that leads to XYZ" in refusal.message


@pytest.mark.parametrize(
    ("caps", "cap"),
    [
        (Caps(max_daily_notional=usdt("149")), "max_daily_notional"),
        (Caps(max_open_orders=2), "max_open_orders"),
        (Caps(max_orders_per_minute=2), "max_orders_per_minute"),
    ],
)
async def test_orders_at_the_same_time_do_not_share_the_last_of_a_cap(
    make_gate: MakeGate, spot: FakeSpot, caps: Caps, cap: str
) -> None:
    gate = make_gate(caps=caps)
    hold = spot.hold("test_order")
    calls = [asyncio.create_task(pass_through(gate, "place_order", limit("0.001", str(50_000 - n)))) for n in range(5)]
    await hold.arrived.wait()
    hold.released.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert placed(spot) == 2
    for outcome in outcomes:
        assert not isinstance(outcome, BaseException) or (
            isinstance(outcome, Refused) and outcome.details["cap"] == cap
        )


async def test_an_order_that_is_given_up_on_its_way_gives_back_what_it_held(
    make_gate: MakeGate, spot: FakeSpot
) -> None:
    gate = make_gate(caps=Caps(max_orders_per_minute=1))
    hold = spot.hold("test_order")
    call = asyncio.create_task(pass_through(gate, "place_order", BTC))
    await hold.arrived.wait()
    await refused(gate, "place_order", limit("0.002"), "max_orders_per_minute")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    hold.released.set()
    await pass_through(gate, "place_order", limit("0.002"))


async def test_the_record_of_a_call_says_by_what_it_was_allowed(make_gate: MakeGate) -> None:
    caps = Caps(max_order_notional=usdt("100"), max_orders_per_minute=9)
    gate = make_gate(caps=caps)
    passed = await pass_through(gate, "place_order", BTC)
    register = (await gate._keeper.account()).intents.register
    audit = dict(register.intents[passed.intent_id].audit)
    assert len(audit.pop("rules")) == DIGEST
    assert audit == {
        "asset": "USDT",
        "notional": "50",
        "digest": caps.digest,
        "caps": {"max_order_notional": "100 USDT", "max_orders_per_minute": "9"},
        "used": {"max_order_notional": "0", "max_orders_per_minute": "0"},
    }
    assert caps.digest != NO_CAPS.digest


async def test_the_state_of_trading_says_what_is_used_and_left(make_gate: MakeGate) -> None:
    gate = make_gate(caps=Caps(max_daily_notional=usdt("100"), max_open_orders=3, symbols=("BTCUSDT",)))
    await pass_through(gate, "place_order", BTC)
    state = await gate.state()
    assert state["caps"] == [
        {"cap": "max_daily_notional", "limit": "100", "used": "50", "left": "50", "unit": "USDT"},
        {"cap": "max_open_orders", "limit": "3", "used": "1", "left": "2"},
        {"cap": "symbols", "limit": "BTCUSDT"},
    ]
    assert (state["gate"], state["open_count"], state["unresolved_count"]) == ("open", 1, 0)


async def test_the_share_of_the_day_is_told_in_words(make_gate: MakeGate, spot: FakeSpot) -> None:
    gate = make_gate(caps=Caps(max_daily_notional=usdt("500")))
    hold = spot.hold("test_order")
    call = asyncio.create_task(pass_through(gate, "place_order", BTC))
    await hold.arrived.wait()
    assert gate._caps.share_of_day(Decimal(50), "USDT") == "10 % of 500 USDT for this UTC day, 0 used before"
    assert gate._caps.share_of_day(Decimal(50), "EUR") == ""
    hold.released.set()
    await call
