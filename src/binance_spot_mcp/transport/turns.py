"""Turns in the rate ledger: leave to send, and what the exchange's answer means for those who come after."""

from collections.abc import Callable

from binance_spot_mcp.errors import RateLimited, Refused
from binance_spot_mcp.transport.clock import ServerClock
from binance_spot_mcp.transport.ledger import CallClass, Cost, Ledger, Reservation, Wait
from binance_spot_mcp.transport.verdict import Reply, ban_ms, exceeded, exchange_error, limited
from binance_spot_mcp.transport.world import World

PATIENCE_MS = 2_000
"""A call waits at most this long for its turn."""
JITTER_MS = 1_000
"""A hold after a 429 lasts up to so much longer than was asked, lest everybody come back at once."""


class Turns:
    """Gives turns to whatever is sent to one exchange: calls, and attempts to connect.

    Args:
        ledger: The limits.
        clock: The exchange's time.
        world: Waiting and chance.
    """

    def __init__(self, ledger: Ledger, clock: ServerClock, world: World) -> None:
        self.ledger = ledger
        self._clock = clock
        self._world = world

    async def take(self, cost: Callable[[], Cost], call_class: CallClass, route: str) -> Reservation:
        """Wait until the ledger lets something leave.

        Args:
            cost: Its listed cost, which may be another one when its turn comes.
            call_class: Whose share it uses.
            route: What it is, for holds of one route.

        Raises:
            Refused: LIMIT_EXCEEDED, it is more than can ever be used at once.
            RateLimited: Its turn does not come soon.
        """
        deadline_ms = self._clock.now_ms() + PATIENCE_MS
        while True:
            turn = self.ask(cost(), call_class, route)
            if isinstance(turn, Reservation):
                return turn
            if turn.until_ms is None:
                raise Refused(f"{turn.why}, and this call alone is more; ask for less.", code="LIMIT_EXCEEDED")
            if turn.until_ms > deadline_ms:
                raise RateLimited(
                    f"{turn.why}. Nothing was sent; wait until retry_at_ms.",
                    code=turn.code,
                    retry_at_ms=turn.until_ms,
                    next="get_rate_limits",
                )
            await self._world.sleep((turn.until_ms - self._clock.now_ms()) / 1000)

    def ask(self, cost: Cost, call_class: CallClass, route: str) -> Reservation | Wait:
        """The same at once, or when to ask again."""
        return self.ledger.reserve(cost, call_class, route, self._clock.now_ms())

    def lost(self, turn: Reservation) -> None:
        """It left, and no answer came."""
        self.ledger.settle(turn, {}, self._clock.now_ms())

    def unused(self, turn: Reservation) -> None:
        """It never left."""
        self.ledger.release(turn, self._clock.now_ms())

    def answered(self, turn: Reservation, route: str, reply: Reply) -> None:
        """It was answered: count what the answer says was used, and hold back what it asks to be held back."""
        now_ms = self._clock.now_ms()
        self.ledger.settle(turn, reply.used, now_ms)
        if (ban := ban_ms(reply, now_ms)) is not None:
            self.ledger.banned(now_ms + ban, now_ms)
        elif limited(reply):
            jitter_ms = int(self._world.random() * JITTER_MS)
            self.ledger.throttled(exceeded(reply), reply.pause(now_ms), jitter_ms, now_ms, turn.cost.account)
        elif reply.status == 403 and exchange_error(reply) is None:
            self.ledger.blocked(route, now_ms)

    def held_until(self, cost: Cost, route: str) -> int | None:
        """The end of the longest hold that concerns such a call, if any is in force."""
        return self.ledger.held_until(cost, route, self._clock.now_ms())
