"""What a signed order costs over REST and over the WebSocket API, in one run against one paper exchange.

Our own client makes the calls (ledger, stamp, signature, verdict, decoding and all), and the exchange runs in a process
of its own. An order rests and is cancelled again; both are calls, and only the first is timed one by one. The ways take
turns, so that a busy moment of the machine hits both. The floor is a bare `websockets` client that sends the same.

    python bench/transports.py [--rounds 5] [--calls 200] [--json]

The exit status is 1 where the socket is not faster at the median.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect

from binance_spot_mcp.catalogue.market import EXCHANGE_INFO, ExchangeInfoParams
from binance_spot_mcp.catalogue.trading import CANCEL_ORDER, PLACE_ORDER, CancelOrderParams, PlaceOrderParams
from binance_spot_mcp.client import Spot
from binance_spot_mcp.settings import load

IN_FLIGHT = 32
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.00100",
    "price": "50000.00",
    "newOrderRespType": "ACK",
}
PLACE = PlaceOrderParams.model_validate({name: value for name, value in ORDER.items() if name != "newOrderRespType"})

Work = Callable[[], Awaitable[float]]
"""Places an order, cancels it, and says how long the first took."""


@dataclass
class Way:
    """One way of calling, and what was measured of it.

    Attributes:
        alone_s: How long each order took with nothing else under way.
        per_second: Calls per second with 32 under way, one figure a round.
    """

    name: str
    work: Work
    alone_s: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    async def measure(self, calls: int) -> None:
        """One round."""
        self.alone_s += [await self.work() for _ in range(calls)]
        share = calls // IN_FLIGHT + 1
        started = time.perf_counter()
        await asyncio.gather(*(self._several(share) for _ in range(IN_FLIGHT)))
        self.per_second.append(2 * share * IN_FLIGHT / (time.perf_counter() - started))

    async def _several(self, share: int) -> None:
        for _ in range(share):
            await self.work()

    def figures(self) -> dict[str, float]:
        """Microseconds at the median and at the 99th percentile, and calls per second."""
        cuts = statistics.quantiles(self.alone_s, n=100)
        return {
            "p50_us": round(cuts[49] * 1e6),
            "p99_us": round(cuts[98] * 1e6),
            "per_second": round(statistics.median(self.per_second)),
        }


def ours(spot: Spot) -> Work:
    """Our client."""

    async def work() -> float:
        started = time.perf_counter()
        placed = await spot.call(PLACE_ORDER, PLACE)
        took = time.perf_counter() - started
        await spot.call(CANCEL_ORDER, CancelOrderParams(symbol="BTCUSDT", order_id=placed.order_id))
        return took

    return work


@asynccontextmanager
async def bare(exchange: dict[str, str]) -> AsyncIterator[Work]:
    """A `websockets` client that does nothing but sign, send and find the answer."""
    waiting: dict[int, asyncio.Future[Any]] = {}

    async with connect(exchange["ws_api"], compression=None, ping_interval=None) as socket:

        async def listen() -> None:
            async for message in socket:
                answer = json.loads(message)
                waiting.pop(answer["id"]).set_result(answer["result"])

        async def ask(method: str, params: dict[str, Any]) -> Any:
            whole = {**params, "apiKey": exchange["api_key"], "timestamp": int(time.time() * 1000)}
            payload = "&".join(f"{name}={whole[name]}" for name in sorted(whole)).encode()
            whole["signature"] = hmac.digest(exchange["api_secret"].encode(), payload, hashlib.sha256).hex()
            number = next(numbers)
            answer = waiting[number] = asyncio.get_running_loop().create_future()
            await socket.send(json.dumps({"id": number, "method": method, "params": whole}))
            return await answer

        async def work() -> float:
            started = time.perf_counter()
            placed = await ask("order.place", ORDER)
            took = time.perf_counter() - started
            await ask("order.cancel", {"symbol": "BTCUSDT", "orderId": placed["orderId"]})
            return took

        numbers = iter(range(1, sys.maxsize))
        listening = asyncio.create_task(listen())
        try:
            yield work
        finally:
            listening.cancel()


def client(exchange: dict[str, str], transport: str) -> Spot:
    """Our client over one transport."""
    environ = {
        "BINANCE_ENV": "paper",
        "BINANCE_BASE_URL": exchange["rest"],
        "BINANCE_WS_API_BASE": exchange["ws_api"],
        "BINANCE_API_KEY": exchange["api_key"],
        "BINANCE_API_SECRET": exchange["api_secret"],
        "BINANCE_TRANSPORT": transport,
    }
    return Spot(load(environ=environ, env_file=None).settings)


async def measured(exchange: dict[str, str], rounds: int, calls: int) -> list[Way]:
    """Measure every way, taking turns."""
    async with (
        aclosing(client(exchange, "rest")) as rest,
        aclosing(client(exchange, "ws")) as socket,
        bare(exchange) as floor,
    ):
        ways = [Way("REST", ours(rest)), Way("WebSocket API", ours(socket)), Way("bare websockets", floor)]
        for spot in (rest, socket):
            await spot.call(EXCHANGE_INFO, ExchangeInfoParams.model_validate({"symbol": "BTCUSDT"}))  # tells its limits
        for way in ways:
            await way.work()
        for _ in range(rounds):
            for way in ways:
                await way.measure(calls)
        return ways


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    command = [sys.executable, "-m", "paper_exchange", "--json", "--memory", "--no-market", "--limit-factor", "10000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            ways = asyncio.run(measured(json.loads(process.stdout.readline()), options.rounds, options.calls))
        finally:
            process.terminate()
    figures = {way.name: way.figures() for way in ways}
    rest, socket, floor = figures.values()
    ratios = {
        "p50": round(socket["p50_us"] / rest["p50_us"], 2),
        "p99": round(socket["p99_us"] / rest["p99_us"], 2),
        "per_second": round(socket["per_second"] / rest["per_second"], 2),
        "p50_to_floor": round(socket["p50_us"] / floor["p50_us"], 2),
    }
    if options.json:
        print(json.dumps({"ways": figures, "ratios": ratios}))
    else:
        print(f"{'':<18}{'p50 us':>8}{'p99 us':>8}{'calls/s at 32':>15}")
        for name, row in figures.items():
            print(f"{name:<18}{row['p50_us']:>8,}{row['p99_us']:>8,}{row['per_second']:>15,}")
        print(
            f"WebSocket API to REST: p50 {ratios['p50']}x, p99 {ratios['p99']}x, calls/s {ratios['per_second']}x; "
            f"to the floor: p50 {ratios['p50_to_floor']}x"
        )
    return int(ratios["p50"] >= 1)


if __name__ == "__main__":
    sys.exit(main())
