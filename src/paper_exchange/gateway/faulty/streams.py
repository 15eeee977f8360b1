"""Market and user data streams under observation: a plan decides what becomes of each message before it is sent."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from paper_exchange.faults import effects
from paper_exchange.faults.belt import Belt, Invent, Send, Treat
from paper_exchange.faults.plan import Struck
from paper_exchange.faults.rules import Occasion
from paper_exchange.gateway.faulty.connections import Connections, drawn, invented, treat
from paper_exchange.gateway.faulty.trouble import Trouble
from paper_exchange.gateway.socket_server import SocketServer
from paper_exchange.gateway.sockets.socket import Socket
from paper_exchange.gateway.streams.hub import Message
from paper_exchange.gateway.ws_api.user_events import UserEvent

MessageT = TypeVar("MessageT", Message, UserEvent)


@dataclass(frozen=True, slots=True)
class _Way(Generic[MessageT]):
    """Where a message was going.

    Attributes:
        send: Sends one there.
        invent: Makes one up that could go there.
        sockets: The connections that it was for.
    """

    send: Callable[[MessageT], None]
    invent: Callable[[effects.Event], MessageT]
    sockets: Callable[[], Iterable[Socket]]


class FaultyStreams:
    """Alters what the streams of a server say."""

    def __init__(self, trouble: Trouble, server: SocketServer, connections: Connections) -> None:
        self._trouble = trouble
        self._server = server
        self._connections = connections
        self._market: Belt[Message] = Belt()
        self._user: Belt[UserEvent] = Belt()
        server.audience.alter = self._alter_market
        server.user_data.alter = self._alter_user

    def _alter_market(self, messages: Iterable[Message]) -> Iterable[Message]:
        if self._market.is_empty and not self._trouble.plan.watches("market"):
            return messages
        return (sent for message in messages for sent in self._market_message(message))

    def _market_message(self, message: Message) -> Iterator[Message]:
        name = message.stream
        way = _Way(
            send=lambda late: self._server.audience.send([late]),
            invent=lambda event: Message(name, partial(drawn, event)),
            sockets=lambda: self._connections.of_stream(name),
        )
        struck = self._struck(Occasion("market", symbol=_symbol(name), stream=name))
        return self._carried(self._market, struck, name, message, way)

    def _alter_user(self, account: int, messages: Iterable[UserEvent]) -> Iterable[UserEvent]:
        if self._user.is_empty and not self._trouble.plan.watches("user"):
            return messages
        return (sent for message in messages for sent in self._user_message(account, message))

    def _user_message(self, account: int, message: UserEvent) -> Iterator[UserEvent]:
        way = _Way(
            send=lambda late: self._server.user_data.send(account, [late]),
            invent=invented,
            sockets=lambda: self._connections.of_account(account),
        )
        struck = self._struck(Occasion("user", symbol=message.symbol, stream=message.kind))
        return self._carried(self._user, struck, account, message, way)

    def _struck(self, occasion: Occasion) -> Struck | None:
        struck = self._trouble.plan.strike(occasion)
        if struck is not None:
            self._trouble.oracle.struck(struck, occasion)
        return struck

    def _carried(
        self, belt: Belt[MessageT], struck: Struck | None, line: Hashable, message: MessageT, way: _Way[MessageT]
    ) -> Iterator[MessageT]:
        """What is sent now in the place of a message."""
        for step in belt.carry(struck, line, message):
            match step:
                case Send(message=sent, after_ms=0):
                    yield sent
                case Send(message=sent, after_ms=late_ms):
                    self._trouble.later(late_ms, partial(way.send, sent))
                case Invent(event=event):
                    yield way.invent(event)
                case Treat(struck=deed):
                    if isinstance(deed.effect, effects.Refuse):
                        self._trouble.beside(self._trouble.upset(deed))
                    treat(deed, way.sockets(), self._trouble)


def _symbol(stream: str) -> str:
    """The symbol in the name of a market stream, empty in those about all."""
    return "" if stream.startswith("!") else stream.partition("@")[0].upper()
