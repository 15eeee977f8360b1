"""Everything that streams, for one server: what the agent subscribed to, local books, the account, and waits.

Nothing is opened by building it. Subscriptions belong to the agent and last until they are given up; what a tool needs
for the length of one call it holds for itself.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

import msgspec

from binance_spot_mcp.catalogue.market import ORDER_BOOK, OrderBookParams
from binance_spot_mcp.catalogue.market_events import DepthSnapshot
from binance_spot_mcp.catalogue.streams import DIFF_DEPTH, FAST, Stream, stream
from binance_spot_mcp.catalogue.user_events import USER
from binance_spot_mcp.client import Spot
from binance_spot_mcp.errors import InvalidInput, Refused, SpotError
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.streams.books import Books, FollowedBook
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.market import MarketStreams
from binance_spot_mcp.streams.timing import NS, Timing
from binance_spot_mcp.streams.user import Key, UserStream
from binance_spot_mcp.streams.wire import Dial, NoConnection
from binance_spot_mcp.transport.connector import SocketKind
from binance_spot_mcp.transport.failures import TRY_AGAIN
from binance_spot_mcp.transport.ledger import Cost, Reservation
from binance_spot_mcp.transport.socket import Listener, Socket
from binance_spot_mcp.transport.turns import Turns
from binance_spot_mcp.transport.world import World
from binance_spot_mcp.transport.ws_session import read_reply

MOST_SUBSCRIPTIONS = 1_000
"""Streams that the agent may be subscribed to at a time."""
_LOGIN = Cost(weight=2, raw_requests=0)
"""Of each request that it takes to listen to an account."""
_LOGIN_ROUTE = "userDataStream.subscribe"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A stream that the agent asked for.

    Attributes:
        name: By which it is read: the stream's name, or `user`.
        feed: The events.
        book: The local book, where the stream is one of depth.
    """

    name: str
    feed: Feed
    book: FollowedBook | None = None


class Streams:
    """See the module.

    Args:
        spot: For snapshots, the venue and the key.
        settings: The operator's settings.
        world: Clocks, waiting and chance.
        dial: Opens a socket; the real network if not given.
        timing: The figures by which connections are kept.
    """

    def __init__(
        self,
        spot: Spot,
        settings: Settings,
        *,
        world: World | None = None,
        dial: Dial | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.world = world or World()
        self.spot = spot
        timing = timing or Timing()
        self._subscriptions: dict[str, Subscription] = {}
        self._subscribing = asyncio.Lock()
        self.market = MarketStreams(dial or partial(_dial, spot, "streams"), self.world, timing)
        self.books = Books(self.market, self._snapshot, self.world)
        listener = _Listener(spot, settings)
        self.user = UserStream(listener, dial or partial(_dial, spot, "ws_api"), self.world, timing)

    # The agent's subscriptions

    async def subscribe(self, wanted: Stream) -> Subscription:
        """Subscribe to a market stream; one that is there already stays as it is.

        Raises:
            Refused: The channel is off, or there are too many.
        """
        await self.check_market()
        if (there := self._subscriptions.get(wanted.name)) is not None:
            return there
        self._check_number()
        book = self.books.hold(wanted.symbol) if wanted.kind is DIFF_DEPTH and wanted.symbol else None
        return self._keep(Subscription(wanted.name, self.market.hold(wanted), book))

    async def follow(self, symbol: str) -> FollowedBook:
        """The local book of a symbol; where there is none, the agent is subscribed to its depth stream.

        Raises:
            Refused: See `subscribe`.
        """
        if symbol not in self.books:
            await self.subscribe(stream(DIFF_DEPTH, symbol, FAST))
        return self.books[symbol]

    async def subscribe_user(self) -> Subscription:
        """Subscribe to the user data stream.

        Raises:
            SpotError: There is no key, or the channel is off.
        """
        async with self._subscribing:
            if (there := self._subscriptions.get(USER)) is not None:
                return there
            return self._keep(Subscription(USER, await self.user.hold()))

    def find(self, name: str) -> Subscription:
        """The subscription of that name; the symbol may be in any case.

        Raises:
            InvalidInput: NOT_FOUND.
        """
        found = self._subscriptions.get(name) or self._subscriptions.get(_lowered(name))
        if found is None:
            raise InvalidInput(
                f"There is no subscription {name!r}; list_streams names those there are.",
                code="NOT_FOUND",
                next="list_streams",
                details={"param": "subscription", "given": name},
            )
        return found

    def unsubscribe(self, name: str) -> bool:
        """Give up a subscription; False where there was none."""
        found = self._subscriptions.pop(name, None) or self._subscriptions.pop(_lowered(name), None)
        if found is None:
            return False
        self._let_go(found)
        return True

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every subscription, oldest first."""
        return tuple(self._subscriptions.values())

    async def check_market(self) -> None:
        """Make sure that there is a place to get market streams from.

        Raises:
            Refused: There is none.
        """
        if (await self.spot.venue()).streams is None:
            raise Refused("Market streams are off, as BINANCE_WS_BASE names no exchange.", code="ENDPOINT_REFUSED")

    # Time

    def ago_ms(self, monotonic_ns: int) -> int:
        """How long ago a moment of the monotonic clock was."""
        return (self.world.monotonic_ns() - monotonic_ns) * 1000 // NS

    def at_ms(self, monotonic_ns: int) -> int:
        """A moment of the monotonic clock as the exchange's epoch milliseconds."""
        return self.spot.clock.now_ms() - self.ago_ms(monotonic_ns)

    async def aclose(self) -> None:
        """Give up everything."""
        for subscription in self._subscriptions.values():
            self._let_go(subscription)
        self._subscriptions.clear()
        self.books.close()
        await self.user.aclose()
        await self.market.aclose()

    def _check_number(self) -> None:
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise Refused(
                f"There are {MOST_SUBSCRIPTIONS} subscriptions already; give some up with unsubscribe.",
                code="LIMIT_EXCEEDED",
                next="unsubscribe",
            )

    def _keep(self, subscription: Subscription) -> Subscription:
        self._subscriptions[subscription.name] = subscription
        return subscription

    def _let_go(self, subscription: Subscription) -> None:
        if subscription.book is not None:
            self.books.release(subscription.book)
        if subscription.name == USER:
            self.user.release(subscription.feed)
        else:
            self.market.release(subscription.feed)

    async def _snapshot(self, symbol: str, limit: int) -> DepthSnapshot:
        answer = await self.spot.fetch(ORDER_BOOK, OrderBookParams(symbol=symbol, limit=limit))
        return msgspec.json.decode(answer.body, type=DepthSnapshot)


class _Listener:
    """The account of the settings' key, as the user data stream needs it."""

    def __init__(self, spot: Spot, settings: Settings) -> None:
        self._spot = spot
        self._settings = settings
        self._time_refused = False
        self._key: Key | None = None
        self._turns: _LoginTurns | None = None

    @property
    def key(self) -> Key:
        """The key."""
        if self._key is None:
            raise Refused("The key is not ready yet.", code="NOT_READY")
        return self._key

    @property
    def turns(self) -> "_LoginTurns":
        """Leave to send."""
        if self._turns is None:
            raise Refused("The rate ledger is not ready yet.", code="NOT_READY")
        return self._turns

    async def check(self) -> None:
        """Make sure that there is a key and a place to connect to."""
        venue = await self._spot.venue()
        if venue.ws_api is None:
            raise Refused(
                "The user data stream is off, as BINANCE_WS_API_BASE names no exchange.", code="ENDPOINT_REFUSED"
            )
        signer = await self._spot.signer("subscribe_to_user_stream")
        if venue.api_key is None:
            raise Refused("The user data stream needs BINANCE_API_KEY.", code="AUTH_FAILED")
        clock = self._spot.clock
        stamp = clock.now_us if self._settings.microseconds else clock.now_ms
        self._key = Key(venue.api_key, signer, self._settings.recv_window, stamp)

    async def ready(self) -> None:
        """Get ready to connect."""
        try:
            await self.check()
            if self._spot.clock.due or self._time_refused:
                await self._spot.measure_clock()
                self._time_refused = False
            self._turns = _LoginTurns(await self._spot.turns())
        except SpotError as failure:
            raise _no_connection(failure, self._spot) from None

    def time_refused(self) -> None:
        """The exchange refused our timestamp."""
        self._time_refused = True


class _LoginTurns:
    """Turns in the rate ledger for the requests that it takes to listen to an account."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def take(self) -> Reservation | None:
        turn = self._turns.ask(_LOGIN, "urgent", _LOGIN_ROUTE)
        return turn if isinstance(turn, Reservation) else None

    def answered(self, turn: Reservation, answer: bytes) -> None:
        self._turns.answered(turn, _LOGIN_ROUTE, read_reply(answer))

    def lost(self, turn: Reservation) -> None:
        self._turns.lost(turn)

    def unused(self, turn: Reservation) -> None:
        self._turns.unused(turn)


async def _dial(spot: Spot, kind: SocketKind, listener: Listener) -> Socket:
    """Open a socket to the exchange that a client talks to."""
    try:
        return await spot.connect(kind, listener)
    except SpotError as failure:
        raise _no_connection(failure, spot) from None


def _no_connection(failure: SpotError, spot: Spot) -> NoConnection:
    """The same failure for a connection that nobody waits for and that will be tried again."""
    until_ms = failure.retry_at_ms
    pause_s = None if until_ms is None else max(0, until_ms - spot.clock.now_ms()) / 1000
    return NoConnection(failure.message.removesuffix(TRY_AGAIN), pause_s)


def _lowered(name: str) -> str:
    symbol, at, what = name.partition("@")
    return f"{symbol.lower()}{at}{what}"
