"""When it is proved that an order does not exist, and when to look for it until then.

An order may still arrive as long as its timestamp is within its window, and queries lag behind the engine. So that an
order is not found proves nothing before that; after it, several denials and every other record must agree.

Source: rest-api.md#timing-security, rest-api.md#general-api-information (data sources)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Final

LATENESS_MS: Final = 15_000
"""What an order may need beyond its window: 10 s on its way and inside, 5 s until every source shows it."""
DENIALS: Final = 3
APART_MS: Final = 1_000
"""So many denials, so far apart, count as one that is final."""
PATIENCE_MS: Final = 900_000
"""An order that is neither found nor proved absent is a person's business after this long."""

_FIRST_LOOKS_MS: Final = (300, 700, 1_500, 3_000, 6_000, 10_000)
_LOOK_EVERY_MS: Final = 10_000


def looks_ms() -> Iterator[int]:
    """When to look, in milliseconds after the answer was missed."""
    return chain(_FIRST_LOOKS_MS, count(_FIRST_LOOKS_MS[-1] + _LOOK_EVERY_MS, _LOOK_EVERY_MS))


@dataclass(frozen=True, slots=True)
class Absence:
    """What speaks for it that an order does not exist.

    Attributes:
        not_after_ms: The order can have arrived until then, by the exchange's clock.
        denials: When the exchange said that it knows no such order, as far as that counts.
    """

    not_after_ms: int
    denials: tuple[int, ...] = ()

    @classmethod
    def of(cls, sent_ms: int, recv_window_ms: int) -> "Absence":
        """Nothing speaks for it yet.

        Args:
            sent_ms: The timestamp under which the order was sent.
            recv_window_ms: How long that is valid.
        """
        return cls(sent_ms + recv_window_ms + LATENESS_MS)

    def over(self, now_ms: int) -> bool:
        """Whether it cannot arrive any more."""
        return now_ms > self.not_after_ms

    def denied(self, at_ms: int) -> "Absence":
        """With one more denial, if it counts."""
        if not self.over(at_ms) or (self.denials and at_ms - self.denials[-1] < APART_MS):
            return self
        return replace(self, denials=(*self.denials, at_ms))

    @property
    def denied_for_good(self) -> bool:
        """Whether there are denials enough; what is left is to look everywhere else."""
        return len(self.denials) >= DENIALS

    def next_look_ms(self, planned_ms: int, now_ms: int) -> int:
        """When to look next: as planned, but not later than the next denial could count; always ahead of now."""
        if not self.over(now_ms):
            return min(planned_ms, self.not_after_ms + 1)
        if self.denials and not self.denied_for_good:
            # The last look may have come to nothing since then, as they all do during a ban.
            return min(planned_ms, max(self.denials[-1], now_ms) + APART_MS)
        return planned_ms
