"""Telling what became of calls and orders: by the journal and, where that is not the end of it, by the exchange."""

from collections.abc import Iterable
from typing import Any, Final

from binance_spot_mcp.errors import Refused
from binance_spot_mcp.trading.drafts import WAITING, Draft
from binance_spot_mcp.trading.keeper import Account
from binance_spot_mcp.trading.register import Intent
from binance_spot_mcp.trading.repeats import KnownOrder, known
from binance_spot_mcp.trading.states import BEFORE, UNSURE, OwnOrder

_EXPLAINED: Final = {
    "UNKNOWN": "No verdict came back, so it may exist. The server keeps asking; do not place it again before that.",
    "NEEDS_HUMAN": (
        "It was neither found nor proved absent for 15 minutes. The operator has to look at the exchange; new orders "
        "there wait until it is found, or until the journal is put aside (binance-spot-mcp journal archive)."
    ),
    "NOT_PLACED": "It is proved that it never came to be.",
    "NOT_SENT": "No byte of it left, so it does not exist.",
    "REJECTED": "The exchange refused it.",
}


async def state_of_call(account: Account, intent_id: str) -> dict[str, object]:
    """What became of a call, and of every order that it placed.

    Raises:
        Refused: NOT_FOUND, there is no such call.
    """
    intent = account.intents.register.intents.get(intent_id)
    if intent is None:
        if draft := account.intents.register.drafts.of_call(intent_id):
            return _drafted(draft)
        raise _not_found(f"the call {intent_id}", "get_open_orders")
    await _refresh(account, account.intents.register.placed_by(intent))
    intent = account.intents.register.intents[intent_id]
    return _told(intent, account.intents.register.placed_by(intent))


async def state_of_order(account: Account, client_order_id: str) -> dict[str, object]:
    """What became of an order, by its client order id.

    Raises:
        Refused: NOT_FOUND, it is none of ours.
    """
    order = account.intents.register.orders.get(client_order_id)
    if order is None:
        raise _not_found(f"the order {client_order_id}")
    return await _state_of(account, order)


async def state_of_numbered(account: Account, symbol: str, order_id: int) -> dict[str, object]:
    """What became of an order, by the exchange's number for it.

    Raises:
        Refused: NOT_FOUND, it is none of ours.
    """
    order = account.intents.register.numbered(symbol, order_id)
    if order is None:
        raise _not_found(f"the order {order_id} on {symbol}")
    return await _state_of(account, order)


async def reconciled(account: Account, symbol: str | None) -> dict[str, object]:
    """Compare what is known with what is open at the exchange, and ask for every difference.

    Args:
        account: The account.
        symbol: Orders of this symbol alone.

    Raises:
        SpotError: The exchange could not be asked.
    """
    register = account.intents.register
    before = {order.client_order_id: order for order in register.open() if symbol in (None, order.symbol)}
    rows = await account.reconciler.open_orders(symbol)
    listed = {(row.symbol, row.order_id) for row in rows}
    await _refresh(
        account,
        (order for order in before.values() if order.seen is None or (order.symbol, order.seen.order_id) not in listed),
    )
    after = [register.orders[name] for name in before]
    foreign = [row for row in rows if register.numbered(row.symbol, row.order_id) is None]
    return {
        "orders": [known(order) for order in after],
        "changed": [order.client_order_id for order in after if order != before[order.client_order_id]],
        "unresolved": [order.client_order_id for order in after if order.state in UNSURE],
        "external": [
            {"symbol": row.symbol, "orderId": row.order_id, "clientOrderId": row.client_order_id, "status": row.status}
            for row in foreign
        ],
    }


def _drafted(draft: Draft) -> dict[str, object]:
    """A call that was not made, or not yet, because it needs a person's yes."""
    told: dict[str, object] = {
        "intent_id": draft.intent_id,
        "tool": draft.tool,
        "symbol": draft.symbol,
        "state": draft.state,
        "settled": draft.state not in WAITING,
        "expires_ms": draft.expires_ms,
        "why": draft.why or None,
        "note": "Nothing was sent. The same call with this intent_id goes on, or asks a person anew.",
    }
    return {name: value for name, value in told.items() if value is not None}


async def _state_of(account: Account, order: OwnOrder) -> dict[str, object]:
    await _refresh(account, [order])
    register = account.intents.register
    intent = register.intents.get(order.intent_id)
    return _told(intent, [register.orders[order.client_order_id]])


async def _refresh(account: Account, orders: Iterable[OwnOrder]) -> None:
    """Ask for those of some orders that can still change."""
    await account.reconciler.look_at_all([order for order in orders if order.live or order.state in UNSURE])


def _told(intent: Intent | None, orders: Iterable[OwnOrder]) -> dict[str, object]:
    shown: list[KnownOrder] = [known(order) for order in orders]
    states = [order.status for order in shown]
    if intent is not None and intent.acts:
        states.append(intent.state)
    alike = states[0] if len({*states}) == 1 else None
    told: dict[str, Any] = {
        "intent_id": intent.id if intent else None,
        "tool": intent.tool if intent else None,
        "symbol": intent.symbol if intent else shown[0].symbol,
        "state": alike,
        "effect": intent.state if intent and intent.acts else None,
        "settled": not {*states} & (BEFORE | UNSURE),
        "orders": shown,
        "why": intent.failure.get("message") if intent else None,
        "note": _EXPLAINED.get(alike or ""),
    }
    return {name: value for name, value in told.items() if value is not None}


def _not_found(what: str, look: str = "get_order") -> Refused:
    return Refused(
        f"The journal of this account does not know {what}. {look} asks the exchange.", code="NOT_FOUND", next=look
    )
