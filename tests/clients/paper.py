"""The paper exchange as somebody else's program meets it: a process, and the JSON line that it prints."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

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
        ed25519_api_key: Of the same account, with a private key beside it instead of a secret.
        line: All of it, as printed.
    """

    rest: str
    ws: str
    ws_api: str
    api_key: str
    api_secret: str
    ed25519_api_key: str
    ed25519_private_key_path: str
    line: str

    @property
    def ed25519_private_key(self) -> str:
        """The PEM text of the private key."""
        return Path(self.ed25519_private_key_path).read_text("utf-8")


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
        yield Paper(**{field.name: said[field.name] for field in fields(Paper) if field.name != "line"}, line=line)
    finally:
        process.terminate()
        process.wait(_END_S)
        if process.stdout is not None:
            process.stdout.close()
