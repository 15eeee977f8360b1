"""An exchange with two symbols, three accounts and a clock that stands still, and listeners without sockets."""

import asyncio
import json
from decimal import Decimal
from typing import Any

from paper_exchange.clock import VirtualClock
from paper_exchange.engine.commands import AddSymbol, Command, Deposit, OpenAccount, Place
from paper_exchange.engine.events import Result
from paper_exchange.engine.orders import Terms
from paper_exchange.engine.symbols import (
    Commission,
    LotSize,
    PriceFilter,
    Rates,
    ReferencePriceRule,
    SymbolSpec,
)
from paper_exchange.engine.words import Side
from paper_exchange.exchange import PaperExchange
from paper_exchange.gateway.streams.audience import Audience, Form
from paper_exchange.gateway.streams.feeds import Market
from paper_exchange.gateway.streams.names import parse
from paper_exchange.market.wire import TimeUnit

D = Decimal
ALICE, BOB, CAROL = 1, 2, 3
START_US = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC, a Thursday."""

_FILTERS = (
    PriceFilter(min_price=D("0.01"), max_price=D(1_000_000), tick_size=D("0.01")),
    LotSize(min_qty=D("0.001"), max_qty=D(9000), step_size=D("0.001")),
)


def symbol(name: str, base: str, quote: str, reference_price: ReferencePriceRule | None = None) -> SymbolSpec:
    """A symbol with plain filters and a commission of 0.1 %."""
    return SymbolSpec(
        symbol=name,
        base_asset=base,
        quote_asset=quote,
        filters=_FILTERS,
        commission=Commission(standard=Rates(maker=D("0.001"), taker=D("0.001"))),
        reference_price=reference_price,
    )


class Heard:
    """Somebody who listens and writes down what is said."""

    def __init__(self, unit: TimeUnit = "MILLISECOND", *, combined: bool = False) -> None:
        self.form = Form(unit, combined)
        self.frames: list[bytes] = []

    def post(self, frame: bytes) -> None:
        self.frames.append(frame)

    @property
    def messages(self) -> list[Any]:
        """Everything said so far."""
        return [payload(frame) for frame in self.frames]

    def take(self) -> list[Any]:
        """What was said since the last time."""
        messages = self.messages
        self.frames.clear()
        return messages


def payload(frame: bytes) -> Any:
    """The JSON in a text frame that a server sent."""
    header = {126: 4, 127: 10}.get(frame[1], 2)
    return json.loads(frame[header:])


class StreamFloor:
    """The exchange."""

    def __init__(self, *, lag_us: int = 0) -> None:
        self.clock = VirtualClock(START_US)
        self.exchange = PaperExchange(clock=self.clock)
        self.audience = Audience(Market(self.exchange.engine, self.exchange.record), self.clock, lag_us=lag_us)
        self.exchange.listen(self.audience.hear)
        external = ReferencePriceRule(calculation_type="EXTERNAL")
        self.do(AddSymbol(spec=symbol("BTCUSDT", "BTC", "USDT", external)))
        self.do(AddSymbol(spec=symbol("ETHUSDT", "ETH", "USDT")))
        for account in (ALICE, BOB, CAROL):
            self.do(OpenAccount(account=account))
            for asset in ("BTC", "ETH", "USDT"):
                self.do(Deposit(account=account, asset=asset, amount=D(1_000_000)))

    def do(self, command: Command) -> Result:
        """Execute a command now."""
        return self.exchange.submit(command)

    def limit(self, account: int, side: Side, quantity: str, price: str, *, symbol: str = "BTCUSDT") -> Result:
        """Place a LIMIT order that stays until it is cancelled."""
        terms = Terms(side=side, type="LIMIT", quantity=D(quantity), price=D(price), time_in_force="GTC")
        return self.do(Place(account=account, symbol=symbol, order=terms))

    def trade(self, price: str, quantity: str = "1", symbol: str = "BTCUSDT") -> None:
        """Let Bob sell to Carol, on an otherwise uncrossed book."""
        self.limit(BOB, "SELL", quantity, price, symbol=symbol)
        self.limit(CAROL, "BUY", quantity, price, symbol=symbol)

    def listen(self, *names: str, unit: TimeUnit = "MILLISECOND", combined: bool = False) -> Heard:
        """Listen to streams."""
        heard = Heard(unit, combined=combined)
        for name in names:
            stream = parse(name)
            assert stream is not None, name
            self.audience.join(stream, heard)
        return heard

    async def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(0)  # what was begun gets to wait for its time
        await self.clock.advance(round(seconds * 1_000_000))

    def leave(self, name: str, heard: Heard) -> None:
        """Stop listening to a stream."""
        stream = parse(name)
        assert stream is not None, name
        self.audience.leave(stream, heard)
