"""Text from outside cannot hide, reorder or flood."""

import pytest

from binance_spot_mcp.surface.text import clean, given


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("币安人生USDT", "币安人生USDT"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("two\nlines\x1b[31m", "two lines[31m"),
        ("x" * 2_000, "x" * 999 + "…"),
    ],
)
def test_what_hides_or_reorders_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_an_argument_is_repeated_in_at_most_eighty_characters() -> None:
    assert len(given(["x" * 1_000])) == 80
