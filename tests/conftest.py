"""What every test shares."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no test, nor a process that it starts, touch the files of whoever runs it."""
    with pytest.MonkeyPatch.context() as around:
        around.setenv("BINANCE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server, the exchange and their tests run on asyncio."""
    return "asyncio"
