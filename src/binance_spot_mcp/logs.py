"""The log: one line per event on stderr or in a file, with the request's id and without any secret.

stdout belongs to the protocol, so nothing here ever writes to it. Whatever is logged, by us or by a library, passes the
handler that `configure_logs` sets up, and that handler takes secrets out of the finished line.
"""

import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import structlog

HIDDEN = "[hidden]"

_SIGNATURE = re.compile(r"(signature(?:=|[\"']?:\s*[\"']?)|x-mbx-apikey[\"']?:\s*[\"']?)[^\s&\"',}]+", re.IGNORECASE)

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

# A URL holds a signature, and these libraries print URLs at INFO and DEBUG. Whoever logs here has them silent.
for _library in ("httpx", "httpcore", "httpx2", "httpcore2", "websockets"):
    logging.getLogger(_library).setLevel(logging.WARNING)


class Hiding:
    """Hides what must not be read in any text.

    Args:
        secrets: Texts that are hidden wherever they appear; signatures and keys are known by their form.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SIGNATURE.sub(rf"\1{HIDDEN}", text)


class _Redactor(logging.Formatter):
    """Formats a line, traceback included, and then hides what must not be read."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._hide = Hiding(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._hide(super().format(record))


def configure_logs(level: Level, file: Path | None = None, secrets: Iterable[str] = ()) -> None:
    """Send every log of the process to stderr, or to a file that only its owner can read.

    Args:
        level: The least level that is written.
        file: Where to append, instead of stderr.
        secrets: Texts that are hidden wherever they appear.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(_Redactor(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def logger(room: str) -> structlog.stdlib.BoundLogger:
    """The logger of one room. What is bound with `structlog.contextvars`, such as `request_id`, is in every line."""
    bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(f"binance_spot_mcp.{room}"),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.KeyValueRenderer(key_order=["event", "request_id"], drop_missing=True),
        ],
    )
    return bound
