"""What a model reads of each endpoint: names, descriptions and schemas within their budgets, portable to every host."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.catalogue.endpoint import Endpoint
from binance_spot_mcp.catalogue.schema import input_schema


def tokens(endpoint: Endpoint[Any, Any]) -> float:
    schema = json.dumps(input_schema(endpoint.params), separators=(",", ":"))
    return (len(endpoint.name) + len(endpoint.description) + len(schema)) / 3.6


def test_the_tools_fit_their_budget_with_room_for_what_the_server_adds() -> None:
    for endpoint in CATALOGUE.values():
        places_list = endpoint.toolset == "lists" and endpoint.effect == "place"
        assert tokens(endpoint) <= (850 if places_list else 370), endpoint.name
    assert sum(map(tokens, CATALOGUE.values())) <= 9_000


@pytest.mark.parametrize("endpoint", CATALOGUE.values(), ids=CATALOGUE)
def test_names_and_descriptions_are_short_enough_for_every_host(endpoint: Endpoint[Any, Any]) -> None:
    assert len(endpoint.name) <= 40
    assert 20 <= len(endpoint.description) <= 300
    assert endpoint.description.endswith(".")
    assert endpoint.title


@pytest.mark.parametrize("endpoint", CATALOGUE.values(), ids=CATALOGUE)
def test_a_schema_has_nothing_that_a_host_may_reject(endpoint: Endpoint[Any, Any]) -> None:
    schema = input_schema(endpoint.params)
    assert set(schema) <= {"type", "properties", "required", "additionalProperties"}
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for name, piece in schema["properties"].items():
        assert set(piece) <= {"type", "enum", "items", "maximum", "description", "default"}, name
        assert piece["type"] in {"string", "integer", "boolean", "array"}, name
    assert set(schema.get("required", [])) <= set(schema["properties"])


def words(value: object) -> Iterator[str]:
    """Every text in a nest of mappings and sequences, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from words([*value.keys(), *value.values()])
    elif isinstance(value, Sequence):
        for item in value:
            yield from words(item)


@pytest.mark.parametrize("endpoint", CATALOGUE.values(), ids=CATALOGUE)
def test_a_rule_speaks_only_of_parameters_that_exist(endpoint: Endpoint[Any, Any]) -> None:
    known = {info.alias for info in endpoint.params.model_fields.values()}
    rules: tuple[Any, ...] = endpoint.rules
    held = [getattr(rule, part.name) for rule in rules for part in fields(rule)]
    names = {word for word in words(held) if word[0].islower()}
    assert names <= known
