"""How processes share one exchange on a home directory: it starts on first need and ends with its last user.

    lease = await attach(home)          # joins the exchange that runs on this home, or starts one
    lease.login.rest, lease.login.api_key
    await lease.close()

A running exchange holds a file lock, so that a home never has two, and writes where it can be found to
`state/paper/endpoint.json` (readable by its user alone). A lease is an open connection to its lease port: the
operating system closes it with the process that holds it, however that ends. What a killed exchange leaves behind
is recognised by nobody listening there.
"""

import asyncio
import hmac
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout
from msgspec import Struct

from paper_exchange.private_file import write_private

_GRACE_S = 3.0
"""How long the exchange outlives its last lease, so that a restarted server finds it again."""
_FIRST_GRACE_S = 30.0
"""How long it waits for its first one."""
_START_S = 15.0
"""How long a starter waits for the process it started."""
_POLL_S = 0.05


class NotRunning(Exception):
    """No exchange runs on this home."""


class AlreadyRunning(Exception):
    """Another exchange runs on this home."""


class CannotStart(Exception):
    """The process that was started did not come up; its log says why."""


class Address(Struct, frozen=True, kw_only=True):
    """Where a running exchange takes leases. `token` proves that the asker may read the user's files."""

    lease_port: int
    token: str
    pid: int


class LeaseRequest(Struct, frozen=True, kw_only=True):
    """The one line that opens a lease."""

    token: str
    account: str


class LeaseLogin(Struct, frozen=True, kw_only=True):
    """The one line that answers: where the exchange is, and the key of the account that was asked for."""

    rest: str
    ws: str
    ws_api: str
    account: str
    api_key: str
    api_secret: str


def usual_home() -> Path:
    """The home that is meant where none is named: `BINANCE_HOME`, else `~/binance`."""
    return Path(os.environ.get("BINANCE_HOME") or "~/binance").expanduser()


def state_directory(home: Path) -> Path:
    """Where the exchange of a home keeps its files."""
    return home / "state" / "paper"


def _address_file(home: Path) -> Path:
    return state_directory(home) / "endpoint.json"


class LeaseDesk:
    """The exchange's side: counts leases, and says when the last one is gone."""

    def __init__(self, token: str, log_in: Callable[[str], LeaseLogin]) -> None:
        self._token = token
        self._log_in = log_in
        self._held = 0
        self._changed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a request, its answer, and then nothing until it closes."""
        try:
            request = msgspec.json.decode(await reader.readline(), type=LeaseRequest)
            if not hmac.compare_digest(request.token.encode(), self._token.encode()):
                return
            writer.write(msgspec.json.encode(self._log_in(request.account)) + b"\n")
            await writer.drain()
            await self._hold(reader)
        except (msgspec.DecodeError, OSError, ValueError):
            pass
        finally:
            writer.close()

    async def _hold(self, reader: asyncio.StreamReader) -> None:
        self._held += 1
        self._changed.set()
        try:
            while await reader.read(1024):
                pass
        finally:
            self._held -= 1
            self._changed.set()

    async def nobody_left(self, *, first_grace_s: float = _FIRST_GRACE_S, grace_s: float = _GRACE_S) -> None:
        """Return once nobody holds a lease any more and nobody new came within the grace."""
        wait_s = first_grace_s
        while True:
            self._changed.clear()
            if self._held:
                await self._changed.wait()
                wait_s = grace_s
                continue
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except TimeoutError:
                return


@asynccontextmanager
async def exclusive(home: Path) -> AsyncIterator[None]:
    """Be the one exchange of a home for as long as the block lasts.

    Raises:
        AlreadyRunning: Another process is.
    """
    directory = state_directory(home)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(directory / "exchange.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AlreadyRunning(f"a paper exchange runs on {home} already") from error
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def leasable(home: Path, desk: LeaseDesk, token: str) -> AsyncIterator[None]:
    """Take leases, and say where, for as long as the block lasts. The home must be held exclusively."""
    server = await asyncio.start_server(desk.serve, "127.0.0.1", 0)
    address = Address(lease_port=server.sockets[0].getsockname()[1], token=token, pid=os.getpid())
    write_private(_address_file(home), msgspec.json.encode(address))
    try:
        yield
    finally:
        _address_file(home).unlink(missing_ok=True)
        server.close()


class Lease:
    """A hold on a running exchange. It is given up by `close`, or by the end of the process."""

    def __init__(self, login: LeaseLogin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.login = login
        self._reader = reader
        self._writer = writer

    async def closed(self) -> None:
        """Return when the exchange is gone."""
        with suppress(OSError):
            await self._reader.read()

    async def close(self) -> None:
        """Give it up."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


async def join(home: Path, account: str = "default") -> Lease:
    """Hold the exchange that runs on a home.

    Raises:
        NotRunning: None does; files of a killed one count for nothing.
    """
    try:
        address = msgspec.json.decode(_address_file(home).read_bytes(), type=Address)
        reader, writer = await asyncio.open_connection("127.0.0.1", address.lease_port)
    except (OSError, msgspec.DecodeError) as error:
        raise NotRunning(f"no paper exchange runs on {home}") from error
    try:
        writer.write(msgspec.json.encode(LeaseRequest(token=address.token, account=account)) + b"\n")
        login = msgspec.json.decode(await reader.readline(), type=LeaseLogin)
    except (OSError, msgspec.DecodeError) as error:
        writer.close()
        raise NotRunning(f"what listens for {home} is no paper exchange") from error
    return Lease(login, reader, writer)


async def attach(home: Path, account: str = "default", *more: str) -> Lease:
    """Hold the exchange of a home, starting one in a process of its own when none runs.

    Args:
        more: Further arguments of the process, such as `--seed 1`.

    Raises:
        CannotStart: The process ended, or did not answer in time.
    """
    with suppress(NotRunning):
        return await join(home, account)
    process, log = _start(home, more)
    deadline_s = asyncio.get_running_loop().time() + _START_S
    while asyncio.get_running_loop().time() < deadline_s:
        with suppress(NotRunning):
            return await join(home, account)
        # Somebody else may have been faster; then our process ends, and the other one answers in a moment.
        if process.poll() not in {None, ALREADY_RUNNING_STATUS}:
            break
        await asyncio.sleep(_POLL_S)
    raise CannotStart(f"the paper exchange did not start ({_last_line(log)}); see {log}")


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")


ALREADY_RUNNING_STATUS = 3
"""Exit status of an exchange that found its home taken."""


_children: list[subprocess.Popen[bytes]] = []
"""Exchanges that this process started. They may outlive it; until then somebody must remember to reap them."""


def _start(home: Path, more: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], Path]:
    _children[:] = [child for child in _children if child.poll() is None]
    directory = state_directory(home)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = directory / "exchange.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module, with our own arguments
            [sys.executable, "-m", "paper_exchange", "--lease", "--home", str(home), *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,  # Ctrl-C in a terminal is for the server, not for the exchange it shares
        )
    _children.append(process)
    return process, log
