"""Waiting for conditions across calls: a wait hears every event from its beginning to its end, whoever calls when.

What is already so is found out over REST, at the start and after each break of the user data stream, so that a wait
misses neither what happened before it nor what happened during a break.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Literal

from binance_spot_mcp.catalogue.account import ACCOUNT, AccountParams
from binance_spot_mcp.catalogue.market import BOOK_TICKER, PRICE, BookTickerParams, PriceParams
from binance_spot_mcp.catalogue.trading import GET_ORDER, GetOrderParams
from binance_spot_mcp.errors import InvalidInput, Refused, SpotError
from binance_spot_mcp.logs import logger
from binance_spot_mcp.streams.conditions import BalanceIs, Condition, Facts, OrderIs, PriceCrosses, PriceIs
from binance_spot_mcp.streams.feed import Feed, Gap
from binance_spot_mcp.streams.hub import Streams
from binance_spot_mcp.streams.timing import NS

Match = Literal["any", "all"]

MOST_WAITS = 20
"""Waits that go on at a time."""
FORGOTTEN_S = 180.0
"""A wait that nobody has asked for so long is given up."""
_LOOK_S = 0.5
_RETRY_S = 5.0

_log = logger("streams")


@dataclass(frozen=True, slots=True)
class Met:
    """The end of a wait: when it was found out (monotonic), and what held at that moment, by condition."""

    at_ns: int
    facts: tuple[tuple[str, Facts], ...]


class Waiting:
    """One wait.

    Attributes:
        cursor: By which a later call goes on with it.
        conditions: What is waited for.
        began_ns: Monotonic time of its beginning.
        deadline_ns: When it is over in any case.
        attended: Whether a call takes part in it just now.
        asked_ns: When one last did.
        met: What ended it; None while it goes on.
    """

    def __init__(self, streams: Streams, cursor: str, conditions: Sequence[Condition], match: Match, seconds: float):
        self.cursor = cursor
        self.conditions = tuple(conditions)
        self.began_ns = self.asked_ns = streams.world.monotonic_ns()
        self.deadline_ns = self.began_ns + int(seconds * NS)
        self.met: Met | None = None
        self.attended = False
        self._streams = streams
        self._match = match
        self._feeds: list[Feed] = []
        self._listening: list[tuple[Feed, Hears]] = []
        self._ended = asyncio.Event()
        self._user: Feed | None = None
        self._checked_gaps: int | None = None
        self._tending: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Listen, and find out what is so already.

        Raises:
            SpotError: A symbol or an order does not exist, or there is no key for what needs one.
        """
        if any(condition.stream is not None for condition in self.conditions):
            await self._streams.check_market()
        for condition in self.conditions:
            if condition.stream is not None:
                feed = self._streams.market.hold(condition.stream)
            else:
                feed = self._user = await self._streams.user.hold()
            self._feeds.append(feed)
            hears = Hears(self, condition)
            self._listening.append((feed, hears))
            feed.listen(hears)
        for condition, (_, hears) in zip(self.conditions, self._listening, strict=True):
            await self._find_out(condition, hears)
        self._judge()
        if self._user is not None:
            self._tending = asyncio.get_running_loop().create_task(self._tend(self._user))

    @property
    def ended(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return self.met is not None or self._streams.world.monotonic_ns() >= self.deadline_ns

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until it is met."""
        if self.met is not None or seconds <= 0:
            return
        self.attended = True
        waking = asyncio.ensure_future(self._streams.world.sleep(seconds))
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({waking, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
            ending.cancel()
            self.attended, self.asked_ns = False, self._streams.world.monotonic_ns()

    def gaps(self) -> Iterator[tuple[str, Gap]]:
        """Breaks of its streams since it began."""
        for feed in dict.fromkeys(self._feeds):
            for gap in feed.gaps:
                if gap.to_ns is None or gap.to_ns >= self.began_ns:
                    yield feed.stream.name, gap

    def troubled(self) -> Iterator[Feed]:
        """Its streams that are not live just now."""
        return (feed for feed in dict.fromkeys(self._feeds) if feed.state != "LIVE")

    def close(self) -> None:
        """Listen no longer."""
        if self._tending is not None:
            self._tending.cancel()
        for feed, hears in self._listening:
            feed.unlisten(hears)
        for feed in self._feeds:
            if feed is self._user:
                self._streams.user.release(feed)
            else:
                self._streams.market.release(feed)
        self._feeds, self._listening = [], []

    def heard(self) -> None:
        """A condition heard something."""
        self._judge()

    def _judge(self) -> None:
        if self.met is not None:
            return
        holding = tuple((each.text, each.holds) for each in self.conditions if each.holds is not None)
        if len(holding) == len(self.conditions) or (self._match == "any" and holding):
            self.met = Met(self._streams.world.monotonic_ns(), holding)
            self._ended.set()

    async def _tend(self, user: Feed) -> None:
        """Find out anew what happened on the account whenever its stream is back after a break."""
        while True:
            if user.state == "LIVE" and self._checked_gaps != user.gap_count:
                try:
                    gaps = user.gap_count
                    for condition, (feed, hears) in zip(self.conditions, self._listening, strict=True):
                        if feed is user:
                            await self._find_out(condition, hears)
                    self._checked_gaps = gaps
                    self._judge()
                except SpotError as failure:
                    _log.info("a wait cannot look the account up", code=failure.code)
                    await self._streams.world.sleep(_RETRY_S)
            await self._streams.world.sleep(_LOOK_S)

    async def _find_out(self, condition: Condition, hears: "Hears") -> None:
        """What is so now. An event that comes meanwhile is newer, so the answer is then of no use."""
        spot, heard = self._streams.spot, hears.count
        match condition:
            case OrderIs():
                asked = GetOrderParams(symbol=condition.symbol, order_id=condition.order_id)
                order = await spot.call(GET_ORDER, asked)
                if hears.count == heard:
                    condition.know(order.status, order.executed_qty, order.update_time)
            case BalanceIs():
                account = await spot.call(ACCOUNT, AccountParams(omit_zero_balances=False))
                found = next((each for each in account.balances if each.asset == condition.asset), None)
                if hears.count == heard:
                    free, locked = (found.free, found.locked) if found else (Decimal(0), Decimal(0))
                    condition.know(free, locked, account.update_time)
            case PriceIs() | PriceCrosses():
                price = await spot.call(PRICE, PriceParams(symbol=condition.symbol))
                if hears.count == heard and not isinstance(price, tuple):
                    condition.know(price.price, {})
            case _ if condition.stream is not None and condition.stream.symbol is not None:
                # Only to learn whether there is such a symbol; what happens to it will be heard.
                await spot.call(BOOK_TICKER, BookTickerParams(symbol=condition.stream.symbol))


class Hears:
    """Passes the events of a feed on to one condition, and counts them."""

    def __init__(self, waiting: Waiting, condition: Condition) -> None:
        self.count = 0
        self._waiting = waiting
        self._condition = condition

    def __call__(self, event: object) -> None:
        """An event came."""
        self.count += 1
        self._condition.hear(event)  # type: ignore[arg-type]  # only feeds of depth tell anything but JSON
        self._waiting.heard()


class Waits:
    """The waits of one server."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._waits: dict[str, Waiting] = {}
        self._numbers = count(1)
        self._reaping: asyncio.Task[None] | None = None

    async def begin(self, conditions: Sequence[Condition], match: Match, seconds: float) -> Waiting:
        """Begin to wait.

        Raises:
            Refused: There are too many waits.
            SpotError: See `Waiting.begin`.
        """
        if len(self._waits) >= MOST_WAITS:
            raise Refused(f"There are {MOST_WAITS} waits already; let one of them end.", code="LIMIT_EXCEEDED")
        waiting = Waiting(self._streams, f"w{next(self._numbers)}", conditions, match, seconds)
        self._waits[waiting.cursor] = waiting
        if self._reaping is None:
            self._reaping = asyncio.get_running_loop().create_task(self._reap())
        try:
            await waiting.begin()
        except BaseException:
            self.end(waiting)
            raise
        return waiting

    def find(self, cursor: str) -> Waiting:
        """A wait that goes on.

        Raises:
            InvalidInput: NOT_FOUND.
        """
        if (found := self._waits.get(cursor)) is None:
            raise InvalidInput(
                f"There is no wait {cursor!r}: it has ended, or nobody asked for it for {FORGOTTEN_S:.0f} s. Begin a "
                "new one with conditions.",
                code="NOT_FOUND",
                next="wait_for",
                details={"param": "cursor", "given": cursor},
            )
        return found

    def end(self, waiting: Waiting) -> None:
        """End a wait."""
        self._waits.pop(waiting.cursor, None)
        waiting.close()

    def close(self) -> None:
        """End all of them."""
        if self._reaping is not None:
            self._reaping.cancel()
        for waiting in tuple(self._waits.values()):
            self.end(waiting)

    async def _reap(self) -> None:
        """Give up the waits that nobody asks for any more."""
        while True:
            await self._streams.world.sleep(FORGOTTEN_S / 10)
            now_ns = self._streams.world.monotonic_ns()
            for waiting in tuple(self._waits.values()):
                if not waiting.attended and now_ns - waiting.asked_ns > FORGOTTEN_S * NS:
                    self.end(waiting)
