"""The one way to open a socket: an attempt to connect takes its turn in the ledger and is judged like any call.

Source: web-socket-api.md#general-api-information, web-socket-streams.md#general-wss-information
"""

from collections.abc import Mapping
from typing import Literal

from binance_spot_mcp.errors import Refused, SpotError, Unreachable
from binance_spot_mcp.hosts import other_ports
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.transport.failures import never_left
from binance_spot_mcp.transport.ledger import Cost
from binance_spot_mcp.transport.socket import Listener, Socket, open_socket
from binance_spot_mcp.transport.turns import Turns
from binance_spot_mcp.transport.venue import Venue
from binance_spot_mcp.transport.verdict import Reply, verdict

SocketKind = Literal["ws_api", "streams"]

COSTS: Mapping[SocketKind, Cost] = {
    "ws_api": Cost(weight=2, raw_requests=0, connections=1),
    "streams": Cost(weight=0, raw_requests=0, connections=1),
}
"""To connect to the WebSocket API has a weight; to connect to the market streams only counts."""
_PATHS: Mapping[SocketKind, str] = {"ws_api": "", "streams": "/stream"}
_PING_S: Mapping[SocketKind, float | None] = {"ws_api": 20.0, "streams": None}


class Connector:
    """Opens sockets to one venue.

    Args:
        venue: Where.
        settings: The operator's settings.
        turns: Leave to connect.
    """

    def __init__(self, venue: Venue, settings: Settings, turns: Turns) -> None:
        self._settings = settings
        self._turns = turns
        self._urls: dict[SocketKind, list[str]] = {}
        places: tuple[tuple[SocketKind, str | None], ...] = (("ws_api", venue.ws_api), ("streams", venue.streams))
        for kind, url in places:
            if url is not None:
                self._urls[kind] = [url, *other_ports(url, settings.env, kind)]

    async def open(self, kind: SocketKind, listener: Listener) -> Socket:
        """Connect; where that fails at one port of the host, at the next that is documented.

        A port that worked is tried first from then on.

        Raises:
            Refused: That channel is off.
            RateLimited: The ledger does not let it.
            Unreachable: No connection came about.
            Rejected: The exchange turned it away.
        """
        urls = self._urls.get(kind)
        if not urls:
            raise Refused(f"There is no place to connect to ({kind}).", code="ENDPOINT_REFUSED")
        failure: SpotError | None = None
        for url in tuple(urls):
            try:
                socket = await self._once(kind, url, listener)
            except Unreachable as no_connection:
                failure = failure or no_connection
                continue
            urls.remove(url)
            urls.insert(0, url)
            return socket
        raise failure or never_left("No connection came about.")

    async def _once(self, kind: SocketKind, url: str, listener: Listener) -> Socket:
        unit = "?timeUnit=MICROSECOND" if self._settings.microseconds else ""
        route = f"connect to {kind}"
        turn = await self._turns.take(lambda: COSTS[kind], "urgent", route)
        try:
            made = await open_socket(f"{url}{_PATHS[kind]}{unit}", listener, self._settings.proxy, ping_s=_PING_S[kind])
        except BaseException:
            self._turns.lost(turn)
            raise
        if not isinstance(made, Reply):
            self._turns.lost(turn)
            return made
        self._turns.answered(turn, route, made)
        refusal = verdict(made, changes=False) or never_left("The host does not speak WebSocket at this address.")
        if refusal.retry == "at" and refusal.retry_at_ms is None:
            refusal.retry_at_ms = self._turns.held_until(COSTS[kind], route)
        raise refusal
