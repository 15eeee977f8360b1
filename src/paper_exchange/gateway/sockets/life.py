"""How long a connection lives: pings every 20 seconds, a minute to answer one, 24 hours in all.

These times are those of the peer, which is real, so they run on the machine's clock whatever the exchange's clock does.

Source: web-socket-streams.md#general-wss-information, web-socket-api.md#general-api-information
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from websockets.frames import CloseCode

from paper_exchange.clock import Clock
from paper_exchange.gateway.sockets.socket import Socket

_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The terms of a connection's life, in microseconds.

    Attributes:
        notice_us: How long before the end `serverShutdown` is sent; Binance promises no figure any more.
    """

    ping_every_us: int = 20 * _SECOND_US
    pong_within_us: int = 60 * _SECOND_US
    ends_after_us: int = 24 * 3600 * _SECOND_US
    notice_us: int = 600 * _SECOND_US


@asynccontextmanager
async def kept_alive(
    socket: Socket, clock: Clock, terms: Lifetime, give_notice: Callable[[], None]
) -> AsyncIterator[None]:
    """Ping the socket, and end it when it does not answer or has lived long enough."""
    keeper = asyncio.create_task(_keep(socket, clock, terms, give_notice))
    try:
        yield
    finally:
        keeper.cancel()


async def _keep(socket: Socket, clock: Clock, terms: Lifetime, give_notice: Callable[[], None]) -> None:
    end_us = clock.now_us() + terms.ends_after_us
    notice_us = end_us - terms.notice_us
    ping_us = clock.now_us() + terms.ping_every_us
    has_notice = False
    while True:
        unanswered_us = socket.unanswered_since_us
        overdue_us = end_us if unanswered_us is None else unanswered_us + terms.pong_within_us
        await clock.sleep_until(min(ping_us, overdue_us, end_us if has_notice else notice_us))
        now_us = clock.now_us()
        unanswered_us = socket.unanswered_since_us
        if unanswered_us is not None and now_us >= unanswered_us + terms.pong_within_us:
            return socket.hang_up(CloseCode.POLICY_VIOLATION, "Pong timeout")
        if now_us >= end_us:
            return socket.hang_up(CloseCode.GOING_AWAY, "")
        if now_us >= notice_us and not has_notice:
            has_notice = True
            give_notice()
        if now_us >= ping_us:
            socket.send_ping(str(now_us // 1000).encode(), now_us)
            ping_us = now_us + terms.ping_every_us
