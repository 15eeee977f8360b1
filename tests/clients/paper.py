"""The paper exchange as somebody else's program meets it: a process, and the JSON line that it prints."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PYTHON = os.environ.get("PAPER_PYTHON", str(ROOT / ".venv/bin/python"))
"""The exchange has an environment of its own, as Binance has."""
_END_S = 10


@dataclass(frozen=True, slots=True)
class Paper:
    """What the exchange said of itself.

    Attributes:
        rest: Base URL of the REST API, without a path.
        ws: Base URL of the streams, without a path.
        ws_api: URL of the WebSocket API.
        line: All of it, as printed.
    """

    rest: str
    ws: str
    ws_api: str
    api_key: str
    api_secret: str
    line: str

    @property
    def said(self) -> dict[str, Any]:
        """Everything in the line, whatever it is."""
        read: dict[str, Any] = json.loads(self.line)
        return read


@contextmanager
def paper_exchange(*flags: str) -> Iterator[Paper]:
    """Run an exchange for as long as the block lasts."""
    process = subprocess.Popen(
        [_PYTHON, "-m", "binance_spot_mcp", "paper", "--json", "--memory", *flags],
        stdout=subprocess.PIPE,
        stderr=sys.stderr.fileno(),
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the paper exchange did not start"
        said = json.loads(line)
        yield Paper(**{name: said[name] for name in ("rest", "ws", "ws_api", "api_key", "api_secret")}, line=line)
    finally:
        process.terminate()
        process.wait(_END_S)
        if process.stdout is not None:
            process.stdout.close()
