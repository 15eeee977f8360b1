"""What orders were checked against, kept as files for whoever wants to look later.

rules-<symbol>-<digest>.json   the rules of a symbol; the record of each order names those that it was checked by
<time>-<symbol>.json           all that one check saw, prices and balances included, because somebody asked for it
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.logs import logger

MOST_FILES: Final = 200
"""So many of each kind; the oldest make room for new ones."""
DIGEST: Final = 16

_log = logger("trading")


class Snapshots:
    """A folder of JSON files, readable by their owner alone.

    Args:
        folder: Where they lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[SymbolRules, str]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def of(self, rules: SymbolRules) -> str:
        """The digest by which a symbol's rules are found here. They are written beside the caller, if they are new."""
        symbol = rules.info.symbol
        known = self._kept.get(symbol)
        if known is not None and known[0] is rules:
            return known[1]
        facts = {
            "symbol": rules.info,
            "filters": rules.filters,
            "unknown": rules.unknown,
            "sor": rules.sor,
            "of_account": rules.of_account,
        }
        text = msgspec.json.format(msgspec.json.encode(facts, order="sorted"), indent=2)
        digest = sha256(text).hexdigest()[:DIGEST]
        self._kept[symbol] = rules, digest
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._thread.submit(self._keep, f"rules-{symbol}-{digest}.json", text)
        return digest

    def write(self, name: str, facts: Mapping[str, object]) -> Path:
        """Keep some facts under a name that begins with the time, and return the file.

        Raises:
            OSError: The file cannot be written.
        """
        path = self._opened() / f"{name}.json"
        _written(path, msgspec.json.format(msgspec.json.encode(facts, order="sorted"), indent=2))
        self._make_room("[0-9]*.json")
        return path

    def close(self) -> None:
        """Write what waits."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _keep(self, name: str, text: bytes) -> None:
        try:
            path = self._opened() / name
            if path.is_file() and not path.is_symlink():
                os.utime(path)  # in use again
                return
            whole = path.with_suffix(f".{os.getpid()}")
            whole.unlink(missing_ok=True)
            _written(whole, text)
            whole.replace(path)  # appears whole or not at all
            self._make_room("rules-*.json")
        except OSError as error:
            _log.warning("the rules that orders are checked by could not be kept", why=str(error), file=name)

    def _opened(self) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        return self._folder

    def _make_room(self, kind: str) -> None:
        for old in sorted(self._folder.glob(kind), key=_age)[:-MOST_FILES]:
            old.unlink(missing_ok=True)


def _written(path: Path, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)


def _age(path: Path) -> tuple[int, str]:
    """When a file was last in use; those of the same moment in the order of their names."""
    return path.lstat().st_mtime_ns, path.name
