"""A file of lines for people, which grows by appending and stays small: the oldest lines go.

Only its owner can read it, and no link is followed. Lines are written by a thread of its own, in their order; whatever
goes wrong is logged and disturbs nobody. Where two servers trim it at the same moment, a line may be lost.
"""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Final

from binance_spot_mcp.errors import clean
from binance_spot_mcp.logs import logger

MOST_BYTES: Final = 65_536
KEPT_BYTES: Final = 49_152
"""What is left of the file, its newest lines, once it would grow beyond the first of these."""
LONGEST_LINE: Final = 600
"""Characters of a line."""
MOST_WAITING: Final = 256
"""So many lines wait for the disk; more are counted and not written."""
HEAD: Final = b"# Incidents\n\nWritten by the server, newest last, in UTC. Older lines make room.\n\n"

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

_log = logger("incidents")


class IncidentFile:
    """Where lines end up.

    Args:
        path: The file; its folder is made when the first line is written.
        hide: Takes secrets out of a text.
    """

    def __init__(self, path: Path, hide: Callable[[str], str]) -> None:
        self._path = path
        self._hide = hide
        self._thread: ThreadPoolExecutor | None = None
        self._lock = Lock()
        self._waiting = 0
        self._missed = 0

    def write(self, line: str) -> None:
        """Have a line written, and return at once."""
        text = self._hide(clean(line, most=LONGEST_LINE))
        with self._lock:
            if self._waiting >= MOST_WAITING:
                self._missed += 1
                return
            if self._missed:
                text, self._missed = f"{text} ({self._missed} more before this one were not written)", 0
            self._waiting += 1
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="incidents")
            self._thread.submit(self._append, text)

    def close(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _append(self, text: str) -> None:
        try:
            self._appended(f"- {text}\n".encode())
        except OSError as error:
            _log.warning("an incident could not be written down", why=str(error), incident=text)
        finally:
            with self._lock:
                self._waiting -= 1

    def _appended(self, line: bytes) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_LINK, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(f"{self._path} is no file")
            self._path.chmod(0o600)
            if found.st_size + len(line) <= MOST_BYTES:
                file.write((b"" if found.st_size else HEAD) + line)
                return
            file.seek(max(0, found.st_size - KEPT_BYTES))
            self._replaced(file.read(KEPT_BYTES).partition(b"\n")[2] + line)

    def _replaced(self, lines: bytes) -> None:
        """Put a new file in the place of the one that is full; either is there whole."""
        shorter = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        shorter.unlink(missing_ok=True)
        descriptor = os.open(shorter, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(HEAD + lines)
        shorter.replace(self._path)
