"""Finding out what became of orders and what was traded of them, by asking; nothing is ever sent again."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from binance_spot_mcp.catalogue.account import MY_TRADES, MyTradesParams
from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.orders import Order
from binance_spot_mcp.catalogue.trading import (
    ALL_ORDERS,
    GET_ORDER,
    OPEN_ORDERS,
    AllOrdersParams,
    GetOrderParams,
    OpenOrdersParams,
)
from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading import deeds
from binance_spot_mcp.trading.absence import PATIENCE_MS, Absence, looks_ms
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.states import UNSURE, OwnOrder, Source
from binance_spot_mcp.trading.trades import PAGE, Trades, pauses_s

BEFORE_MS: Final = 1_000
"""Records are searched from this long before an order was sent."""
AT_ONCE: Final = 4
"""Look-ups of live orders side by side."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What came of looking for some orders, by their names.

    Attributes:
        denied: The exchange said that it knows none of these.
        failed: These could not be asked for.
    """

    denied: frozenset[str]
    failed: frozenset[str]


P = TypeVar("P", bound=Params)
R = TypeVar("R")

_log = logger("trading")


class _Plan:
    """When to look, from a moment on."""

    def __init__(self, began_ms: int) -> None:
        self._looks_ms = (began_ms + look_ms for look_ms in looks_ms())
        self._next_ms = next(self._looks_ms)

    def pause_s(self, absence: Absence, now_ms: int) -> float:
        """How long to wait for the next look."""
        while self._next_ms <= now_ms:
            self._next_ms = next(self._looks_ms)
        return (absence.next_look_ms(self._next_ms, now_ms) - now_ms) / 1_000


class Reconciler:
    """Asks the exchange until every order is known.

    Args:
        exchange: Makes the calls, with the part of the limits that is kept for this.
        intents: What is known, and where it is written down.
        recv_window_ms: How long a timestamp of ours is valid.
        now_ms: The exchange's time in epoch milliseconds.
        sleep: Waits so many seconds.

    Attributes:
        trades: Asks for trades.
    """

    def __init__(
        self,
        exchange: Exchange,
        intents: Intents,
        *,
        recv_window_ms: int,
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.trades = Trades(exchange, intents)
        self._exchange = exchange
        self._intents = intents
        self._recv_window_ms = recv_window_ms
        self._now_ms = now_ms
        self._sleep = sleep
        self._deciding: dict[str, asyncio.Task[None]] = {}
        self._catching_up: Callable[[], bool] = lambda: False
        intents.when_unsure(self.attend)

    def attend(self) -> None:
        """See to it that whatever nobody knows is being found out: of orders, of calls, and of what was traded."""
        for order in self._intents.register.open():
            if order.state in UNSURE:
                self._decide(f"order {order.client_order_id}", self._decide_order, order.client_order_id)
        for intent in self._intents.register.unsure_deeds():
            self._decide(f"call {intent.id}", self._decide_deed, intent.id)
        for order in self._intents.register.unaccounted():
            self._decide(f"fills of {order.client_order_id}", self._account_for, order.client_order_id)

    def hear_out(self, catching_up: Callable[[], bool]) -> None:
        """Never take an order for absent while something that was said of it may wait to be taken in."""
        self._catching_up = catching_up

    async def close(self) -> None:
        """Stop looking; what is open is looked for again by the next start."""
        tasks = [*self._deciding.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self, order: OwnOrder) -> bool:
        """Ask for one order now, and take in what is said; whether the exchange denied to know it.

        Raises:
            SpotError: It could not be asked.
        """
        try:
            named = GetOrderParams(symbol=order.symbol, orig_client_order_id=order.client_order_id)
            await self._hear(GET_ORDER, named, "query")
        except SpotError as failure:
            if failure.code != "NOT_FOUND":
                raise
            return True
        return False

    async def look_at_all(self, orders: Iterable[OwnOrder]) -> Looks:
        """Ask for several orders; one that cannot be asked for stays as it is known."""
        turn = asyncio.Semaphore(AT_ONCE)
        denied: set[str] = set()
        failed: set[str] = set()

        async def one(order: OwnOrder) -> None:
            async with turn:
                try:
                    if await self.look(order):
                        denied.add(order.client_order_id)
                except SpotError as failure:
                    failed.add(order.client_order_id)
                    _log.warning("an order could not be looked up", order=order.client_order_id, why=failure.message)

        await asyncio.gather(*(one(order) for order in orders))
        return Looks(frozenset(denied), frozenset(failed))

    def look_soon(self, orders: Iterable[OwnOrder]) -> None:
        """Ask for some orders without waiting for it."""
        for order in orders:
            self._decide(f"look at {order.client_order_id}", self._look_once, order.client_order_id)

    async def open_orders(self, symbol: str | None) -> tuple[Order, ...]:
        """Every open order of a symbol, or of all, foreign ones too; what they say of ours is taken in."""
        return await self._hear(OPEN_ORDERS, OpenOrdersParams(symbol=symbol), "open_orders")

    async def orders_since(self, symbol: str, since_ms: int | None) -> tuple[Order, ...]:
        """Orders of a symbol in any state, likewise: the first thousand since a time, or the latest ones."""
        asked = AllOrdersParams(symbol=symbol, start_time=since_ms, limit=PAGE)
        return await self._hear(ALL_ORDERS, asked, "all_orders")

    def _decide(self, key: str, work: Callable[[str], Coroutine[Any, Any, None]], name: str) -> None:
        if key not in self._deciding:
            task = self._deciding[key] = asyncio.create_task(work(name))
            task.add_done_callback(lambda ended: self._decided(key, ended))

    def _decided(self, key: str, task: "asyncio.Task[None]") -> None:
        del self._deciding[key]
        if task.cancelled():
            return
        if error := task.exception():
            _log.error("deciding what became of it failed", what=key, error=str(error))
        else:
            self.attend()  # what became unknown while this one ended is not left alone

    async def _look_once(self, name: str) -> None:
        await self.look_at_all([self._order(name)])

    async def _decide_order(self, name: str) -> None:
        absence = Absence.of(self._order(name).sent_ms, self._recv_window_ms)
        plan = _Plan(self._now_ms())
        while self._order(name).state in UNSURE:
            await self._sleep(plan.pause_s(absence, self._now_ms()))
            if self._order(name).state not in UNSURE:
                return  # it was heard of meanwhile
            try:
                if await self.look(self._order(name)):
                    absence = absence.denied(self._now_ms())
                    if absence.denied_for_good and await self._absent_everywhere(self._order(name)):
                        await self._intents.decide(self._order(name), "NOT_PLACED", {"denials": [*absence.denials]})
            except SpotError as failure:
                _log.info("an order could not be looked for", order=name, why=failure.message)
            except Exception:  # noqa: BLE001  # a bug of ours must not end the search for somebody's order
                _log.exception("looking for an order crashed", order=name)
            with suppress(Refused):  # it cannot be written down now
                await self._give_to_a_person(self._order(name))

    async def _absent_everywhere(self, order: OwnOrder) -> bool:
        """Whether no record of the exchange shows an order that it denies to know."""
        since_ms = order.sent_ms - BEFORE_MS
        await self.open_orders(order.symbol)
        every = await self.orders_since(order.symbol, since_ms)
        asked = MyTradesParams(symbol=order.symbol, start_time=since_ms, limit=PAGE)
        trades = (await self._exchange.fetch(MY_TRADES, asked, urgent=True)).payload
        if len(every) == PAGE or len(trades) == PAGE:
            return False
        known = {row.order_id for row in every} | self._intents.register.numbers(order.symbol)
        for order_id in {trade.order_id for trade in trades} - known:
            await self._hear(GET_ORDER, GetOrderParams(symbol=order.symbol, order_id=order_id), "query")
        return not self._catching_up() and self._order(order.client_order_id).state in UNSURE

    async def _give_to_a_person(self, order: OwnOrder) -> None:
        if order.state == "UNKNOWN" and self._now_ms() - order.sent_ms > PATIENCE_MS:
            _log.error("an order is neither found nor proved absent; a person has to look", order=order.client_order_id)
            await self._intents.decide(order, "NEEDS_HUMAN", {})

    async def _account_for(self, name: str) -> None:
        """Ask until the fills of an order come to what was executed of it: for trades, or for more than we knew."""
        register = self._intents.register
        for pause_s in pauses_s():
            await self._sleep(pause_s)
            order = self._order(name)
            if register.fills.executed(name) == order.executed:
                return
            try:
                if register.short_of_fills(name):
                    await self.trades.of_order(order)
                else:
                    await self.look(order)
            except SpotError as failure:
                _log.info("trades of an order could not be asked for", order=name, why=failure.message)

    async def _decide_deed(self, intent_id: str) -> None:
        intent = self._intents.register.intents[intent_id]
        absence = Absence.of(intent.sent_ms, self._recv_window_ms)
        endpoint, asked = deeds.question(intent)
        plan = _Plan(self._now_ms())
        while intent.state == "UNKNOWN":
            await self._sleep(plan.pause_s(absence, self._now_ms()))
            over = absence.over(self._now_ms())
            try:
                found = await self._hear(endpoint, asked, "query")
            except SpotError as failure:
                state = "NOT_DONE" if over and failure.code == "NOT_FOUND" else ""
            else:
                state = deeds.state(intent, found, over=over)
            if state:
                with suppress(Refused):  # it cannot be written down now
                    await self._intents.conclude(intent, state)
            intent = self._intents.register.intents[intent_id]

    async def _hear(self, endpoint: Endpoint[P, R], params: P, source: Source) -> R:
        payload = (await self._exchange.fetch(endpoint, params, urgent=True)).payload
        await self._intents.heard(payload, source)
        return payload

    def _order(self, name: str) -> OwnOrder:
        return self._intents.register.orders[name]
