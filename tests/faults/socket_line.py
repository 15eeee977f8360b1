"""A line to the WebSocket API that stands in the exchange's place and may change what comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Frame = str | bytes
Change = Callable[[dict[str, Any]], Sequence[Frame]]
"""What is sent in the place of an answer."""


class SocketLine:
    """Passes everything on; answers to a method are changed where a rule says so.

    Attributes:
        url: Where the WebSocket API seems to be.
    """

    def __init__(self, exchange: str) -> None:
        self.url = ""
        self._exchange = exchange
        self._changes: dict[str, list[Change]] = {}

    def once(self, method: str, *changes: Change) -> None:
        """What becomes of the next answers to a method, one change each."""
        self._changes.setdefault(method, []).extend(changes)

    async def _pass(self, near: ServerConnection) -> None:
        methods: dict[object, str] = {}
        async with connect(self._exchange, compression=None) as far:
            asking = asyncio.create_task(self._ask(near, far, methods))
            try:
                async for frame in far:
                    for sent in self._changed(frame, methods):
                        await near.send(sent)
            except ConnectionClosed:
                pass
            finally:
                asking.cancel()

    async def _ask(self, near: ServerConnection, far: ClientConnection, methods: dict[object, str]) -> None:
        try:
            async for frame in near:
                said = json.loads(frame)
                methods[said["id"]] = said["method"]
                await far.send(frame, text=True)
        except ConnectionClosed:
            pass
        await far.close()

    def _changed(self, frame: Frame, methods: dict[object, str]) -> Sequence[Frame]:
        said = json.loads(frame)
        waiting = self._changes.get(methods.get(said.get("id"), ""))
        return waiting.pop(0)(said) if waiting else [frame]

    @asynccontextmanager
    async def open(self) -> AsyncIterator["SocketLine"]:
        """Serve while the block lasts."""
        async with serve(self._pass, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/ws-api/v3"
            yield self
