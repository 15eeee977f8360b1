"""What a host can watch without calling a tool: streams, local books and open orders as resources that move.

Reading one gives what the tool of the same purpose answers. Updates are told for what the agent has subscribed to, at
most once a second each, to hosts of both protocol eras.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from binance_spot_mcp.catalogue.user_events import USER
from binance_spot_mcp.surface.calls import call
from binance_spot_mcp.surface.session import Session
from binance_spot_mcp.surface.toolbox import TOOLBOX

if TYPE_CHECKING:
    from binance_spot_mcp.tools.desk import Desk

STREAM, BOOK, ORDERS = "binance://stream/{subscription}", "binance://book/{symbol}", "binance://orders/open"
TELL_S = 1.0


class LiveResources:
    """The resources of one server, and who watches them.

    Args:
        server: Where they are offered; it must have been given `bus`.
        bus: Tells hosts of the newer protocol.
        tools: Names of the tools that the operator wants; a resource whose tool is not wanted is not offered.
    """

    def __init__(self, server: MCPServer[Session], bus: InMemorySubscriptionBus, tools: Collection[str]) -> None:
        self._bus = bus
        self._watchers: dict[str, dict[Connection, None]] = {}
        self._told: dict[str, int] = {}
        self._session: Session | None = None
        self._offer(server, tools)
        # The older protocol subscribes to one resource at a time; the SDK leaves that to the low-level server.
        low = server._lowlevel_server  # noqa: SLF001
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, self._watch)
        low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unwatch)

    @asynccontextmanager
    async def telling(self, session: Session) -> AsyncIterator[None]:
        """Answer from this session, and tell of updates, while the block lasts."""
        self._session = session
        task = asyncio.create_task(self._tell(session))
        try:
            yield
        finally:
            task.cancel()

    def _offer(self, server: MCPServer[Session], tools: Collection[str]) -> None:
        if "read_stream" in tools:

            @server.resource(STREAM, title="Stream", mime_type="application/json")
            async def stream(subscription: str) -> str:
                """The newest events of a subscription."""
                return await self._answer("read_stream", {"subscription": subscription})

        if "get_local_book" in tools:

            @server.resource(BOOK, title="Local order book", mime_type="application/json")
            async def book(symbol: str) -> str:
                """A symbol's local order book."""
                return await self._answer("get_local_book", {"symbol": symbol})

        if "get_open_orders" in tools:

            @server.resource(ORDERS, title="Open orders", mime_type="application/json")
            async def orders() -> str:
                """The account's open orders."""
                return await self._answer("get_open_orders", {})

    async def _answer(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if self._session is None:
            raise RuntimeError("a resource is read outside of the server's life")
        return (await call(TOOLBOX[tool], arguments, self._session)).text

    async def _watch(self, context: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        connection = _connection(context)
        watchers = self._watchers.setdefault(str(params.uri), {})
        if connection not in watchers:
            watchers[connection] = None
            connection.exit_stack.callback(watchers.pop, connection, None)
        return EmptyResult()

    async def _unwatch(self, context: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams) -> EmptyResult:
        self._watchers.get(str(params.uri), {}).pop(_connection(context), None)
        return EmptyResult()

    async def _tell(self, session: Session) -> None:
        while True:
            await asyncio.sleep(TELL_S)  # noqa: TID251  # what it tells a client changes nothing here
            if (desk := session.opened) is None:
                continue
            now = dict(_positions(desk))
            moved = [uri for uri, position in now.items() if self._told.get(uri) != position]
            self._told = now
            for uri in moved:
                await self._bus.publish(ResourceUpdated(uri=uri))
                for connection in tuple(self._watchers.get(uri, ())):
                    await connection.send_resource_updated(uri)


def _connection(context: ServerRequestContext[Any, Any]) -> Connection:
    """The connection of a request: its session lives no longer than the request does."""
    return context.session._connection  # noqa: SLF001  # the SDK has no public way to it


def _positions(desk: "Desk") -> Iterator[tuple[str, int]]:
    """Every resource that can move by itself, and how far it is."""
    for subscription in desk.streams.subscriptions:
        # A break moves a stream as an event does.
        yield _uri(STREAM, subscription=subscription.name), subscription.feed.seq + subscription.feed.gap_count
        if subscription.book is not None:
            yield _uri(BOOK, symbol=subscription.book.symbol), subscription.book.book.update_id
        if subscription.name == USER:
            yield ORDERS, subscription.feed.seq


def _uri(template: str, **names: str) -> str:
    return template.format(**names)
