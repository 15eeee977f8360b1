"""A server on loopback that answers with the very bytes a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets the head of one request and answers, or does not."""


def answer(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """An HTTP answer; `length` lies about the body."""
    said = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {said}\r\n{headers}\r\n".encode() + body


def replying(reply: bytes) -> Handler:
    """Always answers the same."""

    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    return handler


@asynccontextmanager
async def loopback(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on a free port of 127.0.0.1 while the context lasts, and give the origin."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await handler(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    try:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
