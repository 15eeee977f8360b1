"""Sending what changes orders: named by us, sent once, and followed to its answer whoever stops waiting.

Source: rest-api.md#general-information-on-endpoints (what a timeout and a 5xx leave open)
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from binance_spot_mcp.catalogue.endpoint import SERVER_DECIDES, Endpoint, Params
from binance_spot_mcp.catalogue.orders import OrderListReport, OrderReport
from binance_spot_mcp.catalogue.trading import Amendment, Replacement
from binance_spot_mcp.client import Answer
from binance_spot_mcp.errors import OutcomeUnknown, SpotError
from binance_spot_mcp.trading.client_ids import ClientOrderIds
from binance_spot_mcp.trading.rules_cache import Exchange

ANSWER_FORM: Final = "newOrderRespType"

P = TypeVar("P", bound=Params)
R = TypeVar("R")

_log = logging.getLogger(__name__)


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

    async def send(self, endpoint: Endpoint[P, R], params: P) -> Answer[R]:
        """Send a request that changes orders, once. A caller who is cancelled stops waiting; the request does not stop.

        Raises:
            SpotError: As the exchange's client raises it, with the names of the orders in its details.
            OutcomeUnknown: Also where the answer does not name the order back.
        """
        task = asyncio.create_task(self._sent(endpoint, params))
        self._in_flight.add(task)
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

    async def _sent(self, endpoint: Endpoint[P, R], params: P) -> Answer[R]:
        names = {} if endpoint.effect == "cancel" else _names(params)
        try:
            answer = await self._exchange.fetch(endpoint, params)
            if not set(names.values()) <= {*_named_back(answer.payload)}:
                raise OutcomeUnknown("The exchange answered, but not about this order.")
        except SpotError as error:
            _add_names(error, params, names)
            raise
        return answer


def _names(params: Params) -> dict[str, str]:
    """The names that orders get by this request, by parameter; that of a cancel names no order."""
    return {
        alias: str(value)
        for alias, value in params.given().items()
        if alias.lower().endswith("clientorderid") and not alias.lower().endswith("origclientorderid")
        if alias != "cancelNewClientOrderId"
    }


def _named_back(payload: object) -> Iterator[str]:
    """The names of orders in an answer, of those that have an order id as well."""
    match payload:
        case OrderReport():
            yield payload.client_order_id
        case OrderListReport():
            yield payload.list_client_order_id
            yield from (report.client_order_id for report in payload.order_reports)
        case Replacement(new_order_response=OrderReport() as report):
            yield report.client_order_id
        case Amendment():
            yield payload.amended_order.client_order_id


def _add_names(error: SpotError, params: Params, names: Mapping[str, str]) -> None:
    """Tell an error what is needed to look for the orders."""
    error.details = {**error.details, "symbol": str(params.given()["symbol"]), **_told(names)}
    if isinstance(error, OutcomeUnknown) and names:
        name = names.get("listClientOrderId") or next(iter(names.values()))
        error.next = "get_order_list" if "listClientOrderId" in names else "get_order"
        error.message += f" Its name is {name}: {error.next} with origClientOrderId finds it, if it exists."


def _told(names: Mapping[str, str]) -> dict[str, object]:
    """Names as details of an error: one as it is, those of several orders by the parameter that carried them."""
    if len(names) == 1:
        return {"client_order_id": next(iter(names.values()))}
    return {"client_order_ids": dict(names)} if names else {}


def _tell_the_log(task: "asyncio.Task[Answer[Any]]") -> None:
    """Say what became of a request for which nobody waits any more."""
    if task.cancelled():
        _log.error("A request was cut off while nobody waited for it; look at the open orders.")
    elif error := task.exception():
        _log.warning("A request for which nobody waited failed: %s", error)
    else:
        _log.info("A request for which nobody waited was answered.")
