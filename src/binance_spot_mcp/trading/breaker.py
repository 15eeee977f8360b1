"""When orders go wrong so often that a person must look: the exchange refuses all of them, or they come in storms.

What the caller can put right alone does not count: a wrong argument, a broken filter, a call that was made before.
"""

from collections import deque
from typing import Final

from binance_spot_mcp.errors import InvalidInput, PartlyDone, Rejected, SpotError

REJECTIONS: Final = 20
REJECTIONS_MS: Final = 60_000
"""So many refusals by the exchange within this time, and no order that went through among them."""
HELD_BACK: Final = 50
ATTEMPTS: Final = 300
STORM_MS: Final = 10_000
"""So many orders that were held back by limits within this time, or so many orders in all, are a storm."""
_LIMITS: Final = frozenset({"LIMIT_EXCEEDED", "RATE_LIMITED", "DUPLICATE_INTENT"})


class Breaker:
    """Counts how orders end.

    Args:
        orders_per_minute: What the operator allows; as many orders are no storm.
    """

    def __init__(self, orders_per_minute: int | None = None) -> None:
        self._attempts_allowed = max(ATTEMPTS, (orders_per_minute or 0) * STORM_MS // 60_000)
        self._attempts: deque[int] = deque()
        self._held_back: deque[int] = deque()
        self._rejections: deque[int] = deque()

    def attempted(self, now_ms: int) -> str:
        """Count an order that is asked for; why the breaker has to open, or nothing."""
        if _count(self._attempts, now_ms, STORM_MS) > self._attempts_allowed:
            return f"more than {self._attempts_allowed} orders were asked for within {STORM_MS // 1000} s"
        return ""

    def spared(self) -> None:
        """Do not count the latest one after all."""
        if self._attempts:
            self._attempts.pop()

    def went_through(self) -> None:
        """Count an order that the exchange took."""
        self._rejections.clear()

    def failed(self, error: SpotError, now_ms: int) -> str:
        """Count how an order failed; why the breaker has to open, or nothing."""
        match error:
            case InvalidInput():
                self.spared()
            case PartlyDone():
                self.went_through()
            case Rejected() if _count(self._rejections, now_ms, REJECTIONS_MS) >= REJECTIONS:
                return f"the exchange refused {REJECTIONS} orders within {REJECTIONS_MS // 1000} s, and took none"
            case SpotError() if error.code in _LIMITS and _count(self._held_back, now_ms, STORM_MS) >= HELD_BACK:
                return f"{HELD_BACK} orders were held back by limits within {STORM_MS // 1000} s"
        return ""

    def reset(self) -> None:
        """Begin to count anew."""
        for counted in (self._attempts, self._held_back, self._rejections):
            counted.clear()


def _count(times_ms: deque[int], now_ms: int, within_ms: int) -> int:
    """Add a moment, forget what is too long ago, and say how many are left."""
    times_ms.append(now_ms)
    while times_ms[0] <= now_ms - within_ms:
        times_ms.popleft()
    return len(times_ms)
