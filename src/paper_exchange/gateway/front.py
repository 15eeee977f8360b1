"""The socket in front of the HTTP server: a port that can be closed for a while, connections that misbehave on request.

It stands between the event loop and the server's own protocol, in the same process: what arrives is passed on, and
what the server writes goes through a `Wire`, where an answer can be cut or slowed byte by byte, or the connection
reset. Where nothing of the kind is asked for, it costs one call.

Source: RFC 9112 section 2.1 (an empty line ends the head of an answer)
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
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
    """One connection, as the HTTP server sees it: the transport itself, but for how it is written to and closed.

    What one turn of the event loop brings is sent at once: the server writes head and body of an answer one by one.
    """

    def __init__(self, transport: asyncio.Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._outbox: list[bytes] = []
        self._held: bytearray | None = None
        self._closes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, or hold back."""
        if self._held is not None:
            self._held += data
            return
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(data)

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        if outbox:
            self._transport.write(b"".join(outbox))

    def close(self) -> None:
        """Close once all is sent."""
        if self._held is None:
            self._flush()
            self._transport.close()
        else:
            self._closes = True

    def reset(self) -> None:
        """End the connection with a reset."""
        reset(self._transport)

    def hold(self) -> None:
        """Hold back what is written from now on, until `cut` or `drip`."""
        self._flush()
        self._held = bytearray()

    def cut(self, keep: int) -> None:
        """Send the answer that was held back with only `keep` bytes of its body, and end the connection."""
        answer = bytes(self._held or b"")
        self._transport.write(answer[: answer.find(_END_OF_HEAD) + len(_END_OF_HEAD) + keep])
        self._transport.close()

    async def drip(self, size: int, every_us: int) -> None:
        """Send the answer that was held back `size` bytes at a time."""
        answer = bytes(self._held or b"")
        for start in range(0, len(answer), size):
            await self._clock.sleep_until(self._clock.now_us() + every_us)
            self._transport.write(answer[start : start + size])
        self._held = None
        if self._closes:
            self._transport.close()


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

    def wire(self, client: Sequence[Any]) -> Wire | None:
        """The connection of a client (host and port), None when it is gone."""
        return self._wires.get((client[0], client[1]))

    async def open(self) -> None:
        """Listen; from the second time on at the same number.

        Raises:
            OSError: The port is taken.
        """
        if self._server is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # asyncio makes the sockets itself, as it switches Nagle's algorithm off on such alone.
        self._server = await asyncio.get_running_loop().create_server(
            self._guarded, self._host, self._port, family=family, backlog=_BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def refuse(self) -> None:
        """Reset every connection and refuse new ones, until `open`."""
        self.close()
        for wire in list(self._wires.values()):
            wire.reset()

    def _guarded(self) -> asyncio.Protocol:
        return _Guard(self._protocol(), self._wires, self._clock)
