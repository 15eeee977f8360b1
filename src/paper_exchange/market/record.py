"""The public record of every symbol, fed by what the engine says happened."""

from collections.abc import Callable, Iterable

import msgspec

from paper_exchange.engine.events import Event, Trade
from paper_exchange.market.amounts import to_e8
from paper_exchange.market.bars import PublicTrade
from paper_exchange.market.history import KEPT_MINUTES, KEPT_TRADES, History, HistoryState, NoPast, Past

# JSON, since sums may be larger than 64 bits, which other formats stop at.
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(dict[str, HistoryState])


def _no_past(symbol: str) -> Past:
    return NoPast()


class MarketRecord:
    """Histories by symbol.

    Args:
        past_of: What happened on a symbol before the engine began; by default nothing.
        kept_trades, kept_minutes: The bounds of every `History`.
    """

    def __init__(
        self,
        past_of: Callable[[str], Past] = _no_past,
        *,
        kept_trades: int = KEPT_TRADES,
        kept_minutes: int = KEPT_MINUTES,
    ) -> None:
        self._past_of = past_of
        self._kept_trades = kept_trades
        self._kept_minutes = kept_minutes
        self._histories: dict[str, History] = {}

    def history(self, symbol: str) -> History:
        """The record of a symbol, an empty one when it never traded. Whether it is listed, the engine knows."""
        history = self._histories.get(symbol)
        if history is None:
            history = self._histories[symbol] = History(
                self._past_of(symbol), kept_trades=self._kept_trades, kept_minutes=self._kept_minutes
            )
        return history

    def snapshot(self) -> bytes:
        """Everything recorded so far. The pasts are not part of it: their source makes them up again."""
        return _ENCODER.encode({symbol: history.state() for symbol, history in self._histories.items()})

    def restore(self, snapshot: bytes) -> None:
        """Know what a snapshot of a record with the same pasts knew, and nothing else.

        Raises:
            msgspec.ValidationError: It is no snapshot.
        """
        states = _DECODER.decode(snapshot)
        self._histories.clear()
        for symbol, state in states.items():
            self.history(symbol).restore(state)

    def apply(self, events: Iterable[Event]) -> None:
        """Record the public trades among the engine's events.

        Raises:
            OutOfSequence: A trade is missing, or came twice.
        """
        for event in events:
            if type(event) is Trade:
                self.history(event.symbol).record(_public(event), _taker_order_id(event))


class NoRecord(MarketRecord):
    """Records nothing: for an exchange that nobody will ask about the past."""

    def restore(self, snapshot: bytes) -> None:
        """Pass over what was recorded."""

    def apply(self, events: Iterable[Event]) -> None:
        """Pass over what happens."""


def _public(trade: Trade) -> PublicTrade:
    return PublicTrade(
        trade.trade_id,
        to_e8(trade.price),
        to_e8(trade.quantity),
        to_e8(trade.quote_quantity),
        trade.time_us,
        trade.buyer_is_maker,
    )


def _taker_order_id(trade: Trade) -> int:
    return trade.seller_order_id if trade.buyer_is_maker else trade.buyer_order_id
