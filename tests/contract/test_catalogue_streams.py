"""The catalogue of streams against the documented ones: none is missing, every event is read, every mark is there."""

import json

import msgspec
import pytest
from tests.contract.documented_streams import STREAMS, named_shapes, names

from binance_spot_mcp.catalogue.streams import STREAM_KINDS, NoSuchStream, read_stream_name

PATTERNS = {stream["pattern"]: stream for stream in STREAMS["streams"]}


def test_every_documented_stream_is_in_the_catalogue_and_no_other() -> None:
    assert STREAM_KINDS.keys() == PATTERNS.keys()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_documented_name_is_read_as_its_own_kind(pattern: str) -> None:
    for name in names(PATTERNS[pattern]):
        found = read_stream_name(name)
        assert (found.name, found.kind.pattern, found.note) == (name, pattern, "")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_streams_that_speak_once_a_second_are_known_as_such(pattern: str) -> None:
    speeds = PATTERNS[pattern]["update_speed"]
    expected = 1000 if speeds[0] == "1000ms" and pattern != "<symbol>@depth[@100ms]" else None
    assert STREAM_KINDS[pattern].period_ms == expected


@pytest.mark.parametrize("pattern", [removed["pattern"] for removed in STREAMS["removed_or_renamed"]])
def test_every_removed_stream_is_served_by_another_or_refused_with_a_way_out(pattern: str) -> None:
    name = pattern.replace("<symbol>", "btcusdt").replace("<window_size>", "1h").replace("<listenKey>", "k" * 64)
    if pattern in {"!bookTicker", "<listenKey>"}:
        with pytest.raises(NoSuchStream, match="subscribe"):
            read_stream_name(name)
    else:
        assert read_stream_name(name).note


def _sample(shape: object) -> object:
    match shape:
        case {"$tuple": kinds}:
            return [_sample(kind) for kind in kinds]
        case dict():
            return {key: _sample(kind) for key, kind in shape.items()}
        case list():
            return [_sample(kind) for kind in shape]
        case "int":
            return 7
        case "bool":
            return True
        case _:
            return "0.50000000"


@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name, shape, _ in named_shapes()])
def test_every_documented_payload_is_read_and_has_its_mark(name: str, shape: object) -> None:
    kind = read_stream_name(name).kind
    sample = _sample(shape)
    event = sample[0] if isinstance(sample, list) else sample
    assert isinstance(event, dict)
    assert event[kind.mark] == 7
    msgspec.json.decode(json.dumps(event), type=kind.event)
