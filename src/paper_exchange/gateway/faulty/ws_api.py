"""The WebSocket API under observation: every request is written down, and a plan may spoil it."""

from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Raw

from paper_exchange.faults import effects
from paper_exchange.faults.belt import Belt, Invent, Send, Treat
from paper_exchange.faults.plan import Struck
from paper_exchange.faults.rules import Occasion
from paper_exchange.gateway.faulty.connections import treat
from paper_exchange.gateway.faulty.trouble import Trouble
from paper_exchange.gateway.socket_server import API_PATH
from paper_exchange.gateway.ws_api.connection import ApiConnection
from paper_exchange.gateway.ws_api.requests import Unreadable, WsRequest, read
from paper_exchange.gateway.ws_api.session import Answered
from paper_exchange.keys import KeyRing
from paper_exchange.oracle import Request

_OK = 200


class _Lost(Exception):
    """Nothing is answered."""


class FaultyApi:
    """Answers requests, or does not.

    Args:
        keys: Whose key comes with a request.
    """

    def __init__(self, trouble: Trouble, keys: KeyRing) -> None:
        self._trouble = trouble
        self._keys = keys
        self._belts: WeakKeyDictionary[ApiConnection, Belt[Answered]] = WeakKeyDictionary()

    async def answer(self, connection: ApiConnection, frame: bytes) -> None:
        """Answer a frame."""
        try:
            asked = read(frame)
        except Unreadable as unreadable:
            connection.send(connection.session.turn_down(unreadable))
            return
        request = self._written_down(connection, asked)
        struck = None
        if self._trouble.plan.watches("ws_api"):
            symbol = asked.sent.get("symbol", "")
            struck = self._trouble.plan.strike(Occasion("ws_api", asked.method, API_PATH, symbol))
        if struck is None:
            self._send(connection, request, self._carried_out(connection, asked, request))
            return
        request.fault = struck.rule.id
        befalling = self._befall(struck, connection, asked, request)
        if isinstance(struck.effect, effects.Delay):
            self._trouble.beside(befalling)  # other requests on the connection do not wait
        else:
            await befalling

    def _written_down(self, connection: ApiConnection, asked: WsRequest) -> Request:
        key = self._keys.find(asked.api_key or "")
        account = connection.session.account if key is None else key.account
        return self._trouble.oracle.arrived("ws_api", asked.method, API_PATH, asked.sent, account=account)

    def _carried_out(
        self, connection: ApiConnection, asked: WsRequest, request: Request, struck: Struck | None = None
    ) -> Answered:
        with self._trouble.carrying_out(request, struck):
            return connection.session.carry_out(asked)

    async def _befall(self, struck: Struck, connection: ApiConnection, asked: WsRequest, request: Request) -> None:
        try:
            instead = await self._met(struck, connection, asked) if struck.phase == "before" else None
            if instead is None:
                answered = self._carried_out(connection, asked, request, struck)
                instead = await self._met(struck, connection, asked) if struck.phase == "after" else None
        except _Lost:
            self._trouble.oracle.settled(request, "nobody")
            return
        if instead is not None:
            self._send(connection, request, instead, by_fault=True)
        elif struck.phase == "reply":
            await self._spoil(struck, connection, request, answered)
        else:
            self._send(connection, request, answered)

    async def _met(self, struck: Struck, connection: ApiConnection, asked: WsRequest) -> Answered | None:
        """What happens before or after the exchange acts; an answer that is sent in the place of its own.

        Raises:
            _Lost: None is sent.
        """
        match struck.effect:
            case effects.NoReply() | effects.Drop():
                raise _Lost
            case effects.Reset() | effects.Close():
                treat(struck, [connection.socket], self._trouble)
                raise _Lost
            case effects.Stall():
                treat(struck, [connection.socket], self._trouble)
                if struck.phase == "before":
                    raise _Lost
            case effects.Reply() as reply:
                return _scripted(reply, {"id": Raw(asked.id)})
            case effects.Delay() as delay:
                await self._trouble.pause(delay, struck)
            case effects.Refuse():
                await self._trouble.upset(struck)
                raise _Lost
            case effects.Skew() | effects.QueryLag():
                pass  # happens while the request is carried out
            case _:
                await self._trouble.upset(struck)
        return None

    async def _spoil(self, struck: Struck, connection: ApiConnection, request: Request, answered: Answered) -> None:
        """Send the exchange's answer, but not as it should be."""
        match struck.effect:
            case effects.Delay() as delay:
                await self._trouble.pause(delay, struck)
                self._send(connection, request, answered)
            case effects.Reply() as reply:
                original = msgspec.json.decode(answered.message, type=dict[str, Raw])
                self._send(connection, request, _scripted(reply, original), by_fault=True)
            case effects.Kill():
                self._send(connection, request, answered)
                connection.socket.flush()
                await self._trouble.upset(struck)
            case _:
                self._send(connection, request, answered, struck=struck)

    def _send(
        self,
        connection: ApiConnection,
        request: Request,
        answered: Answered,
        *,
        by_fault: bool = False,
        struck: Struck | None = None,
    ) -> None:
        self._trouble.oracle.settled(request, "fault" if by_fault else "exchange", answered.status)
        belt = self._belts.get(connection)
        if belt is None:
            if struck is None:
                connection.send(answered)
                return
            belt = self._belts[connection] = Belt()
        for step in belt.carry(struck, None, answered):
            match step:
                case Send(message=sent):
                    connection.send(sent)
                case Invent(event=event):
                    connection.post(msgspec.json.encode(event.payload))
                case Treat():
                    raise AssertionError("unreachable: answers are treated before they are sent")


def _scripted(reply: effects.Reply, original: dict[str, Any]) -> Answered:
    """The answer that a rule gives, with what it leaves open taken from the exchange's."""
    status = reply.status
    if status is None:
        status = msgspec.json.decode(original["status"], type=int)
    if isinstance(reply.body, str):
        return Answered(status, reply.body.encode())
    envelope = {**original, "status": status}
    if reply.body is not None:
        envelope.pop("result", None)
        envelope.pop("error", None)
        envelope["result" if status == _OK else "error"] = reply.body
    return Answered(status, msgspec.json.encode(envelope))
