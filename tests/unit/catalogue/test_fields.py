"""What an agent may write for a parameter, and what it is told when it may not: reads forgive, money is strict."""

import time
from decimal import Decimal
from typing import Annotated, Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from binance_spot_mcp.catalogue.fields import (
    Amount,
    ClientOrderId,
    Flag,
    Interval,
    MaybeAmount,
    Millis,
    OneOf,
    OrderId,
    Symbol,
    SymbolList,
    TimeZone,
    WindowSize,
    at_most,
)
from binance_spot_mcp.vocabulary import OrderType, Side

Limit = Annotated[int, at_most(5000)]
AnySide = OneOf[Side]
AnyOrderType = OneOf[OrderType]


def read(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


def refused(kind: Any, value: object) -> tuple[str, str | None]:
    """The sentence and the correction of a refusal."""
    with pytest.raises(ValidationError) as refusal:
        read(kind, value)
    (error,) = refusal.value.errors()
    assert error["type"] == "refused"
    assert len(error["msg"]) <= 200
    return error["msg"], error.get("ctx", {}).get("fix")


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        ("0.01", "0.01"),
        ("5", "5"),
        ("0.010", "0.01"),
        ("99999999999999999999.12345678901234567890", "99999999999999999999.12345678901234567890"),
        (5, "5"),
        (0.01, "0.01"),
        (5.0, "5"),
        (1e-05, "0.00001"),
        (123456789.123456, "123456789.123456"),
        (Decimal("1E-5"), "0.00001"),
        (Decimal("0.5"), "0.5"),
    ],
    ids=repr,
)
def test_an_amount_is_taken_exactly_as_it_was_meant(sent: object, amount: str) -> None:
    assert read(Amount, sent) == read(MaybeAmount, sent) == Decimal(amount)


@pytest.mark.parametrize(
    ("sent", "fix"),
    [
        (0.30000000000000004, "0.3"),
        (0.1 * 3, "0.3"),
        (1.1 + 2.2, "3.3"),
        ("1e-5", "0.00001"),
        ("1,000.5", "1000.5"),
        ("1,234,567", "1234567"),
        ("0,5", "0.5"),
        ("12,34", "12.34"),
        ("1_000", "1000"),
        ("１２.５", "12.5"),
        (" 1 ", "1"),
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007", "7"),
        ("0.1000000000000000000000000", "0.1"),
    ],
    ids=repr,
)
def test_an_amount_that_can_only_mean_one_number_is_refused_with_that_number(sent: object, fix: str) -> None:
    message, correction = refused(Amount, sent)
    assert correction == fix
    assert f'"{fix}"' in message


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ("NaN", 'must be a plain decimal string such as "0.05", not "NaN".'),
        ("Infinity", 'must be a plain decimal string such as "0.05", not "Infinity".'),
        (float("nan"), 'must be a plain decimal string such as "0.05", not "NaN".'),
        (float("inf"), 'must be a plain decimal string such as "0.05", not "Infinity".'),
        ("5²", 'must be a plain decimal string such as "0.05", not "5²".'),
        ("½", 'must be a plain decimal string such as "0.05", not "½".'),
        ("①", 'must be a plain decimal string such as "0.05", not "①".'),
        ("1.000,5", 'must be a plain decimal string such as "0.05", not "1.000,5".'),
        ("1e400", 'must be a plain decimal string such as "0.05", not "1e400".'),
        (Decimal("Infinity"), 'must be a plain decimal string such as "0.05", not "Decimal(\'Infinity\')".'),
        (True, 'must be a plain decimal string such as "0.05", not "true".'),
        ("null", 'must be a plain decimal string such as "0.05", not "null".'),
        ("", 'must be a plain decimal string such as "0.05", not "".'),
        ("1,000", 'must be a plain decimal string such as "0.05", not "1,000".'),
        ("$5", 'must be a plain decimal string such as "0.05", not "$5".'),
        ([1], 'must be a plain decimal string such as "0.05", not "[1]".'),
        ("-1", 'must be above zero, not "-1".'),
        (-0.5, 'must be above zero, not "-0.5".'),
        ("0", "must be above zero."),
        ("0.00000000", "must be above zero."),
        (0, "must be above zero."),
        (0.0, "must be above zero."),
        (None, "must be a decimal string, not null; leave it out if it is not meant."),
        ("50%", 'must be an absolute amount, not "50%": read the free balance with get_account first.'),
        ("all", 'must be an absolute amount, not "all": read the free balance with get_account first.'),
        ("max", 'must be an absolute amount, not "max": read the free balance with get_account first.'),
        ("1" * 21, f'must have at most 20 digits before and 20 after the point, not "{"1" * 21}".'),
        (10**30, f'must have at most 20 digits before and 20 after the point, not "1{"0" * 30}".'),
        (1e300, 'must have at most 20 digits before and 20 after the point, not "1e+300".'),
        (f"0.{'1' * 21}", f'must have at most 20 digits before and 20 after the point, not "0.{"1" * 21}".'),
        (0.12345678901234566, "must be exact: send it as text, not as the number 0.12345678901234566."),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_amount_that_could_mean_anything_is_refused_without_a_guess(sent: object, sentence: str) -> None:
    assert refused(Amount, sent) == (sentence, None)
    assert refused(MaybeAmount, sent) == (sentence, None)


def test_a_refusal_repeats_little_and_nothing_invisible() -> None:
    message, _ = refused(Amount, "5\u202e\u200b\n" + "x" * 100)
    assert message.endswith(f'not "5???{"x" * 36}…".')


@pytest.mark.parametrize("kind", [Amount, Symbol, SymbolList, Millis, OrderId, AnySide, Interval, TimeZone])
@pytest.mark.parametrize("letter", ["x", "1", ",", "0."])
def test_ten_megabytes_of_text_are_refused_at_once(kind: Any, letter: str) -> None:
    text = letter * 10_000_000
    began = time.process_time()
    message, _ = refused(kind, text)
    assert time.process_time() - began < 1
    assert len(message) < 250


@pytest.mark.parametrize(
    ("sent", "symbol"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("btcusdt", "BTCUSDT"),
        ("BTC/USDT", "BTCUSDT"),
        ("btc-usdt", "BTCUSDT"),
        ("币安人生usdt", "币安人生USDT"),
        ("１２３４５６", "１２３４５６"),
        ("bıtcoin", "BıTCOIN"),
        ("A" * 50, "A" * 50),
    ],
)
def test_a_symbol_is_read_however_people_write_it(sent: str, symbol: str) -> None:
    assert read(Symbol, sent) == symbol


@pytest.mark.parametrize(
    ("sent", "fix"),
    [
        ("", None),
        ("   ", None),
        (" BTCUSDT", "BTCUSDT"),
        ("BTC USDT", None),
        ("BTCUSDT&side=SELL", None),
        ("BTCUSDT'; DROP TABLE orders;--", None),
        ('"BTCUSDT"', None),
        ("BTC/USDT/ETH", None),
        ("/USDT", None),
        ("BTCUSDT\n", "BTCUSDT"),
        ("A" * 51, None),
        (5, None),
        (True, None),
        (["BTCUSDT"], None),
    ],
)
def test_what_is_no_symbol_is_refused(sent: object, fix: str | None) -> None:
    message, correction = refused(Symbol, sent)
    assert message.startswith("must be a symbol such as BTCUSDT, not ")
    assert correction == fix


def test_a_derivative_is_refused_as_such() -> None:
    assert "spot only" in refused(Symbol, "BTC/USDT:USDT")[0]


@pytest.mark.parametrize(
    "sent",
    [["BTCUSDT", "eth/usdt"], ("BTCUSDT", "ETHUSDT"), '["BTCUSDT","ethusdt"]', "BTCUSDT, ETHUSDT", "btc-usdt,eth-usdt"],
    ids=repr,
)
def test_symbols_may_come_as_a_list_or_as_text(sent: object) -> None:
    assert read(SymbolList, sent) == ("BTCUSDT", "ETHUSDT")


def test_one_symbol_is_a_list_of_one() -> None:
    assert read(SymbolList, "btcusdt") == ("BTCUSDT",)


def test_a_symbol_named_twice_is_refused_with_the_list_without_it() -> None:
    message, fix = refused(SymbolList, ["BTCUSDT", "ETHUSDT", "btc/usdt"])
    assert message == "names BTCUSDT more than once; name each symbol once."
    assert fix == '["BTCUSDT","ETHUSDT"]'


@pytest.mark.parametrize(
    "sent", [[], "", "[", "[1]", "[" * 50_000, ["BTCUSDT", None], 5, {"a": 1}], ids=lambda value: repr(value)[:20]
)
def test_what_is_no_list_of_symbols_is_refused(sent: object) -> None:
    refused(SymbolList, sent)


@pytest.mark.parametrize(("kind", "sent", "value"), [(AnySide, "buy", "BUY"), (AnyOrderType, "Limit", "LIMIT")])
def test_a_choice_may_be_written_in_any_case(kind: Any, sent: str, value: str) -> None:
    assert read(kind, sent) == value


@pytest.mark.parametrize(
    ("kind", "sent", "sentence", "fix"),
    [
        (AnySide, "LONG", 'must be BUY or SELL, not "LONG".', None),
        (AnySide, True, 'must be BUY or SELL, not "true".', None),
        (AnyOrderType, "stop loss-limit", 'must be STOP_LOSS_LIMIT, not "stop loss-limit".', "STOP_LOSS_LIMIT"),
        (
            AnyOrderType,
            "STOP_LIMIT",
            f'must be one of {", ".join(get_args(OrderType))}, not "STOP_LIMIT".',
            None,
        ),
    ],
)
def test_another_choice_is_refused_with_those_that_there_are(
    kind: Any, sent: object, sentence: str, fix: str | None
) -> None:
    assert refused(kind, sent) == (sentence, fix)


def test_an_oco_is_no_order_type() -> None:
    assert "must be one of LIMIT" in refused(AnyOrderType, "OCO")[0]


@pytest.mark.parametrize("interval", ["1s", "1m", "1M", "1h", "1w"])
def test_an_interval_is_read_in_its_own_case(interval: str) -> None:
    assert read(Interval, interval) == interval


@pytest.mark.parametrize(("sent", "fix"), [("1H", "1h"), ("1D", "1d"), ("1W", "1w"), ("12H", "12h")])
def test_an_interval_in_the_wrong_case_is_refused_with_the_right_one(sent: str, fix: str) -> None:
    assert refused(Interval, sent) == (f'is case-sensitive: send {fix}, not "{sent}".', fix)


@pytest.mark.parametrize("sent", ["1 hour", "60m", "5M", "1min", "", 60, None])
def test_a_minute_is_never_taken_for_a_month(sent: object) -> None:
    message, fix = refused(Interval, sent)
    assert "1m, 3m, 5m" in message
    assert "1M month" in message
    assert fix is None


@pytest.mark.parametrize("window", ["1m", "59m", "1h", "23h", "1d", "7d"])
def test_a_window_is_minutes_hours_or_days(window: str) -> None:
    assert read(WindowSize, window) == window


@pytest.mark.parametrize("window", ["0m", "60m", "24h", "8d", "1D", "1w", "1h30m", "01h", 1, "1d\n"])
def test_any_other_window_is_refused(window: object) -> None:
    assert refused(WindowSize, window)[0].startswith("must be 1m to 59m, 1h to 23h or 1d to 7d, not ")


@pytest.mark.parametrize(
    ("sent", "zone"), [("0", "0"), (8, "8"), (-5, "-5"), ("-12:00", "-12:00"), ("+14:00", "+14:00")]
)
def test_a_time_zone_is_an_offset(sent: object, zone: str) -> None:
    assert read(TimeZone, sent) == zone


@pytest.mark.parametrize("sent", ["-12:01", "14:01", "15", "UTC", "Europe/Berlin", "5:60", 1.5, True, "", None])
def test_any_other_time_zone_is_refused(sent: object) -> None:
    assert "between -12:00 and +14:00" in refused(TimeZone, sent)[0]


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        (1_704_067_200_000, 1_704_067_200_000),
        ("1704067200000", 1_704_067_200_000),
        ("2024-01-01", 1_704_067_200_000),
        ("2024-01-01T00:00:00Z", 1_704_067_200_000),
        ("2024-01-01T01:00:00+01:00", 1_704_067_200_000),
        ("2024-01-01 00:00:00.250", 1_704_067_200_250),
    ],
)
def test_a_moment_is_milliseconds_or_a_date_in_utc(sent: object, moment: int) -> None:
    assert read(Millis, sent) == moment


@pytest.mark.parametrize(
    ("sent", "fix", "word"),
    [
        (1_704_067_200, "1704067200000", "seconds"),
        ("1704067200", "1704067200000", "seconds"),
        (1_704_067_200_000_000, "1704067200000", "microseconds"),
        (0, "1483228800000", "2017"),
        ("2016-12-31", "1483228800000", "2017"),
        ("20240101", None, "2017"),
        (-1, None, "2017"),
        (99_999_999_999_999, None, "9999999999999"),
        (1_704_067_200_000.0, "1704067200000", "epoch milliseconds"),
        (1_704_067_200.5, None, "epoch milliseconds"),
        ("yesterday", None, "2024-01-31"),
        ("2024-13-01", None, "2024-01-31"),
        (True, None, "epoch milliseconds"),
    ],
)
def test_another_moment_is_refused_with_what_was_meant(sent: object, fix: str | None, word: str) -> None:
    message, correction = refused(Millis, sent)
    assert correction == fix
    assert word in message


@pytest.mark.parametrize(("sent", "number"), [(1, 1), (5000, 5000), ("20", 20)])
def test_a_limit_is_a_number_of_rows(sent: object, number: int) -> None:
    assert read(Limit, sent) == number


@pytest.mark.parametrize("sent", [0, -1, 5001, 10**9, "5001"])
def test_a_limit_out_of_range_is_refused_with_the_range(sent: object) -> None:
    assert refused(Limit, sent) == (f"must be from 1 to 5000, not {sent}.", None)


@pytest.mark.parametrize(
    ("sent", "fix"), [(5.0, "5"), (5.5, None), (1e9, None), (True, None), ("5.0", None), (None, None)]
)
def test_a_limit_that_is_no_whole_number_is_refused(sent: object, fix: str | None) -> None:
    message, correction = refused(Limit, sent)
    assert message.startswith("must be a whole number, not ")
    assert correction == fix


@pytest.mark.parametrize("sent", ["12abc", -5, 0, 2**63, 1.5, "1_000", "１２", " 7", None])
def test_what_is_no_order_id_is_refused(sent: object) -> None:
    refused(OrderId, sent)


@pytest.mark.parametrize("sent", [1, "1", 2**63 - 1, str(2**63 - 1)])
def test_an_order_id_is_a_positive_64_bit_number(sent: object) -> None:
    assert read(OrderId, sent) == int(str(sent))


@pytest.mark.parametrize(("sent", "flag"), [(True, True), (False, False), ("true", True), ("False", False)])
def test_a_flag_may_be_text(sent: object, flag: bool) -> None:
    assert read(Flag, sent) is flag


@pytest.mark.parametrize("sent", ["yes", "", 1, 0, None])
def test_any_other_flag_is_refused(sent: object) -> None:
    assert refused(Flag, sent)[0].startswith("must be true or false, not ")


@pytest.mark.parametrize("sent", ["x-A1_b", "a" * 36])
def test_a_client_order_id_is_taken_as_it_is(sent: str) -> None:
    assert read(ClientOrderId, sent) == sent


@pytest.mark.parametrize("sent", ["", "a" * 37, "a b", "é", "a\n", 7])
def test_any_other_client_order_id_is_refused(sent: object) -> None:
    assert refused(ClientOrderId, sent)[0].startswith("must be 1 to 36 letters, digits, - or _, not ")
