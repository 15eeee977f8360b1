"""Every documented stream over a real socket: payloads have the documented keys and JSON types."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.documented_streams import STREAMS, named_shapes
from tests.contract.shapes import differences
from tests.e2e.socket_floor import SocketFloor

from paper_exchange.engine.commands import CancelAll
from paper_exchange.market.history import BlockTrade

pytestmark = pytest.mark.anyio

SHAPES = {name: shape for name, shape, _ in named_shapes()}
EVENT_TYPES = {name: event_type for name, _, event_type in named_shapes()}


@pytest.fixture
async def floor() -> AsyncIterator[SocketFloor]:
    floor = SocketFloor()
    async with floor.serving():
        yield floor


async def said(floor: SocketFloor) -> dict[str, Any]:
    """The first message of every documented stream in a lively market."""
    socket = await floor.open(f"/stream?streams={'/'.join(SHAPES)}")
    await floor.pass_time(0)
    for price in range(2500, 2520):
        floor.quote("BUY", f"{price}.00", "0.01", symbol="ETHUSDT")
        floor.quote("SELL", f"{price + 1000}.00", "0.01", symbol="ETHUSDT")
    floor.quote("BUY", "3501.00", "0.015", symbol="ETHUSDT", account=floor.account)
    block_trade = BlockTrade(1, 10**13, 10**8, 10**13, floor.clock.now_us(), buyer_is_maker=False)
    floor.sockets.audience.hear_block_trade("ETHUSDT", block_trade)
    await floor.pass_time(2)
    first: dict[str, Any] = {}
    while first.keys() != SHAPES.keys():
        message = json.loads(await socket.recv())
        assert message.keys() == {"stream", "data"}
        first.setdefault(message["stream"], message["data"])
    return first


async def test_every_stream_says_what_is_documented(floor: SocketFloor) -> None:
    messages = await said(floor)
    wrong = [(name, each) for name, data in messages.items() for each in differences(SHAPES[name], data)]
    assert wrong == []
    for name, data in messages.items():
        shown = data[0] if isinstance(data, list) else data
        assert shown.get("e") == EVENT_TYPES[name], name


async def test_keys_come_in_the_documented_order(floor: SocketFloor) -> None:
    for name, data in (await said(floor)).items():
        shown, shape = (data[0], SHAPES[name][0]) if isinstance(data, list) else (data, SHAPES[name])
        assert list(shown) == list(shape), name


async def test_the_end_is_announced_as_documented() -> None:
    documented = STREAMS["connection"]["server_shutdown"]
    floor = SocketFloor()
    async with floor.serving():
        sockets = {
            "raw": await floor.open("/ws/btcusdt@trade"),
            "combined": await floor.open("/stream?streams=btcusdt@trade"),
            "ws_api": await floor.open("/ws-api/v3"),
        }
    for kind, socket in sockets.items():
        announced = await socket.recv()
        assert json.loads(announced) == json.loads(
            json.dumps(documented[kind]).replace('"int"', str(floor.clock.now_us() // 1000))
        )


async def test_a_book_that_empties_deletes_its_levels(floor: SocketFloor) -> None:
    socket = await floor.open("/ws/btcusdt@depth@100ms")
    await floor.pass_time(0)
    floor.quote("BUY", "95000.00")
    await floor.pass_time(0.1)
    floor.do(CancelAll(account=7, symbol="BTCUSDT"))
    await floor.pass_time(0.1)
    levels = [json.loads(await socket.recv())["b"] for _ in range(2)]
    assert levels == [[["95000.00000000", "1.00000000"]], [["95000.00000000", "0.00000000"]]]
