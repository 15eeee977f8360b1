"""The exchange's limits, and what it says of them: in exchangeInfo, in headers and beside answers.

Source: rest-api.md#limits, web-socket-api.md#general-information-on-rate-limits
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

LimitType = Literal["REQUEST_WEIGHT", "RAW_REQUESTS", "ORDERS", "CONNECTIONS"]

_INTERVALS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_LETTERS = {name[0].lower(): length for name, length in _INTERVALS_MS.items()}
_COUNT_HEADER = re.compile(r"x-mbx-(used-weight|order-count)-(\d+)([smhd])")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many of something per interval."""

    type: LimitType
    interval_ms: int
    most: int

    @property
    def key(self) -> str:
        """The name of its bucket, e.g. `REQUEST_WEIGHT/60000`."""
        return bucket_key(self.type, self.interval_ms)

    @property
    def interval(self) -> str:
        """Its interval as Binance's headers write it, e.g. `1M`."""
        letter, unit = next(
            (name[0], unit) for name, unit in reversed(_INTERVALS_MS.items()) if self.interval_ms % unit == 0
        )
        return f"{self.interval_ms // unit}{letter}"

    def __str__(self) -> str:
        return f"{self.type} per {self.interval}"


DEFAULT_LIMITS = (
    Limit("REQUEST_WEIGHT", 60_000, 6_000),
    Limit("RAW_REQUESTS", 300_000, 61_000),
    Limit("ORDERS", 10_000, 50),
    Limit("ORDERS", 86_400_000, 160_000),
    Limit("CONNECTIONS", 300_000, 300),
)
"""The lowest figures that the documents print; exchangeInfo's own replace them."""


def bucket_key(limit_type: LimitType, interval_ms: int) -> str:
    """The name of a bucket."""
    return f"{limit_type}/{interval_ms}"


WEIGHT_PER_MINUTE = bucket_key("REQUEST_WEIGHT", 60_000)


def stated_limits(rows: Iterable[tuple[str, str, int, int]]) -> list[Limit]:
    """The limits that exchangeInfo states; each protocol leaves out the ones that are the other's alone.

    Args:
        rows: `rateLimitType`, `interval`, `intervalNum` and `limit` of each.
    """
    return [Limit(kind, length_ms, most) for kind, length_ms, most in _understood(rows)]


def stated_counts(rows: Iterable[tuple[str, str, int, int]]) -> dict[str, int]:
    """What an answer of the WebSocket API says was used, by bucket.

    Args:
        rows: `rateLimitType`, `interval`, `intervalNum` and `count` of each limit that the request touched.
    """
    return {bucket_key(kind, length_ms): count for kind, length_ms, count in _understood(rows)}


def _understood(rows: Iterable[tuple[str, str, int, int]]) -> Iterator[tuple[LimitType, int, int]]:
    """The rows of the kinds that we know, with the length of their interval."""
    for stated, interval, number, figure in rows:
        for kind in get_args(LimitType):
            if kind == stated and interval in _INTERVALS_MS:
                yield kind, _INTERVALS_MS[interval] * number, figure


def counts(headers: Mapping[str, str]) -> dict[str, int]:
    """What an answer's headers say was used, by bucket. Header names are in lower case."""
    found: dict[str, int] = {}
    for name, value in headers.items():
        if (match := _COUNT_HEADER.fullmatch(name)) and value.isascii() and value.isdigit():
            kind: LimitType = "REQUEST_WEIGHT" if match[1] == "used-weight" else "ORDERS"
            found[bucket_key(kind, int(match[2]) * _LETTERS[match[3]])] = int(value)
    return found
