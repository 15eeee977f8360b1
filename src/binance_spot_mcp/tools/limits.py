"""What the exchange's limits still allow."""

from typing import TYPE_CHECKING

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk


class RateLimitsParams(Params):
    """How much of each limit is used (request weight and raw requests per IP, orders per account), until when, and what
    is on hold after a 429 or a ban. Costs nothing. get_order_rate_limits asks the exchange for the order counts."""


@tool(title="Rate limits", local=True)
async def get_rate_limits(desk: "Desk", params: RateLimitsParams) -> object:
    """The state of the rate ledger."""
    state = desk.spot.rate_limits()
    buckets = [
        {
            "limit": f"{row['type']}/{row['interval']}",
            "used": row["used"],
            "in_flight": row["in_flight"],
            "max": row["limit"],
            "resets_at_ms": row["resets_at_ms"],
        }
        for row in state["limits"]
    ]
    return {"buckets": buckets, "holds": state["holds"]}
