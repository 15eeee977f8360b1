"""How trading stands, and the kill switch."""

from typing import TYPE_CHECKING

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.tools.limits import buckets
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk

BUSY = 0.5
"""The share of a limit from which it is worth telling."""


class StopTradingParams(Params):
    """Kill switch: refuse every new order from now on, also after a restart, and cancel this server's open orders, by
    id. Orders of others stay and are listed. Only the operator can undo it (binance-spot-mcp resume)."""


@tool(title="Stop trading", effect="cancel")
async def stop_trading(desk: "Desk", params: StopTradingParams) -> object:
    """What was cancelled and what was not."""
    return await desk.gate.stop("stop_trading was called")


class TradingStateParams(Params):
    """Whether orders are taken now and, if not, why; open and unresolved orders of this server, the operator's limits
    with what is used and left, and rate limits that run low. Use it after BREAKER_OPEN or LIMIT_EXCEEDED."""


@tool(title="State of trading")
async def get_trading_state(desk: "Desk", params: TradingStateParams) -> object:
    """As much of it as can be told."""
    state = await desk.gate.state()
    limits = await desk.spot.rate_limits()
    low = [row for row in buckets(limits) if int(row["used"]) + int(row["in_flight"]) >= BUSY * int(row["max"])]
    return {**state, "rate_limits": {"low": low, "holds": limits["holds"]}}
