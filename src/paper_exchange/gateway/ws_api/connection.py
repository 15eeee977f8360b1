"""One WebSocket API connection.

Source: web-socket-api.md#general-api-information, #ip-limits
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from paper_exchange.gateway.api import Api
from paper_exchange.gateway.sockets.socket import Socket, text_frame
from paper_exchange.gateway.streams.payloads import server_shutdown
from paper_exchange.gateway.ws_api.session import Answered, Session
from paper_exchange.gateway.ws_api.user_data import UserData
from paper_exchange.market.wire import TimeUnit

CONNECT_WEIGHT: Final = 2

_BANNED: Final = 418


class ApiConnection:
    """A session on a socket.

    Args:
        answer: Answers one frame of a connection, where that is not simply what the session does.
    """

    def __init__(
        self,
        socket: Socket,
        api: Api,
        user_data: UserData,
        *,
        unit: TimeUnit,
        returns_rate_limits: bool,
        answer: "Answer | None" = None,
    ) -> None:
        self.socket = socket
        self.session = Session(
            api,
            user_data,
            self.post,
            address=socket.address,
            unit=unit,
            returns_rate_limits=returns_rate_limits,
        )
        self._unit = unit
        self._answer = _answer if answer is None else answer

    def post(self, message: bytes) -> None:
        """Send a message."""
        self.socket.post(text_frame(message))

    def send(self, answered: Answered) -> None:
        """Send an answer; one that bans the client is the last."""
        self.post(answered.message)
        if answered.status == _BANNED:
            self.socket.hang_up(CloseCode.POLICY_VIOLATION, "disconnected")

    def announce_end(self, now_us: int) -> None:
        """Tell the client that it should open another connection."""
        self.post(msgspec.json.encode({"event": server_shutdown(now_us, self._unit)}))

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while True:
                await self._answer(self, await self.socket.recv(decode=False))
        except ConnectionClosed:
            pass  # however it ended
        finally:
            self.session.close()


Answer = Callable[[ApiConnection, bytes], Awaitable[None]]


async def _answer(connection: ApiConnection, frame: bytes) -> None:
    connection.send(connection.session.answer(frame))
