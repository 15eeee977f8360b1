"""The line to the exchange: one attempt of a call, from its turn in the rate ledger to what became of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from binance_spot_mcp.catalogue.session import LOG_ON, LogOnParams
from binance_spot_mcp.errors import NotSent, OutcomeUnknown, Refused, SpotError, Unavailable, Unreachable
from binance_spot_mcp.logs import logger
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.transport.call import Answer, Attempt, Call, Carrier, Credentials
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.connector import Connector
from binance_spot_mcp.transport.ledger import Cost, Ledger, Reservation
from binance_spot_mcp.transport.rest import RestTransport
from binance_spot_mcp.transport.turns import Turns
from binance_spot_mcp.transport.venue import Venue
from binance_spot_mcp.transport.verdict import Reply, exchange_error, verdict
from binance_spot_mcp.transport.world import World
from binance_spot_mcp.transport.ws_api import WsApi

TRY_AGAIN_MS = 5_000
OVERLOADED_MS = 60_000
"""When to come back where nobody said when: after a failure, and after -1008."""
OVERLOADED = -1008

_CODE_LIKE = re.compile(
    r"[^\w.,:\[\]\" -]|\b(?:select|union|insert|update|delete|drop|exec|script|or|and)\b", re.IGNORECASE
)


_log = logger("transport.line")


class Line:
    """Sends attempts to one venue, and opens sockets to it.

    Attributes:
        venue: Where.
        account: Whose unfilled orders count.
        turns: Leave to send.
        connector: Opens sockets.
    """

    def __init__(self, venue: Venue, settings: Settings, world: World, clock: ServerClock, ledger: Ledger) -> None:
        self.venue = venue
        self.account = venue.account
        self.turns = Turns(ledger, clock, world)
        self.connector = Connector(venue, settings, self.turns)
        self._settings = settings
        self._clock = clock
        self._credentials: Credentials | None = None
        self._rest = RestTransport(
            microseconds=settings.microseconds, proxy=settings.proxy, monotonic_ns=world.monotonic_ns
        )
        speaks = venue.ws_api is not None and settings.transport != "rest"
        self._ws_api = WsApi(partial(self.connector.open, "ws_api"), world, clock) if speaks else None
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
            self.turns.answered(reservation, call.route, reply)
            if error := verdict(reply, changes=call.changes):
                raise error
            return Answer(_decoded(call, reply), reply.body, reply.used, reply.sent_ns, reply.received_ns)
        except SpotError as failure:
            self._complete(failure, call)
            raise

    async def aclose(self) -> None:
        """Close every connection, and let go of the ledger."""
        if self._ws_api is not None:
            await self._ws_api.aclose()
        await self._rest.aclose()
        self.turns.ledger.close()

    def carries(self, method: str | None, origins: Sequence[str]) -> bool:
        """Whether there is a way for a call with such a method of the WebSocket API, and such hosts for REST."""
        return bool(origins) or (method is not None and self._ws_api is not None)

    async def _turn(self, call: Call) -> tuple[Carrier, Reservation]:
        """Wait until the ledger lets the call leave over the carrier that is the right one then."""
        socket = self._ws_api if call.method is not None else None
        only_socket = self._settings.transport == "ws" or not call.origins
        if socket is not None and only_socket:
            await socket.opened()
        carrier: Carrier = self._rest

        def cost() -> Cost:
            nonlocal carrier
            carrier = socket if socket is not None and (only_socket or socket.ready()) else self._rest
            return replace(call.cost, raw_requests=carrier.raw_requests)

        turn = await self.turns.take(cost, call.call_class, call.route)
        return carrier, turn

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
            self.turns.unused(reservation)
            if isinstance(failure, Unreachable) and self._settings.env != "paper":
                failure.message += " BINANCE_ENV=paper needs no network."
            raise
        except BaseException:
            self.turns.lost(reservation)
            raise

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

    def _complete(self, failure: SpotError, call: Call) -> None:
        """Add what only the call knows: which value the firewall may have minded, and when to come back."""
        if failure.code == "WAF_BLOCKED":
            failure.details = {"suspicious": [name for name, text in call.wire.items() if _CODE_LIKE.search(text)]}
        overloaded = failure.exchange is not None and failure.exchange.code == OVERLOADED
        if (failure.retry == "at" or overloaded) and failure.retry_at_ms is None:
            later_ms = self._clock.now_ms() + (OVERLOADED_MS if overloaded else TRY_AGAIN_MS)
            failure.retry_at_ms = self.turns.held_until(call.cost, call.route) or later_ms


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
