"""When to look again for an order that may not exist."""

import pytest

from binance_spot_mcp.trading.absence import APART_MS, Absence

SENT_MS, WINDOW_MS = 1_000_000, 5_000
OVER_MS = SENT_MS + WINDOW_MS + 15_001


@pytest.mark.parametrize("failing_ms", [0, 999, 1_000, 30_000], ids=str)
def test_a_look_that_comes_to_nothing_is_not_repeated_at_once(failing_ms: int) -> None:
    once_denied = Absence.of(SENT_MS, WINDOW_MS).denied(OVER_MS)
    now_ms = OVER_MS + failing_ms
    assert once_denied.next_look_ms(now_ms + 10_000, now_ms) == now_ms + APART_MS


def test_the_first_look_whose_denial_counts_is_not_missed() -> None:
    waiting = Absence.of(SENT_MS, WINDOW_MS)
    assert waiting.next_look_ms(OVER_MS + 9_000, OVER_MS - 2_000) == OVER_MS
