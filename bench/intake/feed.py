"""The exchange's side: frames that were made beforehand, written to whoever connects as fast as they are taken."""

import asyncio
import base64
import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import suppress

STREAMS = {"trades": "btcusdt@trade", "depth": "btcusdt@depth@100ms", "books": "btcusdt@depth@100ms"}
"""What is measured, and the stream it comes on."""
LEVELS_A_DIFF = 20
BOOK_LEVELS = 1_000
_WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def events(what: str, count: int) -> Iterator[bytes]:
    """The JSON of events, in order and without a gap."""
    chance = random.Random(7)
    for number in range(1, count + 1):
        if what == "trades":
            price = f"{97_000 + chance.randrange(10_000) / 100:.8f}"
            yield (
                b'{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"%s","q":"0.01000000","T":%d,"m":true,"M":true}'
                % (1_700_000_000_000 + number, number, price.encode(), 1_700_000_000_000 + number)
            )
        else:
            bids, asks = (_changes(chance, side) for side in (-1, 1))
            yield (
                b'{"e":"depthUpdate","E":%d,"s":"BTCUSDT","U":%d,"u":%d,"b":[%s],"a":[%s]}'
                % (1_700_000_000_000 + number, number, number, bids, asks)
            )


def _changes(chance: random.Random, side: int) -> bytes:
    """Ten changed levels of one side, near the spread; a fifth of them are gone."""
    changes = []
    for _ in range(LEVELS_A_DIFF // 2):
        price = 97_000 + side * (1 + chance.randrange(BOOK_LEVELS)) / 100
        quantity = 0 if chance.random() < 0.2 else chance.randrange(1, 1_000) / 1_000
        changes.append(f'["{price:.8f}","{quantity:.8f}"]')
    return ",".join(changes).encode()


def snapshot() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Bids and asks of the book at update 0: 1,000 levels a side, best first."""
    bids, asks = (
        [(f"{97_000 + side * (1 + level) / 100:.8f}", "1.00000000") for level in range(BOOK_LEVELS)] for side in (-1, 1)
    )
    return bids, asks


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload


async def serve(what: str, count: int) -> None:
    """Serve on a free port, which is printed. A path that names a stream gets it at once, others after SUBSCRIBE."""
    name = STREAMS[what]
    raw = [_frame(event) for event in events(what, count)]
    head = b'{"stream":"%s","data":' % name.encode()
    combined = [_frame(head + event + b"}") for event in events(what, count)]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            path = await _shake_hands(reader, writer)
            if name not in path:
                asked = json.loads(await _read_frame(reader))
                writer.write(_frame(json.dumps({"result": None, "id": asked["id"]}).encode()))
            frames = combined if path.startswith("/stream") else raw
            for start in range(0, len(frames), 200):
                writer.write(b"".join(frames[start : start + 200]))
                await writer.drain()
            await reader.read()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    key = next(line.split(b": ")[1] for line in lines if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_KEY).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    return lines[0].split()[1].decode()


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    size = head[1] & 0x7F
    mask = await reader.readexactly(4) if size < 126 else (await reader.readexactly(6))[2:]
    body = await reader.readexactly(size)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
