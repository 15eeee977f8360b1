"""Waiting until a feed is as one wants it."""

import asyncio
from collections.abc import Callable

from binance_spot_mcp.streams.feed import Feed
from binance_spot_mcp.transport.world import World


async def until(world: World, feed: Feed, so: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, looking whenever the feed changes.

    Returns:
        Whether it is so; False where it was not within so many seconds.
    """
    if so() or seconds <= 0:
        return so()
    happened = asyncio.Event()

    def changed() -> None:
        if so():
            happened.set()

    feed.watch(changed)
    waking = asyncio.ensure_future(world.sleep(seconds))
    happening = asyncio.ensure_future(happened.wait())
    try:
        await asyncio.wait({waking, happening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        feed.unwatch(changed)
        waking.cancel()
        happening.cancel()
    return so()
