"""No misspelt argument is ever dropped: whatever name is not known is refused, on every tool."""

from typing import Any, NoReturn

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_spot_mcp.catalogue.endpoint import Params
from binance_spot_mcp.errors import InvalidInput, Refused
from binance_spot_mcp.surface.arguments import read_arguments
from binance_spot_mcp.surface.calls import Outcome, call
from binance_spot_mcp.surface.session import session
from binance_spot_mcp.surface.toolbox import TOOLBOX, options, schema
from binance_spot_mcp.tools.tool import AnyTool

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
TOOLS = st.sampled_from(list(TOOLBOX.values()))


@st.composite
def misspelt(draw: st.DrawFn) -> tuple[AnyTool, str]:
    """A tool, and a name near one of its own that is not one of them."""
    tool = draw(TOOLS.filter(lambda tool: bool(tool.params.model_fields)))
    fields = tool.params.model_fields
    known = fields.keys() | {info.alias for info in fields.values()}
    name = draw(st.sampled_from(sorted(schema(tool)["properties"])))
    at = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from(LETTERS))
    wrong = draw(
        st.sampled_from(
            [
                name[:at] + letter + name[at:],
                name[:at] + name[at + 1 :],
                name[:at] + letter + name[at + 1 :],
                name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
                name.upper(),
            ]
        ).filter(lambda wrong: wrong not in known and wrong not in options(tool))
    )
    return tool, wrong


@settings(max_examples=300, deadline=None)
@given(misspelt(), st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans()))
def test_a_misspelt_argument_is_an_error(case: tuple[AnyTool, str], value: Any) -> None:
    tool, wrong = case
    with pytest.raises(InvalidInput) as refusal:
        read_arguments(tool.params, {wrong: value}, tool.rules, options(tool))
    assert refusal.value.code == "UNKNOWN_ARGUMENT"
    assert refusal.value.sent == "no"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**40),
    st.floats(),
    st.text(max_size=30),
    st.just("\ud800"),
    st.lists(st.text(max_size=9), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def outcome(tool: AnyTool, arguments: dict[str, Any]) -> Params | InvalidInput:
    """The parameters, or the refusal; anything else that is raised fails the test."""
    try:
        params: Params = read_arguments(tool.params, arguments, tool.rules)
    except InvalidInput as refusal:
        return refusal
    return params


@settings(max_examples=200, deadline=None)
@given(TOOLS, st.dictionaries(st.text(max_size=12), VALUES, min_size=1, max_size=4))
def test_nonsense_is_refused_in_a_short_sentence(tool: AnyTool, arguments: dict[str, Any]) -> None:
    refusal = outcome(tool, arguments)
    assert isinstance(refusal, InvalidInput)
    assert len(refusal.message) < 500


@settings(max_examples=300, deadline=None)
@given(
    TOOLS.flatmap(
        lambda tool: st.tuples(
            st.just(tool), st.fixed_dictionaries({}, optional=dict.fromkeys(tool.params.model_fields, VALUES))
        )
    )
)
def test_any_value_of_a_known_parameter_is_read_or_refused(case: tuple[AnyTool, dict[str, Any]]) -> None:
    tool, arguments = case
    read = outcome(tool, arguments)
    if isinstance(read, InvalidInput):
        assert read.message
        assert read.sent == "no"
    else:
        assert all(isinstance(text, str) for text in read.wire().values())


@settings(max_examples=300, deadline=None)
@given(
    TOOLS.flatmap(
        lambda tool: st.tuples(
            st.just(tool),
            st.dictionaries(st.sampled_from([*schema(tool)["properties"], "nonsense"]), VALUES, max_size=6),
        )
    )
)
def test_no_argument_whatever_shows_a_bug(case: tuple[AnyTool, dict[str, Any]]) -> None:
    tool, arguments = case

    def closed() -> NoReturn:
        raise Refused("There is no exchange here.", code="NOT_READY")

    async def answered() -> Outcome:
        async with session("paper", closed) as opened:
            return await call(tool, arguments, opened)

    result = anyio.run(answered)
    assert msgspec.json.decode(result.text) == result.body
    assert result.body["code"] in {"NOT_READY", "INVALID_ARGUMENT", "MISSING_ARGUMENT", "UNKNOWN_ARGUMENT"}
