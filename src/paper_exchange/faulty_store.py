"""A store whose disk fails, and whose process dies, where a rule says so."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from paper_exchange.engine.commands import Command
from paper_exchange.faults import effects
from paper_exchange.faults.plan import Plan, Struck
from paper_exchange.faults.rules import LOG, SNAPSHOT, Occasion, Where
from paper_exchange.store import FILE, Snapshot, Store

Tell = Callable[[Struck, Occasion], None]


class FaultyStore(Store):
    """A store that asks a plan about the writes that somebody waits for: single commands, and snapshots.

    What the house does is written in blocks, and left alone.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._written_ahead = directory / f"{FILE}-wal"
        self._plan: Plan | None = None

    def watch(self, plan: Plan, tell: Tell, kill: Callable[[], None]) -> None:
        """Let a plan decide from now on.

        Args:
            tell: Hears of every fault.
            kill: Ends the process.
        """
        self._plan, self._tell, self._kill = plan, tell, kill

    def append(self, at_us: int, command: Command) -> None:
        """Log a command that was executed.

        Raises:
            OSError: The disk fails.
        """
        if self._plan is None or self.is_together or not self._plan.watches("disk", "process"):
            super().append(at_us, command)
            return
        symbol = getattr(command, "symbol", "")
        self._write(type(command).__name__, LOG, symbol, lambda: super(FaultyStore, self).append(at_us, command))

    def save(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the log.

        Raises:
            OSError: The disk fails.
        """
        self._write("", SNAPSHOT, "", lambda: super(FaultyStore, self).save(snapshot))

    def _write(self, method: str, path: str, symbol: str, write: Callable[[], None]) -> None:
        places: tuple[Where, ...] = ("disk", "process")
        befallen = [
            struck for where in places if (struck := self._struck(Occasion(where, method, path, symbol))) is not None
        ]
        for struck in befallen:
            if struck.phase == "before":
                self._hit(struck)
        write()
        for struck in befallen:
            if struck.phase == "after":
                self._hit(struck)

    def _struck(self, occasion: Occasion) -> Struck | None:
        struck = None if self._plan is None else self._plan.strike(occasion)
        if struck is not None:
            self._tell(struck, occasion)
        return struck

    def _hit(self, struck: Struck) -> None:
        match struck.effect:
            case effects.Enospc():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            case effects.Eio():
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            case effects.TornWrite(size=size):
                os.truncate(self._written_ahead, self._written_ahead.stat().st_size - size)
                self._kill()
            case _:
                self._kill()
