"""What is left when nothing is kept: frames, cut by hand or by a library, and the few fields that matter, as text."""

# ruff: noqa: PLC0415  (not every interpreter has every library)

import asyncio
from collections.abc import Callable

import msgspec
from count import Count
from feed import STREAMS


class _Trade(msgspec.Struct, gc=False):
    t: int
    p: str
    q: str
    m: bool


class _Diff(msgspec.Struct, gc=False):
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


def _decoder(what: str) -> Callable[[bytes], object]:
    return msgspec.json.Decoder(_Trade if what == "trades" else _Diff).decode


async def floor(what: str, count: int, port: int) -> float:
    """Frames cut by hand in an asyncio protocol."""
    counted, decode = Count(count), _decoder(what)

    class Floor(asyncio.Protocol):
        buffer = b""
        opened = False

        def data_received(self, data: bytes) -> None:
            data = self.buffer + data
            at = 0
            if not self.opened:
                end = data.find(b"\r\n\r\n")
                if end < 0:
                    self.buffer = data
                    return
                at, self.opened = end + 4, True
            while at + 4 <= len(data):
                size, start = data[at + 1], at + 2
                if size == 126:
                    size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
                if start + size > len(data):
                    break
                decode(data[start : start + size])
                counted.one()
                at = start + size
            self.buffer = data[at:]

    transport, _ = await asyncio.get_running_loop().create_connection(Floor, "127.0.0.1", port)
    transport.write(f"GET /ws/{STREAMS[what]} HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
    return await counted.done


async def websockets(what: str, count: int, port: int) -> float:
    """The `websockets` library as its documentation uses it."""
    from websockets.asyncio.client import connect

    counted, decode = Count(count), _decoder(what)
    async with connect(f"ws://127.0.0.1:{port}/ws/{STREAMS[what]}", compression=None, ping_interval=None) as socket:
        while counted.left:
            decode(await socket.recv(decode=False))
            counted.one()
    return await counted.done


async def picows(what: str, count: int, port: int) -> float:
    """The `picows` library, whose listener is called from its C code."""
    from picows import WSFrame, WSListener, WSTransport, ws_connect

    counted, decode = Count(count), _decoder(what)

    class Listener(WSListener):  # type: ignore[misc]  # untyped where it is not installed
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            decode(frame.get_payload_as_memoryview())
            counted.one()

    transport, _ = await ws_connect(Listener, f"ws://127.0.0.1:{port}/ws/{STREAMS[what]}")
    rate = await counted.done
    transport.disconnect()
    return rate
