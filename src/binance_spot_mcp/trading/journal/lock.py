"""Who may write a journal: one process, for as long as it lives."""

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


class WriterLock:
    """The right to write one journal. The operating system takes it back when the process ends, however it ends.

    Args:
        journal: The journal's file; the lock is a file beside it.
    """

    def __init__(self, journal: Path) -> None:
        self._lock = FileLock(journal.with_suffix(".lock"), mode=0o600, thread_local=False)
        self._name_plate = journal.with_suffix(".writer")

    @property
    def held(self) -> bool:
        """Whether this process has it."""
        return self._lock.is_locked

    def take(self) -> bool:
        """Try to get it, without waiting; whether this process has it now.

        Raises:
            OSError: The lock cannot be made.
        """
        if self.held:
            return True
        self._name_plate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        descriptor = os.open(self._name_plate, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(str(os.getpid()))
        return True

    def writer(self) -> str:
        """Who has it, in words, as far as can be told."""
        with suppress(OSError, ValueError):
            return f"process {int(self._name_plate.read_text('ascii'))}"
        return "another process"

    def release(self) -> None:
        """Give it back."""
        if self.held:
            with suppress(OSError):
                self._name_plate.unlink()
            self._lock.release()
