"""A person's yes, from the draft to the journal, before an exchange that says what it is told to say."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.domain.exchange import BTCUSDT, limit
from tests.unit.trading.conftest import MakeGate
from tests.unit.trading.spot import FakeSpot, open_order

from binance_spot_mcp.catalogue import CATALOGUE
from binance_spot_mcp.errors import InvalidInput, Refused, SpotError
from binance_spot_mcp.trading.aftermath import Passed
from binance_spot_mcp.trading.approval import LIFE_MS, MOST_WAITING
from binance_spot_mcp.trading.approver import Answer, Question, Reference
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.journal.file import read_journal
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.register import Register

pytestmark = pytest.mark.anyio

YES = Answer("yes", "said so")
ACCOUNT = {
    "accountType": "SPOT",
    "canTrade": True,
    "permissions": ["SPOT"],
    "uid": 354937868,
    "commissionRates": {"maker": "0", "taker": "0", "buyer": "0", "seller": "0"},
    "balances": [],
    "updateTime": 1,
}
AMEND = {"symbol": "BTCUSDT", "orderId": 7, "newQty": "0.5"}


class Person:
    """Somebody who answers in one way, after something has happened.

    Attributes:
        asked: Every question.
        answered: What the call brings an answer to.
    """

    def __init__(self, answer: Answer, meanwhile: Callable[[], Awaitable[object] | None] = lambda: None) -> None:
        self.session = "one"
        self.asked: list[Question] = []
        self.answered: Reference | None = None
        self._answer = answer
        self._meanwhile = meanwhile

    async def ask(self, asked: Question) -> Answer:
        """Answer."""
        self.asked.append(asked)
        happening = self._meanwhile()
        if happening is not None:
            await happening
        return self._answer


@pytest.fixture
def gate(make_gate: MakeGate, spot: FakeSpot) -> Gate:
    """A gate on testnet that asks for every order."""
    spot.replies["get_account"] = lambda _: ACCOUNT
    return make_gate(always=True, state="mine")


async def ask(gate: Gate, person: Person, tool: str, given: dict[str, Any], name: str | None = "mine") -> Passed[Any]:
    endpoint = CATALOGUE[tool]
    return await gate.call(endpoint, endpoint.params.model_validate(given), name, person)


def entries(tmp_path: Path) -> list[Entry]:
    (journal,) = (tmp_path / "mine").glob("*.sqlite")
    return [record.entry for record in read_journal(journal).records]


async def test_all_that_comes_before_a_yes_and_after_it_is_in_the_journal(
    gate: Gate, spot: FakeSpot, tmp_path: Path
) -> None:
    passed = await ask(gate, Person(YES), "place_order", limit())
    written = [(entry.kind, entry.state) for entry in entries(tmp_path)]
    assert written[:6] == [
        ("shape", "TESTED"),
        ("draft", "DRAFT"),
        ("draft", "AWAITING_APPROVAL"),
        ("draft", "APPROVED"),
        ("intent", "INTENDED"),
        ("intent", "SENDING"),
    ]
    draft = next(entry for entry in entries(tmp_path) if entry.state == "DRAFT")
    (sent,) = spot.asked("place_order")
    assert draft.payload["payload"] == sent
    intended = next(entry for entry in entries(tmp_path) if entry.state == "INTENDED")
    assert intended.payload["audit"]["approval"] == draft.payload["draft"]
    assert draft.client_order_id == passed.client_order_id == sent["newClientOrderId"]
    assert draft.payload["text"].startswith("[TESTNET] Place this order?")
    assert draft.payload["session"] == "one"


async def test_the_payload_that_was_shown_is_the_one_that_is_sent(gate: Gate, spot: FakeSpot) -> None:
    with pytest.raises(Refused):
        await ask(gate, unsure := Person(Answer("open")), "place_order", limit())
    await ask(gate, sure := Person(YES), "place_order", limit())
    assert unsure.asked == sure.asked
    (sent,) = spot.asked("place_order")
    assert sent["newClientOrderId"] in sure.asked[0].text


async def test_what_changed_while_a_person_was_asked_keeps_the_order_back(
    gate: Gate, spot: FakeSpot, tmp_path: Path
) -> None:
    def halted() -> None:
        spot.symbol = {**BTCUSDT, "status": "HALT"}
        gate._checks.rules.forget("BTCUSDT")

    with pytest.raises(SpotError) as refused:
        await ask(gate, Person(YES, halted), "place_order", limit())
    assert refused.value.code == "SYMBOL_NOT_TRADING"
    assert spot.asked("place_order") == []
    assert [entry.state for entry in entries(tmp_path)][-2:] == ["APPROVED", "LAPSED"]


@pytest.mark.parametrize("changes", [{"origQty": "0.9"}, {"price": "49000"}, {"status": "FILLED"}])
async def test_an_order_that_changed_meanwhile_is_not_amended(
    gate: Gate, spot: FakeSpot, changes: dict[str, str]
) -> None:
    def changed() -> None:
        spot.replies["get_order"] = lambda _: open_order(**changes)

    with pytest.raises(Refused) as refused:
        await ask(gate, Person(YES, changed), "amend_order", AMEND)
    assert (refused.value.code, "has changed" in refused.value.message) == ("CONFIRMATION_INVALID", True)
    assert spot.asked("amend_order") == []
    await ask(gate, again := Person(YES), "amend_order", AMEND | {"newQty": "0.4"}, "another")
    assert "Quantity now: " in again.asked[0].text


async def test_a_yes_that_was_used_for_nothing_is_asked_for_anew(gate: Gate, spot: FakeSpot) -> None:
    def changed() -> None:
        spot.replies["get_order"] = lambda _: open_order(origQty="0.9")

    with pytest.raises(Refused):
        await ask(gate, first := Person(YES, changed), "amend_order", AMEND)
    replaying = Person(YES)
    replaying.answered = first.asked[0].about
    with pytest.raises(Refused) as refused:
        await ask(gate, replaying, "amend_order", AMEND)
    assert (refused.value.code, replaying.asked) == ("CONFIRMATION_INVALID", [])
    await ask(gate, second := Person(YES), "amend_order", AMEND)
    assert "0.9 BTC" in second.asked[0].text
    assert len(spot.asked("amend_order")) == 1


async def test_a_yes_counts_until_its_very_last_millisecond(gate: Gate, spot: FakeSpot) -> None:
    def passes(milliseconds: int) -> Callable[[], None]:
        def passing() -> None:
            spot.now_ms += milliseconds

        return passing

    await ask(gate, Person(YES, passes(LIFE_MS - 1)), "place_order", limit(), "in time")
    with pytest.raises(Refused) as late:
        await ask(gate, Person(YES, passes(LIFE_MS)), "place_order", limit(), "too late")
    assert late.value.code == "CONFIRMATION_INVALID"
    assert len(spot.asked("place_order")) == 1


async def test_a_lapsed_question_is_told_once_and_then_asked_anew(gate: Gate, spot: FakeSpot) -> None:
    codes = []
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            await ask(gate, Person(Answer("unable")), "place_order", limit())
        codes.append(refused.value.code)
        spot.now_ms += LIFE_MS
    assert codes == ["CONFIRMATION_REQUIRED", "CONFIRMATION_INVALID", "CONFIRMATION_REQUIRED"]


async def test_only_so_many_questions_wait_at_once(gate: Gate, spot: FakeSpot) -> None:
    for number in range(MOST_WAITING):
        with pytest.raises(Refused) as refused:
            await ask(gate, Person(Answer("open")), "place_order", limit(), f"n{number}")
        assert refused.value.code == "CONFIRMATION_REQUIRED"
    with pytest.raises(Refused) as refused:
        await ask(gate, Person(Answer("open")), "place_order", limit(), "one more")
    assert refused.value.code == "LIMIT_EXCEEDED"
    spot.now_ms += LIFE_MS
    await ask(gate, Person(YES), "place_order", limit(), "later")


async def test_a_yes_is_used_up_also_when_its_caller_leaves_before_anything_is_sent(
    gate: Gate, spot: FakeSpot, tmp_path: Path
) -> None:
    came = asyncio.Event()

    def held() -> None:
        spot.hold("get_order")
        came.set()

    calling = asyncio.create_task(ask(gate, leaving := Person(YES, held), "amend_order", AMEND))
    await came.wait()
    hold = spot.hold("get_order")
    await hold.arrived.wait()
    calling.cancel()
    await asyncio.wait([calling])
    hold.released.set()
    assert entries(tmp_path)[-1].state == "APPROVED"
    assert spot.asked("amend_order") == []
    await ask(gate, again := Person(YES), "amend_order", AMEND)
    assert again.asked[0].about != leaving.asked[0].about
    assert len(spot.asked("amend_order")) == 1


async def test_a_journal_that_is_read_back_knows_the_same_drafts(gate: Gate, tmp_path: Path) -> None:
    await ask(gate, Person(YES), "place_order", limit(), "a")
    for name, answer in (("b", Answer("no", "declined")), ("c", Answer("open"))):
        with pytest.raises(Refused):
            await ask(gate, Person(answer), "place_order", limit(), name)
    (journal,) = (tmp_path / "mine").glob("*.sqlite")
    replayed = Register(read_journal(journal).records).drafts
    live = (await gate._keeper.account()).intents.register.drafts
    for name in "abc":
        assert replayed.of_call(name) == live.of_call(name) is not None
    assert [*replayed.open()] == [*live.open()]
    assert {draft.intent_id for draft in live.open()} == {"c"}


async def test_a_name_that_was_asked_about_belongs_to_that_content(gate: Gate, spot: FakeSpot) -> None:
    with pytest.raises(Refused):
        await ask(gate, Person(Answer("open")), "place_order", limit())
    with pytest.raises(InvalidInput) as conflict:
        await ask(gate, Person(YES), "place_order", limit("2"))
    assert conflict.value.code == "INTENT_CONFLICT"
    assert spot.asked("place_order") == []


@pytest.mark.parametrize("tool", ["place_order", "amend_order"])
async def test_live_asks_whatever_the_setting_says(make_gate: MakeGate, spot: FakeSpot, tool: str) -> None:
    spot.replies["get_account"] = lambda _: ACCOUNT
    gate = make_gate("live", switched_on=True, always=False)
    with pytest.raises(Refused) as refused:
        await ask(gate, person := Person(Answer("open")), tool, limit() if tool == "place_order" else AMEND)
    assert refused.value.code == "CONFIRMATION_REQUIRED"
    assert person.asked[0].text.startswith("[LIVE]")
    assert spot.asked(tool) == []
