"""A scripted exchange on loopback: market streams at a steady rate, snapshots over REST, and a count of what it sent.

It speaks of symbols `A000USDT`, `A001USDT`, … whose books change by consecutive update ids. Every stream that somebody
subscribed to is served: `trade`, `bookTicker`, `depth@100ms`, `kline_1m` and `ticker`. One port answers WebSocket and
plain HTTP. What is counted are events, not messages: one that two connections carry was sent once, and one that none
carried any more is counted as unheard.

Orders come as lines on stdin, and each is answered with a line of JSON on stdout:

    sent       how many events there were so far
    announce   say on every connection that it will end
    cut        close every connection
    stop       fall silent, and tell the counts of every stream and the best levels of every book
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

KINDS = ("trade", "bookTicker", "depth@100ms", "kline_1m", "ticker")
TOLD_LEVELS = 100
PING_S, PONG_WITHIN_S = 20, 60
"""As Binance does it."""
_LEVELS = 1_500
_NEAR = 300
_BEAT_S = 0.01
_BEATS_A_SECOND = 100
_START_TICKS = 1_000_000


def symbols(count: int) -> list[str]:
    """The names of so many symbols."""
    return [f"A{number:03}USDT" for number in range(count)]


class Market:
    """One symbol. Prices are counted in ticks of 0.01, quantities in lots of 0.001; the middle is never quoted."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.update_id = 1_000
        self.trade_id = 0
        self._told_id = self.update_id
        self._chance = random.Random(symbol)
        self._middle = _START_TICKS
        self._bids = {self._middle - step: 1_000 for step in range(1, _LEVELS + 1)}
        self._asks = {self._middle + step: 1_000 for step in range(1, _LEVELS + 1)}
        self._changed: tuple[set[int], set[int]] = set(), set()

    def move(self) -> None:
        """One update: some quantities change, levels come and go, and sometimes the middle moves by a tick."""
        chance = self._chance
        self.update_id += 1
        drift = chance.choice((-1, 0, 0, 0, 0, 1))
        if drift:
            self._middle += drift
            self._set(chance, self._middle, 0)
        for side in (-1, 1):
            self._set(chance, self._middle + side, chance.randrange(1, 5_000))
            for _ in range(2):
                quantity = 0 if chance.random() < 0.2 else chance.randrange(1, 5_000)
                self._set(chance, self._middle + side * chance.randrange(2, _NEAR), quantity)

    def _set(self, chance: random.Random, ticks: int, quantity: int) -> None:
        for book, changed, here in (
            (self._bids, self._changed[0], ticks < self._middle),
            (self._asks, self._changed[1], ticks > self._middle),
        ):
            if here and quantity:
                book[ticks] = quantity
                changed.add(ticks)
            elif ticks in book:
                del book[ticks]
                changed.add(ticks)

    def trade(self, now_ms: int) -> str:
        """A trade at the best price of one side."""
        self.trade_id += 1
        sells = self._chance.random() < 0.5
        price = _price(self._middle + (-1 if sells else 1))
        return (
            f'{{"e":"trade","E":{now_ms},"s":"{self.symbol}","t":{self.trade_id},"p":"{price}","q":"0.01000000",'
            f'"T":{now_ms},"m":{"true" if sells else "false"},"M":true}}'
        )

    def best(self) -> str:
        """The best quotes, after an update."""
        bid, ask = self._middle - 1, self._middle + 1
        return (
            f'{{"u":{self.update_id},"s":"{self.symbol}","b":"{_price(bid)}","B":"{_quantity(self._bids[bid])}",'
            f'"a":"{_price(ask)}","A":"{_quantity(self._asks[ask])}"}}'
        )

    def changes(self, now_ms: int) -> str | None:
        """Every level that changed since the last call; None where none did."""
        if self.update_id == self._told_id:
            return None
        first, self._told_id = self._told_id + 1, self.update_id
        bids, asks = (
            ",".join(f'["{_price(ticks)}","{_quantity(book.get(ticks, 0))}"]' for ticks in sorted(changed))
            for book, changed in zip((self._bids, self._asks), self._changed, strict=True)
        )
        for changed in self._changed:
            changed.clear()
        return (
            f'{{"e":"depthUpdate","E":{now_ms},"s":"{self.symbol}","U":{first},"u":{self.update_id},"b":[{bids}],'
            f'"a":[{asks}]}}'
        )

    def kline(self, now_ms: int) -> str:
        """The kline of the current minute."""
        price, opened = _price(self._middle), now_ms - now_ms % 60_000
        return (
            f'{{"e":"kline","E":{now_ms},"s":"{self.symbol}","k":{{"t":{opened},"T":{opened + 59_999},"s":'
            f'"{self.symbol}","i":"1m","f":1,"L":{self.trade_id},"o":"{price}","c":"{price}","h":"{price}",'
            f'"l":"{price}","v":"1.00000000","n":{self.trade_id},"x":false,"q":"1.00000000","V":"1.00000000",'
            f'"Q":"1.00000000","B":"0"}}}}'
        )

    def ticker(self, now_ms: int) -> str:
        """The statistics of a day."""
        price = _price(self._middle)
        return (
            f'{{"e":"24hrTicker","E":{now_ms},"s":"{self.symbol}","p":"0.00000000","P":"0.000","w":"{price}",'
            f'"x":"{price}","c":"{price}","Q":"0.01000000","b":"{price}","B":"1.00000000","a":"{price}",'
            f'"A":"1.00000000","o":"{price}","h":"{price}","l":"{price}","v":"1.00000000","q":"1.00000000",'
            f'"O":{now_ms - 86_400_000},"C":{now_ms},"F":1,"L":{self.trade_id},"n":{self.trade_id}}}'
        )

    def snapshot(self, limit: int) -> dict[str, Any]:
        """The book as REST answers it."""
        return {
            "lastUpdateId": self.update_id,
            "bids": [[_price(t), _quantity(self._bids[t])] for t in sorted(self._bids, reverse=True)[:limit]],
            "asks": [[_price(t), _quantity(self._asks[t])] for t in sorted(self._asks)[:limit]],
        }


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02}000000"


def _quantity(lots: int) -> str:
    return f"{lots // 1_000}.{lots % 1_000:03}00000"


class Exchange:
    """Every symbol, whoever is connected, and what was sent.

    Args:
        count: How many symbols there are.
        rate: Messages a second on all streams together, once each is subscribed to.
    """

    def __init__(self, count: int, rate: int) -> None:
        self.sent: Counter[str] = Counter()
        self.unheard: Counter[str] = Counter()
        self._markets = {symbol: Market(symbol) for symbol in symbols(count)}
        self._carried: dict[ServerConnection, set[str]] = {}
        steady = count * (10 + 1 + 1)  # depth each 100 ms, klines and tickers each second
        self._rest_a_beat = max(2, rate - steady) / _BEATS_A_SECOND
        self._turn = self._sides()

    def _sides(self) -> Iterator[tuple[Market, str]]:
        """Who speaks next: trades and best quotes of every symbol take turns."""
        while True:
            for market in self._markets.values():
                yield market, "trade"
                yield market, "bookTicker"

    # Sending

    async def run(self) -> None:
        """Speak, at the rate that was asked for, whatever the machine does meanwhile."""
        started, beat, owed = time.monotonic(), 0, 0.0
        while True:
            while beat < (time.monotonic() - started) * _BEATS_A_SECOND:
                owed += self._rest_a_beat
                self._beat(beat, int(owed))
                owed -= int(owed)
                beat += 1
                await asyncio.sleep(0)  # also a machine that leaves us behind must let us listen
            await asyncio.sleep(_BEAT_S)

    def _beat(self, beat: int, turns: int) -> None:
        now_ms = time.time_ns() // 1_000_000
        for _ in range(turns):
            market, kind = next(self._turn)
            if kind == "trade":
                self._say(market, kind, market.trade(now_ms))
            else:
                market.move()
                self._say(market, kind, market.best())
        for number, market in enumerate(self._markets.values()):
            if number % 10 == beat % 10:
                self._tell_changes(market, now_ms)
            if number % _BEATS_A_SECOND == beat % _BEATS_A_SECOND:
                self._say(market, "kline_1m", market.kline(now_ms))
                self._say(market, "ticker", market.ticker(now_ms))

    def _tell_changes(self, market: Market, now_ms: int) -> None:
        changes = market.changes(now_ms)
        if changes is not None:
            self._say(market, "depth@100ms", changes)

    def _say(self, market: Market, kind: str, event: str) -> None:
        name = f"{market.symbol.lower()}@{kind}"
        connections = [connection for connection, names in self._carried.items() if name in names]
        if connections:
            self.sent[name] += 1
            broadcast(connections, f'{{"stream":"{name}","data":{event}}}')
        elif name in self.sent:
            self.unheard[name] += 1

    # Listening

    async def talk(self, connection: ServerConnection) -> None:
        """Take a connection's requests."""
        names = self._carried[connection] = set[str]()
        try:
            async for text in connection:
                asked = json.loads(text)
                match asked["method"]:
                    case "SUBSCRIBE":
                        names.update(asked["params"])
                    case "UNSUBSCRIBE":
                        names.difference_update(asked["params"])
                result = sorted(names) if asked["method"] == "LIST_SUBSCRIPTIONS" else None
                broadcast([connection], json.dumps({"result": result, "id": asked["id"]}))
        finally:
            self._carried.pop(connection, None)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Plain HTTP; None lets a WebSocket be opened."""
        url = urlsplit(request.path)
        if url.path.startswith("/stream"):
            return None
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path:
            case "/api/v3/depth":
                body: object = self._markets[query["symbol"]].snapshot(int(query["limit"]))
            case "/api/v3/ticker/bookTicker":
                body = {"symbol": query["symbol"], "bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1"}
            case "/api/v3/time":
                body = {"serverTime": time.time_ns() // 1_000_000}
            case _:
                body = {}
        text = json.dumps(body).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(text)), "Connection": "close"})
        return Response(HTTPStatus.OK, "OK", headers, text)

    # Orders from outside

    def announce(self) -> None:
        """Say on every connection that it will end soon."""
        event = {"e": "serverShutdown", "E": time.time_ns() // 1_000_000}
        broadcast([*self._carried], json.dumps({"stream": "!serverShutdown", "data": event}))

    async def cut(self) -> None:
        """Close every connection; what is sent from now on reaches nobody."""
        connections = [*self._carried]
        self._carried.clear()
        await asyncio.gather(*(connection.close(1001) for connection in connections))

    def last_words(self) -> dict[str, Any]:
        """Tell the last changes, and what there is to compare."""
        for market in self._markets.values():
            self._tell_changes(market, time.time_ns() // 1_000_000)
        books = {symbol: market.snapshot(TOLD_LEVELS) for symbol, market in self._markets.items()}
        return {"sent": self.sent, "unheard": self.unheard, "books": books}


async def main(count: int, rate: int) -> None:
    """Serve until stdin ends. The first line on stdout is the port."""
    exchange = Exchange(count, rate)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with serve(
        exchange.talk,
        "127.0.0.1",
        0,
        process_request=exchange.answer,
        compression=None,
        max_queue=None,
        ping_interval=PING_S,
        ping_timeout=PONG_WITHIN_S,
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        speaking = asyncio.create_task(exchange.run())
        while order := (await reader.readline()).decode().strip():
            answer: object = {}
            match order:
                case "sent":
                    answer = exchange.sent.total()
                case "announce":
                    exchange.announce()
                case "cut":
                    await exchange.cut()
                case "stop":
                    speaking.cancel()
                    answer = exchange.last_words()
            print(json.dumps(answer), flush=True)
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
