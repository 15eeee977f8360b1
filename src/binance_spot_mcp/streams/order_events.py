"""The user data stream for one listener who must not miss anything: what it says of orders, and each break of it."""

from collections.abc import Callable
from typing import Final

import msgspec

from binance_spot_mcp.catalogue.user_events import ExecutionReport, ListStatus
from binance_spot_mcp.logs import logger
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.user import UserStream

OrderEvent = ExecutionReport | ListStatus

_KINDS: Final = frozenset({"executionReport", "listStatus"})
_log = logger("streams")


class _Kind(msgspec.Struct, frozen=True, gc=False):
    e: str = ""


_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode = msgspec.json.Decoder(OrderEvent).decode


class OrderEvents:
    """The account's events about orders.

    Args:
        user: The user data stream, which others may use too.
        at_ms: Turns a moment of the monotonic clock into the exchange's epoch milliseconds.
    """

    def __init__(self, user: UserStream, at_ms: Callable[[int], int]) -> None:
        self._user = user
        self._at_ms = at_ms
        self._feed: Feed | None = None
        self._spell = 0
        self._carried = False
        self._was: tuple[object, ...] = ()
        self._hear: Callable[[OrderEvent], None] = lambda _: None
        self._tell: Callable[[], None] = lambda: None

    async def open(self, heard: Callable[[OrderEvent], None], changed: Callable[[], None]) -> None:
        """Listen from now on; both are called within the event loop.

        Args:
            heard: Called with each event.
            changed: Called whenever one of the properties is another than before.

        Raises:
            SpotError: There is no key, or the channel is off.
        """
        self._feed = await self._user.hold()
        self._hear, self._tell = heard, changed
        self._feed.listen(self._event)
        self._feed.watch(self._watch)
        self._watch()

    def close(self) -> None:
        """Listen no longer."""
        feed, self._feed = self._feed, None
        self._carried, self._was = False, ()
        if feed is not None:
            feed.unlisten(self._event)
            feed.unwatch(self._watch)
            self._user.release(feed)

    @property
    def spell(self) -> int | None:
        """Which stretch without a break this is; None while nothing is carried."""
        return self._spell if self._carried else None

    @property
    def pending(self) -> bool:
        """Whether it was not tried yet to carry anything."""
        return self._feed is not None and self._feed.state == "PENDING"

    @property
    def live(self) -> bool:
        """Whether events come as they happen."""
        return self._feed is not None and self._feed.state == "LIVE"

    @property
    def whole_until_ms(self) -> int:
        """Until when nothing was missed, in the exchange's epoch milliseconds."""
        feed = self._feed
        if feed is None:
            return 0
        return self._at_ms(feed.gaps[-1].from_ns if not self._carried and feed.gaps else feed.fresh_ns)

    @property
    def why(self) -> str:
        """Why it is not live, in words."""
        return self._feed.why if self._feed is not None else "nobody listens"

    def _event(self, raw: msgspec.Raw) -> None:
        try:
            if _decode_kind(raw).e in _KINDS:
                self._hear(_decode(raw))
        except msgspec.DecodeError as error:
            _log.error("an event of an order cannot be read, so the exchange is asked instead", why=str(error))
            self._spell += 1  # what cannot be read is missing
            self._watch()

    def _watch(self) -> None:
        feed = self._feed
        if feed is None:
            return
        carried = feed.state in {"LIVE", "STALE"}
        if carried and not self._carried:
            self._spell += 1
        self._carried = carried
        now = (self.spell, feed.state)
        if now != self._was:
            self._was = now
            self._tell()
