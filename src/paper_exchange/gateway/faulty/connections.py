"""What faults do to open WebSockets."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial

import msgspec

from paper_exchange.faults import effects
from paper_exchange.faults.plan import Struck
from paper_exchange.gateway.faulty.trouble import Trouble
from paper_exchange.gateway.front import reset
from paper_exchange.gateway.rendering import Json
from paper_exchange.gateway.socket_server import SocketServer
from paper_exchange.gateway.sockets.socket import Socket
from paper_exchange.gateway.streams.connection import StreamConnection
from paper_exchange.gateway.ws_api.connection import ApiConnection
from paper_exchange.gateway.ws_api.user_events import UserEvent
from paper_exchange.market.wire import TimeUnit


def treat(struck: Struck, sockets: Iterable[Socket], trouble: Trouble) -> None:
    """Do to connections what a rule says."""
    for socket in sockets:
        match struck.effect:
            case effects.Close(code=code, reason=reason):
                socket.hang_up(code, reason)
            case effects.Reset():
                reset(socket.transport)
            case effects.Stall(ms=ms):
                socket.stall()
                if ms is not None:
                    trouble.later(ms, socket.resume)


def drawn(event: effects.Event, _: TimeUnit) -> Json:
    """The payload that a rule makes up, as it is."""
    return event.payload


def invented(event: effects.Event) -> UserEvent:
    """The user data event that a rule makes up."""
    return UserEvent(str(event.payload.get("e", "")), "", partial(drawn, event))


class Connections:
    """The open connections of a server, as rules speak of them."""

    def __init__(self, server: SocketServer, trouble: Trouble) -> None:
        self._server = server
        self._trouble = trouble

    def of_stream(self, name: str) -> list[Socket]:
        """Those that listen to a market stream."""
        listeners = self._server.audience.listeners(name)
        return [listener.socket for listener in listeners if isinstance(listener, StreamConnection)]

    def of_account(self, account: int) -> list[Socket]:
        """Those that hear what happens to an account."""
        return [each.socket for each in self._sessions() if account in each.session.accounts]

    def treat_all(self, struck: Struck) -> None:
        """Do what a rule says to every connection that it is about, without an occasion."""
        effect, where, pattern = struck.effect, struck.rule.where, struck.rule.match.stream
        if where == "market":
            streams = [each for each in self._streams() if _listens_to(each, pattern)]
            if isinstance(effect, effects.Event):
                for connection in streams:
                    connection.say(effect.stream, partial(drawn, effect))
            treat(struck, [each.socket for each in streams], self._trouble)
            return
        sessions = [each for each in self._sessions() if where == "ws_api" or each.session.accounts]
        if isinstance(effect, effects.Event) and where == "ws_api":
            for session in sessions:
                session.post(msgspec.json.encode(effect.payload))
        elif isinstance(effect, effects.Event):
            for account in set[int]().union(*(each.session.accounts for each in sessions)):
                self._server.user_data.send(account, [invented(effect)])
        treat(struck, [each.socket for each in sessions], self._trouble)

    def _streams(self) -> list[StreamConnection]:
        return [each for each in self._server.connections if isinstance(each, StreamConnection)]

    def _sessions(self) -> list[ApiConnection]:
        return [each for each in self._server.connections if isinstance(each, ApiConnection)]


def _listens_to(connection: StreamConnection, pattern: str) -> bool:
    return pattern == "*" or any(fnmatchcase(name, pattern) for name in connection.names)
