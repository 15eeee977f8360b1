"""A dry look at an order: what its symbol's rules say of it, what would become of it, and what it costs."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from binance_spot_mcp.catalogue.fields import Flag
from binance_spot_mcp.catalogue.orders import ORDER_RULES, OrderParams
from binance_spot_mcp.catalogue.trading import PLACE_ORDER, PlaceOrderParams
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.tools.tool import tool

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk
    from binance_spot_mcp.trading.checks import Checked
    from binance_spot_mcp.trading.prospects import Fee, Foreseen, Outlook

Row = dict[str, object]


class CheckOrderParams(OrderParams):
    """Check a single order without placing it: rules, balance, open orders; notional (most it may trade), fill (what it
    trades at once), fee, weight, what placing needs. fix has corrected arguments; place_order takes intent_id. Lists
    are checked as they are placed."""

    snapshot: Annotated[Flag, Field(description="also keep rules and prices used, as a file")] = False

    def placing(self) -> PlaceOrderParams:
        """The call that would place it."""
        return PlaceOrderParams.model_construct(
            **{name: getattr(self, name) for name in OrderParams.model_fields}  # read and validated by now
        )


@tool(title="Check an order", rules=ORDER_RULES)
async def check_order(desk: "Desk", params: CheckOrderParams) -> object:
    """What the gate would find without passing it, and what would come of it."""
    placing = params.placing()
    checked = await desk.gate.check(Request.read("order", placing.given()), account=True)
    ahead = await desk.gate.foresee(PLACE_ORDER, placing, checked) if checked.check.passed else None
    told = _found(checked) | (_ahead(ahead, checked.check.notional) if ahead else {})
    if params.snapshot:
        told["snapshot"] = str(await desk.gate.keep(checked))
    return told


def _found(checked: "Checked") -> Row:
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
    }


def _ahead(ahead: "Foreseen", notional: Decimal | None) -> Row:
    outlook = ahead.outlook
    traded = outlook.prospect.now.notional if outlook.prospect else Decimal(0)
    needs = {"order_test": ahead.test, "approval": ahead.approval, "weight": ahead.weight, "orders": 1}
    return {
        "notional": max(notional or traded, traded) or None,
        "intent_id": ahead.intent_id,
        "fill": _fill(outlook),
        "fee": "its rates could not be had" if outlook.fee is None else _fee(outlook.fee),
        "placing": {name: need for name, need in needs.items() if need is not None},
        **({"caps": [share.facts() for share in ahead.caps]} if ahead.caps else {}),
        **({"closed": ahead.closed} if ahead.closed else {}),
    }


def _fill(outlook: "Outlook") -> object:
    """What would trade at once; a sentence where nobody can say."""
    if outlook.book is None:
        return "the book could not be had"
    found = outlook.prospect
    if found is None:
        return "known when it is triggered, or where its peg has put it"
    told: dict[str, object] = {
        "quantity": found.now.quantity,
        "notional": found.now.notional,
        "average": found.now.average,
        "worst": found.now.worst,
        "levels": found.levels,
        "slippage_bps": found.slippage,
        "left": found.left,
        "left_then": found.then,
        "at_ms": outlook.at_ms,
    }
    return {name: value for name, value in told.items() if value not in (None, "") and (value or name == "quantity")}


def _fee(fee: "Fee") -> Row:
    told: dict[str, object | None] = {
        "asset": fee.asset,
        "taker": fee.rates.taker,
        "maker": fee.rates.maker,
        "expected": fee.expected,
        "at_most": fee.at_most,
    }
    if fee.discounted is not None:
        told["or_from"] = {
            "asset": fee.discount_asset,
            "taker": fee.discounted.taker,
            "maker": fee.discounted.maker,
        }
    return {name: value for name, value in told.items() if value is not None}
