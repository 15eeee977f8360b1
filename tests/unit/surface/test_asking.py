"""Which hosts are asked, and what they have to say to be heard."""

from typing import Any, cast

import pytest
from mcp_types import ClientCapabilities, CreateMessageResult, ElicitResult, TextContent

from binance_spot_mcp.surface.asking import FORM, _can_show_a_form, _judged


class Host:
    """A host that has said this of itself."""

    def __init__(self, said: dict[str, Any] | None) -> None:
        self.client_capabilities = None if said is None else ClientCapabilities.model_validate(said)


@pytest.mark.parametrize(
    ("said", "can"),
    [
        (None, False),
        ({}, False),
        ({"sampling": {}}, False),
        ({"elicitation": {}}, True),
        ({"elicitation": {"form": {}}}, True),
        ({"elicitation": {"form": {}, "url": {}}}, True),
        ({"elicitation": {"url": {}}}, False),
    ],
)
def test_only_a_host_that_can_show_a_form_is_asked(said: dict[str, Any] | None, *, can: bool) -> None:
    assert _can_show_a_form(cast("Any", Host(said))) is can


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"action": "accept", "content": {"place": True}},
        CreateMessageResult(role="assistant", content=TextContent(type="text", text="yes"), model="m"),
        ElicitResult(action="accept", content={"place": "yes"}),
        ElicitResult(action="accept", content={"place": 1}),
        ElicitResult(action="accept", content={"place": 1.0}),
        ElicitResult(action="accept", content=None),
        ElicitResult(action="decline", content={"place": True}),
    ],
)
def test_nothing_but_an_explicit_accept_is_a_yes(answer: object) -> None:
    assert _judged(answer).verdict == "no"
    assert _judged(ElicitResult(action="accept", content={"place": True, "more": 1})).verdict == "yes"


def test_the_form_has_no_yes_filled_in() -> None:
    assert FORM["required"] == ["place"]
    assert "default" not in FORM["properties"]["place"]
