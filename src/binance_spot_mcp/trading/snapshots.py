"""What an order was checked against, kept as files for whoever wants to look later."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

MOST_FILES: Final = 200
"""The oldest snapshots make room for new ones."""


class Snapshots:
    """A folder of JSON files, readable by their owner alone.

    Args:
        folder: Where they lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, facts: Mapping[str, object]) -> Path:
        """Keep some facts under a name that begins with the time, and return the file.

        Raises:
            OSError: The file cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        path = self._folder / f"{name}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(facts, order="sorted"), indent=2))
        for old in sorted(self._folder.glob("*.json"))[:-MOST_FILES]:
            old.unlink(missing_ok=True)
        return path
