"""How a process finds the operator's door of a home's exchange, and asks there.

A running exchange writes where its door is, and what opens it, to `state/paper/admin.json`, readable by its user
alone. What a killed exchange leaves behind is recognised by nobody listening there.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from paper_exchange.lease import NotRunning, state_directory
from paper_exchange.private_file import write_private

_TIMEOUT_S = 30


class Refused(Exception):
    """The exchange says no; the text says why."""


class AdminAddress(Struct, frozen=True):
    """Where the door is, and what opens it."""

    url: str
    token: str


@contextmanager
def findable(home: Path, address: AdminAddress) -> Iterator[None]:
    """Say where the door of a home's exchange is for as long as the block lasts."""
    file = _file(home)
    write_private(file, msgspec.json.encode(address))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def found(home: Path) -> AdminAddress:
    """Where the door of a home's exchange is, if one runs.

    Raises:
        NotRunning: None does.
    """
    try:
        return msgspec.json.decode(_file(home).read_bytes(), type=AdminAddress)
    except (OSError, msgspec.DecodeError) as error:
        raise NotRunning(f"no paper exchange runs on {home}") from error


def ask(address: AdminAddress, method: str, path: str, body: Any = None) -> Any:
    """One request at the door, such as `POST /deposit`; returns what it answers.

    Raises:
        NotRunning: Nobody is there.
        Refused: It says no.
    """
    url = urlsplit(address.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_TIMEOUT_S)
    try:
        connection.request(
            method,
            f"{url.path}{path}",
            body=b"" if body is None else msgspec.json.encode(body),
            headers={"Authorization": f"Bearer {address.token}"},
        )
        response = connection.getresponse()
        answer = msgspec.json.decode(response.read())
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        raise NotRunning(f"no paper exchange answers at {address.url}") from error
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise Refused(answer["error"])
    return answer


def _file(home: Path) -> Path:
    return state_directory(home) / "admin.json"
