"""The streams of this server: each event is kept for readers, what is missing is counted, and a reader decodes it."""

# ruff: noqa: PLC0415  (not every interpreter has every library)

import resource
from typing import Any

import msgspec
from count import LOOK_EVERY, TOP, Count
from feed import BOOK_LEVELS, STREAMS, snapshot

from binance_spot_mcp.catalogue.market_events import DepthSnapshot, TradeEvent
from binance_spot_mcp.catalogue.streams import read_stream_name
from binance_spot_mcp.domain.local_book import LocalBook
from binance_spot_mcp.streams.market import MarketStreams
from binance_spot_mcp.streams.wire import Dial
from binance_spot_mcp.transport.socket import Listener, Socket, open_socket
from binance_spot_mcp.transport.verdict import Reply
from binance_spot_mcp.transport.world import World


async def ours(what: str, count: int, port: int) -> float:
    """Over the socket that the server uses."""

    async def dial(listener: Listener) -> Socket:
        made = await open_socket(f"ws://127.0.0.1:{port}/stream", listener, None)
        if isinstance(made, Reply):
            raise ConnectionRefusedError(made.status)
        return made

    return await _measured(what, count, dial)


async def ours_over_picows(what: str, count: int, port: int) -> float:
    """The same over a socket of `picows`."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    class Ear(WSListener):  # type: ignore[misc]  # untyped where it is not installed
        def __init__(self, listener: Listener) -> None:
            self._heard = listener.heard

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            self._heard(frame.get_payload_as_bytes())

    class Opened:
        is_open = True

        def __init__(self, transport: WSTransport) -> None:
            self._transport = transport

        def send(self, text: str) -> None:
            self._transport.send(WSMsgType.TEXT, text.encode())

        def close(self, code: Any = None) -> None:
            self._transport.disconnect()

    async def dial(listener: Listener) -> Socket:
        transport, _ = await ws_connect(lambda: Ear(listener), f"ws://127.0.0.1:{port}/stream")
        return Opened(transport)

    return await _measured(what, count, dial)


async def _measured(what: str, count: int, dial: Dial) -> float:
    counted = Count(count)
    decode = msgspec.json.Decoder(TradeEvent).decode
    book = LocalBook()
    book.load(_snapshot(), BOOK_LEVELS + 1)

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
    feed = streams.hold(read_stream_name(STREAMS[what]))
    feed.listen({"trades": trade, "depth": diff, "books": applied}[what])
    rate = await counted.done
    if (feed.received, feed.missed) != (count, 0):
        raise AssertionError(f"{feed.received} of {count} events")
    await streams.aclose()
    return rate


def _snapshot() -> DepthSnapshot:
    bids, asks = snapshot()
    return DepthSnapshot(0, tuple(bids), tuple(asks))


def book_mib(books: int = 100) -> float:
    """MiB of the process's memory for so many local books of 1,000 levels a side."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = [LocalBook() for _ in range(books)]
    for book in kept:
        book.load(_snapshot(), BOOK_LEVELS)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
