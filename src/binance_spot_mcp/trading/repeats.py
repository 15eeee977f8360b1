"""What a call is answered that was made before: what became of it, and nothing is sent."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, Final

import msgspec

from binance_spot_mcp.catalogue.endpoint import Payload
from binance_spot_mcp.client import Answer
from binance_spot_mcp.domain.exact import total
from binance_spot_mcp.errors import ExchangeError, OutcomeUnknown, Rejected
from binance_spot_mcp.trading.fills import Fill, fees
from binance_spot_mcp.trading.register import Intent, Register
from binance_spot_mcp.trading.states import BEFORE, NEVER, UNSURE, OwnOrder

BEFORE_NOW = "This call was made before under its intent_id; nothing was sent now."
_DIVISION: Final = Context(prec=80)
_AVERAGE: Final = Decimal("1E-10")


class KnownOrder(Payload, frozen=True, kw_only=True):
    """An order of ours as far as it is known here, with the time of the exchange (epoch ms) at which it was so."""

    symbol: str
    order_id: int | None = None
    client_order_id: str
    side: str | None = None
    status: str
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    cummulative_quote_qty: Decimal | None = None
    update_time: int | None = None
    average_price: Decimal | None = None
    fees: Mapping[str, Decimal] | None = None


class KnownFill(Payload, frozen=True, kw_only=True):
    """A part of an order of ours that traded; `recovered` where it was not told as it happened."""

    client_order_id: str
    trade_id: int
    allocation_id: int | None = None
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str = ""
    is_maker: bool | None = None
    time: int
    recovered: bool = False


def known_fill(fill: Fill) -> KnownFill:
    """A fill as an answer shows it."""
    return KnownFill(
        client_order_id=fill.client_order_id,
        trade_id=fill.trade_id,
        allocation_id=fill.allocation_id,
        price=fill.price,
        qty=fill.quantity,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        is_maker=fill.maker,
        time=fill.at_ms,
        recovered=fill.recovered,
    )


def known(order: OwnOrder, fills: Sequence[Fill] = ()) -> KnownOrder:
    """An order as an answer shows it; its fills say at which price and for which fees it traded."""
    seen = order.seen
    return KnownOrder(
        symbol=order.symbol,
        order_id=seen.order_id if seen else None,
        client_order_id=order.client_order_id,
        side=order.side or None,
        status=order.state,
        orig_qty=seen.quantity if seen else None,
        executed_qty=seen.executed if seen else None,
        cummulative_quote_qty=seen.quote if seen else None,
        update_time=seen.at_ms if seen else None,
        average_price=average_price(fills),
        fees=fees(fills) or None,
    )


def average_price(fills: Sequence[Fill]) -> Decimal | None:
    """What one unit of the base asset came to over some fills, at ten decimals; None without any."""
    quantity = total(fill.quantity for fill in fills)
    if not quantity:
        return None
    return _DIVISION.divide(total(fill.quote for fill in fills), quantity).quantize(_AVERAGE, context=_DIVISION)


def answer_again(register: Register, intent: Intent, lead: str = f"{BEFORE_NOW} ") -> Answer[Any]:
    """What became of a call.

    Args:
        register: What is known.
        intent: The call.
        lead: What an error says first.

    Raises:
        OutcomeUnknown: Nobody knows yet.
        Rejected: The exchange refused it, or it is proved that it never arrived.
    """
    orders = register.placed_by(intent)
    states = {order.state for order in orders} | ({intent.state} if intent.acts else set())
    named: dict[str, Any] = {"intent_id": intent.id, "client_order_id": intent.name or None}
    if states & (BEFORE | UNSURE):
        raise OutcomeUnknown(
            f"{lead}What became of it is not known yet, so it may have happened.",
            next="get_order_state",
            details={"orders": {order.client_order_id: order.state for order in orders}},
            **named,
        )
    if states <= NEVER | {"NOT_DONE"}:
        said = intent.failure.get("exchange")
        raise Rejected(
            f"{lead}It came to nothing: {intent.failure.get('message', 'it never arrived.')} To try it again, "
            "take another intent_id.",
            code=intent.failure.get("code", "EXCHANGE_REJECTED"),
            retry="after_fix",
            exchange=ExchangeError(said["code"], said["msg"]) if said else None,
            **named,
        )
    shown = [known(order, register.fills.of(order.client_order_id)) for order in orders]
    payload: object = shown[0] if len(shown) == 1 else {"symbol": intent.symbol, "orders": shown}
    if not shown:
        payload = {"symbol": intent.symbol, "state": intent.state, "asked": intent.asked}
    return Answer(payload, msgspec.json.encode(payload), {})
