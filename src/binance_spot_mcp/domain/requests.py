"""What one call would place: an order, or an order list as its legs.

Source: rest-api.md#order-lists, faqs/opo.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from binance_spot_mcp.catalogue.rules import Given
from binance_spot_mcp.domain.orders import SINGLE, Leg, Order
from binance_spot_mcp.vocabulary import OrderType

Kind = Literal["order", "replace", "sor", "oco", "oto", "otoco", "opo", "opoco", "legacy_oco"]
"""What is placed: `replace` is the new order of a cancel-replace, `sor` an order routed over several books."""

_OCO_NAMES: Final = {"side": "side", "quantity": "quantity"}
_PENDING_PAIR_NAMES: Final = {"side": "pendingSide", "quantity": "pendingQuantity"}

_LEGS: Final[Mapping[Kind, tuple[Leg, ...]]] = MappingProxyType(
    {
        "order": (SINGLE,),
        "replace": (SINGLE,),
        "sor": (SINGLE,),
        "oco": (Leg("above", _OCO_NAMES), Leg("below", _OCO_NAMES)),
        "oto": (Leg("working"), Leg("pending", waits=True)),
        "otoco": (
            Leg("working"),
            Leg("pendingAbove", _PENDING_PAIR_NAMES, waits=True),
            Leg("pendingBelow", _PENDING_PAIR_NAMES, waits=True),
        ),
        "opo": (Leg("working"), Leg("pending", waits=True, sized_later=True)),
        "opoco": (
            Leg("working"),
            Leg("pendingAbove", _PENDING_PAIR_NAMES, waits=True, sized_later=True),
            Leg("pendingBelow", _PENDING_PAIR_NAMES, waits=True, sized_later=True),
        ),
    }
)
_LEGACY_LIMIT: Final = Leg("limit", _OCO_NAMES | {"price": "price"})
_LEGACY_STOP: Final = Leg(
    "stop",
    _OCO_NAMES
    | {
        "price": "stopLimitPrice",
        "stopPrice": "stopPrice",
        "trailingDelta": "trailingDelta",
        "timeInForce": "stopLimitTimeInForce",
    },
)


@dataclass(frozen=True, slots=True)
class Request:
    """The orders that one call would place together.

    Attributes:
        kind: What is placed.
        orders: The single order, or the legs: working order first, above before below.
    """

    kind: Kind
    orders: tuple[Order, ...]

    @classmethod
    def read(cls, kind: Kind, given: Given) -> "Request":
        """The request that these parameters describe; they are by wire name and already validated."""
        if kind == "legacy_oco":
            stop_type: OrderType = "STOP_LOSS_LIMIT" if given.get("stopLimitPrice") is not None else "STOP_LOSS"
            limit = Order.read(given, _LEGACY_LIMIT, "LIMIT_MAKER")
            return cls(kind, (limit, Order.read(given, _LEGACY_STOP, stop_type)))
        return cls(kind, tuple(Order.read(given, leg) for leg in _LEGS[kind]))

    @property
    def symbol(self) -> str:
        """The symbol, one for all legs."""
        return self.orders[0].symbol

    @property
    def is_list(self) -> bool:
        """Whether an order list is placed; it counts as one list whatever the number of its legs."""
        return len(self.orders) > 1

    @property
    def book_levels(self) -> int:
        """How many levels of the book it takes to see every price that an order is pegged to."""
        return 1 + max(order.peg_offset_value for order in self.orders)

    @property
    def pair(self) -> tuple[Order, Order] | None:
        """The two legs of which one cancels the other, if the list has such a pair."""
        match self.kind:
            case "oco" | "legacy_oco" | "otoco" | "opoco":
                return self.orders[-2], self.orders[-1]
            case _:
                return None

    def with_number(self, wire: str, value: Decimal) -> "Request":
        """This request with another value for one parameter, in every leg that reads it."""
        return replace(self, orders=tuple(order.with_number(wire, value) for order in self.orders))
