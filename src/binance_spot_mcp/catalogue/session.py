"""What only the WebSocket API has: requests about the connection itself. None of them is a tool."""

import msgspec

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params, Route


class LogOnParams(Params):
    """Tie the key to the connection, so that later requests need no signature. Ed25519 keys alone can."""


LOG_ON: Endpoint[LogOnParams, msgspec.Raw] = Endpoint(
    name="log_on",
    title="Log on",
    route=Route(rest="", ws="session.logon"),
    params=LogOnParams,
    result=msgspec.Raw,
    toolset="account",
    source="web-socket-api.md#log-in-with-api-key-signed",
    security="USER_DATA",
    weight=2,
)
