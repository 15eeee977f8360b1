"""Where tools find what they work with: opened from the settings, when a tool first needs it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.calls import call
from binance_spot_mcp.surface.session import OpenDesk, session
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.tools.tool import AnyTool

if TYPE_CHECKING:
    from binance_spot_mcp.client import Spot
    from binance_spot_mcp.trading.keeper import OpenJournal
    from binance_spot_mcp.transport.world import World

_LARGE_PARTS = (
    "httpx",
    "websockets.asyncio.client",
    "binance_spot_mcp.client",
    "binance_spot_mcp.streams.hub",
    "binance_spot_mcp.domain.check",
    "binance_spot_mcp.trading.dispatch",
    "binance_spot_mcp.trading.approval",
    "binance_spot_mcp.trading.keeper",
    "binance_spot_mcp.trading.cap_watch",
    "binance_spot_mcp.trading.gate",
    "binance_spot_mcp.cli.opening",
)
"""Imported when a desk is opened: a host that starts the server waits for its tool list, not for an HTTP client."""
_BREATH_S = 0.001
"""Between two of them whoever else is served has a turn; imported at once they would hold everybody up for 0.2 s."""


def opener(
    settings: Settings,
    *,
    world: "World | None" = None,
    open_file: "OpenJournal | None" = None,
    spot: "Spot | None" = None,
) -> OpenDesk:
    """What a server of these settings opens when a tool first needs the exchange.

    Args:
        settings: The operator's settings.
        world: Clocks, waiting and chance; those of this machine if not given.
        open_file: Opens the journal's file, where that is not simply a file on the disk.
        spot: The exchange, where it is not the one that the settings name; closed by whoever opened it.
    """
    return partial(_open_desk, settings, world, open_file, spot)


async def call_once(settings: Settings, tool: AnyTool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call one tool and close everything again; the answer is the object that an agent would read."""
    if settings.transport == "auto" and (settings.base_url or settings.env != "paper" or settings.embedded):
        settings = settings.model_copy(
            update={"transport": "rest"}
        )  # a socket is worth its opening from the second call
    from binance_spot_mcp.cli.asking import AtTheTerminal  # noqa: PLC0415  (a server asks through its host)

    async with session(settings.env, opener(settings)) as opened:
        return (await call(tool, arguments, opened, approver=AtTheTerminal(settings.home))).body


@asynccontextmanager
async def _open_desk(
    settings: Settings, world: "World | None", open_file: "OpenJournal | None", given: "Spot | None"
) -> AsyncIterator[Desk]:
    for part in _LARGE_PARTS:
        import_module(part)
        await asyncio.sleep(_BREATH_S)
    from binance_spot_mcp.cli.opening import open_desk  # noqa: PLC0415  (see above)

    async with open_desk(settings, world, open_file, given) as desk:
        yield desk
