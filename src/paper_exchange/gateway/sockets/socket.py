"""The server's end of one WebSocket.

What is sent goes through an outbox that is written once per turn of the event loop, so that a burst costs one system
call per reader. Frames are made by the sender, once for all readers: without compression and masking, which servers
do not do, the bytes of a message are the same on every connection.

Source: RFC 6455 sections 5.2 and 5.5, web-socket-streams.md#general-wss-information
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State
from websockets.server import ServerProtocol

MAX_BACKLOG: Final = 8 * 1024 * 1024
"""Bytes that may wait for a reader. Nothing is ever dropped from a living connection: a reader that falls further
behind than this loses the connection itself."""

_FINAL_TEXT: Final = 0x80 | Opcode.TEXT
_COUNTED: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG})


def text_frame(data: bytes) -> bytes:
    """A whole text message as one frame."""
    size = len(data)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + data
    if size < 1 << 16:
        return bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big") + data
    return bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big") + data


class Socket(ServerConnection):
    """One connection.

    Attributes:
        on_message: Called for each message that came in, pings and pongs included, before anybody reads it.
    """

    def __init__(self, protocol: ServerProtocol, server: Server, **settings: Any) -> None:
        super().__init__(protocol, server, **settings)
        self.on_message: Callable[[], None] | None = None
        self._outbox: list[bytes] = []
        self._unanswered: dict[bytes, int] = {}
        self._hang_up: asyncio.Task[None] | None = None
        self._is_stalled = False

    @property
    def address(self) -> str:
        """The IP address at the other end."""
        remote = self.remote_address
        return str(remote[0]) if remote else ""

    @property
    def target(self) -> str:
        """Path and query that the client asked for."""
        return "" if self.request is None else self.request.path

    # Sending

    def post(self, frame: bytes) -> None:
        """Send a frame with everything else that this turn of the event loop brings."""
        if not self._outbox:
            self.loop.call_soon(self.flush)
        self._outbox.append(frame)

    def flush(self) -> None:
        """Send what was posted now."""
        if self._is_stalled:
            return
        frames, self._outbox = self._outbox, []
        if self.state is not State.OPEN or not frames:
            return
        self.transport.write(b"".join(frames))
        if self.transport.get_write_buffer_size() > MAX_BACKLOG:
            self.transport.abort()

    def hang_up(self, code: int, reason: str) -> None:
        """Close the connection; what was posted before goes out first."""
        if self._hang_up is None:
            self.flush()
            self._hang_up = self.loop.create_task(self.close(code, reason))

    # Misbehaving

    def stall(self) -> None:
        """Say nothing any more, not even to pings, until `resume`."""
        self._is_stalled = True

    def resume(self) -> None:
        """Say what was held back, and everything from now on."""
        self._is_stalled = False
        self.flush()
        self.send_data()

    def send_data(self) -> None:
        """Write what the protocol has to say; overrides the library's, which does it."""
        if not self._is_stalled:
            super().send_data()

    # Pings

    def send_ping(self, payload: bytes, now_us: int) -> None:
        """Ask for a pong with that payload."""
        if self.state is State.OPEN:
            self._unanswered[payload] = now_us
            self.protocol.send_ping(payload)
            self.send_data()

    @property
    def unanswered_since_us(self) -> int | None:
        """When the oldest ping was sent that is still without its pong; pongs that nobody asked for do not count."""
        return next(iter(self._unanswered.values()), None)

    def process_event(self, event: Event) -> None:
        """Take in what the protocol read; overrides the library's, which does the rest."""
        super().process_event(event)
        if not isinstance(event, Frame):
            return
        if event.opcode is Opcode.PONG and bytes(event.data) in self._unanswered:
            # A pong answers its ping and every earlier one.
            while next(iter(self._unanswered)) != event.data:
                del self._unanswered[next(iter(self._unanswered))]
            del self._unanswered[bytes(event.data)]
        if self.on_message is not None and event.opcode in _COUNTED:
            self.on_message()
