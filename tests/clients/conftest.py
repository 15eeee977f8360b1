"""What the clients' tests share: an exchange, and a promise that nothing leaves this machine.

Without the clients (that is, in `make test`) there is nothing to collect here: `make test-clients` brings them.
"""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from tests.clients.paper import Paper, paper_exchange

collect_ignore_glob = [] if find_spec("ccxt") else ["test_*.py"]

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The clients run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def at_home() -> None:
    """Refuse any connection beyond loopback, so that a client that still knows Binance's addresses is found out."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            host = arguments[0]
        elif event == "socket.connect" and isinstance(arguments[1], tuple):
            host = arguments[1][0]
        else:
            return
        if host is not None and not str(host).startswith(_LOOPBACK):
            raise ConnectionRefusedError(f"{host} is not loopback")

    sys.addaudithook(watch)


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    """An exchange of the module's own, with the limits that Binance has."""
    with paper_exchange("--seed", "7") as exchange:
        yield exchange
