"""Other people's Binance clients placing an order, each on a word of the benchmark that started this process.

It runs in the environment of those clients (`make test-clients` makes it) and knows nothing of ours. Each line that
comes in names a client; the answer is how many seconds its order took. The order is cancelled before the next one.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import ccxt
from binance import Client

QUANTITY, PRICE, SYMBOL = "0.00100", "50000.00", "BTCUSDT"


def python_binance(exchange: dict[str, str]) -> Callable[[], float]:
    """python-binance's `Client`."""

    class Paper(Client):  # type: ignore[misc]  # untyped
        API_URL = f"{exchange['rest']}/api"

    client = Paper(exchange["api_key"], exchange["api_secret"])

    def place() -> float:
        began = time.perf_counter()
        order = client.create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity=QUANTITY, price=PRICE
        )
        took = time.perf_counter() - began
        client.cancel_order(symbol=SYMBOL, orderId=order["orderId"])
        return took

    return place


def by_ccxt(exchange: dict[str, str]) -> Callable[[], float]:
    """`ccxt.binance`, which reads the markets first and keeps a limit of its own; that limit is off here."""
    api = f"{exchange['rest']}/api/v3"
    settings: dict[str, Any] = {
        "apiKey": exchange["api_key"],
        "secret": exchange["api_secret"],
        "enableRateLimit": False,
        "urls": {"api": {"public": api, "private": api}},
        "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "fetchCurrencies": False},
    }
    client = ccxt.binance(settings)
    client.load_markets()

    def place() -> float:
        began = time.perf_counter()
        order = client.create_order("BTC/USDT", "limit", "buy", float(QUANTITY), float(PRICE))
        took = time.perf_counter() - began
        client.cancel_order(order["id"], "BTC/USDT")
        return took

    return place


def main() -> None:
    """Answer until nothing more is asked."""
    exchange = json.loads(sys.argv[1])
    clients = {"python-binance": python_binance(exchange), "ccxt": by_ccxt(exchange)}
    for place in clients.values():
        place()
    print(" ".join(clients), flush=True)
    for line in sys.stdin:
        print(clients[line.strip()](), flush=True)


if __name__ == "__main__":
    main()
