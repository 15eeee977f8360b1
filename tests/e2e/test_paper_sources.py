"""Where the prices of a paper exchange come from is a matter of its options."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from paper_exchange.options import Mirrored, Options, parse
from paper_exchange.running import running

pytestmark = pytest.mark.anyio

SYMBOLS = """
[[assets]]
name = "PEPE"
price = "0.0000098"

[[symbols]]
symbol = "PEPEUSDT"
baseAsset = "PEPE"
quoteAsset = "USDT"
tickSize = "0.00000001"
stepSize = "1"
minNotional = "1"
"""
PATIENCE_S = 10


async def _book(rest: str, symbol: str) -> dict[str, list[list[str]]]:
    async with httpx.AsyncClient(base_url=rest) as http:
        book: dict[str, list[list[str]]] = (await http.get("/api/v3/depth", params={"symbol": symbol})).json()
        return book


async def test_a_file_adds_symbols_that_have_a_market_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "symbols.toml"
    file.write_text(SYMBOLS, "utf-8")
    async with running(Options(seed=1, symbols=file)) as exchange:
        assert (await _book(exchange.rest, "PEPEUSDT"))["bids"]
        assert (await _book(exchange.rest, "BTCUSDT"))["bids"]


async def test_without_a_market_nothing_has_ever_happened() -> None:
    async with running(Options(seed=1, market=False)) as exchange, httpx.AsyncClient(base_url=exchange.rest) as http:
        symbol = {"symbol": "BTCUSDT"}
        assert await _book(exchange.rest, "BTCUSDT") == {"lastUpdateId": 0, "bids": [], "asks": []}
        assert (await http.get("/api/v3/trades", params=symbol)).json() == []
        assert (await http.get("/api/v3/klines", params=symbol | {"interval": "1m"})).json() == []
        day = (await http.get("/api/v3/ticker/24hr", params=symbol)).json()
        assert (day["lastPrice"], day["count"], day["firstId"], day["lastId"]) == ("0.00000000", 0, -1, -1)


async def test_a_tape_is_played(tmp_path: Path) -> None:
    line = {
        "kind": "book",
        "at_us": 1,
        "symbol": "BTCUSDT",
        "whole": True,
        "bids": [["90000.00", "1.5"]],
        "asks": [["90001.00", "2"]],
    }
    tape = tmp_path / "tape.jsonl"
    tape.write_text(json.dumps(line) + "\n", "utf-8")
    async with running(Options(seed=1, tape=tape)) as exchange:
        book = await _book(exchange.rest, "BTCUSDT")
    assert book["bids"] == [["90000.00000000", "1.50000000"]]
    assert book["asks"] == [["90001.00000000", "2.00000000"]]


async def test_another_exchange_is_mirrored() -> None:
    async with running(Options(seed=1)) as origin:
        mirrored = Mirrored(origin.rest, origin.ws, ("BTCUSDT",))
        heard = asyncio.Event()
        async with running(Options(seed=2, mirror=mirrored)) as mirror, asyncio.timeout(PATIENCE_S):
            mirror.exchange.listen(lambda _: heard.set())
            await heard.wait()
            shown = await _book(mirror.rest, "BTCUSDT")
    assert abs(float(shown["bids"][0][0]) / 96_500 - 1) < 0.5


async def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "symbols.toml"
    file.write_text("[[nonsense]]", "utf-8")
    with pytest.raises(ValueError, match=r"symbols\.toml"):
        async with running(Options(symbols=file)):
            pass


@pytest.mark.parametrize(
    "arguments",
    [["--lease"], ["--mirror", "http://127.0.0.1:1"], ["--host", "192.0.2.1"]],
    ids=["a lease without a home", "half a mirror", "not loopback"],
)
def test_a_command_line_that_contradicts_itself_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(arguments)
    assert end.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_command_line_is_read() -> None:
    read = parse(
        ["--mirror", "http://a", "--mirror-ws", "ws://a", "--mirror-symbols", "BTCUSDT,ETHUSDT", "--seed", "5"]
    )
    assert read == Options(seed=5, mirror=Mirrored("http://a", "ws://a", ("BTCUSDT", "ETHUSDT")))
