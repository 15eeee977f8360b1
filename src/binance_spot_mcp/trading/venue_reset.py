"""Whether an exchange for practice has started over: testnet is wiped about once a month, paper when somebody wants it.

Then no order that was ever confirmed exists any more, nothing that was traded is remembered, and nothing is locked. One
of these alone proves nothing, and neither does one look, for queries may lag behind.

Source: general-info.md of the testnet (periodic resets), rest-api.md#general-api-information (data sources)
"""

from collections.abc import Awaitable, Callable
from typing import Final

from binance_spot_mcp.catalogue.account import ACCOUNT, MY_TRADES, AccountParams, MyTradesParams
from binance_spot_mcp.trading.absence import APART_MS, DENIALS
from binance_spot_mcp.trading.evidence import fills_of_trades
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.reconciler import Reconciler
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.states import OwnOrder
from binance_spot_mcp.trading.trades import PAGE

PRACTICE: Final = frozenset({"testnet", "paper", "demo"})
"""Environments that may start over."""


async def newest_is_gone(intents: Intents, reconciler: Reconciler) -> bool:
    """Whether the exchange denies to know the order of ours that it confirmed last; False if it confirmed none.

    Raises:
        SpotError: It could not be asked.
    """
    known = confirmed(intents.register)
    return bool(known) and await reconciler.look(known[-1])


async def was_reset(
    exchange: Exchange, intents: Intents, reconciler: Reconciler, sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Whether nothing that the exchange once confirmed is known to it any more, asked for several times.

    Nothing is said while a call is on its way or its outcome is not known.

    Raises:
        SpotError: It could not be asked.
    """
    if not confirmed(intents.register) or any(not order.live for order in intents.register.open()):
        return False
    for look in range(DENIALS):
        if look:
            await sleep(APART_MS / 1_000)
        if await _remembers(exchange, intents, reconciler):
            return False
    return True


def started_over(register: Register) -> str:
    """In words, that the exchange has started over before a journal began; empty if it has not."""
    if not (reset := register.venue_reset):
        return ""
    return (
        f"The exchange has started over: {len(reset['gone'])} open orders of ours and all that was traded are gone. "
        f"The journal of that time is kept as {reset['archive']}"
    )


async def _remembers(exchange: Exchange, intents: Intents, reconciler: Reconciler) -> bool:
    """Whether the exchange shows any trace of what it once confirmed."""
    register = intents.register
    rows = await reconciler.open_orders(None)
    known = confirmed(register)
    alive = [order for order in known if order.live]
    looks = await reconciler.look_at_all({order.client_order_id: order for order in (*alive, known[-1])}.values())
    if len(looks.denied) < max(1, len(alive)):
        return True
    for symbol in sorted({order.symbol for order in known}):
        latest = await reconciler.orders_since(symbol, None)
        asked = MyTradesParams(symbol=symbol, limit=PAGE)
        trades = (await exchange.fetch(MY_TRADES, asked, urgent=True)).payload
        found = fills_of_trades(symbol, trades)
        if any(row.client_order_id in register.orders for row in latest) or any(
            fill.key in register.fills for fill in found
        ):
            return True
    balances = (await exchange.fetch(ACCOUNT, AccountParams(), urgent=True)).payload.balances
    return not rows and any(balance.locked for balance in balances)  # locked by what, if nothing of ours is there?


def confirmed(register: Register) -> list[OwnOrder]:
    """Every order of ours that the exchange ever showed, the oldest first."""
    return [order for order in register.orders.values() if order.seen is not None]
