"""The one door for orders.

On the way in: may this environment and this process trade, was the call made before, is the gate open, does the symbol
exist and trade, does the request keep every filter and every cap of the operator, did an order of its shape pass the
exchange's own test, has a person said yes where one must. Then the order gets its name, is written down and sent once.
On the way out: what became of it, and where to look if that is not known.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.orders import Order
from binance_spot_mcp.catalogue.trading import Amendment, AmendOrderParams
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.errors import InvalidInput, Rejected, SpotError
from binance_spot_mcp.trading import lookup, refusals
from binance_spot_mcp.trading.aftermath import Aftermath, Passed, wait_until
from binance_spot_mcp.trading.approval import Approvals, Proposal
from binance_spot_mcp.trading.approver import NOBODY, Approver
from binance_spot_mcp.trading.bound_ids import NONCE, bound_id, refuse_changed
from binance_spot_mcp.trading.cap_watch import CapWatch
from binance_spot_mcp.trading.caps import Share
from binance_spot_mcp.trading.checks import Checked, Checks, request_of
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.dispatch import Dispatch, Sent, Slip
from binance_spot_mcp.trading.existing import ExistingOrders
from binance_spot_mcp.trading.intents import Claim, Intents
from binance_spot_mcp.trading.keeper import Keeper
from binance_spot_mcp.trading.prospects import Foreseen, Prospects
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.rehearsal import Rehearsal
from binance_spot_mcp.trading.repeats import BEFORE_NOW, answer_again
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.snapshots import Snapshots
from binance_spot_mcp.trading.stopping import KillSwitch, Sleep
from binance_spot_mcp.trading.switch import Attempt, Switch
from binance_spot_mcp.trading.trading_state import trading_state

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class Gate:
    """Checks, tests and sends whatever changes orders.

    Args:
        exchange: Makes the calls.
        approvals: Says whether anything is placed in this environment, and gets a person's yes where one is needed.
        caps: Judges what orders may come to.
        switch: Knows whether orders may be sent now.
        keeper: Knows whether this process may trade, and keeps the journal.
        ids: Names orders.
        now_ms: A clock in epoch milliseconds that does not step.
        snapshots: Keeps what checks were made against.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        approvals: Approvals,
        caps: CapWatch,
        switch: Switch,
        keeper: Keeper,
        ids: ClientOrderIds,
        now_ms: Callable[[], int],
        snapshots: Snapshots,
    ) -> None:
        self._exchange = exchange
        self._ids = ids
        self._prospects = Prospects(exchange, now_ms)
        self._approvals = approvals
        self._caps = caps
        self._switch = switch
        self._keeper = keeper
        self._now_ms = now_ms
        self._snapshots = snapshots
        self._checks = Checks(exchange, now_ms)
        self._rehearsal = Rehearsal(exchange)
        self._dispatch = Dispatch(exchange, ids)
        self._existing = ExistingOrders(exchange, self._checks.rules, self._dispatch)
        self._kill_switch = KillSwitch(switch, keeper, self._existing, self._dispatch)

    async def call(
        self,
        endpoint: Endpoint[P, R],
        params: P,
        intent_id: str | None = None,
        approver: Approver = NOBODY,
        wait_seconds: int = 0,
    ) -> Passed[R]:
        """Do what an endpoint that tests, places, amends or cancels does, after whatever has to come before.

        Args:
            endpoint: What to do.
            params: Its parameters, already validated.
            intent_id: The agent's name for this call: under one name it is made once, however often it is asked for.
            approver: Asks a person, where a yes is needed.
            wait_seconds: How long to wait for the end of what it places.

        Raises:
            Refused: This environment, process or symbol does not trade, a person's yes is missing, or the very same
                call was made just now.
            InvalidInput: There is no such symbol, the request breaks one of its rules, or the name is another call's.
            Rejected: The exchange refused it, or its test beforehand.
            PartlyDone: One half of a cancel-replace happened.
            OutcomeUnknown: It may have happened; the details say which order to look for.
        """
        match endpoint.effect:
            case "cancel":
                intents = (await self._keeper.account()).intents
                return _passed(await self._existing.cancel(intents, endpoint, params))
            case "test":
                return Passed(await self._rehearsal.test(endpoint, params, request_of(endpoint, params)))
            case "place" | "amend":
                await self._approvals.live.open()
                refuse_changed(intent_id, endpoint.name, params.wire())
                began_ms = self._now_ms()
                try:
                    with self._switch.counted() as attempt:
                        passed = await self._once(endpoint, params, intent_id, approver, attempt)
                except SpotError as error:
                    # Calls that wait for the same thing fail by the same error, and each has a name of its own.
                    named = replace(error, intent_id=error.intent_id or intent_id)
                    return await self._aftermath(began_ms, wait_seconds).of_failure(named)
                return await self._aftermath(began_ms, wait_seconds).of_answer(passed)
            case "read":
                raise ValueError(f"{endpoint.name} changes nothing and does not pass the gate")

    async def check(self, request: Request, *, account: bool = False) -> Checked:
        """Check a request against fresh rules and prices; arguments and errors as in `Checks.check`."""
        return await self._checks.check(request, account=account)

    async def foresee(self, endpoint: Endpoint[Any, Any], params: Params, checked: Checked) -> Foreseen:
        """What there is to know of a single order that was checked, before it is placed. Nothing is written down.

        Args:
            endpoint: What would place it.
            params: The parameters of that call.
            checked: What was found about it.
        """
        request, info = request_of(endpoint, params), checked.rules.info
        (order,) = request.orders
        test: bool | None = None
        standing: tuple[Share, ...] = ()
        closed = ""
        try:
            await self._approvals.live.open()
            account = await self._keeper.account_if_any()
            register = account.intents.register if account else Register()
            test = self._rehearsal.due(register, endpoint, params, request)
            if account is not None:
                account.intents.refuse_unresolved(request.symbol, {order.side})
            self._switch.refuse_closed()
            held = await self._caps.hold(register, request, checked.rules, checked.market, params.given())
            held.release()
            standing = held.standing
        except SpotError as refusal:
            closed = refusal.message
        return Foreseen(
            intent_id=bound_id(self._ids.new()[-NONCE:], endpoint.name, params.wire()),
            outlook=await self._prospects.outlook(order, info.base_asset, info.quote_asset, checked.check.notional),
            test=test,
            approval=self._approvals.needed,
            weight=endpoint.cost(params) + bool(test),
            caps=standing,
            closed=closed,
        )

    async def keep(self, checked: Checked) -> Path:
        """Write down what a request was checked against, and return the file."""
        name = f"{self._now_ms()}-{checked.check.symbol}"
        return await asyncio.to_thread(self._snapshots.write, name, checked.facts())

    async def unknown_symbol(self, symbol: str) -> InvalidInput:
        """The error for a symbol that does not exist, with the names that come near it in its details as `near`."""
        return await self._checks.rules.unknown_symbol(symbol)

    async def order_state(
        self, intent_id: str | None, client_order_id: str | None, symbol: str | None, order_id: int | None
    ) -> Mapping[str, object]:
        """What became of a call or of an order, named by one of its ids; a number needs its symbol.

        Raises:
            Refused: It is not known here, or this process does not trade on the account.
        """
        account = await self._keeper.account()
        if intent_id is not None:
            return await lookup.state_of_call(account, intent_id)
        if client_order_id is not None:
            return await lookup.state_of_order(account, client_order_id)
        return await lookup.state_of_numbered(account, str(symbol), int(order_id or 0))

    async def reconcile(self, symbol: str | None) -> Mapping[str, object]:
        """Compare the orders that are known here with those at the exchange, of one symbol or of all.

        Raises:
            SpotError: The exchange could not be asked, or this process does not trade on the account.
        """
        account = await self._keeper.account()
        if symbol is not None:
            await self._checks.rules.rules(symbol)  # names those that come near it, if it does not exist
        return await lookup.reconciled(account, symbol)

    async def stop(self, why: str) -> Mapping[str, object]:
        """Close the gate until the operator opens it, and cancel every open order of ours."""
        return await self._kill_switch.stop(why)

    def watch(self, sleep: Sleep) -> "asyncio.Task[None]":
        """Let no order of ours stay open behind a gate that somebody has closed, until the task is cancelled."""
        return asyncio.create_task(self._kill_switch.watch(sleep))

    async def state(self) -> Mapping[str, object]:
        """How trading stands."""
        return await trading_state(self._keeper, self._approvals.live, self._switch, self._caps)

    async def settled(self) -> None:
        """Wait until every request in flight has its answer."""
        await self._dispatch.settled()

    def _aftermath(self, began_ms: int, wait_seconds: int) -> Aftermath:
        return Aftermath(self._keeper.opened, wait_until(began_ms, self._now_ms(), wait_seconds))

    async def _once(
        self, endpoint: Endpoint[P, R], params: P, intent_id: str | None, approver: Approver, attempt: Attempt
    ) -> Passed[R]:
        """Make a call that was not made before; of one that was, tell what became of it."""
        intents = (await self._keeper.account()).intents
        intent_id = self._approvals.call_of(intents, approver, intent_id)
        async with intents.claimed(intent_id, endpoint.name, params.wire()) as claim:
            if claim.repeats is not None:
                attempt.counts = False
                if approver.answered is not None:
                    raise refusals.used(claim.repeats)
                again = answer_again(intents.register, claim.repeats)
                return Passed(again, (BEFORE_NOW,), claim.repeats.id, claim.repeats.name)
            await self._switch.admit(intents)
            if endpoint.effect == "amend":
                sent = await self._amend(intents, claim, cast(AmendOrderParams, params), approver)
                return _passed(cast(Sent[R], sent))
            return await self._place(intents, claim, endpoint, params, approver)

    async def _amend(
        self, intents: Intents, claim: Claim, params: AmendOrderParams, approver: Approver
    ) -> Sent[Amendment]:
        amending = await self._existing.amendment(claim, params)
        proposal = Proposal(slip=amending.slip, claim=claim, rules=amending.rules, existing=amending.order)

        async def again() -> Order:
            return (await self._existing.amendment(claim, params)).order

        if self._approvals.needed:
            proposal = await self._approvals.obtained(intents, proposal, approver, again)
        return await self._send(intents, proposal)

    async def _place(
        self, intents: Intents, claim: Claim, endpoint: Endpoint[P, R], params: P, approver: Approver
    ) -> Passed[R]:
        request = request_of(endpoint, params)
        checked = await self._checks.admitted(intents, request)
        held = await self._caps.hold(intents.register, request, checked.rules, checked.market, params.given())
        claim.at_end(held.release)
        unknown = checked.rules.unknown
        try:
            untested = await self._rehearsal.before(intents, endpoint, params, request, always=bool(unknown))
            named = self._dispatch.named(params)
            orders = {str(named.given()[order.leg.name_param]): order.side for order in request.orders}
            audit = {**held.audit, "rules": self._snapshots.of(checked.rules)}
            proposal = Proposal(
                slip=Slip(endpoint, named, params.wire(), orders, claim, audit, begun=held.release),
                claim=claim,
                rules=checked.rules,
                request=request,
                notes=(*untested, *(f"{name} is not known here; the exchange's test passed." for name in unknown)),
            )
            if self._approvals.needed:

                async def again() -> Order | None:
                    now = await self._checks.admitted(intents, request)
                    await self._caps.again(intents.register, request, now.rules, now.market)
                    return await self._existing.to_be_replaced(endpoint, params)

                proposal = replace(proposal, existing=await self._existing.to_be_replaced(endpoint, params))
                proposal = await self._approvals.obtained(intents, proposal, approver, again)
            sent = await self._send(intents, proposal)
        except Rejected as refusal:
            if refusal.code == "FILTER_VIOLATION":
                self._checks.rules.forget(request.symbol)  # the check passed, so they may have changed
            raise
        return _passed(sent, *proposal.notes)

    async def _send(self, intents: Intents, proposal: Proposal) -> Sent[Any]:
        """Send a call for which everything speaks, unless the gate has closed meanwhile."""
        self._switch.refuse_closed()
        return await self._dispatch.send(intents, replace(proposal.slip, may_leave=self._switch.refuse_closed))


def _passed(sent: Sent[R], *notes: str) -> Passed[R]:
    return Passed(sent.answer, notes, sent.intent.id, sent.intent.name)
