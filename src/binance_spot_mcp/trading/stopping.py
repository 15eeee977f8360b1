"""The kill switch: the gate closes first, then every open order of ours is cancelled by its id.

Orders of others are reported and left alone. What cannot be cancelled is reported with the reason; nothing is placed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from binance_spot_mcp.catalogue.trading import CANCEL_ORDER, CancelOrderParams
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.dispatch import Dispatch
from binance_spot_mcp.trading.existing import ExistingOrders
from binance_spot_mcp.trading.keeper import Account, Keeper
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.states import UNSURE, OwnOrder
from binance_spot_mcp.trading.switch import STOP_FILE, Switch
from binance_spot_mcp.vocabulary import plain

AT_ONCE: Final = 4
"""So many cancels are out at the same time."""
IN_FLIGHT_S: Final = 5.0
"""How long orders that are out already may take to be answered."""
CANCELLING_S: Final = 25.0
"""How long cancelling may take; what is left is reported."""
LOOK_S: Final = 0.5
"""How often the stop file is looked for."""
MOST_SHOWN: Final = 50
"""So many orders of others are shown."""

Sleep = Callable[[float], Awaitable[None]]

_log = logger("trading")


@dataclass(slots=True)
class Swept:
    """What became of the open orders.

    Attributes:
        cancelled: Orders that are cancelled now.
        ended: Orders that had ended before the cancel came.
        left: Orders that are open still, or nobody knows, with the reason.
        external: Open orders of others, a number of them.
        external_count: How many of those there are; None where they could not be asked for.
    """

    cancelled: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    external: list[dict[str, Any]] = field(default_factory=list)
    external_count: int | None = None


async def stopped(
    switch: Switch, why: str, keeper: Keeper, existing: ExistingOrders, dispatch: Dispatch
) -> Mapping[str, Any]:
    """Close the gate until the operator opens it, cancel every open order of ours, and tell what came of it.

    Args:
        switch: Closes the gate.
        why: Who wants it closed.
        keeper: Has the account, if this process trades on it.
        existing: Cancels.
        dispatch: Knows which orders are still on their way.
    """
    lasting = switch.stop(why)
    told: dict[str, Any] = {
        "gate": "closed",
        "survives_restart": lasting,
        "reopens_with": "binance-spot-mcp resume (the operator, in a terminal)",
    }
    try:
        account = await keeper.account()
    except SpotError as refusal:
        return {**told, "cancelled": [], "orders": f"No order was cancelled from here: {refusal.message}"}
    swept = await _sweep(account, existing, dispatch)
    return {
        **told,
        "cancelled": swept.cancelled,
        "ended_before": swept.ended,
        "not_cancelled": swept.left,
        "external": swept.external,
        "external_count": swept.external_count,
        "next": "stop_trading" if swept.left else "get_trading_state",
    }


async def stop_when_told(switch: Switch, stop: Callable[[str], Awaitable[object]], sleep: Sleep) -> None:
    """Stop trading as often as the stop file appears; by being there it closes the gate already, see `switch`.

    Args:
        switch: Sees whether it is there.
        stop: Closes the gate for good and cancels.
        sleep: Waits so many seconds.
    """
    was_there = False
    while True:
        is_there = switch.stop_file_is_there()
        if is_there and not was_there:
            try:
                await stop(f"the file {STOP_FILE} appeared")
            except Exception:  # noqa: BLE001  # a bug of ours must not end the watch
                _log.exception("stopping crashed")
        was_there = is_there
        await sleep(LOOK_S)


async def _sweep(account: Account, existing: ExistingOrders, dispatch: Dispatch) -> Swept:
    """Cancel every open order of ours; the gate is closed already."""
    with suppress(TimeoutError):
        await asyncio.wait_for(dispatch.settled(), IN_FLIGHT_S)
    register, swept = account.intents.register, Swept()
    await account.reconciler.look_at_all([order for order in register.open() if order.state in UNSURE])
    failures: dict[str, SpotError] = {}
    turn = asyncio.Semaphore(AT_ONCE)
    before = [order.client_order_id for order in register.open()]

    async def cancel_of_call(names: Iterable[str]) -> None:
        """Cancel the orders of one call one after the other, as cancelling one leg of a list cancels the others."""
        async with turn:
            for name in names:
                order = register.orders[name]
                if order.live and order.seen is not None:
                    asked = CancelOrderParams(symbol=order.symbol, order_id=order.seen.order_id)
                    try:
                        await existing.cancel(account.intents, CANCEL_ORDER, asked)
                    except SpotError as error:
                        failures[name] = error

    calls: dict[str, list[str]] = {}
    for name in before:
        calls.setdefault(register.orders[name].intent_id, []).append(name)
    if work := [asyncio.create_task(cancel_of_call(names)) for names in calls.values()]:
        _, late = await asyncio.wait(work, timeout=CANCELLING_S)
        for task in late:
            task.cancel()
    for name in before:
        _sort(swept, register.orders[name], failures.get(name))
    await _external(swept, account, register)
    return swept


def _sort(swept: Swept, order: OwnOrder, failure: SpotError | None) -> None:
    """Put an order where it belongs now."""
    told: dict[str, Any] = {
        "symbol": order.symbol,
        "orderId": order.seen.order_id if order.seen else None,
        "clientOrderId": order.client_order_id,
        "status": order.state,
        "executedQty": plain(order.executed),
    }
    if order.live or order.state in UNSURE or order.seen is None:
        why = failure.message if failure else "it is not known whether it exists" if not order.live else "no time left"
        swept.left.append({**told, "why": why})
    elif order.state == "CANCELED":
        swept.cancelled.append(told)
    else:
        swept.ended.append(told)


async def _external(swept: Swept, account: Account, register: Register) -> None:
    """Look for open orders of others."""
    try:
        rows = await account.reconciler.open_orders(None)
    except SpotError:
        return
    foreign = [row for row in rows if register.numbered(row.symbol, row.order_id) is None]
    swept.external_count = len(foreign)
    swept.external = [
        {"symbol": row.symbol, "orderId": row.order_id, "clientOrderId": row.client_order_id, "status": row.status}
        for row in foreign[:MOST_SHOWN]
    ]
