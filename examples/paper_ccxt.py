"""ccxt on the paper exchange: look, buy, rest an order, hear of its cancel.

binance-spot-mcp paper --json > paper.json &
pip install ccxt
python examples/paper_ccxt.py paper.json
"""

import asyncio
import json
import sys
from pathlib import Path

import ccxt.pro


async def main(paper: dict[str, str]) -> None:
    """Trade for a moment, by REST and by WebSocket."""
    api = f"{paper['rest']}/api/v3"
    exchange = ccxt.pro.binance(
        {
            "apiKey": paper["api_key"],
            "secret": paper["api_secret"],
            "urls": {
                "api": {
                    "public": api,
                    "private": api,
                    "ws": {"spot": f"{paper['ws']}/ws", "ws-api": {"spot": paper["ws_api"]}},
                }
            },
            # What ccxt would load from other products of Binance first.
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
        }
    )
    try:
        book = await exchange.watch_order_book("BTC/USDT", 5)
        print(f"bid {book['bids'][0][0]}, ask {book['asks'][0][0]}")

        bought = await exchange.create_order("BTC/USDT", "market", "buy", 0.001)
        print(f"bought {bought['filled']} BTC for {bought['cost']} USDT")

        await exchange.authenticate()
        watching = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        resting = await exchange.create_order("BTC/USDT", "limit", "buy", 0.001, book["bids"][0][0] * 0.9)
        print(f"order {resting['id']} is {(await watching)[-1]['status']}")

        cancelled = await exchange.cancel_order(resting["id"], "BTC/USDT")
        print(f"order {cancelled['id']} is {cancelled['status']}")
    finally:
        await exchange.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
