"""Whether a JSON value has a documented shape: the same keys, the same types, nothing missing, nothing more.

The notation is that of `tests/data/spec/response_shapes.json` (`_meta.notation`).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SPEC = Path(__file__).parents[1] / "data" / "spec"
SHAPES: dict[str, Any] = json.loads((SPEC / "response_shapes.json").read_text("utf-8"))

CONDITIONAL_ORDER_KEYS = frozenset(field["key"] for field in SHAPES["conditional_order_fields"])
"""Keys that any object with an orderId may carry, depending on the order."""

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_MAY_BE_EMPTY = re.compile(r"\.(exchangeFilters|symbolFilters|assetFilters|fills|permissions|rules)$").search


def differences(shape: Any, value: Any, path: str = "$") -> Iterator[str]:
    """Every place where a value is not as documented. Lists must not be empty, or nothing would be compared."""
    if isinstance(shape, str):
        if not any(_is(kind, value) for kind in shape.split(" (")[0].split("|")):
            yield f"{path}: {value!r} is no {shape}"
    elif isinstance(shape, list):
        yield from _list_differences(shape, value, path)
    elif "$any_of" in shape:
        found = [list(differences(each, value, path)) for each in shape["$any_of"]]
        if all(found):
            yield f"{path}: none of the shapes fits: {min(found, key=len)}"
    elif "$tuple" in shape:
        if not isinstance(value, list) or len(value) != len(shape["$tuple"]):
            yield f"{path}: {value!r} has not {len(shape['$tuple'])} members"
        else:
            for index, (each, member) in enumerate(zip(shape["$tuple"], value, strict=True)):
                yield from differences(each, member, f"{path}[{index}]")
    else:
        yield from _object_differences(shape, value, path)


def _list_differences(shape: list[Any], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    if not value and shape and not _MAY_BE_EMPTY(path):
        yield f"{path}: empty, nothing to compare"
    for index, each in enumerate(value):
        yield from differences(shape[0], each, f"{path}[{index}]")


def _object_differences(shape: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    documented = {key.rstrip("?"): each for key, each in shape.items()}
    for key in shape:
        if not key.endswith("?") and key not in value:
            yield f"{path}.{key}: missing"
    for key, each in value.items():
        if key in documented:
            yield from differences(documented[key], each, f"{path}.{key}")
        elif not ("orderId" in value and key in CONDITIONAL_ORDER_KEYS):
            yield f"{path}.{key}: not documented"


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "int":
            return type(value) is int
        case "bool":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "decimal_string":
            return isinstance(value, str) and bool(_DECIMAL(value))
        case "null":
            return value is None
        case "filter object, see filters.json":
            return isinstance(value, dict) and "filterType" in value
        case _:
            raise AssertionError(f"unknown kind of value: {kind}")
