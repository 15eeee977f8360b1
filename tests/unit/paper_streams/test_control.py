"""Control messages on stream connections: answers and errors as documented."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from paper_exchange.gateway.streams.control import MAX_STREAMS, answer

SPEC = json.loads((Path(__file__).parents[2] / "data" / "spec" / "streams.json").read_text("utf-8"))


class Subscribed:
    """The subscriptions of a connection, without one."""

    def __init__(self, *names: str, combined: bool = False) -> None:
        self.names = dict.fromkeys(names)
        self.combined = combined

    def subscribe(self, names: Iterable[str]) -> None:
        self.names |= dict.fromkeys(names)

    def unsubscribe(self, names: Iterable[str]) -> None:
        for name in names:
            self.names.pop(name, None)


def ask(subscribed: Subscribed, **message: object) -> Any:
    return json.loads(answer(json.dumps(message), subscribed))


def test_streams_are_subscribed_listed_and_unsubscribed() -> None:
    here = Subscribed()
    two = ["btcusdt@aggTrade", "btcusdt@depth"]
    assert ask(here, method="SUBSCRIBE", params=two, id=1) == {"result": None, "id": 1}
    assert ask(here, method="LIST_SUBSCRIPTIONS", id=3) == {"result": two, "id": 3}
    assert ask(here, method="UNSUBSCRIBE", params=["btcusdt@depth", "never@trade"], id=312) == {
        "result": None,
        "id": 312,
    }
    assert ask(here, method="LIST_SUBSCRIPTIONS", params=[], id=4)["result"] == ["btcusdt@aggTrade"]


def test_the_combined_property_is_set_and_read() -> None:
    here = Subscribed(combined=True)
    assert ask(here, method="GET_PROPERTY", params=["combined"], id=2) == {"result": True, "id": 2}
    assert ask(here, method="SET_PROPERTY", params=["combined", False], id=5) == {"result": None, "id": 5}
    assert here.combined is False


@pytest.mark.parametrize("message_id", [0, -1, 2**63 - 1, "4885f793-e5ad-4c3b-8f6c-55d891472b71", None])
def test_every_documented_kind_of_id_is_echoed(message_id: object) -> None:
    assert ask(Subscribed(), method="LIST_SUBSCRIPTIONS", id=message_id)["id"] == message_id


@pytest.mark.parametrize("message_id", [2**63, 1.5, True, "", "a" * 37, "ä", [], {}])
def test_other_ids_are_refused(message_id: object) -> None:
    assert ask(Subscribed(), method="LIST_SUBSCRIPTIONS", id=message_id) == {
        "code": 2,
        "msg": "Invalid request: request ID must be an unsigned integer",
    }


UNKNOWN_PROPERTY = 0, "Unknown property"
NO_BOOLEAN = 1, "Invalid value type: expected Boolean"
NO_NAME = 2, "Invalid request: property name must be a string"
NO_ID = 2, "Invalid request: request ID must be an unsigned integer"
TOO_MANY = 2, "Invalid request: too many parameters"
NO_STREAM = 2, "Invalid request: invalid stream"
REFUSED = {
    'SET_PROPERTY", "params": ["colour", true], "id": 7}': UNKNOWN_PROPERTY,
    'GET_PROPERTY", "params": ["colour"], "id": "x"}': UNKNOWN_PROPERTY,
    'SET_PROPERTY", "params": ["combined", "yes"], "id": 1}': NO_BOOLEAN,
    'SET_PROPERTY", "params": ["combined"], "id": 1}': NO_BOOLEAN,
    'SET_PROPERTY", "params": [5, true], "id": 1}': NO_NAME,
    'GET_PROPERTY", "id": 1}': NO_NAME,
    'LIST_SUBSCRIPTIONS"}': NO_ID,
    'LIST_SUBSCRIPTIONS", "params": ["a"], "id": 1}': TOO_MANY,
    'GET_PROPERTY", "params": ["combined", true], "id": 1}': TOO_MANY,
    'SUBSCRIBE", "params": ["not a stream"], "id": 1}': NO_STREAM,
    'SUBSCRIBE", "params": "btcusdt@trade", "id": 1}': NO_STREAM,
    'UNSUBSCRIBE", "id": 1}': NO_STREAM,
}
"""The rest of a message after its method's opening quote."""


@pytest.mark.parametrize(("rest", "error"), REFUSED.items())
def test_refusals_have_the_documented_code_and_text(rest: str, error: tuple[int, str]) -> None:
    refused = json.loads(answer('{"method": "' + rest, Subscribed()))
    assert (refused["code"], refused["msg"]) == error


def test_every_documented_error_is_among_these_tests() -> None:
    documented = [json.loads(error["wire"].replace("%s", "0")) for error in SPEC["control"]["errors"]]
    with_a_place = {wire["msg"] for wire in documented if " at line " in wire["msg"] or wire["code"] == 3}
    assert len(with_a_place) == 3
    assert {(wire["code"], wire["msg"]) for wire in documented if wire["msg"] not in with_a_place} == set(
        REFUSED.values()
    )


def test_an_unknown_property_names_the_request() -> None:
    refused = ask(Subscribed(), method="SET_PROPERTY", params=["colour", True], id=7)
    assert refused == {"code": 0, "msg": "Unknown property", "id": 7}


def test_an_unknown_method_is_named_with_the_place_where_reading_stopped() -> None:
    text = '{\n  "method": "SUBSCRIBED", "id": 1}'
    assert json.loads(answer(text, Subscribed()))["msg"] == (
        "Invalid request: unknown variant `SUBSCRIBED`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
        "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 2 column 24"
    )


def test_a_missing_method_is_noticed_at_the_end_of_the_message() -> None:
    text = '{"params": [], "id": 1}'
    assert json.loads(answer(text, Subscribed()))["msg"] == (
        f"Invalid request: missing field `method` at line 1 column {len(text)}"
    )


@pytest.mark.parametrize(
    ("text", "where"), [("", "1 column 1"), ("{'method'}", "1 column 2"), ('{\n"id": x}', "2 column 7")]
)
def test_what_is_no_json_is_refused_with_its_place(text: str, where: str) -> None:
    line, column = where.split(" column ")
    assert json.loads(answer(text, Subscribed())) == {
        "code": 3,
        "msg": f"Invalid JSON: expected value at line {line} column {column}",
    }


def test_a_connection_carries_1024_streams_and_no_more() -> None:
    assert SPEC["connection"]["max_streams_per_connection"] == MAX_STREAMS
    here = Subscribed(*(f"s{number}@trade" for number in range(MAX_STREAMS - 1)))
    assert ask(here, method="SUBSCRIBE", params=["a@trade", "b@trade"], id=1)["code"] == 2
    assert ask(here, method="SUBSCRIBE", params=["a@trade", "s0@trade"], id=1)["result"] is None
    assert len(here.names) == MAX_STREAMS


def test_a_message_that_is_nested_without_end_is_no_json() -> None:
    text = '{"method": ' + "[" * 20_000
    assert json.loads(answer(text, Subscribed()))["code"] == 3


@pytest.mark.parametrize(
    "message", ['{"id": 1, "method": "\\ud800"}', '{"id": 1, "method": "SUBSCRIBE", "params": ["\\ud800"]}']
)
def test_half_a_surrogate_pair_is_refused_and_written_nowhere(message: str) -> None:
    subscribed = Subscribed()
    assert json.loads(answer(message, subscribed))["code"] == 2
    assert not subscribed.names
