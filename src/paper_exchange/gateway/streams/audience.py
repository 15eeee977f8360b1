"""Who listens to which stream, and the bytes they are sent.

A message is rendered once for each form that somebody wants it in (time unit, and with or without its envelope), and
every listener is given the same bytes. A stream that nobody listens to is closed.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple, NoReturn, Protocol

import msgspec

from paper_exchange.clock import Clock
from paper_exchange.engine.events import Event
from paper_exchange.gateway.sockets.socket import text_frame
from paper_exchange.gateway.streams.feeds import Draw, Market
from paper_exchange.gateway.streams.hub import Hub, Message
from paper_exchange.gateway.streams.names import PERIODS_US, Stream
from paper_exchange.market.history import BlockTrade
from paper_exchange.market.wire import TimeUnit

_log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class Form(NamedTuple):
    """How a listener wants its messages.

    Attributes:
        unit: Of the times in payloads.
        is_combined: Whether the payload comes in an envelope that names the stream.
    """

    unit: TimeUnit
    is_combined: bool


class Listener(Protocol):
    """Somebody who listens to streams."""

    @property
    def form(self) -> Form:
        """How it wants its messages; may change at any time."""
        ...

    def post(self, frame: bytes) -> None:
        """Take one message."""
        ...


class Audience:
    """All listeners to the market streams of one exchange.

    It is told what happens (`hear`) after the engine and the record have taken it in, and `run` makes it tick.

    Args:
        lag_us: How long after the end of a period its messages are made. A source that acts in steps needs a little,
            or what it does in the last moment of a candle would come after the candle has closed.

    Attributes:
        alter: Decides what becomes of messages, where that is not simply to be sent.
    """

    def __init__(self, market: Market, clock: Clock, *, lag_us: int = 0) -> None:
        self.alter: Callable[[Iterable[Message]], Iterable[Message]] | None = None
        self._hub = Hub(market)
        self._clock = clock
        self._lag_us = lag_us
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._opened = {period_us: asyncio.Event() for period_us in PERIODS_US}

    def join(self, stream: Stream, listener: Listener) -> None:
        """Let a listener hear a stream from now on."""
        listeners = self._listeners.get(stream.name)
        if listeners is None:
            listeners = self._listeners[stream.name] = {}
            self._hub.open(stream, self._clock.now_us())
            if stream.period_us:
                self._opened[stream.period_us].set()
        listeners[listener] = None

    def leave(self, stream: Stream, listener: Listener) -> None:
        """Stop a listener from hearing a stream that it had joined."""
        listeners = self._listeners[stream.name]
        del listeners[listener]
        if not listeners:
            del self._listeners[stream.name]
            self._hub.close(stream)

    def hear(self, events: Iterable[Event]) -> None:
        """Say what the events of one command mean to the streams."""
        if self._listeners:
            self._publish(self._hub.consume(events, self._clock.now_us()))

    def hear_block_trade(self, symbol: str, trade: BlockTrade) -> None:
        """Say that there was a block trade."""
        self._publish(self._hub.consume_block_trade(symbol, trade, self._clock.now_us()))

    async def run(self) -> NoReturn:
        """Speak at the end of every period, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for period_us in PERIODS_US:
                tasks.create_task(self._run(period_us))
        raise AssertionError("unreachable: the tasks never end")

    async def _run(self, period_us: int) -> NoReturn:
        opened = self._opened[period_us]
        while True:
            if not self._hub.has_period(period_us):
                opened.clear()
                await opened.wait()
            told_us = self._clock.now_us() - self._lag_us
            await self._clock.sleep_until(told_us - told_us % period_us + period_us + self._lag_us)
            self._publish(self._hub.tick(period_us, self._clock.now_us()))

    def listeners(self, name: str) -> list[Listener]:
        """Who listens to a stream."""
        return list(self._listeners.get(name, ()))

    def _publish(self, messages: Iterable[Message]) -> None:
        self.send(messages if self.alter is None else self.alter(messages))

    def send(self, messages: Iterable[Message]) -> None:
        """Send messages to their listeners as they are; what cannot be written is left out."""
        for name, draw in messages:
            try:
                self._send(name, draw)
            except Exception:  # noqa: BLE001 - the boundary: the other streams go on
                _log.exception("a message of the stream %s failed", name)

    def _send(self, name: str, draw: Draw) -> None:
        frames: dict[Form, bytes] = {}
        for listener in self._listeners.get(name, ()):
            form = listener.form
            if form not in frames:
                frames[form] = frame(name, draw, form)
            listener.post(frames[form])


def frame(name: str, draw: Draw, form: Form) -> bytes:
    """What a stream says, in a form. Source: web-socket-streams.md#general-wss-information"""
    payload = _encode(draw(form.unit))
    if form.is_combined:
        payload = b'{"stream":' + _encode(name) + b',"data":' + payload + b"}"
    return text_frame(payload)
