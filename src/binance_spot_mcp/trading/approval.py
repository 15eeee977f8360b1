"""A person's yes: asked for one call as it would be sent, used up by one record of the journal, and never twice.

An `Approver` carries the question to the host and brings the answer back; where no host can, the operator answers from
a terminal (`binance-spot-mcp approve`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from binance_spot_mcp.catalogue.orders import Order as ExistingOrder
from binance_spot_mcp.domain.exact import times
from binance_spot_mcp.domain.exposure import worst_notional
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.errors import Refused, SpotError, clean
from binance_spot_mcp.trading import refusals
from binance_spot_mcp.trading.approver import Answer, Approver, Question, Reference
from binance_spot_mcp.trading.dispatch import Slip
from binance_spot_mcp.trading.drafts import WAITING, Draft, drafted, moved
from binance_spot_mcp.trading.existing import OPEN
from binance_spot_mcp.trading.gathering import Prices
from binance_spot_mcp.trading.intents import Claim, Intents
from binance_spot_mcp.trading.live_door import LiveDoor
from binance_spot_mcp.trading.operator import OperatorFile
from binance_spot_mcp.trading.question import Facts, question
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.vocabulary import Environment, plain

LIFE_MS: Final = 120_000
"""So long a draft can be answered."""
MOST_WAITING: Final = 10
"""So many drafts of an account may wait for a person at once."""
IN_TIME: Final = "Nobody said yes in time."
APPROVE: Final = "approve"
DECLINE: Final = "decline"
"""What the operator says of a draft, in the file of decisions."""

Again = Callable[[], Awaitable[ExistingOrder | None]]
"""Runs the checks of a call once more, and gives the order that it cancels or amends as it is now."""
ShareOfDay = Callable[[Decimal, str], str]
"""What an amount of an asset is of the day's cap, in words; empty without a cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A call that was checked and would be sent now, if nobody had to be asked.

    Attributes:
        slip: The call.
        claim: The call as it goes through the gate.
        rules: The rules of its symbol.
        request: The orders that it places; None for an amendment.
        existing: The order that it cancels or amends, if there is one.
        notes: Sentences for the caller: what could not be checked or tested beforehand.
    """

    slip: Slip[Any, Any]
    claim: Claim
    rules: SymbolRules
    request: Request | None = None
    existing: ExistingOrder | None = None
    notes: tuple[str, ...] = ()


class Approvals:
    """Sees to it that a person says yes to a call before it is sent, wherever that is asked for.

    Args:
        env: The environment; in `live` every call that places or changes an order needs a yes.
        key: The fingerprint of the key.
        switched_on: Whether the operator has switched live trading on.
        always: Whether calls in other environments need a yes too.
        exchange: Looks up prices and the account.
        operator: What the operator says from a terminal.
        now_ms: A clock in epoch milliseconds that does not step.
        new_id: Makes a name that was never used.
        share_of_day: What an amount is of the day's cap.

    Attributes:
        needed: Whether calls need a yes here.
        live: Says whether calls are made here at all.
    """

    def __init__(
        self,
        env: Environment,
        key: str,
        *,
        switched_on: bool,
        always: bool,
        exchange: Exchange,
        operator: OperatorFile,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
        share_of_day: ShareOfDay = lambda amount, asset: "",
    ) -> None:
        self.needed = always or env == "live"
        self.live = LiveDoor(env, key, switched_on=switched_on, exchange=exchange, now_ms=now_ms)
        self._env = env
        self._account = f"{env}-{key}"
        self._prices = Prices(exchange, now_ms)
        self._operator = operator
        self._now_ms = now_ms
        self._new_id = new_id
        self._share_of_day = share_of_day

    def call_of(self, intents: Intents, approver: Approver, intent_id: str | None) -> str | None:
        """The name of the call that this one goes on with: the agent's, or that of the draft which is answered.

        Raises:
            Refused: CONFIRMATION_INVALID, the answer is to another question.
        """
        if approver.answered is None:
            return intent_id
        draft = intents.register.drafts.known(approver.answered.draft)
        if draft is None or intent_id not in (None, draft.intent_id):
            raise refusals.another_question()
        return draft.intent_id

    async def obtained(self, intents: Intents, proposal: Proposal, approver: Approver, again: Again) -> Proposal:
        """Return the call as a person has approved it; the yes is used up by then.

        Args:
            intents: Where drafts are written down.
            proposal: The call as it would be sent now.
            approver: Asks the person.
            again: Runs the checks once more that may have changed while a person was asked; raises what speaks against.

        Raises:
            Refused: CONFIRMATION_REQUIRED, nobody has answered yet; CONFIRMATION_INVALID, the answer is no yes to this
                call; JOURNAL_UNAVAILABLE.
            InvalidInput: INTENT_CONFLICT, the name belongs to another call.
            SpotError: A check does not pass any more.
        """
        draft = await self._going_on(intents, proposal.claim, approver)
        if draft is None:
            draft = await self._drafted(intents, proposal, approver.session)
        proposal.claim.intent_id = draft.intent_id
        approved = _as_drafted(draft, proposal)
        asked = Question(Reference(draft.id, draft.seal), draft.text)
        answer = self._operators_answer(draft) or await approver.ask(asked)
        await self._used(intents, proposal.claim, draft, answer)
        try:
            if _as_it_is(await again()) != draft.existing:
                raise refusals.changed(draft)
        except SpotError as error:
            await intents.draft(moved(draft, "LAPSED", why=clean(error.message)))
            raise
        return approved

    async def _going_on(self, intents: Intents, claim: Claim, approver: Approver) -> Draft | None:
        """The draft of an earlier call that this one goes on with, if there is one that a yes can still be given for.

        Raises:
            Refused, InvalidInput: There is one, and the call cannot go on with it.
        """
        drafts, brought = intents.register.drafts, approver.answered
        named = claim.intent_id is not None
        draft = drafts.of_call(claim.intent_id) if claim.intent_id is not None else drafts.of_content(claim.digest)
        if draft is None or (not named and draft.session != approver.session):
            return None
        if draft.digest != claim.digest:
            raise refusals.other_content(draft)
        if brought is not None and brought != Reference(draft.id, draft.seal):
            raise refusals.another_question()
        waits = draft.state in WAITING
        if draft.session != approver.session and (waits or brought):
            raise refusals.other_session(draft)
        if waits and draft.over(self._now_ms()):
            await intents.draft(moved(draft, "LAPSED", why=IN_TIME))
            if named:
                raise refusals.too_late(draft)
            return None
        if waits:
            return draft
        declined = draft.state == "DECLINED" and (named or not draft.over(self._now_ms()))
        if brought is not None or declined:
            raise refusals.ended(draft)
        return None

    async def _drafted(self, intents: Intents, proposal: Proposal, session: str) -> Draft:
        """Write down what would be sent, and what a person is shown of it."""
        waiting = [draft for draft in intents.register.drafts.open() if draft.state in WAITING]
        lapsed = [draft for draft in waiting if draft.over(self._now_ms())]
        if len(waiting) - len(lapsed) >= MOST_WAITING:
            raise refusals.too_many(MOST_WAITING, self._now_ms() + LIFE_MS)
        slip, info = proposal.slip, proposal.rules.info
        market = await self._prices.market(info.symbol, {"touch", "last_price"}, 1)
        market_ms = self._now_ms()
        account = await self.live.account_tail()
        now_ms = self._now_ms()
        notional = _worst(proposal, market)
        facts = Facts(
            env=self._env,
            account=account,
            payload=slip.params.wire(),
            info=info,
            request=proposal.request,
            existing=proposal.existing,
            market=market,
            market_ms=market_ms,
            notional=notional,
            share="" if notional is None else self._share_of_day(notional, info.quote_asset),
            now_ms=now_ms,
            expires_ms=now_ms + LIFE_MS,
        )
        draft = Draft(
            id=self._new_id(),
            intent_id=proposal.claim.intent_id or self._new_id(),
            tool=slip.endpoint.name,
            symbol=info.symbol,
            digest=proposal.claim.digest,
            session=session,
            asked=slip.asked,
            payload=facts.payload,
            orders=slip.orders,
            existing=_as_it_is(proposal.existing),
            text=question(facts),
            notes=proposal.notes,
            expires_ms=facts.expires_ms,
        )
        await intents.draft(
            *(moved(each, "LAPSED", why=IN_TIME) for each in lapsed), drafted(draft), moved(draft, "AWAITING_APPROVAL")
        )
        return draft

    def _operators_answer(self, draft: Draft) -> Answer | None:
        """What the operator has said of a draft in a terminal."""
        for decision in self._operator.read(self._account):
            if decision.subject == draft.id and decision.data.get("seal") == draft.seal:
                if decision.kind == DECLINE:
                    return Answer("no", "the operator declined")
                if decision.kind == APPROVE:
                    return Answer("yes", f"the operator, decision {decision.id}")
        return None

    async def _used(self, intents: Intents, claim: Claim, draft: Draft, answer: Answer) -> None:
        """Use up a yes; whoever waits for it may leave meanwhile, but it is used up all the same.

        Raises:
            Refused: It is no yes, or it comes too late.
        """
        if answer.verdict == "no":
            await intents.draft(moved(draft, "DECLINED", why=answer.said))
            raise refusals.not_a_yes(draft, answer.said)
        if draft.over(self._now_ms()):
            await intents.draft(moved(draft, "LAPSED", why=IN_TIME))
            raise refusals.too_late(draft)
        if answer.verdict != "yes":
            raise refusals.unanswered(draft, self._now_ms(), asked=answer.verdict == "open")
        used = asyncio.create_task(intents.draft(moved(draft, "APPROVED", by=answer.said)))
        used.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if nobody waits
        claim.sent_by(used)
        await asyncio.shield(used)


def _as_drafted(draft: Draft, proposal: Proposal) -> Proposal:
    """A call with the payload that was written down and shown."""
    endpoint = proposal.slip.endpoint
    params = endpoint.params.model_validate(dict(draft.payload))
    if params.wire() != draft.payload:
        raise Refused("The draft cannot be read back as it was written, so nothing was sent.", code="INTERNAL")
    audit = {**proposal.slip.audit, "approval": draft.id}
    slip = replace(proposal.slip, params=params, asked=draft.asked, orders=draft.orders, audit=audit)
    return replace(proposal, slip=slip, notes=draft.notes)


def _as_it_is(order: ExistingOrder | None) -> dict[str, str]:
    """What must not change of an order between the question and the call."""
    if order is None:
        return {}
    quantity = "" if order.orig_qty is None else plain(order.orig_qty)
    state = "open" if order.status in OPEN else "ended"
    return {"order": str(order.order_id), "quantity": quantity, "price": plain(order.price or Decimal(0)), "is": state}


def _worst(proposal: Proposal, market: Market) -> Decimal | None:
    """The most that a call is expected to trade, in the quote asset."""
    if proposal.request is not None:
        return worst_notional(proposal.request, market)
    order = proposal.existing
    if order is None or not order.price:
        return None
    return times(order.price, Decimal(proposal.slip.params.wire()["newQty"]))
