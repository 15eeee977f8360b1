"""What an agent can wait for, in words: `BTCUSDT price >= 65000`, `BTCUSDT order 42 FILLED`, `balance BTC changes`.

A condition on a level (price, bid, ask, spread, volume, balance) holds as long as the last thing heard says so. One on
something that happens (a price that crosses, a kline that closes, an order that gets to a state, a balance that
changes) holds from then on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

import msgspec

from binance_spot_mcp.catalogue.market_events import BookTickerEvent, KlineEvent, TradeEvent
from binance_spot_mcp.catalogue.reading import read_amount, read_interval, read_symbol
from binance_spot_mcp.catalogue.streams import BOOK_TICKER, KLINE, TRADE, Stream, stream
from binance_spot_mcp.catalogue.user_events import AccountPosition, ExecutionReport, UserEvent
from binance_spot_mcp.domain.liquidity import spread
from binance_spot_mcp.vocabulary import KlineInterval, plain

FINAL = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})
STATES = ("NEW", "PARTIALLY_FILLED", *sorted(FINAL), "DONE")
"""`DONE` is any state that an order stays in."""

Comparison = Literal[">=", "<=", ">", "<"]
Facts = dict[str, Any]

_COMPARE: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
}
_NUMBER = r"(?P<number>[0-9.]+)"
_LEVEL = re.compile(
    rf"(?P<symbol>\S+) (?P<what>price|bid|ask|spread|volume) ?(?P<op>>=|<=|>|<) ?{_NUMBER} ?(?P<unit>bps)?",
    re.IGNORECASE,
)
_CROSSES = re.compile(rf"(?P<symbol>\S+) price crosses {_NUMBER}", re.IGNORECASE)
_CLOSES = re.compile(
    rf"(?P<symbol>\S+) kline (?P<interval>\S+) closes(?: ?(?P<op>>=|<=|>|<) ?{_NUMBER})?", re.IGNORECASE
)
_ORDER = re.compile(r"(?P<symbol>\S+) order (?P<id>[0-9]{1,19}) (?P<state>\w+)", re.IGNORECASE)
_BALANCE = re.compile(
    rf"balance (?P<asset>[\w.-]{{1,20}}) (?:(?P<changes>changes)|(?P<op>>=|<=|>|<) ?{_NUMBER})", re.IGNORECASE
)
FORMS = (
    "BTCUSDT price >= 65000 (or bid, ask, spread in quote units or bps, volume traded since now)",
    "BTCUSDT price crosses 65000",
    "BTCUSDT kline 1m closes (or closes > 65000)",
    f"BTCUSDT order 42 FILLED (or {', '.join(STATES)})",
    "balance BTC changes (or balance BTC >= 0.5, of what is free)",
)


class NoSuchCondition(ValueError):
    """A text that is no condition."""


@dataclass
class Condition:
    """One thing to wait for.

    Attributes:
        text: As it is written back.
        stream: The market stream that tells of it; None for the user data stream.
        holds: What is known of it where it holds; None where it does not.
        seen: The last thing heard that has to do with it.
    """

    text: str
    stream: Stream | None = field(init=False, default=None)
    holds: Facts | None = field(init=False, default=None)
    seen: Facts = field(init=False, default_factory=dict)

    def hear(self, raw: msgspec.Raw) -> None:
        """Take in an event of its stream."""
        raise NotImplementedError


@dataclass
class PriceIs(Condition):
    """The last trade's price on one side of a number."""

    symbol: str
    op: str
    number: Decimal

    def __post_init__(self) -> None:
        self.stream = stream(TRADE, self.symbol)

    def hear(self, raw: msgspec.Raw) -> None:
        """A trade."""
        trade = msgspec.json.decode(raw, type=TradeEvent)
        self.know(trade.price, {"trade_id": trade.id, "event_time": trade.time})

    def know(self, price: Decimal, more: Facts) -> None:
        """The price, from wherever it is known."""
        self.seen = {"price": price, **more}
        self.holds = self.seen if _COMPARE[self.op](price, self.number) else None


@dataclass
class PriceCrosses(Condition):
    """The price going from one side of a number to the other, or reaching it."""

    symbol: str
    number: Decimal
    before: Decimal | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.stream = stream(TRADE, self.symbol)

    def hear(self, raw: msgspec.Raw) -> None:
        """A trade."""
        trade = msgspec.json.decode(raw, type=TradeEvent)
        self.know(trade.price, {"trade_id": trade.id, "event_time": trade.time})

    def know(self, price: Decimal, more: Facts) -> None:
        """The price, from wherever it is known."""
        before, self.before = self.before, price
        self.seen = {"price": price, **more}
        if before is None or self.holds is not None:
            return
        if before < self.number <= price or before > self.number >= price:
            self.holds = {"from": before, **self.seen}


@dataclass
class QuoteIs(Condition):
    """The best bid, the best ask, or their distance, on one side of a number."""

    symbol: str
    what: str
    op: str
    number: Decimal
    in_basis_points: bool

    def __post_init__(self) -> None:
        self.stream = stream(BOOK_TICKER, self.symbol)

    def hear(self, raw: msgspec.Raw) -> None:
        """A change of the best quotes."""
        quote = msgspec.json.decode(raw, type=BookTickerEvent)
        self.seen = {"bid": quote.bid_price, "ask": quote.ask_price}
        value = self._value(quote)
        self.holds = self.seen if value is not None and _COMPARE[self.op](value, self.number) else None

    def _value(self, quote: BookTickerEvent) -> Decimal | None:
        """A side without any order is quoted as 0, which is no price."""
        if self.what != "spread":
            return (quote.bid_price if self.what == "bid" else quote.ask_price) or None
        if not quote.bid_price or not quote.ask_price:
            return None
        apart = spread(quote.bid_price, quote.ask_price)
        return apart.basis_points if self.in_basis_points else apart.absolute


@dataclass
class VolumeIs(Condition):
    """What was traded since the wait began, in base units."""

    symbol: str
    op: str
    number: Decimal
    volume: Decimal = field(init=False, default=Decimal(0))

    def __post_init__(self) -> None:
        self.stream = stream(TRADE, self.symbol)

    def hear(self, raw: msgspec.Raw) -> None:
        """A trade."""
        trade = msgspec.json.decode(raw, type=TradeEvent)
        self.volume += trade.qty
        self.seen = {"volume": self.volume, "event_time": trade.time}
        self.holds = self.seen if _COMPARE[self.op](self.volume, self.number) else None


@dataclass
class KlineCloses(Condition):
    """A kline that is finished, perhaps on one side of a number."""

    symbol: str
    interval: str
    op: str | None
    number: Decimal | None

    def __post_init__(self) -> None:
        self.stream = stream(KLINE, self.symbol, self.interval)

    def hear(self, raw: msgspec.Raw) -> None:
        """The kline has changed."""
        event = msgspec.json.decode(raw, type=KlineEvent)
        bar = event.kline
        self.seen = {"open_time": bar.open_time, "close": bar.close, "closed": bar.closed}
        fits = self.op is None or self.number is None or _COMPARE[self.op](bar.close, self.number)
        if bar.closed and fits and self.holds is None:
            self.holds = {
                "open_time": bar.open_time,
                "open": bar.open,
                "high": bar.high,
                "low": bar.low,
                "close": bar.close,
                "volume": bar.volume,
                "event_time": event.event_time,
            }


@dataclass
class OrderIs(Condition):
    """An order that gets to a state."""

    symbol: str
    order_id: int
    state: str

    def hear(self, raw: msgspec.Raw) -> None:
        """Something happened on the account."""
        event = msgspec.json.decode(raw, type=UserEvent)
        if isinstance(event, ExecutionReport) and (event.symbol, event.order_id) == (self.symbol, self.order_id):
            self.know(event.status, event.executed_qty, event.event_time)

    def know(self, status: str, executed_qty: Decimal, event_time: int) -> None:
        """The state, from wherever it is known."""
        self.seen = {"status": status, "executed_qty": executed_qty, "event_time": event_time}
        if self.holds is None and (status == self.state or (self.state == "DONE" and status in FINAL)):
            self.holds = self.seen


@dataclass
class BalanceIs(Condition):
    """A balance that changes, or whose free part is on one side of a number."""

    asset: str
    op: str | None
    number: Decimal | None
    before: tuple[Decimal, Decimal] | None = field(init=False, default=None)

    def hear(self, raw: msgspec.Raw) -> None:
        """Something happened on the account."""
        event = msgspec.json.decode(raw, type=UserEvent)
        if isinstance(event, AccountPosition):
            for balance in event.balances:
                if balance.asset == self.asset:
                    self.know(balance.free, balance.locked, event.event_time)

    def know(self, free: Decimal, locked: Decimal, event_time: int) -> None:
        """The balance, from wherever it is known."""
        before, self.before = self.before, (free, locked)
        self.seen = {"free": free, "locked": locked, "event_time": event_time}
        if self.op is not None and self.number is not None:
            self.holds = self.seen if _COMPARE[self.op](free, self.number) else None
        elif before is not None and before != (free, locked) and self.holds is None:
            self.holds = {"free_before": before[0], "locked_before": before[1], **self.seen}


def read_condition(text: str) -> Condition:
    """The condition that a text means.

    Raises:
        NoSuchCondition: It means none; the message says what there is.
        PydanticCustomError: A part of it is wrong, as `catalogue.reading` says.
    """
    words = " ".join(text.split())
    if len(words) > 120:
        raise NoSuchCondition("is too long.")
    if found := _LEVEL.fullmatch(words):
        return _level(found)
    if found := _CROSSES.fullmatch(words):
        symbol, number = read_symbol(found["symbol"]), read_amount(found["number"])
        return PriceCrosses(f"{symbol} price crosses {plain(number)}", symbol, number)
    if found := _CLOSES.fullmatch(words):
        symbol, interval = read_symbol(found["symbol"]), read_interval(found["interval"], get_args(KlineInterval))
        bound = _bound(found)
        return KlineCloses(f"{symbol} kline {interval} closes{_written(bound)}", symbol, interval, *bound)
    if (found := _ORDER.fullmatch(words)) and (state := found["state"].upper()) in STATES:
        symbol, order_id = read_symbol(found["symbol"]), int(found["id"])
        return OrderIs(f"{symbol} order {order_id} {state}", symbol, order_id, state)
    if found := _BALANCE.fullmatch(words):
        asset = found["asset"].upper()
        bound = _bound(found)
        return BalanceIs(f"balance {asset}{_written(bound) or ' changes'}", asset, *bound)
    raise NoSuchCondition(f"is none of these forms: {'; '.join(FORMS)}.")


def _level(found: re.Match[str]) -> Condition:
    symbol, what, op = read_symbol(found["symbol"]), found["what"].lower(), found["op"]
    number, unit = read_amount(found["number"]), found["unit"]
    if unit and what != "spread":
        raise NoSuchCondition("has bps behind what is no spread.")
    text = f"{symbol} {what} {op} {plain(number)}{' bps' if unit else ''}"
    match what:
        case "price":
            return PriceIs(text, symbol, op, number)
        case "volume":
            return VolumeIs(text, symbol, op, number)
        case _:
            return QuoteIs(text, symbol, what, op, number, in_basis_points=bool(unit))


def _bound(found: re.Match[str]) -> tuple[str | None, Decimal | None]:
    return (None, None) if found["op"] is None else (found["op"], read_amount(found["number"]))


def _written(bound: tuple[str | None, Decimal | None]) -> str:
    op, number = bound
    return "" if number is None else f" {op} {plain(number)}"
