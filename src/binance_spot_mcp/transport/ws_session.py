"""One connection to the WebSocket API: requests leave under a number, and answers find their way back by it.

Source: web-socket-api.md#request-format, #response-format, #connection-events, #session-authentication
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from websockets.frames import CloseCode

from binance_spot_mcp.logs import logger
from binance_spot_mcp.transport.limits import stated_counts
from binance_spot_mcp.transport.socket import Socket
from binance_spot_mcp.transport.verdict import Reply

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
    """A connection and the requests that are out on it. It listens to its socket.

    Args:
        monotonic_ns: A clock for round trips.

    Attributes:
        logon: How far a logon has come: requests of a session that is `on` need no signature.
        due: Set when another connection should take its place.
        is_over: Whether it has ended.
        why: Why it is due, as a sentence without its full stop.
    """

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self.logon: Literal["none", "asked", "on", "revoked"] = "none"
        self.due = asyncio.Event()
        self.is_over = False
        self.why = ""
        self._socket: Socket | None = None
        self._monotonic_ns = monotonic_ns
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[_Found]] = {}
        self._is_retired = False
        self._is_silent = False
        self._over = asyncio.Event()

    def opened(self, socket: Socket) -> None:
        """It is there."""
        self._socket = socket

    @property
    def is_open(self) -> bool:
        """Whether a request would leave now, and an answer can be hoped for."""
        return self._socket is not None and self._socket.is_open and not self.is_over and not self._is_silent

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
            if self._socket is not None:
                self._socket.send(frame.decode())
            found = await answer
        finally:
            del self._waiting[number]
            self._close_if_done()
        if isinstance(found, Lost):
            raise found
        message, received_ns = found
        return _reply(message, sent_ns, received_ns)

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
        if self._socket is not None:
            self._socket.close()
            await self._over.wait()

    def _close_if_done(self) -> None:
        if self._is_retired and not self._waiting and self._socket is not None:
            self._socket.close()

    def _replace(self, why: str) -> str:
        self.why = self.why or why
        self.due.set()
        return why

    # What its socket says

    def heard(self, message: bytes) -> None:
        """A message came."""
        if self.is_over:
            return
        try:
            self._take(message)
        except (msgspec.DecodeError, RecursionError):
            self._end("A message that cannot be read ended the connection")
            if self._socket is not None:
                self._socket.close(CloseCode.INVALID_DATA)

    def pinged(self) -> None:
        """The exchange is there; we ask it ourselves, so that says nothing new."""

    def ended(self, why: str) -> None:
        """The connection is over."""
        self._end(why)
        self._over.set()

    def _end(self, why: str) -> None:
        if self.is_over:
            return
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


_Found = tuple[_Message, int] | Lost
"""An answer and the monotonic time of its arrival, or why there will be none."""


def read_reply(message: bytes) -> Reply:
    """What an answer that can be read says, for whoever asked over a socket of its own."""
    return _reply(_read_message(message), 0, 0)


def _reply(message: _Message, sent_ns: int, received_ns: int) -> Reply:
    when = _when(message)
    return Reply(
        status=message.status,
        body=bytes(message.result if message.status == OK else message.error),
        used=stated_counts(
            (limit.rate_limit_type, limit.interval, limit.interval_num, limit.count) for limit in message.rate_limits
        ),
        pause_until_ms=_milliseconds(when.retry_after),
        told_at_ms=_milliseconds(when.server_time),
        sent_ns=sent_ns,
        received_ns=received_ns,
    )


def _when(message: _Message) -> _When:
    """Until when an answer asks us to wait, and what the exchange's clock shows."""
    if message.status not in HELD:
        return _When()
    try:
        return _read_held(message.error).data
    except msgspec.MsgspecError:
        return _When()


def _milliseconds(epoch: int | None) -> int | None:
    """A time of day in milliseconds; with `timeUnit=MICROSECOND` it may have come in microseconds."""
    return epoch // 1000 if epoch is not None and epoch >= FIRST_IN_MICROSECONDS else epoch
