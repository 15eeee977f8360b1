"""Keeping what is known of our orders in step with the exchange: the user data stream tells, and REST fills its gaps.

After each break everything is asked for that the break may have hidden, and until that is done the local state is
stale. Where there is no stream, the same is asked for now and then, and the local state is never more than that fresh.
Evidence leads to the same state in whatever order it comes, so what the stream tells meanwhile is taken in at once.

Source: user-data-stream.md, web-socket-api.md#user-data-stream-subscription
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from binance_spot_mcp.catalogue.user_events import ExecutionReport, ListStatus
from binance_spot_mcp.errors import SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.trading.intents import Intents
from binance_spot_mcp.trading.reconciler import Reconciler
from binance_spot_mcp.trading.states import UNSURE
from binance_spot_mcp.trading.venue_reset import confirmed, newest_is_gone

SUBSCRIBE_S: Final = 1.0
"""How long a start waits for the stream before it goes on without."""
UNTOLD_S: Final = 15.0
"""How often open orders are asked for while no stream tells of them."""
TOLD_S: Final = 60.0
"""How often they are asked for all the same where one does."""
AGAIN_S: Final = 2.0
"""How soon a comparison that failed is made again."""
LOOK_S: Final = 1.0
"""How often an order is asked for that somebody waits for while no stream tells of it."""
DOUBT_S: Final = 30.0
"""How soon one is made again that found none of our orders."""

OrderEvent = ExecutionReport | ListStatus
"""What the stream says of orders."""

_log = logger("trading")


class OrderEvents(Protocol):
    """The user data stream of the account, as far as it tells of orders."""

    async def open(self, heard: Callable[[OrderEvent], None], changed: Callable[[], None]) -> None:
        """Listen from now on.

        Args:
            heard: Called with each event.
            changed: Called whenever one of the properties may be another than before.

        Raises:
            SpotError: There is no stream: the channel is off.
        """
        ...

    def close(self) -> None:
        """Listen no longer."""
        ...

    @property
    def spell(self) -> int | None:
        """Which stretch without a break this is; None while nothing is carried."""
        ...

    @property
    def pending(self) -> bool:
        """Whether it was not tried yet to carry anything."""
        ...

    @property
    def live(self) -> bool:
        """Whether events come as they happen."""
        ...

    @property
    def whole_until_ms(self) -> int:
        """Until when nothing was missed, in the exchange's epoch milliseconds."""
        ...

    @property
    def why(self) -> str:
        """Why it is not live, in words."""
        ...


class Following:
    """Follows the orders of one account.

    Args:
        events: The user data stream; None where there is none.
        intents: What is known.
        reconciler: Asks the exchange.
        now_ms: The exchange's time in epoch milliseconds.
        sleep: Waits so many seconds.
        may_start_over: Whether the exchange is one for practice, which may forget everything.

    Attributes:
        now_ms: As given.
        doubtful: Whether such an exchange, when it was last asked, knew none of our live orders; where there are none,
            not even the newest one.
    """

    def __init__(
        self,
        events: OrderEvents | None,
        intents: Intents,
        reconciler: Reconciler,
        *,
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        may_start_over: bool,
    ) -> None:
        self.doubtful = False
        self._may_start_over = may_start_over
        self._events = events
        self._off = "there is no user data stream" if events is None else ""
        self._intents = intents
        self._reconciler = reconciler
        self.now_ms = now_ms
        self._sleep = sleep
        self._unread: deque[OrderEvent] = deque()
        self._arrived = asyncio.Event()
        self._moved = asyncio.Event()
        self._compared: int | None = None
        self._due = False
        self._whole_until_ms = 0
        self._in_step = False
        self._when_doubtful: Callable[[], None] = lambda: None
        self._tasks: list[asyncio.Task[None]] = []
        reconciler.hear_out(lambda: self.catching_up)

    @property
    def stale(self) -> bool:
        """Whether something may have happened to our orders that is not known here."""
        return not self._in_step

    @property
    def as_of_ms(self) -> int:
        """The time up to which everything is known, in the exchange's epoch milliseconds."""
        return self.now_ms() if self._in_step else self._whole_until_ms

    @property
    def why_stale(self) -> str:
        """Why the local state may lag behind, in words; empty where it does not."""
        if self._in_step:
            return ""
        if self._off or self._events is None:
            return f"{self._off}; open orders are asked for every {UNTOLD_S:.0f} s"
        return self._events.why or "what a break of the user data stream may have hidden is being asked for"

    @property
    def catching_up(self) -> bool:
        """Whether the stream has said something, or may have, that is not taken in yet."""
        return bool(self._unread) or self._behind

    async def begin(self) -> None:
        """Listen to the stream, as soon as it carries anything or shows that it does not now."""
        self._tasks.append(asyncio.create_task(self._read()))
        if self._events is None:
            return
        try:
            await self._events.open(self._heard, self._changed)
        except SpotError as failure:
            self._off = failure.message.rstrip(".")
            _log.info("trading goes on without the user data stream", why=failure.message)
            return
        if self._events.pending:
            await self._until_moved(SUBSCRIBE_S)

    async def compare(self, *, thorough: bool = True) -> bool:
        """Ask for everything that may have happened to our orders unseen; whether all of it could be asked for.

        Args:
            thorough: Also on symbols on which we have nothing open, to learn of foreign orders; and for orders of which
                nobody knows, which are being looked for anyway.

        Raises:
            SpotError: The open orders or trades could not be asked for.
        """
        spell, asked_ms, register = self._spell, self.now_ms(), self._intents.register
        before = [order for order in register.open() if order.live or (thorough and order.state in UNSURE)]
        symbols = sorted({order.symbol for order in before})
        listed: set[tuple[str, int]] = set()
        for symbol in [None] if thorough else symbols:
            rows = await self._reconciler.open_orders(symbol)
            await self._intents.foreign(rows, "open_orders")
            listed |= {(row.symbol, row.order_id) for row in rows}
        hidden = [order for order in before if order.seen is None or (order.symbol, order.seen.order_id) not in listed]
        looks = await self._reconciler.look_at_all(hidden)
        for symbol in symbols:
            await self._reconciler.trades.since_the_last(symbol)
        if self._may_start_over:
            alive = {order.client_order_id for order in before if order.live}
            self.doubtful = alive <= looks.denied if alive else await newest_is_gone(self._intents, self._reconciler)
        if not looks.failed:
            self._compared, self._whole_until_ms = spell, max(self._whole_until_ms, asked_ms)
            self._changed()
        return not looks.failed

    def go_on(self, when_doubtful: Callable[[], None]) -> None:
        """Stay in step from now on.

        Args:
            when_doubtful: Called as often as the exchange is found to know none of our orders.
        """
        self._when_doubtful = when_doubtful
        self._tasks.append(asyncio.create_task(self._stay_in_step()))

    def compare_soon(self) -> None:
        """Ask the exchange soon, since something does not fit."""
        self._due = True
        self._moved.set()

    async def wait(self, holds: Callable[[], bool], until_ms: int, names: Iterable[str]) -> None:
        """Wait until something holds of what is known, or a time has come.

        Args:
            holds: What is waited for.
            until_ms: The time, in the exchange's epoch milliseconds.
            names: Orders that are asked for meanwhile, where no stream tells of them.
        """
        names = tuple(names)
        while not holds() and (left_ms := until_ms - self.now_ms()) > 0:
            await self._intents.news(self._sleep(min(left_ms / 1_000, LOOK_S if self.stale else math.inf)))
            if self.stale:
                orders = (self._intents.register.orders[name] for name in names)
                await self._reconciler.look_at_all(order for order in orders if order.live)

    async def close(self) -> None:
        """Follow no longer."""
        if self._events is not None and not self._off:
            self._events.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _worth_a_look(self) -> bool:
        """Whether anything can have happened that the stream, if there is one, would not tell."""
        return any(order.live for order in self._intents.register.open()) or (
            self._may_start_over and bool(confirmed(self._intents.register))
        )

    @property
    def _behind(self) -> bool:
        """Whether it was not found out yet what happened before the stream carried what it carries."""
        return self._spell is not None and self._spell != self._compared

    @property
    def _spell(self) -> int | None:
        return None if self._events is None or self._off else self._events.spell

    def _heard(self, event: OrderEvent) -> None:
        self._unread.append(event)
        self._arrived.set()

    def _changed(self) -> None:
        events, was = self._events, self._in_step
        self._in_step = events is not None and self._spell is not None and events.live and not self._behind
        if was and not self._in_step and events is not None:
            self._whole_until_ms = max(self._whole_until_ms, events.whole_until_ms)
            _log.info("what is known of orders may lag behind", why=self.why_stale)
        self._moved.set()

    async def _read(self) -> None:
        """Take in what the stream tells."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            events = tuple(self._unread)
            self._unread.clear()
            await self._intents.heard(events, "stream")
            await self._intents.foreign(events, "stream")
            for event in events:
                if isinstance(event, ListStatus):
                    self._look_at_legs(event)

    def _look_at_legs(self, event: ListStatus) -> None:
        """A list's status says that its legs exist, but not how each of them stands."""
        known = (self._intents.register.orders.get(leg.client_order_id) for leg in event.orders)
        self._reconciler.look_soon(leg for leg in known if leg is not None and leg.state in UNSURE)

    async def _stay_in_step(self) -> None:
        while True:
            if not (self._behind or self._due or self.doubtful):
                waited = await self._until_moved(UNTOLD_S if self._spell is None else TOLD_S)
                if not (waited and self._worth_a_look):
                    continue
            await self._compare_again(thorough=self._behind)

    async def _compare_again(self, *, thorough: bool) -> None:
        self._due = False
        try:
            whole = await self.compare(thorough=thorough)
        except SpotError as failure:
            _log.info("orders could not be compared with the exchange's", why=failure.message)
            whole = False
        except Exception:  # noqa: BLE001  # a bug of ours must not end the following of somebody's orders
            _log.exception("comparing orders with the exchange's crashed")
            whole = False
        if self.doubtful:
            self._when_doubtful()
            await self._sleep(DOUBT_S)
        elif not whole:
            await self._sleep(AGAIN_S)

    async def _until_moved(self, seconds: float) -> bool:
        """Wait until something about the stream has changed; whether all of so many seconds have passed."""
        self._moved.clear()
        timer = asyncio.ensure_future(self._sleep(seconds))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait({timer, moved}, return_when=asyncio.FIRST_COMPLETED)
            return timer.done()
        finally:
            timer.cancel()
            moved.cancel()
