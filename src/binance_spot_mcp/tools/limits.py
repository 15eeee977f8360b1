"""What the exchange's limits still allow."""

from typing import TYPE_CHECKING

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.tools.tool import tool
from binance_spot_mcp.transport.ledger import SHARES

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk
    from binance_spot_mcp.transport.ledger import LedgerState


class RateLimitsParams(Params):
    """How much of each limit (weight and raw requests per IP, orders per account) the servers of this machine have
    used, until when, what share each kind of call may fill, and what is on hold after a 429 or a ban. Costs nothing.
    get_order_rate_limits asks the exchange for the order counts."""


@tool(title="Rate limits", local=True)
async def get_rate_limits(desk: "Desk", params: RateLimitsParams) -> object:
    """The state of the rate ledger."""
    state = await desk.spot.rate_limits()
    shown = {
        "buckets": buckets(state),
        "holds": state["holds"],
        "share_percent": SHARES,
        "processes": state["processes"],
    }
    return {**shown, "trouble": state["trouble"]} if state["trouble"] else shown


def buckets(state: "LedgerState") -> list[dict[str, int | str]]:
    """Every limit with what is used of it, as an answer shows it."""
    return [
        {
            "limit": f"{row['type']}/{row['interval']}",
            "used": row["used"],
            "in_flight": row["in_flight"],
            "max": row["limit"],
            "resets_at_ms": row["resets_at_ms"],
        }
        for row in state["limits"]
    ]
