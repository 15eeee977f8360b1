"""Calls to the exchange: `await spot.call(ENDPOINT, params)` gives the payload, or raises what became of the request.

Reads are tried again where that can help. What may change orders is sent once; only where the exchange refused its
timestamp is it stamped anew, one time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from binance_spot_mcp.catalogue.endpoint import Endpoint, Params
from binance_spot_mcp.catalogue.market import SERVER_TIME, ExchangeInfo, ServerTimeParams
from binance_spot_mcp.errors import Refused, Rejected, Unavailable, Unreachable
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.signing import Signer
from binance_spot_mcp.transport.call import Answer, Call, Departing
from binance_spot_mcp.transport.clock import Sample, ServerClock
from binance_spot_mcp.transport.ledger import SHARES, CallClass, Cost, Ledger, LedgerState, RateLedger
from binance_spot_mcp.transport.limits import stated_limits
from binance_spot_mcp.transport.venue import Venue, checked, configured_venue
from binance_spot_mcp.transport.world import World

if TYPE_CHECKING:
    from binance_spot_mcp.transport.connector import SocketKind
    from binance_spot_mcp.transport.line import Line
    from binance_spot_mcp.transport.socket import Listener, Socket
    from binance_spot_mcp.transport.turns import Turns

__all__ = ["Answer", "Spot", "Venue", "World", "configured_venue"]

READ_TRIES = 3
READ_PATIENCE_MS = 10_000
"""No read is tried again later than this after its call began."""
BACKOFF_MS = 500
"""The first pause before a read is tried again is drawn from 0 to this, the next from 0 to twice that."""
CLOCK_SAMPLES = 3
SLOW_NETWORK_MS = 5_000
"""When to come back after an order was refused because the network is too slow."""

OpenLedger = Callable[[Venue, ServerClock], Ledger]
"""Finds the rate ledger that belongs to an exchange. It may take a moment, so it is called in a thread."""

P = TypeVar("P", bound=Params)
R = TypeVar("R")


class Spot:
    """The exchange, as the rest of the server sees it. Nothing is opened before the first call.

    Args:
        settings: The operator's settings.
        venue: Finds the exchange on the first call, e.g. by starting the built-in paper exchange. Without it the
            settings name the exchange.
        world: Clocks, waiting and chance.
        ledger: Finds the rate ledger; without it this client counts for itself alone.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        venue: Callable[[], Awaitable[Venue]] | None = None,
        world: World | None = None,
        ledger: OpenLedger | None = None,
    ) -> None:
        self._settings = settings
        self._find_venue = venue
        self._find_ledger = ledger
        self._world = world or World()
        self._line: Line | None = None
        self._opening = asyncio.Lock()
        self._measuring = asyncio.Lock()
        self.clock = ServerClock(self._world.monotonic_ns, self._world.wall_ns)

    async def call(self, endpoint: Endpoint[P, R], params: P, *, urgent: bool = False) -> R:
        """Call an endpoint and give its payload; arguments and errors as in `fetch`."""
        return (await self.fetch(endpoint, params, urgent=urgent)).payload

    async def fetch(
        self,
        endpoint: Endpoint[P, R],
        params: P,
        *,
        urgent: bool = False,
        departing: Departing | None = None,
        share: CallClass = "market",
    ) -> Answer[R]:
        """Call an endpoint and give its payload together with the exchange's own JSON.

        Args:
            endpoint: What to call.
            params: Its parameters, already validated.
            urgent: For finding out what became of an order: may use the part of the limits that is kept for that.
            departing: Awaited before the first byte of each attempt; an error that it raises keeps the call here.
            share: For whom it is made, where it may use more of the limits than by itself.

        Raises:
            NotSent: Nothing left: no key, no turn in the rate ledger, no connection.
            Rejected: The exchange refused, or (Unavailable) could not serve a read.
            PartlyDone: One half of a cancel-replace happened.
            OutcomeUnknown: An order may have been changed.
        """
        from structlog.contextvars import bound_contextvars, get_contextvars  # noqa: PLC0415  (slow; first call only)

        request_id = get_contextvars().get("request_id") or self._world.new_id()
        with bound_contextvars(request_id=request_id):
            line = await self._open()
            call = self._prepared(line, endpoint, params, "urgent" if urgent else share)
            call = replace(call, departing=departing)
            if endpoint.signed:
                line.credentials(needed_by=endpoint.name)
                await self._know_the_time(call)
            answer: Answer[R] = await (self._stamped(line, call) if call.changes else self._read(line, call))
        if isinstance(answer.payload, ExchangeInfo):
            self._learn_limits(line, answer.payload)
        return answer

    async def venue(self) -> Venue:
        """Which exchange is talked to."""
        return (await self._open()).venue

    async def signer(self, needed_by: str) -> Signer:
        """What signs for the venue's key.

        Raises:
            Refused: There is no key, or it cannot be used.
        """
        return (await self._open()).credentials(needed_by).signer

    async def measure_clock(self, samples: int = CLOCK_SAMPLES) -> None:
        """Measure offset and round trip to the exchange's clock; of several samples the median counts."""
        line = await self._open()
        call = self._prepared(line, SERVER_TIME, ServerTimeParams(), "urgent")
        # Over REST, orders go to the first host, so it is this one's round trip that matters.
        call = replace(call, origins=call.origins[:1])
        scale = 1 if self._settings.microseconds else 1000
        answers = [await self._read(line, call) for _ in range(samples)]
        was_us = self.clock.zero_us
        self.clock.measured(
            [Sample(answer.sent_ns, answer.received_ns, answer.payload.server_time * scale) for answer in answers]
        )
        line.turns.ledger.clock_moved((self.clock.zero_us - was_us) // 1000, self.clock.now_ms())

    async def rate_limits(self) -> LedgerState:
        """Every limit and hold, as `get_rate_limits` shows them."""
        line = await self._open()
        return line.turns.ledger.state(self.clock.now_ms(), line.venue.account)

    async def connect(self, kind: "SocketKind", listener: "Listener") -> "Socket":
        """Open a socket; errors as in `Connector.open`."""
        return await (await self._open()).connector.open(kind, listener)

    async def turns(self) -> "Turns":
        """For whatever is sent over such a socket."""
        return (await self._open()).turns

    async def aclose(self) -> None:
        """Close every connection."""
        if self._line is not None:
            await self._line.aclose()

    async def _open(self) -> "Line":
        async with self._opening:
            if self._line is None:
                from binance_spot_mcp.transport.line import Line  # noqa: PLC0415  (httpx is slow to import)

                venue = await self._find_venue() if self._find_venue else configured_venue(self._settings)
                venue = checked(venue, self._settings.env)
                find = self._find_ledger
                ledger = await asyncio.to_thread(find, venue, self.clock) if find else RateLedger()
                self._line = Line(venue, self._settings, self._world, self.clock, ledger)
            return self._line

    def _prepared(self, line: "Line", endpoint: Endpoint[P, R], params: P, share: CallClass) -> Call:
        origins = line.venue.rest[:1] if endpoint.signed else line.venue.rest
        if endpoint.data_only and line.venue.market_data:
            origins = (*origins, line.venue.market_data)
        method = endpoint.method(params)
        if not line.carries(method, origins):
            raise Refused(
                "The host in BINANCE_BASE_URL serves public market data alone; remove the setting for this call."
                if line.venue.market_data
                else "REST, which this call needs, is off, as BINANCE_BASE_URL names no exchange.",
                code="ENDPOINT_REFUSED",
            )
        return Call(
            endpoint=endpoint,
            wire=params.wire(),
            members=params.members(),
            cost=Cost(endpoint.cost(params), endpoint.order_count, account=line.account),
            call_class=max(_class_of(endpoint), share, key=SHARES.__getitem__),
            origins=origins,
            method=method,
        )

    async def _know_the_time(self, call: Call) -> None:
        """Measure the exchange's clock where that is due, and refuse an order that would arrive after its window."""
        async with self._measuring:
            if self.clock.due:
                await self._remeasure()
        window_ms = self._settings.recv_window
        if call.endpoint.effect not in ("place", "amend") or self.clock.round_trip_ms <= window_ms:
            return
        await self.measure_clock(samples=1)
        if self.clock.round_trip_ms > window_ms:
            raise Refused(
                f"A round trip to the exchange takes {self.clock.round_trip_ms} ms, longer than BINANCE_RECV_WINDOW "
                f"({window_ms} ms), so an order could arrive too late: the network is too slow for orders now.",
                code="CLOCK_SKEW",
                retry="at",
                retry_at_ms=self.clock.now_ms() + SLOW_NETWORK_MS,
                next="get_server_time",
            )

    async def _remeasure(self) -> None:
        """Measure the clock; an older measurement will do where that fails, for the exchange checks the timestamp."""
        try:
            await self.measure_clock()
        except (Unreachable, Unavailable) as failure:
            if self.clock.known:
                return
            raise Unreachable(
                f"The exchange's clock could not be read, so nothing was signed. {failure.message}",
                code=failure.code,
                retry_at_ms=failure.retry_at_ms,
            ) from None

    async def _read(self, line: "Line", call: Call) -> Answer[Any]:
        """Send a call that changes nothing, up to three times; a public one to another host each time."""
        began_ns = self._world.monotonic_ns()
        tries = 0
        while True:
            try:
                return await self._stamped(line, call, tries)
            except (Unreachable, Unavailable) as failure:
                pause_ms = self._world.random() * BACKOFF_MS * 2**tries
                spent_ms = (self._world.monotonic_ns() - began_ns) / 1_000_000
                tries += 1
                if failure.retry != "at" or tries == READ_TRIES or spent_ms + pause_ms > READ_PATIENCE_MS:
                    raise
            await self._world.sleep(pause_ms / 1000)

    async def _stamped(self, line: "Line", call: Call, tries: int = 0) -> Answer[Any]:
        """Send a call; where its timestamp is refused, measure the clock, sign it anew and send it once more."""
        origin = call.origin(tries)
        try:
            return await line.once(call, origin)
        except Rejected as refusal:
            if refusal.code != "CLOCK_SKEW":
                raise
        await self.measure_clock()
        try:
            return await line.once(call, origin)
        except Rejected as refusal:
            if refusal.code == "CLOCK_SKEW":
                refusal.details = {
                    "offset_ms": self.clock.offset_ms,
                    "round_trip_ms": self.clock.round_trip_ms,
                    "recv_window_ms": self._settings.recv_window,
                }
            raise

    @staticmethod
    def _learn_limits(line: "Line", info: ExchangeInfo) -> None:
        line.turns.ledger.learn(
            stated_limits(
                (limit.rate_limit_type, limit.interval, limit.interval_num, limit.limit) for limit in info.rate_limits
            )
        )


def _class_of(endpoint: Endpoint[Any, Any]) -> CallClass:
    match endpoint.effect:
        case "cancel":
            return "urgent"
        case "place" | "amend" | "test":
            return "order"
        case "read":
            return "account" if endpoint.signed else "market"
