"""A day of the official modular Spot SDK's REST part on the paper exchange."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from binance_sdk_spot import BadRequestError, TimeUnit, UnauthorizedError
from tests.clients.ledger import TRADED, conserved, nothing_locked
from tests.clients.paper import Paper
from tests.clients.sdk_desk import RestDesk, spot, spot_with_ed25519

BTC, SOL, BNB, BEYOND_ASCII = "BTCUSDT", "SOLUSDT", "BNBUSDT", "币安人生USDT"
INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


@pytest.fixture
def desk(paper: Paper) -> RestDesk:
    return RestDesk(spot(paper))


def test_the_exchange_introduces_itself(desk: RestDesk) -> None:
    assert desk("ping") == {}
    assert desk("time").server_time > 1_700_000_000_000
    listed = desk("exchange_info").symbols
    assert {each.symbol for each in listed} >= TRADED.keys()
    assert [each.symbol for each in desk("exchange_info", symbols=[BTC, SOL]).symbols] == [BTC, SOL]
    assert desk("execution_rules", symbol=BNB).symbol_rules[0].rules[0].rule_type == "PRICE_RANGE"
    assert desk("reference_price", symbol=BNB).symbol == BNB
    assert desk("reference_price_calculation", symbol=BNB).calculation_type == "ARITHMETIC_MEAN"


def test_the_market_tells_one_story(desk: RestDesk) -> None:
    book = desk("depth", symbol=BTC, limit=5)
    assert len(book.bids) == len(book.asks) == 5
    assert Decimal(book.bids[0][0]) < Decimal(book.asks[0][0])
    for method in ("get_trades", "historical_trades"):
        assert all(later.id == earlier.id + 1 for earlier, later in pairwise(desk(method, symbol=BTC, limit=50)))
    aggregates = desk("agg_trades", symbol=BTC, limit=50)
    assert all(later.f == earlier.l + 1 for earlier, later in pairwise(aggregates))
    assert desk("avg_price", symbol=BTC).mins == 5
    assert desk("historical_block_trades", symbol=BTC, from_id=0) == []
    for method in ("ticker", "ticker24hr", "ticker_trading_day"):
        full, mini = desk(method, symbol=BTC), desk(method, symbol=BTC, type="MINI")
        assert Decimal(full.low_price) <= Decimal(full.last_price) <= Decimal(full.high_price)
        assert (full.symbol, mini.symbol) == (BTC, BTC)
    for method in ("ticker", "ticker24hr", "ticker_trading_day", "ticker_price", "ticker_book_ticker"):
        assert [each.symbol for each in desk(method, symbols=[BTC, SOL])] == [BTC, SOL]


@pytest.mark.parametrize("method", ["klines", "ui_klines"])
def test_klines_of_every_interval_join_up(desk: RestDesk, method: str) -> None:
    for interval in INTERVALS:
        klines = desk(method, symbol=SOL, interval=interval, limit=10)
        assert klines
        assert all(later[0] == earlier[6] + 1 for earlier, later in pairwise(klines))


@pytest.mark.anyio
async def test_orders_of_every_type_live_and_die_and_nothing_is_lost(desk: RestDesk) -> None:
    far_below, farther, far_above, through = [desk.price(BTC, factor) for factor in ("0.9", "0.89", "1.1", "1.01")]
    small: dict[str, Any] = {"symbol": BTC, "quantity": 0.001}
    buy, sell = {**small, "side": "BUY"}, {**small, "side": "SELL"}
    good = {"time_in_force": "GTC"}
    resting_limit = {**good, "type": "LIMIT", "price": far_below}
    async with conserved(desk):
        filled = [
            desk("new_order", **buy, type="LIMIT", price=through, time_in_force="GTC"),
            desk("new_order", **buy, type="LIMIT", price=through, time_in_force="IOC"),
            desk("new_order", **buy, type="LIMIT", price=through, time_in_force="FOK"),
            desk("new_order", **sell, type="MARKET"),
            desk("new_order", symbol=BTC, side="BUY", type="MARKET", quote_order_qty=50),
            desk("new_order", symbol=BTC, side="SELL", type="MARKET", quote_order_qty=50),
            desk("sor_order", **buy, type="MARKET"),
        ]
        assert [order.status for order in filled] == ["FILLED"] * len(filled)
        for order in filled:
            assert sum(Decimal(fill.qty) for fill in order.fills) == Decimal(order.executed_qty)
        resting = [
            desk("new_order", **buy, **resting_limit, new_order_resp_type="RESULT"),
            desk("new_order", **{**buy, "quantity": 0.01}, **resting_limit, iceberg_qty=0.001),
            desk("new_order", **buy, type="LIMIT_MAKER", price=far_below),
            desk("new_order", **buy, type="LIMIT_MAKER", peg_price_type="PRIMARY_PEG", **_peg_offset(20)),
            desk("new_order", **sell, type="STOP_LOSS", stop_price=far_below),
            desk("new_order", **sell, type="STOP_LOSS", trailing_delta=500),
            desk("new_order", **sell, type="TAKE_PROFIT", stop_price=far_above),
            desk("new_order", **sell, **good, type="STOP_LOSS_LIMIT", stop_price=far_below, price=farther),
            desk("new_order", **sell, **good, type="TAKE_PROFIT_LIMIT", stop_price=far_above, price=far_above),
        ]
        opened = desk("get_open_orders", symbol=BTC)
        assert [order.order_id for order in opened] == [order.order_id for order in resting]
        assert desk("delete_order", symbol=BTC, order_id=resting[0].order_id).status == "CANCELED"
        assert len(desk("delete_open_orders", symbol=BTC)) == len(resting) - 1
    assert await nothing_locked(desk)


def _peg_offset(price_levels: int) -> dict[str, Any]:
    return {"peg_offset_type": "PRICE_LEVEL", "peg_offset_value": price_levels}


def test_test_orders_name_their_commission_and_leave_no_trace(desk: RestDesk) -> None:
    order = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.001}
    before = len(desk("all_orders", symbol=BTC, limit=1000))
    for method in ("order_test", "sor_order_test"):
        tested = desk(method, **order, compute_commission_rates=True)
        assert tested.standard_commission_for_order.taker == "0.00100000"
    assert len(desk("all_orders", symbol=BTC, limit=1000)) == before


@pytest.mark.anyio
async def test_a_symbol_beyond_ascii_is_traded(desk: RestDesk) -> None:
    async with conserved(desk):
        order = desk("new_order", symbol=BEYOND_ASCII, side="BUY", type="MARKET", quantity=100)
        assert desk("get_order", symbol=BEYOND_ASCII, order_id=order.order_id).executed_qty == "100.00000000"


@pytest.mark.anyio
async def test_an_order_is_amended_and_replaced(desk: RestDesk) -> None:
    order = {
        "symbol": SOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 3,
        "price": desk.price(SOL, "0.9"),
    }  # fmt: skip
    first = desk("new_order", **order).order_id
    for quantity in (2, 1):
        amended = desk("order_amend_keep_priority", symbol=SOL, order_id=first, new_qty=quantity)
        assert Decimal(amended.amended_order.qty) == quantity
    history = desk("order_amendments", symbol=SOL, order_id=first)
    assert [Decimal(each.new_qty) for each in history] == [2, 1]
    replace = {**order, "cancel_replace_mode": "STOP_ON_FAILURE", "cancel_order_id": first}
    replaced = desk("order_cancel_replace", **replace)
    assert (replaced.cancel_result, replaced.new_order_result) == ("SUCCESS", "SUCCESS")
    with pytest.raises(BadRequestError) as refusal:
        desk("order_cancel_replace", **replace)
    assert refusal.value.args[0] == -2022
    desk("delete_order", symbol=SOL, order_id=replaced.new_order_response.order_id)
    assert await nothing_locked(desk)


@pytest.mark.anyio
async def test_order_lists_of_every_kind_live_and_die(desk: RestDesk) -> None:
    far_below, farther, far_above = [desk.price(SOL, factor) for factor in ("0.9", "0.8", "1.1")]
    desk("new_order", symbol=SOL, side="BUY", type="MARKET", quantity=2)
    placed = [desk(method, **parameters) for method, parameters in order_lists(far_below, farther, far_above)]
    assert [each.contingency_type for each in placed] == ["OCO", "OCO", "OTO", "OTO", "OTO", "OTO"]
    assert [len(each.order_reports) for each in placed] == [2, 2, 2, 3, 2, 3]
    opened = desk("open_order_list")
    assert [each.order_list_id for each in opened] == [each.order_list_id for each in placed]
    for each in placed:
        assert desk("delete_order_list", symbol=SOL, order_list_id=each.order_list_id).list_order_status == "ALL_DONE"
        assert desk("get_order_list", order_list_id=each.order_list_id).list_status_type == "ALL_DONE"
    assert len(desk("all_order_list")) >= len(placed)
    assert await nothing_locked(desk)


def order_lists(far_below: float, farther: float, far_above: float) -> list[tuple[str, dict[str, Any]]]:
    """A list of each kind: method of the SDK, and its parameters."""
    working: dict[str, Any] = {
        "symbol": SOL, "working_type": "LIMIT", "working_side": "BUY", "working_price": far_below,
        "working_quantity": 1, "working_time_in_force": "GTC", "pending_side": "SELL",
    }  # fmt: skip
    one = {"pending_type": "LIMIT", "pending_price": far_above, "pending_time_in_force": "GTC"}
    two = {
        "pending_above_type": "LIMIT_MAKER", "pending_above_price": far_above,
        "pending_below_type": "STOP_LOSS", "pending_below_stop_price": farther,
    }  # fmt: skip
    sell: dict[str, Any] = {"symbol": SOL, "side": "SELL", "quantity": 1}
    either = {
        **sell, "above_type": "LIMIT_MAKER", "above_price": far_above, "below_type": "STOP_LOSS_LIMIT",
        "below_price": farther, "below_stop_price": far_below, "below_time_in_force": "GTC",
    }  # fmt: skip
    legacy = {
        **sell, "price": far_above, "stop_price": far_below, "stop_limit_price": farther,
        "stop_limit_time_in_force": "GTC",
    }  # fmt: skip
    return [
        ("order_list_oco", either),
        ("order_oco", legacy),
        ("order_list_oto", {**working, **one, "pending_quantity": 1}),
        ("order_list_otoco", {**working, **two, "pending_quantity": 1}),
        ("order_list_opo", {**working, **one}),
        ("order_list_opoco", {**working, **two}),
    ]


def test_a_self_trade_is_prevented_and_told(desk: RestDesk) -> None:
    for _ in range(10):  # the market may step between our two orders
        inside = float(Decimal(desk("ticker_book_ticker", symbol=BTC).ask_price) - Decimal("0.01"))
        order = {"symbol": BTC, "type": "LIMIT", "quantity": 0.001, "price": inside}
        maker = desk("new_order", **order, side="BUY", time_in_force="GTC")
        taker = desk("new_order", **order, side="SELL", time_in_force="IOC", self_trade_prevention_mode="EXPIRE_BOTH")
        if taker.status == "EXPIRED_IN_MATCH":
            break
    (match,) = desk("my_prevented_matches", symbol=BTC, order_id=taker.order_id)
    assert (match.maker_order_id, match.taker_order_id) == (maker.order_id, taker.order_id)
    assert desk("get_order", symbol=BTC, order_id=maker.order_id).status == "EXPIRED_IN_MATCH"


def test_account_and_history_say_what_happened(desk: RestDesk) -> None:
    order = desk("new_order", symbol=SOL, side="BUY", type="MARKET", quantity=1)
    assert order.order_id in [each.order_id for each in desk("all_orders", symbol=SOL)]
    trades = desk("my_trades", symbol=SOL, order_id=order.order_id)
    assert sum(Decimal(trade.quote_qty) for trade in trades) == Decimal(order.cummulative_quote_qty)
    assert desk("account_commission", symbol=SOL).standard_commission.taker == "0.00100000"
    assert [each.interval for each in desk("rate_limit_order")] == ["SECOND", "DAY"]
    assert desk("my_filters", symbol=SOL).symbol_filters


def test_an_ed25519_key_signs_too(paper: Paper) -> None:
    desk = RestDesk(spot_with_ed25519(paper))
    order = desk("new_order", symbol=SOL, side="BUY", type="MARKET", quantity=1)
    assert desk("get_order", symbol=SOL, order_id=order.order_id).status == "FILLED"


def test_limits_are_read_from_the_headers(paper: Paper) -> None:
    answer = spot(paper).rest_api.exchange_info(symbol=BTC)
    (weight,) = answer.rate_limits
    assert (weight.rateLimitType, weight.interval, weight.intervalNum) == ("REQUEST_WEIGHT", "MINUTE", 1)
    assert weight.count >= 20


def test_microseconds_are_told_to_who_asks(paper: Paper) -> None:
    desk = RestDesk(spot(paper, time_unit=TimeUnit.MICROSECOND.value))  # its REST part wants text
    assert desk("get_trades", symbol=BTC, limit=1)[0].time > 10**15


def test_what_binance_refuses_is_refused(desk: RestDesk, paper: Paper) -> None:
    order: dict[str, Any] = {
        "symbol": BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.001, "price": 90000,
    }  # fmt: skip
    refused: dict[int, dict[str, Any]] = {
        -1013: {"price": 90000.001},
        -1111: {"quantity": 0.0012345678},
        -1121: {"symbol": "NOSUCHUSDT"},
        -2010: {"quantity": 10},
    }
    for code, change in refused.items():
        with pytest.raises(BadRequestError) as refusal:
            desk("new_order", **{**order, **change})
        assert refusal.value.args[0] == code
    with pytest.raises(BadRequestError) as refusal:
        RestDesk(spot(paper, api_secret="wrong"))("get_account")
    assert refusal.value.args[0] == -1022
    with pytest.raises(UnauthorizedError):
        RestDesk(spot(paper, api_key="x" * 64))("get_account")
