"""One process of `bench/streams.py`: `serve WHAT COUNT`, `client NAME WHAT COUNT PORT`, or `memory`."""

import asyncio
import sys
from importlib import import_module

CLIENTS = {
    "floor": "bare",
    "websockets": "bare",
    "picows": "bare",
    "ours": "ours",
    "ours_over_picows": "ours",
    "python_binance": "peers",
    "ccxt": "peers",
}
"""The module of each; imported when it runs, as not every interpreter has everything."""

match sys.argv[1:]:
    case ["serve", what, count]:
        asyncio.run(import_module("feed").serve(what, int(count)))
    case ["client", name, what, count, port]:
        run = getattr(import_module(CLIENTS[name]), name)
        print(asyncio.run(run(what, int(count), int(port))))
    case ["memory"]:
        print(import_module("ours").book_mib())
