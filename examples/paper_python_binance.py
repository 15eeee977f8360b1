"""python-binance on the paper exchange: look, buy, rest an order, hear of its cancel.

binance-spot-mcp paper --json > paper.json &
pip install python-binance
python examples/paper_python_binance.py paper.json
"""

import asyncio
import json
import sys
from pathlib import Path

from binance import AsyncClient, BinanceSocketManager


async def main(paper: dict[str, str]) -> None:
    """Trade for a moment, by REST and by WebSocket."""

    class PaperClient(AsyncClient):
        API_URL = f"{paper['rest']}/api"
        WS_API_URL = paper["ws_api"]

    class PaperSockets(BinanceSocketManager):
        STREAM_URL = f"{paper['ws']}/"

    client = await PaperClient.create(paper["api_key"], paper["api_secret"])
    sockets = PaperSockets(client)
    try:
        async with sockets.depth_socket("BTCUSDT", depth="5") as depth:
            book = await depth.recv()
        print(f"bid {book['bids'][0][0]}, ask {book['asks'][0][0]}")

        bought = await client.order_market_buy(symbol="BTCUSDT", quantity="0.001")
        print(f"bought {bought['executedQty']} BTC for {bought['cummulativeQuoteQty']} USDT")

        async with sockets.user_socket() as user:
            price = f"{float(book['bids'][0][0]) * 0.9:.2f}"
            resting = await client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price=price)
            print(f"order {resting['orderId']} is {(await user.recv())['X']}")

        cancelled = await client.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
        print(f"order {cancelled['orderId']} is {cancelled['status']}")
    finally:
        await client.close_connection()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
