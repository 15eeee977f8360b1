"""A dry look at an order: what its symbol's rules say of it, and what only the exchange can say."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from binance_spot_mcp.catalogue.fields import Flag
from binance_spot_mcp.catalogue.orders import ORDER_RULES, OrderParams
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk


class CheckOrderParams(OrderParams):
    """Check an order against every rule of its symbol, with current prices, your balances and open orders; nothing is
    sent that places or changes one. Returns violations, fix (corrected arguments), notional (the most it may trade, in
    the quote asset) and what stays unchecked."""

    snapshot: Annotated[Flag, Field(description="also keep rules and prices used, as a file")] = False

    def order(self) -> Request:
        """The order that is meant."""
        return Request.read("order", {name: value for name, value in self.given().items() if name != "snapshot"})


@tool(title="Check an order", rules=ORDER_RULES)
async def check_order(desk: "Desk", params: CheckOrderParams) -> object:
    """What the gate would find, without passing it."""
    checked = await desk.gate.check(params.order(), account=True)
    found = checked.check
    return {
        "symbol": found.symbol,
        "passed": found.passed,
        "notional": found.notional,
        "violations": [{"message": each.message, **each.details} for each in found.violations],
        "fix": found.fix,
        "unchecked": [{"rule": each.rule, "reason": each.reason} for each in found.unchecked],
        "rules_age_ms": checked.rules_age_ms,
        "next": "place_order" if found.passed else "check_order",
        **({"snapshot": str(await desk.gate.keep(checked))} if params.snapshot else {}),
    }
