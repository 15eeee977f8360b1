"""No order without a person's yes: eras times answers times calls, counted at the exchange."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult, InputRequiredResult
from pydantic import SecretStr
from tests.e2e.approving import (
    CALLS,
    ORDER,
    Call,
    Era,
    Person,
    accepts,
    agent_of,
    ask,
    ask_by_hand,
    breaks,
    declines,
    dismisses,
    sent_to,
)

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.client import World
from binance_spot_mcp.server import build
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface import asking
from binance_spot_mcp.surface.session import OpenDesk
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.trading.approval import LIFE_MS
from paper_exchange.clock import RealClock
from paper_exchange.options import Options
from paper_exchange.running import Running, running

pytestmark = pytest.mark.anyio

MakeCall = Callable[[Running], Awaitable[Call]]


@pytest.fixture
def settings(paper: Running, tmp_path: Path) -> Settings:
    """The settings of a server on which every order needs a yes, as in live."""
    return Settings(
        env="paper",
        approval="always",
        transport="rest",
        base_url=paper.rest,
        api_key=SecretStr(paper.login.api_key),
        api_secret=SecretStr(paper.login.api_secret),
        home=tmp_path,
    )


@pytest.fixture(params=["legacy", "auto"])
def era(request: pytest.FixtureRequest) -> Era:
    """The older and the newer era of the protocol."""
    era: Era = request.param
    return era


@pytest.fixture(params=CALLS, ids=lambda make: make.__name__)
async def call(request: pytest.FixtureRequest, paper: Running) -> Call:
    """Each kind of call that needs a yes, under a name of its own."""
    make: MakeCall = request.param
    made = await make(paper)
    name = {"intent_id": "mine"}
    return replace(made, arguments={**made.arguments, **name}, other={**made.other, **name})


class Later:
    """The time of server and exchange alike, which a test can put forward."""

    def __init__(self) -> None:
        self._ahead_ns = 0
        self.world = replace(World(), monotonic_ns=self._now_ns)
        self.machine = RealClock(monotonic_ns=self._now_ns)

    def _now_ns(self) -> int:
        return time.monotonic_ns() + self._ahead_ns

    def comes(self) -> ElicitResult:
        """Say yes when the draft has lapsed."""
        self._ahead_ns += LIFE_MS * 1_000_000
        return accepts()


@pytest.fixture
def later() -> Later:
    """The time of a test."""
    return Later()


@pytest.fixture
async def paper(later: Later) -> AsyncIterator[Running]:
    """A paper exchange that lives in the time of the test."""
    async with running(Options(seed=7, market=False, limit_factor=100), later.machine) as exchange:
        yield exchange


async def test_an_accept_sends_once(settings: Settings, paper: Running, era: Era, call: Call) -> None:
    before, person = sent_to(paper), Person(accepts)
    async with agent_of(build(settings, opener(settings)), era, person) as agent:
        answer = await ask(agent, call.tool, call.arguments)
        again = await ask(agent, call.tool, call.arguments)
    assert (answer["ok"], answer["intent_id"]) == (True, "mine"), answer
    assert again["intent_id"] == "mine"
    assert len(person.asked) == 1
    assert sent_to(paper) - before == 1


@pytest.mark.parametrize("habit", [declines, dismisses])
async def test_whatever_is_no_yes_sends_nothing_and_is_not_asked_again(
    settings: Settings, paper: Running, era: Era, call: Call, habit: Callable[[], ElicitResult]
) -> None:
    before, person = sent_to(paper), Person(habit)
    async with agent_of(build(settings, opener(settings)), era, person) as agent:
        answer = await ask(agent, call.tool, call.arguments)
        person.habit = accepts
        again = await ask(agent, call.tool, call.arguments)
    for told in (answer, again):
        assert (told["code"], told["sent"], told["retry"]) == ("CONFIRMATION_INVALID", "no", "never")
    assert len(person.asked) == 1
    assert sent_to(paper) == before


async def test_a_host_that_cannot_ask_gets_a_code(settings: Settings, paper: Running, era: Era, call: Call) -> None:
    before = sent_to(paper)
    async with agent_of(build(settings, opener(settings)), era, None) as agent:
        first = await ask(agent, call.tool, call.arguments)
        again = await ask(agent, call.tool, call.arguments)
    assert (first["code"], first["sent"]) == ("CONFIRMATION_REQUIRED", "no")
    code = first["details"]["draft"]["code"]
    assert f"approve {code}" in first["message"]
    assert again["details"]["draft"] == first["details"]["draft"]
    assert sent_to(paper) == before


async def test_a_late_yes_is_none(settings: Settings, paper: Running, later: Later, era: Era, call: Call) -> None:
    before = sent_to(paper)
    person = Person(later.comes)
    async with agent_of(build(settings, opener(settings, world=later.world)), era, person) as agent:
        answer = await ask(agent, call.tool, call.arguments)
    assert (answer["code"], answer["sent"], answer["retry"]) == ("CONFIRMATION_INVALID", "no", "after_fix")
    assert "before" in answer["message"]
    assert sent_to(paper) == before


async def silence() -> ElicitResult:
    """Nobody is at the desk."""
    await anyio.sleep_forever()
    raise AssertionError


async def test_silence_ends_the_call_but_not_the_question(
    settings: Settings, paper: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.5)
    person = Person(silence)
    async with agent_of(build(settings, opener(settings)), "legacy", person) as agent:
        silent = await ask(agent, "place_order", ORDER)
        assert (silent["code"], silent["sent"], sent_to(paper)) == ("CONFIRMATION_REQUIRED", "no", 0)
        monkeypatch.undo()
        person.habit = accepts
        answer = await ask(agent, "place_order", ORDER | silent["fix"])
    assert answer["ok"]
    assert person.asked[-1].splitlines() == silent["details"]["draft"]["text"]
    assert sent_to(paper) == 1


async def test_a_caller_who_leaves_while_a_person_is_asked_sends_nothing(settings: Settings, paper: Running) -> None:
    came = anyio.Event()

    async def waits() -> ElicitResult:
        came.set()
        return await silence()

    person = Person(waits)
    async with agent_of(build(settings, opener(settings)), "legacy", person) as agent:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, agent, "place_order", ORDER | {"intent_id": "mine"})
            await came.wait()
            group.cancel_scope.cancel()
        person.habit = declines
        told = await ask(agent, "get_order_state", {"intent_id": "mine"})
    assert told["state"] == "AWAITING_APPROVAL"
    assert sent_to(paper) == 0


async def test_a_replayed_yes_is_none(settings: Settings, paper: Running, call: Call) -> None:
    before = sent_to(paper)
    async with agent_of(build(settings, opener(settings)), "auto", Person(accepts)) as agent:
        question = await ask_by_hand(agent, call.tool, call.arguments)
        assert isinstance(question, InputRequiredResult)
        answers = [
            await ask_by_hand(agent, call.tool, call.arguments, question.request_state, accepts()) for _ in range(3)
        ]
    told = [answer for answer in answers if isinstance(answer, dict)]
    assert told[0]["ok"], told[0]
    for replayed in told[1:]:
        assert (replayed["code"], replayed["sent"]) == ("CONFIRMATION_INVALID", "no")
        assert replayed["next"] == "get_order_state"
    assert sent_to(paper) - before == 1


async def test_a_yes_to_one_payload_is_none_to_another(
    settings: Settings, paper: Running, era: Era, call: Call
) -> None:
    before, person = sent_to(paper), Person(breaks if era == "legacy" else accepts)
    async with agent_of(build(settings, opener(settings)), era, person) as agent:
        if era == "legacy":
            first = await ask(agent, call.tool, call.arguments)
            assert first["code"] == "CONFIRMATION_REQUIRED"
            person.habit = accepts
        else:
            question = await ask_by_hand(agent, call.tool, call.arguments)
            assert isinstance(question, InputRequiredResult)
            with pytest.raises(MCPError):  # the SDK binds what it sealed to the arguments
                await ask_by_hand(agent, call.tool, call.other, question.request_state, accepts())
        answer = await ask(agent, call.tool, call.other)
    assert (answer["code"], answer["sent"]) == ("INTENT_CONFLICT", "no")
    assert sent_to(paper) == before


async def test_a_yes_in_one_session_is_none_in_another(
    settings: Settings, paper: Running, era: Era, call: Call
) -> None:
    before, mute, person = sent_to(paper), Person(breaks), Person(accepts)
    async with (
        opener(settings)() as desk,
        agent_of(build(settings, _sharing(desk)), era, mute) as one,
        agent_of(build(settings, _sharing(desk)), era, person) as other,
    ):
        if era == "legacy":
            assert (await ask(one, call.tool, call.arguments))["code"] == "CONFIRMATION_REQUIRED"
        else:
            question = await ask_by_hand(one, call.tool, call.arguments)
            assert isinstance(question, InputRequiredResult)
            with pytest.raises(MCPError):  # what one server has sealed no other can open
                await ask_by_hand(other, call.tool, call.arguments, question.request_state, accepts())
        answer = await ask(other, call.tool, call.arguments)
    assert (answer["code"], answer["sent"]) == ("CONFIRMATION_INVALID", "no")
    assert "session" in answer["message"]
    assert not person.asked
    assert sent_to(paper) == before


LIES = (
    ElicitResult(action="accept"),
    ElicitResult(action="accept", content={}),
    ElicitResult(action="accept", content={"place": False}),
    ElicitResult(action="accept", content={"place": "true"}),
    ElicitResult(action="accept", content={"place": 1}),
    ElicitResult(action="accept", content={"Place": True}),
    ElicitResult(action="accept", content={"place": ["true"]}),
    ElicitResult(action="decline", content={"place": True}),
    ElicitResult(action="cancel", content={"place": True}),
)


async def test_only_an_explicit_accept_counts(settings: Settings, paper: Running, era: Era) -> None:
    before, person = sent_to(paper), Person(declines)
    async with agent_of(build(settings, opener(settings)), era, person) as agent:
        for number, lie in enumerate(LIES):
            person.habit = partial(copy, lie)
            answer = await ask(agent, "place_order", ORDER | {"intent_id": f"lie-{number}"})
            assert (answer["code"], answer["sent"]) == ("CONFIRMATION_INVALID", "no"), lie
    assert len(person.asked) == len(LIES)
    assert sent_to(paper) == before


async def test_the_answer_to_another_question_is_none(settings: Settings, paper: Running) -> None:
    before = sent_to(paper)
    async with agent_of(build(settings, opener(settings)), "auto", Person(accepts)) as agent:
        first = await ask_by_hand(agent, "place_order", ORDER | {"intent_id": "one"})
        second = await ask_by_hand(agent, "place_order", ORDER | {"intent_id": "two"})
        assert isinstance(first, InputRequiredResult)
        assert isinstance(second, InputRequiredResult)
        with pytest.raises(MCPError):
            await ask_by_hand(agent, "place_order", ORDER | {"intent_id": "two"}, first.request_state, accepts())
        for state in (None, "", "v1.AAAA"):
            try:
                answer = await ask_by_hand(agent, "place_order", ORDER | {"intent_id": "two"}, state, accepts())
            except MCPError:
                continue
            assert isinstance(answer, InputRequiredResult)  # an answer without its question is none; it is asked again
    assert sent_to(paper) == before


async def test_a_call_without_a_name_goes_on_with_its_own_question(settings: Settings, paper: Running) -> None:
    before = sent_to(paper)
    async with agent_of(build(settings, opener(settings)), "legacy", None) as agent:
        first, again = [await ask(agent, "place_order", ORDER) for _ in range(2)]
    assert first["fix"] == {"intent_id": first["intent_id"]}
    assert again["intent_id"] == first["intent_id"]
    assert sent_to(paper) == before


async def test_cancels_need_no_yes(settings: Settings, paper: Running) -> None:
    call = await CALLS[3](paper)
    async with agent_of(build(settings, opener(settings)), "legacy", None) as agent:
        answer = await ask(agent, "cancel_order", {"symbol": "BTCUSDT", "orderId": call.arguments["orderId"]})
    assert answer["status"] == "CANCELED"


async def test_a_person_sees_every_leg_and_every_number(settings: Settings, paper: Running, call: Call) -> None:
    person = Person(declines)
    async with agent_of(build(settings, opener(settings)), "auto", person) as agent:
        await ask(agent, call.tool, call.arguments)
    (text,) = person.asked
    assert text.startswith("[PAPER] ")
    for name, value in call.arguments.items():
        if name not in {"intent_id", "side", "cancelReplaceMode"}:
            assert str(value) in text, name
    for label in ("Environment:", "Account: uid …", "Worst case:", "Market: best bid", "Answer before:"):
        assert label in text
    assert len(text) < 2_000


def _sharing(desk: Desk) -> OpenDesk:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Desk]:
        yield desk

    return opened
