"""One client over stdin and stdout.

The descriptors are driven by the event loop where they are pipes, sockets or a terminal: half the latency of the
SDK's reader threads, and an end within moments of SIGINT or SIGTERM. Elsewhere (a file, Windows) the SDK's own
transport serves. Nothing but the protocol reaches stdout: descriptor 1 points at stderr while we serve.

Two habits of hosts are met on the way. One sends `server/discover` and then still the older `initialize`, although the
first request settles the era for the SDK: so leading discoveries are answered here. Another sends a line that is no
message or has no end in sight: it is answered with a protocol error, and the session goes on.
"""

import asyncio
import contextlib
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, cast

import anyio
from mcp.server import MCPServer
from mcp.server.caching import apply_cache_hint
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.message import SessionMessage
from mcp_types import (
    PARSE_ERROR,
    SERVER_INFO_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
    DiscoverResult,
    ErrorData,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
)
from mcp_types.methods import serialize_server_result
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from binance_spot_mcp.surface.loop_watch import watch_loop

LONGEST_LINE = 16 << 20
"""Bytes of one message. Far above what a tool takes, so that an oversized argument is still answered as such."""

Incoming = SessionMessage | Exception
Answer = JSONRPCResponse | JSONRPCError


async def serve(server: MCPServer[Any]) -> None:
    """Serve until the client closes its end or a signal asks us to stop; returns normally in either case."""
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_on_signal, group.cancel_scope)
        group.start_soon(watch_loop)
        await _serve(server._lowlevel_server)  # noqa: SLF001  # the SDK names no public way to the loop under MCPServer
        group.cancel_scope.cancel()


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def _serve(server: Server[Any]) -> None:
    async with _streams() as (reading, writing):
        opening = _Opening(server, reading, writing)
        await server.run(opening, writing, server.create_initialization_options())


@contextlib.asynccontextmanager
async def _streams() -> AsyncIterator[tuple[Any, Any]]:
    """The SDK's message streams over this process's stdin and stdout."""
    if not _loop_can_drive():
        async with stdio_server() as streams:
            yield streams
        return
    # The SDK iterates the one and calls write and flush of the other; its annotation asks for more than it uses.
    async with _pipes() as (lines, out), stdio_server(cast("Any", lines), cast("Any", out)) as streams:
        yield streams


def _loop_can_drive() -> bool:
    """Whether both descriptors are of a kind that the event loop can wait on, each for itself or one terminal."""
    if sys.platform == "win32":
        return False
    if os.isatty(0) and os.isatty(1):
        return True
    modes = [os.fstat(descriptor).st_mode for descriptor in (0, 1)]
    return all(stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) for mode in modes) and not os.path.sameopenfile(0, 1)


@contextlib.asynccontextmanager
async def _pipes() -> AsyncIterator[tuple["_Lines", "_Out"]]:
    """Both ends, driven by the loop; stray reads find nothing and stray prints reach stderr meanwhile."""
    loop = asyncio.get_running_loop()
    own_in, own_out = os.dup(0), os.dup(1)
    were_blocking = {descriptor: os.get_blocking(descriptor) for descriptor in (own_in, own_out)}
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(own_in, "rb", 0, closefd=False)
    )
    outgoing, flow = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(own_out, "wb", 0, closefd=False)
    )
    outgoing.set_write_buffer_limits(high=0)  # so that a flushed message has left, and nothing is lost at the end
    out = _Out(asyncio.StreamWriter(outgoing, flow, None, loop))
    try:
        yield _Lines(reader, out), out
    finally:
        incoming.close()
        if not outgoing.is_closing():  # as it is once the client no longer reads
            outgoing.abort()
        for standard, own in ((0, own_in), (1, own_out)):
            os.set_blocking(own, were_blocking[own])
            os.dup2(own, standard)
            os.close(own)


class _Out:
    """Where messages go. A client that no longer reads counts as one that left."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, text: str) -> None:
        self._writer.write(text.encode())

    async def flush(self) -> None:
        try:
            await self._writer.drain()
        except ConnectionError:
            raise anyio.ClosedResourceError from None

    async def refuse(self, message: str) -> None:
        """Answer something that was no message, so that it names no request."""
        await self.write(unreadable(message).model_dump_json(exclude_unset=True) + "\n")
        await self.flush()


class _Lines:
    """Lines of stdin, each a message; one that is too long is answered and skipped."""

    def __init__(self, reader: asyncio.StreamReader, out: _Out) -> None:
        self._reader = reader
        self._out = out

    def __aiter__(self) -> "_Lines":
        return self

    async def __anext__(self) -> str:
        while True:
            line = await self._line()
            if line is None:
                await self._out.refuse(f"A message may be at most {LONGEST_LINE} bytes long.")
            elif not line:
                raise StopAsyncIteration
            elif text := line.decode("utf-8", "replace").strip():
                return text

    async def _line(self) -> bytes | None:
        """The next line; empty at the end of input, None for one that was too long and has been passed over."""
        too_long = False
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                line = end.partial
            except asyncio.LimitOverrunError as overrun:
                await self._reader.readexactly(overrun.consumed)
                too_long = True
                continue
            return None if too_long else line


class _Opening:
    """The incoming messages, with leading discoveries and unreadable lines answered on the spot."""

    def __init__(self, server: Server[Any], reading: Any, writing: Any) -> None:
        self._server = server
        self._reading = reading
        self._writing = writing
        self._settled = False

    @property
    def last_context(self) -> Any:
        """Context variables of whoever sent the last message; the SDK runs its handler in them."""
        return self._reading.last_context

    async def receive(self) -> Incoming:
        """The next message that is the SDK's to handle."""
        while True:
            item: Incoming = await self._reading.receive()
            answer = (
                unreadable("This line is no JSON-RPC message.")
                if isinstance(item, Exception)
                else self._discovery(item)
            )
            if answer is None:
                return item
            await self._writing.send(SessionMessage(answer))

    def _discovery(self, item: SessionMessage) -> Answer | None:
        """The answer to a discovery that comes before the first other request."""
        request = item.message
        if self._settled or not isinstance(request, JSONRPCRequest):
            return None
        if request.method == "server/discover":
            route = classify_inbound_request({"method": request.method, "params": request.params})
            if not isinstance(route, InboundLadderRejection):
                result = discover(self._server, route.protocol_version)
                return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)
            if route.code == UNSUPPORTED_PROTOCOL_VERSION:
                error = ErrorData(code=route.code, message=route.message, data=route.data)
                return JSONRPCError(jsonrpc="2.0", id=request.id, error=error)
        self._settled = True
        return None

    async def aclose(self) -> None:
        """Close the stream below."""
        await self._reading.aclose()

    def __aiter__(self) -> "_Opening":
        return self

    async def __anext__(self) -> Incoming:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> "_Opening":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def discover(server: Server[Any], protocol_version: str) -> dict[str, Any]:
    """What the SDK would answer to `server/discover`, without settling the era of the connection."""
    result = DiscoverResult(
        supported_versions=list(MODERN_PROTOCOL_VERSIONS),
        capabilities=server.get_capabilities(protocol_version=protocol_version),
        instructions=server.instructions,
    )
    if hint := server.cache_hints.get("server/discover"):
        result = apply_cache_hint(result, hint)
    shaped = serialize_server_result(
        "server/discover", protocol_version, result.model_dump(by_alias=True, mode="json", exclude_none=True)
    )
    return {**shaped, "_meta": {SERVER_INFO_META_KEY: server.server_info_stamp}}


def unreadable(message: str) -> JSONRPCError:
    """The protocol error for something that names no request."""
    return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=PARSE_ERROR, message=message))
