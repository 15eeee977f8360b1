"""One REST request, sent once. What became of it is said by the error that is raised, or by the reply.

Whether bytes left is taken from httpx's own trace of the connection, never guessed from the kind of error alone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from binance_spot_mcp import __version__
from binance_spot_mcp.errors import SpotError, Unavailable
from binance_spot_mcp.logs import logger
from binance_spot_mcp.signing import query_string, signed_query
from binance_spot_mcp.transport.call import Attempt
from binance_spot_mcp.transport.failures import lost, never_left, proxy_failed, why_unreachable
from binance_spot_mcp.transport.limits import WEIGHT_PER_MINUTE, counts
from binance_spot_mcp.transport.verdict import Reply, date_ms, retry_after_ms

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""One attempt in all. Binance itself gives up after 10 s and says so with -1007."""
BODY_CAP = 32 * 2**20
"""Bytes. The whole exchangeInfo of production is above 8 MiB; anything much larger is not an answer."""

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.LocalProtocolError)

_log = logger("transport.rest")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it will be sent.

    Attributes:
        method: The HTTP method.
        origin: Scheme, host and port, already checked against the environment's hosts.
        path: The path below it.
        query: The query string, percent-encoded and signed: these very bytes go out.
        api_key: Sent as a header, if there is one.
        changes: Whether the request may change orders.
    """

    method: str
    origin: str
    path: str
    query: str
    api_key: SecretStr | None
    changes: bool


class _Progress:
    """What httpx says of a request under way."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self.seen = False
        self.sent_ns: int | None = None
        self.received_ns: int | None = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """The callback that httpx calls at each step. A proxy's CONNECT is not yet our request."""
        self.seen = True
        if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            self.sent_ns = self._monotonic_ns()
        elif event.endswith("receive_response_headers.complete") and self.sent_ns is not None:
            self.received_ns = self._monotonic_ns()

    @property
    def nothing_left(self) -> bool:
        """Whether it is certain that no byte of the request was written."""
        return self.seen and self.sent_ns is None


class RestTransport:
    """A carrier: the connections to the exchange's REST API. Nothing is opened before the first attempt.

    Args:
        microseconds: Whether answers carry their times in microseconds.
        proxy: The one proxy to use; those of the environment are ignored.
        monotonic_ns: A clock for round trips.
        answer_seconds: Deadline of one attempt in all.
        body_cap: Most bytes of a body that are read.
    """

    raw_requests = 1

    def __init__(
        self,
        *,
        microseconds: bool = False,
        proxy: SecretStr | None = None,
        monotonic_ns: Callable[[], int],
        answer_seconds: float = ANSWER_SECONDS,
        body_cap: int = BODY_CAP,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._answer_seconds = answer_seconds
        self._body_cap = body_cap
        headers = {"User-Agent": f"binance-spot-mcp/{__version__}", "Accept": "application/json"}
        if microseconds:
            headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
        self._http = httpx.AsyncClient(
            headers=headers,
            follow_redirects=False,
            trust_env=False,
            proxy=proxy.get_secret_value() if proxy else None,
            timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=30),
        )

    async def carry(self, attempt: Attempt) -> Reply:
        """Sign an attempt and send it, as `Carrier` says."""
        call, key = attempt.call, attempt.credentials
        return await self.send(
            HttpRequest(
                method=call.endpoint.route.method,
                origin=attempt.origin,
                path=call.endpoint.route.path,
                query=signed_query(attempt.wire, key.signer) if key else query_string(attempt.wire),
                api_key=key.api_key if key else None,
                changes=call.changes,
            )
        )

    async def send(self, request: HttpRequest) -> Reply:
        """Send a request once; answer and errors as in `carry`."""
        progress = _Progress(self._monotonic_ns)
        started_ns = self._monotonic_ns()
        log = _log.bind(method=request.method, path=request.path)
        try:
            async with asyncio.timeout(self._answer_seconds):
                reply = await self._exchange(request, progress)
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, _TooLarge) as error:
            failure = _failure(error, progress, request)
            log.warning("no answer", cause=type(error).__name__, code=failure.code, ms=self._since_ms(started_ns))
            # The library's own error would show the URL, and with it the signature, in a traceback.
            raise failure from None
        weight = reply.used.get(WEIGHT_PER_MINUTE)
        log.info("answered", status=reply.status, used_weight=weight, ms=self._since_ms(started_ns))
        return reply

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _since_ms(self, started_ns: int) -> int:
        return (self._monotonic_ns() - started_ns) // 1_000_000

    async def _exchange(self, asked: HttpRequest, progress: _Progress) -> Reply:
        url = f"{asked.origin}{asked.path}" + (f"?{asked.query}" if asked.query else "")
        headers = {"X-MBX-APIKEY": asked.api_key.get_secret_value()} if asked.api_key else None
        request = self._http.build_request(asked.method, url, headers=headers, extensions={"trace": progress.trace})
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._body_cap:
                    raise _TooLarge
        finally:
            await response.aclose()
        now_ns = self._monotonic_ns()
        said = {name.lower(): value for name, value in response.headers.items()}
        return Reply(
            status=response.status_code,
            body=bytes(body),
            used=counts(said),
            pause_ms=retry_after_ms(said),
            pause_until_ms=date_ms(said, "retry-after"),
            told_at_ms=date_ms(said, "date") if response.status_code >= 400 else None,
            sent_ns=now_ns if progress.sent_ns is None else progress.sent_ns,
            received_ns=now_ns if progress.received_ns is None else progress.received_ns,
        )


class _TooLarge(Exception):
    """The body is above the cap."""


def _failure(error: Exception, progress: _Progress, request: HttpRequest) -> SpotError:
    if isinstance(error, _NEVER_LEFT) or progress.nothing_left:
        return never_left(_why_unreachable(error, urlsplit(request.origin).netloc))
    if isinstance(error, _TooLarge) and not request.changes:
        return Unavailable(f"{_why_lost(error)}; narrow the request.", code="TOO_LARGE", sent="no", retry="after_fix")
    return lost(_why_lost(error), changes=request.changes)


def _why_unreachable(error: Exception, host: str) -> str:
    if isinstance(error, httpx.ProxyError):
        return proxy_failed(host)
    # httpx has an error of its own for every time-out.
    return why_unreachable(TimeoutError() if isinstance(error, httpx.TimeoutException) else error, host)


def _why_lost(error: Exception) -> str:
    match error:
        case _TooLarge():
            return "The answer was larger than any that Binance should give"
        case httpx.TimeoutException() | TimeoutError():
            return "No complete answer came in time"
        case httpx.DecodingError() | httpx.RemoteProtocolError():
            return "The answer was broken or cut short"
        case _:
            return "The connection broke"
