"""The latest trades of one symbol, and the aggregate trades they form."""

from array import array
from bisect import bisect_left, bisect_right
from typing import Protocol

from msgspec import Struct

from paper_exchange.market.amounts import ONE_E8
from paper_exchange.market.bars import PublicTrade


class AggregateTrade(Struct, frozen=True, gc=False):
    """The trades of one taker order at one price. Source: rest-api.md#compressedaggregate-trades-list"""

    aggregate_id: int
    price_e8: int
    quantity_e8: int
    first_id: int
    last_id: int
    time_us: int
    buyer_is_maker: bool


class OutOfSequence(ValueError):
    """A trade that does not follow the last one: the record would have a gap."""


class Trades(Protocol):
    """A run of trades without gaps, and the aggregates they form."""

    @property
    def complete_from_us(self) -> int:
        """Since when every trade is known; 0 when none was forgotten."""
        ...

    @property
    def first_id(self) -> int:
        """The oldest trade that is known (the next one, when none is)."""
        ...

    @property
    def next_id(self) -> int:
        """The id of the trade to come."""
        ...

    @property
    def first_aggregate_id(self) -> int:
        """The oldest aggregate that is known (the next one, when none is)."""
        ...

    @property
    def next_aggregate_id(self) -> int:
        """The id of the aggregate to come."""
        ...

    def read(self, first_id: int, end_id: int) -> list[PublicTrade]:
        """The known trades from `first_id` up to, not including, `end_id`."""
        ...

    def read_aggregates(self, first_id: int, end_id: int) -> list[AggregateTrade]:
        """The known aggregates from `first_id` up to, not including, `end_id`."""
        ...

    def first_id_at(self, time_us: int) -> int:
        """The first known trade at or after a time (the next one, when there is none)."""
        ...

    def first_aggregate_id_at(self, time_us: int) -> int:
        """The first known aggregate at or after a time (the next one, when there is none)."""
        ...


class TradeLogState(Struct, frozen=True):
    """What a `TradeLog` knows, to be kept; the columns in the machine's byte order."""

    first_id: int
    first_aggregate_id: int
    complete_from_us: int
    last_taker_order_id: int
    columns: tuple[bytes, ...]
    odd_quotes: dict[int, int]


class TradeLog:
    """Trades in compact columns, 33 bytes each, oldest first; at least the last `kept` of them.

    Ids of trades and aggregates start at `first_id` and `first_aggregate_id`. What a trade is worth is not kept where
    it is price times quantity, truncated to eight decimals, which a column might not have room for; it is something
    else only on symbols with a coarser quote asset.
    """

    def __init__(self, *, kept: int, first_id: int, first_aggregate_id: int) -> None:
        self._kept = kept
        self._first_id = first_id
        self._first_aggregate_id = first_aggregate_id
        self._prices = array("q")
        self._quantities = array("q")
        self._odd_quotes: dict[int, int] = {}
        """By trade id, where they are not the product, in order."""
        self._times = array("q")
        self._buyer_is_maker = array("b")
        self._aggregates = array("q")
        """The id of the first trade of each aggregate."""
        self._last_taker_order_id = -1
        self._complete_from_us = 0

    @property
    def complete_from_us(self) -> int:
        """Since when every trade is known."""
        return self._complete_from_us

    @property
    def first_id(self) -> int:
        """The oldest trade that is known (the next one, when none is)."""
        return self._first_id

    @property
    def next_id(self) -> int:
        """The id of the trade to come."""
        return self._first_id + len(self._times)

    @property
    def first_aggregate_id(self) -> int:
        """The oldest aggregate that is known (the next one, when none is)."""
        return self._first_aggregate_id

    @property
    def next_aggregate_id(self) -> int:
        """The id of the aggregate to come."""
        return self._first_aggregate_id + len(self._aggregates)

    def add(self, trade: PublicTrade, taker_order_id: int) -> None:
        """Append a trade.

        Raises:
            OutOfSequence: Its id does not follow the last one.
        """
        if trade.trade_id != self.next_id:
            raise OutOfSequence(f"trade {trade.trade_id} came where {self.next_id} was expected")
        continues = (
            self._aggregates
            and taker_order_id == self._last_taker_order_id
            and trade.price_e8 == self._prices[-1]
            and trade.time_us == self._times[-1]
        )
        if not continues:
            self._aggregates.append(trade.trade_id)
            self._last_taker_order_id = taker_order_id
        self._prices.append(trade.price_e8)
        self._quantities.append(trade.quantity_e8)
        if trade.quote_e8 != _product_e8(trade.price_e8, trade.quantity_e8):
            self._odd_quotes[trade.trade_id] = trade.quote_e8
        self._times.append(trade.time_us)
        self._buyer_is_maker.append(trade.buyer_is_maker)
        if len(self._times) > self._kept + self._kept // 4:
            self._forget(len(self._times) - self._kept)

    def read(self, first_id: int, end_id: int) -> list[PublicTrade]:
        """The known trades from `first_id` up to, not including, `end_id`."""
        start = max(first_id - self._first_id, 0)
        end = min(end_id - self._first_id, len(self._times))
        return [self._trade(index) for index in range(start, end)]

    def read_aggregates(self, first_id: int, end_id: int) -> list[AggregateTrade]:
        """The known aggregates from `first_id` up to, not including, `end_id`."""
        start = max(first_id - self._first_aggregate_id, 0)
        end = min(end_id - self._first_aggregate_id, len(self._aggregates))
        return [self._aggregate(index) for index in range(start, end)]

    def first_id_at(self, time_us: int) -> int:
        """The first known trade at or after a time (the next one, when there is none)."""
        return self._first_id + bisect_left(self._times, time_us)

    def first_aggregate_id_at(self, time_us: int) -> int:
        """The first known aggregate at or after a time (the next one, when there is none)."""
        return self._first_aggregate_id + bisect_left(self._aggregates, self.first_id_at(time_us))

    def state(self) -> TradeLogState:
        """Everything it knows."""
        return TradeLogState(
            self._first_id,
            self._first_aggregate_id,
            self._complete_from_us,
            self._last_taker_order_id,
            tuple(column.tobytes() for column in self._columns()),
            dict(self._odd_quotes),
        )

    def restore(self, state: TradeLogState) -> None:
        """Know what was known then, and nothing else."""
        self._first_id = state.first_id
        self._first_aggregate_id = state.first_aggregate_id
        self._complete_from_us = state.complete_from_us
        self._last_taker_order_id = state.last_taker_order_id
        for column, content in zip(self._columns(), state.columns, strict=True):
            del column[:]
            column.frombytes(content)
        self._odd_quotes = dict(state.odd_quotes)

    def _columns(self) -> tuple["array[int]", ...]:
        return (
            self._prices,
            self._quantities,
            self._times,
            self._buyer_is_maker,
            self._aggregates,
        )

    def _trade(self, index: int) -> PublicTrade:
        trade_id, price_e8, quantity_e8 = self._first_id + index, self._prices[index], self._quantities[index]
        quote_e8 = self._odd_quotes.get(trade_id)
        return PublicTrade(
            trade_id,
            price_e8,
            quantity_e8,
            _product_e8(price_e8, quantity_e8) if quote_e8 is None else quote_e8,
            self._times[index],
            bool(self._buyer_is_maker[index]),
        )

    def _aggregate(self, index: int) -> AggregateTrade:
        first_id = self._aggregates[index]
        end_id = self._aggregates[index + 1] if index + 1 < len(self._aggregates) else self.next_id
        start, end = first_id - self._first_id, end_id - self._first_id
        return AggregateTrade(
            self._first_aggregate_id + index,
            self._prices[start],
            sum(self._quantities[start:end]),
            first_id,
            end_id - 1,
            self._times[start],
            bool(self._buyer_is_maker[start]),
        )

    def _forget(self, trades: int) -> None:
        # Whole aggregates only: go back to where the first one that stays began.
        aggregates = bisect_right(self._aggregates, self._first_id + trades) - 1
        if not aggregates:
            return
        trades = self._aggregates[aggregates] - self._first_id
        self._complete_from_us = self._times[trades - 1] + 1
        for column in (self._prices, self._quantities, self._times, self._buyer_is_maker):
            del column[:trades]
        del self._aggregates[:aggregates]
        self._first_id += trades
        self._first_aggregate_id += aggregates
        while self._odd_quotes and (oldest := next(iter(self._odd_quotes))) < self._first_id:
            del self._odd_quotes[oldest]


def _product_e8(price_e8: int, quantity_e8: int) -> int:
    return price_e8 * quantity_e8 // ONE_E8


class JoinedTrades:
    """Two runs of trades as one: `later` goes on where `earlier` ends.

    Once `later` has forgotten its first trades, `earlier` is out of reach.
    """

    def __init__(self, earlier: Trades, later: Trades) -> None:
        self._earlier = earlier
        self._later = later

    @property
    def complete_from_us(self) -> int:
        """Since when every trade is known."""
        return self._later.complete_from_us or self._earlier.complete_from_us

    @property
    def first_id(self) -> int:
        """The oldest trade that is known."""
        return self._later.first_id if self._is_parted else self._earlier.first_id

    @property
    def next_id(self) -> int:
        """The id of the trade to come."""
        return self._later.next_id

    @property
    def first_aggregate_id(self) -> int:
        """The oldest aggregate that is known."""
        return self._later.first_aggregate_id if self._is_parted else self._earlier.first_aggregate_id

    @property
    def next_aggregate_id(self) -> int:
        """The id of the aggregate to come."""
        return self._later.next_aggregate_id

    def read(self, first_id: int, end_id: int) -> list[PublicTrade]:
        """The known trades from `first_id` up to, not including, `end_id`."""
        known = self._later.read(first_id, end_id)
        if first_id < self._later.first_id and not self._is_parted:
            return self._earlier.read(first_id, end_id) + known
        return known

    def read_aggregates(self, first_id: int, end_id: int) -> list[AggregateTrade]:
        """The known aggregates from `first_id` up to, not including, `end_id`."""
        known = self._later.read_aggregates(first_id, end_id)
        if first_id < self._later.first_aggregate_id and not self._is_parted:
            return self._earlier.read_aggregates(first_id, end_id) + known
        return known

    def first_id_at(self, time_us: int) -> int:
        """The first known trade at or after a time (the next one, when there is none)."""
        earlier = self._earlier.first_id_at(time_us)
        if earlier < self._earlier.next_id and not self._is_parted:
            return earlier
        return self._later.first_id_at(time_us)

    def first_aggregate_id_at(self, time_us: int) -> int:
        """The first known aggregate at or after a time (the next one, when there is none)."""
        earlier = self._earlier.first_aggregate_id_at(time_us)
        if earlier < self._earlier.next_aggregate_id and not self._is_parted:
            return earlier
        return self._later.first_aggregate_id_at(time_us)

    @property
    def _is_parted(self) -> bool:
        return self._later.first_id > self._earlier.next_id
