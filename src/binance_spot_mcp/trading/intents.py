"""Calls that may change orders, each written down before it is made and after: what makes one call at most one order.

Source: rest-api.md#general-information-on-endpoints (what a timeout leaves open)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, Final

import msgspec

from binance_spot_mcp.errors import InvalidInput, Refused, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading import conclusions
from binance_spot_mcp.trading.drafts import moved
from binance_spot_mcp.trading.fills import Fill
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.journal.writer import Journal
from binance_spot_mcp.trading.register import (
    TAIL_LOST,
    TAIL_RECONCILED,
    Intent,
    Register,
    Shape,
    concluded,
    intended,
    lost_order,
    reached,
    seen,
    sending,
    tested,
)
from binance_spot_mcp.trading.states import GONE, NEVER, OwnOrder, Sighting, Source

Orders = Mapping[str, str]
"""The side of each order that a call places, by the order's name."""

REPEAT_MS: Final = 60_000
"""An equal call without a name of its own is taken for a repetition this long."""

_log = logger("trading")


def digest_of(tool: str, asked: Mapping[str, str]) -> str:
    """What tells a call from every other: its tool and what was asked."""
    return sha256(msgspec.json.encode((tool, sorted(asked.items())))).hexdigest()


class Claim:
    """A call on its way through the gate, which no equal one overtakes.

    Args:
        intent_id: The agent's name for it, if it has one.
        digest: Its content.

    Attributes:
        repeats: The earlier call that it repeats, if it does.
    """

    def __init__(self, intent_id: str | None, digest: str) -> None:
        self.intent_id = intent_id
        self.digest = digest
        self.repeats: Intent | None = None
        self._sent: asyncio.Task[Any] | None = None
        self._over = asyncio.Event()
        self._at_end: list[Callable[[], None]] = []

    def waits_for(self, other: "Claim") -> bool:
        """Whether this call is the same as another one, so that it must see what becomes of that one first."""
        return self.intent_id == other.intent_id if self.intent_id is not None else self.digest == other.digest

    def sent_by(self, task: "asyncio.Task[Any]") -> None:
        """Stay until a task has ended, also if whoever waits for it leaves."""
        self._sent = task

    def give_up(self, forget: Callable[["Claim"], None]) -> None:
        """End the claim, now or as soon as the call is not on its way any more."""
        if self._sent is not None and not self._sent.done():
            self._sent.add_done_callback(lambda _: self.give_up(forget))
            return
        forget(self)
        for do in self._at_end:
            do()
        self._over.set()

    def at_end(self, do: Callable[[], None]) -> None:
        """Do something when it has ended, however it ends."""
        self._at_end.append(do)

    async def over(self) -> None:
        """Wait until it has ended."""
        await self._over.wait()


class Intents:
    """The calls of one account, and the orders that they placed.

    Args:
        journal: Where each step is written before the next one.
        register: What the journal says so far.
        now_ms: The exchange's time in epoch milliseconds.
        new_id: Makes a name that was never used.

    Attributes:
        register: What the journal says now.
    """

    def __init__(
        self, journal: Journal, register: Register, now_ms: Callable[[], int], new_id: Callable[[], str]
    ) -> None:
        self.register = register
        self._journal = journal
        self._now_ms = now_ms
        self._new_id = new_id
        self._claims: list[Claim] = []
        self._attend: Callable[[], None] = lambda: None
        self._news = asyncio.Event()

    @asynccontextmanager
    async def claimed(self, intent_id: str | None, tool: str, asked: Mapping[str, str]) -> AsyncIterator[Claim]:
        """Have a call to oneself: whoever makes the same one waits, and then sees what became of it.

        Args:
            intent_id: The agent's name for it, if it has one.
            tool: Which call.
            asked: Its parameters as text.

        Raises:
            InvalidInput: The name belongs to another call (INTENT_CONFLICT).
            Refused: It has no name, and an equal one was made just now (DUPLICATE_INTENT).
        """
        claim = Claim(intent_id, digest_of(tool, asked))
        while other := next((other for other in self._claims if claim.waits_for(other)), None):
            await other.over()
        claim.repeats = self._repeated(claim)
        self._claims.append(claim)
        try:
            yield claim
        finally:
            claim.give_up(self._claims.remove)

    async def begin(
        self,
        tool: str,
        asked: Mapping[str, str],
        *,
        intent_id: str | None,
        orders: Orders,
        name: str,
        acts: bool,
        audit: Mapping[str, Any],
    ) -> Intent:
        """Write down what is meant. Nothing of it may be sent before this returns.

        Args:
            tool: Which call.
            asked: Its parameters as text.
            intent_id: The agent's name for it, if it has one.
            orders: What it places.
            name: The name under which all that it places is found.
            acts: Whether it does something to orders that exist.
            audit: What it was allowed by.

        Raises:
            Refused: JOURNAL_UNAVAILABLE, or ORDER_UNRESOLVED.
        """
        self.refuse_unresolved(asked["symbol"], orders.values())
        intent = Intent(
            id=intent_id or self._new_id(),
            tool=tool,
            symbol=asked["symbol"],
            asked=asked,
            digest=digest_of(tool, asked),
            begun_ms=self._now_ms(),
            orders=tuple(orders),
            name=name,
            acts=acts,
            audit=audit,
        )
        await self._write(intended(intent, orders.values()))
        return intent

    async def draft(self, *entries: Entry) -> None:
        """Write down what becomes of a draft. Nobody may be asked, and no yes used, before this returns.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        await self._write(*entries)

    async def decided(self, entry: Entry) -> None:
        """Write down what was said of the gate. It does not count before this returns.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        await self._write(entry)

    async def departing(self, intent: Intent, timestamp_ms: int) -> None:
        """Write down that an attempt is about to leave. Nothing may leave before this returns.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        await self._write(sending(intent, timestamp_ms))

    async def answered(self, intent: Intent, payload: object) -> None:
        """Write down what an answer says; it is known here even if it cannot be written."""
        await self._note(conclusions.of_answer(self.register, intent, payload))

    async def failed(self, intent: Intent, error: SpotError) -> None:
        """Write down how an attempt ended; it is known here even if it cannot be written."""
        await self._note(conclusions.of_failure(self.register, intent, error))

    async def heard(self, payload: object, source: Source) -> None:
        """Take in what the exchange says of orders, e.g. in answer to a query."""
        await self._note(conclusions.of_evidence(self.register, payload, source))

    async def traded(self, fills: Iterable[Fill]) -> None:
        """Take in trades of orders that were asked for."""
        await self._note(conclusions.of_fills(self.register, fills))

    async def foreign(self, payload: object, source: Source) -> None:
        """Note the orders of others that the exchange speaks of."""
        await self._note(conclusions.of_foreign(self.register, payload, source))

    async def tested(self, shape: Shape) -> None:
        """Remember that the exchange has tested an order of a shape."""
        if shape not in self.register.shapes:
            await self._note([tested(shape)])

    async def decide(self, order: OwnOrder, state: str, evidence: Mapping[str, Any]) -> None:
        """Write down what was found out about an order that was not seen.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        await self._found_out(
            reached(order, state, evidence), lambda: self.register.orders[order.client_order_id] == order
        )

    async def conclude(self, intent: Intent, state: str) -> None:
        """Write down whether a call has done what it was to do to orders that exist.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        await self._found_out(concluded(intent, state, {}), lambda: self.register.intents[intent.id] == intent)

    async def adopt(self, sightings: Iterable[Sighting]) -> None:
        """Take orders for ours that the journal has lost, and note that its lost end was asked for.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        entries = [seen(lost_order(sighting), sighting) for sighting in sightings]
        await self._write(*entries, Entry(kind="journal", state=TAIL_RECONCILED, evidence={"adopted": len(entries)}))

    async def start_over(self, gone: Collection[OwnOrder], archive: str) -> None:
        """Note that the exchange has started over: as the end of a journal, or as the beginning of the next one.

        Args:
            gone: The orders that are gone; of those that this journal knows it is the end.
            archive: The folder in which the journal before is kept.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        why = {"message": "The exchange has started over, and this order is gone."}
        ended = [order for order in gone if order.client_order_id in self.register.orders]
        names = [order.client_order_id for order in gone]
        record = Entry(kind="journal", state=GONE, evidence={"gone": names, "archive": archive})
        await self._write(*(reached(order, GONE, why) for order in ended), record)

    async def news(self, patience: Awaitable[None]) -> None:
        """Wait until something new is known, or for the end of one's patience."""
        waiting = asyncio.ensure_future(self._news.wait()), asyncio.ensure_future(patience)
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    def when_unsure(self, attend: Callable[[], None]) -> None:
        """What to do when it is not known what became of a call or an order."""
        self._attend = attend

    def refuse_unresolved(self, symbol: str, sides: Iterable[str]) -> None:
        """Refuse a new order where it is not known whether an earlier one of its symbol and side exists.

        Raises:
            Refused: ORDER_UNRESOLVED.
        """
        if order := self.register.unsure(symbol, sides):
            raise Refused(
                f"It is not known yet whether an earlier {order.side} order on {symbol} exists, so no new one is sent "
                "there. get_order_state tells when it is decided; cancels work.",
                code="ORDER_UNRESOLVED",
                retry="after_reconcile",
                next="get_order_state",
                details={"symbol": symbol, "side": order.side, "unresolved": [order.intent_id, order.client_order_id]},
            )

    async def recover(self, end: int, lost: int | None) -> None:
        """Settle what an earlier process left: what was only meant was not sent, and of what was sent nobody knows.

        No approval outlives the process that asked for it.

        Args:
            end: The number of the journal's last record.
            lost: How many records behind it are gone; None if that cannot be known.

        Raises:
            Refused: JOURNAL_UNAVAILABLE.
        """
        if lost != 0:
            await self._write(Entry(kind="journal", state=TAIL_LOST, evidence={"after": end, "lost": lost}))
        left = {"INTENDED": "NOT_SENT", "SENDING": "UNKNOWN"}
        why = {"message": "The server ended before it was answered."}
        orders = [order for order in self.register.open() if order.state in left]
        calls = [intent for intent in self.register.intents.values() if intent.acts and intent.state in left]
        await self._write(
            *(reached(order, left[order.state], why) for order in orders),
            *(concluded(intent, left[intent.state], why) for intent in calls),
            *(moved(draft, "LAPSED", why="The server that asked has ended.") for draft in self.register.drafts.open()),
        )

    async def _write(self, *entries: Entry) -> None:
        at_ms = self._now_ms()
        if entries:
            await self._journal.append(*entries, at_ms=at_ms)
        for entry in entries:
            self._apply(at_ms, entry)

    def _apply(self, at_ms: int, entry: Entry) -> None:
        """Take in what was written, or is about to be, and wake those who wait for news."""
        self.register.apply(at_ms, entry)
        self._news.set()
        self._news = asyncio.Event()

    async def _found_out(self, entry: Entry, unchanged: Callable[[], bool]) -> None:
        """Write something down that is overtaken by whatever is heard until it is written."""
        at_ms = self._now_ms()
        await self._journal.append(entry, at_ms=at_ms)
        if unchanged():
            self._apply(at_ms, entry)

    async def _note(self, entries: Iterable[Entry]) -> None:
        """Take in what happened, and write it down without waiting for the disk: the exchange can be asked again.

        Each entry is known before the next one is drawn, so that what is said twice at once is new only once.
        """
        at_ms = self._now_ms()
        made: list[Entry] = []
        for entry in entries:
            if entry.kind == "order" and self._revives(entry):
                _log.error("an order that was proved absent exists", order=entry.client_order_id, state=entry.state)
            self._apply(at_ms, entry)
            made.append(entry)
        try:
            if made:
                await self._journal.append(*made, at_ms=at_ms, durable=False)
        except Refused as refusal:
            _log.error("what became of an order could not be written down", why=refusal.message)
        self._attend()

    def _revives(self, entry: Entry) -> bool:
        order = self.register.orders.get(entry.client_order_id)
        return order is not None and order.state == "NOT_PLACED"

    def _repeated(self, claim: Claim) -> Intent | None:
        if claim.intent_id is not None:
            known = self.register.intents.get(claim.intent_id)
            if known is not None and known.digest != claim.digest:
                raise InvalidInput(
                    f"intent_id {known.id} belongs to another call ({known.tool} on {known.symbol}), and a name is "
                    "used for one call alone. Give this one its own.",
                    code="INTENT_CONFLICT",
                    intent_id=known.id,
                    client_order_id=known.name or None,
                    details={"param": "intent_id", "first": dict(known.asked)},
                )
            return known if known is not None and not self._may_go_again(known) else None
        first = self.register.latest(claim.digest)
        if first is None or self._now_ms() - first.begun_ms >= REPEAT_MS or self._came_to_nothing(first):
            return None
        raise Refused(
            f"The very same {first.tool} was made {(self._now_ms() - first.begun_ms) // 1000} s ago. Nothing was sent. "
            "If a second one is wanted, give it an intent_id of its own.",
            code="DUPLICATE_INTENT",
            retry="after_fix",
            next="get_order_state",
            intent_id=first.id,
            client_order_id=first.name or None,
            details={"first": {order.client_order_id: order.state for order in self.register.placed_by(first)}},
        )

    def _states(self, intent: Intent) -> set[str]:
        own = {intent.state} if intent.acts else set()
        return own | {order.state for order in self.register.placed_by(intent)}

    def _may_go_again(self, intent: Intent) -> bool:
        """Whether no byte of a call has left, so that it is made now."""
        return self._states(intent) == {"NOT_SENT"}

    def _came_to_nothing(self, intent: Intent) -> bool:
        return self._states(intent) <= NEVER | {"NOT_DONE"}
