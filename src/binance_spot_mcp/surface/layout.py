"""Answers laid out for a reader who pays by the character: rows under columns, amounts in plain digits, no filler.

`concise` shows what the catalogue models, `exact` the exchange's own JSON with every field. Both give JSON values.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_origin

import msgspec
from pydantic.alias_generators import to_camel

from binance_spot_mcp.surface.text import clean
from binance_spot_mcp.vocabulary import plain

Json = Any
"""A JSON value: dicts, lists, text, integers, truth values and nothing else."""

DENSE = 0.6
"""Share of cells that must hold a value before unlike objects become one table."""

_IDLE_ZEROS = re.compile(r"(-?[0-9]+)(?:\.0+|(\.[0-9]*[1-9])0+)")


def concise(value: object) -> Json:
    """What we model of an answer; fields at their default are left out."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return clean(value)
        case Decimal():
            return plain(value)
        case float():
            return plain(Decimal(repr(value)))
        case msgspec.Raw():
            return _without_idle_zeros(exact(value))
        case msgspec.Struct():
            return {
                field.shown: concise(item)
                for field in fields_of(type(value))
                if not field.may_miss(item := getattr(value, field.name))
            }
        case Mapping():
            return {clean(str(name)): concise(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return _listed(list(value), concise)
        case _:
            msg = f"An answer holds a {type(value).__name__}, which has no place in JSON"
            raise TypeError(msg)


def exact(raw: bytes | msgspec.Raw, model: object = None) -> Json:
    """The exchange's own JSON, nothing left out and no digit changed; like objects become rows under columns.

    Args:
        raw: The body of the answer.
        model: The type that models the answer; it names the columns of rows that come as bare arrays.
    """
    return _exact(_EXACT_DECODER.decode(raw), columns_of(model))


def encode(value: Json) -> str:
    """A JSON value as the shortest text."""
    return msgspec.json.encode(value).decode()


def table(columns: Iterable[str], rows: list[list[Json]]) -> dict[str, Json]:
    """Rows under named columns."""
    return {"columns": list(columns), "rows": rows}


def is_table(value: Json) -> bool:
    """Whether a JSON value is what `table` makes."""
    return isinstance(value, dict) and value.keys() == {"columns", "rows"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its attribute, how an answer names it, what it is where the exchange sends none."""

    name: str
    shown: str
    default: object

    def may_miss(self, value: object) -> bool:
        """Whether leaving the value out loses nothing, since it says no more than its absence."""
        return value == self.default


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a struct, in order."""
    return tuple(Field(field.name, to_camel(field.name), field.default) for field in msgspec.structs.fields(struct))


@cache
def columns_of(model: object) -> tuple[str, ...]:
    """Names of the fields, where the modelled answer is a list of structs that travel as bare arrays."""
    arguments = get_args(model)
    if get_origin(model) is not tuple or not arguments:
        return ()
    row = arguments[0]
    if not (isinstance(row, type) and issubclass(row, msgspec.Struct) and row.__struct_config__.array_like):
        return ()
    return (*(field.shown for field in fields_of(row)), *getattr(row, "BEHIND", ()))


_EXACT_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def _exact(value: Json, columns: tuple[str, ...] = ()) -> Json:
    match value:
        case str():
            return clean(value)
        case Decimal():
            return format(value, "f")
        case dict():
            return {clean(name): _exact(item) for name, item in value.items()}
        case list() if columns and value and all(isinstance(row, list) for row in value):
            width = max(len(row) for row in value)
            names = [*columns, *(f"field{number}" for number in range(len(columns) + 1, width + 1))][:width]
            return table(names, [_exact(row) for row in value])
        case list():
            return _listed(value, _exact)
        case _:
            return value


def _listed(items: list[Any], shown: Callable[[Any], Json]) -> Json:
    """A list: a table where its items are alike, else one value after the other."""
    laid_out = [shown(item) for item in items]
    if not laid_out or not all(isinstance(item, dict) and not is_table(item) for item in laid_out):
        return laid_out
    columns = list(dict.fromkeys(name for item in laid_out for name in item))
    kinds = {type(item) for item in items}
    if len(kinds) == 1 and issubclass(kind := kinds.pop(), msgspec.Struct):
        columns = [field.shown for field in fields_of(kind) if field.shown in columns]
    elif sum(len(item) for item in laid_out) < DENSE * len(laid_out) * len(columns):
        return laid_out
    return table(columns, [[item.get(name) for name in columns] for item in laid_out])


def _without_idle_zeros(value: Json) -> Json:
    match value:
        case str() if number := _IDLE_ZEROS.fullmatch(value):
            return number[1] + (number[2] or "")
        case dict():
            return {name: _without_idle_zeros(item) for name, item in value.items()}
        case list():
            return [_without_idle_zeros(item) for item in value]
        case _:
            return value
