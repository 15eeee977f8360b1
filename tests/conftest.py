"""What every test shares."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server, the exchange and their tests run on asyncio."""
    return "asyncio"
