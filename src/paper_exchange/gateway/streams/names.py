"""Stream names: what a client wants to hear, read from the text it sends.

Source: web-socket-streams.md#detailed-stream-information
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from paper_exchange.market.intervals import HOUR_US, INTERVALS, SECOND_US

TENTH_US: Final = SECOND_US // 10
"""The faster of the two speeds of depth streams."""

ALL_MARKET: Final = ""
"""Stands for the symbol of a stream that has none."""


class Kind(Enum):
    """What a stream is about."""

    TRADE = auto()
    AGGREGATE_TRADE = auto()
    BLOCK_TRADE = auto()
    KLINE = auto()
    MINI_TICKER = auto()
    TICKER = auto()
    WINDOW_TICKER = auto()
    BOOK_TICKER = auto()
    AVERAGE_PRICE = auto()
    REFERENCE_PRICE = auto()
    PARTIAL_DEPTH = auto()
    DIFF_DEPTH = auto()


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream that exists.

    Attributes:
        name: As the client spells it.
        symbol: In upper case, as payloads carry it; `ALL_MARKET` where the stream covers every symbol.
        period_us: How often it speaks; 0 when it speaks as soon as something happens.
        variant: The kline's interval or the ticker's window; empty for other kinds.
        zone_us: How far the kline's days are ahead of UTC.
        levels: Levels per side of a partial depth stream.
    """

    name: str
    kind: Kind
    symbol: str = ALL_MARKET
    period_us: int = 0
    variant: str = ""
    zone_us: int = 0
    levels: int = 0


_PLAIN: Final = {
    "trade": (Kind.TRADE, 0),
    "aggTrade": (Kind.AGGREGATE_TRADE, 0),
    "blockTrade": (Kind.BLOCK_TRADE, 0),
    "bookTicker": (Kind.BOOK_TICKER, 0),
    "miniTicker": (Kind.MINI_TICKER, SECOND_US),
    "ticker": (Kind.TICKER, SECOND_US),
    "avgPrice": (Kind.AVERAGE_PRICE, SECOND_US),
    "referencePrice": (Kind.REFERENCE_PRICE, SECOND_US),
}
_SPEEDS: Final = {None: SECOND_US, "100": TENTH_US, "1000": SECOND_US}
"""Periods of depth streams by what stands before `ms`. That 1000 may be written out is not documented."""
_MINI_TICKERS: Final = {
    "!miniTicker@arr": SECOND_US,
    "!miniTicker@arr@1000ms": SECOND_US,
    "!miniTicker@arr@3000ms": 3 * SECOND_US,
}
"""The longer names are no longer documented, but widely used clients still ask for them."""
PERIODS_US: Final = (TENTH_US, SECOND_US, 2 * SECOND_US, 3 * SECOND_US)
"""Every speed that a stream may have."""

_WINDOWS: Final = "1h|4h|1d"
_KLINE = re.compile(rf"kline_({'|'.join(INTERVALS)})(@\+08:00)?")
_WINDOW = re.compile(rf"ticker_({_WINDOWS})")
_DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|1000)ms)?")
_ALL_WINDOW = re.compile(rf"!ticker_({_WINDOWS})@arr")


def parse(name: str) -> Stream | None:
    """The stream of that name; None when there is none.

    Binance takes a subscription to a stream that it does not (or no longer) have, such as `!ticker@arr` or
    `BTCUSDT@trade`, and stays silent. Whether the symbol is listed is not looked at: it may be listed later.
    """
    if name in _MINI_TICKERS:
        return Stream(name, Kind.MINI_TICKER, period_us=_MINI_TICKERS[name])
    if match := _ALL_WINDOW.fullmatch(name):
        return Stream(name, Kind.WINDOW_TICKER, period_us=SECOND_US, variant=match[1])
    lower, at, what = name.partition("@")
    symbol = lower.upper()
    if not lower or not at or lower != lower.lower():
        return None
    if plain := _PLAIN.get(what):
        return Stream(name, plain[0], symbol, period_us=plain[1])
    if match := _KLINE.fullmatch(what):
        period_us = SECOND_US if match[1] == "1s" else 2 * SECOND_US
        return Stream(name, Kind.KLINE, symbol, period_us, variant=match[1], zone_us=8 * HOUR_US if match[2] else 0)
    if match := _WINDOW.fullmatch(what):
        return Stream(name, Kind.WINDOW_TICKER, symbol, SECOND_US, variant=match[1])
    if match := _DEPTH.fullmatch(what):
        kind = Kind.PARTIAL_DEPTH if match[1] else Kind.DIFF_DEPTH
        return Stream(name, kind, symbol, _SPEEDS[match[2]], levels=int(match[1] or 0))
    return None
