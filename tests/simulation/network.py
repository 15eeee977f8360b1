"""A network in memory: connections that keep the order of what is sent, and take their time.

It does what TCP does as far as programs notice: connections are refused where nobody listens, end half by half, break
with a reset, and what is sent to an end that is gone is answered by one.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from tests.simulation.machine import Machine, Process

Address = tuple[str, int]
Factory = Callable[[], asyncio.BaseProtocol]

_LONGEST_S: Final = 0.1
"""The longest that anything is on its way; most of it is much faster."""
_FIRST_PORT: Final = 20_000
_FIRST_CLIENT: Final = 40_000
_HERE: Final = "127.0.0.1"

_Mark = Literal["end", "reset"]


class _Socket:
    """The little that programs ask of the socket behind a connection."""

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP

    def __init__(self, end: "End | None", own: Address, peer: Address | None, quiet: int) -> None:
        self._end = end
        self._own = own
        self._peer = peer
        self._quiet = quiet
        self.resets = False

    def setsockopt(self, level: int, option: int, value: object) -> None:
        """Note that it is to be closed with a reset; nothing else matters here."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self.resets = True

    def getsockname(self) -> Address:
        """The address of this end."""
        return self._own

    def getpeername(self) -> Address | None:
        """The address of the other end."""
        return self._peer

    def fileno(self) -> int:
        """A descriptor that can be read from exactly if this can; -1 stands for one that is at its end."""
        return -1 if self._end is None or self._end.has_news else self._quiet


class End(asyncio.Transport):
    """One end of a connection, as its program sees it.

    Attributes:
        other: The other end.
        context: In which its program is told what happens.
        lost: Whether its program was told that it is over.
        late_s: How much longer than usual everything takes to get here.
    """

    def __init__(self, network: "Network", own: Address, peer: Address, context: Context) -> None:
        super().__init__()
        self.socket = _Socket(self, own, peer, network.quiet)
        self.other: End | None = None
        self.context = context
        self.lost = False
        self.late_s = 0.0
        self._network = network
        self._protocol: asyncio.Protocol | None = None
        self._closing = False
        self._reading = True
        self._said_end = False
        self._underway: deque[bytes | _Mark] = deque()
        self._inbox: deque[bytes | _Mark] = deque()
        self._next_s = 0.0

    @property
    def has_news(self) -> bool:
        """Whether something waits to be read, the end included."""
        return bool(self._inbox) or self.lost

    # What a program does

    def start(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell the program that there is a connection."""
        self._protocol = cast("asyncio.Protocol", protocol)
        self._protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if "reset" in self._inbox:
            self._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        if data and not self._closing:
            self._send(bytes(data))

    def write_eof(self) -> None:
        if not self._said_end:
            self._said_end = True
            self._send("end")

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self._closing:
            self.write_eof()
            self._lose(None)

    def abort(self) -> None:
        if self.socket.resets:
            self._send("reset")
        else:
            self.write_eof()
        self._lose(None)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._network.machine.call_soon(self._read, context=self.context)

    def is_reading(self) -> bool:
        return self._reading

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        known = {
            "socket": self.socket,
            "sockname": self.socket.getsockname(),
            "peername": self.socket.getpeername(),
        }
        return known.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    # What the network does

    def collapse(self) -> None:
        """The program is told that the connection broke, though what it has sent may still arrive."""
        self._send("reset")
        self._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    def vanish(self) -> None:
        """The program is gone, and cannot be told any more."""
        self._closing = self.lost = True

    def _send(self, item: bytes | _Mark) -> None:
        if self.other is not None:
            self.other.expect(item)

    def expect(self, item: bytes | _Mark) -> None:
        """Something is on its way here."""
        self._underway.append(item)
        machine = self._network.machine
        self._next_s = max(self._next_s, machine.time() + self._network.travel_s() + self.late_s)
        # It belongs to nobody while it is on its way: a program that has ended does not call it back.
        machine.call_at(self._next_s, self._arrive, context=Context())

    def _arrive(self) -> None:
        item = self._underway.popleft()
        if not self.lost:
            self._inbox.append(item)
            self._network.machine.call_soon(self._read, context=self.context)
        elif isinstance(item, bytes):
            self._send("reset")

    def _read(self) -> None:
        while self._inbox and self._reading and not self._closing and self._protocol is not None:
            item = self._inbox.popleft()
            if item == "reset":
                self._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
            elif item != "end":
                self._protocol.data_received(item)
            elif not self._protocol.eof_received():
                self.close()

    def _lose(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._network.machine.call_soon(self._over, error, context=self.context)

    def _over(self, error: Exception | None) -> None:
        self.lost = True
        self._network.forget(self)
        if self._protocol is not None:
            self._protocol.connection_lost(error)


class Listener(asyncio.AbstractServer):
    """A port that is listened at."""

    def __init__(self, network: "Network", address: Address, factory: Factory) -> None:
        self.address = address
        self.factory = factory
        self.context = copy_context()
        self._network = network

    @property
    def sockets(self) -> tuple[_Socket, ...]:
        """The one socket, as long as it is open."""
        return (_Socket(None, self.address, None, self._network.quiet),) if self.is_serving() else ()

    def close(self) -> None:
        self._network.listeners.pop(self.address[1], None)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.machine

    def is_serving(self) -> bool:
        return self._network.listeners.get(self.address[1]) is self

    async def start_serving(self) -> None:
        pass

    async def serve_forever(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def wait_closed(self) -> None:
        pass


class Network:
    """See the module.

    Args:
        machine: Whose time it takes.
        random: Decides how long anything is on its way.

    Attributes:
        listeners: Who listens, by port.
        quiet: A descriptor that can never be read from.
    """

    def __init__(self, machine: "Machine", random: Random) -> None:
        self.machine = machine
        self.listeners: dict[int, Listener] = {}
        self.quiet, self._other_end = os.pipe()
        self._random = random
        self._ends: dict[End, Process | None] = {}
        self._ports = iter(range(_FIRST_PORT, _FIRST_CLIENT))
        self._clients = iter(range(_FIRST_CLIENT, 1 << 30))

    def travel_s(self) -> float:
        """How long the next thing will be on its way."""
        return float(self._random.random() ** 4 * _LONGEST_S)

    def listen(self, factory: Factory, host: str | None, port: int | None) -> Listener:
        """Listen at a port; 0 takes one that is free."""
        number = port or next(self._ports)
        if number in self.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        listener = self.listeners[number] = Listener(self, (host or _HERE, number), factory)
        return listener

    async def connect(self, factory: Factory, host: str, port: int) -> tuple[End, asyncio.BaseProtocol]:
        """Connect to a port.

        Raises:
            ConnectionRefusedError: Nobody listens there.
        """
        process = _process()
        await asyncio.sleep(self.travel_s())
        listener = self.listeners.get(port)
        if listener is None or (process is not None and not process.alive):
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed ({host!r}, {port})")
        here, there = (_HERE, next(self._clients)), (host, port)
        client = End(self, here, there, copy_context())
        server = End(self, there, here, listener.context.copy())
        client.other, server.other = server, client
        self._ends |= {client: process, server: None}
        self.machine.call_soon(lambda: server.start(listener.factory()), context=server.context)
        protocol = factory()
        client.start(protocol)
        return client, protocol

    def break_late(self, late_s: float, within_s: float) -> None:
        """Break every connection in a while, while what is sent until then arrives late."""
        for end in [end for end, owner in self._ends.items() if owner is not None]:
            if end.other is not None:
                end.other.late_s = late_s
                self.machine.call_later(self._random.random() * within_s, end.collapse, context=Context())

    def forget(self, end: End) -> None:
        """An end is over."""
        self._ends.pop(end, None)

    def cut_off(self, process: "Process") -> None:
        """Break the connections of a process that is gone."""
        for end in [end for end, owner in self._ends.items() if owner is process]:
            end.write_eof()
            end.vanish()
            self.forget(end)

    def close(self) -> None:
        """End whatever is left, and give back what the machine under this one has lent."""
        for end in self._ends:
            end.vanish()
        os.close(self.quiet)
        os.close(self._other_end)


def _process() -> "Process | None":
    from tests.simulation.machine import PROCESS  # noqa: PLC0415  # it knows us

    return PROCESS.get()
