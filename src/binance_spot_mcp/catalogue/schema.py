"""The JSON schema of a tool's arguments, as compact as it can be without losing what a model needs.

Wire names, flat, enums in place, and nothing that a host may reject: no `$ref`, no `oneOf`, no null types. Rules
between parameters stand in the description and are checked by `rules`.
"""

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from binance_spot_mcp.catalogue.endpoint import Params


def input_schema(params: type[Params]) -> dict[str, Any]:
    """What an agent may send, i.e. every parameter that the server does not decide."""
    fields = [params.model_fields[name] for name in params.asked()]
    properties = {}
    for info in fields:
        piece = dict(_piece(info.annotation, info.metadata))
        if info.description:
            piece["description"] = info.description
        if info.default is not None and not info.is_required():
            piece["default"] = info.default
        properties[str(info.alias)] = piece
    required = [str(info.alias) for info in fields if info.is_required()]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _piece(annotation: Any, metadata: Sequence[Any] = ()) -> Mapping[str, Any]:
    """The schema of one parameter: the one its marker brings, or the values of its literal."""
    for mark in metadata:
        if schema := getattr(mark, "schema", None):
            return schema  # type: ignore[no-any-return]  # the markers of `fields` have nothing else there
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return {"type": "string", "enum": list(inner)}
    if get_origin(annotation) is Annotated:
        return _piece(inner[0], inner[1:])
    (present,) = (part for part in inner if part is not NoneType)
    return _piece(present)
