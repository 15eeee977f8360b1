"""The types of parameters that only stream tools have."""

import re
from typing import Annotated

from binance_spot_mcp.catalogue.fields import Reads, Whole
from binance_spot_mcp.catalogue.reading import read_choice, refusal, shown, texts
from binance_spot_mcp.catalogue.streams import NoSuchStream, read_stream_name
from binance_spot_mcp.catalogue.user_events import USER
from binance_spot_mcp.streams.conditions import NoSuchCondition, read_condition

LONGEST_WAIT_S = 40
"""A call ends within 45 s, and needs some of them for itself."""
MOST_CONDITIONS = 10
MOST_STREAMS = 20
_CURSOR = re.compile(r"w[0-9]{1,9}", re.ASCII)


def _read_name(value: object) -> str:
    if value == USER:
        return USER
    try:
        return read_stream_name(value if isinstance(value, str) else "").name
    except NoSuchStream:
        raise refusal(
            f"must be the name of a subscription, such as btcusdt@trade or user, not {shown(value)}."
        ) from None


def _read_cursor(value: object) -> str:
    if isinstance(value, str) and _CURSOR.fullmatch(value):
        return value
    raise refusal(f"must be the cursor of a pending answer, such as w1, not {shown(value)}.")


def _read_streams(value: object) -> tuple[str, ...]:
    names = tuple(texts(value))
    if len(names) > MOST_STREAMS:
        raise refusal(f"must name at most {MOST_STREAMS} streams.")
    return tuple(dict.fromkeys(map(_read_stream, names)))


def _read_stream(value: object) -> str:
    """The name as it goes on the wire; one of old stays, so that what took its place can be told."""
    if not isinstance(value, str):
        raise refusal(f"must name streams such as btcusdt@trade, not {shown(value)}.")
    try:
        stream = read_stream_name(value)
    except NoSuchStream as none:
        raise refusal(f"has {shown(value)}, which {none}") from None
    return value if stream.note else stream.name


def _read_conditions(value: object) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) and not value.lstrip().startswith("[") else tuple(texts(value))
    if len(items) > MOST_CONDITIONS:
        raise refusal(f"must be at most {MOST_CONDITIONS} conditions.")
    return tuple(map(_read_condition, items))


def _read_condition(value: object) -> str:
    if not isinstance(value, str):
        raise refusal(f"must be texts, not {shown(value)}.")
    try:
        return read_condition(value).text
    except NoSuchCondition as none:
        raise refusal(f"has {shown(value)}, which {none}") from None


def _read_levels(value: object) -> str:
    return read_choice(str(value) if isinstance(value, int) else value, DEPTHS)


DEPTHS = ("5", "10", "20")
DepthLevels = Annotated[str, Reads(_read_levels, {"type": "integer", "enum": [int(depth) for depth in DEPTHS]})]
Cursor = Annotated[str, Reads(_read_cursor, {"type": "string"})]
SubscriptionName = Annotated[str, Reads(_read_name, {"type": "string"})]
StreamNames = Annotated[tuple[str, ...], Reads(_read_streams, {"type": "array", "items": {"type": "string"}})]
Conditions = Annotated[tuple[str, ...], Reads(_read_conditions, {"type": "array", "items": {"type": "string"}})]
WaitSeconds = Annotated[int, Whole(0, LONGEST_WAIT_S)]
SequenceNumber = Annotated[int, Whole(0)]
