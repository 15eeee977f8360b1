"""The line to the exchange: one attempt of a call, from its turn in the rate ledger to what became of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection

from binance_spot_mcp.catalogue.session import LOG_ON, LogOnParams
from binance_spot_mcp.errors import NotSent, OutcomeUnknown, RateLimited, Refused, SpotError, Unavailable, Unreachable
from binance_spot_mcp.logs import logger
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.transport.call import Answer, Attempt, Call, Carrier, Credentials
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.failures import never_left
from binance_spot_mcp.transport.ledger import Cost, RateLedger, Reservation, Wait
from binance_spot_mcp.transport.rest import RestTransport
from binance_spot_mcp.transport.venue import Venue
from binance_spot_mcp.transport.verdict import (
    Reply,
    banned_until_ms,
    exceeded,
    exchange_error,
    verdict,
)
from binance_spot_mcp.transport.world import World
from binance_spot_mcp.transport.ws_api import WsApi
from binance_spot_mcp.transport.ws_connection import open_connection

TURN_PATIENCE_MS = 2_000
"""A call waits at most this long for its turn in the rate ledger."""
JITTER_MS = 1_000
CONNECT = Cost(weight=2, raw_requests=0, connections=1)
CONNECT_ROUTE = "connect to the WebSocket API"
TRY_AGAIN_MS = 5_000
OVERLOADED_MS = 60_000
"""When to come back where nobody said when: after a failure, and after -1008."""

_CODE_LIKE = re.compile(
    r"[^\w.,:\[\]\" -]|\b(?:select|union|insert|update|delete|drop|exec|script|or|and)\b", re.IGNORECASE
)


_log = logger("transport.line")


class Line:
    """Sends attempts to one venue. The ledger and the clock are shared with whoever else uses them."""

    def __init__(self, venue: Venue, settings: Settings, world: World, clock: ServerClock, ledger: RateLedger) -> None:
        self.venue = venue
        self._settings = settings
        self._world = world
        self._clock = clock
        self._ledger = ledger
        self._credentials: Credentials | None = None
        self._rest = RestTransport(
            microseconds=settings.microseconds, proxy=settings.proxy, monotonic_ns=world.monotonic_ns
        )
        speaks = venue.ws_api is not None and settings.transport != "rest"
        self._ws_api = WsApi(self._connect, world, clock) if speaks else None
        self._logging_on: asyncio.Task[None] | None = None

    def credentials(self, needed_by: str) -> Credentials:
        """The key and what signs with it; made ready when it is first needed.

        Raises:
            Refused: There is no key, or it cannot be used.
        """
        if self._credentials is None:
            if self.venue.api_key is None or self.venue.signer is None:
                raise Refused(
                    f"{needed_by} needs a key for {self._settings.env}: set BINANCE_API_KEY with BINANCE_API_SECRET or "
                    "BINANCE_PRIVATE_KEY_PATH. BINANCE_ENV=paper needs none.",
                    code="AUTH_FAILED",
                )
            self._credentials = Credentials(self.venue.api_key, self.venue.signer())
        return self._credentials

    async def once(self, call: Call, origin: str) -> Answer[Any]:
        """One attempt: wait for a turn, stamp, sign, send, settle, judge. Errors as in `Spot.fetch`."""
        try:
            carrier, reservation = await self._turn(call)
            reply = await self._carried(carrier, self._stamped(call, origin), reservation)
            self._ledger.settle(reservation, reply.used, self._clock.now_ms())
            self._hold_back(call.route, reply)
            if error := verdict(reply, changes=call.changes):
                raise error
            return Answer(_decoded(call, reply), reply.body, reply.used, reply.sent_ns, reply.received_ns)
        except SpotError as failure:
            self._complete(failure, call)
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        if self._ws_api is not None:
            await self._ws_api.aclose()
        await self._rest.aclose()

    def carries(self, method: str | None, origins: Sequence[str]) -> bool:
        """Whether there is a way for a call with such a method of the WebSocket API, and such hosts for REST."""
        return bool(origins) or (method is not None and self._ws_api is not None)

    async def _turn(self, call: Call) -> tuple[Carrier, Reservation]:
        """Wait until the ledger lets the call leave over the carrier that is the right one then."""
        socket = self._ws_api if call.method is not None else None
        only_socket = self._settings.transport == "ws" or not call.origins
        if socket is not None and only_socket:
            await socket.opened()
        deadline_ms = self._clock.now_ms() + TURN_PATIENCE_MS
        while True:
            now_ms = self._clock.now_ms()
            carrier: Carrier = socket if socket is not None and (only_socket or socket.ready()) else self._rest
            cost = replace(call.cost, raw_requests=carrier.raw_requests)
            turn = self._ledger.reserve(cost, call.call_class, call.route, now_ms)
            if not isinstance(turn, Wait):
                return carrier, turn
            if turn.until_ms is None:
                raise Refused(f"{turn.why}, and this call alone is more; ask for less.", code="LIMIT_EXCEEDED")
            if turn.until_ms > deadline_ms:
                raise RateLimited(
                    f"{turn.why}. Nothing was sent; wait until retry_at_ms.",
                    code=turn.code,
                    retry_at_ms=turn.until_ms,
                    next="get_rate_limits",
                )
            await self._world.sleep((turn.until_ms - now_ms) / 1000)

    def _stamped(self, call: Call, origin: str) -> Attempt:
        if not call.endpoint.signed:
            return Attempt(call, origin, {}, None)
        now = self._clock.now_us() if self._settings.microseconds else self._clock.now_ms()
        stamp = {"recvWindow": self._settings.recv_window, "timestamp": now}
        return Attempt(call, origin, stamp, self.credentials(call.endpoint.name))

    async def _carried(self, carrier: Carrier, attempt: Attempt, reservation: Reservation) -> Reply:
        try:
            if attempt.call.departing is not None:
                await attempt.call.departing(self._clock.now_ms())
            self._log_on_if_due(carrier, attempt.credentials)
            return await carrier.carry(attempt)
        except NotSent as failure:
            self._ledger.release(reservation)
            if isinstance(failure, Unreachable) and self._settings.env != "paper":
                failure.message += " BINANCE_ENV=paper needs no network."
            raise
        except BaseException:
            self._ledger.settle(reservation, {}, self._clock.now_ms())
            raise

    async def _connect(self) -> ClientConnection:
        """Connect to the WebSocket API: an attempt like any other, in the ledger as before the judge."""
        unit = "?timeUnit=MICROSECOND" if self._settings.microseconds else ""
        turn = self._ledger.reserve(CONNECT, "urgent", CONNECT_ROUTE, self._clock.now_ms())
        if isinstance(turn, Wait):
            raise RateLimited(f"{turn.why}.", code=turn.code, retry_at_ms=turn.until_ms)
        try:
            made = await open_connection(f"{self.venue.ws_api}{unit}", self._settings.proxy)
        finally:
            self._ledger.settle(turn, {}, self._clock.now_ms())
        if isinstance(made, ClientConnection):
            return made
        self._hold_back(CONNECT_ROUTE, made)
        raise verdict(made, changes=False) or never_left("The host of the WebSocket API does not speak WebSocket.")

    def _log_on_if_due(self, carrier: Carrier, key: Credentials | None) -> None:
        """Spare later requests their signature where the key can, without keeping this one waiting."""
        if carrier is not self._ws_api or key is None or key.signer.kind != "Ed25519":
            return
        if self._ws_api.begin_logon():
            self._logging_on = asyncio.create_task(self._log_on())

    async def _log_on(self) -> None:
        call = Call(LOG_ON, {}, {}, Cost(LOG_ON.cost(LogOnParams())), "account", (), LOG_ON.route.ws)
        try:
            await self.once(call, "")
        except SpotError as failure:
            _log.warning("not logged on, so every request is signed", why=failure.message)

    def _hold_back(self, route: str, reply: Reply) -> None:
        """Enter what a 429, 418 or 403 asks for into the ledger."""
        now_ms = self._clock.now_ms()
        match reply.status:
            case 429:
                jitter_ms = int(self._world.random() * JITTER_MS)
                self._ledger.throttled(exceeded(reply), reply.pause_ms, jitter_ms, now_ms)
            case 418:
                said = exchange_error(reply)
                self._ledger.banned(max(now_ms + (reply.pause_ms or 0), banned_until_ms(said)), now_ms)
            case 403 if exchange_error(reply) is None:
                self._ledger.blocked(route, now_ms)

    def _complete(self, failure: SpotError, call: Call) -> None:
        """Add what only the call knows: which value the firewall may have minded, and when to come back."""
        if failure.code == "WAF_BLOCKED":
            failure.details = {"suspicious": [name for name, text in call.wire.items() if _CODE_LIKE.search(text)]}
        if failure.retry == "at" and failure.retry_at_ms is None:
            now_ms = self._clock.now_ms()
            overloaded = failure.exchange is not None and failure.exchange.code == -1008
            later_ms = now_ms + (OVERLOADED_MS if overloaded else TRY_AGAIN_MS)
            failure.retry_at_ms = self._ledger.held_until(call.cost, call.route, now_ms) or later_ms


def _decoded(call: Call, reply: Reply) -> Any:
    try:
        return call.endpoint.decode(reply.body)
    except (msgspec.DecodeError, RecursionError) as error:
        if call.changes:
            raise OutcomeUnknown(
                "Binance took the request, but its answer cannot be read, so it may have happened."
            ) from None
        if exchange_error(reply) is not None:
            # The WebSocket API is documented to refuse so where a symbol has no reference price.
            raise verdict(replace(reply, status=400), changes=False) or error from None
        if _is_json(reply.body):
            raise Unavailable(
                f"Binance's answer to {call.endpoint.name} is not of the documented form: {error}.",
                code="INTERNAL",
                sent="no",
                retry="never",
            ) from None
        raise Unavailable("Binance's answer was cut short or is no JSON; try again shortly.", sent="no") from None


def _is_json(body: bytes) -> bool:
    """Whether a body is whole JSON of any form; a decoder that knows its form may stop before the end is missing."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
