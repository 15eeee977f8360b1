"""Binance's REST protocol: an ASGI application over the endpoints.

Source: rest-api.md#http-return-codes, #general-information-on-endpoints, #limits; CHANGELOG.md (2023-12-04: 404)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paper_exchange.gateway import sent
from paper_exchange.gateway.api import Api, Reply
from paper_exchange.gateway.api import Request as ApiRequest
from paper_exchange.gateway.auth import Credentials
from paper_exchange.gateway.endpoint import Endpoint
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rendering import time_unit
from paper_exchange.gateway.sent import Sent

_JSON = "application/json;charset=UTF-8"
_SBE = "application/sbe"
_SBE_SCHEMA = re.compile(r"[0-9]{1,9}:[0-9]{1,9}").fullmatch
_MAX_BODY = 65_536
_REMOVED = frozenset(f"{method} /api/v3/userDataStream" for method in ("POST", "PUT", "DELETE"))
"""Gone since 2026-02-20; the web server in front answers, not the exchange."""
_GONE = "<html><head><title>410 Gone</title></head><body><center><h1>410 Gone</h1></center></body></html>"
_NOT_FOUND = "<html><body><h2>404 Not found</h2></body></html>"

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Incoming:
    """One HTTP request, read to its end.

    Attributes:
        body: None when it is longer than any request needs.
        address: The IP address it came from.
    """

    method: str
    path: str
    query: bytes
    body: bytes | None
    headers: Headers
    address: str

    @cached_property
    def said(self) -> Sent:
        """Its parameters, and what was signed.

        Raises:
            Rejected: They cannot be read.
        """
        return sent.read(self.query, self.body or b"")

    @property
    def api_key(self) -> str | None:
        """The key that came with it."""
        return self.headers.get("x-mbx-apikey")


async def read(scope: Scope, receive: Receive) -> Incoming:
    """Read an HTTP request.

    Raises:
        ClientDisconnect: The client went away meanwhile.
    """
    request = Request(scope, receive)
    return Incoming(
        method=request.method,
        path=scope["path"],
        query=scope["query_string"],
        body=b"" if request.method == "GET" else await _body(request),
        headers=request.headers,
        address=request.client.host if request.client else "",
    )


class RestGateway:
    """The ASGI application; whoever has read a request may ask it for the answer alone."""

    def __init__(self, api: Api, endpoints: Mapping[str, Endpoint]) -> None:
        self._api = api
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        try:
            incoming = await read(scope, receive)
        except ClientDisconnect:
            return
        await self.answer(incoming)(scope, receive, send)

    def answer(self, incoming: Incoming) -> Response:
        """Do what a request asks, at once and as a whole."""
        route = f"{incoming.method} {incoming.path}"
        if route in _REMOVED:
            return Response(_GONE, 410, media_type="text/html")
        endpoint = self._endpoints.get(route)
        accept = incoming.headers.get("accept", "")
        if endpoint is None:
            return _not_found(accept)
        if accept == _SBE:
            return Response(status_code=406)
        if incoming.body is None:
            return Response(status_code=413)
        address = incoming.address
        try:
            said = incoming.said
            unit = time_unit(incoming.headers.get("x-mbx-time-unit", ""))
            _refuse_sbe(incoming.headers.get("x-mbx-sbe"))
        except Rejected as error:
            return self._response(self._api.turn_down(endpoint, error, address), address)
        credentials = Credentials(incoming.api_key, said.payload, said.signature)
        reply = self._api.handle(endpoint, ApiRequest(said.values, credentials, address, unit))
        return self._response(reply, address)

    def _response(self, reply: Reply, address: str) -> Response:
        return Response(_encode(reply.payload), reply.status, self._headers(reply, address), _JSON)

    def _headers(self, reply: Reply, address: str) -> dict[str, str]:
        venue = self._api.venue
        now_us = venue.exchange.now_us()
        weight = venue.limits.address(address).weight
        used = str(weight.count(now_us))
        headers = {"X-MBX-USED-WEIGHT": used, f"X-MBX-USED-WEIGHT-{weight.limit.suffix}": used}
        if reply.account is not None:
            for meter in venue.limits.account(reply.account).meters:
                headers[f"X-MBX-ORDER-COUNT-{meter.limit.suffix}"] = str(meter.count(now_us))
        if reply.retry_at_us is not None:
            headers["Retry-After"] = str(max(1, -(-(reply.retry_at_us - now_us) // 1_000_000)))
        return headers


async def _body(request: Request) -> bytes | None:
    """The body, None when it is longer than any request needs."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return None
    return body


def _refuse_sbe(schema: str | None) -> None:
    """The binary encoding is switched off here. Source: faqs/sbe_faq.md"""
    if schema is None:
        return
    if not _SBE_SCHEMA(schema):
        raise Rejected(-1152, "Invalid X-MBX-SBE header; expected <SCHEMA_ID>:<VERSION>.")
    raise Rejected(-1155, "SBE is not enabled.")


def _not_found(accept: str) -> Response:
    if "text/html" in accept:
        return Response(_NOT_FOUND, 404, media_type="text/html")
    return Response(status_code=404)
