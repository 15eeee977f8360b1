"""Caps as the operator gives them: read strictly, from settings or from a file, with defaults in live alone."""

from decimal import Decimal
from pathlib import Path

import pytest

from binance_spot_mcp.allowance import CAP_NAMES, LIVE_CAPS, NO_CAPS, Caps, Money
from binance_spot_mcp.settings import Loaded, Settings, SettingsError, load, variable

SOME = {
    "max_order_notional": "100",
    "max_daily_notional": "0.5 BTC",
    "max_daily_loss": "20.5 usdt",
    "max_open_orders": "3",
    "max_orders_per_minute": "60",
    "price_band": "2.5%",
    "symbols": "btc/usdt, ETH-USDT,BTCUSDT",
}
SOME_CAPS = Caps(
    max_order_notional=Money(Decimal(100), "USDT"),
    max_daily_notional=Money(Decimal("0.5"), "BTC"),
    max_daily_loss=Money(Decimal("20.5"), "USDT"),
    max_open_orders=3,
    max_orders_per_minute=60,
    price_band=Decimal("2.5"),
    symbols=("BTCUSDT", "ETHUSDT"),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def loaded(home: Path, limits: str | None = None, **given: str) -> Loaded:
    if limits is not None:
        (home / "limits.toml").write_text(limits)
    environ = {"BINANCE_HOME": str(home)} | {variable(name): value for name, value in given.items()}
    return load(environ=environ, env_file=None)


@pytest.mark.parametrize("env", ["paper", "testnet", "demo"])
def test_nothing_is_capped_outside_live_unless_it_is_set(home: Path, env: str) -> None:
    assert loaded(home, env=env).settings.caps == NO_CAPS


def test_live_has_caps_of_its_own_and_no_symbol_until_one_is_listed(home: Path) -> None:
    assert loaded(home, env="live").settings.caps == LIVE_CAPS
    assert Settings(env="live").caps == LIVE_CAPS
    shown = {row.name: (row.value, row.origin) for row in loaded(home, env="live", max_open_orders="2").rows()}
    assert shown["BINANCE_MAX_ORDER_NOTIONAL"] == ("100 USDT", "default")
    assert shown["BINANCE_MAX_OPEN_ORDERS"] == ("2", "environment")
    assert shown["BINANCE_PRICE_BAND"] == ("2%", "default")
    assert shown["BINANCE_SYMBOLS"] == ("none", "default")


def test_every_cap_can_be_a_setting_or_stand_in_the_file(home: Path) -> None:
    assert SOME.keys() == {*CAP_NAMES}
    assert loaded(home, **SOME).settings.caps == SOME_CAPS
    limits = "\n".join(f'{name} = "{value}"' for name, value in SOME.items())
    from_file = loaded(home, limits)
    assert from_file.settings.caps == SOME_CAPS
    assert {row.origin for row in from_file.rows() if row.name in map(variable, SOME)} == {"limits.toml"}


def test_the_file_takes_plain_numbers_and_lists_and_reads_them_exactly(home: Path) -> None:
    limits = 'max_order_notional = 100.10000000000000001\nprice_band = 2\nmax_open_orders = 3\nsymbols = ["BTCUSDT"]'
    caps = loaded(home, limits).settings.caps
    assert caps.max_order_notional == Money(Decimal("100.10000000000000001"), "USDT")
    assert (caps.price_band, caps.max_open_orders, caps.symbols) == (Decimal(2), 3, ("BTCUSDT",))


AMOUNTS = ("max_order_notional", "max_daily_notional", "max_daily_loss")
NONSENSE = (
    "NaN",
    "inf",
    "1e400",
    "1e5",
    "-1",
    "0",
    "0.00",
    "1,000",
    "0,5",
    "1_000",
    "",
    " ",
    "１００",
    "off",
    "9" * 21,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in AMOUNTS for value in (*NONSENSE, "100USDT", "100 1000", "100 US DT", "USDT")),
        *((name, value) for name in ("max_open_orders", "max_orders_per_minute") for value in (*NONSENSE, "1.5")),
        *(("price_band", value) for value in (*NONSENSE, "101", "2%%", "% 2")),
        *(("symbols", value) for value in (",", "BTC USDT", "BTCUSDT;ETHUSDT", "A", "X" * 41)),
    ],
)
def test_nonsense_is_no_cap(home: Path, name: str, value: str) -> None:
    if value.strip():  # an empty variable counts as not set
        with pytest.raises(SettingsError, match=rf"{variable(name)} \(environment\) is wrong: it must"):
            loaded(home, **{name: value})
    with pytest.raises(SettingsError, match=rf"limits\.toml: {name} is wrong: it must"):
        loaded(home, f'{name} = "{value}"')


@pytest.mark.parametrize(
    "line",
    [
        "price_band = nan",
        "price_band = 1e400",
        "price_band = true",
        "max_open_orders = 1.0",
        "max_open_orders = false",
        "max_order_notional = {amount = 1}",
        "symbols = [1]",
        "symbols = {}",
        "symbols = true",
    ],
)
def test_toml_that_is_no_cap_is_refused(home: Path, line: str) -> None:
    with pytest.raises(SettingsError, match=r"limits\.toml: \w+ is wrong: it must"):
        loaded(home, line)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("max_order_notinal = 1", "did you mean max_order_notional"),
        ("BINANCE_PRICE_BAND = 1", "did you mean price_band"),
        ("symbol = 'BTCUSDT'", "did you mean symbols"),
        ("leverage = 3", "the limits are max_order_notional, "),
        ("[live]\nprice_band = 1", "the limits are max_order_notional, "),
    ],
)
def test_an_unknown_name_in_the_file_stops_the_start(home: Path, line: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=rf"limits\.toml: \w+ is not a limit; {hint}"):
        loaded(home, line)


def test_a_file_that_cannot_be_read_stops_the_start(home: Path) -> None:
    for text, why in (("price_band", r"is no TOML"), ("#" * 70_000, "longer than 64 KiB")):
        with pytest.raises(SettingsError, match=why):
            loaded(home, text)
    (home / "limits.toml").unlink()
    (home / "limits.toml").mkdir()
    with pytest.raises(SettingsError, match=r"limits\.toml cannot be read"):
        loaded(home)


def test_file_and_setting_may_agree_and_may_not_differ(home: Path) -> None:
    agreed = loaded(home, 'price_band = "2%"\nsymbols = ["B1", "A1"]', price_band="2.0", symbols="A1,B1")
    assert agreed.settings.caps == Caps(price_band=Decimal(2), symbols=("A1", "B1"))
    with pytest.raises(
        SettingsError, match=r"BINANCE_PRICE_BAND \(environment\) contradicts price_band in .*limits\.toml; remove one"
    ):
        loaded(home, price_band="3")


def test_a_misspelt_cap_stops_the_start(home: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean BINANCE_MAX_DAILY_LOSS"):
        load(environ={"BINANCE_HOME": str(home), "BINANCE_MAX_DAILY_LOS": "1"}, env_file=None)


def test_other_caps_have_another_digest() -> None:
    assert SOME_CAPS.digest == Caps(**{name: getattr(SOME_CAPS, name) for name in CAP_NAMES}).digest
    assert len({SOME_CAPS.digest, NO_CAPS.digest, LIVE_CAPS.digest}) == 3
