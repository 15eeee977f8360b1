"""The types of parameters: what Python holds, how it is read (`reading`), and how a tool's schema shows it.

A parameter is annotated with one of these, or with `Annotated[int, Whole(…)]` where it has its own range. Reading needs
nothing of pydantic's own conversions, so a model is cheap to build, and a schema is looked up instead of generated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, TypeVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from binance_spot_mcp.catalogue.reading import (
    read_amount,
    read_choice,
    read_choices,
    read_client_id,
    read_flag,
    read_interval,
    read_millis,
    read_symbol,
    read_symbols,
    read_time_zone,
    read_whole,
    read_window,
)
from binance_spot_mcp.vocabulary import KlineInterval, SelfTradePrevention, SymbolPermission

Choice = TypeVar("Choice")

_TEXT: Mapping[str, Any] = {"type": "string"}
_WHOLE: Mapping[str, Any] = {"type": "integer"}
_TEXTS: Mapping[str, Any] = {"type": "array", "items": _TEXT}
_INT, _LONG = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Reads:
    """Marks a parameter that one function reads from whatever was sent.

    Attributes:
        read: Returns the value, or raises what `reading.refusal` makes.
        schema: How the tool's schema shows it.
    """

    read: Callable[[object], object]
    schema: Mapping[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The reader in place of pydantic's own conversion."""
        return core_schema.no_info_plain_validator_function(self.read)


@dataclass(frozen=True, slots=True)
class Whole:
    """Marks an integer with a range; text of digits is read, floats and booleans are refused."""

    low: int = -_LONG - 1
    high: int = _LONG

    @property
    def schema(self) -> Mapping[str, Any]:
        """An integer, with the upper bound where that is Binance's and not the machine's."""
        return {**_WHOLE, "maximum": self.high} if self.high < _INT else _WHOLE

    def read(self, value: object) -> int:
        """See `reading.read_whole`."""
        return read_whole(value, self.low, self.high)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The reader in place of pydantic's own conversion."""
        return core_schema.no_info_plain_validator_function(self.read)


class AnyCase:
    """Marks a literal of upper-case texts that may be written in any case."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A reader that knows the literal's values."""
        choices = get_args(source)
        return core_schema.no_info_plain_validator_function(lambda value: read_choice(value, choices))


OneOf = Annotated[Choice, AnyCase()]
"""`OneOf[Side]`: one of a literal's values, in any case."""

Symbol = Annotated[str, Reads(read_symbol, _TEXT)]
SymbolList = Annotated[tuple[str, ...], Reads(read_symbols, _TEXTS)]
Permissions = Annotated[
    tuple[SymbolPermission, ...], Reads(lambda value: read_choices(value, get_args(SymbolPermission)), _TEXTS)
]
Amount = Annotated[Decimal, Reads(read_amount, _TEXT)]
"""A price or a quantity, above zero."""
MaybeAmount = Annotated[Decimal | None, Reads(read_amount, _TEXT)]
"""An amount that may be left out; null in its place is refused all the same."""
Flag = Annotated[bool, Reads(read_flag, {"type": "boolean"})]
Millis = Annotated[int, Reads(read_millis, {**_WHOLE, "description": "epoch ms"})]
Interval = Annotated[
    KlineInterval,
    Reads(
        lambda value: read_interval(value, get_args(KlineInterval)),
        {"type": "string", "enum": get_args(KlineInterval)},
    ),
]
WindowSize = Annotated[str, Reads(read_window, _TEXT)]
TimeZone = Annotated[str, Reads(read_time_zone, _TEXT)]
ClientOrderId = Annotated[str, Reads(read_client_id, _TEXT)]
StpMode = Annotated[SelfTradePrevention, Reads(lambda value: read_choice(value, get_args(SelfTradePrevention)), _TEXT)]
"""Shown as text, because each symbol allows modes of its own; a refusal names them all."""
OrderId = Annotated[int, Whole(1)]
RowId = Annotated[int, Whole(0)]
"""The id of a trade, list, match, allocation or execution; these may start at 0."""
Tag = Annotated[int, Whole()]
"""A number that means something to whoever sends it alone."""
StrategyType = Annotated[int, Whole(1_000_000, _INT)]
PegLevels = Annotated[int, Whole(0, 100)]
BasisPoints = Annotated[int, Whole(1, _INT)]


def at_most(most: int) -> Whole:
    """How many rows at most an answer may hold: `Annotated[int, at_most(1000)]`."""
    return Whole(1, most)
