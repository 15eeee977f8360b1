"""A host at the other end of a server process's stdin and stdout, one JSON line after the other."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

PATIENCE_S = 30
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": "initialize",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Host:
    """Starts a server: a script beside this one with one of its habits, or the command itself with these arguments.

    A process that hangs is killed, so that the test fails.
    """

    def __init__(
        self,
        habit: str = "plain",
        command: Sequence[str] = (),
        script: str = "stdio_process.py",
        settings: Mapping[str, str] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        path = Path(__file__).with_name(script)
        source = Path(__file__).parents[2] / "src"
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
        self.process = subprocess.Popen(
            [sys.executable, *(["-m", "binance_spot_mcp", *command] if command else [str(path), habit])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=surroundings | {"PYTHONPATH": str(source)} | dict(settings or {}),
        )
        self._impatience = threading.Timer(patience_s, self.process.kill)
        self._impatience.start()

    def __enter__(self) -> "Host":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._impatience.cancel()
        self.process.kill()
        self.process.wait()
        self.stdin.close()
        self.stdout.close()
        self.stderr.close()

    @property
    def stdin(self) -> IO[bytes]:
        """The server's input."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The server's output."""
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def stderr(self) -> IO[bytes]:
        """What the server says beside the protocol."""
        assert self.process.stderr is not None
        return self.process.stderr

    def send(self, message: dict[str, Any] | bytes) -> None:
        """Write one line."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.stdin.write(line + b"\n")
        self.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Read one line, which must be JSON."""
        message: dict[str, Any] = json.loads(self.stdout.readline())
        return message

    def initialize(self) -> dict[str, Any]:
        """The handshake of the older era."""
        self.send(INITIALIZE)
        answer = self.receive()
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def request(self, number: int, method: str, **params: Any) -> None:
        """Write one request."""
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and read the result."""
        self.request(1, "tools/call", name=tool, arguments=arguments)
        result: dict[str, Any] = self.receive()["result"]
        return result

    def ended(self) -> tuple[int, str, bytes]:
        """Wait for the end: exit status, what stderr said, what was still on stdout."""
        status = self.process.wait(PATIENCE_S)
        return status, self.stderr.read().decode(), self.stdout.read()
