"""One stream connection: its subscriptions, what it says to control messages, and its limits.

Source: web-socket-streams.md#general-wss-information, #websocket-limits
"""

from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Final
from urllib.parse import unquote

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from paper_exchange.clock import Clock
from paper_exchange.gateway.sockets.socket import Socket, text_frame
from paper_exchange.gateway.streams import control, payloads
from paper_exchange.gateway.streams.audience import Audience, Form, frame
from paper_exchange.gateway.streams.feeds import Draw
from paper_exchange.gateway.streams.names import Stream, parse
from paper_exchange.market.intervals import SECOND_US

MESSAGES_PER_SECOND: Final = 5
"""What a client may send, pings and pongs included."""

_SHUTDOWN: Final = "!serverShutdown"


def names_in(path: str) -> list[str]:
    """The stream names of a path below `/ws/`, or of the value of `streams`; percent-encoded or not."""
    return [name for name in unquote(path).split("/") if name]


class StreamConnection:
    """The streams of one socket, as its control messages and the audience see them."""

    def __init__(self, socket: Socket, audience: Audience, form: Form) -> None:
        self.socket = socket
        self._audience = audience
        self._names: dict[str, Stream | None] = {}
        self.form = form
        self.post = socket.post

    @property
    def names(self) -> list[str]:
        """The streams subscribed to, those that do not exist included."""
        return list(self._names)

    @property
    def combined(self) -> bool:
        """Whether payloads come in an envelope."""
        return self.form.is_combined

    @combined.setter
    def combined(self, value: bool) -> None:
        self.form = Form(self.form.unit, value)

    def subscribe(self, names: Iterable[str]) -> None:
        """Add streams; those that are there already stay."""
        for name in names:
            if name not in self._names:
                stream = self._names[name] = parse(name)
                if stream is not None:
                    self._audience.join(stream, self)

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Drop streams; those that are not there are passed over."""
        for name in names:
            stream = self._names.pop(name, None)
            if stream is not None:
                self._audience.leave(stream, self)

    def announce_end(self, now_us: int) -> None:
        """Tell the client that it should open another connection."""
        self.say(_SHUTDOWN, partial(payloads.server_shutdown, now_us))

    def say(self, stream: str, draw: Draw) -> None:
        """Send something that no subscription has brought."""
        self.post(frame(stream, draw, self.form))

    async def serve(self) -> None:
        """Answer control messages until the connection ends."""
        try:
            async for message in self.socket:
                text = message if isinstance(message, str) else message.decode(errors="replace")
                self.post(text_frame(control.answer(text, self)))
        except ConnectionClosed:
            pass  # however it ended
        finally:
            self.unsubscribe(self.names)


def hold_to_rate(socket: Socket, clock: Clock, messages_per_second: int) -> None:
    """End the connection when its client sends more than it may in any second."""
    arrivals: deque[int] = deque(maxlen=messages_per_second)

    def count() -> None:
        now_us = clock.now_us()
        if len(arrivals) == messages_per_second and now_us - arrivals[0] < SECOND_US:
            socket.hang_up(CloseCode.POLICY_VIOLATION, "Too many requests")
        arrivals.append(now_us)

    socket.on_message = count
