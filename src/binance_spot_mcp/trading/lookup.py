"""Telling what became of calls and orders: by the journal and, where that is not the end of it, by the exchange."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.trading.drafts import WAITING, Draft
from binance_spot_mcp.trading.keeper import Account
from binance_spot_mcp.trading.reconciler import Looks
from binance_spot_mcp.trading.register import Intent, Register
from binance_spot_mcp.trading.repeats import KnownOrder, known, known_fill
from binance_spot_mcp.trading.states import BEFORE, UNSURE, OwnOrder
from binance_spot_mcp.trading.venue_reset import started_over

MOST_FILLS: Final = 20
"""So many fills are shown, the latest ones."""

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
        raise _not_found(account, f"the call {intent_id}", "get_open_orders")
    return await _state_of(account, intent, intent.orders)


async def state_of_order(account: Account, client_order_id: str) -> dict[str, object]:
    """What became of an order, by its client order id.

    Raises:
        Refused: NOT_FOUND, it is none of ours.
    """
    order = account.intents.register.orders.get(client_order_id)
    if order is None:
        raise _not_found(account, f"the order {client_order_id}")
    return await _state_of_order(account, order)


async def state_of_numbered(account: Account, symbol: str, order_id: int) -> dict[str, object]:
    """What became of an order, by the exchange's number for it.

    Raises:
        Refused: NOT_FOUND, it is none of ours.
    """
    order = account.intents.register.numbered(symbol, order_id)
    if order is None:
        raise _not_found(account, f"the order {order_id} on {symbol}")
    return await _state_of_order(account, order)


async def reconciled(account: Account, symbol: str | None) -> dict[str, object]:
    """Compare what is known with what is open at the exchange, and ask for every difference.

    Args:
        account: The account.
        symbol: Orders of this symbol alone.

    Raises:
        SpotError: The exchange could not be asked.
    """
    register, asked_ms = account.intents.register, account.following.now_ms()
    before = {order.client_order_id: order for order in register.open() if symbol in (None, order.symbol)}
    rows = await account.reconciler.open_orders(symbol)
    await account.intents.foreign(rows, "open_orders")
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
        "as_of": asked_ms,
        **({"notes": [*notices]} if (notices := account.take_notices()) else {}),
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


async def _state_of_order(account: Account, order: OwnOrder) -> dict[str, object]:
    return await _state_of(account, account.intents.register.intents.get(order.intent_id), (order.client_order_id,))


async def _state_of(account: Account, intent: Intent | None, names: Sequence[str]) -> dict[str, object]:
    """What is known of a call and of some of its orders, after a look at those that can still change."""
    register, asked_ms = account.intents.register, account.following.now_ms()
    looks = await _refresh(account, (register.orders[name] for name in names))
    await _account_for(account, names)
    as_of_ms = account.following.as_of_ms if looks.failed else asked_ms
    orders = [register.orders[name] for name in names]
    fills = [fill for name in names for fill in register.fills.of(name)]
    notes = [*account.take_notices()]
    if any(register.short_of_fills(name) for name in names):
        notes.append("Not every part that traded is known yet; the rest is being asked for.")
    if looks.denied & {order.client_order_id for order in orders if order.live}:
        notes.append("The exchange does not show it just now, which proves nothing yet; it is being compared.")
    return {
        **_told(register, register.intents[intent.id] if intent else None, orders),
        **({"fills": [known_fill(fill) for fill in fills[-MOST_FILLS:]]} if fills else {}),
        **({"fill_count": len(fills)} if len(fills) > MOST_FILLS else {}),
        "as_of": as_of_ms,
        "stale": bool(looks.failed),
        **({"notes": notes} if notes else {}),
    }


async def _refresh(account: Account, orders: Iterable[OwnOrder]) -> Looks:
    """Ask for those of some orders that can still change."""
    looks = await account.reconciler.look_at_all([order for order in orders if order.live or order.state in UNSURE])
    register = account.intents.register
    if any(register.orders[name].live for name in looks.denied):
        account.following.compare_soon()
    return looks


async def _account_for(account: Account, names: Iterable[str]) -> None:
    """Ask for the trades of orders of which not all are known, unless that fails; then they are asked for later."""
    register = account.intents.register
    for name in names:
        if register.short_of_fills(name):
            with suppress(SpotError):
                await account.reconciler.trades.of_order(register.orders[name])


def _told(register: Register, intent: Intent | None, orders: Iterable[OwnOrder]) -> dict[str, object]:
    shown: list[KnownOrder] = [known(order, register.fills.of(order.client_order_id)) for order in orders]
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


def _not_found(account: Account, what: str, look: str = "get_order") -> Refused:
    reset = started_over(account.intents.register)
    why = f" {reset}." if reset else ""
    return Refused(
        f"The journal of this account does not know {what}. {look} asks the exchange.{why}",
        code="NOT_FOUND",
        next=look,
    )
