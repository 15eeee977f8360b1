"""One connection to the WebSocket API: requests leave under a number, and answers find their way back by it.

Source: web-socket-api.md#request-format, #response-format, #connection-events, #session-authentication
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from binance_spot_mcp.logs import logger
from binance_spot_mcp.transport.ledger import stated_counts
from binance_spot_mcp.transport.verdict import Reply
from binance_spot_mcp.transport.ws_connection import MOST_BYTES

OK, REVOKED, HELD = 200, 401, (418, 429)
SHUTDOWN = "serverShutdown"
FIRST_IN_MICROSECONDS = 10**14
"""In milliseconds this lies three thousand years ahead."""

_log = logger("transport.ws_api")


class Lost(Exception):
    """The connection ended while a request was out; the text says why, without a full stop."""


class _RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    count: int


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    """Whatever comes in: an answer, or an event."""

    id: int | str | None = None
    status: int = 0
    result: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")
    rate_limits: tuple[_RateLimit, ...] = ()
    event: msgspec.Raw = msgspec.Raw(b"")


class _Event(msgspec.Struct, frozen=True):
    e: str = ""


class _When(msgspec.Struct, frozen=True, rename="camel"):
    server_time: int | None = None
    retry_after: int | None = None


class _Held(msgspec.Struct, frozen=True):
    data: _When


_read_message = msgspec.json.Decoder(_Message).decode
_read_event = msgspec.json.Decoder(_Event).decode
_read_held = msgspec.json.Decoder(_Held).decode


class Session:
    """An open connection and the requests that are out on it.

    Args:
        connection: Just opened.
        monotonic_ns: A clock for round trips.
        now_ms: Server time, for pauses that are stated as a time of day.

    Attributes:
        logon: How far a logon has come: requests of a session that is `on` need no signature.
        due: Set when another connection should take its place.
        is_over: Whether it has ended.
        why: Why it is due, as a sentence without its full stop.
    """

    def __init__(
        self, connection: ClientConnection, monotonic_ns: Callable[[], int], now_ms: Callable[[], int]
    ) -> None:
        self.logon: Literal["none", "asked", "on", "revoked"] = "none"
        self.due = asyncio.Event()
        self.is_over = False
        self.why = ""
        self._connection = connection
        self._monotonic_ns = monotonic_ns
        self._now_ms = now_ms
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[_Found]] = {}
        self._is_retired = False
        self._is_silent = False
        self._reading = asyncio.create_task(self._read())
        self._closing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request would leave now, and an answer can be hoped for."""
        return self._connection.state is State.OPEN and not self.is_over and not self._is_silent

    async def ask(self, method: str, params: Mapping[str, object]) -> Reply:
        """Send a request and wait for its answer. The session must be open.

        Raises:
            Lost: The connection ended before the answer came.
        """
        number = next(self._numbers)
        frame = msgspec.json.encode({"id": number, "method": method, "params": params})
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        sent_ns = self._monotonic_ns()
        try:
            # The library writes before it waits for anything, so a session that is open now takes the request.
            await self._connection.send(frame, text=True)
            found = await answer
        except ConnectionClosed as closed:
            raise Lost(_why_closed(closed)) from None
        finally:
            del self._waiting[number]
            self._close_if_done()
        if isinstance(found, Lost):
            raise found
        message, received_ns = found
        return self._reply(message, sent_ns, received_ns)

    def fell_silent(self) -> str:
        """An answer did not come in time: take no more requests. Gives the cause as a sentence without full stop."""
        self._is_silent = True
        return self._replace("No complete answer came in time")

    def retire(self) -> None:
        """Take no more requests; close once all that are out are answered or given up."""
        self._is_retired = True
        self._close_if_done()

    async def aclose(self) -> None:
        """Close the connection, whatever is out."""
        await self._connection.close()
        await self._reading
        if self._closing is not None:
            await self._closing

    def _close_if_done(self) -> None:
        if self._is_retired and not self._waiting and self._closing is None:
            self._closing = asyncio.create_task(self._connection.close())

    def _replace(self, why: str) -> str:
        self.why = self.why or why
        self.due.set()
        return why

    # What comes in

    async def _read(self) -> None:
        why = "The connection broke"
        try:
            while True:
                self._take(await self._connection.recv(decode=False))
        except ConnectionClosed as closed:
            why = _why_closed(closed)
        except (msgspec.DecodeError, RecursionError):
            why = "A message that cannot be read ended the connection"
            self._end(why)
            await self._connection.close(CloseCode.INVALID_DATA)
        finally:
            self._end(why)

    def _end(self, why: str) -> None:
        self.is_over = True
        self._replace(why)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(Lost(why))

    def _take(self, text: bytes) -> None:
        received_ns = self._monotonic_ns()
        message = _read_message(text)
        if message.event:
            if _read_event(message.event).e == SHUTDOWN:
                self._replace("Binance announced the end of the connection")
            return
        answer = self._addressee(message)
        if answer is not None and not answer.done():
            answer.set_result((message, received_ns))

    def _addressee(self, message: _Message) -> "asyncio.Future[_Found] | None":
        """Who waits for an answer. One without a number is to the only request that is out, if one alone is."""
        if isinstance(message.id, int):
            return self._waiting.get(message.id)
        _log.warning("an answer without a number", status=message.status)
        if message.status == REVOKED and self.logon == "on":
            self.logon = "revoked"
        return next(iter(self._waiting.values())) if len(self._waiting) == 1 else None

    def _reply(self, message: _Message, sent_ns: int, received_ns: int) -> Reply:
        return Reply(
            status=message.status,
            body=bytes(message.result if message.status == OK else message.error),
            used=stated_counts(
                (limit.rate_limit_type, limit.interval, limit.interval_num, limit.count)
                for limit in message.rate_limits
            ),
            pause_ms=self._pause_ms(message) if message.status in HELD else None,
            sent_ns=sent_ns,
            received_ns=received_ns,
        )

    def _pause_ms(self, message: _Message) -> int | None:
        """How long an answer asks us to wait, until a time of day by the exchange's own clock."""
        try:
            when = _read_held(message.error).data
        except msgspec.MsgspecError:
            return None
        if when.retry_after is None:
            return None
        now_ms = self._now_ms() if when.server_time is None else _milliseconds(when.server_time)
        return max(0, _milliseconds(when.retry_after) - now_ms)


_Found = tuple[_Message, int] | Lost
"""An answer and the monotonic time of its arrival, or why there will be none."""


def _milliseconds(epoch: int) -> int:
    """A time of day in milliseconds; with `timeUnit=MICROSECOND` it may have come in microseconds."""
    return epoch // 1000 if epoch >= FIRST_IN_MICROSECONDS else epoch


def _why_closed(closed: ConnectionClosed) -> str:
    if closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
        return f"An answer above {MOST_BYTES // 2**20} MiB ended the connection"
    if closed.rcvd is not None and closed.rcvd_then_sent is not False:
        return f"Binance closed the connection (code {closed.rcvd.code})"
    return "The connection broke"
