"""Binance's own Spot SDK on the paper exchange: look, buy, rest an order, hear of its cancel.

binance-spot-mcp paper --json > paper.json &
pip install binance-sdk-spot
python examples/paper_official_sdk.py paper.json
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot import Spot


async def main(paper: dict[str, str]) -> None:
    """Trade for a moment, by REST and by WebSocket."""
    keys = {"api_key": paper["api_key"], "api_secret": paper["api_secret"]}
    spot = Spot(
        config_rest_api=ConfigurationRestAPI(base_path=paper["rest"], **keys),
        config_ws_api=ConfigurationWebSocketAPI(stream_url=paper["ws_api"], **keys),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=paper["ws"]),
    )
    streams = await spot.websocket_streams.create_connection()
    socket_api = await spot.websocket_api.create_connection()
    try:
        updates: asyncio.Queue[Any] = asyncio.Queue()
        (await streams.partial_book_depth(symbol="BTCUSDT", levels=5)).on("message", updates.put_nowait)
        book = await updates.get()
        print(f"bid {book.bids[0][0]}, ask {book.asks[0][0]}")

        order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": 0.001}
        bought = spot.rest_api.new_order(**order, type="MARKET").data()
        print(f"bought {bought.executed_qty} BTC for {bought.cummulative_quote_qty} USDT")

        events: asyncio.Queue[Any] = asyncio.Queue()
        subscription = await socket_api.user_data_stream_subscribe_signature()
        subscription.stream.on("message", lambda event: events.put_nowait(event.actual_instance))
        price = round(float(book.bids[0][0]) * 0.9, 2)
        resting = await socket_api.order_place(**order, type="LIMIT", time_in_force="GTC", price=price)
        order_id = resting.data().result.order_id
        print(f"order {order_id} is {(await events.get()).X}")

        cancelled = await socket_api.order_cancel(symbol="BTCUSDT", order_id=order_id)
        print(f"order {order_id} is {cancelled.data().result.status}")
    finally:
        await socket_api.close_connection()
        await streams.close_connection()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
