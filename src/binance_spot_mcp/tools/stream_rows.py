"""Streams as an answer shows them: events as rows, and whatever a reader should know about what is missing."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic.alias_generators import to_camel

from binance_spot_mcp.catalogue.market_events import DepthSnapshot, WireLevel
from binance_spot_mcp.catalogue.streams import StreamKind

if TYPE_CHECKING:
    from binance_spot_mcp.streams.buffer import Entry
    from binance_spot_mcp.streams.feed import Feed, Gap
    from binance_spot_mcp.streams.hub import Streams

Row = dict[str, Any]


def rows(streams: "Streams", kind: StreamKind, entries: "Iterable[Entry]") -> list[Row]:
    """Events under their number and the time of their arrival."""
    decode = _decoder(kind).decode
    return [
        {"seq": entry.seq, "at": streams.at_ms(entry.received_ns), **_fields(decode(entry.raw))} for entry in entries
    ]


def health(streams: "Streams", feed: "Feed") -> Row:
    """What to think of a stream."""
    told: Row = {"state": feed.state}
    if feed.why:
        told |= {"why": feed.why, "since": streams.at_ms(feed.since_ns)}
    if feed.heard_ns is not None:
        told["age_ms"] = streams.ago_ms(feed.heard_ns)
    return told


def gap_rows(streams: "Streams", gaps: "Iterable[Gap]") -> list[Row]:
    """Breaks of a stream, with the number of the last event before each."""
    return [
        {
            "after_seq": gap.after_seq,
            "from": streams.at_ms(gap.from_ns),
            "to": None if gap.to_ns is None else streams.at_ms(gap.to_ns),
            "missed": gap.missed,
            "why": gap.why,
        }
        for gap in gaps
    ]


@cache
def _decoder(kind: StreamKind) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind.event)


def _fields(event: msgspec.Struct) -> Row:
    """The fields of an event on one level; those at their default are left out."""
    if isinstance(event, DepthSnapshot):
        return {"lastUpdateId": event.last_update_id, "bids": _levels(event.bids), "asks": _levels(event.asks)}
    told: Row = {}
    if tag := event.__struct_config__.tag:
        told["event"] = tag
    for name, shown, default in _names(type(event)):
        value = getattr(event, name)
        if isinstance(value, msgspec.Struct):
            told |= _fields(value)
        elif value != default:
            told[shown] = value
    return told


@cache
def _names(event: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    """Each field of a type: its name, how an answer names it, its default. Msgspec works it out anew at each call."""
    return tuple((field.name, to_camel(field.name), field.default) for field in msgspec.structs.fields(event))


def _levels(levels: Iterable[WireLevel]) -> list[list[Decimal]]:
    return [[Decimal(price), Decimal(quantity)] for price, quantity in levels]
