"""How fast streams are taken in: events a second on one connection and one core, against a bare decoder in one run.

A process of its own writes frames that were made beforehand to a loopback socket; each client is another process, and
times itself from its first event to its last. The clients alternate, so that a busy moment of the machine hits all of
them, and medians are compared. `floor` is a hand-cut asyncio protocol that cuts frames and decodes the few fields that
matter, as text, and keeps nothing. Ours keeps each event for readers, counts what is missing and, in `books`, applies
each to a local book and looks at the best 20 levels of both sides every 100 events.

    .venv/bin/python bench/streams.py [--events 100000] [--runs 3] [--json] [--peers PYTHON]

`--peers` names an interpreter that has python-binance; without it, or where it cannot be imported, it is left out. The
exit status is 1 where a ratio is below its aim.
"""

# ruff: noqa: PLC0415  (each client is a process of its own, one of them perhaps another interpreter's)

import argparse
import asyncio
import base64
import hashlib
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

EVENTS = {"trades": "btcusdt@trade", "depth": "btcusdt@depth@100ms", "books": "btcusdt@depth@100ms"}
LEVELS_A_DIFF = 20
BOOK_LEVELS = 1_000
LOOK_EVERY, TOP = 100, 20
CLIENTS = ("floor", "ours", "python-binance")
AIMS = {"trades": 0.12, "depth": 0.33, "books": 0.22}
"""Shares of the floor below which something has become slower."""
_WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


# The exchange's side


def _events(what: str, count: int) -> Iterator[bytes]:
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


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload


async def serve(what: str, count: int) -> None:
    """Write events to whoever connects: at once to a raw stream, after SUBSCRIBE to a combined one."""
    raw = [_frame(event) for event in _events(what, count)]
    head = b'{"stream":"%s","data":' % EVENTS[what].encode()
    combined = [_frame(head + event + b"}") for event in _events(what, count)]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        lines = request.split(b"\r\n")
        key = next(line.split(b": ")[1] for line in lines if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_KEY).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        frames = raw
        if b" /stream" in request:
            frames = combined
            head = await reader.readexactly(2)
            size = head[1] & 0x7F
            mask = await reader.readexactly(4) if size < 126 else (await reader.readexactly(6))[2:]
            body = await reader.readexactly(size)
            asked = json.loads(bytes(byte ^ mask[place % 4] for place, byte in enumerate(body)))
            writer.write(_frame(json.dumps({"result": None, "id": asked["id"]}).encode()))
        with suppress(ConnectionError):
            for start in range(0, len(frames), 200):
                writer.write(b"".join(frames[start : start + 200]))
                await writer.drain()
            await reader.read()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# The clients: each returns how many events a second it took in


class Count:
    """Counts events, and the time from the first to the last."""

    def __init__(self, events: int) -> None:
        self.left = events
        self._events = events
        self._first = 0.0
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def one(self) -> None:
        if self.left == self._events:
            self._first = time.perf_counter()
        self.left -= 1
        if self.left == 0:
            self.done.set_result((self._events - 1) / (time.perf_counter() - self._first))


async def floor(what: str, count: int, port: int) -> float:
    """Frames cut by hand, decoded by msgspec into text, and forgotten."""
    import msgspec

    class Trade(msgspec.Struct, gc=False):
        t: int
        p: str
        q: str
        m: bool

    class Diff(msgspec.Struct, gc=False):
        U: int
        u: int
        b: list[tuple[str, str]]
        a: list[tuple[str, str]]

    decode = msgspec.json.Decoder(Trade if what == "trades" else Diff).decode
    counted = Count(count)

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
    transport.write(f"GET /ws/{EVENTS[what]} HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
    return await counted.done


async def ours(what: str, count: int, port: int) -> float:
    """The streams of this server, with a reader that decodes each event in full."""
    import msgspec

    from binance_spot_mcp.catalogue.market_events import DepthSnapshot, TradeEvent
    from binance_spot_mcp.catalogue.streams import read_stream_name
    from binance_spot_mcp.domain.local_book import LocalBook
    from binance_spot_mcp.streams.market import MarketStreams
    from binance_spot_mcp.transport.socket import Listener, Socket, open_socket
    from binance_spot_mcp.transport.verdict import Reply
    from binance_spot_mcp.transport.world import World

    async def dial(listener: Listener) -> Socket:
        made = await open_socket(f"ws://127.0.0.1:{port}/stream", listener, None)
        if isinstance(made, Reply):
            raise ConnectionRefusedError(made.status)
        return made

    counted = Count(count)
    decode = msgspec.json.Decoder(TradeEvent).decode
    book = LocalBook()
    book.load(_snapshot(DepthSnapshot), BOOK_LEVELS + 1)

    def trade(raw: Any) -> None:
        decode(raw)
        counted.one()

    def diff(event: Any) -> None:
        counted.one()

    def applied(event: Any) -> None:
        book.apply(event)
        if counted.left % LOOK_EVERY == 0 and (book.bids.top(TOP), book.asks.top(TOP), book.state)[2] != "LIVE":
            raise AssertionError(book.reason)
        counted.one()

    streams = MarketStreams(dial, World())
    feed = streams.hold(read_stream_name(EVENTS[what]))
    feed.listen({"trades": trade, "depth": diff, "books": applied}[what])
    rate = await counted.done
    if (feed.received, feed.missed) != (count, 0):
        raise AssertionError(f"{feed.received} of {count} events")
    await streams.aclose()
    return rate


def _snapshot(snapshot: Callable[..., Any]) -> Any:
    """A book of 1,000 levels a side at update 0."""
    bids, asks = (
        tuple((f"{97_000 + side * (1 + level) / 100:.8f}", "1.00000000") for level in range(BOOK_LEVELS))
        for side in (-1, 1)
    )
    return snapshot(0, bids, asks)


async def python_binance(what: str, count: int, port: int) -> float:
    """python-binance's socket manager; its depth cache keeps the book."""
    from binance import AsyncClient, BinanceSocketManager
    from binance.ws.depthcache import DepthCache

    class Manager(BinanceSocketManager):  # type: ignore[misc]  # untyped where it is not installed
        STREAM_URL = f"ws://127.0.0.1:{port}/"

    client = AsyncClient()
    manager = Manager(client, max_queue_size=count + 1)
    socket = manager.trade_socket("BTCUSDT") if what == "trades" else manager.depth_socket("BTCUSDT", interval=100)
    counted, cache = Count(count), DepthCache("BTCUSDT")
    async with socket as opened:
        while counted.left:
            event = await opened.recv()
            if what == "books":
                for bid in event["b"]:
                    cache.add_bid(bid)
                for ask in event["a"]:
                    cache.add_ask(ask)
                if counted.left % LOOK_EVERY == 0:
                    cache.get_bids()[:TOP]
                    cache.get_asks()[:TOP]
            counted.one()
    await client.close_connection()
    return await counted.done


def book_memory(books: int = 100) -> float:
    """MiB of the process's memory for so many local books of 1,000 levels a side."""
    from binance_spot_mcp.catalogue.market_events import DepthSnapshot
    from binance_spot_mcp.domain.local_book import LocalBook

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = [LocalBook() for _ in range(books)]
    for book in kept:
        book.load(_snapshot(DepthSnapshot), BOOK_LEVELS)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


# The run


def _measured(client: str, what: str, count: int, port: int, interpreter: str) -> float | None:
    command = [interpreter, __file__, "client", client, what, str(count), str(port)]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        print(f"{client} {what}: no end within a minute", file=sys.stderr)
        return None
    if finished.returncode:
        print(f"{client} {what}: {finished.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return float(finished.stdout)


def _medians(what: str, options: argparse.Namespace) -> dict[str, float]:
    server = subprocess.Popen(
        [sys.executable, __file__, "serve", what, str(options.events)], stdout=subprocess.PIPE, text=True
    )
    rates: dict[str, list[float]] = {}
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        for _ in range(options.runs):
            for client in CLIENTS:
                peer = client == "python-binance"
                if peer and not options.peers:
                    continue
                interpreter = options.peers if peer else sys.executable
                if (rate := _measured(client, what, options.events, port, interpreter)) is not None:
                    rates.setdefault(client, []).append(rate)
    finally:
        server.terminate()
        server.wait()
    return {client: statistics.median(found) for client, found in rates.items()}


def main() -> int:
    """Measure and print."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2], int(sys.argv[3])))
        return 0
    if sys.argv[1:2] == ["client"]:
        client, what, count, port = sys.argv[2:]
        run = {"floor": floor, "ours": ours, "python-binance": python_binance}[client]
        print(asyncio.run(run(what, int(count), int(port))))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = {what: _medians(what, options) for what in EVENTS}
    results["mib_of_100_books"] = round(book_memory(), 1)
    missed = [what for what, aim in AIMS.items() if results[what]["ours"] < aim * results[what]["floor"]]
    if options.json:
        print(json.dumps(results))
        return bool(missed)
    for what, aim in AIMS.items():
        bare = results[what]["floor"]
        shares = ", ".join(f"{client} {rate:,.0f}/s ({rate / bare:.2f}x)" for client, rate in results[what].items())
        print(f"{what}: {shares}; aim {aim}x")
    print(f"100 local books of {BOOK_LEVELS} levels a side: {results['mib_of_100_books']} MiB")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
