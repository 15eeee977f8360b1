"""A client in front of an exchange that speaks both protocols."""

import respx
from tests.unit.client.stand import API_KEY, SECRET, Exchange, Machine
from tests.unit.transport.socket_exchange import Hours, SocketExchange

from binance_spot_mcp.client import Spot
from binance_spot_mcp.settings import load

REST = "http://127.0.0.1:7777"


class TwoWays:
    """The clients, the exchange, and the time between them.

    Attributes:
        rest: What the exchange answers over REST.
        socket: What it answers over the WebSocket API.
        hours: The clients' outside.
    """

    def __init__(self, router: respx.MockRouter, socket: SocketExchange) -> None:
        self.hours = Hours()
        self.rest = Exchange(router, Machine(), REST)
        self.socket = socket
        self.socket.on("time", lambda _: {"serverTime": self.hours.wall_ms})
        self._spots: list[Spot] = []

    def spot(self, transport: str = "auto", **environ: str) -> Spot:
        """A client with an HMAC key; an empty setting counts as not set."""
        settings = {
            "BINANCE_ENV": "paper",
            "BINANCE_BASE_URL": REST,
            "BINANCE_WS_API_BASE": self.socket.url,
            "BINANCE_API_KEY": API_KEY,
            "BINANCE_API_SECRET": SECRET,
            "BINANCE_TRANSPORT": transport,
        }
        spot = Spot(load(environ=settings | environ, env_file=None).settings, world=self.hours.world())
        self._spots.append(spot)
        return spot

    async def connected(self, transport: str = "auto", **environ: str) -> Spot:
        """A client whose socket is open and whose clock is measured."""
        spot = self.spot(transport, **environ)
        await self.opened(spot)
        await spot.measure_clock()
        return spot

    async def opened(self, spot: Spot) -> None:
        """Wait until the socket of a client is open."""
        line = await spot._open()
        assert line._ws_api is not None
        await line._ws_api.opened()

    async def aclose(self) -> None:
        """Close every client."""
        for spot in self._spots:
            await spot.aclose()
