"""The second port of a running exchange, on real time: what the process prints, and a book kept by the documents."""

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.paper_client import PaperClient, limit_order
from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import connect as connect_sync

from paper_exchange.options import Options
from paper_exchange.running import running

pytestmark = pytest.mark.anyio

SECONDS = 20
Levels = dict[str, dict[Decimal, Decimal]]


def test_the_first_line_names_streams_and_websocket_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    command = [sys.executable, "-m", "paper_exchange", "--json", "--memory"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with connect_sync(f"{told['ws']}/ws/btcusdt@avgPrice") as streams:
            assert json.loads(streams.recv(SECONDS))["e"] == "avgPrice"
        with connect_sync(told["ws_api"]) as api:
            api.send('{"id": 1, "method": "ping"}')
            assert json.loads(api.recv(SECONDS))["status"] == 200
        process.terminate()
        assert process.wait(SECONDS) == 0


async def test_a_local_book_follows_the_exchange() -> None:
    async with running(Options(market=False)) as exchange:
        client = PaperClient(exchange)
        async with client.http, connect(f"{exchange.ws}/ws/btcusdt@depth@100ms") as socket:
            await rest(client, "90000.00", "90001.00")
            first = await heard(socket)
            await rest(client, "90002.00")
            snapshot = await depth(client)
            book_id, book = snapshot["lastUpdateId"], levels(snapshot["bids"], snapshot["asks"])
            await client.signed("DELETE", "openOrders", symbol="BTCUSDT")
            await rest(client, "90003.00")
            while book_id < (now := await depth(client))["lastUpdateId"]:
                event, first = (first, None) if first else (await heard(socket), None)
                if event["u"] <= book_id:
                    continue
                assert event["U"] <= book_id + 1
                apply(book, event)
                book_id = event["u"]
            assert book == levels(now["bids"], now["asks"])
            assert book["b"] == {Decimal("90003.00"): Decimal("0.01")}


async def rest(client: PaperClient, *prices: str) -> None:
    """Place orders that nobody meets."""
    for price in prices:
        assert (await client.signed("POST", "order", **limit_order("BUY", price))).status_code == 200


async def depth(client: PaperClient) -> Any:
    return (await client.public("depth", symbol="BTCUSDT", limit=5000)).json()


async def heard(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), SECONDS))


def levels(bids: list[list[str]], asks: list[list[str]]) -> Levels:
    return {
        side: {Decimal(price): Decimal(quantity) for price, quantity in rows}
        for side, rows in (("b", bids), ("a", asks))
    }


def apply(book: Levels, event: Any) -> None:
    for side in ("b", "a"):
        for price, quantity in event[side]:
            book[side][Decimal(price)] = Decimal(quantity)
            if not Decimal(quantity):
                del book[side][Decimal(price)]
