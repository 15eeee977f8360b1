"""What is said at the end of a call: what its orders have come to by then, and what of that is not final yet.

A caller may wait. Then the answer shows the orders as they are known at the end of the wait, whoever told of it; and a
call whose verdict was lost, but of which it is known by then what became of it, is answered with that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from binance_spot_mcp.client import Answer
from binance_spot_mcp.errors import OutcomeUnknown, SpotError
from binance_spot_mcp.trading.evidence import sightings
from binance_spot_mcp.trading.fills import fees
from binance_spot_mcp.trading.keeper import Account
from binance_spot_mcp.trading.register import Intent, Register
from binance_spot_mcp.trading.repeats import answer_again, average_price
from binance_spot_mcp.trading.states import BEFORE, FINAL, UNSURE, OwnOrder
from binance_spot_mcp.vocabulary import plain

R = TypeVar("R")

LONGEST_MS: Final = 40_000
"""No call waits longer than this after its beginning; hosts give up near 60 s."""
PROVISIONAL: Final = "This is not final, more can happen: get_order_state or wait_for tells."
ADOPTED: Final = "The exchange's own answer was lost; this is what it shows of the call since."


@dataclass(frozen=True, slots=True)
class Passed(Generic[R]):
    """What came back through the gate.

    Attributes:
        answer: The exchange's answer.
        notes: Sentences for the caller: what could not be checked or tested beforehand, and what is not final.
        intent_id: The name of the call; empty for a test.
        client_order_id: The name of the order or list; empty for what places none.
        about: What else is known of its orders, as JSON.
    """

    answer: Answer[R]
    notes: tuple[str, ...] = ()
    intent_id: str = ""
    client_order_id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


def wait_until(began_ms: int, now_ms: int, wait_seconds: int) -> int | None:
    """Until when a call that has been answered now waits for its end; None where nobody wants to."""
    return min(began_ms + LONGEST_MS, now_ms + wait_seconds * 1_000) if wait_seconds else None


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The end of one call.

    Attributes:
        account: The account that it was made on; None if that is not open.
        until_ms: Until when the caller waits, in the exchange's epoch milliseconds; None where it does not want to.
    """

    account: Account | None
    until_ms: int | None = None

    async def of_answer(self, passed: Passed[Any]) -> Passed[Any]:
        """An answer with what its orders have come to, after a wait for their end."""
        known = self._known(passed.intent_id)
        if known is None:
            return passed
        await self._wait(known, lambda: known.final)
        if self.until_ms is not None and _moved_on(passed.answer.payload, known.orders):
            passed = replace(passed, answer=answer_again(known.register, known.intent))
        provisional = () if self.until_ms is None or known.final else (PROVISIONAL,)
        notes = (*known.account.take_notices(), *passed.notes, *provisional)
        return replace(passed, about=known.told(), notes=notes)

    async def of_failure(self, error: SpotError) -> Passed[Any]:
        """The answer to a call whose verdict was lost, if it is known by now, or within the wait, what became of it.

        Raises:
            SpotError: The error itself, where nothing better is known; Rejected, where the call came to nothing.
        """
        known = self._known(error.intent_id or "")
        if known is None or not isinstance(error, OutcomeUnknown):
            raise error
        if error.code == "ORDER_UNRESOLVED":  # the exchange says that there is one of this name
            await known.account.reconciler.look_at_all(known.orders)
        await self._wait(known, lambda: known.decided)
        if not known.decided:
            raise error
        answer = answer_again(known.register, known.intent, "")
        return await self.of_answer(Passed(answer, (ADOPTED,), known.intent.id, known.intent.name))

    def _known(self, intent_id: str) -> "_Known | None":
        there = self.account is not None and intent_id in self.account.intents.register.intents
        return _Known(self.account, intent_id) if self.account is not None and there else None

    async def _wait(self, known: "_Known", holds: Callable[[], bool]) -> None:
        if self.until_ms is not None:
            await known.account.following.wait(holds, self.until_ms, known.intent.orders)


@dataclass(frozen=True, slots=True)
class _Known:
    """A call of an account, as it is known whenever one asks."""

    account: Account
    intent_id: str

    @property
    def register(self) -> Register:
        return self.account.intents.register

    @property
    def intent(self) -> Intent:
        return self.register.intents[self.intent_id]

    @property
    def orders(self) -> tuple[OwnOrder, ...]:
        return self.register.placed_by(self.intent)

    @property
    def decided(self) -> bool:
        """Whether it is known what became of it."""
        own = {self.intent.state} if self.intent.acts else set()
        return not (own | {order.state for order in self.orders}) & (BEFORE | UNSURE)

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to its orders, and every part that traded is known."""
        return self.decided and all(
            order.state in FINAL and not self.register.short_of_fills(order.client_order_id) for order in self.orders
        )

    def told(self) -> dict[str, Any]:
        """What its orders have come to, as JSON."""
        fills = [fill for order in self.orders for fill in self.register.fills.of(order.client_order_id)]
        told: dict[str, Any] = {}
        if len(self.orders) == 1 and (average := average_price(fills)) is not None:
            told["average_price"] = plain(average)
        if paid := fees(fills):
            told["fees"] = {asset: plain(amount) for asset, amount in paid.items()}
        return told


def _moved_on(payload: object, orders: tuple[OwnOrder, ...]) -> bool:
    """Whether more is known of some orders than an answer says of them."""
    said = {(one.symbol, one.order_id): (one.state, one.executed) for one in sightings(payload, "reply")}
    return any(
        order.seen is not None and said.get((order.symbol, order.seen.order_id)) != (order.state, order.executed)
        for order in orders
    )
