"""Work that goes on beside a block of code, and ends with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_log = logging.getLogger(__name__)


@asynccontextmanager
async def in_background(
    work: Coroutine[Any, Any, None], then: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Run a coroutine beside the block and end it with the block; `then` is called when it ends first."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.error("a part of the exchange has failed", exc_info=task.exception())
        then()

    task = asyncio.create_task(work)
    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
