"""How often an address may connect.

Source: web-socket-streams.md#websocket-limits, web-socket-api.md#connection-limits
"""

from dataclasses import replace
from typing import Final

from paper_exchange.gateway.limits import Limit, Meter
from paper_exchange.gateway.refusals import Rejected

CONNECTIONS: Final = Limit("CONNECTIONS", "MINUTE", 5, 300)


class Door:
    """Counts the attempts of each address to connect to one service, of which `factor` times the usual are allowed."""

    def __init__(self, factor: int = 1) -> None:
        self._limit = replace(CONNECTIONS, limit=CONNECTIONS.limit * factor)
        self._attempts: dict[str, Meter] = {}

    def knock(self, address: str, now_us: int) -> None:
        """Count one attempt.

        Raises:
            Rejected: -1034 with 429, the address tried too often.
        """
        attempts = self._attempts.setdefault(address, Meter(self._limit))
        if not attempts.has_room(1, now_us):
            limit = self._limit
            raise Rejected(
                -1034,
                f"Too many connection attempts from IP; current limit is {limit.limit} per "
                f"'{limit.interval_num} {limit.interval}'.",
                status=429,
                retry_at_us=attempts.ends_us(now_us),
            )
        attempts.add(1, now_us)
