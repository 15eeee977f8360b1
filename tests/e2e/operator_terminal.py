"""An operator at a terminal: the command on a pseudo-terminal, or without one, as the shell of an agent has it."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "src"
PATIENCE_S = 30
PROMPT = b": "


def _surroundings(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
    return kept | {"PYTHONPATH": str(_SOURCE), "COLUMNS": "200"} | dict(settings)


def at_a_terminal(
    home: Path, *command: str, typed: Sequence[str] = (), settings: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run the command where a person types a line at each prompt; its exit code and all that was to be seen."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "binance_spot_mcp", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=_surroundings({**(settings or {}), "BINANCE_HOME": str(home)}),
        start_new_session=True,
    )
    os.close(theirs)
    impatience = threading.Timer(PATIENCE_S, process.kill)
    impatience.start()
    seen, lines = b"", iter(typed)
    try:
        while part := _read(ours):
            seen += part
            if seen.endswith(PROMPT):
                os.write(ours, f"{next(lines)}\n".encode())
        return process.wait(), seen.decode().replace("\r\n", "\n")
    finally:
        impatience.cancel()
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    """What comes next; nothing at the end."""
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end is closed
        return b""


def without_a_terminal(home: Path, *command: str, settings: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run the command as a shell of an agent does; its exit code and all that it wrote."""
    ended = subprocess.run(
        [sys.executable, "-m", "binance_spot_mcp", *command],
        input=b"correct horse\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_surroundings({**(settings or {}), "BINANCE_HOME": str(home)}),
        timeout=PATIENCE_S,
        check=False,
    )
    return ended.returncode, ended.stdout.decode()
