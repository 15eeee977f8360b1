"""One WebSocket to the exchange. What it says is handed on at once, in the turn of the event loop that read it.

There is no queue between the network and the listener, so nothing can pile up unseen: a listener keeps what it wants,
within bounds of its own. The server's pings are answered by the library, whoever listens.

Source: web-socket-streams.md#general-wss-information, web-socket-api.md#general-api-information, RFC 6455 sections 5.4
and 5.5
"""

from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidProxy, InvalidStatus, ProxyError, WebSocketException
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event, State

from binance_spot_mcp import __version__
from binance_spot_mcp.transport.failures import never_left, proxy_failed, why_unreachable
from binance_spot_mcp.transport.frames import FrameCutter
from binance_spot_mcp.transport.verdict import Reply, date_ms, retry_after_ms

MOST_BYTES = 8 * 2**20
"""A message above this ends the connection."""
OPEN_S = 10.0
CLOSE_S = 0.5


class Listener(Protocol):
    """Whoever hears what a socket says. It is called from the event loop, and must not wait."""

    def heard(self, message: bytes) -> None:
        """A whole text message came."""
        ...

    def pinged(self) -> None:
        """The server sent a ping, and its pong is on its way."""
        ...

    def ended(self, why: str) -> None:
        """The connection is over, for a reason without a full stop; nothing will come any more. Said once."""
        ...


class Socket(Protocol):
    """An open connection."""

    @property
    def is_open(self) -> bool:
        """Whether a message would leave now."""
        ...

    def send(self, text: str) -> None:
        """Send a text message; one that can no longer be sent is dropped, and `ended` will be said."""
        ...

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE) -> None:
        """End the connection; `ended` is still said, a little later."""
        ...


async def open_socket(
    url: str, listener: Listener, proxy: SecretStr | None, *, ping_s: float | None = None
) -> Socket | Reply:
    """Connect once.

    Args:
        url: Checked against the environment's hosts already.
        listener: Hears what is said from now on.
        proxy: The one proxy to use; what the environment says of proxies is ignored.
        ping_s: How often we ask whether the other end is still there, and how long its pong may take; None if we do
            not, as on the market streams, where each message of ours counts.

    Returns:
        The connection, or what the exchange answered instead of taking it.

    Raises:
        Unreachable: No connection came about.
    """
    made: list[_WebSocket] = []

    def create(*args: Any, **settings: Any) -> _WebSocket:
        made.append(_WebSocket(listener, *args, **settings))
        return made[-1]

    host = urlsplit(url).netloc
    try:
        await _Connect(
            url,
            create_connection=create,  # type: ignore[arg-type]  # it is only ever called
            proxy=proxy.get_secret_value() if proxy else None,
            user_agent_header=f"binance-spot-mcp/{__version__}",
            compression=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            ping_interval=ping_s,
            ping_timeout=ping_s,
            max_size=MOST_BYTES,
        )
    except InvalidStatus as refused:
        response = refused.response
        said = {name.lower(): value for name, value in response.headers.raw_items()}
        return Reply(
            response.status_code,
            bytes(response.body or b""),
            pause_ms=retry_after_ms(said),
            pause_until_ms=date_ms(said, "retry-after"),
            told_at_ms=date_ms(said, "date"),
        )
    except (ProxyError, InvalidProxy):
        raise never_left(proxy_failed(host)) from None
    except WebSocketException:
        raise never_left(f"{host} does not speak WebSocket at this address.") from None
    except OSError as error:
        raise never_left(why_unreachable(error, host)) from None
    return made[-1].handle


class _Connect(connect):
    """The library's way to connect, except that no redirect is followed: a key goes nowhere but where it was meant."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Handle:
    """The part of a socket that its owner may touch."""

    def __init__(self, socket: "_WebSocket") -> None:
        self._socket = socket

    @property
    def is_open(self) -> bool:
        return self._socket.state is State.OPEN

    def send(self, text: str) -> None:
        self._socket.send_now(text)

    def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE) -> None:
        self._socket.hang_up(code)


class _WebSocket(ClientConnection):
    """The library's connection without its queue of messages."""

    def __init__(self, listener: Listener, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.handle = _Handle(self)
        self._listener = listener
        self._parts: list[bytes] = []
        self._opened = False
        self._closing: Any = None
        self._frames = FrameCutter(listener.heard, self._take_frame, MOST_BYTES)

    def send_now(self, text: str) -> None:
        if self.state is State.OPEN:
            self.protocol.send_text(text.encode())
            self.send_data()

    def hang_up(self, code: CloseCode) -> None:
        if self._closing is None:
            self._closing = self.loop.create_task(self.close(code))

    def data_received(self, data: bytes) -> None:
        """Cut whole text messages out of what was read; overrides the library's, which gets everything else."""
        while data and self.state is State.CONNECTING:
            line, end, data = data.partition(b"\n")  # the handshake ends with a line, and frames may follow at once
            super().data_received(line + end)
        if data:
            self._frames.take(data)

    def _take_frame(self, frame: bytes) -> bool:
        super().data_received(frame)
        return self.state is State.OPEN and self.protocol.current_size is None

    def process_event(self, event: Event) -> None:
        """Take in what the protocol read; overrides the library's, which does the rest."""
        if not isinstance(event, Frame):
            super().process_event(event)
            self._opened = isinstance(event, Response) and event.status_code == HTTPStatus.SWITCHING_PROTOCOLS
        elif event.opcode is Opcode.TEXT and event.fin:
            self._listener.heard(bytes(event.data))
        elif event.opcode in {Opcode.TEXT, Opcode.CONT, Opcode.BINARY}:
            self._parts.append(bytes(event.data))
            if event.fin:
                message, self._parts = b"".join(self._parts), []
                self._listener.heard(message)
        else:
            super().process_event(event)
            if event.opcode is Opcode.PING:
                self._listener.pinged()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that it is over; overrides the library's, which cleans up."""
        super().connection_lost(exc)
        if self._opened:
            self._listener.ended(self._why())

    def _why(self) -> str:
        sent, received = self.protocol.close_sent, self.protocol.close_rcvd
        if sent is not None and sent.code == CloseCode.MESSAGE_TOO_BIG:
            return f"A message above {MOST_BYTES // 2**20} MiB ended the connection"
        if received is not None and self.protocol.close_rcvd_then_sent is not False:
            return f"Binance closed the connection (code {received.code})"
        return "We closed the connection" if sent is not None else "The connection broke"
