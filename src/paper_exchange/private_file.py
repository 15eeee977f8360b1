"""Files that are readable by their owner alone."""

import os
from pathlib import Path


def write_private(file: Path, data: bytes) -> None:
    """Put a file in place at once, never half written, with mode 0600."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(data)
    partial.replace(file)
