"""The parameters of one order: an order by itself, or a leg of a list, whose names then carry a prefix.

Source: rest-api.md#new-order-trade and the pages of the order lists
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from paper_exchange.engine.orders import Terms
from paper_exchange.engine.symbols import SymbolSpec
from paper_exchange.engine.words import (
    ALGO,
    PRICED,
    OrderType,
    PegOffsetType,
    PegPriceType,
    Side,
    StpMode,
    TimeInForce,
)
from paper_exchange.gateway import refusals
from paper_exchange.gateway.chapters.shared import time_in_force
from paper_exchange.gateway.parameters import INT_MAX, Arguments, Parameter, amount, new_client_id, one_of, whole, words
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rules import Rule, beside, only, require, require_any, together, when

_FIRST_STRATEGY_TYPE = 1_000_000
_DEEPEST_PEG = 100


def order_type(name: str) -> Parameter[OrderType]:
    """An order type."""
    return one_of(name, words(*get_args(OrderType)), lambda _: Rejected(-1116, "Invalid orderType."))


def working_type(name: str) -> Parameter[OrderType]:
    """The type of an order that others wait for: LIMIT or LIMIT_MAKER."""
    return _some_types(name, frozenset({"LIMIT", "LIMIT_MAKER"}), (-1014, "Unsupported order combination."))


def oco_type(name: str) -> Parameter[OrderType]:
    """The type of a leg of a pair of which one cancels the other."""
    return _some_types(name, ALGO | {"LIMIT_MAKER"}, (-1158, "Order type not supported in OCO."))


def _some_types(name: str, allowed: frozenset[OrderType], refusal: tuple[int, str]) -> Parameter[OrderType]:
    known = order_type(name)

    def read(name: str, text: str) -> OrderType:
        kind = known.read(name, text)
        if kind not in allowed:
            raise Rejected(*refusal)
        return kind

    return Parameter(name, read)


def strategy_type(name: str) -> Parameter[int]:
    """A strategy kind: numbers below a million are Binance's own."""

    def refuse(value: int) -> Rejected | None:
        return Rejected(-1134, f"{name} was less than 1000000.") if value < _FIRST_STRATEGY_TYPE else None

    return whole(name, largest=INT_MAX, refuse=refuse)


def _peg_offset_value(name: str) -> Parameter[int]:
    def refuse(value: int) -> Rejected | None:
        return refusals.too_great(name, _DEEPEST_PEG) if value > _DEEPEST_PEG else None

    return whole(name, largest=INT_MAX, refuse=refuse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The parameters of one order. Quantity and side are not here: legs of a list share them."""

    type: Parameter[OrderType]
    client_order_id: Parameter[str]
    price: Parameter[Decimal]
    stop_price: Parameter[Decimal]
    trailing_delta: Parameter[int]
    iceberg_qty: Parameter[Decimal]
    time_in_force: Parameter[TimeInForce]
    strategy_id: Parameter[int]
    strategy_type: Parameter[int]
    peg_price_type: Parameter[PegPriceType]
    peg_offset_type: Parameter[PegOffsetType]
    peg_offset_value: Parameter[int]

    @property
    def all(self) -> tuple[Parameter[Any], ...]:
        """Every parameter but the type."""
        return (
            self.client_order_id,
            self.price,
            self.stop_price,
            self.trailing_delta,
            self.iceberg_qty,
            self.time_in_force,
            self.strategy_id,
            self.strategy_type,
            self.peg_price_type,
            self.peg_offset_type,
            self.peg_offset_value,
        )

    @property
    def untriggered(self) -> tuple[Parameter[Any], ...]:
        """Every parameter of a leg that is never contingent."""
        return tuple(each for each in self.all if each not in (self.stop_price, self.trailing_delta))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What each order type needs and what it does not take; what a symbol takes is the engine's to say."""
        kind = self.type.name
        timed, priced, pegged = self.time_in_force.name, self.price.name, self.peg_price_type.name
        stop, trailing, iceberg = self.stop_price.name, self.trailing_delta.name, self.iceberg_qty.name
        offset_type, offset_value = self.peg_offset_type.name, self.peg_offset_value.name
        return (
            require(timed, on=when(**{kind: ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")})),
            require(priced, on=when(**{kind: tuple(PRICED)}), unless=pegged),
            require_any(stop, trailing, on=when(**{kind: tuple(ALGO)})),
            only(timed, on=when(**{kind: ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")})),
            only(priced, on=when(**{kind: tuple(PRICED)})),
            only(stop, trailing, on=when(**{kind: tuple(ALGO)})),
            only(iceberg, on=when(**{kind: tuple(PRICED)})),
            together(offset_type, offset_value),
            beside(offset_type, pegged),
        )

    def terms(
        self,
        arguments: Arguments,
        spec: SymbolSpec,
        *,
        side: Side,
        quantity: Decimal | None,
        quote_order_qty: Decimal | None = None,
        stp_mode: StpMode | None = None,
    ) -> Terms:
        """What was asked for, as the engine takes it."""
        return Terms(
            side=side,
            type=arguments[self.type],
            quantity=quantity,
            price=arguments.precise(self.price, spec.quote_precision),
            time_in_force=arguments.get(self.time_in_force),
            quote_order_qty=quote_order_qty,
            stop_price=arguments.precise(self.stop_price, spec.quote_precision),
            trailing_delta=arguments.get(self.trailing_delta),
            iceberg_qty=arguments.precise(self.iceberg_qty, spec.base_precision),
            client_order_id=arguments.get(self.client_order_id),
            strategy_id=arguments.get(self.strategy_id),
            strategy_type=arguments.get(self.strategy_type),
            stp_mode=stp_mode,
            peg_price_type=arguments.get(self.peg_price_type),
            peg_offset_type=arguments.get(self.peg_offset_type),
            peg_offset_value=arguments.get(self.peg_offset_value),
        )


def leg(prefix: str, kind: Parameter[OrderType], client_order_id: str) -> Leg:
    """The parameters of an order whose names start with `prefix` (none for an order by itself)."""

    def named(name: str) -> str:
        return prefix + name[0].upper() + name[1:] if prefix else name

    return Leg(
        type=kind,
        client_order_id=new_client_id(client_order_id),
        price=amount(named("price")),
        stop_price=amount(named("stopPrice")),
        trailing_delta=whole(named("trailingDelta")),
        iceberg_qty=amount(named("icebergQty")),
        time_in_force=time_in_force(named("timeInForce")),
        strategy_id=whole(named("strategyId")),
        strategy_type=strategy_type(named("strategyType")),
        peg_price_type=one_of(
            named("pegPriceType"),
            words(*get_args(PegPriceType)),
            lambda _: Rejected(-1210, "Invalid pegPriceType."),
        ),
        peg_offset_type=one_of(
            named("pegOffsetType"),
            words(*get_args(PegOffsetType)),
            lambda _: Rejected(-1211, "Invalid pegOffsetType."),
        ),
        peg_offset_value=_peg_offset_value(named("pegOffsetValue")),
    )
