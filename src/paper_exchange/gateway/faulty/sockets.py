"""WebSockets under observation: who is let in, what is asked on the WebSocket API, what streams say."""

import asyncio
from http import HTTPStatus

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Response

from paper_exchange.faults import effects
from paper_exchange.faults.rules import CONNECT, Occasion, Where
from paper_exchange.gateway.faulty.connections import Connections
from paper_exchange.gateway.faulty.streams import FaultyStreams
from paper_exchange.gateway.faulty.trouble import Trouble
from paper_exchange.gateway.faulty.ws_api import FaultyApi
from paper_exchange.gateway.front import reset
from paper_exchange.gateway.socket_server import API_PATH, SocketServer
from paper_exchange.gateway.sockets.socket import Socket
from paper_exchange.keys import KeyRing


class FaultySockets:
    """Stands between sockets and exchange.

    Args:
        keys: Whose key comes with a request.
    """

    def __init__(self, trouble: Trouble, keys: KeyRing) -> None:
        self._trouble = trouble
        self._silent: set[asyncio.Future[None]] = set()
        self.answer = FaultyApi(trouble, keys).answer

    def watch(self, server: SocketServer) -> None:
        """Have a say in what a server's streams say, and in how long its connections live."""
        connections = Connections(server, self._trouble)
        FaultyStreams(self._trouble, server, connections)
        self._trouble.on_sockets = connections.treat_all
        self._trouble.ports["ws_api"] = self._trouble.ports["market"] = server

    def close(self) -> None:
        """Let go of clients that wait to be let in."""
        for waiting in self._silent:
            if not waiting.done():  # its client may have left
                waiting.set_result(None)

    async def admit(self, socket: Socket, path: str) -> Response | None:
        """Let a client in (None), or say what it is told instead."""
        where: Where = "ws_api" if path.rstrip("/") == API_PATH else "market"
        plan, occasion = self._trouble.plan, Occasion(where, CONNECT, path)
        struck = plan.strike(occasion) if plan.watches(where) else None
        if struck is None:
            return None
        self._trouble.oracle.struck(struck, occasion)
        match struck.effect:
            case effects.Reply() as reply:
                return _scripted(reply)
            case effects.Delay() as delay:
                await self._trouble.pause(delay, struck)
                return None
            case effects.NoReply():
                await self._silence()
            case effects.Refuse():
                await self._trouble.upset(struck)
        reset(socket.transport)
        return _scripted(effects.Reply(status=HTTPStatus.SERVICE_UNAVAILABLE))  # nobody gets it

    async def _silence(self) -> None:
        """Wait until the server ends, or the library's patience with a handshake."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._silent.add(waiting)
        try:
            await waiting
        finally:
            self._silent.discard(waiting)


def _scripted(reply: effects.Reply) -> Response:
    status = HTTPStatus(reply.status or HTTPStatus.OK)
    is_text = isinstance(reply.body, str)
    body = b"" if reply.body is None else reply.body.encode() if is_text else msgspec.json.encode(reply.body)
    kind = "text/html; charset=utf-8" if is_text else "application/json;charset=UTF-8"
    headers = {"Content-Type": kind, "Connection": "close", **reply.headers, "Content-Length": str(len(body))}
    return Response(status, status.phrase, Headers(headers), body)
