"""The REST API under observation: every request is written down, and a plan may spoil it."""

from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paper_exchange.faults import effects
from paper_exchange.faults.plan import Struck
from paper_exchange.faults.rules import Occasion
from paper_exchange.gateway.faulty.trouble import US_PER_MS, Trouble
from paper_exchange.gateway.front import HttpPort, Wire
from paper_exchange.gateway.refusals import Rejected
from paper_exchange.gateway.rest import Incoming, RestGateway, read
from paper_exchange.keys import KeyRing
from paper_exchange.oracle import Request

_JSON: Final = "application/json;charset=UTF-8"
_LENGTH: Final = "content-length"


class Lost(Exception):
    """Nothing is answered: the connection is gone, or silent until the client leaves."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request that is befallen, with the way back to its client."""

    struck: Struck
    incoming: Incoming
    request: Request
    wire: Wire
    scope: Scope
    receive: Receive
    send: Send


class FaultyRest:
    """An ASGI application: the gateway, with whatever the plan has for it.

    Attributes:
        port: Where it is listened for.
    """

    port: HttpPort

    def __init__(self, gateway: RestGateway, trouble: Trouble, keys: KeyRing) -> None:
        self._gateway = gateway
        self._trouble = trouble
        self._keys = keys
        self._silent: set[Wire] = set()

    def close(self) -> None:
        """End the connections on which somebody waits in vain."""
        for wire in list(self._silent):
            wire.reset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or not."""
        if scope["type"] != "http":
            return
        try:
            incoming = await read(scope, receive)
        except ClientDisconnect:
            return
        params = _params(incoming)
        request = self._written_down(incoming, params)
        struck = None
        if self._trouble.plan.watches("rest"):
            symbol = params.get("symbol", "")
            struck = self._trouble.plan.strike(Occasion("rest", incoming.method, incoming.path, symbol))
        wire = self.port.wire(scope["client"])
        if struck is None or wire is None:
            response = self._carried_out(incoming, request)
            self._trouble.oracle.settled(request, "exchange", response.status_code)
            await response(scope, receive, send)
            return
        request.fault = struck.rule.id
        visit = _Visit(struck, incoming, request, wire, scope, receive, send)
        try:
            await self._befall(visit)
        except Lost:
            self._trouble.oracle.settled(request, "nobody")
            await self._until_gone(visit)

    def _written_down(self, incoming: Incoming, params: dict[str, str]) -> Request:
        key = self._keys.find(incoming.api_key or "")
        account = None if key is None else key.account
        return self._trouble.oracle.arrived("rest", incoming.method, incoming.path, params, account=account)

    def _carried_out(self, incoming: Incoming, request: Request, struck: Struck | None = None) -> Response:
        with self._trouble.carrying_out(request, struck):
            return self._gateway.answer(incoming)

    async def _befall(self, visit: _Visit) -> None:
        struck = visit.struck
        if struck.phase == "before" and (instead := await self._met(visit)) is not None:
            await self._send(visit, instead, by_fault=True)
            return
        response = self._carried_out(visit.incoming, visit.request, struck)
        if struck.phase == "after" and (instead := await self._met(visit)) is not None:
            await self._send(visit, instead, by_fault=True)
        elif struck.phase == "reply":
            await self._spoil(visit, response)
        else:
            await self._send(visit, response)

    async def _met(self, visit: _Visit) -> Response | None:
        """What happens before or after the exchange acts; an answer that is sent in the place of its own.

        Raises:
            Lost: None is sent.
        """
        match visit.struck.effect:
            case effects.Reset():
                visit.wire.reset()
                raise Lost
            case effects.NoReply():
                raise Lost
            case effects.Reply() as reply:
                return _scripted(reply)
            case effects.Redirect(to=to, status=status):
                return Response(status_code=status, headers={"Location": to})
            case effects.Delay() as delay:
                await self._trouble.pause(delay, visit.struck)
            case effects.Refuse():
                await self._trouble.upset(visit.struck)
                raise Lost
            case effects.Skew() | effects.QueryLag():
                pass  # happens while the request is carried out
            case _:
                await self._trouble.upset(visit.struck)
        return None

    async def _spoil(self, visit: _Visit, response: Response) -> None:
        """Send the exchange's answer, but not as it should be."""
        match visit.struck.effect:
            case effects.Delay() as delay:
                await self._trouble.pause(delay, visit.struck)
                await self._send(visit, response)
            case effects.Reply() as reply:
                await self._send(visit, _scripted(reply, response), by_fault=True)
            case effects.Cut(keep=keep, whole_length=False):
                body = bytes(response.body)[:keep]
                await self._send(visit, _with_body(response, body), by_fault=True)
            case effects.Cut(keep=keep):
                visit.wire.hold()
                await self._send(visit, response, by_fault=True)
                visit.wire.cut(keep)
            case effects.Drip(size=size, every_ms=every_ms):
                visit.wire.hold()
                await self._send(visit, response)
                await visit.wire.drip(size, every_ms * US_PER_MS)
            case _:
                await self._send(visit, response)
                await self._trouble.upset(visit.struck)

    async def _send(self, visit: _Visit, response: Response, *, by_fault: bool = False) -> None:
        self._trouble.oracle.settled(visit.request, "fault" if by_fault else "exchange", response.status_code)
        await response(visit.scope, visit.receive, visit.send)

    async def _until_gone(self, visit: _Visit) -> None:
        """Say nothing for as long as the client waits."""
        self._silent.add(visit.wire)
        try:
            while (await visit.receive())["type"] != "http.disconnect":
                pass
        finally:
            self._silent.discard(visit.wire)


def _params(incoming: Incoming) -> dict[str, str]:
    """What was sent, as far as it can be read."""
    try:
        return incoming.said.values
    except Rejected:
        return {}


def _scripted(reply: effects.Reply, original: Response | None = None) -> Response:
    """The answer that a rule gives, with what it leaves open taken from the exchange's."""
    if original is None:
        original = Response(status_code=200)
    body, kind = bytes(original.body), original.headers.get("content-type", _JSON)
    if isinstance(reply.body, str):
        body, kind = reply.body.encode(), "text/html; charset=utf-8"
    elif reply.body is not None:
        body, kind = msgspec.json.encode(reply.body), _JSON
    response = _with_body(original, body)
    response.headers["content-type"] = kind
    response.headers.update(reply.headers)
    response.status_code = reply.status or original.status_code
    return response


def _with_body(original: Response, body: bytes) -> Response:
    headers = {name: value for name, value in original.headers.items() if name != _LENGTH}
    return Response(body, original.status_code, headers)
