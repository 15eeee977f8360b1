"""How trading stands: whether the gate is open and what closes it, what is open or in doubt, and what caps still allow.

It is told as far as it can be told, also where trading is closed, where another process trades, and where the journal
is damaged.
"""

from collections.abc import Iterable
from typing import Any, Final

from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.trading.cap_watch import CapWatch
from binance_spot_mcp.trading.drafts import WAITING
from binance_spot_mcp.trading.following import Following
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.live_door import LiveDoor
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.repeats import known
from binance_spot_mcp.trading.states import UNSURE, OwnOrder
from binance_spot_mcp.trading.switch import Switch

MOST_SHOWN: Final = 20
"""So many orders of a kind are shown; all of them are counted."""


async def trading_state(keeper: Keeper, live: LiveDoor, switch: Switch, caps: CapWatch) -> dict[str, Any]:
    """All of it, as an answer tells it."""
    closed_by = _closed_by(switch)
    register: Register | None = None
    told: dict[str, Any] = {}
    try:
        await live.open()
    except SpotError as refusal:
        closed_by.append(_reason(refusal))
    try:
        account = await keeper.account_if_any()
    except SpotError as refusal:
        closed_by.append(_reason(refusal))
    else:
        register = account.intents.register if account else Register()
        freshness = {"account_state": _freshness(account.following)} if account else {}
        told = {**_orders(register), **freshness}
    return {
        "gate": "closed" if closed_by else "open",
        "closed_by": closed_by,
        **live.told(),
        **told,
        "caps": await caps.standing(register),
    }


def _closed_by(switch: Switch) -> list[dict[str, Any]]:
    try:
        closings = switch.closings()
    except SpotError as refusal:
        return [_reason(refusal)]
    return [
        {"reason": closing.reason, "why": closing.why, **({"since_ms": closing.at_ms} if closing.at_ms else {})}
        for closing in closings
    ]


def _reason(refusal: SpotError) -> dict[str, Any]:
    return {"reason": refusal.code, "why": refusal.message, **refusal.details}


def _orders(register: Register) -> dict[str, Any]:
    """The orders that are not over, and the calls and orders of which nobody knows."""
    going = [*register.open()]
    unsure = [order for order in going if order.state in UNSURE]
    return {
        "open_orders": _shown(order for order in going if order.state not in UNSURE),
        "open_count": len(going) - len(unsure),
        "unresolved": _shown(unsure),
        "unresolved_count": len(unsure),
        "waiting_for_a_yes": [
            {"intent_id": draft.intent_id, "code": draft.code, "expires_ms": draft.expires_ms}
            for draft in register.drafts.open()
            if draft.state in WAITING
        ][:MOST_SHOWN],
        "unresolved_calls": [intent.id for intent in register.unsure_deeds()][:MOST_SHOWN],
        "journal": "its end was lost and is being compared with the exchange" if register.tail_lost else "whole",
    }


def _freshness(following: Following) -> dict[str, Any]:
    """Up to when everything that happened to our orders is known here."""
    why = {"why": following.why_stale} if following.stale else {}
    return {"stale": following.stale, "as_of_ms": following.as_of_ms, **why}


def _shown(orders: Iterable[OwnOrder]) -> list[object]:
    return [{"intent_id": order.intent_id, "order": known(order)} for order in [*orders][:MOST_SHOWN]]
