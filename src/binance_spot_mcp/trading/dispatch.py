"""Sending what changes orders: named by us, written down, sent once, and followed to its answer whoever stops waiting.

Source: rest-api.md#general-information-on-endpoints (what a timeout and a 5xx leave open)
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar

from binance_spot_mcp.catalogue.endpoint import SERVER_DECIDES, Endpoint, Params
from binance_spot_mcp.catalogue.trading import CANCEL_REPLACE_ORDER
from binance_spot_mcp.client import Answer
from binance_spot_mcp.errors import OutcomeUnknown, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.intents import Claim, Intents, Orders
from binance_spot_mcp.trading.outcomes import LIST_NAME, check_answer, names_of, tell
from binance_spot_mcp.trading.register import Intent
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.transport.call import Departing

ANSWER_FORM: Final = "newOrderRespType"

P = TypeVar("P", bound=Params)
R = TypeVar("R")

_log = logger("trading")


def _nothing() -> None:
    """What is called where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Slip(Generic[P, R]):
    """A call that is ready to be written down and sent.

    Attributes:
        endpoint: What to do.
        params: Its parameters, everything decided.
        asked: What the caller asked for of them, as text.
        orders: The orders that it places.
        claim: The call as it goes through the gate, if it must not be made twice.
        audit: What it is allowed by, for its record.
        may_leave: Called before the first byte of each attempt; an error that it raises keeps the call here.
        begun: Called when it has been written down, or could not be.
    """

    endpoint: Endpoint[P, R]
    params: P
    asked: Mapping[str, str]
    orders: Orders = field(default_factory=dict)
    claim: Claim | None = None
    audit: Mapping[str, Any] = field(default_factory=dict)
    may_leave: Callable[[], None] = _nothing
    begun: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Sent(Generic[R]):
    """A call that was made, and its answer."""

    answer: Answer[R]
    intent: Intent


class Dispatch:
    """Sends orders, and keeps hold of those in flight.

    Args:
        exchange: Makes the calls.
        ids: Makes the names of orders.
    """

    def __init__(self, exchange: Exchange, ids: ClientOrderIds) -> None:
        self._exchange = exchange
        self._ids = ids
        self._in_flight: set[asyncio.Task[Any]] = set()

    def named(self, params: P, **given: str) -> P:
        """The parameters with everything that is ours to decide: a new name for every order, and the fullest answer.

        Args:
            params: What the caller asked for.
            given: Names that are known already, by attribute.
        """
        decided: dict[str, str] = {}
        for attribute, info in type(params).model_fields.items():
            if SERVER_DECIDES in info.metadata:
                decided[attribute] = "FULL" if info.alias == ANSWER_FORM else self._ids.new()
        return params.model_copy(update=decided | given)

    async def send(self, intents: Intents, slip: Slip[P, R]) -> Sent[R]:
        """Send a request that changes orders, once. A caller who is cancelled stops waiting; the request does not stop.

        Raises:
            Refused: It cannot be written down, so nothing was sent.
            SpotError: As the exchange's client raises it, with the names of the orders, and where to look for them.
            OutcomeUnknown: Also where the answer is about something else.
        """
        task = asyncio.create_task(self._written(intents, slip))
        self._in_flight.add(task)
        if slip.claim is not None:
            slip.claim.sent_by(task)
        task.add_done_callback(self._in_flight.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_tell_the_log)
            raise

    async def settled(self) -> None:
        """Wait until nothing is in flight any more."""
        while self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _written(self, intents: Intents, slip: Slip[P, R]) -> Sent[R]:
        endpoint, names = slip.endpoint, names_of(slip.endpoint, slip.params)
        try:
            intent = await intents.begin(
                endpoint.name,
                slip.asked,
                intent_id=slip.claim.intent_id if slip.claim else None,
                orders=slip.orders,
                name=names.get(LIST_NAME) or next(iter(names.values()), ""),
                acts=endpoint.effect != "place" or endpoint.name == CANCEL_REPLACE_ORDER.name,
                audit=slip.audit,
            )
        finally:
            slip.begun()
        _log.info("sending", tool=endpoint.name, intent_id=intent.id, **names)
        try:
            answer = await self._sent(endpoint, slip.params, partial(_departing, intents, intent, slip))
        except SpotError as error:
            error.intent_id = intent.id
            await intents.failed(intent, error)
            raise
        await intents.answered(intent, answer.payload)
        return Sent(answer, intent)

    async def _sent(self, endpoint: Endpoint[P, R], params: P, departing: Departing) -> Answer[R]:
        try:
            answer = await self._exchange.fetch(endpoint, params, departing=departing)
            check_answer(answer.payload, endpoint, params)
        except SpotError as error:
            tell(error, endpoint, params)
            raise
        except Exception:  # noqa: BLE001  # a bug: the request may have left all the same, and its name must not be lost
            _log.exception("crashed", tool=endpoint.name)
            lost = OutcomeUnknown("This server failed while the request was out, so it may have happened.")
            tell(lost, endpoint, params)
            raise lost from None
        return answer


async def _departing(intents: Intents, intent: Intent, slip: Slip[Any, Any], timestamp_ms: int) -> None:
    """What comes before the first byte of an attempt."""
    slip.may_leave()
    await intents.departing(intent, timestamp_ms)


def _tell_the_log(task: "asyncio.Task[Sent[Any]]") -> None:
    """Say what became of a request for which nobody waits any more."""
    if task.cancelled():
        _log.error("cut off while nobody waited; look at the open orders")
    elif error := task.exception():
        _log.warning("failed while nobody waited", error=str(error))
    else:
        _log.info("answered while nobody waited")
