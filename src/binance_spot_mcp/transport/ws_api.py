"""The WebSocket API as a carrier: one connection, kept open from the first call on.

A connection is replaced before its day is over, when the exchange announces its end, and when an answer did not come:
the new one is opened first, and requests that are out finish on the old one.

Source: web-socket-api.md#general-api-information
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import replace

import msgspec

from binance_spot_mcp.errors import SpotError, Unreachable
from binance_spot_mcp.logs import logger
from binance_spot_mcp.signing import ws_signed
from binance_spot_mcp.transport.call import Attempt
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.failures import lost, never_left
from binance_spot_mcp.transport.limits import WEIGHT_PER_MINUTE
from binance_spot_mcp.transport.rest import ANSWER_SECONDS
from binance_spot_mcp.transport.socket import Listener, Socket
from binance_spot_mcp.transport.verdict import Reply
from binance_spot_mcp.transport.world import World
from binance_spot_mcp.transport.ws_session import OK, Lost, Session

LIFE_S = 23 * 3600
LIFE_SPREAD_S = 1800
"""A connection is replaced after 23 hours, or up to so much earlier; the exchange ends it after 24."""
STEADY_S = 60
"""A connection that lasted so long starts the pauses anew."""
PAUSE_S = 1
LONGEST_PAUSE_S = 60
"""The pause after a failure is drawn from 0 to the first of these, the next from 0 to twice that, up to the second."""
PATIENCE_MS = 2_000
"""A call that needs the connection does not wait for one that will not even be tried before that."""
LOGON = "session.logon"

_log = logger("transport.ws_api")


class WsApi:
    """A carrier: the kept connection. Nothing is opened before somebody asks whether it is ready.

    Args:
        dial: Opens a socket, or raises why there is none.
        world: Clocks, waiting and chance.
        clock: Server time.
        answer_seconds: Deadline of one attempt in all.
    """

    raw_requests = 0

    def __init__(
        self,
        dial: Callable[[Listener], Awaitable[Socket]],
        world: World,
        clock: ServerClock,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._dial = dial
        self._world = world
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._session: Session | None = None
        self._sessions: set[Session] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._outcome: asyncio.Future[SpotError | None] | None = None
        self._failure: SpotError = never_left("There is no connection to the WebSocket API.")
        self._next_dial_ns = 0
        self._is_closed = False

    def ready(self) -> bool:
        """Whether a request would leave now. The first to ask has the connection opened."""
        if (self._keeping is None or self._keeping.done()) and not self._is_closed:
            # It belongs to no call, so it takes no call's name into the log.
            self._keeping = asyncio.get_running_loop().create_task(self._keep(), context=Context())
        return self._session is not None and self._session.is_open

    async def opened(self) -> None:
        """Wait until a request would leave.

        Raises:
            Unreachable: The attempt to connect failed, or the next one will not be made soon.
        """
        if self.ready():
            return
        pause_ms = (self._next_dial_ns - self._world.monotonic_ns()) // 1_000_000
        if pause_ms > PATIENCE_MS or self._is_closed:
            raise _unreachable(self._failure, self._clock.now_ms() + pause_ms)
        if self._outcome is None:
            self._outcome = asyncio.get_running_loop().create_future()
        if failure := await asyncio.shield(self._outcome):
            raise _unreachable(failure, failure.retry_at_ms)

    async def carry(self, attempt: Attempt) -> Reply:
        """Sign an attempt and send it, as `Carrier` says."""
        call, session = attempt.call, self._session
        if call.method is None or session is None or not session.is_open:
            raise never_left("The connection to the WebSocket API is not open.")
        log = _log.bind(method=call.method)
        started_ns = self._world.monotonic_ns()
        try:
            async with asyncio.timeout(self._answer_seconds):
                reply = await session.ask(call.method, _params(attempt, session))
        except (Lost, TimeoutError) as end:
            cause = str(end) if isinstance(end, Lost) else session.fell_silent()
            log.warning("no answer", cause=cause, ms=self._since_ms(started_ns))
            raise lost(cause, changes=call.changes) from None
        weight = reply.used.get(WEIGHT_PER_MINUTE)
        log.info("answered", status=reply.status, used_weight=weight, ms=self._since_ms(started_ns))
        if call.method == LOGON and reply.status == OK:
            session.logon = "on"
        return replace(reply, body=_unwrapped(reply.body)) if call.endpoint.route.ws_in_array else reply

    def begin_logon(self) -> bool:
        """Whether the session should be logged on now; said once in the life of each."""
        if self._session is None or self._session.logon != "none":
            return False
        self._session.logon = "asked"
        return True

    async def aclose(self) -> None:
        """Close every connection, whatever is out."""
        self._is_closed = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        self._tell(self._failure)
        await asyncio.gather(*(session.aclose() for session in self._sessions))

    def _since_ms(self, started_ns: int) -> int:
        return (self._world.monotonic_ns() - started_ns) // 1_000_000

    # Keeping it open

    async def _keep(self) -> None:
        """Open one connection after the other; each before the last one is given up, where that is possible."""
        failures = 0
        while True:
            try:
                session = await self._open()
            except SpotError as failure:
                self._failure = failure
            else:
                opened_ns = self._world.monotonic_ns()
                await self._until_due(session)
                if self._since_ms(opened_ns) >= STEADY_S * 1000:
                    failures = 0
                    if session.is_open:
                        continue
                self._failure = never_left(f"{session.why}.")
            await self._pause(failures)
            failures += 1

    async def _open(self) -> Session:
        session = Session(self._world.monotonic_ns)
        try:
            session.opened(await self._dial(session))
        except SpotError as failure:
            self._tell(failure)
            raise
        old, self._session = self._session, session
        self._sessions = {each for each in self._sessions if not each.is_over} | {session}
        if old is not None:
            old.retire()
        self._tell(None)
        return session

    async def _until_due(self, session: Session) -> None:
        """Wait until another connection should take the place of this one."""
        life_s = LIFE_S - self._world.random() * LIFE_SPREAD_S
        ends = [asyncio.ensure_future(self._world.sleep(life_s)), asyncio.ensure_future(session.due.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _pause(self, failures: int) -> None:
        pause_s = self._world.random() * min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(failures, 10))
        if self._failure.retry_at_ms is not None:
            pause_s = max(pause_s, (self._failure.retry_at_ms - self._clock.now_ms()) / 1000)
        self._next_dial_ns = self._world.monotonic_ns() + int(pause_s * 1_000_000_000)
        _log.warning("no connection", why=self._failure.message, next_try_s=round(pause_s, 1))
        await self._world.sleep(pause_s)

    def _tell(self, failure: SpotError | None) -> None:
        """Tell those who wait for the connection what came of it."""
        if self._outcome is not None:
            self._outcome.set_result(failure)
            self._outcome = None


def _unreachable(failure: SpotError, retry_at_ms: int | None) -> Unreachable:
    return Unreachable(failure.message, code=failure.code, retry_at_ms=retry_at_ms)


def _params(attempt: Attempt, session: Session) -> Mapping[str, object]:
    """What is sent, signed by itself unless the session is logged on."""
    call, key = attempt.call, attempt.credentials
    if key is None:
        return call.members
    if session.logon == "on":
        return {**call.members, **attempt.stamp}
    signed = ws_signed({**attempt.wire, "apiKey": key.api_key.get_secret_value()}, key.signer)
    return {**signed, **call.members, **attempt.stamp}


def _unwrapped(body: bytes) -> bytes:
    """The one element of an array; anything else as it is, for the decoder to refuse."""
    try:
        elements = msgspec.json.decode(body, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        return body
    return bytes(elements[0]) if len(elements) == 1 else body
