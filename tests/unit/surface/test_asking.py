"""Which hosts are asked, and what they have to say to be heard."""

from typing import Any, cast

import anyio
import pytest
from mcp_types import ClientCapabilities, CreateMessageResult, ElicitResult, TextContent

from binance_spot_mcp.surface import asking
from binance_spot_mcp.surface.asking import FORM, _can_show_a_form, _judged
from binance_spot_mcp.trading.approver import Question, Reference


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


@pytest.mark.anyio
async def test_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Host):
        """A host that shows the question to nobody."""

        request_id = "1"
        asked = 0

        def __init__(self) -> None:
            super().__init__({"elicitation": {}})
            self.session = self.request_context = self.lifespan_context = self
            self.name, self.can_send_request = "one", True

        async def elicit_form(self, *_: object) -> ElicitResult:
            """Wait for ever."""
            self.asked += 1
            await anyio.sleep_forever()
            raise AssertionError

    monkeypatch.setattr(asking, "PATIENCE_S", 0.05)
    host = Silent()
    waiting = asking.AsksWithinTheCall(cast("Any", host))
    question = Question(Reference("draft", "seal"), "text")
    assert [(await waiting.ask(question)).verdict for _ in range(2)] == ["open", "open"]
    assert host.asked == 1  # the second one came when the call had no time left


def test_the_form_has_no_yes_filled_in() -> None:
    assert FORM["required"] == ["place"]
    assert "default" not in FORM["properties"]["place"]
