"""Suggestions for a symbol that is not listed."""

import pytest

from binance_spot_mcp.domain.near_names import near_names

NAMES = ("ETHBTC", "BNBBTC", "BTCUSDT", "ETHUSDT", "BNBUSDT", "BTCUSDC", "USDCUSDT", "SOLBTC", "币安人生USDT")


@pytest.mark.parametrize(
    ("symbol", "near"),
    [
        ("BTCUSD", ["BTCUSDT", "BTCUSDC"]),
        ("BTCUSDTT", ["BTCUSDT", "BTCUSDC"]),
        ("BTC_USDT", ["BTCUSDT", "BTCUSDC"]),
        ("USDTBTC", ["BTCUSDT"]),
        ("BTCBNB", ["BNBBTC"]),
        ("BTC", ["BTCUSDT", "BTCUSDC"]),
        ("BTCUSDTPERP", ["BTCUSDT"]),
        ("ETHBTC", ["ETHBTC"]),
        ("ETHEUR", ["ETHUSDT"]),
        ("币安人生", ["币安人生USDT"]),
        ("QQQQ", []),
        ("-", []),
    ],
)
def test_the_likeliest_names_come_first_and_others_do_not_come(symbol: str, near: list[str]) -> None:
    assert near_names(symbol, NAMES, 5) == near


def test_no_more_names_are_given_than_asked_for() -> None:
    assert len(near_names("BTC", [f"BTC{number}" for number in range(9)], 5)) == 5
