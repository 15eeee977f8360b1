"""One WebSocket API connection.

Source: web-socket-api.md#general-api-information, #ip-limits
"""

from typing import Final

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from paper_exchange.gateway.api import Api
from paper_exchange.gateway.sockets.socket import Socket, text_frame
from paper_exchange.gateway.streams.payloads import server_shutdown
from paper_exchange.gateway.ws_api.session import Session
from paper_exchange.gateway.ws_api.user_data import UserData
from paper_exchange.market.wire import TimeUnit

CONNECT_WEIGHT: Final = 2

_BANNED: Final = 418


class ApiConnection:
    """A session on a socket."""

    def __init__(
        self, socket: Socket, api: Api, user_data: UserData, *, unit: TimeUnit, returns_rate_limits: bool
    ) -> None:
        self._socket = socket
        self._unit = unit
        self._session = Session(
            api,
            user_data,
            self._post,
            address=socket.address,
            unit=unit,
            returns_rate_limits=returns_rate_limits,
        )

    def _post(self, message: bytes) -> None:
        self._socket.post(text_frame(message))

    def announce_end(self, now_us: int) -> None:
        """Tell the client that it should open another connection."""
        self._post(msgspec.json.encode({"event": server_shutdown(now_us, self._unit)}))

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while True:
                reply = self._session.answer(await self._socket.recv(decode=False))
                if reply.status == _BANNED:
                    self._socket.hang_up(CloseCode.POLICY_VIOLATION, "disconnected")
        except ConnectionClosed:
            pass  # however it ended
        finally:
            self._session.close()
