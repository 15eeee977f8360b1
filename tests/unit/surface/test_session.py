"""The desk that all calls of a server share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from binance_spot_mcp.surface.session import session
from binance_spot_mcp.tools.desk import Desk

pytestmark = pytest.mark.anyio


async def test_what_a_desk_logs_is_not_laid_at_the_door_of_the_call_that_opened_it() -> None:
    bound: list[dict[str, Any]] = []

    @asynccontextmanager
    async def open_desk() -> AsyncIterator[Desk]:
        bound.append(structlog.contextvars.get_contextvars())
        yield None  # type: ignore[misc]  # nobody uses it
        bound.append(structlog.contextvars.get_contextvars())

    async with session("paper", open_desk) as opened:
        with structlog.contextvars.bound_contextvars(request_id="r000001"):
            await opened.desk()
    assert bound == [{}, {}]
