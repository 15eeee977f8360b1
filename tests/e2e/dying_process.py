"""A server that is killed at a point of an order's way, such as `before INTENDED` or `after SENDING`."""

import os
import signal
import sys
from typing import Any

from binance_spot_mcp.cli.desk import opener
from binance_spot_mcp.logs import configure_logs
from binance_spot_mcp.server import run
from binance_spot_mcp.settings import load
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.journal.writer import Journal


def die() -> None:
    """Leave as a power failure would have it: no handler, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(when: str, state: str) -> None:
    """Serve, and die around the writing of a state."""
    append = Journal.append

    async def deadly(self: Journal, *entries: Entry, **how: Any) -> None:
        meant = any(entry.state == state for entry in entries)
        if meant and when == "before":
            die()
        await append(self, *entries, **how)
        if meant:
            die()

    Journal.append = deadly  # type: ignore[method-assign]  # this process is made to fail
    settings = load(env_file=None).settings
    configure_logs("ERROR")
    run(settings, opener(settings))


if __name__ == "__main__":
    main(*sys.argv[1].split())
