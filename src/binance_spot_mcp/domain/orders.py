"""What an agent asks for, as values: single orders, and order lists taken apart into their legs.

A leg of a list is an order like any other; it only reads its numbers from parameters with other names (`abovePrice`,
`pendingStopPrice`), and remembers them so that a refusal can name the parameter that was sent.

Source: rest-api.md#trading-endpoints, enums.md#order-types-ordertypes-type
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from binance_spot_mcp.catalogue.orders import PRICED, TRIGGERED, of_leg
from binance_spot_mcp.catalogue.rules import Given
from binance_spot_mcp.vocabulary import OrderType, PegPriceType, SelfTradePrevention, Side, TimeInForce, plain

Number = Literal["price", "stopPrice", "trailingDelta", "quantity", "quoteOrderQty", "icebergQty"]
"""The numbers of an order that filters speak about, by the wire names of a single order."""

LOSS_TYPES: Final[frozenset[OrderType]] = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
"""Types that a move against the order releases; the other stop types take a profit."""

_FIELDS: Final[Mapping[Number, str]] = MappingProxyType(
    {
        "price": "price",
        "stopPrice": "stop_price",
        "trailingDelta": "trailing_delta",
        "quantity": "quantity",
        "quoteOrderQty": "quote_order_qty",
        "icebergQty": "iceberg_qty",
    }
)


@dataclass(frozen=True, slots=True)
class Leg:
    """Where in the parameters an order stands.

    Attributes:
        prefix: What its own parameters begin with; empty for a single order.
        names: Parameters whose wire name is not prefix and name, by the name a single order has for them.
        waits: Whether it enters the book only after the working order of its list has filled.
        sized_later: Whether its quantity is what the working order will have bought (OPO, OPOCO).
    """

    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False
    sized_later: bool = False

    def wire(self, name: str) -> str:
        """The parameter that carries, for this leg, what a single order calls `name`."""
        return self.names.get(name) or of_leg(self.prefix, name)

    @property
    def name_param(self) -> str:
        """The parameter that carries the order's name."""
        return of_leg(self.prefix, "clientOrderId") if self.prefix else "newClientOrderId"


SINGLE: Final = Leg()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as it was asked for, or one leg of a list. What is None was not sent."""

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    quote_order_qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: Decimal | None = None
    iceberg_qty: Decimal | None = None
    self_trade_prevention_mode: SelfTradePrevention | None = None
    peg_price_type: PegPriceType | None = None
    peg_offset_value: int = 0
    leg: Leg = SINGLE

    @classmethod
    def read(cls, given: Given, leg: Leg = SINGLE, order_type: OrderType | None = None) -> "Order":
        """The order, or the leg of a list, that these parameters describe.

        Args:
            given: Parameters by wire name, already validated.
            leg: Which of them belong to this order.
            order_type: The type, where no parameter says it.
        """

        def text(name: str) -> str | None:
            value = given.get(leg.wire(name))
            return None if value is None else str(value)

        numbers: dict[str, Any] = {attribute: amount(given.get(leg.wire(name))) for name, attribute in _FIELDS.items()}
        return cls(
            symbol=str(given["symbol"]),
            side=cast(Side, text("side")),
            type=order_type or cast(OrderType, text("type")),
            time_in_force=cast(TimeInForce | None, text("timeInForce")),
            self_trade_prevention_mode=cast(SelfTradePrevention | None, given.get("selfTradePreventionMode")),
            peg_price_type=cast(PegPriceType | None, text("pegPriceType")),
            peg_offset_value=int(text("pegOffsetValue") or 0),
            leg=leg,
            **numbers,
        )

    def number(self, name: Number) -> Decimal | None:
        """One of the order's numbers, by its wire name."""
        value: Decimal | None = getattr(self, _FIELDS[name])
        return value

    def with_number(self, wire: str, value: Decimal) -> "Order":
        """This order with another value under a wire name; the same order if that name is not one of its own."""
        changes: dict[str, Any] = {attr: value for name, attr in _FIELDS.items() if self.leg.wire(name) == wire}
        return replace(self, **changes) if changes else self

    @property
    def is_priced(self) -> bool:
        """Whether it rests at a price."""
        return self.type in PRICED

    @property
    def is_stop(self) -> bool:
        """Whether it waits for a trigger price."""
        return self.type in TRIGGERED

    @property
    def triggers_upward(self) -> bool:
        """Whether a rise releases this stop order: STOP_LOSS BUY and TAKE_PROFIT SELL; a fall releases the others."""
        return (self.type in LOSS_TYPES) == (self.side == "BUY")

    def alone(self) -> dict[str, str]:
        """The parameters of a single order that does what this leg does, so that it can be tested alone."""
        words: dict[str, object] = {
            "symbol": self.symbol,
            "side": self.side,
            "type": self.type,
            "timeInForce": self.time_in_force,
            **{name: self.number(name) for name in _FIELDS},
            "selfTradePreventionMode": self.self_trade_prevention_mode,
            "pegPriceType": self.peg_price_type,
        }
        if self.peg_offset_value:
            words |= {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": self.peg_offset_value}
        return {
            name: plain(word) if isinstance(word, Decimal) else str(word)
            for name, word in words.items()
            if word is not None
        }


def amount(value: object) -> Decimal | None:
    """A number of an order as an exact decimal; a float is refused because it is not the number that was written."""
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return Decimal(value)
    raise TypeError(f"a price or quantity must be a Decimal, not {type(value).__name__}")
