"""The operator's passphrase: what shows that a person at a terminal says yes, and not an agent with a shell.

Only a hash of it is kept. Wrong ones are counted in the operator's file, in which nothing is ever taken back, so that
nobody can try many of them, neither one after the other nor at the same time.

Source: rfc-editor.org/rfc/rfc7914 (scrypt)
"""

import hmac
import os
from collections.abc import Callable
from hashlib import scrypt
from pathlib import Path
from typing import Any, Final

import msgspec

from binance_spot_mcp.trading.operator import OperatorFile

KEPT_IN: Final = "passphrase.json"
"""Its name, in the folder of the server's own files."""
SHORTEST: Final = 8
FREE_TRIES: Final = 5
"""So many wrong ones in a row cost nothing but the attempt."""
FIRST_PAUSE_MS: Final = 60_000
"""How long the next one waits; each further one doubles that."""
LONGEST_PAUSE_MS: Final = 3_600_000
_TRY: Final = "passphrase-tried"
_RIGHT: Final = "passphrase-right"
_EVERYBODY: Final = "*"
"""The passphrase is one for all accounts of a home."""
_COST: Final = {"n": 2**15, "r": 8, "p": 1}
_MEMORY: Final = 64 * 1024 * 1024
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32


class Paused(Exception):
    """Too many wrong ones; none is looked at before `until_ms` (epoch milliseconds)."""

    def __init__(self, until_ms: int) -> None:
        super().__init__(until_ms)
        self.until_ms = until_ms


class Passphrase:
    """The passphrase of a home.

    Args:
        state: The folder of the server's own files.
        operator: Where attempts are counted.
    """

    def __init__(self, state: Path, operator: OperatorFile) -> None:
        self._path = state / KEPT_IN
        self._operator = operator

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._path.exists()

    def set(self, passphrase: str, random: Callable[[int], bytes]) -> None:
        """Keep a new one in the place of any other.

        Args:
            passphrase: At least 8 characters.
            random: Gives so many random bytes.

        Raises:
            ValueError: It is too short.
        """
        if len(passphrase) < SHORTEST:
            raise ValueError(f"it must have at least {SHORTEST} characters")
        salt = random(_SALT_BYTES)
        kept = {"salt": salt.hex(), "hash": _hashed(passphrase, salt, _COST).hex(), **_COST}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def is_right(self, passphrase: str, now_ms: int) -> bool:
        """Whether a passphrase is the one; the attempt is written down before it is looked at.

        Raises:
            Paused: Too many were wrong.
            Refused: The attempt cannot be written down.
            OSError: There is none.
        """
        mine = self._operator.write(_EVERYBODY, _TRY, at_ms=now_ms)
        wrong: list[int] = []
        for decision in self._operator.read(_EVERYBODY):
            if decision.id >= mine.id:
                break
            wrong = [] if decision.kind == _RIGHT else [*wrong, decision.at_ms]
        if len(wrong) >= FREE_TRIES:
            pause_ms = min(FIRST_PAUSE_MS * 2 ** (len(wrong) - FREE_TRIES), LONGEST_PAUSE_MS)
            if now_ms < wrong[-1] + pause_ms:
                raise Paused(wrong[-1] + pause_ms)
        kept: dict[str, Any] = msgspec.json.decode(self._path.read_bytes())
        cost = {name: kept[name] for name in _COST}
        right = hmac.compare_digest(_hashed(passphrase, bytes.fromhex(kept["salt"]), cost), bytes.fromhex(kept["hash"]))
        if right:
            self._operator.write(_EVERYBODY, _RIGHT, at_ms=now_ms)
        return right


def _hashed(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    return scrypt(passphrase.encode(), salt=salt, maxmem=_MEMORY, dklen=_HASH_BYTES, **cost)
