"""From what happens on the exchange to what the streams say. Pure: events and times in, messages out.

Only streams that are open cost anything. A feed that fails says nothing that time, and the others go on.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeVar

from paper_exchange.engine.events import BookChange, Event, Trade
from paper_exchange.gateway.streams.feeds import Draw, Feed, Happened, Market, start
from paper_exchange.gateway.streams.names import ALL_MARKET, Stream
from paper_exchange.market.history import BlockTrade

_log = logging.getLogger(__name__)

_Key = TypeVar("_Key", str, int)


class Message(NamedTuple):
    """Something that a stream says."""

    stream: str
    draw: Draw


class Hub:
    """The open streams.

    The engine and the record that `market` holds must have taken in whatever the hub is told.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._by_symbol: dict[str, dict[str, Feed]] = {}
        self._by_period: dict[int, dict[str, Feed]] = {}

    def open(self, stream: Stream, now_us: int) -> None:
        """Start a stream; one that is open starts over."""
        opened = start(stream, self._market, now_us)
        self._by_symbol.setdefault(stream.symbol, {})[stream.name] = opened
        if stream.period_us:
            self._by_period.setdefault(stream.period_us, {})[stream.name] = opened

    def close(self, stream: Stream) -> None:
        """Stop an open stream."""
        _remove(self._by_symbol, stream.symbol, stream.name)
        if stream.period_us:
            _remove(self._by_period, stream.period_us, stream.name)

    def consume(self, events: Iterable[Event], now_us: int) -> list[Message]:
        """What the open streams say at once about the events of one command."""
        if not self._by_symbol:
            return []
        everywhere = ALL_MARKET in self._by_symbol
        by_symbol: dict[str, Happened] = {}
        for event in events:
            if not isinstance(event, (Trade, BookChange)) or not (everywhere or event.symbol in self._by_symbol):
                continue
            happened = by_symbol.get(event.symbol)
            if happened is None:
                happened = by_symbol[event.symbol] = Happened(event.symbol)
            if isinstance(event, Trade):
                happened.trades.append(event)
            else:
                happened.book_changes.append(event)
        return [message for happened in by_symbol.values() for message in self._hear(happened, now_us)]

    def consume_block_trade(self, symbol: str, trade: BlockTrade, now_us: int) -> list[Message]:
        """What the open streams say at once about a block trade."""
        return list(self._hear(Happened(symbol, block_trades=[trade]), now_us))

    def tick(self, period_us: int, now_us: int) -> list[Message]:
        """What the open streams of this period say at the end of one."""
        opened = self._by_period.get(period_us, {})
        return [
            Message(name, draw) for name, feed in opened.items() for draw in _said(name, partial(feed.tick, now_us))
        ]

    def has_period(self, period_us: int) -> bool:
        """Whether an open stream has this period."""
        return period_us in self._by_period

    def _hear(self, happened: Happened, now_us: int) -> Iterable[Message]:
        for key in (happened.symbol, ALL_MARKET):
            for name, feed in self._by_symbol.get(key, {}).items():
                for draw in _said(name, partial(feed.hear, happened, now_us)):
                    yield Message(name, draw)


def _said(name: str, say: Callable[[], Iterable[Draw]]) -> Iterable[Draw]:
    """What a feed says, nothing when it fails: a defect of one stream must not silence the rest of the exchange."""
    try:
        return list(say())
    except Exception:  # noqa: BLE001 - the boundary: the other streams go on
        _log.exception("the stream %s failed", name)
        return ()


def _remove(index: dict[_Key, dict[str, Feed]], key: _Key, name: str) -> None:
    feeds = index[key]
    del feeds[name]
    if not feeds:
        del index[key]
