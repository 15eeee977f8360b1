"""Fee rates of a side, by the worked example of the FAQ. Source: faqs/commission_faq.md"""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from binance_spot_mcp.catalogue.account import CommissionRates
from binance_spot_mcp.domain.fees import FeeRates, fee_rates, pays_discounted


def rates(**discount: Any) -> CommissionRates:
    """The rates of the FAQ's answer to account/commission."""
    kinds = {
        "standardCommission": ("0.00000040", "0.00000050", "0.00000010", "0.00000010"),
        "specialCommission": ("0.04000000", "0.05000000", "0.01000000", "0.02000000"),
        "taxCommission": ("0.00000128", "0.00000130", "0.00000100", "0.00000100"),
    }
    told = {"enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.25"} | discount
    named = ("maker", "taker", "buyer", "seller")
    answer = {kind: dict(zip(named, values, strict=True)) for kind, values in kinds.items()}
    return msgspec.convert({"symbol": "BTCUSDT", "discount": told, **answer}, CommissionRates)


def test_a_side_pays_the_sum_of_all_kinds_of_commission() -> None:
    assert fee_rates(rates(), "BUY") == FeeRates(Decimal("0.05000278"), Decimal("0.0600029"))
    assert fee_rates(rates(), "SELL") == FeeRates(Decimal("0.06000278"), Decimal("0.0700029"))


def test_the_discount_lowers_the_standard_kind_alone() -> None:
    assert fee_rates(rates(), "BUY", discounted=True) == FeeRates(Decimal("0.050002405"), Decimal("0.06000245"))


def test_a_fee_counts_what_was_taken_and_what_rested_by_their_own_rates() -> None:
    both = FeeRates(maker=Decimal("0.001"), taker=Decimal("0.002"))
    assert both.of(Decimal(10), Decimal(100)) == Decimal("0.12")
    assert both.highest == Decimal("0.002")


@pytest.mark.parametrize("flag", ["enabledForAccount", "enabledForSymbol"])
def test_the_discount_counts_where_account_and_symbol_both_allow_it(flag: str) -> None:
    assert pays_discounted(rates())
    assert not pays_discounted(rates(**{flag: False}))
