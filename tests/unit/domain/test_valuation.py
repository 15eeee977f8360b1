"""What assets are worth by the books: directly, the other way round, over a third asset, or not at all."""

from decimal import Decimal

import pytest

from binance_spot_mcp.domain.valuation import Quote, Worth, names, worth


def quotes(**books: str) -> dict[tuple[str, str], Quote]:
    """Books by name (`BTC_USDT="60000 60001"`): best bid and best ask."""
    made = {}
    for name, prices in books.items():
        base, _, quote = name.partition("_")
        bid, ask = prices.split()
        made[base, quote] = Quote(base + quote, Decimal(bid), Decimal(ask))
    return made


def test_an_asset_is_worth_what_is_bid_for_it() -> None:
    assert worth("BTC", "USDT", quotes(BTC_USDT="60000 60001")) == Worth(Decimal(60000), ("BTCUSDT",))


def test_what_a_symbol_is_quoted_in_is_worth_as_much_as_it_buys() -> None:
    assert worth("USDT", "BTC", quotes(BTC_USDT="40000 50000")) == Worth(Decimal("0.00002"), ("BTCUSDT",))
    assert worth("USDT", "BTC", quotes(BTC_USDT="1 3")).price == Decimal("0.3333333333333333")


def test_a_third_asset_leads_where_no_symbol_does() -> None:
    books = quotes(NEO_BTC="0.0001 0.0002", BTC_USDT="60000 60001")
    assert worth("NEO", "USDT", books) == Worth(Decimal(6), ("NEOBTC", "BTCUSDT"))


def test_the_direct_way_is_taken_before_any_other() -> None:
    books = quotes(NEO_BTC="0.0001 0.0002", BTC_USDT="60000 60001", NEO_USDT="5 6")
    assert worth("NEO", "USDT", books).over == ("NEOUSDT",)


def test_a_third_asset_leads_past_a_book_without_bids() -> None:
    books = quotes(NEO_USDT="0 6", NEO_BTC="0.0001 0.0002", BTC_USDT="60000 60001")
    assert worth("NEO", "USDT", books).over == ("NEOBTC", "BTCUSDT")


@pytest.mark.parametrize(
    ("books", "why"),
    [
        ({}, "no symbol leads from NEO to USDT, nor two of them"),
        ({"NEO_USDT": "0 6"}, "nobody bids on NEOUSDT"),
        ({"USDT_NEO": "6 0"}, "nobody offers on USDTNEO"),
        ({"NEO_BTC": "0.0001 0.0002"}, "no symbol leads from NEO to USDT, nor two of them"),
    ],
)
def test_what_has_no_price_says_why(books: dict[str, str], why: str) -> None:
    found = worth("NEO", "USDT", quotes(**books))
    assert found.price is None
    assert found.why == why


def test_the_currency_is_worth_itself() -> None:
    assert worth("USDT", "USDT", {}) == Worth(Decimal(1))


def test_every_name_on_the_way_is_asked_for() -> None:
    assert {"NEOTRY", "TRYNEO", "NEOBTC", "BTCNEO", "BTCTRY", "USDTTRY"} <= {*names(["NEO"], "TRY")}
