"""The tool surface as a model sees it: complete, small, portable, honest, and the same as yesterday."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.settings import SettingsError
from binance_spot_mcp.surface.instructions import instructions
from binance_spot_mcp.surface.registry import annotations, registry
from binance_spot_mcp.surface.toolbox import TOOLBOX, schema, select, tokens, total_tokens
from binance_spot_mcp.tools.tool import AnyTool

TOOLS = list(TOOLBOX.values())
SNAPSHOT = Path(__file__).with_name("tool_surface.json")

every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def surface() -> dict[str, Any]:
    """All that a host reads of the tools."""
    return {
        tool.name: {
            "title": tool.title,
            "description": tool.description,
            "annotations": tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else None,
            "inputSchema": tool.parameters,
        }
        for tool in registry(TOOLS)
    }


def test_the_tool_surface_is_the_one_that_was_reviewed() -> None:
    text = json.dumps(surface(), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text, "utf-8")
    assert text == SNAPSHOT.read_text("utf-8"), "the tool surface changed: read the diff after `make snapshots`"


def test_every_endpoint_is_a_tool_and_they_fit_in_ten_thousand_five_hundred_tokens() -> None:
    endpoints = [TOOLBOX[name] for name in CATALOGUE]
    assert len(endpoints) == 48
    assert total_tokens(endpoints) <= 10_500
    assert all("detail" in schema(tool)["properties"] for tool in endpoints)


def test_all_tools_together_fit_their_budget() -> None:
    assert len(TOOLS) <= 120
    assert total_tokens(TOOLS) <= 15_000


@every_tool
def test_a_tool_fits_its_budget(tool: AnyTool) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,39}", tool.name)
    assert 0 < len(tool.description) <= 300
    assert tokens(tool) <= (900 if tool.toolset == "lists" else 400)


@every_tool
def test_a_schema_holds_nothing_that_a_host_may_reject(tool: AnyTool) -> None:
    shape = schema(tool)
    assert shape["type"] == "object"
    assert shape["additionalProperties"] is False
    assert set(shape.get("required", ())) <= shape["properties"].keys()
    for node in _nodes(shape):
        assert not {"$ref", "$defs", "const", "oneOf", "anyOf", "allOf", "format", "title"} & node.keys()
    for name, piece in shape["properties"].items():
        assert re.fullmatch(
            r"[A-Za-z][A-Za-z0-9]*|intent_id|client_order_id|wait_seconds", name
        )  # a name of ours is written as in our answers
        assert piece["type"] in {"string", "integer", "boolean", "array"}
        assert piece["type"] != "array" or piece["items"]["type"] == "string"


def _nodes(node: Any, *, names: bool = False) -> Iterator[dict[str, Any]]:
    """Every schema in a schema; the keys of `properties` are names and no keywords."""
    if isinstance(node, dict):
        if not names:
            yield node
        for key, value in node.items():
            yield from _nodes(value, names=key == "properties" and not names)


@every_tool
def test_annotations_say_the_truth(tool: AnyTool) -> None:
    told = annotations(tool)
    endpoint = CATALOGUE.get(tool.name)
    sends = endpoint is not None and endpoint.route.method != "GET" and not endpoint.route.path.endswith("/test")
    changes = sends or tool.name == "stop_trading"
    assert told.read_only_hint is not changes
    assert told.destructive_hint is changes
    assert told.idempotent_hint is (not changes or tool.name in {"cancel_order", "cancel_order_list", "stop_trading"})
    assert told.open_world_hint is (tool.name not in {"get_rate_limits", "list_streams", "unsubscribe"})


@every_tool
def test_a_description_names_only_tools_and_parameters_that_exist(tool: AnyTool) -> None:
    known = TOOLBOX.keys() | {name for other in TOOLS for name in schema(other)["properties"]}
    named = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", tool.description))
    assert named <= known


@pytest.mark.parametrize("env", ["testnet", "paper", "demo", "live"])
def test_instructions_start_with_what_matters(env: Any) -> None:
    text = instructions(env)
    assert len(text) <= 1_500
    assert env.upper() in text[:20]
    for word in ("real", "checked", "query it"):
        assert word in text[:400]
    assert set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text)) - {"next_cursor", "intent_id"} <= TOOLBOX.keys()


def test_toolsets_and_tools_add_up_and_exclusions_cut() -> None:
    names = [tool.name for tool in select(["market"], ["get_account"], ["get_price"])]
    assert "get_order_book" in names
    assert "get_account" in names
    assert "get_price" not in names
    assert "place_order" not in names
    assert names == [name for name in TOOLBOX if name in names]


def test_read_only_leaves_no_tool_that_changes_an_order() -> None:
    chosen = select(read_only=True)
    assert {tool.effect for tool in chosen} == {"read", "test"}
    assert all(CATALOGUE[tool.name].route.method == "GET" or tool.effect == "test" for tool in chosen if tool.exact)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"toolsets": ["markets"]}, "did you mean market?"),
        ({"tools": ["get_prices"]}, "did you mean get_price?"),
        ({"exclude": ["place_oder"]}, "did you mean place_order?"),
        ({"toolsets": ["futures!"]}, "Known: market, trading"),
        ({"tools": ["place_order"], "read_only": True}, "leave no tool"),
    ],
)
def test_a_selection_that_makes_no_sense_stops_the_start(arguments: dict[str, Any], hint: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(hint)):
        select(**arguments)
