"""The documented streams: their names with every documented value filled in, and the shapes of their payloads."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.contract.shapes import SPEC

STREAMS: dict[str, Any] = json.loads((SPEC / "streams.json").read_text("utf-8"))
"""The whole fact file."""

SYMBOL = "ethusdt"
"""A symbol that has everything, a reference price included."""


def names(stream: dict[str, Any], symbol: str = SYMBOL) -> list[str]:
    """Every name that a documented stream has."""
    pattern = stream["pattern"].replace("<symbol>", symbol)
    patterns = dict.fromkeys((pattern.replace("[@100ms]", ""), pattern.replace("[@100ms]", "@100ms")))
    parameters = stream.get("params", {})
    return [
        _filled(each, dict(zip(parameters, values, strict=True)))
        for each in patterns
        for values in product(*parameters.values())
    ]


def _filled(pattern: str, values: dict[str, Any]) -> str:
    for parameter, value in values.items():
        pattern = pattern.replace(f"<{parameter}>", str(value))
    return pattern


def named_shapes() -> Iterator[tuple[str, Any, str | None]]:
    """Every documented name, the shape of its payload, and its event type (None where payloads have none)."""
    by_pattern = {stream["pattern"]: _shape(stream) for stream in STREAMS["streams"] if "fields" in stream}
    for stream in STREAMS["streams"]:
        array_of = stream.get("payload", {}).get("array_of")
        shape = by_pattern[stream["pattern"]] if array_of is None else [by_pattern[array_of]]
        for name in names(stream):
            event_type = stream["event_type"]
            if event_type is not None:
                event_type = event_type.replace("<window_size>", name.partition("ticker_")[2].removesuffix("@arr"))
            yield name, shape, event_type


def _shape(stream: dict[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = {}
    for field in stream["fields"]:
        key, kind = field["key"], field["type"] + ("|null" if field.get("nullable") else "")
        outer, _, inner = key.partition(".")
        if inner:
            shape[outer][inner] = kind
        elif kind == "object":
            shape[key] = {}
        elif kind.startswith("array<["):
            shape[key] = [{"$tuple": kind.removeprefix("array<[").removesuffix("]>").split(", ")}]
        else:
            shape[key] = kind
    return shape
