"""A ready Ed25519 key: its private half in a file, its public half registered."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from paper_exchange.keys import Randomness
from paper_exchange.private_file import write_private

_FILE = "ed25519.pem"
_SEED_BYTES = 32


@contextmanager
def key_directory(kept: Path | None) -> Iterator[Path]:
    """A private directory for keys: below one that is kept, or one that is gone after the block."""
    if kept is not None:
        directory = kept / "keys"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield directory
        return
    directory = Path(tempfile.mkdtemp(prefix="paper-exchange-"))  # mode 0700
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def ready_key(directory: Path, randomness: Randomness) -> tuple[Path, str]:
    """The key of a directory, made when there is none: the file of the private half, and the public half in PEM.

    Raises:
        ValueError: The file is there and holds no Ed25519 key.
    """
    file = directory / _FILE
    if file.exists():
        key = load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{file} holds no Ed25519 key")
    else:
        key = Ed25519PrivateKey.from_private_bytes(randomness(_SEED_BYTES))
        write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
