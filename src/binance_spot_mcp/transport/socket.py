"""One WebSocket to the exchange. What it says is handed on at once, in the turn of the event loop that read it.

There is no queue between the network and the listener, so nothing can pile up unseen: a listener keeps what it wants,
within bounds of its own. The server's pings are answered by the library, whoever listens.

Source: web-socket-streams.md#general-wss-information, RFC 6455 sections 5.4 and 5.5
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxyStatus, InvalidStatus, InvalidURI, ProxyError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event, State

MOST_BYTES = 8 * 1024 * 1024
"""A message above this ends the connection."""
OPEN_S = 10.0
CLOSE_S = 2.0


class Listener(Protocol):
    """Whoever hears what a socket says. It is called from the event loop, and must not wait."""

    def heard(self, message: bytes) -> None:
        """A whole text message came."""
        ...

    def pinged(self) -> None:
        """The server sent a ping, and its pong is on its way."""
        ...

    def ended(self, why: str) -> None:
        """The connection is over; nothing will come any more. Said once."""
        ...


class Socket(Protocol):
    """An open connection."""

    def send(self, text: str) -> None:
        """Send a text message; one that can no longer be sent is dropped, and `ended` will be said."""
        ...

    def close(self) -> None:
        """End the connection; `ended` is still said, a little later."""
        ...


class NoConnection(Exception):
    """No connection came about.

    Attributes:
        why: In plain words.
        pause_s: How long the server asked us to stay away; None if it did not.
    """

    def __init__(self, why: str, pause_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.pause_s = pause_s


Dial = Callable[[str, Listener], Awaitable[Socket]]
"""Opens a socket to a URL, or raises `NoConnection`."""


def dialler(proxy: SecretStr | None) -> Dial:
    """The `Dial` of a real network.

    Args:
        proxy: The one way to a proxy; what the environment says of proxies is ignored.
    """
    through = proxy.get_secret_value() if proxy else None

    async def dial(url: str, listener: Listener) -> Socket:
        made: list[_WebSocket] = []

        def create(*args: Any, **settings: Any) -> _WebSocket:
            made.append(_WebSocket(listener, *args, **settings))
            return made[-1]

        connecting = _Connect(
            url,
            create_connection=create,  # type: ignore[arg-type]  # it is only ever called
            proxy=through,
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            max_size=MOST_BYTES,
        )
        host = urlsplit(url).netloc
        try:
            await connecting
        except InvalidStatus as refused:
            raise _refused(host, refused) from None
        except (ProxyError, InvalidProxyStatus):
            raise NoConnection(f"The proxy of BINANCE_PROXY did not connect to {host}.") from None
        except (InvalidHandshake, InvalidURI):
            raise NoConnection(f"{host} does not speak WebSocket at this address.") from None
        except TimeoutError:
            raise NoConnection(f"{host} did not accept a connection in time.") from None
        except OSError:
            raise NoConnection(f"No connection to {host} came about.") from None
        return made[-1].handle

    return dial


def _refused(host: str, refused: InvalidStatus) -> NoConnection:
    status, asked = refused.response.status_code, refused.response.headers.get("Retry-After", "")
    pause_s = float(asked) if asked.isascii() and asked.isdigit() else None
    return NoConnection(f"{host} refused the connection with status {status}.", pause_s)


class _Connect(connect):
    """The library's way to connect, except that a redirect is an error: a key never goes where we did not send it."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Handle:
    """The part of a socket that its owner may touch."""

    def __init__(self, socket: "_WebSocket") -> None:
        self._socket = socket

    def send(self, text: str) -> None:
        self._socket.send_now(text)

    def close(self) -> None:
        self._socket.hang_up()


class _WebSocket(ClientConnection):
    """The library's connection without its queue of messages."""

    def __init__(self, listener: Listener, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.handle = _Handle(self)
        self._listener = listener
        self._parts: list[bytes] = []
        self._opened = False
        self._closing: Any = None

    def send_now(self, text: str) -> None:
        if self.state is State.OPEN:
            self.protocol.send_text(text.encode())
            self.send_data()

    def hang_up(self) -> None:
        if self._closing is None:
            self._closing = self.loop.create_task(self.close())

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
            return f"a message was larger than {MOST_BYTES} bytes"
        if received is not None:
            reason = f" ({received.reason})" if received.reason else ""
            return f"the server closed the connection with code {received.code}{reason}"
        return "we closed it" if sent is not None else "the connection broke"
