"""The operator's caps as a pure judgement: what a request asks for, what is used already, and what is left of each.

Source: the caps are this server's own; Binance knows none of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from binance_spot_mcp.allowance import Caps, Money
from binance_spot_mcp.domain.exact import minus, times, total
from binance_spot_mcp.domain.orders import Number, Order
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.vocabulary import plain

ZERO: Final = Decimal(0)
_SIZES: Final[tuple[Number, ...]] = ("quantity", "quoteOrderQty")
Rates = Mapping[tuple[str, str], Decimal]
"""What one unit of an asset is worth in another one."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is used of the caps, by what was written down and what is on its way to be.

    Attributes:
        traded: What the orders of this UTC day have traded or may trade, by quote asset.
        open_orders: How many orders of ours are open.
        last_minute: How many orders were sent within 60 s.
        loss: What this UTC day has realised below zero, in the currency of its cap.
    """

    traded: Mapping[str, Decimal] = field(default_factory=dict)
    open_orders: int = 0
    last_minute: int = 0
    loss: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request would use.

    Attributes:
        symbol: The symbol.
        asset: Its quote asset.
        notional: The most that it may trade, in that asset; None where nobody had to know.
        orders: How many orders it sends.
        resting: How many of them may stay open.
    """

    symbol: str
    asset: str
    notional: Decimal | None
    orders: int = 1
    resting: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """How one cap stands.

    Attributes:
        cap: Its name.
        limit: What is allowed.
        used: What is used of it before the request.
        asked: What the request asks for.
        unit: The currency; empty where orders are counted.
    """

    cap: str
    limit: Decimal
    used: Decimal
    asked: Decimal = ZERO
    unit: str = ""

    @property
    def left(self) -> Decimal:
        """What may still be asked for."""
        return max(ZERO, minus(self.limit, self.used))

    @property
    def broken(self) -> bool:
        """Whether the request asks for more than is left."""
        return self.asked > self.left

    def facts(self) -> dict[str, Any]:
        """All of it, as an answer tells it."""
        amounts = {"limit": self.limit, "used": self.used, "asked": self.asked, "left": self.left}
        return {
            "cap": self.cap,
            **{name: plain(amount) for name, amount in amounts.items()},
            **({"unit": self.unit} if self.unit else {}),
        }


def shares(caps: Caps, use: Use, ask: Ask | None, rates: Rates) -> tuple[Share, ...]:
    """How each cap on an amount or a number stands, in the order in which they are judged.

    Args:
        caps: What is allowed.
        use: What is used.
        ask: What a request asks for; None to see how things stand without one.
        rates: For each quote asset in `use` and `ask`, what it is worth in the currencies of the caps.

    Raises:
        ValueError: An amount is capped and nobody knows what is asked for.
    """
    found: list[Share] = []
    orders, resting = (ask.orders, ask.resting) if ask else (0, 0)
    if caps.max_orders_per_minute is not None:
        found.append(_count("max_orders_per_minute", caps.max_orders_per_minute, use.last_minute, orders))
    if caps.max_open_orders is not None:
        found.append(_count("max_open_orders", caps.max_open_orders, use.open_orders, resting))
    if (most := caps.max_order_notional) is not None:
        found.append(_amount("max_order_notional", most, ZERO, ask, rates))
    if (most := caps.max_daily_notional) is not None:
        used = total(times(amount, rates[asset, most.asset]) for asset, amount in use.traded.items())
        found.append(_amount("max_daily_notional", most, used, ask, rates))
    return tuple(found)


def loss_share(caps: Caps, use: Use) -> Share | None:
    """How the cap on the loss of a day stands: once it is reached, nothing more is left to lose."""
    if (most := caps.max_daily_loss) is None:
        return None
    return Share("max_daily_loss", most.amount, use.loss, unit=most.asset)


def currencies(caps: Caps) -> frozenset[str]:
    """The currencies in which amounts are capped."""
    amounts = (caps.max_order_notional, caps.max_daily_notional)
    return frozenset(money.asset for money in amounts if money is not None)


def may_rest(orders: Iterable[Order]) -> int:
    """How many of some orders may stay open; what trades at once or not at all does not."""
    return sum(order.is_stop or order.leg.waits or not _at_once(order) for order in orders)


def shrunk(request: Request, part: Share) -> tuple[str, Decimal] | None:
    """The one size of a request that would keep a cap on an amount, not rounded to any step; None if there is none.

    Args:
        request: The request, which breaks the cap.
        part: How the cap stands.
    """
    sizes = {
        (order.leg.wire(name), size)
        for order in request.orders
        for name in _SIZES
        if (size := order.number(name)) is not None
    }
    if len(sizes) != 1 or not part.left or not part.unit:
        return None
    ((param, size),) = sizes
    return param, times(size, part.left) / part.asked


def _at_once(order: Order) -> bool:
    return order.type == "MARKET" or order.time_in_force in ("IOC", "FOK")


def _count(cap: str, limit: int, used: int, asked: int) -> Share:
    return Share(cap, Decimal(limit), Decimal(used), Decimal(asked))


def _amount(cap: str, most: Money, used: Decimal, ask: Ask | None, rates: Rates) -> Share:
    if ask is not None and ask.notional is None:
        raise ValueError(f"what is asked of {cap} is not known")
    asked = ZERO if ask is None or ask.notional is None else times(ask.notional, rates[ask.asset, most.asset])
    return Share(cap, most.amount, used, asked, most.asset)
