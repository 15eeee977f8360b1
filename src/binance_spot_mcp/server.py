"""The MCP server, built from settings; nothing runs and nothing is opened by building it."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from mcp.server import CacheHint, MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus

from binance_spot_mcp import __version__
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.instructions import instructions
from binance_spot_mcp.surface.registry import ToolServer
from binance_spot_mcp.surface.resources import LiveResources
from binance_spot_mcp.surface.session import OpenDesk, Session, session
from binance_spot_mcp.surface.stdio import serve
from binance_spot_mcp.surface.toolbox import select

NAME = "binance-spot"
_AN_HOUR_MS = 3_600_000


def build(settings: Settings, open_desk: OpenDesk, session_name: str = "") -> MCPServer[Session]:
    """The server for these settings.

    Args:
        settings: Which environment, and which tools.
        open_desk: Opens the connection to the exchange; called when a tool first needs it.
        session_name: What tells the server's session from every other; drawn if it is not given.

    Raises:
        SettingsError: The settings name a tool that does not exist, or leave none.
    """
    tools = select(settings.toolsets, settings.tools, settings.exclude_tools, read_only=settings.read_only)

    bus = InMemorySubscriptionBus()

    @asynccontextmanager
    async def lifespan(_: MCPServer[Session]) -> AsyncIterator[Session]:
        async with session(settings.env, open_desk, session_name) as opened, live.telling(opened):
            if not settings.read_only and has_journal(settings):
                opened.begin()
            yield opened

    unchanging = CacheHint(ttl_ms=_AN_HOUR_MS, scope="public")
    server = ToolServer(
        NAME,
        settings.env,
        tools,
        title="Binance Spot",
        version=__version__,
        instructions=instructions(settings.env),
        lifespan=lifespan,
        cache_hints={"tools/list": unchanging, "server/discover": unchanging},
        subscriptions=bus,
    )
    live = LiveResources(server, bus, {tool.name for tool in tools})
    return server


def has_journal(settings: Settings) -> bool:
    """Whether an earlier server may have left something unsettled in this environment."""
    return any((settings.home / "state").glob(f"{settings.env}-*.sqlite"))


def run(settings: Settings, open_desk: OpenDesk) -> None:
    """Serve one client over stdin and stdout until it leaves or a signal asks us to stop.

    What was imported by now lives as long as the process, so the collector never looks at it again; a caller who
    disables the collector before importing this module saves 40 ms at the start, and this 120 ms at the end.

    Raises:
        SettingsError: See `build`.
    """
    server = build(settings, open_desk)
    gc.freeze()
    gc.enable()
    anyio.run(serve, server)
