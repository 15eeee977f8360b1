"""Well-known clients, used as their documentation uses them."""

# ruff: noqa: PLC0415  (not every interpreter has every library)

from typing import Any

from count import LOOK_EVERY, TOP, Count
from feed import snapshot


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
    for add, levels in zip((cache.add_bid, cache.add_ask), snapshot(), strict=True):
        for level in levels:
            add(level)
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


async def ccxt(what: str, count: int, port: int) -> float:
    """ccxt's WebSocket classes; events are counted where they have been taken in. It has no depth without a book."""
    import ccxt.pro

    symbol, counted = "BTC/USDT", Count(count)

    class Client(ccxt.pro.binance):  # type: ignore[misc]  # untyped where it is not installed
        def handle_trade(self, client: Any, message: Any) -> None:
            super().handle_trade(client, message)
            counted.one()

        def handle_order_book(self, client: Any, message: Any) -> None:
            super().handle_order_book(client, message)
            if counted.left % LOOK_EVERY == 0:
                book = self.orderbooks[symbol]
                (book["bids"][:TOP], book["asks"][:TOP])
            counted.one()

        async def fetch_rest_order_book_safe(self, asked: str, limit: Any = None, params: Any = None) -> Any:
            bids, asks = ([[float(part) for part in level] for level in side] for side in snapshot())
            return {"symbol": asked, "bids": bids, "asks": asks, "nonce": 0, "timestamp": None, "datetime": None}

    client = Client({"newUpdates": True})
    client.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{port}/ws"
    market = {"id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": symbol, "base": "BTC", "quote": "USDT"}
    client.set_markets([client.safe_market_structure(market | {"type": "spot", "spot": True, "active": True})])
    while counted.left:
        await (client.watch_trades(symbol) if what == "trades" else client.watch_order_book(symbol))
    if what == "books" and client.orderbooks[symbol]["nonce"] != count:
        raise AssertionError(client.orderbooks[symbol]["nonce"])
    await client.close()
    return await counted.done
