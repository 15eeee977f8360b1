"""Every documented event of the user data stream is read, with its conditional fields and without them."""

import json
from typing import Any

import msgspec
import pytest
from tests.contract.shapes import SPEC

from binance_spot_mcp.catalogue.user_events import USER_EVENTS, ExecutionReport, StreamTerminated, UserEvent

EVENTS: dict[str, Any] = {
    event["name"]: event for event in json.loads((SPEC / "user_events.json").read_text("utf-8"))["events"]
}
SAMPLES: dict[str, Any] = {"int": 7, "string": "NEW", "bool": True, "decimal_string": "0.50000000"}


def sample(name: str, *, conditional: bool) -> dict[str, Any]:
    """An event with every documented key."""
    event = EVENTS[name]
    fields = event["fields"] + (event.get("conditional_fields", []) if conditional else [])
    made: dict[str, Any] = {}
    for field in fields:
        outer, inside, inner = field["key"].partition("[].")
        if inside:
            made[outer][0][inner] = SAMPLES[field["type"]]
        elif field["type"] == "array<object>":
            made[outer] = [{}]
        else:
            made[outer] = SAMPLES[field["type"]]
    return made | {"e": name}


def test_every_documented_event_is_known() -> None:
    assert EVENTS.keys() == {*USER_EVENTS, "eventStreamTerminated"}


@pytest.mark.parametrize("conditional", [False, True], ids=["plain", "with conditional fields"])
@pytest.mark.parametrize("name", EVENTS)
def test_every_documented_event_is_read(name: str, *, conditional: bool) -> None:
    raw = json.dumps(sample(name, conditional=conditional)).encode()
    read = msgspec.json.decode(raw, type=UserEvent | StreamTerminated)
    assert type(read).__struct_config__.tag == name


def test_a_report_of_an_order_without_a_quantity_is_read() -> None:
    report = sample("executionReport", conditional=False)
    del report["q"]
    assert msgspec.json.decode(json.dumps(report), type=ExecutionReport).orig_qty is None
