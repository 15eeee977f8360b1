"""The socket in front of the HTTP server: a port that can be closed for a while, connections that misbehave on request.

It stands between the event loop and the server's own protocol, in the same process: what arrives is passed on, and
what the server writes goes through a `Wire`, where an answer can be cut or slowed byte by byte, or the connection
reset. Where nothing of the kind is asked for, it costs one call.

Source: RFC 9112 section 2.1 (an empty line ends the head of an answer)
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Final, cast

from paper_exchange.clock import Clock

Address = tuple[str, int]
"""Host and port of a client, which no two connections share."""

_BACKLOG: Final = 1024
_END_OF_HEAD: Final = b"\r\n\r\n"
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing sends RST."""


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection with a reset; what was not sent yet is lost."""
    connected = transport.get_extra_info("socket")
    if connected is not None and not transport.is_closing():
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class Wire:
    """One connection, as the HTTP server sees it: the transport itself, but for how it is written to and closed."""

    def __init__(self, transport: asyncio.Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._write: Callable[[bytes], None] = transport.write
        self._dripping: asyncio.Queue[bytes | None] | None = None
        self._closes_when_dry = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, as far as the connection lets it."""
        self._write(data)

    def close(self) -> None:
        """Close once all is sent."""
        if self._dripping is None:
            self._transport.close()
        else:
            self._closes_when_dry = True

    def reset(self) -> None:
        """End the connection with a reset."""
        reset(self._transport)

    def cut(self, keep: int) -> None:
        """Let the next answer's body end after `keep` bytes, and the connection with it."""
        written = bytearray()

        def write(data: bytes) -> None:
            written.extend(data)
            end = written.find(_END_OF_HEAD) + len(_END_OF_HEAD) + keep
            if _END_OF_HEAD in written and len(written) >= end:
                self._transport.write(bytes(written[:end]))
                self._transport.close()
                self._write = _nowhere

        self._write = write

    async def drip(self, size: int, every_us: int) -> None:
        """Let what is written until `dry` go out `size` bytes at a time; returns when all of it has."""
        self._dripping = asyncio.Queue()
        self._write = self._dripping.put_nowait
        while (data := await self._dripping.get()) is not None:
            for start in range(0, len(data), size):
                await self._clock.sleep_until(self._clock.now_us() + every_us)
                self._transport.write(data[start : start + size])
        self._dripping = None
        if self._closes_when_dry:
            self._transport.close()

    def dry(self) -> None:
        """Say that nothing more is to drip."""
        if self._dripping is not None:
            self._dripping.put_nowait(None)
            self._write = self._transport.write


def _nowhere(_: bytes) -> None:
    """Lose what is written."""


class _Guard(asyncio.Protocol):
    """Passes a connection on to the server's protocol, which writes to a wire."""

    def __init__(self, inner: asyncio.Protocol, wires: dict[Address, Wire], clock: Clock) -> None:
        self._inner = inner
        self._wires = wires
        self._clock = clock
        self._address: Address | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = Wire(cast("asyncio.Transport", transport), self._clock)
        peer = transport.get_extra_info("peername")
        if peer is not None:  # the client may be gone already
            self._address = (peer[0], peer[1])
            self._wires[self._address] = wire
        self._inner.connection_made(cast("asyncio.Transport", wire))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._address is not None:
            self._wires.pop(self._address, None)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class HttpPort:
    """A port where HTTP is listened for, that can be closed for a while.

    Args:
        protocol: Makes the server's protocol for a new connection.
        clock: What slow answers are timed by.
    """

    def __init__(self, protocol: Callable[[], asyncio.Protocol], host: str, port: int, clock: Clock) -> None:
        self._protocol = protocol
        self._clock = clock
        self._host = host
        self._port = port
        self._wires: dict[Address, Wire] = {}
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{shown}:{self._port}"

    @property
    def number(self) -> int:
        """The number of the port."""
        return self._port

    def wire(self, client: Address) -> Wire:
        """The connection of a client."""
        return self._wires[client]

    async def open(self) -> None:
        """Listen; from the second time on at the same number.

        Raises:
            OSError: The port is taken.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        # asyncio sets this only on sockets that name their protocol; without it every answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listener.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(self._guarded, sock=listener)

    def close(self) -> None:
        """Refuse whoever comes."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def reset_connections(self) -> None:
        """End every connection with a reset."""
        for wire in list(self._wires.values()):
            wire.reset()

    def _guarded(self) -> asyncio.Protocol:
        return _Guard(self._protocol(), self._wires, self._clock)
