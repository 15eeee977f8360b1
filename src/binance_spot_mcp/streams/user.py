"""The user data stream of the account: one for the whole process, shared by all who want to hear of it.

Source: web-socket-api.md#user-data-stream-subscription
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import msgspec
from pydantic import SecretStr

from binance_spot_mcp.catalogue.streams import Stream
from binance_spot_mcp.catalogue.user_events import USER, USER_DATA
from binance_spot_mcp.signing import Signer, ws_signed
from binance_spot_mcp.streams.buffer import EveryEvent
from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.streams.lane import Lane, LaneStatus
from binance_spot_mcp.streams.network import SocketNetwork
from binance_spot_mcp.streams.timing import Timing
from binance_spot_mcp.streams.user_wire import Params, Turns, UserWire
from binance_spot_mcp.streams.wire import Dial
from binance_spot_mcp.transport.socket import Listener, Socket
from binance_spot_mcp.transport.world import World

USER_STREAM = Stream(USER, USER_DATA)
MOST_USER_EVENTS = 20_000
"""User events that are kept; far more than a reader leaves unread, and what goes is counted."""
_RECENT = 1_000
"""Events among which a copy is looked for."""
_CLOCK_REFUSED = -1021
_USUAL = Timing()


class UserFeed(Feed):
    """The user data stream. A copy is an event that is the same to the last byte."""

    def __init__(self, now_ns: int, seq: int) -> None:
        super().__init__(USER_STREAM, now_ns, EveryEvent(MOST_USER_EVENTS), seq=seq)
        self._recent: deque[bytes] = deque(maxlen=_RECENT)
        self._known: set[bytes] = set()

    def take(self, raw: msgspec.Raw, now_ns: int) -> None:
        """An event came."""
        text = bytes(raw)
        if text in self._known:
            self._copy(now_ns)
            return
        if len(self._recent) == _RECENT:
            self._known.discard(self._recent[0])
        self._recent.append(text)
        self._known.add(text)
        self._keep(((None, raw, raw),), now_ns)


class Account(Protocol):
    """The account, as far as it takes to listen to it."""

    async def check(self) -> None:
        """Make sure that there is a key and a place to connect to.

        Raises:
            SpotError: There is not.
        """
        ...

    async def ready(self) -> None:
        """Get ready to connect: know the key and the exchange's time.

        Raises:
            NoConnection: Something of it is missing.
        """
        ...

    @property
    def turns(self) -> Turns:
        """Leave to send, once `ready` has returned."""
        ...

    @property
    def key(self) -> "Key":
        """The key, once `ready` has returned."""
        ...

    def time_refused(self) -> None:
        """The exchange refused our timestamp, so its clock must be measured again."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """What shows that we may listen.

    Attributes:
        api_key: The API key.
        signer: Signs for it.
        recv_window_ms: How long a signed request is valid.
        timestamp: The exchange's time now, in the unit of the connection.
    """

    api_key: SecretStr
    signer: Signer
    recv_window_ms: int
    timestamp: Callable[[], int]


class UserStream:
    """Holds the connection while somebody wants to hear of the account.

    Args:
        account: Whose events.
        dial: Opens a socket.
        world: Clocks, waiting and chance.
        timing: The figures by which connections are kept.
    """

    def __init__(self, account: Account, dial: Dial, world: World, timing: Timing = _USUAL) -> None:
        self._account = account
        self._dial = dial
        self._network = SocketNetwork(self._connect, world, timing)
        self._lane: Lane | None = None
        self._feed: UserFeed | None = None
        self._numbered_to = 0

    async def hold(self) -> Feed:
        """Want the stream; every call needs a `release`.

        Raises:
            SpotError: There is no key, or the channel is off.
        """
        if self._feed is None:
            await self._account.check()
        if self._feed is None:
            self._feed = UserFeed(self._network.now_ns(), self._numbered_to)
            self._lane = Lane(self._network, partial(UserWire, self))
            self._network.add(self._lane)
            self._lane.add(self._feed)
        self._feed.holders += 1
        return self._feed

    def release(self, feed: Feed) -> None:
        """Want it no longer."""
        feed.holders -= 1
        if not feed.holders and self._lane is not None:
            self._network.remove(self._lane)
            self._numbered_to = feed.seq
            self._feed = self._lane = None

    def status(self) -> LaneStatus | None:
        """How the connection is doing; None where nobody wants one."""
        return self._lane.status() if self._lane else None

    async def aclose(self) -> None:
        """Close the connection."""
        await self._network.aclose()

    async def _connect(self, listener: Listener) -> Socket:
        await self._account.ready()
        return await self._dial(listener)

    # For its wires

    @property
    def turns(self) -> Turns:
        """Leave to send."""
        return self._account.turns

    @property
    def logs_on(self) -> bool:
        """Only an Ed25519 key can log a session on."""
        return self._account.key.signer.kind == "Ed25519"

    def signed(self) -> Params:
        """The key, stamped and signed."""
        key = self._account.key
        numbers = {"timestamp": key.timestamp(), "recvWindow": key.recv_window_ms}
        api_key = {"apiKey": key.api_key.get_secret_value()}
        texts = ws_signed(api_key | {name: str(value) for name, value in numbers.items()}, key.signer)
        return texts | numbers

    def rejected(self, code: int | None, why: str) -> None:
        """The exchange did not take it."""
        if code == _CLOCK_REFUSED:
            self._account.time_refused()
