"""The floor every stream test stands on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.unit.paper_streams.stream_floor import StreamFloor


@pytest.fixture
async def floor() -> AsyncIterator[StreamFloor]:
    """An exchange whose streams tick with its clock."""
    floor = StreamFloor()
    ticking = asyncio.create_task(floor.audience.run())
    await asyncio.sleep(0)
    yield floor
    ticking.cancel()
