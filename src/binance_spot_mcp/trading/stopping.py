"""The kill switch: the gate closes first, then every open order of ours is cancelled by its id.

Whoever closes it, from this process, another one or with the file STOP: the process that trades on the account sees it
within a second and cancels, and it goes on with that where something was left, also after a restart. Orders of others
are reported and left alone. Nothing is placed.
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
from binance_spot_mcp.trading.states import FINAL, UNSURE, OwnOrder
from binance_spot_mcp.trading.switch import STOP_FILE, Switch
from binance_spot_mcp.vocabulary import plain

AT_ONCE: Final = 4
"""So many cancels are out at the same time."""
IN_FLIGHT_S: Final = 5.0
"""How long orders that are out already may take to be answered."""
CANCELLING_S: Final = 25.0
"""How long cancelling may take; what is left is reported."""
LOOK_S: Final = 0.5
"""How often it is looked whether somebody has closed the gate."""
AGAIN_S: Final = 5.0
"""How soon it is gone on with what was left."""
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


class KillSwitch:
    """Stops trading.

    Args:
        switch: Closes the gate.
        keeper: Has the account, if this process trades on it.
        existing: Cancels.
        dispatch: Knows which orders are still on their way.
    """

    def __init__(self, switch: Switch, keeper: Keeper, existing: ExistingOrders, dispatch: Dispatch) -> None:
        self._switch = switch
        self._keeper = keeper
        self._existing = existing
        self._dispatch = dispatch
        self._sweeping = asyncio.Lock()
        self._done: int | None = None

    async def stop(self, why: str) -> Mapping[str, Any]:
        """Close the gate until the operator opens it, cancel every open order of ours, and tell what came of it.

        Args:
            why: Who wants it closed.
        """
        lasting = self._switch.stop(why)
        told: dict[str, Any] = {
            "gate": "closed",
            "survives_restart": lasting,
            "reopens_with": "binance-spot-mcp resume (the operator, in a terminal)",
        }
        try:
            account = await self._keeper.account()
        except SpotError as refusal:
            return {**told, "cancelled": [], "orders": f"No order was cancelled from here: {refusal.message}"}
        swept = await self._sweep(account)
        await _external(swept, account)
        return {
            **told,
            "cancelled": swept.cancelled,
            "ended_before": swept.ended,
            "not_cancelled": swept.left,
            "external": swept.external,
            "external_count": swept.external_count,
            "next": "stop_trading" if swept.left else "get_trading_state",
        }

    async def watch(self, sleep: Sleep) -> None:
        """See to it for ever that a gate that somebody has closed leaves no order of ours open.

        Args:
            sleep: Waits so many seconds.
        """
        while True:
            left = False
            try:
                if self._switch.stop_file_is_there():
                    self._switch.stop(f"the file {STOP_FILE} appeared")
                left = not await self._swept()
            except SpotError as failure:
                left = True
                _log.warning("open orders could not be cancelled after a stop", why=failure.message)
            except Exception:  # noqa: BLE001  # a bug of ours must not end the watch
                left = True
                _log.exception("stopping crashed")
            await sleep(AGAIN_S if left else LOOK_S)

    async def _swept(self) -> bool:
        """Whether no stop is in force whose orders are not cancelled, as far as this process trades."""
        stop = self._switch.latest_stop()
        if stop is None or stop == self._done:
            return True
        account = await self._keeper.account_if_any()
        return account is None or not (await self._sweep(account)).left

    async def _sweep(self, account: Account) -> Swept:
        """Cancel every open order of ours; the gate is closed already."""
        async with self._sweeping:
            stop: int | None = None
            with suppress(SpotError):  # where nobody can tell, the next look does all of it again
                stop = self._switch.latest_stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dispatch.settled(), IN_FLIGHT_S)
            register, swept = account.intents.register, Swept()
            await account.reconciler.look_at_all([order for order in register.open() if order.state in UNSURE])
            names = [order.client_order_id for order in register.open()]
            failures = await self._cancelled(account, names)
            for name in names:
                _sort(swept, register.orders[name], failures.get(name))
            if not swept.left:
                self._done = stop
            return swept

    async def _cancelled(self, account: Account, names: Iterable[str]) -> Mapping[str, SpotError]:
        """Cancel orders, those of one call one after the other, as cancelling one leg of a list cancels the others.

        Returns:
            Why cancels failed, by the order's name.
        """
        orders, failures, turn = account.intents.register.orders, dict[str, SpotError](), asyncio.Semaphore(AT_ONCE)

        async def cancel_of_call(names: Iterable[str]) -> None:
            async with turn:
                for order in (orders[name] for name in names):
                    if order.live and order.seen is not None:
                        asked = CancelOrderParams(symbol=order.symbol, order_id=order.seen.order_id)
                        try:
                            await self._existing.cancel(account.intents, CANCEL_ORDER, asked)
                        except SpotError as error:
                            failures[order.client_order_id] = error

        calls: dict[str, list[str]] = {}
        for name in names:
            calls.setdefault(orders[name].intent_id, []).append(name)
        if work := [asyncio.create_task(cancel_of_call(of_call)) for of_call in calls.values()]:
            _, late = await asyncio.wait(work, timeout=CANCELLING_S)
            for task in late:
                task.cancel()
        return failures


def _sort(swept: Swept, order: OwnOrder, failure: SpotError | None) -> None:
    """Put an order where it belongs now; one that never came to be belongs nowhere."""
    told: dict[str, Any] = {
        "symbol": order.symbol,
        "orderId": order.seen.order_id if order.seen else None,
        "clientOrderId": order.client_order_id,
        "status": order.state,
        "executedQty": plain(order.executed),
    }
    if order.state == "CANCELED":
        swept.cancelled.append(told)
    elif order.state not in FINAL:
        unknown = "there was no time for it" if order.live else "it is not known whether it exists"
        swept.left.append({**told, "why": failure.message if failure else unknown})
    elif order.seen is not None:
        swept.ended.append(told)


async def _external(swept: Swept, account: Account) -> None:
    """Look for open orders of others."""
    try:
        rows = await account.reconciler.open_orders(None)
    except SpotError:
        return
    register = account.intents.register
    foreign = [row for row in rows if register.numbered(row.symbol, row.order_id) is None]
    swept.external_count = len(foreign)
    swept.external = [
        {"symbol": row.symbol, "orderId": row.order_id, "clientOrderId": row.client_order_id, "status": row.status}
        for row in foreign[:MOST_SHOWN]
    ]
