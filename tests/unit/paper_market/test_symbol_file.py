"""Symbols that a user adds from a file."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from paper_exchange.engine.symbols import Notional
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.history import History
from paper_exchange.market.symbol_file import SymbolFileError, extended
from paper_exchange.market.synthetic.market import SyntheticMarket

PEPE = """
[[assets]]
name = "PEPE"
price = "0.0000098"
volatility = 0.05

[[symbols]]
symbol = "PEPEUSDT"
baseAsset = "PEPE"
quoteAsset = "USDT"
tickSize = "0.00000001"
stepSize = "1"
minNotional = "1"
tradesPerMinute = 10
"""


def written(tmp_path: Path, text: str, name: str = "symbols.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_a_file_adds_symbols_to_the_built_in_ones(tmp_path: Path) -> None:
    catalog = extended(BUILT_IN, written(tmp_path, PEPE))
    assert catalog.listings.keys() == {*BUILT_IN.listings, "PEPEUSDT"}
    listing = catalog.listings["PEPEUSDT"]
    assert (listing.tick, listing.lot, listing.least_notional) == (Decimal("1E-8"), Decimal(1), Decimal(1))
    assert listing.trades_per_minute == 10
    assert catalog.opening_price("PEPEUSDT") == Decimal("0.0000098")


def test_an_added_symbol_has_a_past_and_a_market(tmp_path: Path) -> None:
    market = SyntheticMarket(extended(BUILT_IN, written(tmp_path, PEPE)), seed=1, genesis_us=1_763_629_225_678_901)
    trades = History(market.past("PEPEUSDT")).recent_trades(100)
    assert len(trades) == 100
    assert any(each.command.symbol == "PEPEUSDT" for each in market.advance(1_763_629_225_678_901))  # type: ignore[union-attr]  # the house only places and cancels


def test_a_symbol_can_be_pasted_from_exchange_info(tmp_path: Path) -> None:
    pasted: dict[str, Any] = {
        "symbol": "ETHBNB",
        "status": "HALT",
        "baseAsset": "ETH",
        "baseAssetPrecision": 8,
        "quoteAsset": "BNB",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.001", "maxPrice": "1000", "tickSize": "0.001"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_BOTH"],
    }
    path = written(tmp_path, json.dumps({"symbols": [pasted]}), "symbols.json")
    spec = extended(BUILT_IN, path).listings["ETHBNB"].spec
    assert (spec.status, spec.order_types, spec.iceberg_allowed) == ("HALT", ("LIMIT", "MARKET"), False)
    assert [each["filterType"] for each in msgspec.to_builtins(spec.filters)] == ["PRICE_FILTER", "LOT_SIZE"]
    assert spec.default_stp_mode == "NONE"


def test_a_symbol_of_a_known_name_takes_its_place(tmp_path: Path) -> None:
    entry = PEPE[PEPE.index("[[symbols]]") :].replace("PEPE", "BTC").replace("0.00000001", "0.5")
    listing = extended(BUILT_IN, written(tmp_path, entry)).listings["BTCUSDT"]
    assert listing.tick == Decimal("0.5")
    assert any(isinstance(each, Notional) for each in listing.spec.filters)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "PEPE"', 'nam = "PEPE"', "unknown field `nam`"),
        ("stepSize", "stepsize", "unknown field `stepsize`"),
        ('price = "0.0000098"', 'price = "cheap"', r"\$.assets\[0\].price"),
        ('price = "0.0000098"', 'price = "0"', "asset PEPE: the price must be positive"),
        ("volatility = 0.05", "volatility = 5.0", "asset PEPE: the volatility is a fraction"),
        ('stepSize = "1"\n', "", "symbol PEPEUSDT: needs tickSize, stepSize and minNotional"),
        ('minNotional = "1"', "minNotional = 1\nfilters = [{filterType = 'ICEBERG_PARTS', limit = 9}]", "not both"),
        ('quoteAsset = "USDT"', 'quoteAsset = "TRY"', "symbol PEPEUSDT: asset TRY is unknown; add it"),
        ('quoteAsset = "USDT"', 'quoteAsset = "PEPE"', "symbol PEPEUSDT: base and quote asset are the same"),
        ('tickSize = "0.00000001"', 'tickSize = "0.1"', "less than 10 ticks of 0.1"),
        ('tickSize = "0.00000001"', 'tickSize = "0"', "the tick must be positive"),
        ('symbol = "PEPEUSDT"', 'symbol = "pepe usdt"', "in capitals, without spaces"),
        ("tradesPerMinute = 10", "tradesPerMinute = 0", "must be positive"),
        ("[[symbols]]", "[[symbols]", "line 7"),
        ("tradesPerMinute = 10", "[[sors]]\nbaseAsset = 'PEPE'\nsymbols = ['PEPEUSDC']", "PEPEUSDC is not listed"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in PEPE
    path = written(tmp_path, PEPE.replace(old, new))
    with pytest.raises(SymbolFileError, match=complaint) as error:
        extended(BUILT_IN, path)
    assert str(path) in str(error.value)


def test_a_symbol_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    entry = PEPE[PEPE.index("[[symbols]]") :]
    with pytest.raises(SymbolFileError, match="symbol PEPEUSDT is there twice"):
        extended(BUILT_IN, written(tmp_path, PEPE + entry))


def test_a_step_finer_than_eight_decimals_is_refused(tmp_path: Path) -> None:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.001", "maxPrice": "1000", "tickSize": "0.000000001"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
    ]
    entry = {"symbol": "ETHBNB", "baseAsset": "ETH", "quoteAsset": "BNB", "filters": filters}
    path = written(tmp_path, json.dumps({"symbols": [entry]}), "symbols.json")
    with pytest.raises(SymbolFileError, match=r"symbol ETHBNB: the tick: .* more than 8 decimals"):
        extended(BUILT_IN, path)


@pytest.mark.parametrize(
    ("max_price", "max_quantity", "which"),
    [("1000", "92233720369", "maxQty of LOT_SIZE"), ("1e11", "9000", "maxPrice")],
)
def test_amounts_larger_than_a_trade_can_have_are_refused(
    tmp_path: Path, max_price: str, max_quantity: str, which: str
) -> None:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.001", "maxPrice": max_price, "tickSize": "0.001"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": max_quantity, "stepSize": "0.001"},
    ]
    entry = {"symbol": "ETHBNB", "baseAsset": "ETH", "quoteAsset": "BNB", "filters": filters}
    path = written(tmp_path, json.dumps({"symbols": [entry]}), "symbols.json")
    with pytest.raises(SymbolFileError, match=f"symbol ETHBNB: the {which} may be 92233720368 at most"):
        extended(BUILT_IN, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SymbolFileError, match=r"absent\.toml"):
        extended(BUILT_IN, tmp_path / "absent.toml")
